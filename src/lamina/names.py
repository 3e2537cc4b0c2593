"""Name tables: the text names of plans and command lines, and the classes they stand for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lamina.errors import SettingError, nearest

__all__ = ["Names", "entry_points"]


def entry_points(group: str) -> Iterable[Any]:
    """The rows of a group that installed packages bring, each with ``name`` and ``value``."""
    from importlib.metadata import entry_points as found  # heavy, and seldom asked for

    return found(group=group)


class Names(Mapping[str, Any]):
    """A read-only table from a name to a class, imported only when it is asked for.

    Args:
        noun: what the rows are, in the singular, for messages ("model").
        rows: name -> "module:object".
        group: entry-point group through which other packages add rows, for instance ``lamina.models``.

    Raises:
        SettingError: on an unknown name; it gives the nearest one.

    Example:
        >>> table = Names("shape", {"path": "pathlib:Path"})
        >>> table["path"].__name__
        'Path'
    """

    def __init__(self, noun: str, rows: dict[str, str], group: str | None = None) -> None:
        self.noun = noun
        self._rows = dict(rows)
        self._group = group
        self._outside: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._outside is None:
            found = entry_points(group=self._group) if self._group else ()
            # A name of ours cannot be taken over from outside.
            self._outside = {point.name: point.value for point in found if point.name not in self._rows}
        return self._rows | self._outside

    def __getitem__(self, name: str) -> Any:
        # Names of ours are found without a look at what else is installed, which takes longer than all the rest.
        rows = self._rows if name in self._rows else self._all()
        if name not in rows:
            raise SettingError(
                f"no such {self.noun}", got=repr(name), allowed=", ".join(rows), do=nearest(str(name), rows)
            )
        module, _, attribute = rows[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def name_of(self, cls: type) -> str | None:
        """The name under which a class stands in the table, or None."""
        path = f"{cls.__module__}:{cls.__qualname__}"
        return next((name for name, value in self._all().items() if value == path), None)
