"""Recurrent networks agree with packed sequences and with their own formulas; LSTM and GRU keep what the RNN loses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lamina.backbones.recurrent import GRU, LSTM, RNN, Recurrent
from lamina.features.base import Slot
from lamina.nn.recurrent import ChannelDropout, ForgetLSTM, Recurrence, turned
from lamina.nn.start import start

SLOT = Slot("heat", "value", "frames", shape=(3,), length=7)
LENGTHS = torch.tensor([6, 1, 4])
GATES = {
    RNN: {"state"},
    LSTM: {"input", "forget", "new", "output", "cell", "state"},
    GRU: {"reset", "update", "new", "state"},
}
EVERY = pytest.mark.parametrize("cls", [RNN, LSTM, GRU])


def made(cls: type[Recurrent], **values: Any) -> Recurrent:
    backbone = cls(SLOT, cls.Settings(**{"width": 5, "depth": 2, **values}))
    start(backbone, 0)
    return backbone.eval()


def rows(seed: int = 0) -> torch.Tensor:
    values = torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(seed))
    return values * (torch.arange(6) < LENGTHS[:, None])[..., None]


@pytest.mark.parametrize("two_way", [False, True])
@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru"])
def test_a_layer_is_torchs_own_over_packed_rows(kind: Any, two_way: bool) -> None:
    ours = start(Recurrence(kind, 3, 5, two_way), 0)
    classes: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU}
    extra = {} if kind in classes else {"nonlinearity": kind}
    theirs = classes.get(kind, nn.RNN)(3, 5, batch_first=True, bidirectional=two_way, **extra)
    weights = dict(ours.onward.named_parameters())
    if two_way:
        weights |= {f"{name}_reverse": value for name, value in ours.back.named_parameters()}
    theirs.load_state_dict(weights)
    packed = pack_padded_sequence(rows(), LENGTHS, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(theirs(packed)[0], batch_first=True)[0]
    assert torch.allclose(ours(rows(), LENGTHS), expected, atol=1e-6)


@EVERY
@pytest.mark.parametrize("two_way", [False, True])
def test_states_by_formula_are_those_of_the_network(cls: type[Recurrent], two_way: bool) -> None:
    backbone = made(cls, two_way=two_way)
    for row, length in enumerate(LENGTHS.tolist()):
        found = backbone.states(rows()[row : row + 1], LENGTHS[row : row + 1])
        ways = ["onward", "back"] if two_way else ["onward"]
        assert [(one.layer, one.direction) for one in found] == [(layer, way) for layer in (0, 1) for way in ways]
        assert all(set(one.values) == GATES[cls] for one in found)
        last = torch.cat([one.values["state"] for one in found if one.layer == 1], 1)
        with torch.no_grad():
            sequence, _ = backbone.sequence(rows(), LENGTHS)
        assert last.shape == (length, backbone.width)
        assert torch.allclose(last, sequence[row, :length], atol=1e-6)


@EVERY
def test_the_last_state_has_read_the_whole_row(cls: type[Recurrent]) -> None:
    backbone = made(cls, pooling="last", depth=1)
    layer = backbone.layers[0]
    with torch.no_grad():
        x, _ = backbone.steps(rows(), LENGTHS)
        out = backbone(rows(), LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = x[row : row + 1, :length]
            ends = [layer.onward(alone)[0][0, -1], layer.back(alone.flip(1))[0][0, -1]]
            assert torch.allclose(out[row], torch.cat(ends), atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_poolings_see_only_what_is_there(pooling: Any) -> None:
    backbone = made(GRU, pooling=pooling)
    out = backbone(rows(), LENGTHS)
    alone = backbone(rows()[1:2, :1], LENGTHS[1:2])
    assert torch.allclose(out[1:2], alone, atol=1e-6)
    assert torch.allclose(alone, backbone.sequence(rows()[1:2, :1], LENGTHS[1:2])[0][:, 0], atol=1e-6)


def test_a_turned_row_keeps_its_end_in_place() -> None:
    x = rows()
    there_and_back = turned(turned(x, LENGTHS), LENGTHS)
    assert torch.equal(there_and_back, x)
    assert torch.equal(turned(x, LENGTHS)[2, :4], x[2, :4].flip(0))
    assert not turned(x, LENGTHS)[2, 4:].any()


def test_forget_gates_start_at_one() -> None:
    for layer in (ForgetLSTM(3, 5), start(ForgetLSTM(3, 5), 7)):
        assert torch.equal(layer.bias_ih_l0[5:10] + layer.bias_hh_l0[5:10], torch.ones(5))
        assert not torch.equal(layer.bias_ih_l0[:5], torch.ones(5))


def test_a_channel_is_dropped_at_all_places() -> None:
    torch.manual_seed(0)
    out = ChannelDropout(0.5)(torch.ones(4, 6, 10))
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert len({tuple(row) for row in out[:, 0].tolist()}) == 4, "each row has a mask of its own"


def test_the_plain_network_loses_the_gradient_and_the_others_hold_it() -> None:
    """How far the state after 60 places still hangs on the first one, beside how far it hangs on the last."""
    kept = {}
    for cls in (RNN, LSTM, GRU):
        backbone = cls(SLOT, cls.Settings(width=32, depth=1, two_way=False, pooling="last", dropout=0.0))
        start(backbone, 0)
        values = torch.randn(8, 60, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        backbone(values, torch.full((8,), 60)).square().sum().backward()
        norms = values.grad.norm(dim=(0, 2))
        kept[cls] = float(norms[0] / norms[-1])
    assert kept[RNN] < 1e-6 * kept[LSTM]
    assert kept[RNN] < 1e-6 * kept[GRU]
