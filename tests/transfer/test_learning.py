"""What of a pre-trained network learns, from which step on, and how fast."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.backbones.base import Backbone
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.training.optimisers import Optimiser, make_optimiser
from lamina.training.settings import TrainSettings
from lamina.transfer.learning import end_learning, fill, names_in, open_later, prepare_learning
from lamina.transfer.settings import WeightsSettings

LAYOUT = Layout.of(
    [
        Slot("photo", "value", "image", shape=(8, 8, 3)),
        Slot("said", "value", "tokens", size=9, length=4),
        Slot("kind", "value", "category", size=3),
    ]
)
IMAGE = {"name": "cnn", "width": 4, "depth": 2}
TEXT = {"name": "transformer", "width": 8, "depth": 2, "heads": 2}


def model() -> Mixed:
    made = start(Mixed(LAYOUT, 2, MixedSettings(image=IMAGE, text=TEXT, width=8)), 0)
    assert isinstance(made, Mixed)
    return made


def batch() -> dict[str, torch.Tensor]:
    return {
        "image000": torch.randint(256, (4, 8, 8, 3), dtype=torch.uint8),
        "image000.length": torch.ones(4, dtype=torch.int64),
        "tokens001": torch.randint(1, 9, (4, 5)),
        "tokens001.length": torch.tensor([5, 3, 1, 0]),
        "number": torch.empty(4, 0),
        "flag": torch.empty(4, 0),
        "category": torch.randint(3, (4, 1)),
    }


def learning(one: Mixed, name: str) -> list[bool]:
    backbone = one.backbones[name]
    assert isinstance(backbone, Backbone)
    return [
        any(weight.requires_grad for module in part for weight in module.parameters()) for part in backbone.by_depth()
    ]


def step(one: Mixed, optimiser: Optimiser) -> None:
    optimiser.set_rate(1.0)
    one(batch()).square().mean().backward()
    optimiser.step()


@pytest.mark.parametrize(
    ("learn", "expected"), [("all", [True] * 4), ("last", [False] * 3 + [True]), ("head", [False] * 4)]
)
def test_what_learns(learn: str, expected: list[bool]) -> None:
    one = model()
    prepare_learning(one, ["image000"], WeightsSettings(source="x", learn=learn), seed=0)
    assert learning(one, "image000") == expected
    assert all(learning(one, "tokens001")), "what has no weights to start from learns as a whole"


def test_parts_near_the_input_learn_slower() -> None:
    one = model()
    prepare_learning(one, ["image000"], WeightsSettings(source="x", rate=0.2, rate_decay=0.5), seed=0)
    optimiser = make_optimiser(one, TrainSettings(), 1.0)
    rate_of = {
        optimiser.names[parameter]: group["base"]
        for part in optimiser.parts
        for group in part.param_groups
        for parameter in group["params"]
    }
    layers = [rate_of[f"backbones.image000.layers.{place}.convolution.weight"] for place in (0, 1, 3, 4)]
    assert layers == pytest.approx([0.025, 0.05, 0.1, 0.2])
    assert rate_of["head.weight"] == 1.0


def test_parts_open_one_after_the_other_with_the_steps_of_the_optimiser() -> None:
    one = model()
    said = WeightsSettings(source="x", unfreeze=2.0)
    prepare_learning(one, ["image000"], said, seed=0)
    open_later(one, ["image000"], said, steps=1)
    one.train()
    optimiser = make_optimiser(one, TrainSettings(), 0.01)
    assert all(learning(one, "image000")), "until the first step all that will learn is there, to be reckoned with"
    opened = []
    for _ in range(10):
        step(one, optimiser)
        opened.append(sum(learning(one, "image000")))
    assert opened == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    other = make_optimiser(one, TrainSettings(), 0.01)
    other.load(optimiser.state())
    assert other.steps == 10


def test_parts_that_are_not_to_learn_never_open() -> None:
    one = model()
    said = WeightsSettings(source="x", learn="last", unfreeze=1.0)
    prepare_learning(one, ["image000"], said, seed=0)
    open_later(one, ["image000"], said, steps=3)
    backbone = one.backbones["image000"]
    assert isinstance(backbone, Backbone) and backbone.opens == (math.inf,) * 3 + (3,)


def test_lora_learns_what_it_adds_and_ends_as_a_plain_network() -> None:
    one = model()
    names, before = list(one.state_dict()), {name: value.clone() for name, value in one.state_dict().items()}
    prepare_learning(one, ["tokens001"], WeightsSettings(source="x", learn="lora", rank=2), seed=0)
    optimiser = make_optimiser(one, TrainSettings(), 0.01)
    for _ in range(3):
        step(one, optimiser)
    one.eval()
    rows = batch()
    learned = one(rows)
    end_learning(one)
    assert torch.allclose(one(rows), learned, atol=1e-5)
    after = one.state_dict()
    assert list(after) == names and all(weight.requires_grad for weight in one.parameters())
    moved = {
        name for name in names if name.startswith("backbones.tokens001") and not torch.equal(after[name], before[name])
    }
    assert moved and all(name.endswith("weight") and after[name].ndim == 2 for name in moved)


def test_weights_are_loaded_by_slot() -> None:
    one, other = model(), start(model(), 1)
    assert isinstance(other, Mixed)
    tensors = {name.removeprefix("backbones."): value for name, value in other.state_dict().items()
               if name.startswith("backbones.image000.")}  # fmt: skip
    assert names_in(tensors) == ["image000"]
    fill(one, tensors)
    state, wanted = one.state_dict(), other.state_dict()
    assert all(torch.equal(value, wanted[name]) == (".image000." in name) or not value.any()
               for name, value in state.items() if name.startswith("backbones.") and value.ndim > 1)  # fmt: skip
