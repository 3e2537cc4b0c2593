"""The chain of labels beside every way to label a short row, written out."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from lamina.nn.crf import NEVER, best, only, total

LABELS = 4  # of which 0 is none


def drawn(lengths: list[int], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, which places are there, and transitions."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths)
    scores = torch.randn(len(lengths), longest, LABELS, generator=generator)
    there = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return scores, there, torch.randn(LABELS, LABELS, generator=generator)


def every_way(scores: Tensor, transitions: Tensor) -> dict[tuple[int, ...], float]:
    """The score of each way to label a row of (W, L), by the formula."""
    ways = {}
    for labels in itertools.product(range(1, LABELS), repeat=len(scores)):
        path = (0, *labels, 0)
        steps = sum(float(transitions[one, other]) for one, other in itertools.pairwise(path))
        ways[labels] = steps + sum(float(scores[place, label]) for place, label in enumerate(labels))
    return ways


@pytest.mark.parametrize("lengths", [[4, 3, 1], [2, 2], [1], [5, 0]], ids=str)
def test_totals_and_the_best_way_are_those_of_all_ways(lengths: list[int]) -> None:
    scores, there, transitions = drawn(lengths)
    emissions = only(scores, there)
    found, whole = best(emissions, transitions), total(emissions, transitions)
    assert found.shape == there.shape
    for row, length in enumerate(lengths):
        ways = every_way(scores[row, :length], transitions)
        # What stands behind the end adds the same to every way, so that it falls out of their differences.
        behind = float(transitions[0, 0]) * (there.shape[1] - length)
        everything = torch.tensor(list(ways.values())).logsumexp(0)
        assert torch.allclose(whole[row] - behind, everything, atol=1e-4)
        likeliest = max(ways, key=ways.__getitem__)
        assert found[row].tolist() == [*likeliest, *[0] * (there.shape[1] - length)]
        wanted = torch.zeros_like(found)
        for labels, score in ways.items():
            wanted[row, :length] = torch.tensor(labels)
            assert float(total(emissions, transitions, wanted)[row]) - behind == pytest.approx(score, abs=1e-3)


def test_probabilities_of_all_ways_sum_to_one() -> None:
    scores, there, transitions = drawn([3])
    emissions = only(scores, there)
    ways = torch.tensor(list(itertools.product(range(1, LABELS), repeat=3)))
    many = emissions.expand(len(ways), -1, -1)
    logs = total(many, transitions, ways) - total(many, transitions)
    assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_label_that_may_be_any_counts_all_that_it_may_be() -> None:
    scores, there, transitions = drawn([3])
    emissions = only(scores, there)
    ways = every_way(scores[0], transitions)
    wanted = torch.tensor([[2, 0, 1]])
    fitting = torch.tensor([score for labels, score in ways.items() if labels[0] == 2 and labels[2] == 1])
    assert torch.allclose(total(emissions, transitions, wanted)[0], fitting.logsumexp(0), atol=1e-4)


def test_what_may_not_follow_does_not() -> None:
    scores, there, transitions = drawn([5, 4, 2])
    transitions[:, 3] = NEVER
    transitions[2, 3] = 0.0
    found = best(only(scores * 5, there), transitions)
    for row in found.tolist():
        assert all(before == 2 for before, label in itertools.pairwise([0, *row]) if label == 3)


def test_the_gradient_agrees_with_finite_differences_and_is_a_number_in_long_rows() -> None:
    scores, there, transitions = drawn([3, 2])
    wanted = torch.tensor([[1, 2, 3], [3, 1, 0]])

    def nats(scores: Tensor, transitions: Tensor) -> Tensor:
        emissions = only(scores, there)
        return (total(emissions, transitions) - total(emissions, transitions, wanted)).sum()

    pair = (scores.double().requires_grad_(), transitions.double().requires_grad_())
    assert torch.autograd.gradcheck(nats, pair)
    long = torch.randn(2, 300, LABELS, requires_grad=True)
    lost = total(only(long, torch.arange(300) < torch.tensor([[300], [7]])), transitions).sum()
    lost.backward()
    assert torch.isfinite(long.grad).all()
