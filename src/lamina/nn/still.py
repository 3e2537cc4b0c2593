"""Weights that stay as they are while others learn: out of the optimiser's sight, and out of checkpoints."""

from __future__ import annotations

from torch import nn

__all__ = ["set_moving", "set_still"]


def set_still(module: nn.Module) -> None:
    """Make every frozen weight within a module a buffer that is not saved.

    Example:
        >>> layer = nn.Linear(2, 3)
        >>> layer.weight.requires_grad_(False) is layer.weight
        True
        >>> set_still(layer)
        >>> list(layer.state_dict()), layer.weight.shape
        (['bias'], torch.Size([3, 2]))
        >>> set_moving(layer)
        >>> sorted(layer.state_dict())
        ['bias', 'weight']
    """
    for part in module.modules():
        for name, weight in list(part.named_parameters(recurse=False)):
            if not weight.requires_grad:
                delattr(part, name)
                part.register_buffer(name, weight.detach(), persistent=False)
                part.__dict__.setdefault("_still", []).append(name)


def set_moving(module: nn.Module) -> None:
    """Undo :func:`set_still`: all of them are weights again, and may learn."""
    for part in module.modules():
        for name in part.__dict__.pop("_still", []):
            weight = getattr(part, name)
            delattr(part, name)
            part.register_parameter(name, nn.Parameter(weight))
