"""Vectors of words from the tokens that spell them."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
import torch
from torch import Tensor

from lamina.features.base import Slot
from lamina.features.text import Text, TextSettings
from lamina.nn.spelled import LETTERS, SpelledWords
from lamina.nn.start import start

TEXTS = ["go on", "gone on and on", "on", None, "a" * 30 + " o'clock, 猫猫 go"]


def made(feature: Text, **values: Any) -> SpelledWords:
    settings: dict[str, Any] = {"width": 3, "buckets": 10_000, "letters": 4, "rare": 0.0} | values
    return start(SpelledWords(feature.slots[0], **settings), 0)  # type: ignore[return-value]


def learned(texts: list[str | None], kind: str = "pieces") -> tuple[Text, Tensor, Tensor]:
    feature = Text("said", TextSettings(by_word=True, tokens=kind, vocabulary=262, min_count=1))
    cells = feature.read(pl.Series(texts, dtype=pl.String))
    feature.fit(cells)
    tokens, lengths = feature.encode(cells)["tokens"].padded()
    return feature, torch.from_numpy(tokens).long(), torch.from_numpy(lengths)


def test_letters_are_those_of_each_word() -> None:
    feature, tokens, lengths = learned(TEXTS)
    words = made(feature)
    seen: list[Tensor] = []
    words.letter.register_forward_pre_hook(lambda module, given: seen.append(given[0]))  # type: ignore[union-attr]
    vectors, there = words(tokens, lengths)
    assert vectors.shape == (5, 4, 7) and there.sum(1).tolist() == [2, 4, 1, 0, 4]
    for row, text in enumerate(TEXTS):
        for place, word in enumerate((text or "").split()):
            letters = seen[0].view(5, 4, LETTERS)[row, place]
            assert bytes(letters.tolist()).rstrip(b"\0") == (" " + word).encode()[:LETTERS]


def test_a_word_has_the_same_vector_wherever_it_stands_and_others_have_another() -> None:
    for kind in ("pieces", "characters"):
        feature, tokens, lengths = learned(TEXTS, kind)
        vectors, _ = made(feature)(tokens, lengths)
        assert torch.equal(vectors[0, 1], vectors[2, 0]) and torch.equal(vectors[0, 1], vectors[1, 3])
        assert torch.equal(vectors[0, 0], vectors[4, 3])
        words = {text: vectors[row, place] for row, place, text in ((0, 0, "go"), (0, 1, "on"), (1, 0, "gone"))}
        assert len({tuple(vector[:3].tolist()) for vector in words.values()}) == 3


def test_order_of_the_tokens_counts() -> None:
    slot = Slot("said", "value", "tokens", size=7, spelling=(b"", b"", b"", b"", b" ", b"a", b"b"), counts=(1,) * 7)
    words = start(SpelledWords(slot, 3, 10_000, 0, 0.0), 0)
    vectors, _ = words(torch.tensor([[4, 5, 6, 4, 6, 5, 4, 5, 6]]), torch.tensor([9]))
    assert torch.equal(vectors[0, 0], vectors[0, 2]) and not torch.equal(vectors[0, 0], vectors[0, 1])


def test_nothing_to_read_is_one_place_that_is_not_there() -> None:
    feature, _, _ = learned(TEXTS)
    vectors, there = made(feature)(torch.zeros(2, 0, dtype=torch.long), torch.tensor([0, 0]))
    assert vectors.shape == (2, 1, 7) and not there.any()


def test_rows_do_not_hang_on_those_beside_them() -> None:
    feature, tokens, lengths = learned(TEXTS)
    words = made(feature, rare=5).eval()
    together, there = words(tokens, lengths)
    for row in range(5):
        alone, _ = words(tokens[row : row + 1, : int(lengths[row])], lengths[row : row + 1])
        count = int(there[row].sum())
        assert torch.allclose(alone[0, :count], together[row, :count], atol=1e-6)


def test_hidden_words_are_spelled_in_other_letters_of_the_same_form() -> None:
    feature, tokens, lengths = learned(["Gate 12 opens at 10:45!"] * 40)
    words = made(feature, rare=1e9).train()
    seen: list[Tensor] = []
    words.letter.register_forward_pre_hook(lambda module, given: seen.append(given[0]))  # type: ignore[union-attr]
    torch.manual_seed(0)
    vectors, _ = words(tokens, lengths)
    spelled = [bytes(row.tolist()).rstrip(b"\0").decode() for row in seen[0]]
    forms = {re.sub("[a-z]", "a", re.sub("[A-Z]", "A", re.sub("[0-9]", "0", word))) for word in spelled}
    assert forms == {" Aaaa", " 00", " aaaaa", " aa", " 00:00!"}
    assert len(set(spelled)) > 100
    assert (vectors[..., :3] == 0).all(2).float().mean() > 0.9


def test_a_word_that_no_training_row_has_says_next_to_nothing_by_itself() -> None:
    feature, tokens, lengths = learned(TEXTS)
    vectors, there = made(feature)(tokens, lengths)
    assert float(vectors[there][:, :3].detach().abs().max()) < 0.1


def test_the_rarer_a_word_the_more_often_it_is_hidden() -> None:
    feature, tokens, lengths = learned(["go on then"] * 30 + ["go on"] * 270)
    words = made(feature, rare=30).train()
    torch.manual_seed(0)
    shares = torch.stack([(words(tokens, lengths)[0][:30, :, :3] == 0).all(2).float() for _ in range(20)]).mean((0, 1))
    assert shares.tolist() == pytest.approx([30 / 330, 30 / 330, 30 / 60], abs=0.08)


def test_names_are_hidden_as_a_whole_and_cut() -> None:
    feature, tokens, lengths = learned(["go to new york now", "los angeles", "go"])
    words = made(feature, rare=1e9).train()  # every word is hidden
    spans = torch.tensor([[0, 0, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    torch.manual_seed(0)
    seen = set()
    for _ in range(40):
        vectors, there, order = words.renamed(tokens, lengths, spans, 4.0)
        assert vectors.shape == (3, 5, 7) and (vectors[..., :3] == 0).all()
        for row, count in enumerate(there.sum(1).tolist()):
            seen.add((row, tuple(order[row, :count].tolist())))
            assert (vectors[row, count:] == 0).all()
    assert seen == {(0, (0, 1, 2, 3, 4)), (0, (0, 1, 2, 4)), (1, (0, 1)), (1, (0,)), (2, (0,))}


def test_nothing_is_hidden_where_all_words_are_frequent() -> None:
    feature, tokens, lengths = learned(["go to new york now", "los angeles", "go"])
    words = made(feature, rare=1e-9).train()
    spans = torch.tensor([[0, 0, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    vectors, there, order = words.renamed(tokens, lengths, spans, 4.0)
    plain, present = words.eval()(tokens, lengths)
    assert torch.equal(vectors, plain) and torch.equal(there, present)
    assert order.tolist() == [[0, 1, 2, 3, 4]] * 3


def test_a_name_is_hidden_as_often_as_its_rarest_word_asks() -> None:
    feature, tokens, lengths = learned(["new york"] * 90 + ["new city"] * 10)
    words = made(feature, rare=10, letters=0).train()
    torch.manual_seed(0)
    spans, drawn = torch.ones(100, 2, dtype=torch.long), []
    for _ in range(20):
        vectors, _, _ = words.renamed(tokens, lengths, spans, 1.0)
        drawn.append((vectors[:, 0] == 0).all(1).float())
    shares = torch.stack(drawn).mean(0)
    assert [float(shares[:90].mean()), float(shares[90:].mean())] == pytest.approx([10 / 100, 10 / 20], abs=0.07)
