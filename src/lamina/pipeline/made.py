"""What networks make by themselves, for the report: texts that go on, music, answers in a dialogue."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from torch import nn

from lamina.data.rows import Rows
from lamina.names import Names

__all__ = ["MADE", "Making"]

# Task -> what its network makes. The others have rows to look at, with what they answered.
MADE = Names(
    "task whose network makes something by itself",
    {
        "continue": "lamina.pipeline.continued:continued",
        "compose": "lamina.pipeline.composed:composed",
        "chat": "lamina.pipeline.talked:talked",
    },
)


class Making(Protocol):
    """Lets a network make a few things."""

    def __call__(
        self, task: Any, model: nn.Module, taught: Rows, judged: Rows, losses: np.ndarray, seed: int
    ) -> dict[str, Any]:
        """JSON values that :mod:`lamina.report.made` draws; ``told``, a sentence, is among them where there is one.

        Args:
            task: of the target.
            model: the network.
            taught: rows that it has learned from.
            judged: n rows that it has not.
            losses: (n,) of these, higher is worse.
            seed: of whatever is drawn.
        """
