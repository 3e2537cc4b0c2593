"""What a network does with a row: filters, maps, gates, attention, gradients, dead units."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explain.networks import PHOTO, SAID, network, row
from lamina.backbones import BACKBONES
from lamina.config import check
from lamina.explain.attention import attention
from lamina.explain.dead import dead_units, sentence
from lamina.explain.filters import filters, maps, where
from lamina.explain.gates import gates
from lamina.explain.gradients import copy_task, gradient_by_place, gradient_of_row
from lamina.features.base import Slot
from lamina.models.mixed import Mixed
from lamina.nn.start import start


@pytest.mark.parametrize("name", ["cnn", "resnet20", "mobilenet", "squeezenet"])
def test_maps_of_convolutions_and_where_the_answer_comes_from(name: str) -> None:
    model, inputs = network(PHOTO, {"name": name}), row(PHOTO)
    backbone = model.backbones["image000"]
    kernel = filters(backbone)
    assert kernel is not None and kernel.shape[1] == 3
    first, last = maps(model, inputs, backbone)
    assert first[1].shape[1] >= last[1].shape[1] > 1
    seen = where(model, inputs, backbone, "image000")
    assert seen.method == "Grad-CAM" and seen.shares.shape == (16, 16)
    assert seen.shares.min() >= 0 and seen.shares.max() <= 1
    assert inputs["image000"].dtype == torch.uint8 and all(value.grad is None for value in model.parameters())


def test_grad_cam_is_its_formula_and_finds_the_place() -> None:
    """A network whose only channel is the brightness, and whose answer is its mean: the map is the picture."""
    model = network(PHOTO, {"name": "cnn", "width": 4, "depth": 1}, outputs=1)

    class Bright(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map = nn.Identity()

        def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return self.map(values.float().mean(3)[:, None]).mean((2, 3)).expand(-1, 4)

    bright = Bright()
    model.backbones["image000"] = bright
    model.head = nn.Linear(4, 1, bias=False)
    nn.init.ones_(model.head.weight)
    pixels = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    pixels[0, 2:5, 9:13] = 200
    inputs = {"image000": pixels, "image000.length": torch.ones(1, dtype=torch.int64)}
    shares = where(model, inputs, bright, "image000").shares
    assert torch.equal(shares > 0.5, pixels[0, :, :, 0] > 0)


def test_patches_are_seen_by_their_gradient() -> None:
    model, inputs = network(PHOTO, {"name": "vit", "width": 12, "depth": 2, "heads": 3}), row(PHOTO)
    seen = where(model, inputs, model.backbones["image000"], "image000")
    assert seen.method == "gradient times input" and seen.shares.max() == 1
    looks = attention(model, inputs)
    assert [one.name for one in looks] == [f"backbones.image000.blocks.{place}.attention" for place in (0, 1)]
    assert looks[0].weights.shape == (3, 65, 65)
    torch.testing.assert_close(looks[1].weights.sum(2), torch.ones(3, 65))


def test_attention_over_words_and_of_the_pooling() -> None:
    model = network(SAID, {"name": "transformer", "width": 8, "depth": 1, "heads": 2, "pooling": "attention"})
    layer, pool = attention(model, row(SAID))
    assert layer.weights.shape == (2, 6, 6) and not layer.is_pool
    assert pool.weights.shape == (1, 1, 6) and pool.is_pool
    assert float(pool.weights.sum()) == pytest.approx(1)
    assert all(not module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lstm", ["input", "forget", "new", "output", "cell", "state"]),
        ("gru", ["reset", "update", "new", "state"]),
        ("rnn", ["state"]),
    ],
)
def test_gates_and_states_are_those_of_the_layer(name: str, wanted: list[str]) -> None:
    model, inputs = network(SAID, {"name": name, "width": 5}), row(SAID)
    found = gates(model, inputs)
    assert [gate.gate for gate in found] == 2 * wanted
    assert {gate.direction for gate in found} == {"onward", "back"}
    assert all(gate.values.shape == (6, 5) for gate in found)
    assert all(gate.values.min() >= 0 and gate.values.max() <= 1 for gate in found if gate.is_share)
    backbone = model.backbones["tokens000"]
    with torch.no_grad():
        states, _ = backbone.sequence(inputs["tokens000"], inputs["tokens000.length"])  # type: ignore[operator]
    traced = torch.cat([gate.values for gate in found if gate.gate == "state"], 1)
    torch.testing.assert_close(traced, states[0], rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_row_is_at_every_word() -> None:
    model, inputs = network(SAID, {"name": "gru", "width": 8}), row(SAID)
    found = gradient_of_row(model, inputs, model.backbones["tokens000"])
    assert found is not None and found.shape == (6,) and (found > 0).all()
    photo = network(PHOTO, {"name": "cnn"})
    assert gradient_of_row(photo, row(PHOTO), photo.backbones["image000"]) is None


def held(name: str, delay: int) -> float:
    """How much of the gradient at the last place is left at the first, in a network that has learned nothing yet."""
    slot = Slot("x", "value", "tokens", size=10, length=delay + 2)
    cls = BACKBONES[name]
    backbone = start(cls(slot, check(cls.Settings, {"width": 32, "two_way": False, "pooling": "last"})), 0)
    values, target = copy_task(16, delay, seed=3)
    gradient = gradient_by_place(backbone, start(nn.Linear(32, 4), 1), values, target)  # type: ignore[arg-type]
    return float(gradient[0] / gradient[-1])


def test_gates_hold_the_gradient_where_the_plain_network_loses_it() -> None:
    plain, lstm, gru = (held(name, delay=20) for name in ("rnn", "lstm", "gru"))
    assert plain < 1e-3 and lstm > 10 * plain and gru > 10 * plain
    assert held("rnn", 5) > held("rnn", 20)


def test_the_copy_task_is_a_function_of_its_seed() -> None:
    one, other = copy_task(8, 4, seed=1), copy_task(8, 4, seed=1)
    assert torch.equal(one[0], other[0]) and not torch.equal(one[0], copy_task(8, 4, seed=2)[0])
    assert one[0][:, 1:-1].min() > 4 and one[0][:, 1:-1].max() < 9


def test_dead_units_are_found_wherever_a_relu_is() -> None:
    model = network(PHOTO, {"name": "cnn", "width": 4, "depth": 2})
    convolutions = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        convolutions[0].weight[1], convolutions[0].bias[1] = 0.0, -1.0
        convolutions[0].weight[2], convolutions[0].bias[2] = 0.0, 1.0
    found = dead_units(model, [row(PHOTO)])
    assert (found[0].size, found[0].dead, found[0].constant) == (4, 1, 2)
    assert "1 of" in sentence(found, 1) or "of them in" in sentence(found, 1)
    assert sentence([], 5) == ""
    assert isinstance(model, Mixed)
