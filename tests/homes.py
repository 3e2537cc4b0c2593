"""Passages that say who lives where, and questions that they answer, or not."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["homes"]

NAMES, TOWNS = ["Ann", "Bob", "Carl", "Dora", "Emil"], ["Rome", "Oslo", "New York", "Lima", "Bonn"]


def homes(rows: int = 200, seed: int = 0) -> pl.DataFrame:
    """Who lives where, and a question for which one row in four has no answer."""
    draw = np.random.default_rng(seed)
    found = []
    for row in range(rows):
        who, where = draw.permutation(NAMES)[:3], draw.permutation(TOWNS)[:3]
        text = " ".join(f"{name} lives in {town} now." for name, town in zip(who, where, strict=True))
        place = row % 4
        parts = [{"text": where[place], "answer_start": text.index(where[place])}] if place < 3 else []
        name = who[place] if place < 3 else "Zoe"
        found.append({"passage": text, "question": f"Where does {name} live, row {row}?", "answer": parts})
    return pl.DataFrame(found)
