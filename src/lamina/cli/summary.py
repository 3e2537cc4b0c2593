"""What stands at the end of training: scores, verdict, warnings, and where everything lies."""

from __future__ import annotations

from typing import Any

from lamina.cli.output import fold
from lamina.cli.scores import brief, lines_of
from lamina.files import read_json
from lamina.report.uses import use_of

__all__ = ["document_of", "print_summary"]


def print_summary(run: Any) -> None:
    """Print a finished run for people."""
    rows = read_json(run.path / "scores.json")["rows"]
    for target, result in run.results.items():
        print(*lines_of(target, result, rows), "", sep="\n")
    for warning in run.warnings:
        print(*fold(f"{warning['severity']}: {warning['text']}", rest="  "), "", sep="\n")
    use = use_of(result["kind"] for result in run.results.values())
    following = (use.command if use else "lamina predict {run} NEW.csv").format(run=run.path)
    # Whole, however long: a path that is cut cannot be copied.
    print(f"run     {run.path}\nreport  {run.report}\nnext    {following}")


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
