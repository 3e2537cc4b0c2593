"""Texts longer than what a network has learned to look back on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lamina.decoders.gpt import GPT, GPT2, GPT2Settings, GPTSettings
from lamina.decoders.sliding import Sliding
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.features.tokens import START, Characters

CONTEXT = 8


@pytest.fixture
def gpt() -> GPT:
    torch.manual_seed(0)
    network = GPT(12, None, GPTSettings(width=16, heads=2, depth=2)).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def by_hand(network: GPT, text: Tensor) -> Tensor:
    """What is said after a text that came token by token: after the last half of a window, and what came since."""
    begin, count = 0, 0
    for place in range(len(text)):
        count += 1
        if count > CONTEXT:
            begin, count = place + 1 - CONTEXT // 2, CONTEXT // 2
    part = text[None, begin:]
    return network(part, torch.tensor([part.shape[1]]))[0, -1]


@torch.inference_mode()
def test_it_looks_back_on_half_a_window_and_more(gpt: GPT) -> None:
    text = torch.randint(4, 12, (30,))
    sliding, state = Sliding(gpt, CONTEXT), None
    state = sliding.begin(None, 1)
    for place in range(len(text)):
        logits, state = sliding.step(text[None, place : place + 1], state)
        torch.testing.assert_close(logits[0], by_hand(gpt, text[: place + 1]), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_rows_are_the_same_in_any_batch(gpt: GPT) -> None:
    sliding = Sliding(gpt, CONTEXT)
    lengths = torch.tensor([1, 5, 8, 3])
    tokens = torch.randint(4, 12, (4, 40))

    def read(rows: list[int]) -> Tensor:
        some = torch.tensor(rows)
        longest = int(lengths[some].max())
        begun = torch.where(torch.arange(longest) < lengths[some, None], tokens[some, :longest], 0)
        said, state = sliding.step(begun, sliding.begin(None, len(rows)), lengths[some])
        told = [said]
        for step in range(20):
            ids = tokens[some].gather(1, lengths[some, None] + step)
            said, state = sliding.step(ids, state)
            told.append(said)
        return torch.stack(told)

    together = read([0, 1, 2, 3])
    for row in range(4):
        torch.testing.assert_close(read([row])[:, 0], together[:, row], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_long_beginning_counts_by_its_end(gpt: GPT) -> None:
    text = torch.randint(4, 12, (1, 30))
    sliding = Sliding(gpt, CONTEXT)
    logits, state = sliding.step(text, sliding.begin(None, 1))
    half = text[:, -CONTEXT // 2 :]
    torch.testing.assert_close(logits, gpt(half, torch.tensor([4]))[:, -1], atol=1e-4, rtol=1e-4)
    assert int(state["length"]) == CONTEXT // 2


def test_learned_positions_do_not_end_a_text() -> None:
    network = GPT2(8, None, GPT2Settings(width=8, heads=2, depth=1, longest=CONTEXT)).eval()
    lexicon = Lexicon(Characters(list("abcd"), lower=False), ends=(7,))
    writer = Writer(Sliding(network, CONTEXT), lexicon, DecodingSettings(how="sample", longest=40))
    (first,), (second,) = writer.write(prompts=[[START, 4, 5], [START]])
    alone = writer.write(prompts=[[START, 4, 5]])[0][0]
    assert alone.text == first.text and {first.ended, second.ended} <= {"longest", "end"}
