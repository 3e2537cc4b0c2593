"""The small network of the speed benchmarks, its data, and the loop that a good engineer would write for it by hand.

    python benchmarks/net.py DATA.npz    times that loop in a process of its own, without Lamina

It prints one JSON line, as the peers' scripts do.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch
from peers.common import BATCH, RATE, WIDTHS
from results import ROOT
from torch import nn

__all__ = ["BATCH", "RATE", "WIDTHS", "adult_arrays", "hand_epochs", "load_arrays", "save_arrays"]


def adult_arrays() -> tuple[np.ndarray, np.ndarray]:
    """The training file of adult as x (32561, 105) float32 and y (32561,) float32.

    Six numbers, each with mean 0 and deviation 1, and 99 columns of 0 and 1, one for each value of the eight columns of
    words. A missing cell has 0 in each of them: with a column of its own there would be 102, and 108 in all.
    """
    path = ROOT.parent / "shared" / "data" / "adult" / "train.csv.gz"
    table = pl.read_csv(path, null_values=["?"])
    wanted = table["income"] == ">50K"
    table = table.drop("income")
    parts = []
    for column in table:
        if column.dtype.is_numeric():
            values = column.cast(pl.Float64).to_numpy()
            parts.append(((values - values.mean()) / values.std())[:, None])
        else:
            names = column.drop_nulls().unique().sort()
            parts.append(np.stack([(column == name).fill_null(False).to_numpy() for name in names], 1))
    x = np.concatenate(parts, 1, dtype=np.float32)  # (32561, 105)
    assert x.shape[1] == WIDTHS[0]
    return x, wanted.to_numpy().astype(np.float32)


def save_arrays(path: Path) -> None:
    """Write the arrays for programs that know nothing of Lamina."""
    x, y = adult_arrays()
    np.savez(path, x=x, y=y)


def load_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the arrays again; NumPy refuses pickled objects by itself."""
    with np.load(path) as arrays:
        return arrays["x"], arrays["y"]


def hand_epochs(x: np.ndarray, y: np.ndarray, *, fused: bool, seed: int) -> Iterator[float]:
    """Train the network by hand without end, and give the seconds of each epoch.

    All rows lie in memory as two tensors. Each epoch draws a permutation, brings the rows into that order once, and
    slices. Nothing is read back from the loss, nothing is clipped, averaged, logged or saved.
    """
    torch.manual_seed(seed)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    layers: list[nn.Module] = []
    for width, following in itertools.pairwise(WIDTHS):
        layers += [nn.Linear(width, following), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2, fused=fused)
    while True:
        start = time.perf_counter()
        order = torch.randperm(len(inputs))
        inputs_now, targets_now = inputs[order], targets[order]  # (rows, 105), (rows,)
        for low in range(0, len(inputs), BATCH):
            raw = network(inputs_now[low : low + BATCH]).squeeze(1)  # (B,)
            loss = nn.functional.binary_cross_entropy_with_logits(raw, targets_now[low : low + BATCH])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        yield time.perf_counter() - start


def main() -> None:
    """Time the loop alone."""
    parser = argparse.ArgumentParser(description="Time the hand-written loop on saved arrays, and print one JSON line.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=10, help="timed epochs; one more is trained before them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--unfused", action="store_true", help="PyTorch's AdamW as it comes")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    epochs = hand_epochs(*load_arrays(given.data), fused=not given.unfused, seed=0)
    times = list(itertools.islice(epochs, given.epochs + 1))[1:]
    print(json.dumps({"peer": "hand", "seconds": statistics.median(times), "epochs": times, "threads": given.threads}))


if __name__ == "__main__":
    main()
