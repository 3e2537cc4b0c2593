"""What stands beside a network whose target is predicted alone, by its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.features.layout import Layout
from lamina.names import Names

__all__ = ["COMPANY", "Answering", "Company"]

# Task -> its company. The other tasks have the baselines of lamina.evaluation.baselines.
COMPANY = Names(
    "task that is predicted alone",
    {
        "write": "lamina.evaluation.text.plain:COMPANY",
        "continue": "lamina.evaluation.text.counted:COMPANY",
        "transcribe": "lamina.evaluation.text.plain:COMPANY",
        "point": "lamina.evaluation.text.windows:COMPANY",
        "extract": "lamina.evaluation.text.extract:COMPANY",
        "tag": "lamina.evaluation.tags:COMPANY",
        "compose": "lamina.evaluation.music:COMPANY",
        "chat": "lamina.evaluation.text.dialogues:COMPANY",
    },
)


class Answering(Protocol):
    """Answers rows without a network."""

    def __call__(
        self, task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
    ) -> dict[str, Baseline]:
        """Name -> what it answered to the judged rows.

        Args:
            task: of the target.
            layout: of the inputs.
            taught: training rows that may be looked at.
            judged: the rows that are judged.
            which: ``all``, ``none``, or some of the names.
            seed: of whatever they draw.
        """


class Company(NamedTuple):
    """The baselines of a task.

    Attributes:
        names: of all that there are.
        answer: asks them.
    """

    names: Mapping[str, Any]
    answer: Answering
