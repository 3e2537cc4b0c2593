"""English captions in German, from nothing but multi30k's 29,000 pairs.

    python benchmarks/translation.py              an hour for the Transformer, and one for the LSTM beside it
    python benchmarks/translation.py transformer  one of them
    python benchmarks/translation.py --french     into French
    python benchmarks/translation.py --epoch      what an epoch of either costs, where both are of equal size
    python benchmarks/translation.py --develop    multi30k's valid rows judge, to try things out
    python benchmarks/translation.py --quick      twenty seconds, to see that it works

``lamina.train`` gets the pairs as a table with two text columns; multi30k's valid rows are its valid rows, or judge
with ``--develop``, where a thirtieth of the training rows takes their place. Test 2016 is judged by sacrebleu, with its
own tokens and letter case, on every row.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from datasets import DATA
from results import append
from sacrebleu.metrics import BLEU, CHRF

import lamina

BUDGET = "60min"
TOKENS = {"kind": "text", "tokens": "pieces", "lower": False}
_TO_THE_END = {"train__schedule": "cosine", "train__patience": 0}
_LAYERS = {"name": "transformer", "depth": 3, "hidden": 2.0, "dropout": 0.2}
NETWORKS: dict[str, dict[str, Any]] = {
    "transformer": {
        "model__text": _LAYERS,
        "model__decoder": _LAYERS,
        "train__learning_rate": 0.003,
        **_TO_THE_END,
    },
    "lstm": {
        "model__text": {"name": "lstm", "width": 256},
        "model__decoder": {"name": "lstm", "width": 256},
        **_TO_THE_END,
    },
}

# With as many weights as the Transformer has, some three millions. By seconds, so that each runs in its fastest way; by
# turns, so that other work slows down both.
EVEN = {"lstm": {"model__text": {"name": "lstm", "width": 144}, "model__decoder": {"name": "lstm", "width": 144}}}
ROUNDS, SHORT = 2, "60s"


def pairs(name: str, language: str) -> pl.DataFrame:
    """One part of multi30k."""
    table = pl.read_csv(DATA / "multi30k" / f"{name}.csv.gz")
    return table.select(english="en", **{language: {"german": "de", "french": "fr"}[language]})


def translate(network: str, language: str, budget: str, *, develop: bool, settings: dict[str, Any]) -> dict[str, Any]:
    """Train one network, and judge what it writes."""
    learn, valid = pairs("train", language), pairs("val", language)
    judge = valid if develop else pairs("test_2016_flickr", language)
    parts = {"split__valid": 1 / 30, "split__test": 0.0} if develop else {"valid": valid, "split__test": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = lamina.train(
            learn, language, features={"english": TOKENS, language: TOKENS}, budget=budget, baselines="none",
            progress=True, out=Path(folder) / "run", **parts, **NETWORKS[network] | settings,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        said = run.predict(judge.select("english"))[language].to_list()
        training = json.loads((run.path / "run.json").read_text())["training"]
        epochs = pl.read_ndjson(run.path / "history.jsonl")["epoch"].max() + 1
    truth = [judge[language].to_list()]
    return {
        "bleu": BLEU().corpus_score(said, truth).score,
        "chrf": CHRF().corpus_score(said, truth).score,
        "epoch_seconds": training["seconds"] / epochs,
        "step_seconds": training["seconds"] / training["networks"][0]["step"],
        "parameters": training["parameters"],
        "seconds": seconds,
    }


def epochs(language: str) -> None:
    """Write down the seconds of a step of either network, of equal size, the least of some rounds; an epoch has as many
    of either."""
    began, metrics = time.perf_counter(), dict[str, float]()
    for _ in range(ROUNDS):
        for network in NETWORKS:
            found = translate(network, language, SHORT, develop=True, settings=EVEN.get(network, {}))
            least = min(metrics.get(f"{network}_seconds", math.inf), found["step_seconds"])
            metrics |= {f"{network}_seconds": round(least, 4), f"{network}_parameters": found["parameters"]}
    metrics["epoch_to_lstm"] = round(metrics["transformer_seconds"] / metrics["lstm_seconds"], 4)
    append("translation_epoch", metrics, seconds=time.perf_counter() - began, settings={"rounds": ROUNDS})


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="English captions in German or French.")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}; all if none")
    parser.add_argument("--french", action="store_true")
    parser.add_argument("--epoch", action="store_true", help="time an epoch of either")
    parser.add_argument("--develop", action="store_true", help="the valid rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds each; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    budget = "20s" if given.quick else given.budget or BUDGET
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    language, develop = "french" if given.french else "german", given.develop or given.quick
    if given.epoch:
        epochs(language)
        return
    for network in given.networks or NETWORKS:
        if network not in NETWORKS:
            parser.error(f"no such network · got {network} · allowed: {', '.join(NETWORKS)}")
        found = translate(network, language, budget, develop=develop, settings=settings)
        seconds = found.pop("seconds")
        append(
            f"translation_{language}_{network}", {name: round(float(value), 4) for name, value in found.items()},
            seconds=seconds, trial=develop or bool(given.budget) or bool(settings),
            settings={"budget": budget, "judged by": "valid rows" if develop else "test 2016", **settings},
        )  # fmt: skip


if __name__ == "__main__":
    main()
