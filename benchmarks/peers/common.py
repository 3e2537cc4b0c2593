"""What the peers' scripts share. No peer is imported here, and torch only by those that use it."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["BATCH", "RATE", "WIDTHS", "arguments", "load", "network", "tell"]

WIDTHS = (105, 256, 256, 1)
BATCH = 256
RATE = 1e-3


def arguments() -> argparse.Namespace:
    """The options of every peer's script."""
    parser = argparse.ArgumentParser(description="Time a peer on saved arrays, and print one JSON line.")
    parser.add_argument("data", type=Path, help="the arrays x and y, as benchmarks/peers/run.py saves them")
    parser.add_argument("--epochs", type=int, default=10, help="timed epochs; one more is trained before them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--fused", action="store_true", help="PyTorch's fused AdamW, where the peer lets one ask for it"
    )
    return parser.parse_args()


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """x (rows, 105) and y (rows,), float32. NumPy refuses pickled objects by itself."""
    with np.load(path) as arrays:
        return arrays["x"], arrays["y"]


def network() -> Any:
    """The network in PyTorch: (B, 105) -> (B, 1) logits."""
    from torch import nn  # not at the top: Keras on JAX shall not load torch

    first, second, third, last = WIDTHS
    return nn.Sequential(
        nn.Linear(first, second), nn.ReLU(), nn.Linear(second, third), nn.ReLU(), nn.Linear(third, last)
    )


def tell(peer: str, seconds: Sequence[float], given: argparse.Namespace, **versions: str) -> None:
    """Print the JSON line that run.py reads."""
    assert len(seconds) == given.epochs, (peer, len(seconds))
    median = statistics.median(seconds)
    print(
        json.dumps(
            {
                "peer": peer,
                "seconds": median,
                "epochs": [round(value, 5) for value in seconds],
                "threads": given.threads,
                "fused": given.fused,
                "versions": {name: str(number) for name, number in versions.items()},
            }
        )
    )
