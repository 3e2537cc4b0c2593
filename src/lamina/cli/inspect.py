"""``lamina inspect``: the table as Lamina sees it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.cli.command import Command
from lamina.cli.output import columns, fold, print_json, short
from lamina.cli.settings import add_features, add_setting, features_of, names_of
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.files import write_text
from lamina.pipeline.samples import first_cells
from lamina.plan import DataSettings
from lamina.report.columns import summary_of
from lamina.report.inspection import inspection

__all__ = ["command"]

NAME, EXAMPLE, EXAMPLES = 26, 12, 16  # letters that are shown of a name, of an example, and of all examples


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="The table: a file, folder or glob.")
    add_setting(parser, "--target", DataSettings, "target", action="append", metavar="COLUMN")
    add_features(parser, DataSettings, "features")
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER_OR_ZIP")
    parser.add_argument("--html", metavar="FILE", help="Write a page with pictures, texts, players and lines too.")


def _run(args: argparse.Namespace) -> int:
    table = read(args.data)
    schema = infer(table, targets=names_of(args.target) or (), overrides=features_of(args.features))
    looks = first_cells(table, schema, args.files, pictures=args.html is not None)
    document = {"source": args.data, "version": __version__, **schema.to_json(), "looks": looks}
    if args.html is not None:
        write_text(Path(args.html), inspection(document))
    if args.json:
        told = [{name: value for name, value in look.items() if name not in ("cells", "players")} for look in looks]
        print_json({**schema.to_json(), "looks": told})
        return 0
    head = ["column", "feature", "missing", "distinct", "examples", "evidence"]
    rows = [_row(name, column) for name, column in document["columns"].items()]
    print(*columns([head, *rows], right=[2, 3]), sep="\n")
    for look in looks:
        said = "; ".join([summary_of(look["summary"], most=1000), *look["broken"]]).strip("; ")
        first = f" (first {look['rows']:,} rows)" if look["rows"] else ""
        print("", *fold(f"{short(look['column'], NAME)}{first}: {said}", rest="  "), sep="\n")
    if args.html is not None:
        print("", f"page  {args.html}", sep="\n")
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
    "its rows; of pictures, texts, sounds and series also their sizes, from the first of them.",
    "DATA",
    _add_arguments,
    _run,
    "lamina inspect patients.csv --target diagnosis --feature zip=category",
)
