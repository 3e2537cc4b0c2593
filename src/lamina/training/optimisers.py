"""Optimisers by name, with weight decay where it belongs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.adamw import adamw

from lamina.backbones.base import Backbone
from lamina.training.settings import TrainSettings

__all__ = ["AdamW", "Optimiser", "make_optimiser"]


class AdamW:
    """AdamW (Loshchilov and Hutter 2019), in PyTorch's fused form, by its functional interface.

    The same update as ``torch.optim.AdamW(fused=True)``; the wrapper around that one takes as long as a small network's
    update itself. It has what :class:`Optimiser` needs of an optimiser: ``param_groups``, ``state``, ``step``.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], lr: float) -> None:
        self.param_groups = [{"lr": lr, **group} for group in groups]
        self.state: dict[Any, dict[str, torch.Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient: one call for each learning rate, since a call costs the most."""
        by_rate: dict[float, list[Any]] = {}
        for group in self.param_groups:
            there = [parameter for parameter in group["params"] if parameter.grad is not None]
            if there and group["weight_decay"]:
                torch._foreach_mul_(there, 1 - group["lr"] * group["weight_decay"])
            if there:
                by_rate.setdefault(group["lr"], []).extend(there)
        for rate, there in by_rate.items():
            states = [self._state(parameter) for parameter in there]
            adamw(
                there,
                [parameter.grad for parameter in there],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def _state(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]


class Optimiser:
    """One or two optimisers that step together; each parameter belongs to one of them.

    Parts of pre-trained networks that are to learn later are opened here, since their time is a step of this.

    Attributes:
        parts: the optimisers. Each group's ``base`` is its learning rate before the schedule.
        names: parameter -> its name in the model, by which its state is saved.
        steps: updates so far; known after :meth:`load` only where parts are opened later.
    """

    def __init__(self, model: nn.Module, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.names: dict[Any, str] = {parameter: name for name, parameter in model.named_parameters()}
        self._groups = [group for part in parts for group in part.param_groups]
        self._parameters = [parameter for group in self._groups for parameter in group["params"]]
        self._opening = _opening(model)
        self.steps = 0
        for group in self._groups:
            group["base"] = group["lr"]

    def set_rate(self, factor: float) -> None:
        """Multiply every learning rate by the schedule's factor, before a step's forward pass."""
        for backbone in self._opening:
            backbone.open(self.steps)
        for group in self._groups:
            group["lr"] = group["base"] * factor

    def step(self) -> None:
        """Update the weights and let the gradients go."""
        for part in self.parts:
            part.step()
        self.steps += 1
        for parameter in self._parameters:
            parameter.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """All running tensors: "parameter:key" -> tensor; ":steps" is a number of all."""
        counted = {":steps": torch.tensor(self.steps)} if self._opening else {}
        return counted | {
            f"{self.names[parameter]}:{key}": value if torch.is_tensor(value) else torch.tensor(float(value))
            for part in self.parts
            for parameter, values in part.state.items()
            for key, value in values.items()
            if value is not None
        }

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the state up again, bit by bit as :meth:`state` gave it."""
        by_parameter: dict[str, dict[str, torch.Tensor]] = {}
        for place, tensor in tensors.items():
            name, _, key = place.rpartition(":")
            by_parameter.setdefault(name, {})[key] = tensor
        self.steps = int(by_parameter.get("", {}).get("steps", 0))
        for part in self.parts:
            for group in part.param_groups:
                for parameter in group["params"]:
                    if self.names[parameter] in by_parameter:
                        part.state[parameter] = dict(by_parameter[self.names[parameter]])


def make_optimiser(model: nn.Module, settings: TrainSettings, learning_rate: float) -> Optimiser:
    """The optimiser of that name over the model's parameters.

    Weight decay shrinks the weights of layers that multiply; biases, norms, scales and embeddings are spared. What gets
    no gradient is left out, but for what is to get one later. Parts of pre-trained networks have rates of their own.
    """
    for backbone in _opening(model):
        backbone.open(sys.maxsize)  # until the first step
    factors: Factors = {}
    for module in model.modules():
        if isinstance(module, Backbone):
            factors |= module.factors()
    matrices: Parameters = []
    others: Parameters = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                multiplies = name == "weight" and parameter.ndim >= 2 and not isinstance(module, nn.Embedding)
                (matrices if multiplies else others).append(parameter)
    decaying = _groups(matrices, settings.weight_decay, factors, learning_rate)
    spared = _groups(others, 0.0, factors, learning_rate)
    return Optimiser(model, _MAKERS[settings.optimiser](decaying, spared, settings, learning_rate))


Parameters = list[nn.Parameter]
Factors = dict[nn.Parameter, float]
Groups = list[dict[str, Any]]
Part = torch.optim.Optimizer | AdamW


def _opening(model: nn.Module) -> list[Backbone]:
    """The networks of which parts begin to learn later."""
    return [module for module in model.modules() if isinstance(module, Backbone) and module.opens]


def _groups(parameters: Parameters, decay: float, factors: Factors, rate: float) -> Groups:
    """One group for each learning rate."""
    by_factor: dict[float, Parameters] = {}
    for parameter in parameters:
        by_factor.setdefault(factors.get(parameter, 1.0), []).append(parameter)
    return [{"params": params, "weight_decay": decay, "lr": rate * factor} for factor, params in by_factor.items()]


def _adamw(decaying: Groups, spared: Groups, settings: TrainSettings, rate: float) -> list[Part]:
    return [AdamW(decaying + spared, lr=rate)]


def _sgd(decaying: Groups, spared: Groups, settings: TrainSettings, rate: float) -> list[Part]:
    # Plain SGD shrinks by adding to the gradient; with a fixed rate that is the same as decoupled decay.
    return [torch.optim.SGD(decaying + spared, lr=rate, momentum=settings.momentum, fused=True)]


def _muon(decaying: Groups, spared: Groups, settings: TrainSettings, rate: float) -> list[Part]:
    """Muon for plain matrices, whose update it makes orthogonal; AdamW for everything else."""
    plain = _with(decaying, lambda parameter: parameter.ndim == 2)
    rest = _with(decaying, lambda parameter: parameter.ndim != 2)
    parts: list[Part] = []
    if plain:
        # match_rms_adamw scales updates so that AdamW's learning rate and decay fit (Liu et al. 2025).
        parts.append(torch.optim.Muon(plain, lr=rate, momentum=settings.momentum, adjust_lr_fn="match_rms_adamw"))
    if rest or spared:
        parts += _adamw(rest, spared, settings, rate)
    return parts


def _with(groups: Groups, wanted: Callable[[nn.Parameter], bool]) -> Groups:
    """The groups with the wanted parameters alone, without those that have none."""
    kept = [{**group, "params": [parameter for parameter in group["params"] if wanted(parameter)]} for group in groups]
    return [group for group in kept if group["params"]]


_MAKERS: dict[str, Callable[[Groups, Groups, TrainSettings, float], list[Part]]] = {
    "adamw": _adamw,
    "sgd": _sgd,
    "muon": _muon,
}
