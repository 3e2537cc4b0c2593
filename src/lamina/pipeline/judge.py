"""Judging a run: calibration, scores beside baselines, predictions written down."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.codecs.ragged import Ragged
from lamina.config import as_dict
from lamina.data.batches import rows_at_once, to_tensors
from lamina.data.rows import Rows
from lamina.data.store import Store
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import baselines
from lamina.evaluation.company import COMPANY
from lamina.evaluation.contribution import MOST_ROWS, contributions
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.scores import scores
from lamina.explain.look import MOST, look_at
from lamina.features.answer import Answer
from lamina.files import atomic, write_json, write_text
from lamina.nn.fusion import Gating
from lamina.pipeline.made import MADE
from lamina.pipeline.networks import Unseen, fold_rows, outputs
from lamina.pipeline.parts import Parts
from lamina.pipeline.samples import samples
from lamina.report.looking import inside
from lamina.runs.predictor import Predictor
from lamina.tasks.alone import Alone
from lamina.tasks.base import Task
from lamina.training.loop import at_rest
from lamina.training.objective import Objective

__all__ = ["judge"]

JUDGED = 500_000  # test rows that are scored and written down; of more, every second, third ...
JUDGED_TEXTS = 2_000  # the same where each answer is a text, which takes a step a token
TAUGHT = 1_000_000  # training rows that baselines are offered; they sample from these
TAUGHT_WIDE = 60_000  # the same where there are pictures, texts, sounds or series
TAUGHT_BYTES = 2**31  # of whose cells so many are looked at
CONTRIBUTING, CONTRIBUTING_WIDE = 5.0, 20.0  # seconds at most for what columns contribute


def judge(
    folder: Path, parts: Parts, model: nn.Module, held: Unseen | None, votes: Sequence[int], learn: Store, test: Store
) -> None:
    """Calibrate, score, and write ``tasks.json``, ``scores.json``, ``predictions.parquet`` and ``samples.json``, and
    ``inside.html`` if the plan asks for it.

    Args:
        folder: the run.
        parts: its plan, features and tasks.
        model: the network, or the committee of all.
        held: what the networks say of rows that they have not learned from; None where answers cannot be averaged.
        votes: of each network.
        learn, test: encoded rows. Without test rows those of the first fold are judged, by the networks that have not
            learned from them.
    """
    objective, tasks = parts.objective, parts.objective.tasks
    said = None if held is None else held.blend(votes)
    if held is not None and said is not None:
        for task, part, target in zip(tasks, objective.slices, held.targets, strict=True):
            if len(target):
                task.calibrate(said[:, part], target)
    for place, task in enumerate(tasks):
        if isinstance(task, Alone):
            task.learn(objective.judged(fold_rows(learn, 0, inside=False).thinned(TAUGHT)).target(place))
    write_json(
        folder / "tasks.json",
        [
            {"name": task.name, "settings": as_dict(task.settings), "state": task.state, "notes": task.notes}
            for task in tasks
        ],
    )
    most = JUDGED if objective.blends else JUDGED_TEXTS
    every = Rows.all(test) if test.rows else fold_rows(learn, 0, inside=True)
    judged = objective.judged(every.thinned(most))
    given = said[: len(judged.places)] if said is not None and not test.rows else outputs(model, objective, judged)
    answers = objective.answers(given)
    documents = {}
    for place, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
        if len(judged.places):
            judged_by = _scores if objective.blends else _scores_alone
            documents[task.feature.column] = judged_by(parts, learn, judged, place, task, answer)
    if documents:
        for document, found in zip(documents.values(), _columns(parts, model, judged), strict=True):
            document["columns"] = found
    rows_of = ("test" if test.rows else "valid") if documents else None
    write_json(folder / "scores.json", {"rows": rows_of, "targets": documents})
    losses = _losses_of(parts, given, [judged.target(place) for place in range(len(tasks))], model, judged)
    _write_answers(folder, parts, judged, answers, losses)
    if tasks and tasks[0].name in MADE and len(judged.places):
        make, taught = MADE[tasks[0].name], fold_rows(learn, 0, inside=False)
        write_json(folder / "made.json", make(tasks[0], model, taught, judged, losses, parts.plan.seed))
    if parts.plan.evaluate.look:
        write_text(folder / "inside.html", _inside(parts, model, judged))


def _inside(parts: Parts, model: nn.Module, judged: Rows) -> str:
    """The drawings of the network, and of the first judged row in it."""
    if not parts.encoder.inputs:
        return str(inside(look_at(Predictor(parts.encoder, model, parts.objective), [])))
    names = ("number", "flag", "category", *parts.encoder.layout.wide_by_name)
    rows = _taken(judged.store, judged.places[:MOST], names)
    batches = list(_pieces(rows, wide=bool(parts.encoder.layout.wide)))
    one = next(_pieces(_taken(judged.store, judged.places[:1], names), wide=True)) if len(judged.places) else None
    row = int(judged.array("row")[0]) if len(judged.places) else 0
    return str(inside(look_at(Predictor(parts.encoder, model, parts.objective), batches, one, row)))


def _taken(store: Store, places: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Some rows of some arrays."""
    return {
        name: array.take(places) if isinstance(array, Ragged) else np.asarray(array)[places]
        for name, array in store.arrays.items()
        if name in names
    }


def _write_answers(folder: Path, parts: Parts, judged: Rows, answers: Sequence[Answer], losses: np.ndarray) -> None:
    """Write the answers to all judged rows, and some rows to look at."""
    tasks = parts.objective.tasks
    frames = [answer.frame(task.feature) for task, answer in zip(tasks, answers, strict=True)]
    targets = [judged.target(place) for place in range(len(tasks))]
    truths = [task.feature.decode(target) for task, target in zip(tasks, targets, strict=True)]
    named = [truth.alias(f"{task.feature.column}_true") for task, truth in zip(tasks, truths, strict=True)]
    row = pl.DataFrame({"row": judged.array("row")})
    with atomic(folder / "predictions.parquet") as temporary:
        pl.concat([row, pl.DataFrame(named), *frames], how="horizontal").write_parquet(temporary)
    said = [(truth.alias(task.feature.column), frame) for task, truth, frame in zip(tasks, truths, frames, strict=True)]
    looks = samples(parts.encoder, judged.store.arrays, judged.places, said, losses, parts.plan.seed)
    if looks:
        write_json(folder / "samples.json", looks)


def _losses_of(parts: Parts, given: Any, targets: Sequence[Any], model: nn.Module, judged: Rows) -> np.ndarray:
    """What is watched of each judged row, (n,)."""
    if parts.objective.blends:
        return parts.objective.judge(torch.from_numpy(given), [torch.from_numpy(one) for one in targets]).numpy()
    found = [parts.objective.watch(model, batch) for batch in at_rest(model, judged)]
    return torch.cat(found).numpy() if found else np.empty(0, np.float32)


def _scores_alone(parts: Parts, learn: Store, judged: Rows, place: int, task: Task, answer: Answer) -> dict[str, Any]:
    """The scores document of a target that is predicted alone, beside what its task is held against."""
    plan, wanted = parts.plan, parts.plan.evaluate.baselines
    company: dict[str, Baseline] = {}
    if wanted != "none":
        taught = fold_rows(learn, 0, inside=False).thinned(_most_taught(parts, learn))
        beside = COMPANY[task.name].answer
        company = beside(task, parts.encoder.layout, taught, judged, which=wanted, seed=plan.seed)
        if parts.transfer is not None:
            company["before"] = _before(parts, judged)
    truth = task.truth(judged.target(place))
    return scores(task.name, truth, {"network": answer, **company}, seed=plan.seed, resamples=plan.evaluate.resamples)


def _before(parts: Parts, judged: Rows) -> Baseline:
    """What the network said before it learned on from its weights."""
    started = time.monotonic()
    model = parts.network(0)
    assert parts.transfer is not None
    parts.transfer.begin(model, parts.seed(0))
    (answer,) = parts.objective.answers(outputs(model, parts.objective, judged))
    return Baseline(answer, time.monotonic() - started)


def _scores(parts: Parts, learn: Store, judged: Rows, place: int, task: Task, answer: Answer) -> dict[str, Any]:
    """The scores document of one target, beside baselines that learn from the training rows."""
    plan, name = parts.plan, f"target{place:03}"
    target = task.truth(judged.array(name))
    names = list(getattr(task.feature, "names", []))
    company: dict[str, Baseline] = {}
    if plan.evaluate.baselines != "none":
        every = fold_rows(learn, 0, inside=False)
        train = every.thinned(_most_taught(parts, learn))
        company = baselines(
            task.name,
            Matrix.of_rows(parts.encoder.layout, train),
            Matrix.of_rows(parts.encoder.layout, judged),
            task.truth(train.array(name)),
            which=plan.evaluate.baselines,
            seed=plan.seed,
            seconds=plan.evaluate.seconds,
            classes=len(names) or None,
            out_of=len(every.places),
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


def _most_taught(parts: Parts, learn: Store) -> int:
    """Training rows that baselines are offered."""
    names = parts.encoder.layout.wide_by_name
    if not names:
        return TAUGHT
    size = sum(learn.arrays[name].nbytes for name in names) // max(1, learn.rows)  # of a row
    return max(1000, min(TAUGHT_WIDE, TAUGHT_BYTES // max(1, size)))


# --- what each column contributes ------------------------------------------------------------------------------------


def _columns(parts: Parts, model: nn.Module, judged: Rows) -> list[dict[str, Any] | None]:
    """What each column contributes to the answers for each target; None where there is but one column."""
    layout, objective = parts.encoder.layout, parts.objective
    if len(layout.columns) < 2 or not objective.blends:
        return [None] * len(objective.tasks)
    places = np.random.default_rng(parts.plan.seed).permutation(judged.places)[:MOST_ROWS]
    targets = [f"target{place:03}" for place in range(len(objective.tasks))]
    arrays = _taken(judged.store, places, ("number", "flag", "category", *layout.wide_by_name, *targets))
    model.eval()

    def loss(rows: Mapping[str, Any]) -> np.ndarray:
        predicted = torch.cat([objective.activate(model(inputs)) for inputs in _pieces(rows, wide=bool(layout.wide))])
        return _losses(objective, predicted, [torch.from_numpy(rows[name]) for name in targets])

    with torch.inference_mode():
        seconds = CONTRIBUTING_WIDE if layout.wide else CONTRIBUTING
        found = contributions(loss, arrays, layout, seed=parts.plan.seed, seconds=seconds)
        gates = _gates(parts, model, arrays)
    return [{**document, "gates": gates} for document in found]


def _losses(objective: Objective, predicted: Tensor, targets: Sequence[Tensor]) -> np.ndarray:
    """What is watched of each row for each target, (n, targets)."""
    each = zip(objective.tasks, objective.slices, targets, strict=True)
    return torch.stack([task.judge(predicted[:, part], target) for task, part, target in each], 1).double().numpy()


def _pieces(rows: Mapping[str, Any], *, wide: bool) -> Iterator[dict[str, Tensor]]:
    """Encoded rows as tensors, so many at a time as memory allows."""
    size, count = rows_at_once(wide=wide), len(next(iter(rows.values())))
    for start in range(0, max(1, count), size):
        yield to_tensors({name: array[start : start + size] for name, array in rows.items()})


def _gates(parts: Parts, model: nn.Module, arrays: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The mean gate of each column, of a network that weighs columns so; all plain columns have one together."""
    layout = parts.encoder.layout
    gatings = [module for module in model.modules() if isinstance(module, Gating)]
    if not gatings:
        return []
    seen: list[Tensor] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, given: seen.append(module.gates(given[0])))
        for module in gatings
    ]
    for inputs in _pieces(arrays, wide=True):
        model(inputs)
    for hook in hooks:
        hook.remove()
    names = [slot.column for slot in layout.wide] + (["plain columns"] if layout.has_plain else [])
    return [{"name": name, "gate": gate} for name, gate in zip(names, torch.cat(seen).mean(0).tolist(), strict=True)]
