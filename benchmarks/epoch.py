"""Seconds of an epoch of a small network: Lamina beside a loop written by hand, in one process.

    python benchmarks/epoch.py                     ten rounds, some two minutes
    python benchmarks/epoch.py --quick             to see that it works

The network is 105-256-256-1, the data adult's training rows as numbers (``net.py``), the batch 256, the optimiser
AdamW, all in float32 and on one number of threads: that at which the hand-written loop is fastest. Lamina trains by
``lamina.train`` with its defaults: gradients are clipped and checked, weights averaged, the order of rows is a function
of the seed. Only dropout is off and no rows are held back, as the hand-written loop has neither. Lamina's epochs are
timed by the history that it leaves. Rounds go through all orders of the loops; a ratio is the median of the rounds'.

``--lamina DATA.npz`` times Lamina alone on saved arrays and prints one JSON line, as the peers' scripts do.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from net import BATCH, RATE, WIDTHS, adult_arrays, hand_epochs, load_arrays
from results import append

import lamina

SETTINGS: dict[str, Any] = {
    "model": "mlp",
    "model__width": WIDTHS[1],
    "model__depth": len(WIDTHS) - 2,
    "model__dropout": 0.0,
    "train__batch_size": BATCH,
    "train__learning_rate": RATE,
    "train__precision": "float32",
    "split__valid": 0.0,
    "split__test": 0.0,
    "baselines": "none",
}


def lamina_epochs(x: np.ndarray, y: np.ndarray, count: int, threads: int, seed: int) -> list[float]:
    """Seconds of each of ``count`` epochs, from the end of one to the end of the next: one more is trained, unseen."""
    names = [f"x{place:03}" for place in range(x.shape[1])]
    table = pl.DataFrame(x, schema=names).with_columns(pl.Series("y", y.astype(bool)))
    plain = {"kind": "number", "scaling": "none", "codes": False}
    with tempfile.TemporaryDirectory() as folder:
        lamina.train(
            table, "y", features=dict.fromkeys(names, plain), budget=f"{count + 1}epochs", seed=seed,
            train__threads=threads, out=Path(folder) / "run", **SETTINGS,
        )  # fmt: skip
        lines = (Path(folder) / "run" / "history.jsonl").read_text().splitlines()
        run = json.loads((Path(folder) / "run" / "run.json").read_text())
    _check(run, len(x))
    moments = [json.loads(line)["time"] for line in lines]
    return [after - before for before, after in itertools.pairwise(moments)]


def _check(run: dict[str, Any], rows: int) -> None:
    """What was timed is what is meant: this network, on all rows."""
    parameters = sum((width + 1) * following for width, following in itertools.pairwise(WIDTHS))
    assert run["training"]["parameters"] == parameters, run["training"]["parameters"]
    assert run["rows"]["train"] == rows, run["rows"]


def best_threads(x: np.ndarray, y: np.ndarray) -> int:
    """One thread, or as many as there are: what is faster for the hand-written loop."""
    found = {}
    for threads in {1, torch.get_num_threads()}:
        torch.set_num_threads(threads)
        found[threads] = min(itertools.islice(hand_epochs(x, y, fused=True, seed=0), 4))
    return min(found, key=found.__getitem__)


def compare(x: np.ndarray, y: np.ndarray, rounds: int, count: int, threads: int) -> dict[str, list[float]]:
    """Median seconds of an epoch in each round: loop -> (rounds,)."""
    hands = {name: hand_epochs(x, y, fused=name == "fused", seed=0) for name in ("fused", "unfused")}
    found: dict[str, list[float]] = {name: [] for name in ("lamina", *hands)}
    for place in range(rounds):
        # Each loop comes first, second and last equally often, so that a machine that slows down does so for all.
        orders = list(itertools.permutations(found))
        for name in orders[place % len(orders)]:
            torch.set_num_threads(threads)
            if name == "lamina":
                times = lamina_epochs(x, y, count, threads, seed=place)
            else:
                times = list(itertools.islice(hands[name], count + 1))[1:]
            found[name].append(statistics.median(times))
    return found


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def main() -> None:
    """Compare with the loops by hand, or time Lamina alone."""
    parser = argparse.ArgumentParser(description="Seconds of an epoch of a small network.")
    parser.add_argument("--rounds", type=int, default=12, help="a multiple of 6 balances the order (default 12)")
    parser.add_argument("--epochs", type=int, default=10, help="timed epochs in a round (default 10)")
    parser.add_argument("--threads", type=int, help="default: what is fastest for the hand-written loop")
    parser.add_argument("--quick", action="store_true", help="one round of two epochs; held against no bar")
    parser.add_argument("--lamina", type=Path, metavar="DATA.npz", help="time Lamina alone on these arrays")
    arguments = parser.parse_args()
    x, y = adult_arrays() if arguments.lamina is None else load_arrays(arguments.lamina)
    threads = arguments.threads or best_threads(x, y)
    if arguments.lamina is not None:
        times = lamina_epochs(x, y, arguments.epochs, threads, seed=0)
        print(json.dumps({"peer": "lamina", "seconds": statistics.median(times), "epochs": times, "threads": threads}))
        return
    rounds, count = (1, 2) if arguments.quick else (arguments.rounds, arguments.epochs)
    start = time.perf_counter()
    found = compare(x, y, rounds, count, threads)
    metrics = {f"{name}_seconds": statistics.median(times) for name, times in found.items()}
    metrics |= {f"to_{name}": ratio(found["lamina"], found[name]) for name in ("fused", "unfused")}
    append(
        "epoch", metrics, seconds=time.perf_counter() - start, trial=arguments.quick, rounds=found,
        settings={**SETTINGS, "threads": threads, "epochs a round": count},
    )  # fmt: skip


if __name__ == "__main__":
    main()
