"""Rows of a picture, a text, a number and a category: all parts together, beside each part alone.

    python benchmarks/mixed.py              two minutes a way, some ten minutes
    python benchmarks/mixed.py --develop    the last eighth of the training rows judge, to try things out
    python benchmarks/mixed.py --quick      ten seconds a way, to see that it works

The rule. A row belongs to one of eight hidden classes, 0 to 7, which is what is predicted. Each part tells of the class
c through a channel with noise of known strength, and nothing else ties the parts together:

- ``text``: an article of ag_news_small. Its topic is c // 2 in 85 of 100 rows, any of the four at random in the others.
  So it never tells the two classes of a topic apart.
- ``picture``: one of fashion_mnist. It is an article of the kind c in 60 of 100 rows, any of the first eight kinds at
  random in the others.
- ``number``: normal around c % 4, with a deviation of 1.
- ``category``: ``even`` or ``odd`` as c is, in 85 of 100 rows; the other word else.

Every text is in one row, and no picture in two: 5,000 training texts and training pictures make the training rows,
1,000 test texts and test pictures the test rows. The class is drawn from the text's topic by Bayes' rule, the rest from
the class; all of it is a function of one seed. Beside each score stands the ``ceiling``: the accuracy of one who reads
every topic and kind without fail and knows the rule, on the same rows.

All ways have the same budget and test rows. ``gain`` is the accuracy of all parts less that of the best part alone,
with its 95% interval (paired bootstrap over the test rows).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import polars as pl
from answers import Answers, ask_lamina, gains, score
from datasets import Tables, arrays, held_back, split
from results import append

CLASSES, TOPICS = 8, ("World", "Sports", "Business", "Sci/Tech")
TEXT, PICTURE, CATEGORY, DEVIATION = 0.85, 0.6, 0.85, 1.0
PARTS = ("picture", "text", "number", "category")
FEATURES = {"picture": "image", "text": "text", "number": "number", "category": "category"}
BUDGET = "2min"
SEED = 0


def rows() -> Tables:
    """Training rows and test rows, with what each part truly shows as ``topic`` and ``kind``."""
    pictures, texts = (
        arrays("fashion_mnist", "train", "test")(),
        split("ag_news_small/ag_news_small.csv.gz", "label", "text")(),
    )
    made = [
        _made(picture, text, np.random.default_rng([SEED, place]))
        for place, (picture, text) in enumerate(zip(pictures, texts, strict=True))
    ]
    return made[0], made[1]


def _made(pictures: pl.DataFrame, texts: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    """One row a text, by the rule."""
    count = len(texts)
    topic = np.array([TOPICS.index(label) for label in texts["label"]])
    is_told = generator.random(count) < TEXT + (1 - TEXT) / len(TOPICS)
    other = (topic + generator.integers(1, len(TOPICS), count)) % len(TOPICS)
    hidden = 2 * np.where(is_told, topic, other) + generator.integers(0, 2, count)  # (count,)
    kind = np.where(generator.random(count) < PICTURE, hidden, generator.integers(0, CLASSES, count))
    is_turned = generator.random(count) >= CATEGORY
    return pl.DataFrame(
        {
            "picture": pictures["image"].gather(_one_each(pictures["label"], kind, generator)),
            "text": texts["text"],
            "number": hidden % 4 + DEVIATION * generator.normal(size=count),
            "category": np.where((hidden % 2 == 1) ^ is_turned, "odd", "even"),
            "class": [f"class {one}" for one in hidden],
            "topic": topic,
            "kind": kind,
        }
    )


def _one_each(labels: pl.Series, wanted: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Places of pictures of the wanted kinds, none twice: (n,) -> (n,)."""
    found, kinds = np.empty(len(wanted), np.int64), labels.cast(pl.Int64).to_numpy()
    for kind in np.unique(wanted):
        asked = np.flatnonzero(wanted == kind)
        found[asked] = generator.permutation(np.flatnonzero(kinds == kind))[: len(asked)]
    return found


def ceilings(judge: pl.DataFrame) -> dict[str, float]:
    """The accuracy of one who knows the rule and what each part shows, by each part alone and by all."""
    classes = np.arange(CLASSES)
    topic, kind, number = (judge[name].to_numpy()[:, None] for name in ("topic", "kind", "number"))
    odd = (judge["category"] == "odd").to_numpy()[:, None]
    likely = {  # (n, classes), of each part
        "picture": PICTURE * (kind == classes) + (1 - PICTURE) / CLASSES,
        "text": TEXT * (topic == classes // 2) + (1 - TEXT) / len(TOPICS),
        "number": np.exp(-0.5 * ((number - classes % 4) / DEVIATION) ** 2),
        "category": np.where(odd == (classes % 2 == 1), CATEGORY, 1 - CATEGORY),
    }
    likely["all"] = np.prod(list(likely.values()), axis=0)
    truth = judge["class"].str.slice(-1).cast(pl.Int64).to_numpy()
    # Where several classes are equally likely, each is named equally often.
    best = {name: value >= value.max(1, keepdims=True) * (1 - 1e-12) for name, value in likely.items()}
    shares = {name: one[np.arange(len(truth)), truth] / one.sum(1) for name, one in best.items()}
    return {f"{name}_ceiling": float(share.mean()) for name, share in shares.items()}


def measure(budget: str, *, develop: bool) -> None:
    """Learn from all parts and from each alone, and write down how good each is."""
    learn, judge = rows()
    if develop:
        learn, judge = held_back(learn, "class")
    truth = judge["class"].to_numpy()
    answers: dict[str, Answers] = {}
    for name, parts in {"all": PARTS, **{part: (part,) for part in PARTS}}.items():
        kept: list[Any] = [*parts, "class"]
        features = {part: FEATURES[part] for part in parts}
        answers[name] = ask_lamina(learn.select(kept), judge.select(kept), "class", budget, features=features)
    accuracy = {name: score(("accuracy",), truth, answer)["accuracy"] for name, answer in answers.items()}
    best = max(PARTS, key=accuracy.__getitem__)
    gain = gains(("accuracy",), truth, answers["all"], answers[best])
    metrics = {f"{name}_accuracy": value for name, value in accuracy.items()} | ceilings(judge)
    metrics |= {name.removeprefix("accuracy_"): value for name, value in gain.items()}
    append(
        "mixed", metrics, seconds=sum(answer.seconds for answer in answers.values()),
        trial=develop or budget != BUDGET,
        settings={
            "budget": budget, "judged by": "held-back training rows" if develop else "test rows",
            "training rows": len(learn), "rows": len(judge), "best part": best,
        },
    )  # fmt: skip


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="All parts of mixed rows beside each part alone.")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds a way; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    given = parser.parse_args()
    measure("10s" if given.quick else given.budget or BUDGET, develop=given.develop or given.quick)


if __name__ == "__main__":
    main()
