"""``lamina verify``: is a run as it was written?"""

from __future__ import annotations

import argparse
from pathlib import Path

from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.runs.manifest import verify

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")


def _run(args: argparse.Namespace) -> int:
    files = verify(Path(args.run))["files"]
    size = sum(entry["bytes"] for entry in files.values())
    if args.json:
        print_json({"run": args.run, "whole": True, "files": len(files), "bytes": size})
    else:
        print(f"{args.run} is as it was written: {len(files)} files, {size / 1e6:.1f} MB, each with its SHA-256")
    return 0


command = Command(
    "Compare every file of a run with its manifest, by size and SHA-256; nothing of the run is opened.",
    "RUN",
    _add_arguments,
    _run,
    "lamina verify runs/diagnosis-1",
)
