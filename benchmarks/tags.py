"""Which words of a user's sentence are a film, a theatre, a date, a time, a number of tickets: slots of dialogue_sim_m.

    python benchmarks/tags.py              five minutes
    python benchmarks/tags.py --develop    the dev dialogues judge, to try things out
    python benchmarks/tags.py --quick      twenty seconds, to see that it works

``lamina.train`` gets the users' sentences as lists of words with a label for each, made of the slots (B- and I-), and
what the system asked before each. The dev dialogues, whose films are not those of the training dialogues, are its valid
rows; or judge with ``--develop``, where every tenth training dialogue takes their place. All of the set's own test
dialogues are judged, by spans as conlleval counts them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from datasets import DATA
from results import append

import lamina
from lamina.evaluation.intervals import bootstrap, interval
from lamina.evaluation.tags import exact, f1, precision, recall, span_counts, words_right

BUDGET = "5min"
INPUTS = ["asked", "said"]


def sentences(name: str) -> pl.DataFrame:
    """What users say in one part of the set, after what they were asked: words, and a label for each."""
    dialogues = json.loads(gzip.decompress((DATA / "dialogue_sim_m" / f"{name}.json.gz").read_bytes()))
    rows = []
    for dialogue in dialogues:
        for turn in dialogue["turns"]:
            if "user_utterance" in turn:
                words, slots = turn["user_utterance"]["tokens"], turn["user_utterance"]["slots"]
                labels = ["O"] * len(words)
                for slot in slots:
                    for place in range(slot["start"], slot["exclusive_end"]):
                        labels[place] = ("B-" if place == slot["start"] else "I-") + slot["slot"]
                asked = turn.get("system_utterance", {}).get("text")
                rows.append((dialogue["dialogue_id"], asked, words, labels))
    return pl.DataFrame(rows, schema=["dialogue", "asked", "said", "slots"], orient="row")


def label(budget: str, *, develop: bool, settings: dict[str, Any]) -> tuple[dict[str, float], float]:
    """Train, and judge the labels of the other dialogues: figures and seconds."""
    learn, valid = sentences("train"), sentences("dev")
    judge = valid if develop else sentences("test")
    if develop:
        names = learn["dialogue"].unique(maintain_order=True).gather_every(10).to_list()
        learn, valid = learn.filter(~pl.col("dialogue").is_in(names)), learn.filter(pl.col("dialogue").is_in(names))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = lamina.train(
            learn, "slots", inputs=INPUTS, features={"slots": {"kind": "tags", "of": "said"}}, valid=valid,
            split__test=0.0, budget=budget, baselines="none", progress=True, out=Path(folder) / "run", **settings,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        said = run.predict(judge.select(INPUTS))["slots"].to_list()
        training = json.loads((run.path / "run.json").read_text())["training"]
        epochs = pl.read_ndjson(run.path / "history.jsonl")["epoch"].max() + 1
    truth = judge["slots"].to_list()
    spans, words = span_counts(truth, said), words_right(truth, said)
    drawn = bootstrap({"network": lambda weights: f1(weights @ spans)[:, None]}, len(judge), seed=0, resamples=1000)
    ends = interval(drawn["network"].value[0], drawn["network"].drawn[:, 0], len(judge))
    figures = {
        "span_f1": ends["value"], "span_f1_low": ends["low"], "span_f1_high": ends["high"],
        "span_precision": precision(spans.sum(axis=0)[None])[0], "span_recall": recall(spans.sum(axis=0)[None])[0],
        "exact": exact(words.sum(axis=0)[None])[0],
        "epochs": epochs, "epoch_seconds": training["seconds"] / epochs, "parameters": training["parameters"],
    }  # fmt: skip
    return {name: round(float(value), 4) for name, value in figures.items()}, seconds


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Slots of users' sentences.")
    parser.add_argument("--develop", action="store_true", help="the dev dialogues judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    budget = "20s" if given.quick else given.budget or BUDGET
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    develop = given.develop or given.quick
    metrics, seconds = label(budget, develop=develop, settings=settings)
    append(
        "tags", metrics, seconds=seconds, trial=develop or bool(given.budget) or bool(settings),
        settings={"budget": budget, "judged by": "dev dialogues" if develop else "test dialogues", **settings},
    )  # fmt: skip


if __name__ == "__main__":
    main()
