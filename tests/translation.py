"""A small language, its translation, and networks that learn it within a second or two."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

import lamina

ENGLISH = ["the", "a", "red", "old", "sees", "hears", "dog", "cat", "bird"]
GERMAN = dict(zip(ENGLISH, ["der", "ein", "rote", "alte", "sieht", "hört", "Hund", "Kater", "Vogel"], strict=True))


def sentences(rows: int = 90, seed: int = 0) -> pl.DataFrame:
    """English and German, word by word."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        words = [draw.choice(list(part)) for part in (("the", "a"), ("red", "old"), ("dog", "cat", "bird"))]
        words += [draw.choice(["sees", "hears"]), "the", draw.choice(["dog", "cat", "bird"])]
        if draw.random() < 0.4:
            del words[1]
        found.append((" ".join(words), " ".join(GERMAN[word] for word in words)))
    return pl.DataFrame(found, schema=["english", "german"], orient="row")


def writing(encoder: str = "gru", decoder: str | dict[str, Any] = "transformer", width: int = 16) -> dict[str, Any]:
    """The model section of a plan: a tiny network for each kind of column, and a tiny decoder."""
    return {
        "name": "encoder_decoder",
        "width": width,
        "image": {"name": "cnn", "width": 4, "depth": 2},
        "frames": {"name": "gru", "width": 8},
        "text": _tiny(encoder, width),
        "decoder": _tiny(decoder, width) if isinstance(decoder, str) else decoder,
    }


def _tiny(name: str, width: int) -> dict[str, Any]:
    return {"name": name, "width": width, **({"depth": 1, "heads": 2} if name == "transformer" else {})}


def fit(out: Any, data: Any = None, target: str = "german", features: Any = None, **settings: Any) -> lamina.Run:
    """Train on one thread for as long as it takes to see that it does."""
    features = {
        target: {"kind": "text", "vocabulary": 340},
        **({"english": "text"} if data is None else features or {}),
    }
    quick = {"budget": "3steps", "train__tensorboard": False, "train__threads": 1, "evaluate__resamples": 10}
    settings = quick | {"baselines": "none", "task": {"how": "greedy", "longest": 40}} | settings
    settings.setdefault("plan", {"model": writing()})
    return lamina.train(sentences() if data is None else data, target, features=features, out=out, **settings)
