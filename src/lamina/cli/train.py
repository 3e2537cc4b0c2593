"""``lamina train``: from a table to a trained, judged, reproducible run."""

from __future__ import annotations

import argparse
from pathlib import Path

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_features, add_setting, features_of, names_of, settings_of
from lamina.cli.summary import document_of, print_summary
from lamina.config import parse_text
from lamina.data.split import SplitSettings
from lamina.evaluation.settings import EvaluateSettings
from lamina.models import MODELS
from lamina.plan import DataSettings, Plan, read_plan
from lamina.training.settings import TrainSettings
from lamina.transfer.settings import WeightsSettings

__all__ = ["command"]

PLANS = (".yaml", ".yml", ".json")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    default = Plan()
    parser.add_argument("data", metavar="DATA", help="The table, or a plan file (.yaml, .json) that names one.")
    add_setting(parser, "--target", DataSettings, "target", action="append", metavar="COLUMN")
    add_setting(parser, "--inputs", DataSettings, "inputs", action="append", metavar="A,B")
    add_setting(parser, "--test", DataSettings, "test", metavar="FILE")
    add_setting(parser, "--valid", DataSettings, "valid", metavar="FILE")
    add_setting(parser, "--group", SplitSettings, "group", metavar="COLUMN")
    add_setting(parser, "--time", SplitSettings, "time", metavar="COLUMN")
    add_features(parser, DataSettings, "features")
    add_setting(parser, "--group-rows", DataSettings, "series_key", metavar="COLUMN")
    add_setting(parser, "--order-by", DataSettings, "series_time", metavar="COLUMN")
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER")
    parser.add_argument(
        "--model", metavar="NAME", help=f"Architecture: {', '.join(MODELS)} (default: {default.model_name})."
    )
    add_setting(parser, "--weights", WeightsSettings, "source", metavar="WEIGHTS")
    add_setting(parser, "--learn", WeightsSettings, "learn")
    add_setting(parser, "--budget", TrainSettings, "budget")
    parser.add_argument(
        "--seed", type=parse_text, help=f"Everything random is a function of it (default: {default.seed})."
    )
    add_setting(parser, "--baselines", EvaluateSettings, "baselines", action="append", metavar="A,B")
    parser.add_argument("--out", metavar="RUN", help="The run folder (default: runs/<target>-<number>).")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", dest="settings",
        help="Any other setting, such as model.width=256; `lamina schema train` lists them.",
    )  # fmt: skip


def _run(args: argparse.Namespace) -> int:
    is_plan = Path(args.data).suffix.lower() in PLANS
    settings = settings_of(args.settings or [])
    for option, name in (("group_rows", "data.series_key"), ("order_by", "data.series_time")):
        if getattr(args, option) is not None:
            settings[name] = getattr(args, option)
    baselines = names_of(args.baselines)
    run = lamina.train(
        None if is_plan else args.data,
        names_of(args.target),
        plan=read_plan(Path(args.data)) if is_plan else None,
        inputs=names_of(args.inputs),
        features=features_of(args.features),
        test=args.test,
        valid=args.valid,
        group=args.group,
        files=args.files,
        time=args.time,
        model=args.model,
        weights=args.weights,
        learn=args.learn,
        budget=args.budget,
        seed=args.seed,
        baselines=baselines[0] if baselines in (["all"], ["none"]) else baselines,
        out=args.out,
        progress=True,
        **{name.replace(".", "__"): value for name, value in settings.items()},
    )
    if args.json:
        print_json(document_of(run))
    else:
        print_summary(run)
    return 0


command = Command(
    "Train a network on a table, judge it beside plain baselines, and leave a run folder.",
    "DATA --target COLUMN",
    _add_arguments,
    _run,
    "lamina train patients.csv --target diagnosis --budget 60s",
)
