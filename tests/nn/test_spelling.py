"""Words found by the tokens that spell them, against a plain reading of the text."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import torch

from lamina.features.text import Text, TextSettings
from lamina.nn.spelling import LETTERS, Spelling, hashed

TEXTS = [
    "The Normans (Norman: Nourmands) came in the 10th century, said O'Hara.",
    "NORMANS came; normans went – cafés, über-alles, 東京 and McDonald 3.5%",
    "a",
    "  two  blanks\nand a line ",
]


def spelled(texts: list[str], tokens: str) -> tuple[Text, torch.Tensor, torch.Tensor]:
    feature = Text("t", TextSettings(tokens=tokens, lower=False, min_count=1, vocabulary=290))
    cells = feature.read(pl.Series("t", [*TEXTS, *texts]))
    ids = feature.fit(cells).encode(cells)["tokens"]
    padded, lengths = ids.padded()
    return feature, torch.from_numpy(padded).long(), torch.from_numpy(lengths)


def test_words_are_those_of_the_text() -> None:
    for tokens in ("pieces", "characters"):
        feature, ids, lengths = spelled([], tokens)
        words = Spelling(feature.tokens.spelling)(ids, lengths)
        for row, text in enumerate(TEXTS):
            parts: dict[int, bytes] = {}
            for place in range(int(lengths[row])):
                word = int(words.of[row, place])
                parts[word] = parts.get(word, b"") + feature.tokens.spelling[int(ids[row, place])]
            found = [part.decode().strip() for _, part in sorted(parts.items())]
            plain = re.findall(r"[^\W_]+|[^\w\s]", text)
            assert found == plain, tokens
            assert int(words.counts[row]) == len(found)


def test_the_same_word_has_the_same_number_whatever_its_case_and_its_pieces() -> None:
    feature, ids, lengths = spelled([], "pieces")
    words = Spelling(feature.tokens.spelling)(ids, lengths)
    letters, others, sizes = _spelled_otherwise(TEXTS)
    again = Spelling(letters)(others, sizes)
    for row in range(len(TEXTS)):
        count = int(words.counts[row])
        assert torch.equal(words.whole[row, :count], again.whole[row, :count])
        assert torch.equal(words.stem[row, :count], again.stem[row, :count])
        assert torch.equal(words.ending[row, :count], again.ending[row, :count])
    assert words.whole[0, 1] == words.whole[1, 0], "Normans and NORMANS"
    assert words.stem[0, 1] == words.stem[0, 3] and words.whole[0, 1] != words.whole[0, 3], "Normans and Norman"


def _spelled_otherwise(texts: list[str]) -> tuple[list[bytes], torch.Tensor, torch.Tensor]:
    """Each word and mark as a token of its own, in small letters."""
    rows = [[f" {one.lower()}".encode() for one in re.findall(r"[^\W_]+|[^\w\s]", text)] for text in texts]
    names = [b"", *sorted({one for row in rows for one in row})]
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor([names.index(token) for token in tokens])
    return names, ids, lengths


def test_different_words_have_different_numbers() -> None:
    draw = np.random.default_rng(0)
    words = sorted({"".join(draw.choice(list("abcde"), draw.integers(1, 9))) for _ in range(4000)})
    spelling = Spelling([b"", *(f" {word}".encode() for word in words)])
    found = spelling(torch.arange(1, len(words) + 1)[:, None], torch.ones(len(words), dtype=torch.int64))
    assert found.whole.unique().numel() == len(words)
    assert found.stem.unique().numel() == len({word[:5] for word in words})
    assert found.ending.unique().numel() == len({word[-3:] for word in words})
    counts = torch.bincount(hashed(found.whole[:, 0], 64), minlength=64)
    assert counts.min() > 0.5 * counts.float().mean() and counts.max() < 1.6 * counts.float().mean()
    assert not torch.equal(hashed(found.whole, 64, 0), hashed(found.whole, 64, 1))


def test_shapes_and_rarity() -> None:
    spelling = Spelling((b"", b".", b" the", b" Mc", b"Donald", b" 10th", b" USA"))
    words = spelling(torch.tensor([[2, 3, 4, 5, 6, 1]]), torch.tensor([6]))
    assert words.of.tolist() == [[0, 1, 1, 2, 3, 4]]
    assert words.shapes[0].tolist() == [
        [0, 0, 0, 1, 0],
        [1, 1, 0, 1, 0],  # the second capital stands at the start of a token
        [0, 0, 1, 1, 0],
        [1, 1, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]
    assert words.named.tolist() == [[True, True, True, True, False]]
    rarity = words.rarity[0]
    assert rarity[4] == 0 and rarity[0] == 0 and rarity[1] == 1 and 0 < rarity[2] < rarity[3] == 1


def test_short_rows_and_rows_of_nothing() -> None:
    spelling = Spelling((b"", b" one", b" two"))
    ids, lengths = torch.tensor([[1, 2], [2, 0], [0, 0]]), torch.tensor([2, 1, 0])
    words = spelling(ids, lengths)
    assert words.counts.tolist() == [2, 1, 0]
    assert words.there.tolist() == [[True, True], [True, False], [False, False]]
    assert words.whole[0, 1] == words.whole[1, 0]
    assert spelling(torch.zeros(2, 0, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)).there.shape == (2, 1)


def test_very_long_words_are_told_apart_by_their_start() -> None:
    spelling = Spelling((b"", b" " + b"a" * LETTERS + b"b", b"c", b" " + b"a" * LETTERS))
    words = spelling(torch.tensor([[1, 2, 3]]), torch.tensor([3]))
    assert words.of.tolist() == [[0, 0, 1]]
    assert words.whole[0, 0] == words.whole[0, 1]
