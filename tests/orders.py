"""Sentences whose words have labels: where to, when, and how many."""

from __future__ import annotations

import numpy as np
import polars as pl

CITIES = ["rome", "new york", "oslo", "los angeles", "lima", "cape town"]


def orders(rows: int, seed: int = 0) -> pl.DataFrame:
    """A table of ``said``, words with blanks between them, and ``slots``, a label for each."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        parts = [("i need", ""), (str(random.integers(2, 9)), "count"), ("tickets to", "")]
        parts += [(str(random.choice(CITIES)), "place")]
        parts += [("at", ""), (f"{random.integers(1, 13)} pm", "time")] if random.random() < 0.6 else []
        if random.random() < 0.3:
            parts = parts[3:]
        words, labels = [], []
        for text, kind in parts:
            for place, word in enumerate(text.split()):
                words.append(word)
                labels.append(f"{'I' if place else 'B'}-{kind}" if kind else "O")
        found.append((" ".join(words), " ".join(labels)))
    return pl.DataFrame(found, schema=["said", "slots"], orient="row")
