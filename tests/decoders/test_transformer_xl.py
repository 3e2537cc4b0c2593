"""Transformer-XL is the paper's formula, place by place, and remembers over segments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.decoders.base import State
from lamina.decoders.transformer_xl import TransformerXL, TransformerXLSettings
from lamina.nn.positions import sines
from lamina.nn.start import start

TOKENS = torch.randint(4, 20, (2, 11), generator=torch.Generator().manual_seed(0))


def made(**values: Any) -> TransformerXL:
    settings = TransformerXLSettings(**{"width": 8, "heads": 2, "depth": 2, "hidden": 2.0, "remembered": 4, **values})
    network = start(TransformerXL(20, None, settings), 0).eval()
    assert isinstance(network, TransformerXL)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.4, generator=torch.Generator().manual_seed(parameter.numel()))
    return network


def naive(network: TransformerXL, tokens: Tensor, before: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Logits (T, size) of one row, place by place, given what went into each layer before; and what did now."""
    x = network.words.weight[tokens]  # (T, width)
    inputs = []
    for block, past in zip(network.blocks, before, strict=True):
        known = torch.cat([past, x])
        inputs.append(known)
        attention = block.attention
        normed = block.norm_attention(known)
        query = (normed[len(past) :] @ attention.query.weight.T).unflatten(-1, (2, 4))
        key, value = (normed @ attention.key_value.weight.T).unflatten(-1, (2, 2, 4)).unbind(1)
        rows = []
        for i in range(len(x)):
            heads = []
            for head in range(2):
                scores = []
                for j in range(len(past) + i + 1):
                    far = attention.distance[head] @ sines(99, 8)[len(past) + i - j]
                    q = query[i, head]
                    by_content = (q + attention.by_content[head]) @ key[j, head]
                    scores.append((by_content + (q + attention.by_distance[head]) @ far) / 4**0.5)
                weights = torch.stack(scores).softmax(0)
                heads.append(weights @ value[: len(weights), head])
            rows.append(torch.cat(heads))
        x = x + torch.stack(rows) @ attention.out.weight.T
        x = x + block.feed(block.norm_feed(x))
    return network.norm(x) @ network.words.weight.T, inputs


@torch.no_grad()
def test_three_segments_are_the_naive_formula() -> None:
    network = made()
    state = network.begin(None, 2)
    before = [[torch.zeros(0, 8)] * 2 for _ in range(2)]
    for begin, end in ((0, 5), (5, 8), (8, 11)):
        found, state = network.segment(TOKENS[:, begin:end], None, state)
        for row in range(2):
            expected, inputs = naive(network, TOKENS[row, begin:end], before[row])
            torch.testing.assert_close(found[row], expected, rtol=0, atol=1e-5)
            before[row] = [one[-4:] for one in inputs]
    assert state["hidden"].shape == (2, 2, 4, 8) and state["length"].tolist() == [4, 4]


@torch.no_grad()
def test_segments_of_unequal_lengths_are_each_as_if_alone() -> None:
    network = made()
    cuts = [(torch.tensor([3, 1]), 3), (torch.tensor([1, 4]), 4), (torch.tensor([4, 2]), 4)]
    alone: list[State] = [network.begin(None, 1) for _ in range(2)]
    state, at = network.begin(None, 2), [0, 0]
    for lengths, count in cuts:
        tokens = torch.zeros(2, count, dtype=torch.int64)
        for row, length in enumerate(lengths.tolist()):
            tokens[row, :length] = TOKENS[row, at[row] : at[row] + length]
        found, state = network.segment(tokens, lengths, state)
        for row, length in enumerate(lengths.tolist()):
            expected, alone[row] = network.segment(tokens[row : row + 1, :length], None, alone[row])
            torch.testing.assert_close(found[row, :length], expected[0], rtol=0, atol=1e-5)
            assert int(state["length"][row]) == int(alone[row]["length"][0])
            at[row] += length


@torch.no_grad()
def test_writing_on_from_a_segment() -> None:
    """What is written after a segment looks at what is remembered, and at all that was written since."""
    network = made()
    _, state = network.segment(TOKENS[:, :5], torch.tensor([5, 2]), network.begin(None, 2))
    expected, _ = network.segment(TOKENS[:, 5:], None, state)
    logits, writing = network.step(TOKENS[:, 5:7], state)
    torch.testing.assert_close(logits, expected[:, 1], rtol=0, atol=1e-5)
    for place in range(7, 11):
        logits, writing = network.step(TOKENS[:, place : place + 1], writing)
        torch.testing.assert_close(logits, expected[:, place - 5], rtol=0, atol=1e-5)


def test_no_gradient_goes_back_to_the_segment_before() -> None:
    network = made()
    _, state = network.segment(TOKENS[:, :5], None, network.begin(None, 2))
    assert not any(values.requires_grad for values in state.values())
    logits, _ = network.segment(TOKENS[:, 5:], None, state)
    logits.sum().backward()
    assert network.blocks[0].attention.distance.grad.any()


@torch.no_grad()
def test_what_is_remembered_counts_and_nothing_else_does() -> None:
    for remembered, counts in ((4, True), (0, False)):
        network = made(remembered=remembered)
        after = []
        for first in (TOKENS[:1, :5], TOKENS[1:, :5]):
            _, state = network.segment(first, None, network.begin(None, 1))
            after.append(network.segment(TOKENS[:1, 5:], None, state)[0])
        assert torch.allclose(*after, atol=1e-5) != counts


@torch.no_grad()
def test_texts_in_one_row_do_not_see_each_other() -> None:
    network = made()
    segments = torch.tensor([[0] * 4 + [1] * 7, [0] * 11])
    before = torch.randint(4, 20, (2, 4), generator=torch.Generator().manual_seed(1))
    state = network.segment(before, None, network.begin(None, 2))[1]
    together = network.segment(TOKENS, None, state, segments)[0]
    alone = network(TOKENS[:1, 4:], torch.tensor([7]))
    torch.testing.assert_close(together[:1, 4:], alone, atol=1e-5, rtol=1e-4)
    first, plain = (network.segment(TOKENS[:, :4], None, state, one)[0] for one in (segments[:, :4], None))
    torch.testing.assert_close(first, plain, msg="the text that a row begins with sees what is remembered")
    torch.testing.assert_close(together[1], network.segment(TOKENS, None, state)[0][1], atol=1e-5, rtol=1e-4)
