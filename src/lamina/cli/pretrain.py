"""``lamina pretrain``: learn from rows that nobody has labelled."""

from __future__ import annotations

import argparse
from typing import Any

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_features, add_setting, features_of, names_of, settings_of
from lamina.config import parse_text
from lamina.plan import DataSettings, Plan
from lamina.pretext import PRETEXTS
from lamina.training.settings import TrainSettings

__all__ = ["command", "print_pretrained"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="The table; it needs no target.")
    add_setting(parser, "--inputs", DataSettings, "inputs", action="append", metavar="A,B")
    add_features(parser, DataSettings, "features")
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER")
    parser.add_argument("--pretext", metavar="NAME", help=f"What is asked of each row: {', '.join(PRETEXTS)}.")
    parser.add_argument("--model", metavar="NAME", help="Backbone, for all columns that it reads (default: auto).")
    add_setting(parser, "--budget", TrainSettings, "budget")
    parser.add_argument(
        "--seed", type=parse_text, help=f"Everything random is a function of it (default: {Plan().seed})."
    )
    parser.add_argument("--out", metavar="RUN", help="The run folder (default: runs/pretrained-<number>).")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", dest="settings",
        help="Any other setting, such as train.batch_size=128 or pretext.text={share: 0.3}.",
    )  # fmt: skip


def _run(args: argparse.Namespace) -> int:
    settings = settings_of(args.settings or [])
    run = lamina.pretrain(
        args.data,
        inputs=names_of(args.inputs),
        features=features_of(args.features),
        files=args.files,
        pretext=args.pretext,
        model=args.model,
        budget=args.budget,
        seed=args.seed,
        out=args.out,
        progress=True,
        **{name.replace(".", "__"): value for name, value in settings.items()},
    )
    print_pretrained(run, as_json=args.json)
    return 0


def print_pretrained(run: Any, *, as_json: bool) -> None:
    """Print a finished pre-training."""
    position = run.training["networks"][0]
    if as_json:
        print_json({"run": str(run.path), "loss": run.loss, "training": run.training})
        return
    losses = [row["valid_loss"] for row in run.history if row["valid_loss"] is not None]
    if losses:
        print(f"loss    {losses[0]:.4f} after the first epoch, {run.loss:.4f} at best, on rows that it has not seen")
    print(f"steps   {position['step']:,} in {run.training['seconds']:.0f} s")
    print(f"run     {run.path}\nnext    lamina train DATA --target COLUMN --weights {run.path}")


command = Command(
    "Train networks for pictures, texts, sounds or series on rows without a target; lamina train --weights starts from "
    "them.",
    "DATA",
    _add_arguments,
    _run,
    "lamina pretrain photos/ --budget 5min --out runs/pretrained",
)
