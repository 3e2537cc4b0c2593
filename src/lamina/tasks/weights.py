"""Class weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lamina.errors import SettingError, nearest

__all__ = ["ClassWeights", "class_weights"]

ClassWeights = Literal["none", "balanced"] | dict[str, float]


def class_weights(rule: ClassWeights, names: list[str], counts: list[int]) -> Tensor | None:
    """One weight a class, (C,), with mean 1 over the training rows; None where all are 1.

    Args:
        rule: ``none``; ``balanced``, inverse to the counts; or name -> weight, 1 for those not named.
        names: classes in the order of their codes.
        counts: training rows of each.

    Raises:
        SettingError: if the rule names a class that is not there, or a weight that is not positive.
    """
    if rule == "none":
        return None
    rows = torch.tensor(counts, dtype=torch.float32)
    if rule == "balanced":
        weights = 1 / rows.clamp(min=1)
    else:
        assert isinstance(rule, dict)
        for name, weight in rule.items():
            if name not in names:
                raise SettingError(
                    "class_weights names no class", got=name, allowed=", ".join(names), do=nearest(name, names)
                )
            if not weight > 0:
                raise SettingError(f"the weight of class {name} must be positive", got=weight)
        weights = torch.tensor([float(rule.get(name, 1.0)) for name in names])
    return weights * rows.sum() / (weights * rows).sum()
