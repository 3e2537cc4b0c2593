"""Optimisers by name, with weight decay where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from lamina.training.settings import TrainSettings

__all__ = ["Optimiser", "make_optimiser"]


class Optimiser:
    """One or two PyTorch optimisers that step together; each parameter belongs to one of them.

    Attributes:
        parts: the optimisers. Each group's ``base`` is its learning rate before the schedule.
        names: parameter -> its name in the model, by which its state is saved.
    """

    def __init__(self, model: nn.Module, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        self.names: dict[Any, str] = {parameter: name for name, parameter in model.named_parameters()}
        for part in parts:
            for group in part.param_groups:
                group["base"] = group["lr"]

    def set_rate(self, factor: float) -> None:
        """Multiply every learning rate by the schedule's factor."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = group["base"] * factor

    def step(self) -> None:
        """Update the weights and let the gradients go."""
        for part in self.parts:
            part.step()
            part.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """All running tensors: "parameter:key" -> tensor."""
        return {
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
        for part in self.parts:
            for group in part.param_groups:
                for parameter in group["params"]:
                    if self.names[parameter] in by_parameter:
                        part.state[parameter] = dict(by_parameter[self.names[parameter]])


def make_optimiser(model: nn.Module, settings: TrainSettings, learning_rate: float) -> Optimiser:
    """The optimiser of that name over the model's parameters.

    Weight decay shrinks the weights of layers that multiply; biases, norms, scales and embeddings are spared.
    """
    matrices: Parameters = []
    others: Parameters = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                multiplies = name == "weight" and parameter.ndim >= 2 and not isinstance(module, nn.Embedding)
                (matrices if multiplies else others).append(parameter)
    return Optimiser(model, _MAKERS[settings.optimiser](matrices, others, settings, learning_rate))


Parameters = list[nn.Parameter]


def _groups(matrices: Parameters, others: Parameters, settings: TrainSettings) -> list[dict[str, object]]:
    groups = [(matrices, settings.weight_decay), (others, 0.0)]
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


def _adamw(
    matrices: Parameters, others: Parameters, settings: TrainSettings, rate: float
) -> list[torch.optim.Optimizer]:
    return [torch.optim.AdamW(_groups(matrices, others, settings), lr=rate, fused=True)]


def _sgd(matrices: Parameters, others: Parameters, settings: TrainSettings, rate: float) -> list[torch.optim.Optimizer]:
    # Plain SGD shrinks by adding to the gradient; with a fixed rate that is the same as decoupled decay.
    return [torch.optim.SGD(_groups(matrices, others, settings), lr=rate, momentum=settings.momentum, fused=True)]


def _muon(
    matrices: Parameters, others: Parameters, settings: TrainSettings, rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for plain matrices, whose update it makes orthogonal; AdamW for everything else."""
    plain = [parameter for parameter in matrices if parameter.ndim == 2]
    rest = [parameter for parameter in matrices if parameter.ndim != 2]
    parts: list[torch.optim.Optimizer] = []
    if plain:
        # match_rms_adamw scales updates so that AdamW's learning rate and decay fit (Liu et al. 2025).
        parts.append(
            torch.optim.Muon(
                plain,
                lr=rate,
                weight_decay=settings.weight_decay,
                momentum=settings.momentum,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    if rest or others:
        parts += _adamw(rest, others, settings, rate)
    return parts


_MAKERS: dict[str, Callable[[Parameters, Parameters, TrainSettings, float], list[torch.optim.Optimizer]]] = {
    "adamw": _adamw,
    "sgd": _sgd,
    "muon": _muon,
}
