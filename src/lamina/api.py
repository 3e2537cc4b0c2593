"""What a person calls: train, pretrain, resume, load, predict, evaluate, export, inspect, verify."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from lamina.chatting.chat import Chat
from lamina.chatting.speaker import speaker_of
from lamina.config import assign, check
from lamina.data.infer import Schema, infer
from lamina.data.read import read
from lamina.data.table import Table
from lamina.errors import NotARunError, UsageError, some
from lamina.exporting.leaving import Exported
from lamina.files import read_json
from lamina.models.catalogue import catalogue
from lamina.pipeline.begin import begin, reopen
from lamina.pipeline.go_on import go_on
from lamina.pipeline.parts import Module
from lamina.pipeline.pretrain import USUAL, Pretrained, begin_pretraining, go_on_pretraining, is_pretraining
from lamina.pipeline.tables import texts_alone
from lamina.plan import Plan
from lamina.pretext.settings import PretextSettings, named
from lamina.run import Run, WhereBroken
from lamina.runs.manifest import MANIFEST
from lamina.runs.manifest import verify as verify_files
from lamina.training.progress import Progress
from lamina.transfer.from_library import fetched, on_hub
from lamina.transfer.source import is_run

__all__ = [
    "catalogue",
    "chat",
    "evaluate",
    "export",
    "inspect",
    "load",
    "predict",
    "pretrain",
    "resume",
    "train",
    "verify",
]


def train(
    data: Any = None,
    target: str | Sequence[str] | None = None,
    *,
    inputs: Sequence[str] | None = None,
    features: Mapping[str, Any] | None = None,
    test: Any = None,
    valid: Any = None,
    group: str | None = None,
    time: str | None = None,
    files: str | Path | None = None,
    model: str | Module = None,
    weights: str | Path | None = None,
    learn: str | None = None,
    budget: str | None = None,
    seed: int | None = None,
    baselines: str | Sequence[str] | None = None,
    out: str | Path | None = None,
    plan: Mapping[str, Any] | None = None,
    progress: bool = False,
    **settings: Any,
) -> Run:
    """Train a network on a table.

    Args:
        data: a path or glob (CSV, Parquet, JSON lines, Arrow), or a polars, pandas, Arrow or NumPy table.
        target: the column or columns to predict. Their type is the task. Of files of running text it is the text.
        inputs: the columns to predict from; all others if not given.
        features: column -> the name of its feature, where the inferred one is to be overruled.
        test, valid: tables of their own for the final scores, and for early stopping.
        group: column whose equal values stay on one side of the split.
        time: column to split by: the latest rows judge.
        files: folder or zip file that names of files in the table are relative to, if it is not the table's own.
        model: a name (see ``lamina schema``), or a module of your own from (B, width) to (B, outputs); or a function
            that makes it from width and outputs.
        weights: pre-trained ones to start from: a run's folder, a file, or a transformers model.
        learn: which of them learn on: ``all``, ``head`` (none but what follows), ``last`` or ``lora``.
        budget: when to stop at the latest: ``60s``, ``500steps``, ``10epochs``.
        seed: everything random is a function of it.
        baselines: ``all``, ``none``, or names.
        out: the run folder; ``runs/<target>-<number>`` if not given.
        plan: values of a plan file, under which the other arguments are laid.
        progress: whether to tell of it on standard error.
        settings: any other setting by its dotted name with ``__`` for the dots, as in ``model__width=256``.

    Returns:
        The finished run.

    Raises:
        DataError: if the table cannot be used.
        SettingError: on an unknown setting, or one out of bounds.
        TrainingError: if training cannot go on.

    Example:
        >>> import numpy as np, polars as pl, tempfile
        >>> x = np.random.default_rng(0).normal(size=200)
        >>> table = pl.DataFrame({"x": x, "y": x > 0})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train(table, "y", budget="20steps", baselines="none", out=folder + "/run")
        ...     run.predict(pl.DataFrame({"x": [9.0]})).columns
        ['y', 'y_probability_false', 'y_probability_true']
    """
    values = _values(plan, model if isinstance(model, str) else None, settings)
    module = None
    if model is not None and not isinstance(model, str):
        module = model
        values["model"] = {"name": None}
    given = {
        "data.source": str(data) if isinstance(data, (str, Path)) else None,
        "data.test": str(test) if isinstance(test, (str, Path)) else None,
        "data.valid": str(valid) if isinstance(valid, (str, Path)) else None,
        "data.target": [target] if isinstance(target, str) else None if target is None else list(target),
        "data.inputs": None if inputs is None else list(inputs),
        "data.features": None if features is None else dict(features),
        "data.files": None if files is None else str(files),
        "split.group": group,
        "split.time": time,
        "weights.source": None if weights is None else str(weights),
        "weights.learn": learn,
        "train.budget": budget,
        "evaluate.baselines": _baselines(baselines),
        "seed": seed,
    }
    for path, value in given.items():
        if value is not None:
            assign(values, path, value)
    checked = Plan.of(values)
    tables = _tables({"data": data, "valid": valid, "test": test}, checked)
    checked = texts_alone(checked, tables["data"])
    if not checked.data.target:
        raise UsageError("no target was named", allowed=some(tables["data"].names, 30), do="say --target COLUMN")
    folder = Path(out) if out is not None else _free_folder(checked.data.target)
    teller = Progress.on(progress)
    begin(tables, checked, folder, teller)
    try:
        go_on(folder, teller, module)
    except BaseException:
        if not any(folder.glob("checkpoint/*/*")):
            shutil.rmtree(folder, ignore_errors=True)  # nothing was learned, so there is nothing to resume
        raise
    return Run(folder, module)


def pretrain(
    data: Any = None,
    *,
    inputs: Sequence[str] | None = None,
    features: Mapping[str, Any] | None = None,
    files: str | Path | None = None,
    pretext: str | None = None,
    model: str | None = None,
    budget: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    plan: Mapping[str, Any] | None = None,
    progress: bool = False,
    **settings: Any,
) -> Pretrained:
    """Train the networks of pictures, texts, sounds and series on rows without a target.

    Args:
        data: as for :func:`train`; plain columns are not looked at.
        inputs: the columns to learn from; all pictures, texts, sounds and series if not given.
        features: column -> the name of its feature, where the inferred one is to be overruled.
        files: folder or zip file that names of files in the table are relative to, if it is not the table's own.
        pretext: what is asked of each row, such as ``rotation``; the columns' usual ones if not given.
        model: the name of a backbone.
        budget: when to stop at the latest: ``60s``, ``500steps``, ``10epochs``.
        seed: everything random is a function of it.
        out: the run folder; ``runs/pretrained-<number>`` if not given.
        plan: values of a plan file, under which the other arguments are laid; those of the pretexts under ``pretext``.
        progress: whether to tell of it on standard error.
        settings: any other setting by its dotted name with ``__`` for the dots, as in ``pretext__image__crop=0.5``.

    Returns:
        The finished run, which ``train(..., weights=run.path)`` starts from.

    Raises:
        DataError: if no column can be learned from without a target.
        SettingError: on an unknown setting, or one out of bounds.

    Example:
        >>> import polars as pl, tempfile
        >>> table = pl.DataFrame({"said": [f"the {one} of {other}" for one in "abcdefg" for other in "hijklmn"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     features = {"said": {"kind": "text", "min_count": 1}}
        ...     run = pretrain(table, features=features, model="bag", budget="5steps", out=folder + "/run")
        ...     run.loss > 0
        True
    """
    values = _values(plan, model, settings)
    for section, usual in USUAL.items():
        given_section = values.get(section, {})
        if isinstance(given_section, Mapping):  # what is none is refused with the rest of the plan
            values[section] = {**usual, **given_section}
    asked = values.pop("pretext", {})
    given = {
        "data.source": str(data) if isinstance(data, (str, Path)) else None,
        "data.inputs": None if inputs is None else list(inputs),
        "data.features": None if features is None else dict(features),
        "data.files": None if files is None else str(files),
        "train.budget": budget,
        "seed": seed,
    }
    for path, value in given.items():
        if value is not None:
            assign(values, path, value)
    checked = Plan.of(values)
    if checked.data.target:
        raise UsageError("pre-training has no target", got=some(checked.data.target), do="say lamina train instead")
    pretexts = check(PretextSettings, asked if pretext is None else named(pretext, asked), "pretext")
    table = _tables({"data": data}, checked)["data"]
    folder = Path(out) if out is not None else _free_folder(["pretrained"])
    teller = Progress.on(progress)
    begin_pretraining(table, checked, pretexts, folder, teller)
    try:
        return go_on_pretraining(folder, teller)
    except BaseException:
        if not any(folder.glob("checkpoint/*/*")):
            shutil.rmtree(folder, ignore_errors=True)  # nothing was learned, so there is nothing to resume
        raise


def _baselines(chosen: str | Sequence[str] | None) -> Any:
    if chosen is None or chosen in ("all", "none"):
        return chosen
    return chosen.split(",") if isinstance(chosen, str) else list(chosen)


def _values(plan: Mapping[str, Any] | None, model: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plan values with the model's name, and then the settings, laid over them."""
    values: dict[str, Any] = copy.deepcopy(dict(plan or {}))
    if isinstance(values.get("model"), str):
        values["model"] = {"name": values["model"]}
    if model is not None:
        _name_model(values, model)
    for name, value in settings.items():
        assign(values, name.replace("__", "."), value)
    return values


def _name_model(values: dict[str, Any], name: str) -> None:
    """Set the model's name; settings of another model in a plan do not carry over."""
    before = values.get("model", {})
    known = before.get("name", "auto") if isinstance(before, dict) else before
    values["model"] = {**before, "name": name} if known == name or "name" not in before else {"name": name}


def _tables(objects: Mapping[str, Any], plan: Plan) -> dict[str, Table]:
    """Open the tables, given as objects or named in the plan."""
    named = {"data": plan.data.source, "valid": plan.data.valid, "test": plan.data.test}
    sources = {key: objects.get(key) if objects.get(key) is not None else named[key] for key in named}
    if sources["data"] is None:
        raise UsageError("no table was given", do="say which file: lamina train DATA --target COLUMN")
    return {key: read(source, missing=plan.data.missing) for key, source in sources.items() if source is not None}


def _free_folder(target: Sequence[str]) -> Path:
    """``runs/<target>-<number>``, the first that is not there."""
    stem = "".join(letter if letter.isalnum() else "-" for letter in target[0])[:40] or "run"
    number = 1
    while (folder := Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return folder


def resume(
    path: str | Path,
    *,
    budget: str | None = None,
    data: Any = None,
    model: nn.Module | None = None,
    progress: bool = False,
) -> Run | Pretrained:
    """Go on with a run that was interrupted, or with a finished one under a larger budget.

    Pre-training can only be gone on with where it was interrupted, under the budget that it had.

    Args:
        path: the run folder.
        budget: a new budget, counted from the start of its training; a finished run needs a larger one.
        data: the table again, where the run was trained on an object in memory and has finished.
        model: the module that it was trained with, where that was one of the user's own.
        progress: whether to tell of it on standard error.

    Raises:
        NotARunError: if the folder is no run.
        UsageError: if the run has finished and no budget is given.
    """
    folder = Path(path)
    if not (folder / "run.json").is_file():
        raise NotARunError(f"{folder} is not a run", do="name a folder that lamina train made")
    finished = read_json(folder / "run.json")["status"] == "finished"
    if is_pretraining(folder):
        if budget is not None or (finished and (folder / MANIFEST).exists()):
            raise UsageError(
                f"{folder} is pre-training, which goes on only where it was interrupted",
                do="start another: lamina pretrain DATA --budget 20min",
            )
        return go_on_pretraining(folder, Progress.on(progress))
    if finished and (folder / MANIFEST).exists():
        verify_files(folder)
        if budget is None:
            raise UsageError(f"{folder} has finished", do="give a larger budget: lamina resume RUN --budget 20min")
    if budget is not None:
        plan = Plan.of(read_json(folder / "plan.json"))
        reopen(folder, budget, _tables({"data": data}, plan) if finished else {})
    go_on(folder, Progress.on(progress), model)
    return Run(folder, model)


def load(path: str | Path, model: Module = None) -> Run:
    """Open a finished run; every file is compared with the manifest first, and no code of the run's is run.

    Raises:
        NotARunError, DamagedRunError, LaterVersionError: if the folder cannot be trusted.
    """
    return Run(path, model)


def chat(source: str | Path, **settings: Any) -> Chat:
    """Talk with a network, turn by turn.

    Args:
        source: a run that has learned dialogues; or a chat model of the transformers library, its folder or its name
            on the hub.
        settings: of :class:`lamina.chatting.settings.ChatSettings`: ``system="Answer in one sentence."``,
            ``how="sample"``, ``temperature=0.7`` ...

    Raises:
        UsageError: if the run has learned no dialogues.
        DataError: if the folder lacks what is needed, or what it holds cannot be used.
        SettingError: on an unknown setting, or one out of bounds.
        MissingExtraError: if a package is needed that is not installed.
    """
    if is_run(str(source)):
        return load(source).chat(**settings)
    folder = fetched(str(source)) if on_hub(str(source)) else Path(source)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", allowed="a run, or a model saved by save_pretrained")
    return Chat(speaker_of(folder), **settings)


def predict(path: str | Path, data: Any, *, broken: WhereBroken = "raise") -> Any:
    """Predict rows with a run: ``load(path).predict(data)``."""
    return load(path).predict(data, broken=broken)


def evaluate(path: str | Path, data: Any) -> dict[str, Any]:
    """Score a run on rows whose targets are known: ``load(path).evaluate(data)``."""
    return load(path).evaluate(data)


def export(path: str | Path, out: str | Path | None = None, format: str = "bundle", **how: Any) -> Exported:
    """Write a run as a file for other machines: ``load(path).export(out, format, ...)``."""
    return load(path).export(out, format, **how)


def inspect(data: Any, *, target: str | Sequence[str] = (), features: Mapping[str, Any] | None = None) -> Schema:
    """See a table as Lamina does: the feature of each column, with the evidence for it."""
    table = read(data)
    targets = [target] if isinstance(target, str) else list(target)
    return infer(table, targets=targets, overrides=features)


def verify(path: str | Path) -> dict[str, Any]:
    """Compare every file of a run with its manifest, and return the manifest.

    Raises:
        NotARunError, DamagedRunError, LaterVersionError: if the folder cannot be trusted; the message names the files.
    """
    return verify_files(Path(path))
