"""What can go wrong, as one tree.

    LaminaError                 anything Lamina says no to          exit code 1
    ├── DataError               the table                           1   (ValueError)
    │   └── MissingColumnError  a column the run needs is not there 1
    ├── RunError                a run folder, or a bundle of one    1   (ValueError)
    │   ├── NotARunError        it is not one
    │   ├── DamagedRunError     a file was changed, added or lost
    │   ├── LaterVersionError   written by a later Lamina
    │   └── BundleError         a bundle that cannot be opened
    ├── ExportError             a run cannot leave in that form     1   (RuntimeError)
    ├── TrainingError           training cannot go on               1   (RuntimeError)
    │   └── NonFiniteError      a loss or gradient that is no number
    ├── MemoryNeedError         more memory than there is           1   (MemoryError)
    └── UsageError              how Lamina was called               2   (ValueError)
        ├── SettingError        a setting: unknown, or out of bounds
        └── MissingExtraError   an optional package                 (ImportError)

Every message has one form, on one line: what was wrong · what came · what is allowed · what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "DamagedRunError",
    "DataError",
    "ExportError",
    "LaminaError",
    "LaterVersionError",
    "MemoryNeedError",
    "MissingColumnError",
    "MissingExtraError",
    "NonFiniteError",
    "NotARunError",
    "RunError",
    "SettingError",
    "TrainingError",
    "UsageError",
    "nearest",
    "some",
]


class LaminaError(Exception):
    """Base of all errors that Lamina raises on purpose.

    Args:
        what: what was wrong.
        got: what came.
        allowed: what is allowed.
        do: what to do about it.

    Example:
        >>> str(LaminaError("no such column", got="agee", allowed="age, sex", do="did you mean age?"))
        'no such column · got agee · allowed: age, sex · did you mean age?'
    """

    exit_code = 1

    def __init__(self, what: str, *, got: object = None, allowed: object = None, do: str | None = None) -> None:
        parts = [what]
        if got is not None:
            parts.append(f"got {got}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        if do is not None:
            parts.append(do)
        super().__init__(" · ".join(" ".join(str(part).split()) for part in parts))


class DataError(LaminaError, ValueError):
    """The table cannot be used as it is."""


class MissingColumnError(DataError):
    """A column that the run needs is not in the table."""


class RunError(LaminaError, ValueError):
    """A run folder cannot be used."""


class NotARunError(RunError):
    """The folder is not a run."""


class DamagedRunError(RunError):
    """A file of the run was changed, added or lost since it was written."""


class LaterVersionError(RunError):
    """The run was written by a later version of Lamina."""


class BundleError(RunError):
    """A file is not a bundle, or not as it was written."""


class ExportError(LaminaError, RuntimeError):
    """A run cannot leave in the form that was asked for; nothing was written."""


class TrainingError(LaminaError, RuntimeError):
    """Training cannot go on."""


class NonFiniteError(TrainingError):
    """A loss or gradient is NaN or infinite; the weights were not touched by that step."""


class MemoryNeedError(LaminaError, MemoryError):
    """The plan needs more memory than this machine has."""


class UsageError(LaminaError, ValueError):
    """Lamina was called in a way that it does not know."""

    exit_code = 2


class SettingError(UsageError):
    """A setting is unknown, of the wrong type, or out of bounds."""


class MissingExtraError(UsageError, ImportError):
    """An optional package is needed and not installed."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Say which known name is meant, as a clause for an error, or None where nothing is near.

    Example:
        >>> nearest("tabn", ["tabm", "mlp"])
        'did you mean tabm?'
    """
    known = list(known)
    exact = [other for other in known if other.lower() == name.lower()]
    close = exact or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else None


def some(values: Iterable[object], most: int = 5) -> str:
    """Join the first few values for a message: ``some(range(9), 3)`` is ``'0, 1, 2 and 6 more'``."""
    texts = [str(value) for value in values]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"
