"""The Transformer is PyTorch's own in both forms, knows where a word stands, and says what it was asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lamina.backbones.transformer import Transformer, TransformerSettings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.nn.attention import Attention, EncoderBlock
from lamina.nn.positions import Places, rotated, sines
from lamina.nn.start import start

SLOT = Slot("said", "value", "tokens", size=30, length=7)
VALUES = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0], [3, 0, 0, 0, 0]])
LENGTHS = torch.tensor([5, 2, 1])


def made(**values: Any) -> Transformer:
    settings = TransformerSettings(**{"width": 12, "heads": 3, "depth": 2, "hidden": 2.0, **values})
    backbone = Transformer(SLOT, settings)
    start(backbone, 0)
    return backbone.eval()


def copied(ours: EncoderBlock, theirs: nn.TransformerEncoderLayer) -> None:
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


def torch_layer(norm: str) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(12, 3, 24, 0.0, "gelu", batch_first=True, norm_first=norm == "before")


@pytest.mark.parametrize("norm", ["before", "after"])
def test_a_layer_is_torchs_own(norm: Any) -> None:
    ours = start(EncoderBlock(12, 3, 24, "gelu", norm=norm), 0)
    theirs = torch_layer(norm)
    copied(ours, theirs)  # type: ignore[arg-type]
    x = torch.randn(3, 5, 12, generator=torch.Generator().manual_seed(1))
    there = torch.arange(5) < LENGTHS[:, None]
    expected = theirs(x, src_key_padding_mask=~there)
    assert torch.allclose(ours(x, there)[there], expected[there], atol=1e-5)


@pytest.mark.parametrize("norm", ["before", "after"])
def test_the_network_is_torchs_encoder(norm: Any) -> None:
    ours = made(norm=norm)
    layers = nn.ModuleList(torch_layer(norm) for _ in range(2))
    for block, layer in zip(ours.blocks, layers, strict=True):
        copied(block, layer)  # type: ignore[arg-type]
    with torch.no_grad():
        x, there = ours.steps(VALUES, LENGTHS)
        x = x + 0.02 * 2**0.5 * sines(5, 12)
        x = x if norm == "before" else ours.norm_in(x)
        for layer in layers:
            x = layer(x, src_key_padding_mask=~there)
        x = ours.norm_out(x) if norm == "before" else x
        found, found_there = ours.sequence(VALUES, LENGTHS)
    assert torch.equal(found_there, there)
    assert torch.allclose(found[there], x[there], atol=1e-5)


@pytest.mark.parametrize("positions", ["none", "sines", "learned", "rotary"])
def test_order_counts_where_places_are_known(positions: Any) -> None:
    backbone = made(positions=positions)
    for table in (backbone.steps.embed, *([backbone.places] if backbone.places else [])):
        nn.init.normal_(table.weight)  # as if it had learned
    one, other = (backbone(torch.tensor([words]), torch.tensor([4])) for words in ([3, 4, 5, 6], [6, 4, 3, 5]))
    assert torch.allclose(one, other, atol=1e-5) == (positions == "none")


def test_rotary_products_hang_on_the_distance_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(8, generator=generator).expand(1, 1, 9, 8) for _ in range(2))
    products = (rotated(query) @ rotated(key).mT)[0, 0]  # (9, 9)
    for apart in range(-8, 9):
        along = products.diagonal(apart)
        assert torch.allclose(along, along[:1].expand_as(along), atol=1e-5)
    assert torch.allclose(rotated(query).norm(dim=-1), query.norm(dim=-1))


def test_the_last_learned_place_is_shared() -> None:
    places = Places(3, 4, 1.0)
    assert torch.equal(places(5)[:3], places.weight) and torch.equal(places(5)[4], places.weight[2])


@pytest.mark.parametrize("pooling", ["mean", "first", "attention"])
def test_the_answer_of_each_pooling(pooling: Any) -> None:
    backbone = made(pooling=pooling)
    sequence, there = backbone.sequence(VALUES, LENGTHS)
    assert sequence.shape == (3, 5, 12), "the extra first place is not one of the row"
    out = backbone(VALUES, LENGTHS)
    if pooling == "mean":
        expected = torch.stack([row[:length].mean(0) for row, length in zip(sequence, LENGTHS, strict=True)])
        assert torch.allclose(out, expected, atol=1e-6)
    elif pooling == "attention":
        weights = backbone.pool.weights(sequence, there)
        assert torch.allclose(weights.sum(1), torch.ones(3)) and not weights[~there].any()
        assert torch.allclose(out, torch.einsum("btw,bt->bw", sequence, weights), atol=1e-6)
    else:
        first = backbone(torch.zeros(1, 0, dtype=torch.long), torch.tensor([0]))
        assert torch.isfinite(first).all() and not torch.allclose(first, out[:1], atol=1e-3)


def test_attention_weights_are_those_that_are_used() -> None:
    attention = start(Attention(12, 3, rotary=True), 0)
    x = torch.randn(3, 5, 12, generator=torch.Generator().manual_seed(2))
    there = torch.arange(5) < LENGTHS[:, None]
    weights = attention.weights(x, there)
    value = attention.query_key_value(x)[..., 24:].unflatten(-1, (3, 4)).transpose(1, 2)  # (B, H, T, D)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    assert torch.allclose(attention.out(mixed), attention(x, there), atol=1e-6)
    assert not weights.permute(0, 3, 1, 2)[~there].any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": 5}, r"heads must divide width · got 5 heads, width 12"),
        ({"heads": 4, "positions": "rotary"}, r"an even width of each head · got 4 heads, width 12"),
    ],
)
def test_what_does_not_fit_is_said(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        made(**values)


def test_dropout_of_what_is_added() -> None:
    block = start(EncoderBlock(12, 3, 24, residual_dropout=0.5), 0)
    x = torch.ones(2, 3, 12)
    dropped: Tensor = block(x) == x
    assert dropped.any() and not dropped.all()
