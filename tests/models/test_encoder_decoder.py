"""An encoder for each column, and a decoder over all of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from models.test_mixed import SLOTS, inputs
from torch import Tensor

from lamina.config import check
from lamina.decoders import DECODERS
from lamina.decoders.base import Memory
from lamina.errors import SettingError
from lamina.features.layout import Layout
from lamina.features.tokens import START
from lamina.models.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from lamina.nn.start import start

SIZE = 12
SMALL: dict[str, Any] = {
    "image": {"name": "cnn", "width": 4, "depth": 2},
    "text": {"name": "transformer", "width": 8, "depth": 1, "heads": 2},
    "frames": {"name": "gru", "width": 4},
    "decoder": {"name": "transformer", "width": 8, "depth": 1, "heads": 2, "dropout": 0.0},
    "width": 6,
}
EVERY = tuple(SLOTS)
WRITTEN = torch.tensor([[4, 5, 6], [7, 0, 0], [0, 0, 0], [8, 9, 0], [4, 0, 0]])


def network(*kinds: str, **values: Any) -> EncoderDecoder:
    layout = Layout.of(SLOTS[kind] for kind in kinds)
    made = start(EncoderDecoder(layout, SIZE, check(EncoderDecoderSettings, SMALL | values)), 0)
    assert isinstance(made, EncoderDecoder)
    return made.eval()


def memory_of(net: EncoderDecoder, given: dict[str, Tensor]) -> Memory:
    memory = net.memory(given)
    assert memory is not None
    return memory


def test_the_memory_is_the_places_of_all_columns_side_by_side() -> None:
    net, given = network(*EVERY), inputs(*EVERY)
    memory = memory_of(net, given)
    parts = []
    for name, backbone in net.backbones.items():
        places, there = backbone.sequence(given[name], given[f"{name}.length"])  # type: ignore[operator]
        parts.append((net.bring[name](places), there))  # type: ignore[operator]
    assert net.columns is not None
    parts.append((net.bring["plain"](net.columns(given))[:, None], torch.ones(5, 1, dtype=torch.bool)))
    torch.testing.assert_close(memory.values, torch.cat([values for values, _ in parts], 1))
    assert torch.equal(memory.there, torch.cat([there for _, there in parts], 1))
    assert memory.values.shape[2] == 6 and memory.there.dtype == torch.bool
    for row, length in enumerate(given["tokens001.length"].tolist()):
        place = parts[0][1].shape[1]
        assert int(memory.there[row, place : place + 7].sum()) == length
    assert memory_of(network("number"), inputs("number")).values.shape == (5, 1, 6)
    assert network().memory(inputs()) is None, "there is nothing to read"


@pytest.mark.parametrize("decoder", [name for name in DECODERS if DECODERS[name].reads_memory])
def test_missing_cells_are_not_looked_at(decoder: str) -> None:
    net, given = network(*EVERY, decoder={"name": decoder, "width": 8}), inputs(*EVERY)
    wide = [name for name in given if f"{name}.length" in given]
    for name in wide:
        given[f"{name}.length"][2] = 0
    with torch.no_grad():
        before = net(given, WRITTEN)
        for name in wide:
            given[name][2] = 1
        torch.testing.assert_close(net(given, WRITTEN), before)
        given["number"][2] += 1
        after = net(given, WRITTEN)
    assert not torch.allclose(after[2], before[2])
    assert torch.equal(after[[0, 1, 3, 4]], before[[0, 1, 3, 4]])


def test_each_token_is_written_after_those_before_it() -> None:
    net, given = network(*EVERY), inputs(*EVERY)
    with torch.no_grad():
        raw = net(given, WRITTEN)
        assert raw.shape == (5, 4, SIZE)
        torch.testing.assert_close(net(given), raw[:, :1])
        changed = WRITTEN.clone()
        changed[0, 1] = 9
        other = net(given, changed)
        torch.testing.assert_close(other[0, :2], raw[0, :2])
        assert not torch.allclose(other[0, 2], raw[0, 2])
        state = net.decoder.begin(net.memory(given), 5)
        first, _ = net.decoder.step(torch.full((5, 1), START), state)
    torch.testing.assert_close(first, raw[:, 0], rtol=1e-4, atol=1e-5)


def test_a_row_does_not_hang_on_those_beside_it() -> None:
    net, given = network(*EVERY), inputs(*EVERY)
    with torch.no_grad():
        whole = net(given, WRITTEN)
        for row in range(5):
            alone = {name: value[row : row + 1] for name, value in given.items()}
            alone["tokens001"] = alone["tokens001"][:, : int(alone["tokens001.length"])]
            length = int((WRITTEN[row] > 0).sum())
            found = net(alone, WRITTEN[row : row + 1, :length])
            torch.testing.assert_close(found, whole[row : row + 1, : length + 1], rtol=1e-4, atol=1e-5)


def test_everything_learns() -> None:
    net = network(*EVERY).train()
    net(inputs(*EVERY), WRITTEN).square().sum().backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


def test_settings_name_the_parts() -> None:
    assert type(network("tokens", decoder="gru").decoder).__name__ == "GRUDecoder"
    assert network("tokens", text="gru", decoder={"width": 8, "heads": 2}).backbones["tokens000"].width == 256
    wrong: dict[str, dict[str, Any]] = {
        r"no such decoder.*did you mean gru": {"decoder": "gruu"},
        r"decoder gpt2 writes from nothing.*allowed: transformer, rnn, lstm, gru$": {"decoder": {"name": "gpt2"}},
        r"model\.decoder\.wdth.*width": {"decoder": {"name": "gru", "wdth": 3}},
        r"heads must divide width": {"decoder": {"name": "transformer", "width": 9, "heads": 2}},
        r"no such backbone": {"text": "gruu"},
        r"does not read column 'words'": {"text": "cnn"},
    }
    for says, values in wrong.items():
        with pytest.raises(SettingError, match=says):
            network("tokens", **values)
    assert network(decoder={"name": "gpt", "width": 8, "heads": 2})({**inputs(rows=5)}, WRITTEN).shape == (5, 4, SIZE)
