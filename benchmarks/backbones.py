"""A first score of each architecture, all after the same short time: what ``lamina models`` shows.

    python benchmarks/backbones.py                    every one, twenty seconds each: some 25 minutes
    python benchmarks/backbones.py text frames        for some kinds of data
    python benchmarks/backbones.py text --only gru    some of them
    python benchmarks/backbones.py --quick            two seconds each, written nowhere, to see that it works

For each kind of data one public set: pictures of clothes, news, spoken digits, a census. One network, as it comes,
learns for twenty seconds on one core from the training rows, by ``lamina.train``; an eighth of them, held back, judges.
A score tells which is good soon, not which is best at last: large networks for pictures have hardly begun. It goes into
``src/lamina/backbones/scores.json``, beside those that are there.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import polars as pl
from answers import ask_lamina, score
from datasets import DATA, SETS, DataSet, held_back
from results import ROOT, append

from lamina.backbones import BACKBONES
from lamina.files import read_json, write_json
from lamina.models import MODELS

SCORES = ROOT / "src" / "lamina" / "backbones" / "scores.json"
BUDGET = "20s"
METRIC = "accuracy"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of data.

    Attributes:
        name: of the set, as people read it.
        data: what is learned from.
        group: of the slots that a backbone must read; None for whole models over plain columns.
        setting: that names the architecture.
    """

    name: str
    data: DataSet
    group: str | None
    setting: str

    def architectures(self) -> list[str]:
        """The names of those that can learn from it, from scratch."""
        if self.group is None:
            return [name for name in MODELS if MODELS[name].gives == "row" and not MODELS[name].reads_wide]
        return [name for name in BACKBONES if self.group in BACKBONES[name].groups and name != "pretrained"]


def _adult() -> tuple[pl.DataFrame, pl.DataFrame]:
    learn, judge = (pl.read_csv(DATA / "adult" / f"{part}.csv.gz") for part in ("train", "test"))
    return learn, judge


KINDS = {
    "image": Kind("fashion_mnist", SETS["fashion_mnist"], "image", "model__image"),
    "text": Kind("ag_news_small", SETS["ag_news_small"], "tokens", "model__text"),
    "frames": Kind("fsdd", SETS["fsdd"], "frames", "model__frames"),
    "number": Kind("adult", DataSet(_adult, "income", "10min"), None, "model"),
}


def measure(kind: Kind, name: str, budget: str) -> float:
    """Train one architecture, and judge it by held-back training rows."""
    learn, judge = held_back(kind.data.load()[0], kind.data.target)
    alone = {"train__networks": 1, "train__companions": "none", "train__threads": 1}
    settings: dict[str, Any] = {**kind.data.settings, **alone, kind.setting: name}
    answers = ask_lamina(learn, judge, kind.data.target, budget, **settings)
    found = score([METRIC], judge[kind.data.target].cast(pl.String).to_numpy(), answers)
    append(
        "backbones", found, seconds=answers.seconds, trial=True, architecture=name, data=kind.name,
        settings={"budget": budget, "threads": 1, "judged by": "held-back training rows", **answers.document},
    )  # fmt: skip
    return found[METRIC]


def main() -> None:
    """Measure the architectures, and write each score down as soon as it is known."""
    parser = argparse.ArgumentParser(description="A score of each architecture.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all if none")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these architectures")
    parser.add_argument("--quick", action="store_true", help="two seconds each, written nowhere")
    given = parser.parse_args()
    budget = "2s" if given.quick else BUDGET
    for kind in (KINDS[name] for name in given.kinds or KINDS):
        for name in kind.architectures():
            if given.only and name not in given.only:
                continue
            value = measure(kind, name, budget)
            if not given.quick:
                scores = read_json(SCORES)
                scores.setdefault(name, {})[kind.name] = round(value, 4)
                write_json(SCORES, scores)


if __name__ == "__main__":
    main()
