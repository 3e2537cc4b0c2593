"""Everything that a finished run can tell, as one document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from lamina import __version__
from lamina.files import read_json
from lamina.pipeline.pseudo import told
from lamina.training.history import read_history

__all__ = ["document", "overfitting"]


def document(folder: Path) -> dict[str, Any]:
    """Everything that a finished run can tell, as one JSON document: the report is made from this alone."""
    run, plan = read_json(folder / "run.json"), read_json(folder / "plan.json")
    judged, tasks = read_json(folder / "scores.json"), read_json(folder / "tasks.json")
    first_of_kept = judged.get("pseudo", {}).get("history", 0)
    history = [row for row in read_history(folder) if row["network"] == first_of_kept]
    training, first = run["training"], run["training"]["networks"][0]
    aside = pl.read_parquet(folder / "set_aside.parquet")
    reasons = [
        {"reason": reason[0], "count": len(rows), "examples": rows["row"].head(5).to_list()}
        for reason, rows in aside.group_by("reason", maintain_order=True)
    ]
    columns = [
        {**column, "name": name, "kind": column["feature"], "used": column.get("used", False) or column["is_target"]}
        for name, column in read_json(folder / "schema.json").items()
    ]
    way = first["way"]
    return {
        "title": ", ".join(plan["data"]["target"]),
        "created": run["created"],
        "version": __version__,
        "data": {
            "source": run["source"]["data"],
            "rows_read": run["rows_read"],
            "rows": run["rows"],
            "set_aside": reasons,
            "fingerprint": run["fingerprint"]["data"],
            "columns": columns,
        },
        "warnings": _warnings(run, judged, tasks, history) + _flips(folder),
        "plan": plan,
        "machine": {**{key: value for key, value in way.items() if key != "notes"}, "notes": list(way["notes"]),
                    **read_json(folder / "versions.json")},
        "history": history,
        "training": {
            "stopped_because": _STOPPED[first["stopped"]].format(**plan["train"]),
            "seconds": training["seconds"],
            "best_epoch": next((row["epoch"] for row in history if row["step"] == first["best_step"]), None),
            "overfitting": overfitting(history),
            "parameters": training["parameters"],
            "networks": len(training["networks"]),
        },
        "targets": judged["targets"],
        "samples": _samples(folder),
        "made": read_json(path) if (path := folder / "made.json").exists() else None,
        "inside": path.read_text("utf-8") if (path := folder / "inside.html").exists() else None,
    }  # fmt: skip


def _flips(folder: Path) -> list[dict[str, str]]:
    """What was found of mirrored pictures."""
    path = folder / "flips.json"
    found = read_json(path).values() if path.exists() else []
    return [{"severity": "note", "text": f"Mirrored pictures of {one['column']}: {one['evidence']}."} for one in found]


def _samples(folder: Path) -> list[dict[str, Any]]:
    """The rows to look at; none in runs from before there were any."""
    path = folder / "samples.json"
    return read_json(path) if path.exists() else []


_STOPPED = {"budget": "the budget of {budget} was spent", "patience": "the valid rows showed no more gain"}


def _warnings(run: Any, judged: Any, tasks: Any, history: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = [{"severity": "note", "text": note} for task in tasks for note in task["notes"]]
    remembered = run["training"]["remembered_rows"]
    if remembered:
        text = (
            f"Every second network answers by the training rows most like the new one, and keeps {remembered:,} of "
            "them, encoded, with the weights. Whoever has the run has these rows; train.companions=none does without."
        )
        found.append({"severity": "note", "text": text})
    if "pseudo" in judged:
        found.append({"severity": "note", "text": told(judged["pseudo"])})
    if judged["rows"] == "valid":
        found.append(
            {
                "severity": "warning",
                "text": "There were no test rows: the scores are those of the valid rows, which chose the best epoch, "
                "and so look better than new rows will.",
            }
        )
    said = overfitting(history)
    return found + ([{"severity": "note", "text": said}] if said else [])


def overfitting(history: list[dict[str, Any]]) -> str | None:
    """Name overfitting where the curves show it: the training loss went on falling while the valid loss rose by 2%."""
    rows = [row for row in history if row["valid_loss"] is not None]
    if len(rows) < 4:
        return None
    best = min(range(len(rows)), key=lambda place: rows[place]["valid_loss"])
    last = rows[-1]
    rose = last["valid_loss"] - rows[best]["valid_loss"]
    if rose <= 0.02 * abs(rows[best]["valid_loss"]) or last["train_loss"] >= rows[best]["train_loss"]:
        return None
    return (
        f"The network began to overfit after epoch {rows[best]['epoch'] + 1}: the training loss went on from "
        f"{rows[best]['train_loss']:.4g} to {last['train_loss']:.4g} while the valid loss rose from "
        f"{rows[best]['valid_loss']:.4g} to {last['valid_loss']:.4g}. The weights of the best epoch are kept."
    )
