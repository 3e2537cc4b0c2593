"""Which words of a user's sentence are a film, a theatre, a date, a time, a number of tickets: slots of dialogue_sim_m.

    python benchmarks/tags.py              five minutes
    python benchmarks/tags.py --develop    dialogues about other films judge, to try things out
    python benchmarks/tags.py --quick      twenty seconds, to see that it works

``lamina.train`` gets the users' sentences as lists of words with a label for each, made of the slots (B- and I-), and
what the system asked before each. The dev dialogues, whose films are not those of the training dialogues, are its valid
rows. All of the set's own test dialogues are judged, by spans as conlleval counts them.

Dev has five new films, most of its rows two, and is kinder than the test. So ``--develop`` deals the films of training
and dev into four parts by how frequent they are: dialogues about those of one part judge, and some about another's are
the valid rows. No film that judges is in what teaches.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
from datasets import DATA
from results import append

import lamina
from lamina.evaluation.intervals import bootstrap, interval
from lamina.evaluation.tags import exact, f1, precision, recall, span_counts, words_right
from lamina.features.tags import spans_of

BUDGET = "5min"
INPUTS = ["asked", "said"]
PARTS = 4  # of the films


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


def by_films(part: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Training and dev dialogues, dealt by their films: those that teach, the valid ones, and those that judge."""
    rows = pl.concat([sentences(name).with_columns(pl.col("dialogue") + f" {name}") for name in ("train", "dev")])
    films: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for dialogue, words, labels in rows.select("dialogue", "said", "slots").iter_rows():
        said = [" ".join(words[span.first : span.end]) for span in spans_of(labels) if span.kind == "movie"]
        films.setdefault(dialogue, set()).update(said)
        counts.update(said)
    order = [film for film, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    dealt = [*range(PARTS), *reversed(range(PARTS))]  # and back again, so that parts are of like size
    parts: list[list[str]] = [[] for _ in range(PARTS)]
    for place, film in enumerate(order):
        parts[dealt[place % len(dealt)]].append(film)
    judging, valid = set(parts[part]), set(parts[(part + 1) % PARTS][1:])
    kinds = {}
    for dialogue, found in films.items():
        if not found & (judging | valid):
            kinds[dialogue] = "learn"
        elif found <= judging or found <= valid:
            kinds[dialogue] = "judge" if found <= judging else "valid"
    kind = pl.col("dialogue").replace_strict(kinds, default=None)  # dialogues about films of both sides are in none
    return rows.filter(kind == "learn"), rows.filter(kind == "valid"), rows.filter(kind == "judge")


def label(budget: str, *, part: int | None, settings: dict[str, Any]) -> tuple[dict[str, float], float]:
    """Train, and judge the labels of the other dialogues: figures and seconds."""
    if part is None:
        learn, valid, judge = (sentences(name) for name in ("train", "dev", "test"))
    else:
        learn, valid, judge = by_films(part)
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
    parser.add_argument("--develop", action="store_true", help="dialogues about other films judge; against no bar")
    parser.add_argument("--part", type=int, choices=range(PARTS), default=1, help="whose films judge then")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    budget = "20s" if given.quick else given.budget or BUDGET
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    develop = given.develop or given.quick
    metrics, seconds = label(budget, part=given.part if develop else None, settings=settings)
    judged = f"films of part {given.part}" if develop else "test dialogues"
    append(
        "tags", metrics, seconds=seconds, trial=develop or bool(given.budget) or bool(settings),
        settings={"budget": budget, "judged by": judged, **settings},
    )  # fmt: skip


if __name__ == "__main__":
    main()
