"""Pieces of a stream are never half, never taken back, and joined they are the text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.decoding.lexicon import BROKEN, Lexicon
from lamina.decoding.stream import LONGEST, Stream
from lamina.features.tokens import FIRST, Characters, Tokens, Words

from .toys import BYTES

EURO = [FIRST + byte for byte in "€".encode()]


def of_bytes(text: str) -> list[int]:
    return [FIRST + byte for byte in text.encode()]


def pieces(stream: Stream, ids: list[int]) -> list[str]:
    return [*(stream.add(one) for one in ids), stream.end()]


@pytest.mark.parametrize("vocabulary", [BYTES, Lexicon(Words(["to", "be", "."], lower=True))])
@given(data=st.data())
def test_pieces_joined_are_the_text(vocabulary: Lexicon, data: st.DataObject) -> None:
    ids = st.lists(st.integers(0, vocabulary.tokens.size - 1), max_size=3 * LONGEST)
    before, written = data.draw(ids), data.draw(ids)
    found = pieces(Stream(vocabulary, before), written)
    assert "".join(found) == vocabulary.continued(before, written)


@given(text=st.text(max_size=30), stops=st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_what_is_shown_is_never_half_and_ends_before_a_stop(text: str, stops: list[str]) -> None:
    stream = Stream(BYTES, stops=stops)
    shown = ""
    for one in of_bytes(text):
        shown += stream.add(one)
        assert text.startswith(shown)
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    assert shown + stream.end() == text[: min(found, default=len(text))]
    assert stream.stopped == bool(found)


def test_a_character_is_shown_once_all_its_bytes_have_come() -> None:
    assert pieces(Stream(BYTES), [*of_bytes("a"), *EURO, *of_bytes("b")]) == ["a", "", "", "€", "b", ""]
    assert pieces(Stream(BYTES, before=EURO[:2]), [EURO[2], *of_bytes("!")]) == ["€", "!", ""]


def test_what_never_becomes_a_character_is_shown_as_such() -> None:
    assert pieces(Stream(BYTES), [*EURO[:2], *of_bytes("b")]) == ["", "", BROKEN + "b", ""]
    assert pieces(Stream(BYTES), EURO[:2]) == ["", "", BROKEN]


def test_a_stop_may_stand_across_tokens_and_within_one() -> None:
    stream = Stream(BYTES, stops=["\n\n", "###"])
    assert [stream.add(one) for one in of_bytes("a#\nb##")] == ["a", "", "#", "\nb", "", ""]
    assert not stream.stopped and [stream.add(one) for one in of_bytes("# c")] == ["", "", ""] and stream.stopped
    assert stream.end() == "", "nothing comes after a stop"
    within = Stream(BYTES, stops=["b"])
    assert within.add(FIRST + 256) == "a" and within.stopped


def test_what_might_have_been_a_stop_is_shown_at_the_end() -> None:
    assert pieces(Stream(BYTES, stops=["stop"]), of_bytes("a st")) == ["a", " ", "", "", "st"]


def test_a_word_brings_its_blank_and_the_prompt_is_not_repeated() -> None:
    words = Lexicon(Words(["to", "be", "or"], lower=True))
    assert pieces(Stream(words, before=[3, 4, 5]), [6, 4]) == [" or", " to", ""]
    assert pieces(Stream(words, before=[3]), [6, 4]) == ["or", " to", ""]


class Runs(Tokens):
    """As pre-trained models with bytes beside pieces do it: a run of bytes is text, or broken as a whole."""

    size = 300

    def ids(self, texts: object) -> object:  # type: ignore[override]
        raise NotImplementedError

    def of(self, text: str) -> list[int]:
        raise NotImplementedError

    def text(self, ids: np.ndarray) -> str:
        out, run = "", b""
        for one in [*ids.tolist(), None]:
            if one is not None and one < 256:
                run += bytes([one])
                continue
            try:
                out += run.decode()
            except UnicodeDecodeError:
                out += BROKEN * len(run)
            run = b""
            out += "" if one is None else f" {one}"
        return out.removeprefix(" ")


@given(st.lists(st.sampled_from([0xE2, 0x82, 0xAC, 65, 256, 257]), max_size=60))
def test_runs_of_bytes_are_shown_once_whole(ids: list[int]) -> None:
    vocabulary = Lexicon(Runs(), start=256)
    shown = "".join(pieces(Stream(vocabulary), ids))
    whole = vocabulary.text(ids)
    # A run that breaks after a part of it was shown stays shown; nothing else differs.
    assert shown == whole or BROKEN in whole
    assert shown.replace(BROKEN, "").count(" ") == whole.count(" ")


def test_a_copy_goes_on_by_itself() -> None:
    stream = Stream(BYTES, stops=["xy"])
    stream.add(*of_bytes("x"))
    other = stream.copy()
    assert other.add(*of_bytes("y")) == "" and other.stopped
    assert stream.add(*of_bytes("z")) == "xz" and not stream.stopped


def test_long_texts_are_not_made_again_and_again() -> None:
    class Counting(Characters):
        most = 0

        def text(self, ids: np.ndarray) -> str:
            self.most = max(self.most, len(ids))
            return super().text(ids)

    tokens = Counting(["a"], lower=False)
    assert "".join(pieces(Stream(Lexicon(tokens)), [FIRST] * 500)) == "a" * 500
    assert tokens.most <= LONGEST + 1
