"""What stands at the end of training: scores, verdict, warnings, and where everything lies."""

from __future__ import annotations

from typing import Any

from lamina.cli.output import fold
from lamina.cli.scores import brief, lines_of
from lamina.files import read_json

__all__ = ["document_of", "print_summary"]

# Task -> what one does with a run, where that is not to predict rows.
NEXT = {"chat": "chat {run}", "compose": "compose {run} --out new.mid --wav new.wav"}


def print_summary(run: Any) -> None:
    """Print a finished run for people."""
    rows = read_json(run.path / "scores.json")["rows"]
    for target, result in run.results.items():
        print(*lines_of(target, result, rows), "", sep="\n")
    for warning in run.warnings:
        print(*fold(f"{warning['severity']}: {warning['text']}", rest="  "), "", sep="\n")
    kinds = [result["kind"] for result in run.results.values()]
    following = next((NEXT[kind] for kind in kinds if kind in NEXT), "predict {run} NEW.csv").format(run=run.path)
    # Whole, however long: a path that is cut cannot be copied.
    print(f"run     {run.path}\nreport  {run.report}\nnext    lamina {following}")


def document_of(run: Any) -> dict[str, Any]:
    """A finished run as one JSON document."""
    state = read_json(run.path / "run.json")
    return {
        "run": str(run.path),
        "report": str(run.report),
        "rows": state["rows"],
        "training": state["training"],
        "targets": brief(run.results),
        "warnings": run.warnings,
    }
