"""``lamina inspect``: the table as Lamina sees it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import lamina
from lamina.cli.command import Command
from lamina.cli.output import columns, print_json, short
from lamina.cli.settings import add_features, add_setting, features_of, names_of
from lamina.plan import DataSettings

__all__ = ["command"]

NAME, EXAMPLE, EXAMPLES = 26, 12, 16  # letters that are shown of a name, of an example, and of all examples


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="The table: a file, folder or glob.")
    add_setting(parser, "--target", DataSettings, "target", action="append", metavar="COLUMN")
    add_features(parser, DataSettings, "features")


def _run(args: argparse.Namespace) -> int:
    schema = lamina.inspect(args.data, target=names_of(args.target) or (), features=features_of(args.features))
    document = schema.to_json()
    if args.json:
        print_json(document)
        return 0
    head = ["column", "feature", "missing", "distinct", "examples", "evidence"]
    rows = [_row(name, column) for name, column in document["columns"].items()]
    print(*columns([head, *rows], right=[2, 3]), sep="\n")
    return 0


def _row(name: str, column: Mapping[str, Any]) -> list[str]:
    missing = column["missing"]
    return [
        short(name, NAME),
        column["feature"] + (" *" if column["is_target"] else ""),
        "-" if not missing else f"{missing:.1%}" if missing >= 0.001 else "<0.1%",
        f"{column['distinct']:,}",
        short(", ".join(short(example, EXAMPLE) for example in column["examples"]), EXAMPLES),
        short(column["evidence"], 1000),
    ]


command = Command(
    "See a table as Lamina does: the feature of each column (* a target), and the evidence for it, from a sample of "
    "its rows.",
    "DATA",
    _add_arguments,
    _run,
    "lamina inspect patients.csv --target diagnosis --feature zip=category",
)
