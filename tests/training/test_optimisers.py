"""Optimisers by name: what decays, what does not, and a state that goes through a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.features.text import Text, TextSettings
from lamina.models import MODELS
from lamina.nn.start import start
from lamina.testing import sample_inputs, sample_layouts
from lamina.training import checkpoint
from lamina.training.checkpoint import Position, Snapshot
from lamina.training.optimisers import Optimiser, make_optimiser
from lamina.training.settings import TrainSettings

NAMES = ["adamw", "sgd", "muon"]
LAYOUT = sample_layouts()[0]
SAID = Text("said", TextSettings(by_word=True)).fit(pl.Series(["the red cat sat. it slept", "no cat sat"]))
READ = Layout.of(dataclasses.replace(slot, holds_target=True) for slot in SAID.slots)
HEARD = Layout.of([Slot("sound", "value", "frames", shape=(5,), length=20)])
LAYOUTS = {"tagger": READ, "reader": READ, "extractor": READ, "transcriber": HEARD}  # of a single column


def network(name: str = "tabm") -> nn.Module:
    small = {"tabm": {"members": 2, "number_width": 3}, "ft_transformer": {"heads": 2}}.get(name, {})
    cls = MODELS[name]
    return start(cls(LAYOUT, 2, cls.Settings(width=8, depth=1, **small)), 0)


def step(model: nn.Module, optimiser: Optimiser, seed: int) -> None:
    torch.manual_seed(seed)
    model(sample_inputs(LAYOUT, 16, seed)).square().mean().backward()
    optimiser.step()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["tabm", "ft_transformer", "resnet"])
def test_state_goes_through_a_file(name: str, model: str) -> None:
    """A network and an optimiser that are made anew from the saved tensors go on to the very same weights."""
    settings = TrainSettings(optimiser=name)
    one = network(model)
    first = make_optimiser(one, settings, 0.01)
    for seed in range(3):
        step(one, first, seed)
    other = network(model)
    other.load_state_dict(load(save(one.state_dict())))
    second = make_optimiser(other, settings, 0.01)
    second.load(load(save({key: value.contiguous() for key, value in first.state().items()})))
    for seed in range(3, 6):
        step(one, first, seed)
        step(other, second, seed)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", list(MODELS))
def test_every_parameter_belongs_to_one_optimiser_and_matrices_alone_decay(name: str, model: str) -> None:
    cls = MODELS[model]
    net = start(cls(LAYOUTS.get(model, LAYOUT), 2, cls.Settings()), 0)
    optimiser = make_optimiser(net, TrainSettings(optimiser=name, weight_decay=0.1), 0.01)
    groups = [group for part in optimiser.parts for group in part.param_groups]
    held = [parameter for group in groups for parameter in group["params"]]
    assert len(held) == len(set(held)) == len(list(net.parameters()))
    names = {parameter: key for key, parameter in net.named_parameters()}
    decayed = {names[parameter] for group in groups if group["weight_decay"] for parameter in group["params"]}
    spared = {names[parameter] for group in groups if not group["weight_decay"] for parameter in group["params"]}
    # A network that writes has no head: logits are products with the embedding of its tokens.
    assert cls.gives != "row" or "head.weight" in decayed or "head.2.weight" in decayed
    assert not any("bias" in key or "norm" in key or "scale" in key or "table" in key for key in decayed)
    assert all(net.get_parameter(key).ndim >= 2 for key in decayed)
    assert not any(key.startswith("trunk") and key.endswith("0.weight") for key in spared)


def test_decay_shrinks_by_the_rate() -> None:
    layer = start(nn.Sequential(nn.Linear(3, 2)), 0)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    optimiser = make_optimiser(layer, TrainSettings(weight_decay=0.5), 0.1)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.allclose(layer.state_dict()["0.weight"], before["0.weight"] * (1 - 0.1 * 0.5))
    assert torch.equal(layer.state_dict()["0.bias"], before["0.bias"])
    assert all(parameter.grad is None for parameter in layer.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_schedule_multiplies_every_rate(name: str) -> None:
    optimiser = make_optimiser(network(), TrainSettings(optimiser=name), 0.02)
    for factor in (0.5, 0.0, 1.0):
        optimiser.set_rate(factor)
        rates = [float(group["lr"]) for part in optimiser.parts for group in part.param_groups]
        assert rates == pytest.approx([0.02 * factor] * len(rates))


def test_a_checkpoint_holds_everything(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    tensors = {"model/a": shared, "best/a": shared, "average/b": shared[::2], "optimiser/a:step": torch.tensor(3.0)}
    position = Position(step=7, seconds=1.5, horizon=9, best_score=0.25, way={"notes": ["x"]}, stopped="budget")
    path = checkpoint.save(tmp_path, Snapshot(position, tensors))
    found = checkpoint.load(path)
    assert found.position == position
    assert {name: value.tolist() for name, value in found.tensors.items()} == {
        name: value.tolist() for name, value in tensors.items()
    }
    assert list(found.group("optimiser")) == ["a:step"]
    later = checkpoint.save(tmp_path, Snapshot(Position(step=123), tensors))
    assert checkpoint.latest(tmp_path) == later
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000123.safetensors"], "older ones are gone"
    assert checkpoint.latest(tmp_path / "nowhere") is None
