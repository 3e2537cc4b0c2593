"""A question, a passage, and a score for each span of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.reader import NEAR, NEVER, Reader, ReaderSettings
from lamina.nn.start import start

SPELLING = (b"", b"who", b" Rome", b" old", b".", b" is", b" rom", b"an", b" 1905", b"?")
PASSAGE = Slot("passage", "value", "tokens", size=len(SPELLING), spelling=SPELLING, holds_target=True)
QUESTION = dataclasses.replace(PASSAGE, column="question", holds_target=False)
OTHERS = {
    "hint": dataclasses.replace(QUESTION, column="hint"),
    "photo": Slot("photo", "value", "image", shape=(8, 8, 3)),
    "age": Slot("age", "value", "number", knots=(0.0, 1.0)),
}
SMALL: dict[str, Any] = {
    "text": {"name": "gru", "width": 4}, "image": {"name": "cnn", "width": 4, "depth": 1}, "embedding": 6,
    "buckets": 1024, "width": 5, "longest": 3,
}  # fmt: skip
PASSAGES = torch.tensor([[2, 5, 3, 4, 8], [6, 7, 4, 0, 0], [0, 0, 0, 0, 0]])
QUESTIONS = torch.tensor([[1, 5, 2, 9], [1, 2, 0, 0], [1, 9, 0, 0]])


def network(*others: str, asks: bool = True, **values: Any) -> Reader:
    slots = [PASSAGE, *([QUESTION] if asks else []), *(OTHERS[name] for name in others)]
    made = start(Reader(Layout.of(slots), 1, check(ReaderSettings, SMALL | values)), 0)
    assert isinstance(made, Reader)
    return made.eval()


def inputs(net: Reader, rows: slice = slice(None), **more: Tensor) -> dict[str, Tensor]:
    given = {"number": torch.zeros(3, 0), "flag": torch.zeros(3, 0), "category": torch.zeros(3, 0).long()} | more
    for place, tokens in enumerate([PASSAGES, QUESTIONS][: 1 + len(net.questions)]):
        given |= {f"tokens{place:03}": tokens, f"tokens{place:03}.length": (tokens > 0).sum(1)}
    return {name: value[rows] for name, value in given.items()}


def test_a_score_for_each_span_and_for_none() -> None:
    net = network()
    spans = net(inputs(net))
    assert spans.words.tolist() == [[0, 1, 2, 3, 4], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]
    assert spans.scores.shape == (3, 1 + 5 * 3) and spans.longest == 3 and torch.isfinite(spans.scores).all()
    there = spans.scores[:, 1:].unflatten(1, (5, 3)) > NEVER / 2
    for row, words in enumerate((5, 2, 0)):
        expected = [[first + more < words for more in range(3)] for first in range(5)]
        assert there[row].tolist() == expected


def test_a_span_is_scored_by_its_ends_its_length_and_the_question() -> None:
    net = network()
    seen, asked = torch.randn(1, 5, net.of_passage.width), torch.randn(1, net.of_question.width + 1)
    words = net._words(net.passage, inputs(net, slice(0, 1)))
    scores = net._scores(seen, words, asked)[0]
    for first, more in ((0, 0), (1, 2), (4, 0)):
        begin, end = seen[0, first], seen[0, first + more]
        hidden = F.relu(net.first(begin) + net.asked(asked)[0] + net.last(end) + net.length.weight[more])
        expected = net.score(hidden)[0] + begin @ net.begin(asked)[0] + end @ net.end(asked)[0]
        torch.testing.assert_close(scores[1 + first * 3 + more], expected)


def test_rows_are_read_alone() -> None:
    net = network("hint", "photo", "age")
    given = inputs(net, number=torch.randn(3, 1))
    hints, photos = torch.tensor([[2], [0], [8]]), torch.randint(0, 256, (3, 8, 8, 3), dtype=torch.uint8)
    some = torch.tensor([1, 0, 1])
    given |= {"tokens002": hints, "tokens002.length": some, "image003": photos, "image003.length": some}
    together = net(given)
    for row in range(3):
        alone = net({name: value[row : row + 1] for name, value in given.items()})
        size = alone.scores.shape[1]  # others are longer
        torch.testing.assert_close(alone.scores, together.scores[row : row + 1, :size])
        assert (together.scores[row, size:] <= NEVER).all()


def test_every_column_says_something_of_what_is_asked() -> None:
    plain = network()
    assert plain.questions == ["tokens001"] and not plain.bring
    told = network("age")
    given = inputs(told, number=torch.zeros(3, 1))
    other = inputs(told, number=torch.ones(3, 1))
    assert not torch.allclose(told(given).scores[0], told(other).scores[0])
    silent = network(asks=False)
    assert torch.isfinite(silent(inputs(silent)).scores).all()


def test_signs_say_what_the_question_has() -> None:
    net = network()
    given = inputs(net)
    passage, question = net._words("tokens000", given), net._words("tokens001", given)
    _, figures, near = net._signs(passage, net._vectors(passage), question, net._vectors(question))
    assert figures[0, :, 0].tolist() == [1, 1, 0, 0, 0], "Rome and is, and no mark"
    assert figures[0, :, 1].tolist() == [1, 1, 0, 0, 0]
    assert figures[1, :, 0].tolist()[:2] == [0, 0] and not figures[2].any()
    rarity = passage.rarity[0]
    torch.testing.assert_close(figures[0, :, 2], figures[0, :, 1] * rarity)
    # Each word of the question counts by how rare it is, and by how near the next one like it stands.
    weights, like = question.rarity[0] ** 2 * question.named[0], {1: [1], 2: [0]}  # words "is" and "Rome" of each text
    for place, words in enumerate(NEAR):
        wanted = torch.zeros(5)
        for asked, places in like.items():
            apart = torch.tensor([min(abs(one - here) for one in places) for here in range(5)])
            wanted += weights[asked] * torch.exp(-apart / words) / weights.sum()
        torch.testing.assert_close(near[0, :, place], wanted)
        torch.testing.assert_close(near[0, :, len(NEAR) + place], wanted / wanted.max(), atol=1e-4, rtol=1e-4)


def test_letter_case_and_spelling_do_not_matter() -> None:
    """The same words in other tokens are read as the same, but for how rare they look."""
    net = network()
    one = net._words("tokens000", inputs(net, slice(1, 2)))
    assert one.whole[0, 0] == network()._words("tokens000", inputs(net, slice(1, 2))).whole[0, 0]
    assert one.counts.tolist() == [2]


def test_backbones_that_do_not_read_word_by_word() -> None:
    for name in ("lstm", "rnn"):
        net = network(text=name)
        assert torch.isfinite(net(inputs(net)).scores).all()
    with pytest.raises(SettingError, match=r"backbone cnn does not read .* word by word · allowed: gru, lstm, rnn"):
        network(text="cnn")


def test_gradients_reach_every_weight() -> None:
    net = network("age").train()
    spans = net(inputs(net, number=torch.randn(3, 1)))
    F.cross_entropy(spans.scores, torch.tensor([4, 1, 0])).backward()
    still = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not still
