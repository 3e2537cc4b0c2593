"""The decoder is PyTorch's own in both forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lamina.decoders.base import Memory
from lamina.decoders.transformer import Block, TransformerDecoder, TransformerDecoderSettings
from lamina.nn.causal_attention import CrossAttention
from lamina.nn.positions import sines
from lamina.nn.start import start

LENGTHS = torch.tensor([4, 2, 1])
THERE = torch.arange(4) < LENGTHS[:, None]
CAUSAL = nn.Transformer.generate_square_subsequent_mask(5)


def made(**values: Any) -> TransformerDecoder:
    settings = TransformerDecoderSettings(**{"width": 12, "heads": 3, "hidden": 2.0, **values})
    decoder = start(TransformerDecoder(20, 12, settings), 0).eval()
    assert isinstance(decoder, TransformerDecoder)
    return decoder


def torchs(block: Block, settings: TransformerDecoderSettings) -> nn.TransformerDecoderLayer:
    """PyTorch's layer with the same weights."""
    before = settings.norm == "before"
    layer = nn.TransformerDecoderLayer(12, 3, 24, 0.0, settings.activation, batch_first=True, norm_first=before)
    assert block.cross is not None and block.norm_cross is not None
    weights = {
        "self_attn.in_proj_weight": block.attention.query_key_value.weight,
        "self_attn.in_proj_bias": block.attention.query_key_value.bias,
        "multihead_attn.in_proj_weight": torch.cat([block.cross.query.weight, block.cross.key_value.weight]),
        "multihead_attn.in_proj_bias": torch.cat([block.cross.query.bias, block.cross.key_value.bias]),
    }
    pairs = {
        "self_attn.out_proj": block.attention.out,
        "multihead_attn.out_proj": block.cross.out,
        "linear1": block.feed[0],
        "linear2": block.feed[3],
        "norm1": block.norm_attention,
        "norm2": block.norm_cross,
        "norm3": block.norm_feed,
    }
    for name, ours in pairs.items():
        weights |= {f"{name}.{part}": value for part, value in ours.named_parameters()}  # type: ignore[union-attr]
    layer.load_state_dict(weights)
    return layer.eval()


@pytest.mark.parametrize("norm", ["before", "after"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@torch.no_grad()
def test_the_network_is_torchs(norm: Any, activation: Any) -> None:
    ours = made(norm=norm, activation=activation)
    for parameter in ours.parameters():
        parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(len(parameter)))
    layers = [torchs(block, ours.settings) for block in ours.blocks]  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    memory = torch.randn(3, 4, 12, generator=generator)
    tokens = torch.randint(4, 20, (3, 5), generator=generator)
    x = ours.words(tokens) * 12**0.5 + sines(5, 12)
    for layer in layers:
        x = layer(x, memory, tgt_mask=CAUSAL, tgt_is_causal=True, memory_key_padding_mask=~THERE)
    expected = ours.norm(x) @ ours.words.weight.T
    found = ours(tokens, torch.tensor([5, 5, 5]), Memory(memory, THERE))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_weights_over_the_memory_are_those_that_are_used() -> None:
    attention = start(CrossAttention(12, 3, memory=7), 0)
    assert isinstance(attention, CrossAttention)
    x, memory = (
        torch.randn(3, count, width, generator=torch.Generator().manual_seed(2)) for count, width in ((5, 12), (4, 7))
    )
    known = attention.keys_values(memory)
    weights = attention.weights(x, known, THERE)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 3, 5))
    assert not weights.permute(0, 3, 1, 2)[~THERE].any()
    mixed = (weights @ known[:, 1]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.out(mixed), attention(x, known, THERE), rtol=0, atol=1e-6)


@pytest.mark.parametrize("positions", ["sines", "learned", "rotary"])
@torch.no_grad()
def test_order_counts(positions: Any) -> None:
    decoder = made(positions=positions)
    memory = Memory(torch.zeros(1, 1, 12), torch.ones(1, 1, dtype=torch.bool))
    one, other = (
        decoder(torch.tensor([row]), torch.tensor([4]), memory)[0, -1] for row in ([3, 4, 5, 6], [4, 3, 5, 6])
    )
    assert not torch.allclose(one, other, atol=1e-4)
