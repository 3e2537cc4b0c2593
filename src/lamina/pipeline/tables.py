"""Tables as a plan wants them: whole names of files, and rows that belong together as one row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from lamina.data.asked import asked
from lamina.data.grouped import grouped
from lamina.data.located import locate
from lamina.data.table import Table
from lamina.data.textfile import FILE, PLACE, TEXT
from lamina.errors import UsageError
from lamina.features.base import Feature
from lamina.plan import DataSettings, Plan

__all__ = ["as_trained", "in_series", "texts_alone"]

MANY = 20  # files, from which on each teaches or judges as a whole
SERIES = "series"  # the column that the numbers of grouped rows become


def in_series(tables: Mapping[str, Table], data: DataSettings) -> dict[str, Table]:
    """The tables of a new run with the rows of each key as one row, where the plan says so.

    Args:
        tables: ``data`` and, if given, ``valid`` and ``test``, which get the channels of the first.
        data: which rows belong together.
    """
    tables = {key: _as_dialogues(table, data) for key, table in tables.items()}
    if data.series_key is None:
        return tables
    first = _grouped(tables["data"], data, None, data.target)
    channels = list(first.dtypes[SERIES].to_schema())  # type: ignore[attr-defined]
    plain = [name for name in first.names if name not in (SERIES, data.series_key, data.series_time)]
    return {"data": first} | {
        key: _grouped(table, data, channels, [name for name in plain if name in table.names])
        for key, table in tables.items()
        if key != "data"
    }


def texts_alone(plan: Plan, table: Table) -> Plan:
    """The plan for files of running text, where nobody said what else is predicted: the text is, and from nothing.

    Of many files each stays on one side, of few the last parts judge.
    """
    if not table.running or plan.data.target not in ([], [TEXT]) or plan.data.inputs:
        return plan
    data = dataclasses.replace(plan.data, target=[TEXT], inputs=[], features={TEXT: "text", **plan.data.features})
    split = plan.split
    if not (split.group or split.time or split.column):
        apart: dict[str, Any] = {"group": FILE} if table.running >= MANY else {"time": PLACE}
        split = dataclasses.replace(split, **apart)
    return dataclasses.replace(plan, data=data, split=split)


def as_trained(table: Table, inputs: Sequence[Feature], data: DataSettings) -> Table:
    """A table of new rows in the form of those that a run was trained on.

    Args:
        table: as it comes.
        inputs: fitted features of the run's inputs.
        data: the plan's section of the training table.
    """
    table = _as_dialogues(table, data)
    locate(table, inputs, data.files)
    if data.series_key is None or SERIES in table.names:
        return table
    channels = [name for feature in inputs if feature.column == SERIES for name in feature.state.names]
    plain = [feature.column for feature in inputs if feature.column in table.names]
    keys = (data.series_key, data.series_time)
    wanted = [name for name in [*plain, *data.target] if name not in keys and name in table.names]
    return _grouped(table, data, channels, wanted)


def _as_dialogues(table: Table, data: DataSettings) -> Table:
    """The table with dialogues in the place of answers, where the plan says what is asked."""
    if data.asked is None or data.asked not in table.names:
        return table
    if len(data.target) != 1:
        raise UsageError("what is asked has one answer", got=f"{len(data.target)} targets", do="name one --target")
    return asked(table, data.asked, data.target[0])


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
