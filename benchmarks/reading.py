"""Questions of six kinds, by networks that have read texts without labels first.

    python benchmarks/reading.py              twenty minutes
    python benchmarks/reading.py --develop    the last eighth of the training rows judge, to try things out
    python benchmarks/reading.py --quick      ten seconds a training, to see that it works

``lamina.pretrain`` guesses hidden words in the sentences of the staged English sets, of their training rows alone, and
in trec's training questions. ``lamina.train`` then learns trec's labels from there. A sentence that says what a judging
row says, but for marks and capitals, is left out, so that no network has read a row that judges.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from answers import Answers, ask_lamina, score
from datasets import DATA, SETS, held_back
from results import append

import lamina

READING, TRAINING = "12min", "7min"
LEAST = 3  # words of a sentence; shorter ones leave nothing to guess from
TABLES = {  # files with a column of texts -> it, and the parts that teach
    "ag_news_small/ag_news_small.csv.gz": ("text", ("train",)),
    "clinc150/clinc150_full.csv.gz": ("text", ("train", "val", "oos_train", "oos_val")),
    "sst/sst5.csv.gz": ("text", ("train", "dev")),
    "multi30k/train.csv.gz": ("en", None),
}

# Chosen on held-back training rows.
NETWORK: dict[str, Any] = {"model__text": {"name": "textcnn"}}
RATE: dict[str, Any] = {"train__learning_rate": 0.002}
AFTER: dict[str, Any] = {"weights__rate": 1.0, "weights__rate_decay": 1.0, "train__companions": ["gru", "bag"]}


def sentences() -> Iterator[str]:
    """What the other sets say, sentence by sentence."""
    for path, (column, parts) in TABLES.items():
        table = pl.read_csv(DATA / path, infer_schema=False)
        for text in (table if parts is None else table.filter(pl.col("split").is_in(parts)))[column]:
            yield from apart(text)
    for paragraph in _lines("qa_squad/train_squad2_dev_half.jsonl.gz"):
        yield from apart(paragraph["context"])
        yield from (asked["question"] for asked in paragraph["qas"])
    for paper in _lines("scitldr/train.jsonl.gz"):
        yield from paper["source"]


def _lines(path: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def apart(text: str) -> list[str]:
    """The sentences of a text.

    Example:
        >>> apart("It rains. Does it?")
        ['It rains.', 'Does it?']
    """
    return re.split(r"(?<=[.!?])\s+", text)


def unlabelled(own: Iterable[str], judging: Iterable[str]) -> pl.DataFrame:
    """What there is to read: the sentences of the other sets and the set's own texts, and nothing that judges."""
    kept = {plain(text) for text in judging}
    texts = [text for text in [*sentences(), *own] if len(text.split()) >= LEAST and plain(text) not in kept]
    return pl.DataFrame({"text": texts})


def plain(text: str) -> str:
    """A text's letters and digits, by which two of them are held to be the same.

    Example:
        >>> plain("What is  a Caldera ?") == plain("what is a caldera?")
        True
    """
    return " ".join(re.findall(r"\w+", text.casefold()))


def read_first(learn: pl.DataFrame, judge: pl.DataFrame, target: str, reading: str, training: str) -> Answers:
    """Read, then learn, then answer."""
    texts = unlabelled(learn["text"], judge["text"])
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "read"
        lamina.pretrain(
            texts, features={"text": "text"}, budget=reading, seed=0, progress=True, out=weights, **NETWORK, **RATE
        )  # fmt: skip
        seconds = time.perf_counter() - start
        answers = ask_lamina(learn, judge, target, training, features={"text": "text"}, weights=weights, **AFTER)
    answers.document.update({"texts without labels": len(texts), "seconds of reading": round(seconds, 1)})
    return answers


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description="Questions of six kinds, after reading texts without labels.")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds a training; held against no bar")
    given = parser.parse_args()
    data, develop = SETS["trec"], given.develop or given.quick
    learn, judge = data.load()
    if develop:
        learn, judge = held_back(learn, data.target)
    reading, training = ("10s", "10s") if given.quick else (READING, TRAINING)
    start = time.perf_counter()
    answers = read_first(learn, judge, data.target, reading, training)
    append(
        "trec_reading", score(data.metrics, judge[data.target].to_numpy(), answers),
        seconds=time.perf_counter() - start, trial=develop,
        settings={
            "reading": reading, "training": training,
            "judged by": "held-back training rows" if develop else "test rows", **answers.document,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
