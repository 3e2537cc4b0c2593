"""Optional packages are asked for here, and nowhere else."""

from __future__ import annotations

import importlib
from types import ModuleType

from lamina.errors import MissingExtraError

__all__ = ["need"]


def need(module: str, *, extra: str, why: str) -> ModuleType:
    """Import an optional module, or say in one line what to install.

    Args:
        module: the dotted name to import.
        extra: the extra of Lamina that brings it.
        why: what it is needed for, as in "to read pandas tables".

    Raises:
        MissingExtraError: if it is not installed.

    Example:
        >>> need("json", extra="none", why="to show this").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module.partition('.')[0]} is needed {why}", got=str(error), do=f"pip install 'lamina[{extra}]'"
        ) from error
