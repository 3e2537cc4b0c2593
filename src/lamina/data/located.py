"""Where the files lie that a table names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from lamina.codecs.content import INSIDE
from lamina.data.table import Table
from lamina.errors import DataError, UsageError, some
from lamina.features.base import Feature, blank_to_null
from lamina.features.media import Media

__all__ = ["locate"]

LOOKED_AT = 50  # names of a column that are looked for


def locate(table: Table, features: Iterable[Feature], root: str | None = None) -> None:
    """Let a table give whole names for the files in the columns of these features.

    Args:
        table: its names may be absolute; or relative to the folder of the program, to the table's own folder, or to a
            zip file in it. The place where most of the first names are found is taken.
        features: those of the columns in use.
        root: the folder or zip file that names are relative to; where none is there, the others are tried.

    Raises:
        UsageError: if there is no such folder or zip file.
        DataError: if none of the first names is found anywhere.
    """
    for feature in features:
        if not isinstance(feature, Media) or table.dtypes.get(feature.column) != pl.String:
            continue
        table.prefixes.pop(feature.column, None)  # those of a place that was found before would be looked for in it
        names = blank_to_null(table.head(LOOKED_AT)[feature.column]).drop_nulls().to_list()
        places = {prefix: _found(feature, prefix, names) for prefix in _prefixes(table, root)}
        best = max(places, key=places.__getitem__)
        if names and not places[best]:
            raise DataError(
                f"the files that column {feature.column!r} names are not there",
                got=some(names, 2),
                do="say where they lie: --files FOLDER_OR_ZIP",
            )
        table.prefixes[feature.column] = best


def _found(feature: Media, prefix: str, names: list[str]) -> int:
    """How many names are those of files, under a prefix."""
    return sum(feature.there(name if os.path.isabs(name) else prefix + name) for name in names)


def _prefixes(table: Table, root: str | None) -> Iterator[str]:
    if root is not None:
        if not os.path.exists(root):
            raise UsageError("there is no such folder or zip file", got=root)
        yield _prefix(Path(root))
    yield ""
    if table.folder is not None:
        yield _prefix(table.folder)
        yield from (_prefix(path) for path in sorted(table.folder.glob("*.zip")))


def _prefix(place: Path) -> str:
    place = place.resolve()
    return f"{place}{INSIDE}" if place.is_file() else f"{place}{os.sep}"
