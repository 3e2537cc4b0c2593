"""``lamina compose``: music as a MIDI file and a recording."""

from __future__ import annotations

import argparse

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_settings, given_of
from lamina.errors import UsageError
from lamina.features.piece import ending
from lamina.tasks.compose import ComposingSettings

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run whose target is music.")
    parser.add_argument("tune", metavar="TUNE", nargs="?", help="A MIDI file to go on from, or to vary.")
    parser.add_argument("--out", metavar="FILE", help="The piece as a MIDI file.")
    parser.add_argument("--wav", metavar="FILE", help="A recording of it.")
    add_settings(parser, ComposingSettings, "as in the run")


def _run(args: argparse.Namespace) -> int:
    files = [name for name in (args.out, args.wav) if name is not None]
    if not files and not args.json:
        raise UsageError("nobody would hear it", do="say where the piece goes: --out new.mid, --wav new.wav")
    for name in files:
        ending(name)  # before the work, not after it
    piece = lamina.load(args.run).compose(args.tune, **given_of(args, ComposingSettings))
    for name in files:
        piece.save(name)
    if args.json:
        print_json({"run": args.run, "files": files, "seconds": piece.seconds, "steps": piece.steps})
    else:
        print(f"{', '.join(files)}  {len(piece.steps)} steps, {piece.seconds:.1f} seconds")
    return 0


command = Command(
    "Compose music, as a run whose target is music has learned: a new piece, or from a tune one that goes on where it "
    "ends (--how continue) or another around its melody (--how vary).",
    "RUN [TUNE]",
    _add_arguments,
    _run,
    "lamina compose runs/piece-1 --seconds 30 --out new.mid --wav new.wav",
)
