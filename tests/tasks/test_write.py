"""A text as the target: its loss, what is watched, and answers."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.decoding.written import Written
from lamina.errors import SettingError
from lamina.features.text import Text, TextSettings
from lamina.features.tokens import START
from lamina.tasks import task_name_of
from lamina.tasks.write import Write, WriteSettings, with_end
from lamina.testing.common import check_bounds

TEXTS = ["ein Hund", "", "der alte Kater schläft", "ein"]


def task(**values: object) -> Write:
    feature = Text("german", TextSettings(vocabulary=280), is_target=True).fit(pl.Series("german", TEXTS))
    return Write(feature, check(WriteSettings, values))


def written(one: Write, more: int = 0) -> Tensor:
    """The encoded texts, with zeros behind their ends."""
    padded = one.feature.encode(pl.Series("german", TEXTS))["tokens"].padded()[0].astype(np.int64)
    return torch.nn.functional.pad(torch.from_numpy(padded), (0, more))


def logits(one: Write, target: Tensor, seed: int = 0) -> Tensor:
    return torch.randn(*with_end(target).shape, one.width, generator=torch.Generator().manual_seed(seed))


def by_loop(raw: Tensor, target: Tensor, smoothing: float) -> list[list[float]]:
    """The loss of each token, the end among them, row by row."""
    found = []
    for row, ids in enumerate(target.tolist()):
        wanted = [*(one for one in ids if one), START]
        logs = raw[row].double().log_softmax(-1)
        found.append(
            [-((1 - smoothing) * float(logs[place, one]) + smoothing * float(logs[place].mean()))
             for place, one in enumerate(wanted)]
        )  # fmt: skip
    return found


def test_the_end_stands_behind_each_text() -> None:
    assert with_end(torch.tensor([[7, 8, 0], [9, 0, 0], [0, 0, 0], [7, 8, 9]])).tolist() == [
        [7, 8, START, 0], [9, START, 0, 0], [START, 0, 0, 0], [7, 8, 9, START],
    ]  # fmt: skip
    assert with_end(torch.zeros(2, 0, dtype=torch.int64)).tolist() == [[START], [START]]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_every_token(smoothing: float) -> None:
    one = task(label_smoothing=smoothing)
    target = written(one)
    raw = logits(one, target)
    each = by_loop(raw, target, smoothing)
    assert [len(row) for row in each] == [len(row) + 1 for row in _lists(target)]
    assert one.loss(raw, target).item() == pytest.approx(np.mean(np.concatenate(each)), rel=1e-5)
    watched = [np.mean(row) for row in by_loop(raw, target, 0.0)]  # in nats a token, whatever the smoothing
    assert one.judge(one.activate(raw), target).tolist() == pytest.approx(watched, rel=1e-5)


def _lists(target: Tensor) -> list[list[int]]:
    return [[one for one in row if one] for row in target.tolist()]


def test_padding_changes_nothing() -> None:
    one = task()
    target, longer = written(one), written(one, more=5)
    raw = logits(one, longer)
    short = raw[:, : with_end(target).shape[1]]
    assert one.loss(raw, longer).item() == pytest.approx(one.loss(short, target).item(), rel=1e-6)
    torch.testing.assert_close(one.judge(one.activate(raw), longer), one.judge(one.activate(short), target))
    raw.requires_grad_()
    one.loss(raw, longer).backward()
    assert raw.grad is not None
    for row, ids in enumerate(_lists(longer)):
        assert raw.grad[row, : len(ids) + 1].abs().sum(-1).gt(0).all() and not raw.grad[row, len(ids) + 1 :].any()


def test_the_gradient_is_right() -> None:
    one = task()
    target = written(one)[2:]
    raw = logits(one, target).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: one.loss(values, target), raw, fast_mode=True)


def test_what_is_perfect_is_sure() -> None:
    one = task(label_smoothing=0.0)
    target = written(one)
    ideal = torch.nn.functional.one_hot(with_end(target), one.width).float()
    assert ideal.shape == (*with_end(target).shape, one.width) and (ideal.sum(-1) == 1).all()
    raw = 50 * ideal
    assert one.loss(raw, target).item() < 1e-6 and one.judge(one.activate(raw), target).max().item() < 1e-6
    guess = one.judge(one.activate(torch.zeros_like(raw)), target)
    assert guess.tolist() == pytest.approx([math.log(one.width)] * len(TEXTS))


def test_answers_are_the_best_texts() -> None:
    one = task()
    rows = [
        [Written("ein Hund", [5, 6], [-1.0, -2.0, 0.0], -1.0, "end"), Written("ein", [5], [-3.0], -3.0, "longest")],
        [Written("", [], [], 0.0, "stop")],
    ]
    answer = one.answer(rows)
    frame = answer.frame(one.feature)
    assert frame.to_dict(as_series=False) == {
        "german": ["ein Hund", ""], "german_sureness": [pytest.approx(math.exp(-1)), 1.0],
    }  # fmt: skip
    assert one.answer([]).frame(one.feature).schema == frame.schema
    encoded = one.feature.encode(pl.Series("german", [*TEXTS, None]))["tokens"]
    assert one.truth(encoded).tolist() == [*TEXTS, ""]


def test_settings() -> None:
    check_bounds(WriteSettings)
    assert task().settings.how == "beam" and task_name_of(task().feature, [Text("english")]) == "write"
    with pytest.raises(SettingError, match="greedy does not find so many alternatives · got 2"):
        task(how="greedy", alternatives=2)
    assert task(how="sample", alternatives=9).settings.alternatives == 9
