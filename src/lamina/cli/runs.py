"""``lamina runs``: the runs in a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lamina.cli.command import Command
from lamina.cli.output import columns, print_json, short, width
from lamina.errors import NotARunError, RunError
from lamina.files import read_json

__all__ = ["command"]

USUAL = "runs"  # where lamina train puts them
TARGETS, SCORES = 16, 20  # letters of them that are shown


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=USUAL, help="Where the runs lie.")


def _run(args: argparse.Namespace) -> int:
    folder = Path(args.folder)
    if not folder.is_dir() and args.folder != USUAL:
        raise NotARunError(f"there is no folder {folder}", do="name one that holds runs")
    found = [_look(path.parent) for path in folder.glob("*/run.json")]
    found.sort(key=lambda run: (run["created"], run["run"]))
    if args.json:
        print_json({"folder": str(folder), "runs": found})
    elif found:
        print(*_table(found), sep="\n")
    else:
        print(f"no runs in {folder}", file=sys.stderr)
    return 0


def _look(folder: Path) -> dict[str, Any]:
    """One run, from its small JSON files alone: quick, and not verified."""
    look: dict[str, Any] = {"run": str(folder), "status": "damaged", "created": "", "target": [], "model": None}
    try:
        run, plan = read_json(folder / "run.json"), read_json(folder / "plan.json")
        look |= {
            "status": run["status"] if run["status"] == "finished" else "unfinished",
            "created": run["created"],
            "target": plan["data"]["target"],
            "model": plan["model"]["name"] or "own module",
        }
        if not look["target"]:  # pre-training has none, and no scores
            look["kind"] = run["kind"]
        elif run["status"] == "finished":
            look["scores"] = _headlines(read_json(folder / "scores.json")["targets"])
    except (RunError, OSError, KeyError, TypeError) as error:
        look |= {"status": "damaged", "fault": f"{type(error).__name__}: {error}"}
    return look


def _headlines(targets: dict[str, Any]) -> list[dict[str, Any]]:
    """The first score of each target."""
    found = []
    for target, result in targets.items():
        score = result["systems"]["network"]["scores"][result["headline"]]
        found.append({"target": target, "metric": result["headline"], "label": result["metrics"][0]["label"], **score})
    return found


def _table(runs: list[dict[str, Any]]) -> list[str]:
    """A line a run. A long path loses its beginning: the end tells runs apart."""
    rows = [["status", "target", "model", "score", "made"], *map(_row, runs)]
    room = width() - max(map(len, columns(rows))) - 2
    paths = [path if len(path) <= room else "…" + path[1 - room :] for path in ("run", *(run["run"] for run in runs))]
    return columns([[path, *row] for path, row in zip(paths, rows, strict=True)])


def _row(run: dict[str, Any]) -> list[str]:
    """What stands beside a run's path."""
    scores = [f"{one['label']} {one['value']:.5g}" for one in run.get("scores", []) if one["value"] is not None]
    return [
        run["status"],
        short(", ".join(run["target"]) or run.get("kind", "-"), TARGETS),
        run["model"] or "-",
        short(", ".join(scores) or "-", SCORES),
        run["created"][:16].replace("T", " ") or "-",
    ]


command = Command("List the runs in a folder, the latest last.", "[FOLDER]", _add_arguments, _run, "lamina runs")
