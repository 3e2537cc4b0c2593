"""With enough beams, the search finds what trying every text finds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from lamina.decoding.beam import divisor
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written

from .toys import LETTERS, Recurrent, memory_of

LONGEST = 4
EVERY = 3**LONGEST  # beams that no beginning is lost with


def every_text(decoder: Recurrent, prompt: list[int], alpha: float) -> list[tuple[float, tuple[int, ...]]]:
    """All texts with their scores, the best first."""

    def texts() -> Iterator[tuple[int, ...]]:
        for count in range(LONGEST):
            yield from ((*letters, 3) for letters in itertools.product((4, 5, 6), repeat=count))
        yield from itertools.product((4, 5, 6), repeat=LONGEST)

    found = []
    for text in texts():
        tokens = torch.tensor([[*prompt, *text]])
        with torch.no_grad():
            logs = decoder(tokens[:, :-1], torch.tensor([tokens.shape[1] - 1]))[0].log_softmax(-1)
        own = logs[len(prompt) - 1 :].gather(1, torch.tensor(text)[:, None]).double().sum().item()
        found.append((own / ((5 + len(text)) / 6) ** alpha, text))
    return sorted(found, reverse=True)


def ids_of(written: Written) -> tuple[int, ...]:
    return (*written.ids, *([3] if written.ended == "end" else []))


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(6))
def test_it_finds_the_best_of_all_texts(seed: int, alpha: float) -> None:
    decoder = Recurrent(7, seed=seed).eval()
    settings = DecodingSettings(
        how="beam", beams=EVERY, length_penalty=alpha, alternatives=9, longest=LONGEST, thorough=True
    )
    prompts = [[3], [3, 5, 4]]
    for prompt, found in zip(prompts, Writer(decoder, LETTERS, settings).write(prompts=prompts), strict=True):
        best = every_text(decoder, prompt, alpha)[:9]
        assert [ids_of(written) for written in found] == [text for _, text in best]
        assert np.allclose([written.score for written in found], [score for score, _ in best], atol=1e-5)


def test_without_a_length_penalty_the_usual_end_is_exact_too() -> None:
    for seed in range(6):
        decoder = Recurrent(7, seed=seed).eval()
        settings = DecodingSettings(how="beam", beams=EVERY, length_penalty=0, longest=LONGEST)
        ((found,),) = Writer(decoder, LETTERS, settings).write()
        assert ids_of(found) == every_text(decoder, [3], 0)[0][1]


def test_all_texts_that_there_are() -> None:
    settings = DecodingSettings(how="beam", beams=256, alternatives=256, longest=3, thorough=True)
    (found,) = Writer(Recurrent(7), LETTERS, settings).write()
    assert len(found) == 1 + 3 + 9 + 27 == len({ids_of(written) for written in found})
    assert sum(written.ended == "end" for written in found) == 13


def test_one_beam_is_greedy() -> None:
    for seed in range(8):
        decoder = Recurrent(7, seed=seed)
        beam, greedy = (
            Writer(decoder, LETTERS, DecodingSettings(how=how, beams=1, longest=9)).write(prompts=[[3], [3, 6, 4]])
            for how in ("beam", "greedy")
        )
        assert [ids_of(one) for (one,) in beam] == [ids_of(one) for (one,) in greedy]


@pytest.mark.parametrize("beams", [2, 3, 5])
def test_rows_of_a_batch_are_as_alone(beams: int) -> None:
    writer = Writer(
        Recurrent(7, memory=4, seed=2, reluctance=7.0),
        LETTERS,
        DecodingSettings(how="beam", beams=beams, alternatives=2, longest=12, length_penalty=4, no_repeat=3),
    )
    memory, prompts = memory_of(5), [[3], [3, 4, 5, 6], [3, 6], [3, 5, 5], [3]]
    together = writer.write(memory, prompts)
    for row, found in enumerate(together):
        (alone,) = writer.write(type(memory)(*(part[row : row + 1] for part in memory)), [prompts[row]])
        assert [one.ids for one in alone] == [one.ids for one in found]
        assert all(
            np.allclose([*one.logs, one.score], [*other.logs, other.score], atol=1e-5)
            for one, other in zip(alone, found, strict=True)
        )
    assert len({tuple(found[0].ids) for found in together}) > 2


def test_the_score_is_the_own_log_probability_over_the_penalty_of_length() -> None:
    decoder = Recurrent(7, seed=1).eval()
    settings = DecodingSettings(how="beam", beams=4, alternatives=4, longest=8, length_penalty=0.9)
    (found,) = Writer(decoder, LETTERS, settings).write(prompts=[[3, 4]])
    for written in found:
        tokens = torch.tensor([[3, 4, *ids_of(written)]])
        with torch.no_grad():
            logs = decoder(tokens, torch.tensor([tokens.shape[1]]))[0].log_softmax(-1)
        own = logs[1:-1].gather(1, tokens[0, 2:, None])[:, 0]
        assert np.allclose(written.logs, own, atol=1e-5)
        assert math.isclose(written.score, sum(written.logs) / ((5 + len(written.logs)) / 6) ** 0.9, abs_tol=1e-5)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_stop_string_ends_a_beam() -> None:
    settings = DecodingSettings(how="beam", beams=EVERY, alternatives=EVERY, longest=3, stop=["ab"], thorough=True)
    (found,) = Writer(Recurrent(7), LETTERS, settings).write()
    texts = {written.text: written.ended for written in found}
    assert texts[""] in ("end", "stop") and not any("ab" in text for text in texts)
    stopped = {tuple(written.ids): written.text for written in found if written.ended == "stop"}
    assert stopped == {(4, 5): "", (4, 4, 5): "a", (5, 4, 5): "b", (6, 4, 5): "c"}


def test_the_penalty_of_length() -> None:
    assert [round(divisor(count, 0.6), 4) for count in (1, 2, 10, 50)] == [1.0, 1.0969, 1.7329, 3.7786]
    assert divisor(9, 0) == 1
