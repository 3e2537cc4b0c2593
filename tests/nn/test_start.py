"""Starting weights are a function of (seed, name)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamina.nn.start import seed_of, start


def test_a_layers_start_hangs_on_its_name_and_nothing_else() -> None:
    short = start(nn.ModuleDict({"a": nn.Linear(3, 4), "b": nn.Linear(4, 2)}), 5)
    layers = {"new": nn.Linear(9, 9), "b": nn.Linear(4, 2), "c": nn.Linear(4, 2), "a": nn.Linear(3, 4)}
    long = start(nn.ModuleDict(layers), 5)
    for name, value in short.state_dict().items():
        assert torch.equal(value, long.state_dict()[name])
    assert not torch.equal(long["b"].weight, long["c"].weight)


def test_the_generator_of_everybody_is_left_alone() -> None:
    layer = nn.Linear(3, 4)
    before = torch.random.get_rng_state()
    start(layer, 0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_layer_that_cannot_start_is_refused() -> None:
    class Lost(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

    with pytest.raises(AssertionError, match=r"Lost owns \['scale'\] and has no reset_parameters"):
        start(nn.Sequential(Lost()), 0)


def test_seeds_are_the_same_everywhere_and_differ() -> None:
    assert seed_of(0, "trunk.0") == 3684234857115531824  # runs of old versions must go on as they began
    seeds = [seed_of(*parts) for parts in [(0,), (1,), (0, 1), (1, 0), (0, "a"), (0, "", "a"), (10,)]]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
