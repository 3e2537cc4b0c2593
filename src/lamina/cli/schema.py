"""``lamina schema``: every setting of a plan, for programs or for people."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.augment.settings import AugmentSettings
from lamina.backbones import BACKBONES
from lamina.cli.command import Command
from lamina.cli.output import fold, print_json
from lamina.cli.settings import shown
from lamina.config import describe, schema
from lamina.data.split import SplitSettings
from lamina.decoders import DECODERS
from lamina.errors import UsageError, nearest
from lamina.evaluation.settings import EvaluateSettings
from lamina.features import FEATURES
from lamina.files import write_text
from lamina.models import MODELS
from lamina.plan import DataSettings, plan_schema
from lamina.pretext import PRETEXTS
from lamina.tasks import TASKS
from lamina.training.settings import TrainSettings
from lamina.transfer.settings import WeightsSettings

__all__ = ["GROUPS", "TABLES", "command"]

GROUPS: dict[str, type] = {
    "data": DataSettings,
    "split": SplitSettings,
    "train": TrainSettings,
    "weights": WeightsSettings,
    "augment": AugmentSettings,
    "evaluate": EvaluateSettings,
}
TABLES: dict[str, Mapping[str, Any]] = {
    "model": MODELS,
    "backbone": BACKBONES,
    "decoder": DECODERS,
    "pretext": PRETEXTS,
    "task": TASKS,
    "feature": FEATURES,
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "group", metavar="GROUP", nargs="?", help=f"A group of settings: {', '.join([*GROUPS, *TABLES])}."
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="Which model, backbone, decoder, task or feature.")
    parser.add_argument("--out", metavar="FILE", help="Write the JSON Schema there.")


def _run(args: argparse.Namespace) -> int:
    if args.out:
        write_text(Path(args.out), json.dumps(_document(args), indent=1, ensure_ascii=False) + "\n")
        if args.json:
            print_json({"out": args.out})
    elif args.json or args.group is None:
        print_json(_document(args))
    else:
        print(*_lines(args.group, args.name), sep="\n")
    return 0


def _document(args: argparse.Namespace) -> dict[str, Any]:
    """The JSON Schema of a plan or of a group of settings; the names, where a group has parts and none is named."""
    if args.group is None:
        return plan_schema()
    if args.group in TABLES and args.name is None:
        return {args.group: list(TABLES[args.group])}
    return schema(_settings(args.group, args.name))


def _settings(group: str, name: str | None) -> type:
    """The settings class of a group, or of one model, task or feature."""
    if group in TABLES and name is not None:
        return TABLES[group][name].Settings
    if group not in GROUPS:
        known = [*GROUPS, *TABLES]
        raise UsageError("no such group of settings", got=group, allowed=", ".join(known), do=nearest(group, known))
    if name is not None:
        raise UsageError(f"{group} has settings, and no parts", got=name, do=f"lamina schema {group}")
    return GROUPS[group]


def _lines(group: str, name: str | None) -> list[str]:
    """A group of settings as help; the names, where the group has parts and none is named."""
    if group in TABLES and name is None:
        return [f"{group}s, each with settings: lamina schema {group} NAME", "", *(f"  {one}" for one in TABLES[group])]
    cls = _settings(group, name)
    lines = [(cls.__doc__ or "").strip(), ""]
    for setting, kind, default, text in describe(cls):
        place = setting if group in ("task", "feature") else f"{group}.{setting}"
        lines += [*fold(f"{place} = {shown(default)}   ({kind})", rest="    "), *fold(text, "    ", "    ")]
    return lines


command = Command(
    "Print every setting of a plan as JSON Schema, or the settings of one group for people.",
    "[GROUP [NAME]]",
    _add_arguments,
    _run,
    "lamina schema model tabm",
)
