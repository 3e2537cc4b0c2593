"""GPT: documents packed into a row stay apart, heads share keys, and one row by NumPy is the same network."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from lamina.decoders.gpt import GPT, GPT2, GPT2Settings, GPTSettings
from lamina.decoders.one_row import OneRow
from lamina.errors import SettingError
from lamina.nn.causal_attention import CausalAttention
from lamina.nn.lora import add_lora
from lamina.nn.rotary import Rotary, turn
from lamina.nn.start import start

TOKENS = torch.randint(4, 30, (2, 12), generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([12, 12])


def made(cls: type[GPT] = GPT, **values: Any) -> GPT:
    settings = cls.Settings(**{"width": 16, "heads": 4, "depth": 2, **values})
    gpt = start(cls(30, None, settings), 0).eval()
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.normal_(std=0.4, generator=torch.Generator().manual_seed(len(parameter)))
    assert isinstance(gpt, GPT)
    return gpt


FORMS = pytest.mark.parametrize(
    ("cls", "values"),
    [
        (GPT, {}),
        (GPT, {"key_heads": 2, "bias": True}),
        (GPT, {"key_heads": 1, "tied": False, "positions": "learned"}),
        (GPT2, {}),
        (GPT2, {"tied": False, "positions": "rotary", "bias": False}),
    ],
)


@FORMS
@torch.no_grad()
def test_packed_documents_are_each_as_if_alone(cls: type[GPT], values: dict[str, Any]) -> None:
    gpt = made(cls, **values)
    segments = torch.tensor([[0] * 5 + [1] * 4 + [2] * 3, [7] + [8] * 11])
    packed = gpt(TOKENS, LENGTHS, segments=segments)
    assert not torch.allclose(packed[0, 5:], gpt(TOKENS, LENGTHS)[0, 5:], atol=1e-2)
    for row in range(2):
        for segment in segments[row].unique():
            places = segments[row] == segment
            alone = gpt(TOKENS[row : row + 1, places], LENGTHS[:1])[0]
            torch.testing.assert_close(packed[row, places], alone, rtol=0, atol=1e-5)


@FORMS
def test_one_row_by_numpy_is_the_same(cls: type[GPT], values: dict[str, Any]) -> None:
    gpt = made(cls, **values)
    found = {}
    for is_plain in (True, False):
        logits, state = gpt.step(TOKENS[:1, :3], gpt.begin(None, 1))
        gpt._one_row, gpt._has_looked = OneRow.of(gpt) if is_plain else None, True
        assert (gpt._one_row is not None) == is_plain
        steps: list[Tensor] = []
        for place in range(3, 12):
            logits, state = gpt.step(TOKENS[:1, place : place + 1], state)
            steps.append(logits)
        found[is_plain] = [*steps, state["cache"], state["length"]]
    for one, other in zip(found[True], found[False], strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_numpy_leaves_networks_that_are_not_plain_to_pytorch() -> None:
    gpt = made()
    assert OneRow.of(gpt) is not None
    assert OneRow.of(copy.deepcopy(gpt).double()) is None
    watched = copy.deepcopy(gpt)
    seen: list[Any] = []
    watched.blocks[1].feed.register_forward_hook(lambda *given: seen.append(given[-1].shape))
    watched.step(TOKENS[:1, :1], watched.begin(None, 1))
    assert seen == [(1, 1, 16)]
    add_lora(gpt, rank=2)
    with torch.no_grad():
        for name, parameter in gpt.named_parameters():
            if name.endswith("up"):
                parameter.fill_(0.1)
        expected = gpt(TOKENS[:1], LENGTHS[:1])[0]
    state = gpt.begin(None, 1)
    for place in range(3):
        logits, state = gpt.step(TOKENS[:1, place : place + 1], state)
        torch.testing.assert_close(logits[0], expected[place], rtol=0, atol=1e-4)


def test_weights_that_learn_on_are_seen_by_the_next_text() -> None:
    gpt = made()
    first, _ = gpt.step(TOKENS[:1, :1], gpt.begin(None, 1))
    with torch.no_grad():
        gpt.blocks[0].feed.down.weight *= 2
    second, _ = gpt.step(TOKENS[:1, :1], gpt.begin(None, 1))
    with torch.no_grad():
        expected = gpt(TOKENS[:1, :1], LENGTHS[:1])[:, 0]
    assert not torch.allclose(first, second, atol=1e-3)
    torch.testing.assert_close(second, expected, rtol=0, atol=1e-5)
    assert copy.deepcopy(gpt)._one_row is None


@torch.no_grad()
def test_shared_keys_are_keys_written_out_for_each_head() -> None:
    generator = torch.Generator().manual_seed(1)
    shared, plain = CausalAttention(16, 4, 2), CausalAttention(16, 4)
    query, key, value = shared.query_key_value.weight.unflatten(0, (-1, 4)).split((4, 2, 2))  # heads of (4, 16)
    twice = torch.cat([query, key.repeat_interleave(2, 0), value.repeat_interleave(2, 0)])
    plain.query_key_value.weight.copy_(twice.flatten(0, 1))
    plain.out.load_state_dict(shared.out.state_dict())
    x = torch.randn(2, 5, 16, generator=generator)
    turns = Rotary(4)(torch.arange(5)[None])
    torch.testing.assert_close(shared(x, turns), plain(x, turns), rtol=0, atol=1e-6)


def test_rotary_products_hang_on_the_distance_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    turns = Rotary(8)(torch.arange(9)[None])
    query, key = (turn(torch.randn(8, generator=generator).expand(1, 9, 1, 8), turns)[0, :, 0] for _ in range(2))
    products = query @ key.T
    for apart in range(-8, 9):
        along = products.diagonal(apart)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=0, atol=1e-5)


def test_the_forms_differ_in_their_settings_alone() -> None:
    said = {"positions": "learned", "normalisation": "layer", "feed": "gelu", "bias": True}
    gpt = GPT(30, None, GPTSettings(width=8, heads=2, **said))  # type: ignore[arg-type]
    same = GPT2(30, None, GPT2Settings(width=8, heads=2))
    gpt.load_state_dict(same.state_dict())
    torch.testing.assert_close(gpt.eval()(TOKENS, LENGTHS), same.eval()(TOKENS, LENGTHS))


def test_key_heads_that_do_not_fit() -> None:
    with pytest.raises(SettingError, match=r"key_heads must divide heads · got 3, 4 heads"):
        made(key_heads=3)
