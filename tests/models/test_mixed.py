"""A network over rows of any columns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start

KNOTS = (-1.0, 0.0, 1.0)
SLOTS = {
    "number": Slot("age", "value", "number", knots=KNOTS),
    "image": Slot("photo", "value", "image", shape=(8, 8, 3), centre=(1.0, 2.0, 3.0), scale=(60.0, 60.0, 60.0)),
    "tokens": Slot("words", "value", "tokens", size=20, length=7),
    "frames": Slot("sound", "value", "frames", shape=(4,), length=9),
}
SMALL: dict[str, Any] = {
    "image": {"name": "cnn", "width": 4, "depth": 2},
    "text": {"name": "transformer", "width": 8, "depth": 1, "heads": 2},
    "frames": {"name": "cnn", "width": 4, "depth": 2},
    "width": 8,
}


def network(*kinds: str, seed: int = 0, outputs: int = 3, **values: Any) -> Mixed:
    layout = Layout.of(SLOTS[kind] for kind in kinds)
    made = start(Mixed(layout, outputs, check(MixedSettings, SMALL | values)), seed)
    assert isinstance(made, Mixed)
    return made


def inputs(*kinds: str, rows: int = 5, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(rows, 1 if "number" in kinds else 0, generator=generator)
    found = {"number": numbers, "flag": torch.zeros(rows, 0), "category": torch.zeros(rows, 0, dtype=torch.int64)}
    wide = [kind for kind in kinds if kind != "number"]
    for place, kind in enumerate(wide):
        name = f"{kind}{place:03}"
        lengths = torch.ones(rows, dtype=torch.int64)
        if kind == "image":
            values = torch.randint(0, 256, (rows, 8, 8, 3), dtype=torch.uint8, generator=generator)
        else:
            lengths = torch.randint(1, 8, (rows,), generator=generator)
            there = torch.arange(7) < lengths[:, None]
            if kind == "tokens":
                values = torch.randint(1, 20, (rows, 7), generator=generator) * there
            else:
                values = torch.randn(rows, 7, 4, generator=generator) * there[..., None]
        found |= {name: values, f"{name}.length": lengths}
    return found


EVERY = tuple(SLOTS)


@pytest.mark.parametrize("kinds", [("image",), ("tokens",), ("frames",), ("number", "tokens"), EVERY])
@pytest.mark.parametrize("fusion", ["concat", "gate", "attention"])
def test_shapes_and_gradients(kinds: tuple[str, ...], fusion: str) -> None:
    net = network(*kinds, fusion=fusion)
    for rows in (1, 5):
        out = net(inputs(*kinds, rows=rows))
        assert out.shape == (rows, 1, 3)
    given = inputs(*kinds)
    for name in [name for name in given if name.endswith(".length")]:
        given[name][0] = 0  # one row without each, so that what stands for it learns too
    net(given).square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_a_missing_cell_is_a_learned_vector_whatever_lies_there() -> None:
    net, given = network(*EVERY).eval(), inputs(*EVERY)
    given["image000.length"][2] = 0
    with torch.no_grad():
        before = net(given)
        given["image000"][2] = 255 - given["image000"][2]
        assert torch.equal(net(given), before)
        net.absent["image000"].vector[0] += 1.0
        after = net(given)
    assert not torch.allclose(after[2], before[2])
    assert torch.equal(after[[0, 1, 3, 4]], before[[0, 1, 3, 4]])


def test_a_row_does_not_hang_on_those_beside_it() -> None:
    net, given = network(*EVERY).eval(), inputs(*EVERY)
    with torch.no_grad():
        whole = net(given)
        for row in range(5):
            alone = {name: value[row : row + 1] for name, value in given.items()}
            length = int(alone["tokens001.length"])
            alone["tokens001"] = alone["tokens001"][:, :length]  # as long as it must be
            torch.testing.assert_close(net(alone), whole[row : row + 1], rtol=1e-4, atol=1e-5)


def test_it_learns_from_each_of_its_columns() -> None:
    text = {**SMALL["text"], "dropout": 0.0}
    net = network("number", "image", "tokens", outputs=1, dropout=0.0, width=32, text=text)
    given = inputs("number", "image", "tokens", rows=32)
    wanted = (
        (given["tokens001"][:, 0] > 10).float()
        + (given["number"][:, 0] > 0)
        + given["image000"].float().mean((1, 2, 3)) / 99
    )
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    for _ in range(200):
        loss = (net(given)[:, 0, 0] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1 * float(wanted.var())


def test_settings_name_backbones() -> None:
    with pytest.raises(SettingError, match=r"does not read column 'photo'.*cnn"):
        network("image", image="transformer")
    with pytest.raises(SettingError, match=r"no such backbone.*cnn"):
        network("image", image="cnnn")
    with pytest.raises(SettingError, match=r"model.image.wdth.*width"):
        network("image", image={"name": "cnn", "wdth": 3})
    assert network("tokens", text={"name": "transformer", "depth": 3}).backbones["tokens000"].width == 128
