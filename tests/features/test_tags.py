"""Labels of words: the three ways that they are written, what is learned, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.ragged import Ragged
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError, UsageError
from lamina.features.tags import Tags, TagsSettings, labels_of_spans, spans_of
from lamina.features.text import Text, TextSettings

SAID = ["i need 3 tickets", "for 6:00 pm, please", "yes", " on  monday", "none"]
SLOTS = ["O O B-count O", "O B-time I-time O", "O", "O B-day", "O"]
SPANS = [
    [{"start": 7, "end": 8, "label": "count"}],
    [{"start": 4, "end": 11, "label": "time"}],
    [],
    [{"start": 5, "end": 11, "label": "day"}],
    [],
]
NAMES = ["O", "B-count", "I-count", "B-day", "I-day", "B-time", "I-time"]
LABELS = st.lists(st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"]), max_size=8)


def pair(said: pl.Series, slots: pl.Series, **settings: Any) -> tuple[Tags, Text, Ragged]:
    """Both features, fitted, and the encoded target."""
    text, tags = Text("said", TextSettings(by_word=True)), Tags("slots", TagsSettings(of="said"), is_target=True)
    cells = text.read(said)
    text.fit(cells)
    labels = tags.read(slots)
    tags.fit(labels)
    return tags, text, tags.encode_in(labels, cells, text)


def test_lists_text_and_spans_are_encoded_the_same() -> None:
    lists = pl.Series([row.split() for row in SLOTS])
    for slots in (pl.Series(SLOTS), lists, pl.Series(SPANS)):
        tags, _, codes = pair(pl.Series(SAID), slots)
        assert tags.names == NAMES and tags.state.spans and tags.state.strict
        assert [codes[row : row + 1].values.tolist() for row in range(5)] == [
            [1, 1, 2, 1],
            [1, 6, 7, 1],
            [1],
            [1, 4],
            [1],
        ]
        again = Tags.from_json(json.loads(json.dumps(tags.to_json())))
        assert again.decode(codes).to_list() == lists.to_list()


def test_words_may_come_as_lists() -> None:
    said = pl.Series([row.split() for row in SAID])
    tags, text, codes = pair(said, pl.Series(SLOTS))
    assert codes.lengths.tolist() == [4, 4, 1, 2, 1]
    assert text.read(said).to_list() == ["i need 3 tickets", "for 6:00 pm, please", "yes", "on monday", "none"]
    assert tags.summary()["labels make"] == "spans"


def test_whole_numbers_and_other_labels_make_no_spans() -> None:
    tags, _, codes = pair(pl.Series(["a b", "c"]), pl.Series([[7, 0], [0]]))
    assert tags.names == ["0", "7"] and codes.values.tolist() == [2, 1, 1]
    assert not tags.state.spans and tags.may_follow().all()
    assert tags.answer([[1, 2]]).spans is None


def test_what_may_follow_is_learned() -> None:
    said = pl.Series(["a b c", "a"] * 3)
    strict, _, _ = pair(said, pl.Series(["B-x I-x O", "O"] * 3))
    x = strict.names.index("I-x") + 1
    assert strict.may_follow()[:, x].tolist() == [False, False, True, True]
    assert strict.may_follow()[:, :x].all()
    loose, _, _ = pair(said, pl.Series(["I-x I-x O", "O"] * 3))
    assert loose.state.spans and not loose.state.strict and loose.may_follow().all()


def test_a_label_that_no_training_row_has_is_none_of_ours_and_still_a_span() -> None:
    tags, text, _ = pair(pl.Series(SAID), pl.Series(SLOTS))
    said, slots = text.read(pl.Series(["go to sun city today"])), tags.read(pl.Series(["O O B-place I-place B-day"]))
    codes = tags.encode_in(slots, said, text)
    assert codes.values.tolist() == [1, 1, 0, 0, 4]
    assert tags.decode(codes).to_list() == [["O", "O", "B-?", "I-?", "B-day"]]


def test_not_one_label_for_each_word_is_one_clear_error() -> None:
    slots = pl.Series([*SLOTS[:3], "O", "O O"])
    expected = (
        r"column 'slots' has not one label for each word of 'said' · got 1 labels and 2 words in row 103 \(counted "
        r"from 0\), and 1 more such rows · words stand between blanks"
    )
    tags, text, _ = pair(pl.Series(SAID), pl.Series(SLOTS))
    for refused in (None, {}):
        with pytest.raises(DataError, match=expected):
            tags.encode_in(tags.read(slots), text.read(pl.Series(SAID)), text, refused, first_row=100)


def test_missing_cells() -> None:
    tags, text, codes = pair(pl.Series(["a b", "c", None]), pl.Series(["B-x O", None, None]))
    assert codes.lengths.tolist() == [2, 0, 0] and tags.state.missing == 2
    empty = tags.encode_in(tags.read(pl.Series([[]], dtype=pl.List(pl.String))), text.read(pl.Series([""])), text)
    assert empty.lengths.tolist() == [0]


def test_labels_of_words_that_are_cut_off_are_left_out() -> None:
    text, tags = Text("said", TextSettings(by_word=True, longest=3)), Tags("slots")
    said, slots = pl.Series(["a b c d e", "a"] * 3), tags.read(pl.Series(["O O B-x I-x O", "O"] * 3))
    text.fit(text.read(said))
    assert tags.fit(slots).encode_in(slots, said, text).lengths.tolist() == [3, 1] * 3


@pytest.mark.parametrize(
    ("spans", "fault"),
    [
        ([{"start": 0, "end": 2, "label": "x"}, {"start": 1, "end": 4, "label": "y"}], "two spans touch one word"),
        ([{"start": 2, "end": 3, "label": "x"}], "a span lies on no word"),
        ([{"start": 3, "end": 9, "label": "x"}], "a span lies on no word"),
    ],
)
def test_spans_that_are_none(spans: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        labels_of_spans(spans, "ab cd")
    tags = Tags("slots", TagsSettings(of="said"))
    text = Text("said", TextSettings(by_word=True))
    said, cells = text.read(pl.Series(["x", "ab cd"])), tags.read(pl.Series([[], spans]))
    text.fit(said)
    with pytest.raises(DataError, match=rf"column 'slots', row 8 \(counted from 0\): {fault}"):
        tags.fit(cells).encode_in(cells, said, text, first_row=7)


def test_cells_of_other_kinds_are_refused() -> None:
    for cells in (pl.Series([1.5]), pl.Series([[1.5]]), pl.Series([[None, "O"]]), pl.Series([[{"start": 1}]])):
        with pytest.raises(DataError, match=r"column 'slots' .*row\(s\) 5"):
            Tags("slots").read(cells, first_row=5)


@given(LABELS)
def test_spans_cover_what_is_not_outside(labels: list[str]) -> None:
    spans = spans_of(labels)
    covered = {word for span in spans for word in range(span.first, span.end)}
    assert covered == {place for place, label in enumerate(labels) if label != "O"}
    assert sum(span.end - span.first for span in spans) == len(covered)
    assert all({labels[word][2:] for word in range(span.first, span.end)} == {span.kind} for span in spans)


# --- recognised -------------------------------------------------------------------------------------------------------


def table(**columns: Any) -> Any:
    return read({name: values * 10 if isinstance(values, list) else values for name, values in columns.items()})


def test_a_target_with_a_label_for_each_word_is_recognised() -> None:
    hours = list(range(50))
    for said in (SAID, [row.split() for row in SAID]):
        for slots in (SLOTS, [row.split() for row in SLOTS]):
            schema = infer(
                table(other=["x y", "z", "x", "y z", "z"], said=said, slots=slots, hour=tuple(hours)), targets=["slots"]
            )
            tags, text = schema["slots"].feature, schema["said"].feature
            assert isinstance(tags, Tags) and tags.settings.of == "said"
            assert schema["slots"].evidence == "5 different labels, as many in each row as 'said' has words"
            assert isinstance(text, Text) and text.settings.by_word
            assert schema["said"].evidence == "its words are labelled in 'slots'"
    assert infer(table(said=SAID, slots=SLOTS), targets=[])["slots"].feature.kind != "tags"


def test_spans_are_recognised_and_belong_to_the_only_text() -> None:
    schema = infer(table(said=SAID, slots=SPANS), targets=["slots"])
    assert schema["slots"].feature.kind == "tags" and schema["slots"].feature.settings.of == "said"
    with pytest.raises(
        UsageError, match=r"which column's words does 'slots' label\? · got 2 texts · allowed: said, too"
    ):
        infer(table(said=SAID, too=SAID, slots=SPANS), targets=["slots"])
    schema = infer(table(said=SAID, too=SAID, slots=SPANS), targets=["slots"], overrides={"slots": {"of": "too"}})
    assert schema["too"].feature.settings.by_word and schema["said"].feature.kind != "text"


@pytest.mark.parametrize(
    ("said", "slots"),
    [
        (SAID, ["O O B-count O", "O B-time I-time O", "O O", "O B-day", "O"]),  # one row does not fit
        (["yes", "no", "yes", "no", "no"], ["B-x", "O", "O", "O", "B-y"]),  # one word a row says nothing
        (["a b", "c d", "e f", "g h", "i k"], ["u v", "w x", "y z", "s t", "q r"]),  # two words a row neither
    ],
)
def test_what_may_be_something_else_is_not_taken_for_labels(said: list[str], slots: list[str]) -> None:
    schema = infer(table(said=said, slots=slots), targets=["slots"])
    assert schema["slots"].feature.kind != "tags"
    told = infer(table(said=said, slots=slots), targets=["slots"], overrides={"slots": "tags"})
    assert told["slots"].feature.settings.of == "said" and told["said"].feature.settings.by_word


def test_settings_that_a_person_gave_the_text_stay() -> None:
    overrides = {"said": {"kind": "text", "vocabulary": 300}, "slots": "tags"}
    schema = infer(table(said=SAID, slots=SLOTS), targets=["slots"], overrides=overrides)
    assert schema["said"].feature.settings.vocabulary == 300 and schema["said"].feature.settings.by_word
