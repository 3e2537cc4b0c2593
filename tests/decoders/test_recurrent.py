"""Recurrent decoders are their papers' formulas, written out token by token."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lamina.decoders import DECODERS
from lamina.decoders.base import Memory
from lamina.decoders.recurrent import RecurrentDecoder
from lamina.nn.start import start

SIZE, WIDTH, MEMORY = 12, 5, 4
TOKENS = torch.tensor([[3, 5, 7, 9], [3, 6, 4, 0]])
LENGTHS = torch.tensor([4, 3])
PLACES = [3, 2]


def made(name: str, memory: int | None = MEMORY, **values: Any) -> RecurrentDecoder:
    cls = DECODERS[name]
    decoder = start(cls(SIZE, memory, cls.Settings(**{"width": WIDTH, "depth": 2, **values})), 0).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(std=0.6, generator=torch.Generator().manual_seed(parameter.numel()))
    return decoder  # type: ignore[no-any-return]


def remembered() -> Memory:
    values = torch.randn(2, 3, MEMORY, generator=torch.Generator().manual_seed(1))
    return Memory(values, torch.arange(3) < torch.tensor(PLACES)[:, None])


def cell(layer: Any, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of one layer by its formula, for one row."""
    given = layer.weight_ih_l0 @ x + layer.bias_ih_l0
    kept = layer.weight_hh_l0 @ h + layer.bias_hh_l0
    if isinstance(layer, nn.LSTM):
        i, f, n, o = (given + kept).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * n.tanh()
        return o.sigmoid() * c.tanh(), c
    if isinstance(layer, nn.GRU):
        (r, z, n), (kept_r, kept_z, kept_n) = given.chunk(3), kept.chunk(3)
        r, z = (r + kept_r).sigmoid(), (z + kept_z).sigmoid()
        return (1 - z) * (n + r * kept_n).tanh() + z * h, c
    return (given + kept).tanh(), c


def score(decoder: RecurrentDecoder, s: Tensor, h: Tensor) -> Tensor:
    kind, align = decoder.settings.attention, decoder.alignment
    if kind == "additive":
        inner = align.query.weight @ s + align.query.bias + align.key.weight @ h
        return align.vector.weight[0] @ torch.tanh(inner)  # type: ignore[union-attr]
    return s @ (align.key.weight @ h)


def written_out(decoder: RecurrentDecoder, row: int) -> tuple[Tensor, Tensor]:
    """Logits (T, size) and attention (T, S) of one row, token by token."""
    places = remembered().values[row, : PLACES[row]]
    first = torch.tanh(decoder.start[0].weight @ places.mean(0) + decoder.start[0].bias)  # type: ignore[index]
    hidden = list(first.split(WIDTH))
    cells = [torch.zeros(WIDTH)] * 2
    fed = torch.zeros(WIDTH)
    logits, looks = [], []
    for token in TOKENS[row, : LENGTHS[row]]:
        x = decoder.words.weight[token]
        x = torch.cat([x, fed]) if decoder.settings.input_feeding else x
        for place, layer in enumerate(decoder.layers):
            hidden[place], cells[place] = cell(layer, x, hidden[place], cells[place])
            x = hidden[place]
        weights = torch.stack([score(decoder, x, h) for h in places]).softmax(0)
        context = sum(weight * h for weight, h in zip(weights, places, strict=True))
        fed = torch.tanh(decoder.join[0].weight @ torch.cat([context, x]) + decoder.join[0].bias)
        logits.append(decoder.words.weight @ fed)
        looks.append(weights)
    return torch.stack(logits), torch.stack(looks)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("attention", ["additive", "dot", "general"])
@pytest.mark.parametrize("feeding", [True, False])
@torch.no_grad()
def test_the_formula_token_by_token(name: str, attention: Any, feeding: bool) -> None:
    decoder = made(name, attention=attention, input_feeding=feeding)
    found = decoder(TOKENS, LENGTHS, remembered())
    looks = decoder.attention(TOKENS, LENGTHS, remembered())
    assert looks.shape == (2, 4, 3) and not looks[1, 3].any() and not looks[1, :, 2].any()
    for row, length in enumerate(LENGTHS.tolist()):
        logits, weights = written_out(decoder, row)
        torch.testing.assert_close(found[row, :length], logits, rtol=0, atol=1e-5)
        torch.testing.assert_close(looks[row, :length, : PLACES[row]], weights, rtol=0, atol=1e-5)


def test_dot_has_no_weights_where_widths_agree() -> None:
    assert not list(made("gru", WIDTH, attention="dot").alignment.parameters())
    assert len(list(made("gru", attention="dot").alignment.parameters())) == 1


@torch.no_grad()
def test_forget_gates_start_open() -> None:
    cls = DECODERS["lstm"]
    decoder = start(cls(SIZE, None, cls.Settings(width=WIDTH)), 0)
    bias = decoder.layers[0].bias_ih_l0 + decoder.layers[0].bias_hh_l0  # type: ignore[index,union-attr,operator]
    assert torch.equal(bias[WIDTH : 2 * WIDTH], torch.ones(WIDTH))
