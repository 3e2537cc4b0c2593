"""A network as a tree of parts: what each gives, how many weights it has, and how much of the work it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.features.layout import Layout
from lamina.nn.attention import Attention

__all__ = ["Part", "made_up", "operations", "structure"]

STEPS = 64  # of a made-up text, sound or series, if its column is not shorter
IDLE = (nn.Dropout, nn.Dropout1d, nn.Identity, nn.ModuleList, nn.ModuleDict)


class Part(NamedTuple):
    """One module.

    Attributes:
        name: dotted, as in ``model.named_modules()``; empty for the whole.
        kind: its class.
        depth: 0 for the whole.
        shape: what it gives for one row, or None if it was not run by itself.
        parameters: weights in it, those of its parts counted.
        operations: multiply-adds for one row, those of its parts counted.
        share: of the operations of the whole.
    """

    name: str
    kind: str
    depth: int
    shape: tuple[int, ...] | None
    parameters: int
    operations: int
    share: float


def structure(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Part]:
    """Run a batch, and say what every module gave, in the order of the modules.

    Operations are the multiply-adds of linear layers, convolutions, recurrent layers and attention, by formula from
    the shapes; what is small beside them (normalisation, activations, look-ups) is not counted.

    Args:
        model: in any mode; it is run in evaluation mode.
        inputs: as the model takes them.

    Example:
        >>> from lamina.features.base import Slot; from lamina.models import MODELS
        >>> layout = Layout.of([Slot("x", "value", "number", knots=(0.0, 1.0))])
        >>> network = MODELS["mlp"](layout, 2, MODELS["mlp"].Settings(width=8, depth=1))
        >>> [(part.name, part.shape, part.operations) for part in structure(network, made_up(layout)) if part.shape][-1]
        ('head', (2,), 16)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    done: dict[str, int] = {}
    rows = len(inputs["number"]) if "number" in inputs else len(next(iter(inputs.values())))

    def listener(name: str) -> Callable[..., None]:
        def listen(module: nn.Module, given: tuple[Any, ...], made: Any) -> None:
            first = _first(made)
            if first is not None and first.ndim:
                shapes.setdefault(name, tuple(first.shape[1:]))
                done[name] = done.get(name, 0) + operations(module, given, first)

        return listen

    modules = list(model.named_modules())
    handles = [module.register_forward_hook(listener(name)) for name, module in modules]
    was_training = model.training
    try:
        with torch.inference_mode():
            model.eval()(dict(inputs))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    whole = sum(done.values())
    parts = []
    for name, module in modules:
        if isinstance(module, IDLE) and not any(True for _ in module.parameters()):
            continue
        own = sum(count for other, count in done.items() if not name or other == name or other.startswith(f"{name}."))
        parts.append(
            Part(
                name,
                type(module).__name__.lstrip("_"),
                name.count(".") + 1 if name else 0,
                shapes.get(name),
                sum(parameter.numel() for parameter in module.parameters()),
                round(own / max(1, rows)),
                own / whole if whole else 0.0,
            )
        )
    return parts


def operations(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> int:
    """Multiply-adds of one module by itself, for a whole batch.

    Example:
        >>> operations(nn.Linear(3, 5), (), torch.zeros(2, 5))
        30
    """
    if isinstance(module, nn.Linear):
        return made.numel() * module.in_features
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        return made.numel() * module.weight[0].numel()
    if isinstance(module, nn.RNNBase):
        weights = sum(value.numel() for name, value in module.named_parameters() if name.startswith("weight"))
        return made.shape[0] * made.shape[1] * weights
    if isinstance(module, Attention):
        return 2 * made.shape[0] * made.shape[1] ** 2 * made.shape[2]  # scores, and the mean that they weigh
    return 0


def _first(made: Any) -> Tensor | None:
    while isinstance(made, tuple | list) and made:
        made = made[0]
    return made if isinstance(made, Tensor) else None


def made_up(layout: Layout, rows: int = 2) -> dict[str, Tensor]:
    """Rows of nothing in particular, as a network over these columns takes them: for shapes, where no data is at hand.

    Example:
        >>> sorted(made_up(Layout()))
        ['category', 'flag', 'number']
    """
    inputs = {
        "number": torch.zeros(rows, len(layout.numbers)),
        "flag": torch.zeros(rows, len(layout.flags)),
        "category": torch.zeros(rows, len(layout.categories), dtype=torch.int64),
    }
    for name, slot in layout.wide_by_name.items():
        steps = 1 if slot.group == "image" else max(1, min(slot.length, STEPS))
        shape = (rows, *slot.shape) if slot.group == "image" else (rows, steps, *slot.shape)
        dtype = {"tokens": torch.int64, "frames": torch.float32}.get(slot.group, torch.uint8)
        inputs[name] = torch.ones(shape, dtype=dtype)
        inputs[f"{name}.length"] = torch.full((rows,), steps)
    return inputs
