"""Scores on pictures, texts and sounds, with default settings.

    python benchmarks/perception.py                     all data sets, some three hours
    python benchmarks/perception.py trec fsdd           some
    python benchmarks/perception.py trec --develop      the last eighth of the training rows judge, to try things out
    python benchmarks/perception.py trec --quick        ten seconds, to see that it works

The data lie in ``../shared/data``, with the splits of its README. Lamina gets files or arrays as a user would give
them, through ``lamina.train`` alone; the test rows are judged here, by scikit-learn and on every one of them.

``cifar10_weights`` starts from a ResNet-20 that learned from all 50,000 training pictures of CIFAR-10. Its
``--develop`` rows are among these, so what it scores there says nothing.
"""

from __future__ import annotations

import argparse

import polars as pl
from answers import ask_lamina, score
from datasets import SETS, DataSet, held_back
from results import append


def measure(name: str, data: DataSet, *, develop: bool, budget: str) -> None:
    """Train on one data set, predict its test rows, and write the scores down."""
    learn, judge = data.load()
    if develop:
        learn, judge = held_back(learn, data.target)
    answers = ask_lamina(learn, judge, data.target, budget, **data.settings)
    append(
        name, score(data.metrics, judge[data.target].cast(pl.String).to_numpy(), answers), seconds=answers.seconds,
        trial=develop or budget != data.budget,
        settings={
            "budget": budget, "judged by": "held-back training rows" if develop else "test rows", **answers.document
        },
    )  # fmt: skip


def main() -> None:
    """Measure the data sets that are named."""
    parser = argparse.ArgumentParser(description="Scores on pictures, texts and sounds.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all if none")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds each; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    arguments = parser.parse_args()
    for name in arguments.sets or SETS:
        data = SETS[name]
        budget = "10s" if arguments.quick else arguments.budget or data.budget
        measure(name, data, develop=arguments.develop or arguments.quick, budget=budget)


if __name__ == "__main__":
    main()
