"""Tokens: how text is taken apart, what byte pairs join, and what comes back."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import DataError
from lamina.features.tokens import (
    FIRST,
    UNKNOWN,
    Characters,
    Pieces,
    Pretrained,
    Tokens,
    Words,
    learn_pieces,
    split,
)

ANY_TEXT = st.text(min_size=1, max_size=40)
BYTES = [chr(byte) for byte in range(256)]


def parts(text: str, *, blanks: bool = False) -> list[str]:
    return split(pl.Series([text]), blanks=blanks)[0].to_list()


def rows(tokens: Tokens, texts: Sequence[str | None], longest: int = 100) -> list[list[int]]:
    found = tokens.encode(pl.Series(texts, dtype=pl.String), longest)
    assert found.values.dtype == np.int32 and found.ends.dtype == np.int64
    return [found[row : row + 1].values.tolist() for row in range(len(found))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, it's 3.5!", ["Don't", "stop", ",", "it's", "3", ".", "5", "!"]),
        ("l’été 'quoted'", ["l’été", "'", "quoted", "'"]),
        ("snake_case b2b", ["snake_case", "b2b"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("漢字かな and abc字", ["漢", "字", "か", "な", "and", "abc", "字"]),
        ("hi😀😀", ["hi", "😀", "😀"]),
        ("a\0b", ["a", "\0", "b"]),
        (" \t\n\u2003", []),
    ],
)
def test_words_and_marks(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@given(st.text())
def test_parts_with_blanks_are_the_text_and_without_them_the_same_words(text: str) -> None:
    assert "".join(parts(text, blanks=True)) == text
    words = pl.Series(parts(text, blanks=True), dtype=pl.String).str.strip_chars()
    assert [word for word in words if word] == parts(text)


def test_a_very_long_word_is_taken_apart() -> None:
    found, counts = split(pl.Series(["ab " + "x" * 150, None, "y" * 64, ""]))
    assert [len(part) for part in found] == [2, 64, 64, 22, 64]
    assert counts.tolist() == [4, 0, 1, 0]


def plain_pieces(words: dict[str, int], most: int) -> list[bytes]:
    """Byte-pair encoding as its paper has it: all pairs counted anew in every step."""
    pieces = [bytes([byte]) for byte in range(256)]
    apart = {word: [pieces[byte] for byte in word.encode()] for word in words}
    while len(pieces) < most:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for word, count in words.items():
            for pair in itertools.pairwise(apart[word]):
                pairs[pair] += count
        best = max(pairs.values(), default=0)
        if best < 2:
            break
        place = pieces.index
        pair = min((pair for pair in pairs if pairs[pair] == best), key=lambda pair: (place(pair[0]), place(pair[1])))
        pieces += [pair[0] + pair[1]] if pair[0] + pair[1] not in pieces else []
        for word, found in apart.items():
            at = 0
            while at < len(found) - 1:
                if (found[at], found[at + 1]) == pair:
                    found[at : at + 2] = [pair[0] + pair[1]]
                at += 1
            apart[word] = found
    return pieces


@given(
    st.dictionaries(st.text("abc é", min_size=1, max_size=12), st.integers(1, 9), max_size=12), st.integers(256, 290)
)
def test_pieces_are_those_of_the_plain_algorithm(words: dict[str, int], most: int) -> None:
    assert learn_pieces(list(words), list(words.values()), most) == plain_pieces(words, most)


@given(st.permutations([(" low", 5), (" lower", 2), (" slow", 4), (" wolf", 4)]))
def test_the_order_of_words_never_matters(words: list[tuple[str, int]]) -> None:
    assert learn_pieces(*zip(*words, strict=True), 270) == learn_pieces(
        [" low", " lower", " slow", " wolf"], [5, 2, 4, 4], 270
    )


@given(st.lists(ANY_TEXT, max_size=6), st.lists(ANY_TEXT, min_size=1, max_size=6))
def test_pieces_give_any_text_back_and_know_all_of_it(learned: list[str], texts: list[str]) -> None:
    found = split(pl.Series(learned, dtype=pl.String), blanks=True)[0].to_list()
    names = learn_pieces(found, [1] * len(found), 300)
    pieces = Pieces([name.decode("latin-1") for name in names], lower=False)
    for text, ids in zip(texts, rows(pieces, texts, 1000), strict=True):
        assert all(FIRST <= one < pieces.size for one in ids)
        assert pieces.text(np.array(ids)) == text


def test_pieces_join_what_was_learned_first() -> None:
    pieces = Pieces([*BYTES, "bc", "ab", "abc"], lower=False)
    assert [pieces.pieces[one - FIRST] for one in rows(pieces, ["abcd"])[0]] == [b"abc", b"d"]
    assert [pieces.pieces[one - FIRST] for one in rows(pieces, ["xab"])[0]] == [b"x", b"ab"]


def test_words_that_are_no_names_are_unknown_and_missing_texts_have_none() -> None:
    words = Words(["good", "film"], lower=False)
    assert rows(words, ["good film", "Good", None, "", "naught at all"]) == [[4, 5], [1], [], [], [UNKNOWN] * 3]
    assert rows(Words(["good", "film"], lower=True), ["GOOD Film"]) == [[4, 5]]
    assert words.text(np.array([5, 1, 2, 3, 0])) == "film <unknown> <mask>"
    assert rows(Words([], lower=True), ["a b", None]) == [[1, 1], []]


@given(st.lists(st.none() | ANY_TEXT, max_size=6), st.integers(1, 20))
def test_the_first_tokens_are_kept(texts: list[str | None], longest: int) -> None:
    for tokens in (
        Words(["a", "b"], lower=True),
        Characters(["a", "b"], lower=False),
        Pieces(BYTES, lower=True),
    ):
        whole = rows(tokens, texts, 10_000)
        assert rows(tokens, texts, longest) == [row[:longest] for row in whole]


@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_characters_of_all_planes(texts: list[str]) -> None:
    characters = Characters(sorted(set("".join(texts))), lower=False)
    for text, ids in zip(texts, rows(characters, texts), strict=True):
        assert len(ids) == len(text) and UNKNOWN not in ids
        assert characters.text(np.array(ids)) == text


def test_no_texts_at_all() -> None:
    for tokens in (Words(["a"], lower=True), Characters(["a"], lower=True), Pieces(BYTES, lower=False)):
        assert rows(tokens, []) == []
        assert rows(tokens, [None, None]) == [[], []]


def tokenizer_json() -> str:
    """A tiny tokenizer of BERT's form: words, with a mark before and behind."""
    tokenizers = pytest.importorskip("tokenizers", reason="needs the package tokenizers")
    names = {name: place for place, name in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "film"])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(names, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding()
    return str(tokenizer.to_str())


def test_pretrained_ids_are_the_model_s_own_plus_one_with_its_marks_kept_by_the_cut() -> None:
    tokens = Pretrained(tokenizer_json())
    assert tokens.size == 7
    assert rows(tokens, ["good film", None, "bad"]) == [[3, 5, 6, 4], [], [3, 2, 4]]
    assert rows(tokens, ["good film good film"], 3) == [[3, 5, 4]]
    assert tokens.text(np.array([5, 6, 0])) == "good film"


def test_a_definition_that_is_none_is_refused() -> None:
    pytest.importorskip("tokenizers", reason="needs the package tokenizers")
    with pytest.raises(DataError, match="cannot be read"):
        Pretrained("{}")
