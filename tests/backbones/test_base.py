"""What all backbones have in common: their parts by depth, and what is frozen, opened or slowed down."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone, joined
from lamina.backbones.cnn import CNN, CNNSettings
from lamina.config import check, schema
from lamina.features.base import Slot
from lamina.testing.backbones import sample_slots, sample_values

SLOT = Slot("photo", "value", "image", shape=(8, 8, 3))


def network() -> CNN:
    return CNN(SLOT, CNNSettings(width=4, depth=2))


def modes(backbone: Backbone) -> list[bool]:
    return [part[0].training for part in backbone.by_depth()]


@pytest.mark.parametrize("name", [name for name in BACKBONES if name != "pretrained"])
def test_the_parts_by_depth_hold_every_layer_once(name: str) -> None:
    cls = BACKBONES[name]
    known = schema(cls.Settings)["properties"]
    small = {key: value for key, value in {"width": 8, "depth": 2, "heads": 2}.items() if key in known}
    backbone = cls(sample_slots(cls.groups[0])[0], check(cls.Settings, small))
    parts = backbone.by_depth()
    held = [parameter for part in parts for module in part for parameter in module.parameters()]
    own = dict(backbone.named_parameters(recurse=False)).values()
    assert 1 <= len(parts) <= 12
    assert len(held) == len(set(held))
    assert set(held) | set(own) == set(backbone.parameters())


def test_neighbours_join_where_there_are_many() -> None:
    layers: list[list[nn.Module]] = [[nn.Linear(1, 1)] for _ in range(30)]
    parts = joined(layers)
    assert len(parts) == 12 and {len(part) for part in parts} == {2, 3}
    assert [module for part in parts for module in part] == [module for part in layers for module in part]


def test_what_is_frozen_gets_no_gradient_and_stays_in_evaluation_mode() -> None:
    backbone = network().train()
    backbone.freeze(2)
    backbone.train()
    assert modes(backbone) == [False, False, True, True] and backbone.training
    before = [buffer.clone() for part in backbone.by_depth()[:2] for module in part for buffer in module.buffers()]
    backbone(*sample_values(SLOT, 4)).sum().backward()
    after = [buffer for part in backbone.by_depth()[:2] for module in part for buffer in module.buffers()]
    assert before and all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    learning = [all(one.requires_grad for one in part[0].parameters()) for part in backbone.by_depth()]
    assert learning == [False, False, True, True]


def test_a_network_that_is_frozen_as_a_whole_drops_nothing() -> None:
    backbone = network().train()
    backbone.freeze(99)
    backbone.train()
    values, lengths = sample_values(SLOT, 4)
    assert not backbone.training and not any(one.requires_grad for one in backbone.parameters())
    assert torch.equal(backbone(values, lengths), backbone(values, lengths))


def test_it_is_opened_again_in_the_mode_that_was_asked_for() -> None:
    backbone = network().train()
    backbone.freeze(99)
    backbone.freeze(1)
    assert modes(backbone) == [False, True, True, True] and backbone.training
    backbone.eval().freeze(0)
    assert not backbone.training


def test_parts_open_at_their_step() -> None:
    backbone = network()
    backbone.opens = (30, 20, 10, 0)
    frozen = []
    for step in (0, 9, 10, 25, 30, 99):
        backbone.open(step)
        frozen.append(backbone.frozen)
    assert frozen == [3, 3, 2, 1, 0, 0]


def test_each_part_has_its_rate_and_own_vectors_that_of_the_input() -> None:
    class Own(Backbone):
        """A vector of its own, and two layers."""

        def __init__(self) -> None:
            super().__init__(SLOT, None)
            self.vector = nn.Parameter(torch.zeros(2))
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])

        def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
            raise NotImplementedError

    backbone = Own()
    assert backbone.factors() == {}
    backbone.rates = (0.1, 0.5)
    factors = backbone.factors()
    assert factors[backbone.vector] == factors[backbone.layers[0].weight] == 0.1
    assert factors[backbone.layers[1].bias] == 0.5
    backbone.freeze(1)
    assert not backbone.vector.requires_grad
