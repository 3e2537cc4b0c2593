"""From a table without a target to a run folder whose networks others start from."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from lamina.config import as_dict, check
from lamina.data.infer import Schema, infer
from lamina.data.located import locate
from lamina.data.prepare import STORES, Source, prepare
from lamina.data.store import Store
from lamina.data.table import Table
from lamina.errors import DataError, MissingColumnError, UsageError, nearest, some
from lamina.features.base import Feature
from lamina.features.encoder import Encoder
from lamina.features.layout import Layout
from lamina.files import atomic, read_json, write_json
from lamina.models.mixed import MixedSettings
from lamina.nn.start import start
from lamina.pipeline.begin import describe
from lamina.pipeline.networks import fold_rows, stopping
from lamina.plan import Plan
from lamina.pretext.network import PretextNetwork
from lamina.pretext.settings import PretextSettings
from lamina.runs.manifest import verify, write_manifest
from lamina.training import checkpoint
from lamina.training.history import History, read_history
from lamina.training.loop import Trainer
from lamina.training.machine import keep_memory
from lamina.training.memory import available, within
from lamina.training.objective import Objective
from lamina.training.progress import Progress

__all__ = ["KIND", "USUAL", "Pretrained", "begin_pretraining", "go_on_pretraining", "is_pretraining"]

KIND = "pretraining"
ABLE = ("image", "text", "audio", "series")  # features of the columns that there is a pretext for
PRETEXT = "pretext.json"

# Values of the plan that differ from those of training: nothing is judged, and a few rows say when to stop. There are
# many rows, so that two epochs of warm-up would take much of the time: with a tenth of that, contrastive learning on
# pictures was further after 700 steps (loss 2.86 against 3.26 in 587).
USUAL: dict[str, dict[str, Any]] = {
    "split": {"test": 0.0, "valid": 0.05},
    "train": {"warmup": 0.2},
    "evaluate": {"baselines": "none"},
}
PAIRS = 256  # pictures in a batch: a view is known among those of the others, so there must be many


class Pretrained:
    """What pre-training left: a folder whose networks ``train(..., weights=folder)`` starts from.

    Args:
        path: the folder.

    Attributes:
        path: the folder.
        plan: every setting but the pretexts'.
        pretexts: what the columns were asked, by array.
        loss: the mean loss of the valid rows at the best step; None without valid rows.
        history: a dict an evaluation.

    Raises:
        NotARunError: if the folder is no complete run.
        DamagedRunError: if a file is not as it was written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        verify(self.path)
        self.plan = Plan.of(read_json(self.path / "plan.json"))
        self.pretexts = check(PretextSettings, read_json(self.path / PRETEXT), "pretext")
        self.training: dict[str, Any] = read_json(self.path / "run.json")["training"]
        self.loss: float | None = self.training["networks"][0]["best_score"]
        self.history = read_history(self.path)

    def __repr__(self) -> str:
        return f"Pretrained({str(self.path)!r})"


class _Losses(Objective):
    """Nothing to predict: what the network gives is the loss of each row."""

    def __init__(self) -> None:
        self.tasks, self.slices, self.width = [], [], 1

    def loss(self, raw: Tensor, targets: list[Tensor]) -> Tensor:
        return raw.mean()

    def activate(self, raw: Tensor) -> Tensor:
        return raw[:, 0]

    def judge(self, predicted: Tensor, targets: list[Tensor]) -> Tensor:
        return predicted[:, 0]


def is_pretraining(folder: Path) -> bool:
    """Whether a folder with a ``run.json`` was made by pre-training."""
    return bool(read_json(folder / "run.json").get("kind") == KIND)


def begin_pretraining(table: Table, plan: Plan, pretexts: PretextSettings, folder: Path, progress: Progress) -> None:
    """Read, infer and encode; leave a run folder from which pre-training can start.

    Args:
        table: the rows; columns that are no pictures, texts, sounds or series are not looked at.
        plan: all settings; it names no target.
        pretexts: what the columns are asked.
        folder: where the run goes; it must not hold anything yet.
        progress: where to tell of it.

    Raises:
        DataError: if there is no column to learn from. The folder is then gone again.
        SettingError: if a pretext cannot ask about its column.
    """
    schema = infer(table, overrides=plan.data.features)
    encoder = Encoder(_inputs(schema, plan), [])
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty", got=some(sorted(path.name for path in folder.iterdir()), 3),
            do=f"lamina resume {folder}, or another --out",
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    try:
        progress.say(f"reading {table.source}")
        locate(table, encoder.inputs, plan.data.files)
        prepared = prepare([Source(table)], encoder, plan.split, plan.seed, folder / "store", broken=plan.data.broken)
        _check_tokens(encoder.inputs)
        plan = _settled(plan, encoder.layout)
        _network(encoder.layout, plan, pretexts)  # what cannot be built is said before anything is written
        prepared.set_aside.write_parquet(folder / "set_aside.parquet")
        write_json(folder / PRETEXT, as_dict(pretexts))
        describe(folder, {"data": table}, plan, schema, prepared, KIND)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _inputs(schema: Schema, plan: Plan) -> list[Feature]:
    """The features of the columns to learn from: named ones, or all that there is a pretext for."""
    named = plan.data.inputs
    for name in named or ():
        if name not in schema:
            raise MissingColumnError(
                f"input {name!r} is not a column of the table", allowed=some(schema, 20), do=nearest(name, schema)
            )
        if schema[name].feature.kind not in ABLE:
            raise UsageError(
                f"there is no pretext for column {name!r}", got=schema[name].feature.kind, allowed=", ".join(ABLE)
            )
    inputs = [schema[name].feature for name in (schema if named is None else named)]
    inputs = [feature for feature in inputs if feature.kind in ABLE]
    if not inputs:
        raise DataError(
            "no column can be learned from without a target",
            got=some(f"{name} ({column.feature.kind})" for name, column in schema.items()),
            allowed=", ".join(ABLE),
            do="name what to predict: lamina train DATA --target COLUMN",
        )
    return inputs


def _check_tokens(features: Sequence[Feature]) -> None:
    """Tokens of elsewhere have no mask of ours: its number is one of their words."""
    for feature in features:
        if feature.kind == "text" and feature.state.tokens == "pretrained":
            raise UsageError(
                f"column {feature.column!r} cannot be pre-trained over the tokens of another model",
                got="tokens=pretrained", allowed="words, pieces, characters",
            )  # fmt: skip


def _settled(plan: Plan, layout: Layout) -> Plan:
    """The plan with a mixed model, and with a batch in which there are enough pictures to compare."""
    plan = plan.settled(layout)
    if not isinstance(plan.model, MixedSettings):
        raise UsageError("only a mixed model's networks are pre-trained", got=plan.model_name, allowed="mixed")
    if plan.train.batch_size == "auto" and any(slot.group == "image" for slot in layout.wide):
        plan = dataclasses.replace(plan, train=dataclasses.replace(plan.train, batch_size=PAIRS))
    return plan


def _network(layout: Layout, plan: Plan, pretexts: PretextSettings) -> PretextNetwork:
    """The network with its starting weights."""
    assert isinstance(plan.model, MixedSettings)
    with within(available()):
        network = PretextNetwork(layout, plan.model, pretexts)
    start(network, plan.seed)
    return network


def go_on_pretraining(folder: Path, progress: Progress) -> Pretrained:
    """Train from the latest checkpoint (or the start) to the end, and finish the run.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
        NonFiniteError: if a loss or gradient is no number.
    """
    run = read_json(folder / "run.json")
    if run["status"] != "finished":
        _train(folder, run, progress)
    for name in ("store", "checkpoint"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.rglob(".*.tmp"):
        path.unlink()
    write_manifest(folder)
    return Pretrained(folder)


def _train(folder: Path, run: Mapping[str, Any], progress: Progress) -> None:
    plan = Plan.of(read_json(folder / "plan.json"))
    encoder = Encoder.from_json(read_json(folder / "features.json"))
    pretexts = check(PretextSettings, read_json(folder / PRETEXT), "pretext")
    learn, _ = (Store(folder / "store" / name) for name in STORES)
    place = folder / "checkpoint" / "0"
    latest = checkpoint.latest(place)
    snapshot = None if latest is None else checkpoint.load(latest)
    kept = [row for row in read_history(folder) if snapshot is not None and row["step"] <= snapshot.position.step]
    network = _network(encoder.layout, plan, pretexts)
    history = History(folder, kept, plan.train.tensorboard)
    keep_memory()
    try:
        train, valid = (fold_rows(learn, 0, inside=inside) for inside in (False, True))
        trainer = Trainer(place, network, _Losses(), train, valid, plan.train, plan.seed, history, progress)
        if snapshot is not None:
            trainer.restore(snapshot)
        with stopping(trainer):
            position = trainer.fit()
        if trainer.stop_asked:
            raise KeyboardInterrupt(f"stopped at step {position.step}; go on with: lamina resume {folder}")
    finally:
        history.close()
    backbones = {name: value.contiguous() for name, value in network.backbones.state_dict(prefix="backbones.").items()}
    with atomic(folder / "weights.safetensors") as temporary:
        save_file(backbones, temporary)
    training = {
        "parameters": sum(parameter.numel() for parameter in network.backbones.parameters()),
        "seconds": position.seconds,
        "networks": [dataclasses.asdict(position)],
    }
    write_json(folder / "run.json", {**run, "status": "finished", "training": training})
