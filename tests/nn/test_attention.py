"""Attention is PyTorch's own, to the last digits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamina.models.ft_transformer import FTTransformer, FTTransformerSettings
from lamina.nn.attention import Attention, EncoderBlock
from lamina.nn.start import start
from lamina.testing import sample_inputs, sample_layouts

WIDTH, HEADS = 12, 3


def test_attention_is_multi_head_attention() -> None:
    ours = start(Attention(WIDTH, HEADS), 0)
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.query_key_value.weight,
            "in_proj_bias": ours.query_key_value.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(4, 7, WIDTH, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ours(x), theirs(x, x, x, need_weights=False)[0], atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_block_is_a_pre_norm_encoder_layer(activation: str) -> None:
    ours = start(EncoderBlock(WIDTH, HEADS, 20, activation), 0)
    theirs = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 20, dropout=0.0, activation=activation, batch_first=True, norm_first=True
    )
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": ours.attention.query_key_value.weight,
            "self_attn.in_proj_bias": ours.attention.query_key_value.bias,
            "self_attn.out_proj.weight": ours.attention.out.weight,
            "self_attn.out_proj.bias": ours.attention.out.bias,
            "linear1.weight": ours.feed[0].weight,
            "linear1.bias": ours.feed[0].bias,
            "linear2.weight": ours.feed[3].weight,
            "linear2.bias": ours.feed[3].bias,
            "norm1.weight": ours.norm_attention.weight,
            "norm1.bias": ours.norm_attention.bias,
            "norm2.weight": ours.norm_feed.weight,
            "norm2.bias": ours.norm_feed.bias,
        }
    )
    x = torch.randn(4, 7, WIDTH, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_dropout_only_in_training() -> None:
    block = start(EncoderBlock(WIDTH, HEADS, 20, dropout=0.5), 0)
    x = torch.randn(2, 5, WIDTH)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_the_answer_does_not_hang_on_the_order_of_the_tokens() -> None:
    """The reader sees a set of column tokens: two numbers that swap places, with their weights, change nothing."""
    layout = sample_layouts()[1]
    model = start(FTTransformer(layout, 2, FTTransformerSettings(width=8, heads=2, depth=2)), 0).eval()
    inputs = sample_inputs(layout, 5)
    before = model(inputs)
    order = [2, 0, 1]
    with torch.no_grad():
        model.tokens.weight.copy_(model.tokens.weight[order].clone())
        model.tokens.bias.copy_(model.tokens.bias[order].clone())
    after = model({**inputs, "number": inputs["number"][:, order]})
    assert torch.allclose(before, after, atol=1e-6)


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match=r"heads must divide width · got 3 heads, width 8"):
        FTTransformer(sample_layouts()[0], 1, FTTransformerSettings(width=8, heads=3))
