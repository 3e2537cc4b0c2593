"""When to stop at the latest."""

from __future__ import annotations

import dataclasses
import re

from lamina.errors import SettingError

__all__ = ["Budget"]

_UNITS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "min": 60.0, "minutes": 60.0, "m": 60.0, "h": 3600.0, "hours": 3600.0}


@dataclasses.dataclass(frozen=True)
class Budget:
    """Seconds, steps or epochs; one of them is set.

    Example:
        >>> Budget.parse("1.5min").seconds
        90.0
        >>> Budget.parse("500 steps").steps
        500
    """

    seconds: float | None = None
    steps: int | None = None
    epochs: int | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read a budget.

        Raises:
            SettingError: if the text is none.
        """
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", text.lower())
        number, unit = (float(match[1]), match[2]) if match else (0.0, "")
        if unit in _UNITS and number > 0:
            return cls(seconds=number * _UNITS[unit])
        if unit.removesuffix("s") in ("step", "epoch") and number >= 1 and number == int(number):
            return cls(steps=int(number)) if unit.startswith("step") else cls(epochs=int(number))
        raise SettingError(
            "setting train.budget is no budget", got=repr(text), allowed="such as 60s, 5min, 2h, 500steps, 10epochs"
        )

    def horizon(self, steps_per_epoch: int) -> int | None:
        """The last step, where it is known before training; None for a budget of seconds."""
        if self.steps is not None:
            return self.steps
        return None if self.epochs is None else self.epochs * steps_per_epoch
