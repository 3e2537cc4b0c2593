"""Weights of a run: of training, or of pre-training."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from lamina.backbones.base import Backbone
from lamina.config import check
from lamina.errors import UsageError
from lamina.features.base import field_of
from lamina.features.encoder import Encoder
from lamina.files import read_json
from lamina.models.mixed import CHOSEN, MixedSettings
from lamina.transfer.origin import Origin, load_exactly

__all__ = ["of_run"]

FILE = "weights.safetensors"


def of_run(folder: Path) -> list[Origin]:
    """The backbones of a run, each with what its column's feature had learned.

    Of several networks, the first one's are taken. Nothing is compared with the manifest here.

    Raises:
        UsageError: if the run has no networks over pictures, texts, sounds or series.
    """
    model = dict(read_json(folder / "plan.json")["model"])
    if model.pop("name") != "mixed":
        raise UsageError(
            f"the run {folder} has no network over pictures, texts, sounds or series to start from",
            got=read_json(folder / "plan.json")["model"]["name"],
            allowed="a run of a mixed model",
        )
    settings = check(MixedSettings, model, "model")
    features = read_json(folder / "features.json")
    found = []
    columns = {feature["column"]: feature for feature in features["inputs"]}
    for name, slot in Encoder.from_json({**features, "targets": []}).layout.wide_by_name.items():
        chosen = getattr(settings, field_of(slot.group))
        feature = columns[slot.column]
        found.append(
            Origin(
                source=str(folder),
                kind=feature["kind"],
                backbone=_named(chosen, CHOSEN[slot.group]),
                load=functools.partial(_load, path=folder / FILE, slot=name),
                fixed=feature["settings"],
                column=slot.column,
                state=feature["state"],
            )
        )
    return found


def _named(chosen: str | dict[str, Any], usual: str) -> dict[str, Any]:
    """A backbone's name and settings, where the run's plan may have left the name open."""
    values = {"name": chosen} if isinstance(chosen, str) else dict(chosen)
    return {**values, "name": usual} if values.get("name", "auto") == "auto" else values


def _load(backbone: Backbone, path: Path, slot: str) -> None:
    load_exactly(backbone, _tensors(path, slot), str(path.parent))


def _tensors(path: Path, slot: str) -> dict[str, Tensor]:
    """The weights of one backbone; in a committee's file, of its first network's."""
    with safe_open(path, framework="pt") as file:
        prefixes = (f"backbones.{slot}.", f"networks.0.backbones.{slot}.")
        return {
            name.removeprefix(prefix): file.get_tensor(name)
            for prefix in prefixes
            for name in file.keys()  # noqa: SIM118
            if name.startswith(prefix)
        }
