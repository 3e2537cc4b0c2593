"""Tables as a plan wants them: whole names of files, and rows that belong together as one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lamina.data.grouped import grouped
from lamina.data.located import locate
from lamina.data.table import Table
from lamina.features.base import Feature
from lamina.plan import DataSettings

__all__ = ["as_trained", "in_series"]

SERIES = "series"  # the column that the numbers of grouped rows become


def in_series(tables: Mapping[str, Table], data: DataSettings) -> dict[str, Table]:
    """The tables of a new run with the rows of each key as one row, where the plan says so.

    Args:
        tables: ``data`` and, if given, ``valid`` and ``test``, which get the channels of the first.
        data: which rows belong together.
    """
    if data.series_key is None:
        return dict(tables)
    first = _grouped(tables["data"], data, None, data.target)
    channels = list(first.dtypes[SERIES].to_schema())  # type: ignore[attr-defined]
    plain = [name for name in first.names if name not in (SERIES, data.series_key, data.series_time)]
    return {"data": first} | {
        key: _grouped(table, data, channels, [name for name in plain if name in table.names])
        for key, table in tables.items()
        if key != "data"
    }


def as_trained(table: Table, inputs: Sequence[Feature], data: DataSettings) -> Table:
    """A table of new rows in the form of those that a run was trained on.

    Args:
        table: as it comes.
        inputs: fitted features of the run's inputs.
        data: the plan's section of the training table.
    """
    locate(table, inputs, data.files)
    if data.series_key is None or SERIES in table.names:
        return table
    channels = [name for feature in inputs if feature.column == SERIES for name in feature.state.names]
    plain = [feature.column for feature in inputs if feature.column in table.names]
    keys = (data.series_key, data.series_time)
    wanted = [name for name in [*plain, *data.target] if name not in keys and name in table.names]
    return _grouped(table, data, channels, wanted)


def _grouped(table: Table, data: DataSettings, channels: Sequence[str] | None, last: Sequence[str]) -> Table:
    assert data.series_key is not None and data.series_time is not None
    return grouped(
        table,
        data.series_key,
        data.series_time,
        channels,
        last=list(last),
        window=data.series_window,
        every=data.series_every,
        name=SERIES,
    )
