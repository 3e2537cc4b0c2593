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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from lamina.data.batches import Rows, gather
from lamina.data.infer import Schema, infer
from lamina.data.prepare import STORES, Prepared, Source, prepare
from lamina.data.split import FOLDS
from lamina.data.store import Store
from lamina.data.table import Table
from lamina.errors import DamagedRunError, DataError, MissingColumnError, NotARunError, UsageError, nearest, some
from lamina.evaluation.baselines import baselines
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.scores import scores
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.features.encoder import Encoder
from lamina.features.silent import Silent
from lamina.files import atomic, read_json, write_json, write_text
from lamina.models import MODELS
from lamina.models.base import Foreign, Model
from lamina.models.committee import Committee
from lamina.models.modern_nca import ModernNCA
from lamina.nn.start import seed_of, start
from lamina.plan import Plan
from lamina.report.page import page
from lamina.runs.manifest import FORMAT, MANIFEST, check_format, write_manifest
from lamina.runs.predictor import Predictor
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.base import Task
from lamina.training import checkpoint
from lamina.training.budget import Budget
from lamina.training.checkpoint import Position, Snapshot
from lamina.training.history import History, read_history
from lamina.training.loop import Trainer, predict
from lamina.training.machine import Choice, keep_memory
from lamina.training.memory import available, within
from lamina.training.objective import Objective
from lamina.training.progress import Progress
from lamina.training.settings import TrainSettings

__all__ = ["Module", "begin", "document", "go_on", "load_predictor", "overfitting", "reopen"]

COMPANION_ROWS = 100_000  # of more rows, a memory of some thousands says little

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
    """What a run folder says of its networks, as objects."""

    plan: Plan
    encoder: Encoder
    objective: Objective
    rows: int  # to train on

    @classmethod
    def load(cls, folder: Path) -> Parts:
        """Read plan, features and tasks."""
        if not (folder / "run.json").is_file():
            raise NotARunError(f"{folder} is not a run", do="name a folder that lamina train made")
        check_format(read_json(folder / "run.json").get("format"))
        plan = Plan.of(read_json(folder / "plan.json"))
        encoder = Encoder.from_json(read_json(folder / "features.json"))
        rows = read_json(folder / "run.json")["rows"]["train"]
        return cls(plan, encoder, Objective([_task(feature, plan) for feature in encoder.targets]), rows)

    def network(self, place: int, module: Module = None) -> nn.Module:
        """Network number ``place`` with its starting weights, or the user's module as it comes.

        Raises:
            MemoryNeedError: if its training would not fit in memory.
            UsageError: if the run was trained with a module of the user's and none is given.
        """
        layout, outputs = self.encoder.layout, self.objective.width
        if self.plan.model_name is None:
            if module is None:
                raise UsageError(
                    "this run was trained with a module of your own", do="pass it: load(path, model=module)"
                )
            made = module if isinstance(module, nn.Module) else module(layout.dense_width, outputs)
            return Foreign(made, layout, outputs)
        name = self.companion if place % 2 and self.companion else self.plan.model_name
        settings = self.plan.model if name == self.plan.model_name else MODELS[name].Settings()
        with within(available()):
            return start(MODELS[name](layout, outputs, settings), self.seed(place))

    @property
    def companion(self) -> str | None:
        """The architecture of every second network, None where all are of one."""
        chosen = self.plan.train.companion
        if chosen == "auto":
            wanted = self.plan.model_name == "tabm" and Budget.parse(self.plan.train.budget).seconds is not None
            return "modern_nca" if wanted and self.rows < COMPANION_ROWS else None
        return None if chosen == "none" else chosen

    def seed(self, place: int) -> int:
        """The seed of one of the networks."""
        return self.plan.seed if place == 0 else seed_of(self.plan.seed, "network", place)


def _task(feature: Feature, plan: Plan) -> Task:
    cls = TASKS[task_name_of(feature)]
    return cls(feature, check(cls.Settings, _task_settings(plan, feature.column), f"task.{feature.column}"))


def _task_settings(plan: Plan, target: str) -> dict[str, Any]:
    """The task settings of one target: those under its name, or those meant for all."""
    for_one = plan.task.get(target)
    if isinstance(for_one, dict):
        return for_one
    return {name: value for name, value in plan.task.items() if name not in plan.data.target}


def join(networks: Sequence[nn.Module]) -> nn.Module:
    """One network as it is, several as a committee."""
    return networks[0] if len(networks) == 1 else Committee(networks)


def load_predictor(folder: Path, module: Module = None) -> Predictor:
    """The predictor of a finished run."""
    parts = Parts.load(folder)
    for task, saved in zip(parts.objective.tasks, read_json(folder / "tasks.json"), strict=True):
        task.state = saved["state"]
    count = len(read_json(folder / "run.json")["training"]["networks"])
    model = join([parts.network(place, module) for place in range(count)])
    try:
        model.load_state_dict(load_file(folder / "weights.safetensors"))
    except (RuntimeError, OSError) as error:
        raise DamagedRunError("the weights do not fit the plan", got=str(error).splitlines()[0]) from error
    return Predictor(parts.encoder, model, parts.objective)


# --- go on: train, judge, report, seal


def go_on(folder: Path, progress: Progress, module: Module = None) -> None:
    """Train from the latest checkpoints (or the start) to the end, and finish the run.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
        NonFiniteError: if a loss or gradient is no number.
    """
    parts = Parts.load(folder)
    if read_json(folder / "run.json")["status"] == "finished":  # it was stopped between the last two writes
        _close(folder)
        return
    learn, test = (Store(folder / "store" / name) for name in STORES)
    networks, positions = _train(folder, parts, learn, progress, module)
    model = join(networks)
    with atomic(folder / "weights.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, temporary)
    progress.say("judging on rows that training has not seen")
    _judge(folder, parts, networks, learn, test)
    _seal(folder, model, positions)


def _train(
    folder: Path, parts: Parts, learn: Store, progress: Progress, module: Module
) -> tuple[list[nn.Module], list[Position]]:
    """Train the networks one after the other, network i with fold i for early stopping."""
    settings = parts.plan.train
    checkpoints = [checkpoint.latest(folder / "checkpoint" / str(place)) for place in range(FOLDS)]
    snapshots = [checkpoint.load(path) for path in checkpoints if path is not None]
    history = History(folder, _kept_history(folder, snapshots), settings.tensorboard)
    networks: list[nn.Module] = []
    positions: list[Position] = []
    keep_memory()
    try:
        while len(networks) < _wanted(settings, learn, positions, module):
            place = len(networks)
            model = parts.network(place, module)
            rows = Rows(learn, _fold(learn, place, inside=False))
            if isinstance(model, Model) and model.remembers:
                batch = gather(learn, rows.places)
                model.remember(batch.inputs, parts.objective.ideal(batch.targets))
            trainer = Trainer(
                folder / "checkpoint" / str(place),
                model,
                parts.objective,
                rows,
                Rows(learn, _fold(learn, place, inside=True)),
                settings,
                parts.seed(place),
                history,
                progress,
                spent=sum(position.seconds for position in positions),
                way=Choice(**positions[-2].way) if len(positions) > 1 else None,
            )
            if place < len(snapshots):
                trainer.restore(snapshots[place])
            with _stopping(trainer):
                position = trainer.fit()
            if trainer.stop_asked:  # also in the last step: others may be to come
                raise KeyboardInterrupt(f"stopped at step {position.step}; go on with: lamina resume {folder}")
            networks.append(model)
            positions.append(position)
    finally:
        history.close()
    return networks, positions


def _fold(learn: Store, place: int, *, inside: bool) -> np.ndarray:
    """Places of the rows inside or outside of a fold, (n,) uint32."""
    fold = np.asarray(learn.arrays["fold"])
    return np.flatnonzero((fold == place) == inside).astype(np.uint32)


def _wanted(settings: TrainSettings, learn: Store, positions: Sequence[Position], module: Module) -> int:
    """How many networks there are to be, as far as one knows after those that have been trained."""
    folds = len(np.unique(np.asarray(learn.arrays["fold"])))
    most = FOLDS if folds == FOLDS and module is None else 1
    if settings.networks != "auto":
        return min(settings.networks, most)
    seconds = Budget.parse(settings.budget).seconds
    if not positions or seconds is None:
        return 1
    spent, longest = sum(position.seconds for position in positions), max(position.seconds for position in positions)
    return min(most, len(positions) + (spent + 1.1 * longest < seconds))


def _kept_history(folder: Path, snapshots: Sequence[Snapshot]) -> list[dict[str, Any]]:
    """The history up to the checkpoints: what came after them will come again."""
    steps = {place: snapshot.position.step for place, snapshot in enumerate(snapshots)}
    return [row for row in read_history(folder) if row["step"] <= steps.get(row["network"], -1)]


@contextlib.contextmanager
def _stopping(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end training in good order; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        trainer.ask_to_stop()
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _judge(folder: Path, parts: Parts, networks: Sequence[nn.Module], learn: Store, test: Store) -> None:
    """Calibrate on rows that each network has not learned from, score on the test rows, write predictions down."""
    objective, tasks = parts.objective, parts.objective.tasks
    held = [Rows(learn, _fold(learn, place, inside=True)) for place in range(len(networks))]
    unseen = np.concatenate([_outputs(network, objective, rows) for network, rows in zip(networks, held, strict=True)])
    for place, (task, part) in enumerate(zip(tasks, objective.slices, strict=True)):
        if len(unseen):
            target = np.concatenate([rows.array(f"target{place:03}") for rows in held])
            task.calibrate(unseen[:, part], target)
    write_json(
        folder / "tasks.json",
        [
            {"name": task.name, "settings": as_dict(task.settings), "state": task.state, "notes": task.notes}
            for task in tasks
        ],
    )
    judged = Rows.all(test) if test.rows else held[0]
    model = join(networks)
    answers = Predictor(parts.encoder, model, objective).answers(_outputs(model, objective, judged))
    if not test.rows:  # rows that the other networks have learned from: only the first may answer for them
        answers = Predictor(parts.encoder, networks[0], objective).answers(_outputs(networks[0], objective, judged))
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


def _outputs(model: nn.Module, objective: Objective, rows: Rows) -> np.ndarray:
    """Activated outputs of all rows, (n, width)."""
    parts = [predicted.numpy() for _, predicted in predict(model, objective, rows)]
    return np.concatenate([np.empty((0, objective.width), np.float32), *parts])


def _scores(parts: Parts, learn: Store, judged: Rows, place: int, task: Task, answer: Answer) -> dict[str, Any]:
    """The scores document of one target, beside baselines that learn from the training rows."""
    plan, name = parts.plan, f"target{place:03}"
    train = Rows(learn, _fold(learn, 0, inside=False))
    target = task.truth(judged.array(name))
    names = list(getattr(task.feature, "names", []))
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


def _matrix(parts: Parts, rows: Rows) -> Matrix:
    arrays = {group: rows.array(group) for group in ("number", "flag", "category")}
    return Matrix.of(arrays, parts.encoder.layout.sizes, len(rows.places))


def _seal(folder: Path, model: nn.Module, positions: Sequence[Position]) -> None:
    """Write the report, and close the run."""
    training = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": sum(position.seconds for position in positions),
        "remembered_rows": max(
            [0, *(len(part.known_answers) for part in model.modules() if isinstance(part, ModernNCA))]
        ),
        "networks": [dataclasses.asdict(position) for position in positions],
    }
    run = {**read_json(folder / "run.json"), "training": training}
    write_json(folder / "run.json", run)
    write_text(folder / "report.html", page(document(folder)))
    write_json(folder / "run.json", {**run, "status": "finished"})
    _close(folder)


def _close(folder: Path) -> None:
    """Drop the encoded rows and what a sudden end left half-written, and list every file."""
    shutil.rmtree(folder / "store", ignore_errors=True)
    for path in folder.rglob(".*.tmp"):
        path.unlink()
    write_manifest(folder)


# --- the report's document


def document(folder: Path) -> dict[str, Any]:
    """Everything that a finished run can tell, as one JSON document: the report is made from this alone."""
    run, plan = read_json(folder / "run.json"), read_json(folder / "plan.json")
    judged, tasks = read_json(folder / "scores.json"), read_json(folder / "tasks.json")
    history = [row for row in read_history(folder) if row["network"] == 0]
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
        "warnings": _warnings(run, judged, tasks, history),
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
    }  # fmt: skip


_STOPPED = {"budget": "the budget of {budget} was spent", "patience": "the valid rows showed no more gain"}


def _warnings(run: Any, judged: Any, tasks: Any, history: list[dict[str, Any]]) -> list[dict[str, str]]:
    found = [{"severity": "note", "text": note} for task in tasks for note in task["notes"]]
    remembered = run["training"]["remembered_rows"]
    if remembered:
        text = (
            f"Every second network answers by the training rows most like the new one, and keeps {remembered:,} of "
            "them, encoded, with the weights. Whoever has the run has these rows; train.companion=none does without."
        )
        found.append({"severity": "note", "text": text})
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
    """Make a run ready to go on with another budget; for a finished one, encode the same rows again, by its features.

    Whenever it is stopped, it can be called again, or the run finished under the budget that it had.

    Raises:
        DataError: if the tables are not those that it was trained on.
    """
    run, values = read_json(folder / "run.json"), read_json(folder / "plan.json")
    values["train"]["budget"] = budget
    plan = Plan.of(values)
    if run["status"] == "finished":
        _encode_again(folder, run, plan, tables)
    write_json(folder / "plan.json", plan.to_json())


def _encode_again(folder: Path, run: Any, plan: Plan, tables: Mapping[str, Table]) -> None:
    for key, wanted in run["fingerprint"].items():
        if key not in tables or tables[key].fingerprint() != wanted:
            raise DataError(
                f"the {key} table is not the one that this run was trained on",
                got=tables[key].source if key in tables else "none",
                allowed=f"{run['source'][key]} as it was",
            )
    encoder = Encoder.from_json(read_json(folder / "features.json"))
    sources = [Source(tables[key], part) for key, part in _PART_OF.items() if key in tables]
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder / "store", ignore_errors=True)
    prepare(sources, encoder, plan.split, plan.seed, folder / "store", fitted=True)
    write_json(folder / "run.json", {**run, "status": "training"})
