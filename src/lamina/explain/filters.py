"""What networks over pictures see: their first filters, the maps of a row, and where its answer comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.explain.gradients import answered
from lamina.nn.attention import Attention

__all__ = ["Where", "filters", "maps", "where"]


def filters(backbone: nn.Module) -> Tensor | None:
    """The filters of the first convolution, (filters, channels, height, width); None if it sees single pixels only."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight.detach()
            return weight if weight.shape[2] * weight.shape[3] > 1 else None
    return None


def maps(model: nn.Module, inputs: Mapping[str, Tensor], backbone: nn.Module) -> list[tuple[str, Tensor]]:
    """The first and the last map of a row, as (name of the module, (channels, height, width)); fewer without maps.

    Args:
        model: in evaluation mode.
        inputs: of one row.
        backbone: that of the column.
    """
    with torch.inference_mode():
        found, _ = _run(model, inputs, backbone)
    # The pixels themselves are no map, nor is one that is a single cell.
    kept = [(name, made[0]) for name, made in found if made.shape[2] * made.shape[3] > 1 and "pixels" not in name]
    return [kept[0], kept[-1]] if len(kept) > 1 else kept


class Where(NamedTuple):
    """Which places of a picture the answer came from.

    Attributes:
        method: its name, for people.
        shares: (height, width) of the picture, from 0 to 1.
    """

    method: str
    shares: Tensor


def where(model: nn.Module, inputs: Mapping[str, Tensor], backbone: nn.Module, name: str) -> Where:
    """Where in a picture the answer to a row comes from.

    Grad-CAM (Selvaraju et al. 2017) over the last map: channels weighed by the mean of their gradient, and what speaks
    for the output kept. Networks of patches have no maps between: there it is the gradient times the input.

    Args:
        model: in evaluation mode.
        inputs: of one row.
        backbone: that of the column.
        name: of the column's array.
    """
    values = inputs[name].float().requires_grad_()
    with torch.enable_grad():
        found, raw = _run(model, {**inputs, name: values}, backbone)
        said = answered(raw)
        kept = [made for _, made in found if made.shape[2] * made.shape[3] > 1]
        by_maps = bool(kept) and not any(isinstance(module, Attention) for module in backbone.modules())
        (gradient,) = torch.autograd.grad(said, kept[-1] if by_maps else values)
    if by_maps:
        weights = gradient.mean((2, 3), keepdim=True)
        heat = (weights * kept[-1]).sum(1, keepdim=True).clamp(min=0)
        size = list(values.shape[1:3])
        heat = torch.nn.functional.interpolate(heat, size, mode="bilinear", align_corners=False)[0, 0]
    else:
        heat = (gradient * values)[0].sum(-1).abs()
    heat = heat.detach()
    return Where("Grad-CAM" if by_maps else "gradient times input", heat / heat.max().clamp(min=1e-12))


def _run(
    model: nn.Module, inputs: Mapping[str, Tensor], backbone: nn.Module
) -> tuple[list[tuple[str, Tensor]], Tensor]:
    """Every map (1, channels, height, width) that a module of the backbone gives, in order; and the raw outputs."""
    found: list[tuple[str, Tensor]] = []

    def listen(name: str) -> Any:
        def look(_: nn.Module, given: object, made: Any) -> None:
            made = made[0] if isinstance(made, tuple) else made
            if isinstance(made, Tensor) and made.ndim == 4 and len(made) == 1 and made.is_floating_point():
                found.append((name, made))

        return look

    handles = [module.register_forward_hook(listen(name)) for name, module in backbone.named_modules() if name]
    try:
        return found, model(dict(inputs))
    finally:
        for handle in handles:
            handle.remove()
