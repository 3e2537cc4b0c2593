"""The task of labels: its loss and its answers by the formula."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.data.batches import Batch
from lamina.features.tags import Tags
from lamina.nn.crf import only
from lamina.tasks.tag import Labelled, Scored, Tag, TagSettings

LENGTHS = torch.tensor([3, 1, 0])


class Fixed(nn.Module):
    """A network that says the same whatever it reads."""

    def __init__(self, chain: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.labels = only(torch.randn(3, 3, 4, generator=generator) * 2, torch.arange(3) < LENGTHS[:, None])
        weight = torch.randn(4, 4, generator=generator)
        self.transitions = (lambda: weight) if chain else None

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.labels


def task(**settings: Any) -> Tag:
    feature = Tags("slots", is_target=True)
    feature.fit(feature.read(pl.Series(["O B-x I-x", "B-x I-x"])))
    return Tag(feature, check(TagSettings, settings))


def probability(network: Fixed, row: int) -> dict[tuple[int, ...], float]:
    """Of each way to label a row, by the formula."""
    count = int(LENGTHS[row])
    logs = {}
    for ways in itertools.product((1, 2, 3), repeat=count):
        score = sum(float(network.labels[row, place, label]) for place, label in enumerate(ways))
        if network.transitions is not None:
            path = (0, *ways, 0)
            score += sum(float(network.transitions()[one, other]) for one, other in itertools.pairwise(path))
        logs[ways] = score
    total = torch.tensor(list(logs.values())).logsumexp(0)
    return {ways: float((torch.tensor(score) - total).exp()) for ways, score in logs.items()}


@pytest.mark.parametrize("chain", [True, False])
def test_the_loss_is_the_nats_of_all_labels_a_word(chain: bool) -> None:
    network, one = Fixed(chain).eval(), task()
    target = torch.tensor([[1, 2, 3], [2, 0, 0], [0, 0, 0]])
    raw = one.raw(network, Batch({}, [target], np.arange(3)))
    nats = [-np.log(probability(network, 0)[1, 2, 3]), -np.log(probability(network, 1)[(2,)]), 0.0]
    assert one.judge(one.activate(raw), target).tolist() == pytest.approx([nats[0] / 3, nats[1], 0], abs=1e-4)
    assert float(one.loss(raw, target)) == pytest.approx(sum(nats) / 4, abs=1e-4)


@pytest.mark.parametrize("chain", [True, False])
def test_a_label_that_training_does_not_know_may_be_any(chain: bool) -> None:
    network, one = Fixed(chain).eval(), task()
    target = torch.tensor([[1, 0, 3], [0, 0, 0], [0, 0, 0]])
    found = one.judge(Scored(network.labels, network.transitions and network.transitions()), target)
    share = sum(value for ways, value in probability(network, 0).items() if ways[0] == 1 and ways[2] == 3)
    assert found.tolist() == pytest.approx([-np.log(share) / 2, 0, 0], abs=1e-4)


@pytest.mark.parametrize("lawful", [True, False])
@pytest.mark.parametrize("chain", [True, False])
def test_the_answer_is_the_likeliest_that_may_be(lawful: bool, chain: bool) -> None:
    network, one = Fixed(chain), task(lawful=lawful)
    found = one.outputs(network, {}, range(3))
    for row, said in enumerate(found):
        chances = probability(network, row)
        if lawful:  # I-x, code 3, stands behind B-x and I-x alone
            chances = {
                ways: value for ways, value in chances.items()
                if all(before in (2, 3) for before, label in itertools.pairwise((0, *ways)) if label == 3)
            }  # fmt: skip
        likeliest = max(chances, key=chances.__getitem__)
        assert tuple(said.codes) == likeliest
        assert said.sureness == pytest.approx(chances[likeliest] ** (1 / max(1, len(likeliest))), abs=1e-4)


def test_the_answer_in_the_columns_own_terms() -> None:
    one = task()
    answer = one.answer([Labelled([1, 2, 3], 0.5), Labelled([], 1.0)])
    frame = answer.frame(one.feature)
    assert frame["slots"].to_list() == [["O", "B-x", "I-x"], []] and frame["slots_sureness"].to_list() == [0.5, 1.0]
    assert len(answer) == 2 and len(answer.take(np.array([1]))) == 1
    truth = one.truth(Ragged(np.array([1, 2, 0], np.int32), np.array([2, 3])))
    assert truth.tolist() == [["O", "B-x"], ["B-?"]] and truth.dtype == object


def test_a_batch_without_words() -> None:
    one = task()
    labels = only(torch.zeros(2, 1, 4), torch.zeros(2, 1, dtype=torch.bool))
    raw, target = Scored(labels, torch.zeros(4, 4)), torch.zeros(2, 0, dtype=torch.long)
    assert float(one.loss(raw, target)) == 0 and one.judge(raw, target).tolist() == [0, 0]


def test_words_that_are_left_out_in_training_are_left_out_of_the_target_too() -> None:
    class Renaming(Fixed):
        settings = type("Settings", (), {"names": 4.0})

        def renamed(self, inputs: dict[str, Tensor], spans: Tensor) -> tuple[Tensor, Tensor]:
            assert spans.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]
            order = torch.tensor([[0, 1, 2], [0, 1, 2], [0, 1, 2]])
            order[0] = torch.tensor([0, 2, 1])
            there = torch.arange(3) < torch.tensor([2, 1, 0])[:, None]
            return only(self.labels, there), order

    network, one = Renaming().train(), task()
    target = torch.tensor([[1, 2, 3], [2, 0, 0], [0, 0, 0]])
    raw = one.raw(network, Batch({}, [target], np.arange(3)))
    assert raw.wanted is not None and raw.wanted.tolist() == [[1, 3, 0], [2, 0, 0], [0, 0, 0]]
    expected = one.loss(raw._replace(wanted=None), raw.wanted)
    assert torch.equal(one.loss(raw, target), expected) and torch.isfinite(expected)
