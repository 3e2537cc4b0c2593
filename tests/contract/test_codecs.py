"""The contract of codecs: each encodes cells one by one as its feature encodes whole columns, errors included; and each
task's answers say in plain lists what the task says in a table."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from lamina.codecs import ANSWERS, CODECS
from lamina.codecs.base import Codec
from lamina.codecs.columns import encoded
from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.errors import DataError, MissingColumnError
from lamina.features import FEATURES, Feature
from lamina.features.boolean import Boolean
from lamina.features.category import Category
from lamina.features.date import Date
from lamina.features.encoder import Encoder
from lamina.features.labels import Labels
from lamina.features.media import Media
from lamina.features.number import Number
from lamina.tasks import TASKS, task_name_of
from lamina.testing import sample_columns, sample_targets
from lamina.testing.common import choices

MORE = [
    pl.Series(
        "prose",
        ["The cat's “hat”, naïve CAFÉ ΣΑΣ İ; 数字と漢字 x", "a\u0301bc 🙂 don’t\n\nstop  ", "NA", "", None, "z" * 150],
    ),
    pl.Series("sentences", [["One.", "Two b."], [], None, ["three", None]], dtype=pl.List(pl.String)),
    pl.Series("decimal commas", ["1.234,5", "-0,25", "12", None, "1e3"]),
    pl.Series("mixed spelling", ["1", "2.0", "true", "True", "x ", " y"]),
    pl.Series("numbers in text", ["1 2 3", "[4; 5.5,6]", "7;;NA", None, "8"]),
    pl.Series("infinite", [1.0, float("inf")]),
    pl.Series("huge", [1.0, 1e39, None]),
    pl.Series("words among numbers", ["1", "two", "3", "vier"]),
    pl.Series("neither yes nor no", ["yes", "no", "perhaps"]),
    pl.Series("no day", ["2024-02-30", "2024-02-29", "x"]),
    pl.Series("films", [np.zeros((3, 4, 5), np.uint8).tolist(), None, np.full((2, 4, 5), 7).tolist()]),
]
COLUMNS = [*sample_columns(), *MORE]

# Settings under which every kind is tried besides its own defaults.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "number": [{"scaling": scaling} for scaling in ("standard", "robust", "minmax", "quantile", "none")]
    + [{"root": "on", "scaling": "standard"}, {"decimal": ","}, {"codes": False}],
    "category": [{"min_count": 1}],
    "labels": [{"separator": " "}],
    "date": [{"format": "%Y-%m-%d"}],
    "text": [{"tokens": tokens, "min_count": 1} for tokens in ("words", "pieces", "characters")]
    + [{"tokens": "words", "min_count": 1, "lower": False}, {"tokens": "pieces", "longest": 3}]
    + [{"tokens": "characters", "longest": "all", "min_count": 1}, {"tokens": "pieces", "by_word": True}],
    "image": [{"size": 7, "fit": fit, "channels": 3} for fit in ("squash", "crop", "pad")],
    "clip": [{"size": 4, "frames": 2}],
    "audio": [{"rate": 8000, "bands": 8}, {"rate": 4000, "bands": 8, "longest": 0.1}],
    "music": [{"step": 0.5, "keys": "all", "longest": 3}],
    "series": [{"scaling": "row"}, {"scaling": "none", "longest": 2}, {"layout": "channels"}, {"decimal": ","}],
}
ROWS = 12  # cells of a column that are also encoded alone


def fitted(kind: str) -> Iterator[tuple[Feature, pl.Series]]:
    """The feature as it comes, and under each of its settings, fitted on every column that it reads."""
    cls = FEATURES[kind]
    for values in [{}, *SETTINGS.get(kind, [])]:
        for raw in COLUMNS:
            feature = cls("c", check(cls.Settings, values))
            try:
                yield feature.fit(feature.read(raw)), raw
            except (DataError, pl.exceptions.InvalidOperationError):  # lists of lists, where words have labels
                continue


def is_default(feature: Feature) -> bool:
    return bool(feature.settings == type(feature.settings)())


def by_column(feature: Feature, raw: pl.Series, first_row: int) -> dict[str, Any] | str:
    # A feature that saw no text takes the form of dates from the first that come, and keeps it.
    feature = type(feature).from_json(feature.to_json()) if isinstance(feature, Date) else feature
    try:
        cells = feature.read(raw, first_row)
        return feature.encode(cells, None, first_row) if isinstance(feature, Media) else feature.encode(cells)
    except DataError as error:
        return str(error)


def by_cell(codec: Codec, cells: list[Any], first_row: int) -> dict[str, Any] | str:
    try:
        return codec.encode(cells, first_row)
    except DataError as error:
        return str(error)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, Ragged):
        return isinstance(other, Ragged) and equal(one.values, other.values) and equal(one.ends, other.ends)
    return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())


def check_same(found: dict[str, Any] | str, wanted: dict[str, Any] | str, where: str) -> None:
    if isinstance(found, str) or isinstance(wanted, str):
        assert isinstance(found, str) and isinstance(wanted, str), f"{where}: {found} for {wanted}"
        # What a column came as is a type of polars here, and of Python there.
        assert found.split("came as")[0] == wanted.split("came as")[0], where
    else:
        assert list(found) == list(wanted), where
        assert all(equal(found[group], wanted[group]) for group in wanted), f"{where}: {found} for {wanted}"


KINDS = [kind for kind in FEATURES if kind in CODECS]


def test_every_kind_of_input_has_a_codec() -> None:
    without = set(FEATURES) - set(CODECS)
    assert without == {"identifier", "constant", "tags", "span", "sentence", "dialogue"}  # no inputs, or targets alone
    for kind in CODECS:
        assert issubclass(CODECS[kind], Codec) and CODECS[kind].kind == kind


@pytest.mark.parametrize("kind", sorted(set(FEATURES) - set(CODECS)))
def test_other_kinds_say_that_they_have_none(kind: str) -> None:
    with pytest.raises(DataError, match=f"a {kind} column"):
        FEATURES[kind]("c").codec()


@pytest.mark.parametrize("kind", KINDS)
def test_cells_become_what_columns_do(kind: str) -> None:
    """Whatever the feature learned from, and whatever comes: its own cells, and a few of every other column."""
    tried = 0
    for place, (feature, own) in enumerate(fitted(kind)):
        codec = CODECS[kind].from_json(json.loads(json.dumps(feature.codec().to_json(), allow_nan=False)))
        # Settings change how cells are read that can be; which can be is seen with the defaults.
        sees_all = is_default(feature) and place % 3 == 0
        others = [other.head(6) for other in COLUMNS if other is not own]
        for raw in [own, *(others if sees_all else [])]:
            if odd(kind, raw):
                continue
            where = f"{feature.settings}, learned from {own.name!r}, reading {raw.name!r}"
            check_same(by_cell(codec, raw.to_list(), 70), by_column(feature, raw, 70), where)
            tried += 1
        for row in range(min(ROWS, len(own))):
            if not odd(kind, own):
                where = f"{feature.settings}, learned from {own.name!r}, cell {own[row]!r}"
                alone = by_column(feature, own[row : row + 1], row)
                check_same(by_cell(codec, own[row : row + 1].to_list(), row), alone, where)
    assert tried > 100


def odd(kind: str, raw: pl.Series) -> bool:
    """Cells that say less of themselves one by one than their column does."""
    inner = raw.dtype
    while isinstance(inner, (pl.List, pl.Array)):
        inner = inner.inner
    empty_lists = isinstance(raw.dtype, pl.List) and any(cell is not None and not len(cell) for cell in raw)
    if kind == "text":  # numbers of 32 bits have a shorter text; lists of lists have none where words are kept apart
        is_list = isinstance(raw.dtype, (pl.List, pl.Array))
        return raw.dtype == pl.Float32 or (is_list and raw.dtype != pl.List(pl.String))
    if kind == "series":  # an empty list is one of numbers
        return empty_lists
    if kind == "category" and raw.dtype == pl.Float32:
        return True
    # An empty list, and NaN beside files, are of no kind.
    holds_files = kind in ("image", "audio", "clip", "music")
    return (raw.dtype.is_float() and holds_files) or (empty_lists and (inner != pl.String or holds_files))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_encoded_too(kind: str) -> None:
    for feature, own in fitted(kind):
        check_same(feature.codec().encode([]), feature.encode(feature.read(own.head(0))), own.name)


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_keeps_the_cells_and_the_codec(kind: str) -> None:
    for feature, own in fitted(kind):
        codec, cells = feature.codec(), own.to_list()
        before, said = str(cells), codec.to_json()
        first = by_cell(codec, cells, 0)
        check_same(by_cell(codec, cells, 0), first, own.name)
        assert str(cells) == before and codec.to_json() == said


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_codec_is_refused(kind: str) -> None:
    feature, _ = next(fitted(kind))
    values = feature.codec().to_json()
    for wrong in ({**values, "more": 1}, {**values, "kind": "other"}, {"kind": kind}, {"kind": kind, "column": "c"}):
        with pytest.raises(DataError, match="is damaged"):
            CODECS[kind].from_json(wrong)


def test_rows_become_what_the_encoder_makes() -> None:
    """All columns at once: the same arrays, by the same names, in the same order."""
    frame = pl.DataFrame(
        {
            "age": [20, 30, None, 50],
            "said": ["one two", "two", "", "three one"],
            "job": ["a", "b", "a", None],
            "wave": [[1.0, 2.0], [3.0], None, [4.0]],
            "born": ["2000-01-01", "1999-05-05", "1980-02-03", None],
            "ok": ["yes", "no", "yes", "no"],
            "tags": ["x|y", "y", "", "x"],
        }
    )
    kinds = ["number", "text", "category", "series", "date", "boolean", "labels"]
    encoder = Encoder([FEATURES[kind](name) for kind, name in zip(kinds, frame.columns, strict=True)], [])
    encoder.partial_fit(encoder.read(frame)).finish()
    codecs = [feature.codec() for feature in encoder.inputs]
    for rows in (frame, frame.head(1), frame.head(0)):
        wanted = encoder.encode(encoder.read(rows))
        found = encoded(codecs, rows.to_dict(as_series=False))
        assert list(found) == list(wanted)
        assert all(equal(found[name], wanted[name]) for name in wanted)
    with pytest.raises(MissingColumnError, match="column 'job' is missing"):
        encoded(codecs, {**frame.rename({"job": "jobs"}).to_dict(as_series=False)})


# --- answers ----------------------------------------------------------------------------------------------------------


def targets() -> list[tuple[Feature, pl.Series]]:
    """Those that tasks are tried on, and classes of every type."""
    pairs = sample_targets()
    raw: list[tuple[type[Feature], list[Any], Any]] = [
        (Category, [1, 2, 3, 1, 2, 3], pl.Int64),
        (Category, [0, 1, 1, 0], pl.Int64),
        (Category, [0.5, 1.0, 2.0, 0.5], pl.Float64),
        (Category, [True, False, True], pl.Boolean),
        (Boolean, [1, 0, 1], pl.Int64),
        (Boolean, [True, False], pl.Boolean),
        (Boolean, ["No", "Yes"], pl.String),
        (Labels, [["a", "b"], ["b"], []], pl.List(pl.String)),
        (Number, [5.0, 5.0, 5.0], pl.Float64),
    ]
    for cls, cells, dtype in raw:
        feature = cls("y", is_target=True)
        read = feature.read(pl.Series("y", cells, dtype=dtype))
        pairs.append((feature.fit(read), read))
    scaled = Number("y", check(Number.Settings, {"scaling": "quantile"}), is_target=True)
    pairs.append((scaled.fit(pl.Series([1.0, 2.0, 9.0])), pl.Series([1.0, 2.0, 9.0])))
    return pairs


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_say_what_the_task_says(name: str) -> None:
    """Under every choice of the task's settings, before and after it learned from validation rows, for any outputs."""
    cls, tried = TASKS[name], 0
    for feature, cells in targets():
        if task_name_of(feature) != name:
            continue
        (array,) = feature.encode(cells).values()
        target = array if feature.kind == "labels" else array[:, 0]
        for values in [{}, {"clip": False}, *({key: value} for key, value in choices(cls.Settings))]:
            if not values.keys() <= cls.Settings.__dataclass_fields__.keys():
                continue
            task = cls(feature, check(cls.Settings, values))
            raw = torch.randn(len(target), 3, task.width, generator=torch.Generator().manual_seed(0)) * 3
            outputs = task.activate(raw).numpy()
            for learned in (False, True):
                if learned:
                    task.calibrate(outputs, target)
                answering = ANSWERS[name].from_json(json.loads(json.dumps(task.codec().to_json(), allow_nan=False)))
                assert answering.target == "y" and answering.width == task.width
                for rows in (outputs, outputs[:1], outputs[:0]):
                    wanted = task.answer(rows).frame(feature).to_dict(as_series=False)
                    found = answering.columns(rows)
                    assert list(found) == list(wanted)
                    assert found == wanted
                    json.dumps(found, allow_nan=False)
                tried += 1
    assert tried >= 4


def test_a_damaged_answer_is_refused() -> None:
    with pytest.raises(DataError, match="what was written of a binary is damaged"):
        ANSWERS["binary"].from_json({"kind": "binary", "target": "y"})


def test_cells_of_python_and_numpy_are_read_as_those_of_json() -> None:
    number = Number("c").fit(pl.Series([1.0, 2.0, 4.0]))
    kinds = [2, 2.0, np.int64(2), np.float32(2), "2", " 2.0 ", np.str_("2"), True + True]
    codes = number.codec().encode(kinds)["number"]
    assert len(set(codes.ravel().tolist())) == 1
    category = Category("c").fit(pl.Series(["1", "true", "0.1", "2024-01-02"]))
    day = datetime.date(2024, 1, 2)
    cells = [
        1,
        1.0,
        np.int8(1),
        True,
        np.True_,
        np.float32(0.1),
        0.1,
        day,
        None,
        float("nan"),
        np.float64("nan"),
        "zzz",
    ]
    names = ["1", "1", "1", "true", "true", "0.1", "0.1", "2024-01-02"]
    wanted = [category.names.index(name) + 2 for name in names] + [0, 0, 0, 1]
    assert category.codec().encode(cells)["category"].ravel().tolist() == wanted
