"""Judging a run: calibration, scores beside baselines, predictions written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from torch import nn

from lamina.config import as_dict
from lamina.data.batches import Rows
from lamina.data.store import Store
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import baselines
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.scores import scores
from lamina.features.answer import Answer
from lamina.files import atomic, write_json
from lamina.pipeline.networks import Unseen, fold_rows, outputs
from lamina.pipeline.parts import Parts
from lamina.tasks.base import Task

__all__ = ["judge"]

JUDGED = 500_000  # test rows that are scored and written down; of more, every second, third ...
TAUGHT = 1_000_000  # training rows that baselines are offered; they sample from these


def judge(
    folder: Path, parts: Parts, model: nn.Module, held: Unseen, votes: Sequence[int], learn: Store, test: Store
) -> None:
    """Calibrate, score, and write ``tasks.json``, ``scores.json`` and ``predictions.parquet``.

    Args:
        folder: the run.
        parts: its plan, features and tasks.
        model: the network, or the committee of all.
        held: what the networks say of rows that they have not learned from.
        votes: of each network.
        learn, test: encoded rows. Without test rows those of the first fold are judged, by the networks that have not
            learned from them.
    """
    objective, tasks = parts.objective, parts.objective.tasks
    said = held.blend(votes)
    for task, part, target in zip(tasks, objective.slices, held.targets, strict=True):
        if len(target):
            task.calibrate(said[:, part], target)
    write_json(
        folder / "tasks.json",
        [
            {"name": task.name, "settings": as_dict(task.settings), "state": task.state, "notes": task.notes}
            for task in tasks
        ],
    )
    judged = _thinned(Rows.all(test), JUDGED) if test.rows else fold_rows(learn, 0, inside=True)
    given = outputs(model, objective, judged) if test.rows else said[: len(judged.places)]
    answers = [task.answer(given[:, part]) for task, part in zip(tasks, objective.slices, strict=True)]
    documents = {}
    for place, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
        if len(judged.places):
            documents[task.feature.column] = _scores(parts, learn, judged, place, task, answer)
    rows_of = ("test" if test.rows else "valid") if documents else None
    write_json(folder / "scores.json", {"rows": rows_of, "targets": documents})
    frames = [answer.frame(task.feature) for task, answer in zip(tasks, answers, strict=True)]
    row = pl.DataFrame({"row": judged.array("row")})
    truth = [
        task.feature.decode(judged.array(f"target{place:03}")).alias(f"{task.feature.column}_true").to_frame()
        for place, task in enumerate(tasks)
    ]
    with atomic(folder / "predictions.parquet") as temporary:
        pl.concat([row, *truth, *frames], how="horizontal").write_parquet(temporary)


def _scores(parts: Parts, learn: Store, judged: Rows, place: int, task: Task, answer: Answer) -> dict[str, Any]:
    """The scores document of one target, beside baselines that learn from the training rows."""
    plan, name = parts.plan, f"target{place:03}"
    target = task.truth(judged.array(name))
    names = list(getattr(task.feature, "names", []))
    company: dict[str, Baseline] = {}
    if plan.evaluate.baselines != "none":
        train = _thinned(fold_rows(learn, 0, inside=False), TAUGHT)
        company = baselines(
            task.name,
            _matrix(parts, train),
            _matrix(parts, judged),
            task.truth(train.array(name)),
            which=plan.evaluate.baselines,
            seed=plan.seed,
            seconds=plan.evaluate.seconds,
            classes=len(names) or None,
        )
    made = scores(
        task.name,
        target,
        {"network": answer, **company},
        seed=plan.seed,
        names=names,
        resamples=plan.evaluate.resamples,
    )
    return {**made, "threshold": task.state.get("threshold")}


def _thinned(rows: Rows, most: int) -> Rows:
    """At most so many rows, evenly picked."""
    return Rows(rows.store, rows.places[:: max(1, -(-len(rows.places) // most))])


def _matrix(parts: Parts, rows: Rows) -> Matrix:
    arrays = {group: rows.array(group) for group in ("number", "flag", "category")}
    return Matrix.of(arrays, parts.encoder.layout.sizes, len(rows.places))
