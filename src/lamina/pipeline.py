"""The way of the data, from a table to a finished run.

``begin`` reads, infers, splits, encodes and writes the start of a run folder. ``go_on`` does the rest from what lies in
the folder alone: train, judge, report, seal. So a new run and a resumed one go the same way.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import platform
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import polars as pl
from safetensors.torch import load_file, save_file
from torch import nn

from lamina import __version__
from lamina.config import as_dict, check
from lamina.data.infer import Schema, infer
from lamina.data.prepare import Prepared, Source, prepare
from lamina.data.split import PARTS
from lamina.data.store import Store
from lamina.data.table import Table
from lamina.errors import DamagedRunError, DataError, MissingColumnError, NotARunError, UsageError, nearest, some
from lamina.evaluate.baselines import baselines
from lamina.evaluate.matrix import Matrix
from lamina.evaluate.scores import scores
from lamina.features.encoder import Encoder
from lamina.features.layout import Layout
from lamina.features.silent import Silent
from lamina.files import atomic, read_json, write_json, write_text
from lamina.models import MODELS
from lamina.models.base import Foreign
from lamina.nn.start import start
from lamina.plan import Plan
from lamina.report.page import page
from lamina.runs.manifest import FORMAT, MANIFEST, write_manifest
from lamina.runs.predictor import Predictor
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.base import Task
from lamina.train import checkpoint
from lamina.train.checkpoint import Position
from lamina.train.history import read_history
from lamina.train.loop import Trainer, predict
from lamina.train.memory import available, within
from lamina.train.objective import Objective
from lamina.train.progress import Progress

__all__ = ["begin", "document", "go_on", "load_predictor", "make_model", "reopen"]

Module = nn.Module | Callable[[int, int], nn.Module] | None


# --- begin: from tables to a run folder that can be resumed


def begin(tables: Mapping[str, Table], plan: Plan, folder: Path, progress: Progress) -> None:
    """Read, infer, split and encode; leave a run folder from which training can start.

    Args:
        tables: ``data`` and, if given, ``valid`` and ``test``.
        plan: all settings.
        folder: where the run goes; it must not hold anything yet.
        progress: where to tell of it.

    Raises:
        DataError: if the tables cannot be used. The folder is then gone again.
    """
    schema = infer(tables["data"], targets=plan.data.target, overrides=plan.data.features)
    encoder = _encoder(schema, plan)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty", got=some(sorted(path.name for path in folder.iterdir()), 3),
            do=f"lamina resume {folder}, or another --out",
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    try:
        progress.say(f"reading {tables['data'].source}")
        sources = [Source(tables[key], part) for key, part in _PART_OF.items() if key in tables]
        prepared = prepare(sources, encoder, plan.split, plan.seed, folder / "store")
        if not encoder.layout.columns:
            raise DataError(
                "no column can be predicted from",
                got=some(f"{name} ({column.feature.kind})" for name, column in schema.items()),
                do="bring columns of numbers, categories, booleans or dates, or say --feature NAME=category",
            )
        names = [task_name_of(feature) for feature in encoder.targets]
        for feature, name in zip(encoder.targets, names, strict=True):
            check(TASKS[name].Settings, _task_settings(plan, feature.column), f"task.{feature.column}")
        prepared.set_aside.write_parquet(folder / "set_aside.parquet")
        _describe(folder, tables, plan, schema, prepared)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


_PART_OF = {"data": None, "valid": "valid", "test": "test"}


def _encoder(schema: Schema, plan: Plan) -> Encoder:
    """The features of the columns in use: named ones, or all that can be an input."""
    targets = [schema[name].feature for name in plan.data.target]
    taken = {*plan.data.target, plan.split.group, plan.split.column}
    if plan.data.inputs is None:
        chosen = [name for name in schema if name not in taken]
        inputs = [schema[name].feature for name in chosen if not isinstance(schema[name].feature, Silent)]
    else:
        for name in plan.data.inputs:
            if name not in schema:
                raise MissingColumnError(
                    f"input {name!r} is not a column of the table", allowed=some(schema, 20), do=nearest(name, schema)
                )
        inputs = [schema[name].feature for name in plan.data.inputs]
        both = set(plan.data.inputs) & set(plan.data.target)
        if both:
            raise UsageError("a column cannot be input and target", got=some(sorted(both)))
        silent = [feature for feature in inputs if isinstance(feature, Silent)]
        if silent:
            raise UsageError(
                f"column {silent[0].column!r} cannot be an input", got=f"a {silent[0].kind} column",
                do=f"leave it out, or say --feature {silent[0].column}=category",
            )  # fmt: skip
    return Encoder(inputs, targets)


def _describe(folder: Path, tables: Mapping[str, Table], plan: Plan, schema: Schema, prepared: Prepared) -> None:
    """Write what is known before training. ``run.json`` comes last: with it the folder is a run."""
    used = set(prepared.encoder.layout.columns)
    columns = schema.to_json()["columns"]
    for feature in prepared.encoder.inputs + prepared.encoder.targets:
        columns[feature.column] |= {"summary": feature.summary(), "used": feature.column in used}
    write_json(folder / "plan.json", plan.to_json())
    write_json(folder / "features.json", prepared.encoder.to_json())
    write_json(folder / "schema.json", columns)
    write_json(folder / "versions.json", _versions())
    write_json(
        folder / "run.json",
        {
            "format": FORMAT,
            "status": "training",
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "source": {key: table.source for key, table in tables.items()},
            "fingerprint": {key: table.fingerprint() for key, table in tables.items()},
            "rows_read": prepared.rows_read,
            "rows": prepared.rows,
        },
    )


def _versions() -> dict[str, str]:
    names = ["torch", "numpy", "polars", "pyarrow", "safetensors", "scikit-learn"]
    found = {name: version(name) for name in names}
    return {"lamina": __version__, "python": platform.python_version(), "platform": platform.platform(), **found}


# --- what lies in a folder


@dataclasses.dataclass
class Parts:
    """What a run folder holds, as objects."""

    plan: Plan
    encoder: Encoder
    model: nn.Module
    objective: Objective


def load_parts(folder: Path, module: Module = None) -> Parts:
    """Make the plan, features, network (with starting weights) and tasks of a run."""
    if not (folder / "run.json").is_file():
        raise NotARunError(f"{folder} is not a run", do="name a folder that lamina train made")
    plan = Plan.of(read_json(folder / "plan.json"))
    encoder = Encoder.from_json(read_json(folder / "features.json"))
    objective = Objective(_tasks(encoder, plan))
    return Parts(plan, encoder, make_model(encoder.layout, objective.width, plan, module), objective)


def _tasks(encoder: Encoder, plan: Plan) -> list[Task]:
    tasks = []
    for feature in encoder.targets:
        cls = TASKS[task_name_of(feature)]
        settings = check(cls.Settings, _task_settings(plan, feature.column), f"task.{feature.column}")
        tasks.append(cls(feature, settings))
    return tasks


def _task_settings(plan: Plan, target: str) -> dict[str, Any]:
    """The task settings of one target: those under its name, or those meant for all."""
    for_one = plan.task.get(target)
    if isinstance(for_one, dict):
        return for_one
    return {name: value for name, value in plan.task.items() if name not in plan.data.target}


def make_model(layout: Layout, outputs: int, plan: Plan, module: Module) -> nn.Module:
    """The plan's model with its starting weights, or the user's module as it comes.

    Raises:
        MemoryNeedError: if its training would not fit in memory.
        UsageError: if the run was trained with a module of the user's and none is given.
    """
    if plan.model_name is None:
        if module is None:
            raise UsageError("this run was trained with a module of your own", do="pass it: load(path, model=module)")
        made = module if isinstance(module, nn.Module) else module(layout.dense_width, outputs)
        return Foreign(made, layout, outputs)
    with within(available()):
        return start(MODELS[plan.model_name](layout, outputs, plan.model), plan.seed)


def load_predictor(folder: Path, module: Module = None) -> Predictor:
    """The predictor of a finished run."""
    parts = load_parts(folder, module)
    for task, saved in zip(parts.objective.tasks, read_json(folder / "tasks.json"), strict=True):
        task.state = saved["state"]
    try:
        parts.model.load_state_dict(load_file(folder / "weights.safetensors"))
    except (RuntimeError, OSError) as error:
        raise DamagedRunError("the weights do not fit the plan", got=str(error).splitlines()[0]) from error
    return Predictor(parts.encoder, parts.model, parts.objective)


# --- go on: train, judge, report, seal


def go_on(folder: Path, progress: Progress, module: Module = None) -> None:
    """Train from the latest checkpoint (or the start) to the end, and finish the run.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
        NonFiniteError: if a loss or gradient is no number.
    """
    parts = load_parts(folder, module)
    stores = {part: Store(folder / "store" / part) for part in PARTS}
    trainer = Trainer(
        folder, parts.model, parts.objective, stores["train"], stores["valid"], parts.plan.train, parts.plan.seed, progress
    )
    found = checkpoint.latest(folder)
    if found is not None:
        trainer.restore(checkpoint.load(found), read_history(folder))
    with _stopping(trainer):
        position = trainer.fit()
    if position.stopped == "interrupted":
        raise KeyboardInterrupt(f"stopped at step {position.step}; go on with: lamina resume {folder}")
    with atomic(folder / "weights.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in parts.model.state_dict().items()}, temporary)
    progress.say("judging on rows that training has not seen")
    _judge(folder, parts, stores, position)
    _seal(folder, parts, position)


@contextlib.contextmanager
def _stopping(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end training in good order; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        trainer.ask_to_stop()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _judge(folder: Path, parts: Parts, stores: Mapping[str, Store], position: Position) -> None:
    """Calibrate on the valid rows, score on the test rows beside the baselines, and write predictions down."""
    tasks, objective = parts.objective.tasks, parts.objective
    outputs = {part: _outputs(parts.model, objective, stores[part]) for part in ("valid", "test")}
    for task, part, place in zip(tasks, objective.slices, range(len(tasks)), strict=True):
        if stores["valid"].rows:
            task.calibrate(outputs["valid"][:, part], _target(stores["valid"], place))
    write_json(
        folder / "tasks.json",
        [{"name": task.name, "settings": as_dict(task.settings), "state": task.state, "notes": task.notes} for task in tasks],
    )
    judged = "test" if stores["test"].rows else "valid"
    predictor = Predictor(parts.encoder, parts.model, objective)
    answers = predictor.answers(outputs[judged])
    documents = {}
    if stores[judged].rows:
        for place, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
            documents[task.feature.column] = _scores(parts, stores, judged, place, task, answer)
    write_json(folder / "scores.json", {"rows": judged if documents else None, "targets": documents})
    frames = [answer.frame(task.feature) for task, answer in zip(tasks, answers, strict=True)]
    row = pl.DataFrame({"row": np.asarray(stores[judged].arrays["row"])})
    truth = [_truth(task, _target(stores[judged], place)) for place, task in enumerate(tasks)]
    with atomic(folder / "predictions.parquet") as temporary:
        pl.concat([row, *truth, *frames], how="horizontal").write_parquet(temporary)


def _outputs(model: nn.Module, objective: Objective, store: Store) -> np.ndarray:
    parts = [predicted.numpy() for _, predicted in predict(model, objective, store)]
    return np.concatenate([np.empty((0, objective.width), np.float32), *parts])


def _target(store: Store, place: int) -> np.ndarray:
    return np.asarray(store.arrays[f"target{place:03}"])


def _truth(task: Task, target: np.ndarray) -> pl.DataFrame:
    """The true values in the column's own terms."""
    return task.feature.decode(target).alias(f"{task.feature.column}_true").to_frame()


def _scores(parts: Parts, stores: Mapping[str, Store], judged: str, place: int, task: Task, answer: Any) -> dict[str, Any]:
    """The scores document of one target."""
    plan, sizes = parts.plan, parts.encoder.layout.sizes
    train, other = (Matrix.of(stores[part].arrays, sizes, stores[part].rows) for part in ("train", judged))
    target = task.truth(_target(stores[judged], place))
    names = list(getattr(task.feature, "names", []))
    company = baselines(
        task.name, train, other, task.truth(_target(stores["train"], place)),
        which=plan.evaluate.baselines, seed=plan.seed, seconds=plan.evaluate.seconds, classes=len(names) or None,
    )  # fmt: skip
    systems = {"network": answer, **company}
    made = scores(task.name, target, systems, seed=plan.seed, names=names, resamples=plan.evaluate.resamples)
    return {**made, "threshold": task.state.get("threshold")}


def _seal(folder: Path, parts: Parts, position: Position) -> None:
    """Write the report, drop the encoded rows, and list every file."""
    run = read_json(folder / "run.json")
    parameters = sum(parameter.numel() for parameter in parts.model.parameters())
    run |= {"status": "finished", "training": {**dataclasses.asdict(position), "parameters": parameters}}
    write_json(folder / "run.json", run)
    write_text(folder / "report.html", page(document(folder)))
    shutil.rmtree(folder / "store")
    write_manifest(folder)


# --- the report's document


def document(folder: Path) -> dict[str, Any]:
    """Everything that a finished run can tell, as one JSON document: the report is made from this alone."""
    run, plan = read_json(folder / "run.json"), read_json(folder / "plan.json")
    judged, tasks = read_json(folder / "scores.json"), read_json(folder / "tasks.json")
    history, training = read_history(folder), run["training"]
    aside = pl.read_parquet(folder / "set_aside.parquet")
    reasons = [
        {"reason": reason[0], "count": len(rows), "examples": rows["row"].head(5).to_list()}
        for reason, rows in aside.group_by("reason", maintain_order=True)
    ]
    columns = [{"name": name, **column} for name, column in read_json(folder / "schema.json").items()]
    way = training["way"]
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
        "warnings": _warnings(run, judged, tasks, history),
        "plan": plan,
        "machine": {**{key: value for key, value in way.items() if key != "notes"}, "notes": list(way["notes"]),
                    **read_json(folder / "versions.json")},
        "history": history,
        "training": {
            "stopped_because": training["stopped"],
            "seconds": training["seconds"],
            "best_epoch": next((row["epoch"] for row in history if row["step"] == training["best_step"]), None),
            "overfitting": overfitting(history),
            "parameters": training["parameters"],
        },
        "targets": judged["targets"],
    }  # fmt: skip


def _warnings(run: Any, judged: Any, tasks: Any, history: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = [{"severity": "note", "text": note} for task in tasks for note in task["notes"]]
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


# --- a finished run, taken up again


def reopen(folder: Path, budget: str, tables: Mapping[str, Table]) -> None:
    """Make a finished run ready to go on with a larger budget: encode the same rows again, by the features it has.

    Raises:
        DataError: if the tables are not those that it was trained on.
    """
    run, values = read_json(folder / "run.json"), read_json(folder / "plan.json")
    for key, wanted in run["fingerprint"].items():
        if key not in tables or tables[key].fingerprint() != wanted:
            raise DataError(
                f"the {key} table is not the one that this run was trained on",
                got=tables[key].source if key in tables else "none",
                allowed=f"{run['source'][key]} as it was",
            )
    values["train"]["budget"] = budget
    plan = Plan.of(values)
    encoder = Encoder.from_json(read_json(folder / "features.json"))
    sources = [Source(tables[key], part) for key, part in _PART_OF.items() if key in tables]
    prepare(sources, encoder, plan.split, plan.seed, folder / "store", fitted=True)
    (folder / MANIFEST).unlink()
    write_json(folder / "plan.json", plan.to_json())
    write_json(folder / "run.json", {**run, "status": "training"})
    found = checkpoint.latest(folder)
    assert found is not None
    snapshot = checkpoint.load(found)
    snapshot.position.stopped = None
    snapshot.position.horizon = None
    checkpoint.save(folder, snapshot)


