"""Where a passage answers a question: 16 articles of SQuAD 2.0 teach, 32 others judge, from nothing but these.

    python benchmarks/questions.py              ten minutes
    python benchmarks/questions.py --every      learn from questions without an answer, too
    python benchmarks/questions.py --develop    four of the 16 articles judge, to try things out
    python benchmarks/questions.py --quick      twenty seconds, to see that it works

``lamina.train`` gets a table of passages, questions and answers; whole articles choose when to stop. Every question
that judges has an answer, so those that have one teach, and one is always named. Beside it stands the window of the
passage, or its sentence, that is most like the question, by TF-IDF, tuned on the training rows.
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

BUDGET = "10min"
TRAIN, TEST = "train_squad2_dev_half", "test_xquad_en"
ARTICLES = 4  # every fourth one judges while developing
SYSTEMS = ("network", "window", "constant")
SCORES = {"f1": "token_f1", "exact": "exact_match"}


def questions(name: str) -> pl.DataFrame:
    """The questions of one file, each with its passage, all answers that count, and the title of the article."""
    with gzip.open(DATA / "qa_squad" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        paragraphs = [json.loads(line) for line in file]
    return pl.DataFrame(
        [
            {
                "title": one["title"],
                "passage": one["context"],
                "question": asked["question"],
                "answer": asked["answers"],
            }
            for one in paragraphs
            for asked in one["qas"]
        ],
        infer_schema_length=None,
    )


def measure(learn: pl.DataFrame, judge: pl.DataFrame, budget: str, **settings: Any) -> dict[str, float]:
    """Train, and score the network and its baselines on all rows that judge."""
    with tempfile.TemporaryDirectory() as folder:
        run = lamina.train(
            learn, "answer", test=judge, features={"answer": {"of": "passage"}}, inputs=["passage", "question"],
            split__group="title", budget=budget, progress=True, out=Path(folder) / "run", task__must_answer=True,
            **settings,
        )  # fmt: skip
        document = run.results["answer"]
        training = json.loads((run.path / "run.json").read_text())["training"]
    systems = document["systems"]
    gain = systems["window"]["difference"]
    figures = {
        f"{system}_{short}": systems[system]["scores"][name]["value"]
        for system in SYSTEMS
        for short, name in SCORES.items()
    }
    figures |= {f"network_f1_{end}": systems["network"]["scores"]["token_f1"][end] for end in ("low", "high")}
    return figures | {
        "gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"], "rows": document["rows"],
        "parameters": training["parameters"],
    }  # fmt: skip


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Answers found in passages.")
    parser.add_argument("--every", action="store_true", help="questions without an answer teach, too")
    parser.add_argument("--develop", action="store_true", help="held-back training articles judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    develop = given.develop or given.quick
    budget = "20s" if given.quick else given.budget or BUDGET
    learn = questions(TRAIN)
    if develop:
        held = learn["title"].unique().sort().gather_every(ARTICLES).implode()
        learn, judge = learn.filter(~pl.col("title").is_in(held)), learn.filter(pl.col("title").is_in(held))
        judge = judge.filter(pl.col("answer").list.len() > 0)
    else:
        judge = questions(TEST)
    if not given.every:
        learn = learn.filter(pl.col("answer").list.len() > 0)
    start = time.perf_counter()
    figures = measure(learn, judge, budget, seed=given.seed)
    append(
        "questions", figures, seconds=time.perf_counter() - start,
        trial=develop or given.every or budget != BUDGET or given.seed != 0,
        settings={
            "budget": budget, "judged by": "held-back training articles" if develop else "xquad, English",
            "training rows": len(learn), "with an answer alone": not given.every, "seed": given.seed,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
