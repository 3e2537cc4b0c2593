"""Seconds of an epoch over pictures and over texts: Lamina beside plain PyTorch with a DataLoader and two workers.

    python benchmarks/perception_epoch.py             three rounds, some fifteen minutes
    python benchmarks/perception_epoch.py --quick     a sixteenth of the rows once, to see that it works

Pictures: a ResNet-20 over 20,000 training pictures of fashion_mnist, in batches of 128, each cropped and mirrored anew.
Texts: a Transformer of two layers of width 128 over the 6,920 training sentences of sst, in batches of 64, cut into
words. Both train the same network with AdamW, of as many weights (checked); the plain scripts are
``peers/plain_pictures.py`` and ``peers/plain_texts.py``, which read, cut and augment row by row in their workers.

Lamina trains by ``lamina.train`` with its defaults: gradients are clipped and checked, weights averaged. No rows are
held back, and pictures meet no dropout and are not erased, as in the plain scripts. Its epochs are timed by the history
that it leaves. It has decoded and cut once, before the first epoch; that time is ``before_seconds``.

Each loop runs in a process of its own, on as many threads as there are cores. Rounds turn the order; a ratio is the
median of the rounds'. ``float32`` holds for both. ``bfloat16`` is Lamina's beside the plain script in float32.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from datasets import arrays, split
from results import ROOT, append

import lamina

PEERS = ROOT / "benchmarks" / "peers"
ROWS = 20_000  # pictures of an epoch
WAYS = ("plain", "float32", "bfloat16")
MODELS: dict[str, dict[str, Any]] = {
    "pictures": {
        "model__image": {"name": "resnet20", "dropout": 0.0},
        "augment__image": {"crop": 4 / 28, "flip": "horizontal", "erase": 0.0},
        "train__batch_size": 128,
    },
    "texts": {
        "model__text": {"name": "transformer", "width": 128, "depth": 2, "heads": 4, "hidden": 4.0, "dropout": 0.1},
        "features": {"text": {"kind": "text", "tokens": "words"}},
        "train__batch_size": 64,
    },
}  # what the plain scripts have as well
PLAIN = {
    "pictures": ("plain_pictures.py", "--network", "resnet20", "--batch", "128"),
    "texts": ("plain_texts.py", "--batch", "64"),
}


def tables(every: int) -> dict[str, pl.DataFrame]:
    """The training rows, every so many of them."""
    pictures = arrays("fashion_mnist", "train", "test")()[0]
    some = np.sort(np.random.default_rng(0).permutation(len(pictures))[:ROWS])
    texts = split("sst/sst2.csv.gz", "label", "text")()[0]
    return {"pictures": pictures[some].gather_every(every), "texts": texts.gather_every(every)}


def save(kind: str, table: pl.DataFrame, folder: Path) -> Path:
    """Write rows for a program that knows nothing of Lamina."""
    labels = table["label"].cast(pl.Int64)
    if kind == "pictures":
        np.savez(folder / "rows.npz", images=table["image"].to_numpy().astype(np.uint8), labels=labels.to_numpy())
        return folder / "rows.npz"
    (folder / "rows.json").write_text(json.dumps({"texts": table["text"].to_list(), "labels": labels.to_list()}))
    return folder / "rows.json"


def plain_epochs(kind: str, data: Path, count: int) -> dict[str, Any]:
    """Epochs of the plain script, in seconds, and how many weights it has."""
    script, *options = PLAIN[kind]
    return _told([str(PEERS / script), str(data), *options, "--epochs", str(count)])


def lamina_epochs(kind: str, precision: str, count: int, every: int) -> dict[str, Any]:
    """The same of Lamina."""
    own = [str(Path(__file__)), "--lamina", kind, precision, "--epochs", str(count), "--every", str(every)]
    return _told(own)


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed · got {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def tell_lamina(kind: str, precision: str, count: int, every: int) -> None:
    """Train ``count`` epochs and one before them, and print the JSON line that the plain scripts print."""
    settings = dict(MODELS[kind])
    features = {"label": "category", **settings.pop("features", {})}
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        run = lamina.train(
            tables(every)[kind], "label", features=features, model="mixed", budget=f"{count + 1}epochs",
            split__valid=0.0, split__test=0.0, baselines="none", train__learning_rate=1e-3,
            train__precision=precision, out=Path(folder) / "run", **settings,
        )  # fmt: skip
        moments = [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]
        parameters = json.loads((run.path / "run.json").read_text())["training"]["parameters"]
    before = moments[0]["time"] - moments[0]["seconds"] - began
    times = [after["time"] - first["time"] for first, after in itertools.pairwise(moments)]
    print(json.dumps({"epochs": times, "parameters": parameters, "before": before}))


def compare(kind: str, rounds: int, count: int, every: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Median seconds of an epoch in each round, way -> (rounds,); and figures beside them."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    told: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = save(kind, tables(every)[kind], Path(folder))
        for place in range(rounds):
            orders = list(itertools.permutations(WAYS))
            for way in orders[place % len(orders)]:
                told[way] = (
                    plain_epochs(kind, data, count) if way == "plain" else lamina_epochs(kind, way, count, every)
                )  # fmt: skip
                found[way].append(statistics.median(told[way]["epochs"]))
    _check(told)
    return found, {"before_seconds": told["float32"]["before"]}


def _check(told: Mapping[str, Mapping[str, Any]]) -> None:
    """Both have the same network; Lamina's has a vector for missing cells beside it."""
    ours, theirs = told["float32"]["parameters"], told["plain"]["parameters"]
    assert abs(ours - theirs) <= 0.01 * theirs, (ours, theirs)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def main() -> None:
    """Compare with the plain scripts, or time Lamina alone."""
    parser = argparse.ArgumentParser(description="Seconds of an epoch over pictures and texts.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(MODELS)}; all if none")
    parser.add_argument("--rounds", type=int, default=3, help="a multiple of 6 balances the order (default 3)")
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs in a round (default 2)")
    parser.add_argument("--quick", action="store_true", help="one round of a sixteenth; held against no bar")
    parser.add_argument("--every", type=int, default=1, help="every so many rows alone; held against no bar")
    parser.add_argument("--lamina", nargs=2, metavar=("KIND", "PRECISION"), help="time Lamina alone")
    given = parser.parse_args()
    if given.lamina:
        kind, precision = given.lamina
        tell_lamina(kind, precision, given.epochs, given.every)
        return
    for kind in given.kinds:
        if kind not in MODELS:
            parser.error(f"no such kind · got {kind} · allowed: {', '.join(MODELS)}")
    rounds, every = (1, 16) if given.quick else (given.rounds, given.every)
    for kind in given.kinds or MODELS:
        start = time.perf_counter()
        found, metrics = compare(kind, rounds, given.epochs, every)
        metrics |= {f"{way}_seconds": statistics.median(times) for way, times in found.items()}
        metrics |= {way: ratio(found[way], found["plain"]) for way in WAYS[1:]}
        append(
            f"{kind}_epoch", metrics, seconds=time.perf_counter() - start, trial=given.quick or every > 1,
            rounds=found, settings={"rounds": rounds, "epochs a round": given.epochs, "every": every},
        )  # fmt: skip


if __name__ == "__main__":
    main()
