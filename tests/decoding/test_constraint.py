"""Whatever the network says, what is written is of the language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina.decoding.constraint import Constraint, Follower
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer

from .toys import LETTERS, Recurrent, Table


class Either(Constraint):
    """One of a few rows of ids."""

    def __init__(self, *texts: list[int], size: int = 7) -> None:
        self.texts, self.size = texts, size

    def begin(self) -> Follower:
        return _Either(self, [])


class _Either(Follower):
    def __init__(self, of: Either, ids: list[int]) -> None:
        self.of, self.ids = of, ids

    def allowed(self) -> np.ndarray:
        found = np.zeros(self.of.size, bool)
        for text in self.of.texts:
            if text[: len(self.ids)] == self.ids:
                found[text[len(self.ids)] if len(text) > len(self.ids) else 3] = True
        return found

    def take(self, one: int) -> None:
        assert self.allowed()[one]
        self.ids = [*self.ids, one]

    def copy(self) -> Follower:
        return _Either(self.of, self.ids)


@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
@pytest.mark.parametrize("values", [{}, {"no_repeat": 1}, {"repetition_penalty": 3.0}])
def test_every_search_keeps_to_it(how: Any, values: dict[str, Any]) -> None:
    texts = [[4, 4, 4], [4, 5, 4], [6], [5, 5]]
    for seed in range(4):
        made = DecodingSettings(how=how, longest=8, beams=3, **values)
        found = Writer(Recurrent(7, seed=seed), LETTERS, made, Either(*texts)).write(prompts=[[3], [3, 4], [3, 5, 6]])
        assert all(one.ids in texts and one.ended == "end" for (one,) in found)


def test_beams_find_all_of_a_language_and_no_more() -> None:
    texts = [[4, 4, 4], [4, 5, 4], [6], [5, 5]]
    made = DecodingSettings(how="beam", longest=8, beams=9, alternatives=9, length_penalty=0, thorough=True)
    (found,) = Writer(Recurrent(7), LETTERS, made, Either(*texts)).write()
    assert sorted(one.ids for one in found) == sorted(texts)
    free = DecodingSettings(how="beam", longest=4, beams=256, alternatives=256, length_penalty=0, thorough=True)
    own = {tuple(one.ids): one.score for one in Writer(Recurrent(7), LETTERS, free).write()[0] if one.ended == "end"}
    assert all(abs(own[tuple(one.ids)] - one.score) < 1e-5 for one in found), "what is forbidden keeps its share"


def test_a_beam_prefers_what_is_whole() -> None:
    logits = torch.zeros(7, 7)
    logits[:, 4] = 9.0
    made = DecodingSettings(how="beam", longest=3, beams=3, alternatives=2)
    (found,) = Writer(Table(logits), LETTERS, made, Either([4] * 5, [6])).write()
    assert [(one.ids, one.ended) for one in found] == [([6], "end"), ([4, 4, 4], "longest")]
    assert found[0].score < found[1].score
