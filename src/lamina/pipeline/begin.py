"""From tables to a run folder that can be resumed."""

from __future__ import annotations

import dataclasses
import datetime
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.backbones import BACKBONES
from lamina.config import check
from lamina.data.infer import Schema, infer
from lamina.data.located import locate
from lamina.data.prepare import Prepared, Source, prepare
from lamina.data.table import Table
from lamina.errors import DataError, MissingColumnError, SettingError, UsageError, nearest, some
from lamina.evaluation.baselines import BASELINES, chosen
from lamina.evaluation.company import COMPANY
from lamina.features.base import Feature
from lamina.features.dialogue import Dialogue
from lamina.features.encoder import Encoder
from lamina.features.layout import Layout
from lamina.features.silent import Silent
from lamina.files import read_json, write_json
from lamina.models import MODELS
from lamina.pipeline.parts import task_of
from lamina.pipeline.pseudo import check_pseudo
from lamina.pipeline.tables import in_series
from lamina.plan import Plan
from lamina.runs.manifest import FORMAT, MANIFEST, verify
from lamina.tasks import is_alone
from lamina.tasks.alone import Alone
from lamina.training.budget import Budget
from lamina.training.progress import Progress
from lamina.transfer.chat_model import ChatModel, open_chat_model
from lamina.transfer.origin import Origin, match, model_for, start_of, teach
from lamina.transfer.source import is_run, open_source
from lamina.transfer.transfer import save_start

__all__ = ["begin", "describe", "reopen"]


def begin(tables: Mapping[str, Table], plan: Plan, folder: Path, progress: Progress) -> None:
    """Read, infer, split and encode; leave a run folder from which training can start.

    Args:
        tables: ``data`` and, if given, ``valid`` and ``test``.
        plan: all settings.
        folder: where the run goes; it must not hold anything yet.
        progress: where to tell of it.

    Raises:
        DataError: if the tables cannot be used. The folder is then gone again.
        SettingError: if the plan names what is not there.
    """
    _check_names(plan)
    plan = _by_its_own_split(tables, plan)
    tables, plan = in_series(tables, plan.data), _by_key(plan)
    schema = infer(tables["data"], targets=plan.data.target, overrides=plan.data.features)
    encoder = _encoder(schema, plan)
    alone = _alone(plan, encoder)
    check_pseudo(plan, encoder.targets)
    plan = _learning(plan, alone)
    spoken = _chat_model(plan, encoder, alone)
    matched = _weights(plan, encoder) if spoken is None else {}
    encoder = teach(encoder, matched, plan.data.features)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty", got=some(sorted(path.name for path in folder.iterdir()), 3),
            do=f"lamina resume {folder}, or another --out",
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    try:
        progress.say(f"reading {tables['data'].source}")
        sources = [Source(tables[key], part) for key, part in _PART_OF.items() if key in tables]
        _locate(tables, encoder, plan)
        prepared = prepare(
            sources,
            encoder,
            plan.split,
            plan.seed,
            folder / "store",
            broken=plan.data.broken,
            unlabelled=plan.train.pseudo is not None,
        )
        if not encoder.layout.columns and (alone is None or alone.needs_inputs):
            raise DataError(
                "no column can be predicted from",
                got=some(f"{name} ({column.feature.kind})" for name, column in schema.items()),
                do="bring columns of numbers, categories, booleans or dates, or say --feature NAME=category",
            )
        plan = _talking(plan, spoken, folder) if spoken else _started(plan, matched, encoder.layout, folder)
        plan = _as_usual(_sized(plan, alone, encoder.targets).settled(encoder.layout, alone), alone)
        for feature in encoder.targets:
            task_of(feature, encoder.inputs, plan)  # its settings are checked
        prepared.set_aside.write_parquet(folder / "set_aside.parquet")
        describe(folder, tables, plan, schema, prepared)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _weights(plan: Plan, encoder: Encoder) -> dict[str, Origin]:
    """Column -> the pre-trained weights that its network starts from."""
    source = plan.weights.source
    if source is None:
        return {}
    if is_run(source):
        verify(Path(source))
    return match(open_source(source), encoder.inputs)


def _started(plan: Plan, matched: Mapping[str, Origin], layout: Layout, folder: Path) -> Plan:
    """The plan with the networks that the weights are of; the weights themselves go into the folder."""
    if not matched:
        return plan
    settings = model_for(matched, layout, plan.model_name, plan.model)
    save_start(folder, start_of(matched, layout, settings, plan.weights.learn))
    return dataclasses.replace(plan, model_name="mixed", model=settings)


def _sized(plan: Plan, alone: type[Alone] | None, targets: Sequence[Feature]) -> Plan:
    """The plan with a network that suits the target and the budget, where its task knows one and nobody named any."""
    if alone is None or plan.model_name != "auto" or plan.model is not None:
        return plan
    values = alone.sized(targets[0], Budget.parse(plan.train.budget).seconds)
    if not values:
        return plan
    return dataclasses.replace(plan, model_name=alone.network, model=check(MODELS[alone.network].Settings, values))


def _as_usual(plan: Plan, alone: type[Alone] | None) -> Plan:
    """The plan with the settings of training and augmentation that are usual for the task, where nobody said others."""
    if alone is None:
        return plan
    usual = {**alone.usual, **(alone.tuned[plan.weights.learn] if plan.weights.source is not None else {})}
    said = {name for name in plan.chosen if getattr(plan.train, name) != "auto"}
    open_ = {name: value for name, value in usual.items() if name not in said}
    asked = {name: getattr(plan.augment, name) for name in alone.augment}
    changed: dict[str, Any] = {
        name: {**alone.augment[name], **({} if one == "auto" else one)} for name, one in asked.items() if one != "none"
    }
    return dataclasses.replace(
        plan,
        train=dataclasses.replace(plan.train, **open_),
        augment=dataclasses.replace(plan.augment, **changed),
    )


def _learning(plan: Plan, alone: type[Alone] | None) -> Plan:
    """The plan with what of pre-trained weights learns on, where nobody said."""
    if plan.weights.learn != "auto" or plan.weights.source is None:
        return plan
    learn: Any = "all" if alone is None else next(iter(alone.tuned))
    return dataclasses.replace(plan, weights=dataclasses.replace(plan.weights, learn=learn))


def _chat_model(plan: Plan, encoder: Encoder, alone: type[Alone] | None) -> ChatModel | None:
    """The chat model that a network that talks starts from; dialogues are then put into its words."""
    if alone is None or plan.weights.source is None:
        return None
    if plan.weights.learn not in alone.tuned:
        raise SettingError(
            f"a network for task {alone.name} has no head that could learn alone", got=f"learn={plan.weights.learn}",
            allowed=", ".join(alone.tuned),
        )  # fmt: skip
    model = open_chat_model(plan.weights.source)
    (target,) = encoder.targets
    assert isinstance(target, Dialogue)
    model.teach(target)
    return model


def _talking(plan: Plan, model: ChatModel, folder: Path) -> Plan:
    """The plan with a chat model's network; its weights go into the folder."""
    settings = model.settings(plan.model)
    save_start(folder, model.start(settings))
    return dataclasses.replace(plan, model_name="talker", model=settings)


def _by_key(plan: Plan) -> Plan:
    """Windows of one key stay on one side of the split."""
    if plan.data.series_window is None or plan.split.group or plan.split.column:
        return plan
    return dataclasses.replace(plan, split=dataclasses.replace(plan.split, group=plan.data.series_key))


def _locate(tables: Mapping[str, Table], encoder: Encoder, plan: Plan) -> None:
    for table in tables.values():
        locate(table, encoder.inputs + encoder.targets, plan.data.files)


def _by_its_own_split(tables: Mapping[str, Table], plan: Plan) -> Plan:
    """Take the parts that the source itself has, as folders called train and test, unless a person said otherwise."""
    own = tables["data"].split
    if own is None or len(tables) > 1 or plan.split.column or plan.split.time or own in plan.data.target:
        return plan
    return dataclasses.replace(plan, split=dataclasses.replace(plan.split, column=own))


def _check_names(plan: Plan) -> None:
    """Refuse companions that nobody would look up, or find to be in the way, before the budget is spent."""
    companions = plan.train.companions
    for name in companions if isinstance(companions, list) else ():
        if name not in BACKBONES:
            MODELS[name]
    if isinstance(companions, list) and companions and plan.weights.source and plan.weights.learn == "head":
        raise SettingError(
            "companions learn as a whole, and with weights.learn=head nothing learns but heads on one network",
            got=f"train.companions={companions}", do="say weights.learn=all, or train.companions=none",
        )  # fmt: skip


def _alone(plan: Plan, encoder: Encoder) -> type[Alone] | None:
    """The task of a target that is predicted alone, its features made ready for it; None where there is none.

    Raises:
        UsageError: if the columns, the weights or the baselines do not go together. No row has been read yet.
    """
    targets = encoder.targets
    found = next((feature for feature in targets if is_alone(feature.kind)), None)
    if found is None:
        chosen(plan.evaluate.baselines, BASELINES)
        return None
    task, _ = task_of(found, encoder.inputs, plan)
    assert issubclass(task, Alone)
    chosen(plan.evaluate.baselines, COMPANY[task.name].names)
    if len(targets) > 1:
        raise UsageError(
            f"the {found.kind} {found.column!r} is predicted alone", got=f"{len(targets)} targets",
            do="train a run for each of them",
        )  # fmt: skip
    if plan.weights.source is not None and not task.tuned:
        raise UsageError(
            f"a network for task {task.name} does not start from weights yet", got=plan.weights.source,
            do="leave --weights out",
        )  # fmt: skip
    if encoder.inputs and not task.needs_inputs:
        raise UsageError(
            f"task {task.name} learns the {found.kind} {found.column!r} from nothing but itself",
            got=f"inputs {some(feature.column for feature in encoder.inputs)}", do='say --inputs ""',
        )  # fmt: skip
    task.prepare(found, encoder.inputs)
    return task


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


def describe(
    folder: Path, tables: Mapping[str, Table], plan: Plan, schema: Schema, prepared: Prepared, kind: str = "training"
) -> None:
    """Write what is known before training. ``run.json`` comes last: with it the folder is a run.

    Args:
        folder: of the run.
        tables: by their keys, as :func:`begin` takes them.
        plan: all settings.
        schema: what the columns were found to be.
        prepared: the encoded rows.
        kind: of the run: ``training``, or ``pretraining``, which has no target.
    """
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
            "kind": kind,
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
    tables = in_series(tables, plan.data)
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
    _locate(tables, encoder, plan)
    prepare(
        sources,
        encoder,
        plan.split,
        plan.seed,
        folder / "store",
        fitted=True,
        broken=plan.data.broken,
        unlabelled=plan.train.pseudo is not None,
    )
    write_json(folder / "run.json", {**run, "status": "training"})
