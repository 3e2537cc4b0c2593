"""``lamina embed``: rows as vectors from within a network, and a classical model on them."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lamina
from lamina.cli.command import Command
from lamina.cli.output import columns, fold, print_json
from lamina.cli.settings import add_setting
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.data.write import write
from lamina.errors import MissingColumnError, UsageError, nearest, some
from lamina.evaluation.figures import figure
from lamina.explain.probe import probe
from lamina.pipeline.pretrain import is_pretraining
from lamina.plan import DataSettings
from lamina.runs.embedding import Piece, embedder_of_weights
from lamina.transfer.source import is_run

__all__ = ["command"]

FORMATS = (".parquet", ".jsonl", ".ndjson")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="RUN_OR_WEIGHTS", help="A run folder, or weights as --weights takes them.")
    parser.add_argument("data", metavar="DATA", help="The rows; columns in any order.")
    parser.add_argument("--layer", metavar="NAME", help="A layer's dotted name; what the head sees if none is given.")
    parser.add_argument("--out", metavar="FILE", help="Parquet or JSON lines: row, vector, and the target if named.")
    parser.add_argument("--target", metavar="COLUMN", help="A column to keep beside the vectors, and to probe for.")
    parser.add_argument(
        "--probe", metavar="MODEL", help="Judge a classical model on the vectors: logistic or svm; it needs --target."
    )
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER_OR_ZIP")


def _run(args: argparse.Namespace) -> int:
    _check(args)
    pieces = _pieces(args)
    kept: list[Piece] = []
    if args.probe:
        pieces = _keeping(pieces, kept)
    document: dict[str, Any] = {"source": args.source, "layer": args.layer, "out": args.out}
    if args.out:
        rows = write((piece.columns(args.target) for piece in pieces), Path(args.out))
        document |= {"rows": rows}
        if not args.json:
            print(f"{rows:,} rows embedded: {args.out}", file=sys.stderr)
    else:
        document |= {"rows": sum(len(piece.rows) for piece in pieces)}
    if args.probe:
        document["probe"] = _probed(args, kept)
    if args.json:
        print_json(document)
    elif args.probe:
        print(*_lines(document["probe"]), sep="\n")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse before the network runs what would fail after it."""
    if not args.out and not args.probe:
        raise UsageError("nothing was asked for", allowed="--out FILE, --probe MODEL, or both")
    if args.out and Path(args.out).suffix.lower() not in FORMATS:
        raise UsageError(f"vectors cannot be written to {args.out}", allowed=", ".join(FORMATS))
    if args.probe and not args.target:
        raise UsageError("--probe needs a column to predict", do="say --target COLUMN")


def _pieces(args: argparse.Namespace) -> Iterator[Piece]:
    """The vectors, from a run that answers, or from weights alone."""
    if is_run(args.source) and not is_pretraining(Path(args.source)):
        pieces = lamina.load(args.source).vectors(args.data, args.layer, args.files)
    else:
        table = read(args.data)
        embedder = embedder_of_weights(args.source, table, args.layer, args.files, args.target)
        pieces = embedder.stream(table.chunks())
    first = next(pieces)
    if args.target is not None and args.target not in first.frame.columns:
        known = first.frame.columns
        raise MissingColumnError(
            f"column {args.target!r} is missing", got=some(known, 20), do=nearest(args.target, known)
        )
    return itertools.chain([first], pieces)


def _keeping(pieces: Iterator[Piece], kept: list[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        kept.append(piece)
        yield piece


def _probed(args: argparse.Namespace, kept: list[Piece]) -> dict[str, Any]:
    target = pl.concat([piece.frame.select(args.target) for piece in kept])
    feature = infer(read(target), targets=[args.target])[args.target].feature
    vectors, inputs = (
        np.concatenate(parts) for parts in zip(*((one.vectors, one.inputs) for one in kept), strict=True)
    )
    return probe(args.probe, vectors, inputs, target[args.target], feature)


def _lines(found: dict[str, Any]) -> list[str]:
    """The scores of a probe, beside the constant."""
    table = [["", found["probe"], "constant"]]
    for metric in itertools.islice(found["metrics"], 4):
        both = (one.get(metric["name"], {}) for one in (found["scores"], found["constant"]))
        table.append([metric["label"], *(_score(score) for score in both)])
    rows = found["rows"]
    counted = f"{rows['train']:,} rows teach, {rows['test']:,} judge, {rows['left_out']:,} are left out"
    return [f"{found['target']}: {found['kind']} from vectors of {found['width']:,} values; {counted}", "",
            *(f"  {line}" for line in columns(table)), "", *fold(found["sentence"])]  # fmt: skip


def _score(score: dict[str, Any]) -> str:
    if score.get("value") is None:
        return "-"
    if score["low"] is None:
        return figure(score["value"])
    return f"{figure(score['value'])} ({figure(score['low'])} to {figure(score['high'])})"


command = Command(
    "Write what a layer of a network gives for each row, one vector a row; or judge a classical model on these "
    "vectors. Rows that taught the network flatter it: bring others to probe.",
    "RUN_OR_WEIGHTS DATA",
    _add_arguments,
    _run,
    "lamina embed runs/diagnosis-1 new.csv --out vectors.parquet",
)
