"""Chance is the formula's, and hangs on the seed, the row and the place alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.decoding.sampling import chances, drawn, uniform
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer

from .toys import LETTERS, Recurrent, Table

LOGITS = torch.tensor([[1.0, -1.0, 0.5, float("-inf"), 2.0]])


def test_numbers_are_even_and_apart() -> None:
    numbers = np.array([uniform(1, row, 0, place) for row in range(60) for place in range(60)])
    assert len(set(numbers)) == 3600 and numbers.min() >= 0 and numbers.max() < 1
    counts = np.histogram(numbers, 20, (0, 1))[0]
    assert ((counts - 180) ** 2 / 180).sum() < 45, "chi-square of 19 degrees, beyond its .999 quantile"
    table = numbers.reshape(60, 60)
    assert abs(np.corrcoef(table[:-1].ravel(), table[1:].ravel())[0, 1]) < 0.06
    assert abs(np.corrcoef(table[:, :-1].ravel(), table[:, 1:].ravel())[0, 1]) < 0.06


def test_numbers_are_the_same_in_every_version() -> None:
    assert [round(uniform(0, row, 0, 3), 6) for row in range(3)] == [0.644573, 0.858895, 0.482239]


def test_a_token_is_drawn_as_often_as_its_probability_says() -> None:
    wanted = chances(LOGITS, DecodingSettings(how="sample"))
    assert torch.allclose(wanted, LOGITS.softmax(-1))
    count = 1000
    ids = drawn(wanted.expand(count, -1), [(place + 0.5) / count for place in range(count)])
    assert torch.allclose(ids.bincount(minlength=5) / count, wanted[0], atol=1 / count)


def test_neither_end_of_the_scale_gives_what_has_no_chance() -> None:
    ends = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]]).expand(2, -1)
    assert drawn(ends, [0.0, 1 - 2**-53]).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"temperature": 0.5}, [2.0, -2.0, 1.0, float("-inf"), 4.0]),
        ({"top_k": 2}, [1.0, float("-inf"), float("-inf"), float("-inf"), 2.0]),
        ({"top_p": 0.6}, [float("-inf"), float("-inf"), float("-inf"), float("-inf"), 2.0]),
        ({"min_p": 0.3}, [1.0, float("-inf"), float("-inf"), float("-inf"), 2.0]),
        # Hotter, a token more is in the nucleus; of the three that are left, two have half of the first one's chance.
        ({"temperature": 2.0, "top_p": 0.8, "min_p": 0.5}, [0.5, float("-inf"), float("-inf"), float("-inf"), 1.0]),
    ],
)
def test_filters_in_their_order(settings: dict[str, float], expected: list[float]) -> None:
    found = chances(LOGITS, DecodingSettings(how="sample", **settings))  # type: ignore[arg-type]
    assert torch.allclose(found, torch.tensor([expected]).softmax(-1), atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.7, "top_k": 3}, {"top_p": 0.8}, {"min_p": 0.3}])
def test_texts_by_chance_have_the_distribution_of_the_formula(settings: dict[str, float]) -> None:
    logits = torch.zeros(7, 7)
    logits[3] = torch.tensor([9.0, 9.0, 9.0, 0.0, 1.0, 0.5, 1.5])
    made = DecodingSettings(how="sample", longest=1, **settings)  # type: ignore[arg-type]
    writer = Writer(Table(logits), LETTERS, made)
    rows = 4000
    found = writer.write(prompts=[[3]] * rows)
    first = np.array([written.ids[0] if written.ids else 3 for (written,) in found])
    wanted = chances(logits[3:4].index_fill(1, torch.arange(3), float("-inf")), made)[0].numpy()
    counts = np.bincount(first, minlength=7)
    assert not counts[wanted == 0].any()
    spread = (counts - rows * wanted)[wanted > 0] ** 2 / (rows * wanted[wanted > 0])
    assert spread.sum() < 17, "chi-square of at most 3 degrees, beyond its .999 quantile"


SETTINGS = DecodingSettings(how="sample", longest=12, temperature=1.5, seed=4)


def test_a_row_does_not_hang_on_its_batch() -> None:
    writer = Writer(Recurrent(7, reluctance=7.0), LETTERS, SETTINGS)
    prompts = [[3], [3, 4, 5, 6], [3, 6], [3, 5, 5]]
    together = writer.write(prompts=prompts, rows=[7, 3, 12, 5])
    for prompt, row, found in zip(prompts, [7, 3, 12, 5], together, strict=True):
        (alone,) = writer.write(prompts=[prompt], rows=[row])
        assert alone[0].ids == found[0].ids and np.allclose(alone[0].logs, found[0].logs, atol=1e-5)
    assert len({tuple(found[0].ids) for found in together}) == 4


def test_a_text_that_is_taken_up_again_goes_on_as_it_would_have() -> None:
    writer = Writer(Recurrent(7, seed=3, reluctance=9.0), LETTERS, SETTINGS)
    ((whole,),) = writer.write(rows=[2])
    assert len(whole.ids) > 6
    for cut in (1, 4, len(whole.ids)):
        ((rest,),) = writer.write(prompts=[[3, *whole.ids[:cut]]], rows=[2])
        assert whole.ids[cut:] == rest.ids[: len(whole.ids) - cut]


def test_alternatives_are_the_same_however_many_there_are() -> None:
    few, many = (
        Writer(Recurrent(7), LETTERS, DecodingSettings(how="sample", longest=8, alternatives=count)).write(
            prompts=[[3], [3, 4]]
        )
        for count in (1, 5)
    )
    assert [len(found) for found in many] == [5, 5]
    assert [found[0].ids for found in few] == [found[0].ids for found in many]
    assert len({tuple(written.ids) for written in many[0]}) > 2
