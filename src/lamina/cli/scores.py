"""Scores for the terminal: the network beside its baselines, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.cli.output import columns, fold
from lamina.evaluation.figures import figure, together

__all__ = ["brief", "lines_of"]

METRICS = 3  # columns of the table: the headline and the two after it; the report has them all


def lines_of(target: str, result: Mapping[str, Any], rows: str) -> list[str]:
    """The scores of one target as lines: a table with a row for each system, best first, and the verdict.

    Args:
        target: the column that was predicted.
        result: its document, as made by ``lamina.evaluation.scores``.
        rows: whose scores they are: "test" or "valid" rows.
    """
    metrics = result["metrics"][:METRICS]
    systems = {name: system for name, system in result["systems"].items() if system["scores"]}
    sign = -1 if metrics[0]["greater_is_better"] else 1

    def place(name: str) -> float:
        value = systems[name]["scores"].get(result["headline"], {}).get("value")
        return float("inf") if value is None else sign * value

    table = [["", *(metric["label"] for metric in metrics)]]
    for name in sorted(systems, key=place):
        scores = systems[name]["scores"]
        table.append([name, *(_score(scores.get(metric["name"])) for metric in metrics)])
    lines = [f"{target}: {result['kind']}, scores on {result['rows']:,} {rows} rows with 95% intervals", ""]
    lines += [f"  {line}" for line in columns(table)]
    lines += [f"  {name} was left out: {note}" for name, note in _left_out(result)]
    return [*lines, "", *fold(result["verdict"])]


def _score(score: Mapping[str, Any] | None) -> str:
    """A value and its interval, such as ``0.9255 (0.9214 to 0.9296)``."""
    if score is None or score["value"] is None:
        return "-"
    if score["low"] is None:
        return figure(score["value"])
    value, low, high = together([score["value"], score["low"], score["high"]])
    return f"{value} ({low} to {high})"


def _left_out(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, system["note"]) for name, system in result["systems"].items() if not system["scores"] and system["note"]
    ]


def brief(results: Mapping[str, Any]) -> dict[str, Any]:
    """Target -> document without the details that only a report draws."""
    return {target: {key: value for key, value in one.items() if key != "detail"} for target, one in results.items()}
