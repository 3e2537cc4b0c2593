"""A score for each sentence of a text."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.extractor import EDGE, NEVER, Bag, Extractor, ExtractorSettings
from lamina.nn.start import start

SPELLING = (b"", b"We", b" train", b" nets", b".", b" It", b" works", b" Rome", b"!", b" ", b"we")
TEXT = Slot("abstract", "value", "tokens", size=len(SPELLING), spelling=SPELLING, holds_target=True)
OTHERS = {
    "title": dataclasses.replace(TEXT, column="title", holds_target=False),
    "photo": Slot("photo", "value", "image", shape=(8, 8, 3)),
    "age": Slot("age", "value", "number", knots=(0.0, 1.0)),
}
SMALL: dict[str, Any] = {
    "text": {"name": "gru", "width": 4}, "image": {"name": "cnn", "width": 4, "depth": 1}, "embedding": 6,
    "buckets": 1024, "width": 5,
}  # fmt: skip
# We train nets. It works! Rome. | It works. | nothing
TEXTS = torch.tensor([[1, 2, 3, 4, 5, 6, 8, 7, 4], [5, 6, 4, 0, 0, 0, 0, 0, 0], [0] * 9])
TITLES = torch.tensor([[7, 0], [7, 3], [0, 0]])


def network(*others: str, **values: Any) -> Extractor:
    made = start(
        Extractor(Layout.of([TEXT, *(OTHERS[name] for name in others)]), 1, check(ExtractorSettings, SMALL | values)), 0
    )
    assert isinstance(made, Extractor)
    return made.eval()


def inputs(net: Extractor, **more: Tensor) -> dict[str, Tensor]:
    given = {"number": torch.zeros(3, 0), "flag": torch.zeros(3, 0), "category": torch.zeros(3, 0).long()} | more
    for place, tokens in enumerate([TEXTS, TITLES][: 1 + len(net.hints)]):
        given |= {f"tokens{place:03}": tokens, f"tokens{place:03}.length": (tokens > 0).sum(1)}
    return given


def test_a_score_for_each_sentence() -> None:
    net = network()
    found = net(inputs(net))
    assert found.counts.tolist() == [3, 1, 0] and found.scores.shape == (3, 3)
    assert found.of[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2]
    there = torch.tensor([[True] * 3, [True, False, False], [False] * 3])
    assert torch.equal(found.scores > NEVER / 2, there) and torch.isfinite(found.scores).all()


def test_figures_of_each_sentence() -> None:
    net = network("title")
    given = inputs(net)
    words = net._words("tokens000", given)
    of, counts = net._places(given)
    place = torch.zeros_like(words.whole).scatter_reduce(1, words.of, of, "amax")
    assert place[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2], "marks are words, too"
    there = torch.arange(3) < counts[:, None]
    figures = net._figures(words, place, there, [net._words("tokens001", given)])
    first, from_end = figures[..., :EDGE], figures[..., EDGE : 2 * EDGE]
    assert first[0].tolist() == torch.eye(3).tolist() and from_end[0].tolist() == torch.eye(3).flip(0).tolist()
    assert figures[0, :, 2 * EDGE + 2].tolist() == pytest.approx([3 / 50, 2 / 50, 1 / 50]), "words that are no marks"
    assert figures[0, :, -1].tolist() == [0, 0, pytest.approx(1)], "the title says Rome"
    assert not figures[2].any() and torch.isfinite(figures).all()


def test_words_are_added_up_over_the_root_of_how_many() -> None:
    net = network()
    words, place = net._words("tokens000", inputs(net)), torch.zeros(3, 9, dtype=torch.int64)
    net.words.weight.data.fill_(1.0)
    said = net._said(words, place, 1)
    assert torch.allclose(said[1, 0], torch.tensor(4 * 3 / 3**0.5).tanh())
    assert not said[2].any()
    bag, codes = Bag(8, 3), torch.tensor([[1, 2], [3, 3], [1, 4]])
    found = bag(codes, torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0, 0, 2]), 4)
    rows = bag.weight
    assert torch.allclose(found[0], rows[1] + rows[2] + 4 * rows[3], atol=1e-6)
    assert torch.allclose(found[2], (rows[1] + rows[4]) / 2, atol=1e-6) and not found[1].any() and not found[3].any()


def test_rows_are_read_alone_and_every_column_counts() -> None:
    net = network("title", "photo", "age")
    photos, some = torch.randint(0, 256, (3, 8, 8, 3), dtype=torch.uint8), torch.tensor([1, 0, 1])
    given = inputs(net, number=torch.randn(3, 1), **{"image002": photos, "image002.length": some})
    together = net(given)
    for row in range(3):
        alone = net({name: value[row : row + 1] for name, value in given.items()})
        size = alone.scores.shape[1]
        torch.testing.assert_close(alone.scores, together.scores[row : row + 1, :size])
    others = {"number": given["number"] + 1, "image002": photos // 8, "tokens001": torch.tensor([[3, 2]] * 3)}
    for name, other in others.items():
        assert not torch.equal(net({**given, name: other}).scores[0], together.scores[0]), name


def test_letter_case_counts_for_nothing_where_the_words_are_the_same() -> None:
    net = network()
    one = inputs(net)
    other = {**one, "tokens000": torch.where(TEXTS == 1, 10, TEXTS)}
    torch.testing.assert_close(net(one).scores, net(other).scores, atol=0.05, rtol=0.05)


def test_backbones_that_do_not_go_one_by_one() -> None:
    assert torch.isfinite(network(text="lstm")(inputs(network())).scores).all()
    with pytest.raises(SettingError, match=r"cnn does not go through sentences one by one · allowed: gru, lstm, rnn"):
        network(text="cnn")


def test_gradients_reach_every_weight() -> None:
    net = network("title", "age").train()
    for _ in range(3):  # a layer may be silent by chance
        found = net(inputs(net, number=torch.randn(3, 1)))
        (found.scores[0].log_softmax(0)[1]).backward()
    still = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not [name for name in still if not name.endswith("score.3.bias")], "what all scores share is no score"
