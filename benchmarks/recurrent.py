"""Recurrent networks on a copy task: who remembers over a delay, how far the gradient reaches, and what an epoch costs;
and on text.

    python benchmarks/recurrent.py                delays 20, 50 and 100; an epoch of LSTM and transformer; questions
    python benchmarks/recurrent.py --develop      the last eighth of the training questions judge
    python benchmarks/recurrent.py --quick        delay 20, fewer steps, held against no bar

A row is a symbol, a delay of noise, and a mark that asks for the symbol (lamina.explain.gradients.copy_task). Each
network has one layer of 64 units, one way, and answers from its last state; the transformer has a layer of that width.
The gradient is that of the loss at the embedding of the symbol beside that at the mark, before and after training.
Every network learns from the same rows, of all delays up to that one, in the same order, with Adam and clipped
gradients, for the same number of steps; it is judged at the full delay. ``held`` is by how many powers of ten the
gradient of LSTM and GRU, the lesser of the two, reaches further than the RNN's after training; ``remembered`` is the
accuracy of the two, the lesser, less the RNN's. The bars are for a delay of 100.

An epoch is one pass over 4,096 rows of 100 words, forward and backward, in batches of 64, of an LSTM and a transformer
with as near as possible the same number of weights and the same depth; memory is kept as in training, rounds alternate,
and the best of each counts.

On text each network, as it comes, learns the kinds of questions of trec by ``lamina.train`` for a minute.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import torch
import torch.nn.functional as F
from answers import ask_lamina, score
from datasets import SETS, held_back
from results import append
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check
from lamina.explain.gradients import copy_task, gradient_by_place
from lamina.features.base import Slot
from lamina.nn.start import seed_of, start
from lamina.training.machine import keep_memory

NETWORKS: dict[str, dict[str, Any]] = {
    "rnn": {"width": 64, "two_way": False, "pooling": "last", "dropout": 0.0},
    "lstm": {"width": 64, "two_way": False, "pooling": "last", "dropout": 0.0},
    "gru": {"width": 64, "two_way": False, "pooling": "last", "dropout": 0.0},
    "transformer": {"width": 64, "depth": 1, "heads": 4, "pooling": "first", "dropout": 0.0},
}
SYMBOLS, BATCH, RATE, CLIP = 4, 64, 3e-3, 1.0
CODES = 2 * SYMBOLS + 2  # symbols, as many kinds of noise, the mark, and filling

# Of like size: some 265,000 weights in the layers of either.
EPOCH: dict[str, dict[str, Any]] = {
    "lstm": {"width": 128, "depth": 2, "two_way": False, "dropout": 0.0},
    "transformer": {"width": 128, "depth": 2, "heads": 4, "hidden": 2.0, "dropout": 0.0},
}
ROWS, LENGTH = 4096, 100
DELAY = 100  # that the bars are for
LEAST = 1e-30  # a gradient below it is as good as none
TEXT, BUDGET = "trec", "1min"


def made(name: str, settings: dict[str, Any], length: int, size: int) -> tuple[Backbone, nn.Module]:
    """A network and a head."""
    cls = BACKBONES[name]
    slot = Slot("said", "value", "tokens", size=size, length=length)
    backbone = start(cls(slot, check(cls.Settings, settings)), 0)
    assert isinstance(backbone, Backbone)
    return backbone, start(nn.Linear(backbone.width, SYMBOLS), 1)


def reach(backbone: Backbone, head: nn.Module, delay: int) -> float:
    """The gradient at the symbol, as a share of the one at the mark."""
    gradient = gradient_by_place(backbone, head, *copy_task(BATCH, delay, seed=1))
    return float(gradient[0] / gradient[-1].clamp(min=1e-30))


def step(backbone: Backbone, head: nn.Module, optimiser: torch.optim.Optimizer, values: Tensor, target: Tensor) -> None:
    """Learn from one batch."""
    lengths = torch.full((len(values),), values.shape[1])
    loss = F.cross_entropy(head(backbone(values, lengths)), target)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([*backbone.parameters(), *head.parameters()], CLIP)
    optimiser.step()


def copy(name: str, delay: int, steps: int) -> dict[str, float]:
    """Train one network on the copy task, and tell how often it is right on rows that it has not seen."""
    backbone, head = made(name, NETWORKS[name], delay + 2, CODES)
    before = reach(backbone, head, delay)
    optimiser = torch.optim.Adam([*backbone.parameters(), *head.parameters()], RATE)
    for number in range(steps):
        # Any delay up to this one: of long ones alone none of them learns anything in this time.
        shown = 1 + seed_of(number) % delay
        step(backbone, head, optimiser, *copy_task(BATCH, shown, seed=1000 + number))
    values, target = copy_task(1024, delay, seed=2)
    with torch.inference_mode():
        answer = head(backbone.eval()(values, torch.full((len(values),), delay + 2))).argmax(1)
    accuracy = float((answer == target).float().mean())
    return {"accuracy": accuracy, "reach_before": before, "reach_after": reach(backbone.train(), head, delay)}


def epoch_seconds(rounds: int) -> dict[str, float]:
    """Seconds for one pass of each network, the best of some rounds; and how many weights its layers have."""
    keep_memory()
    values = torch.randint(1, 1000, (ROWS, LENGTH), generator=torch.Generator().manual_seed(0))
    target = torch.arange(ROWS) % SYMBOLS
    networks = {name: made(name, settings, LENGTH, 1000) for name, settings in EPOCH.items()}
    best = dict.fromkeys(networks, float("inf"))
    for _ in range(rounds):
        for name, (backbone, head) in networks.items():
            optimiser = torch.optim.Adam([*backbone.parameters(), *head.parameters()], RATE)
            began = time.perf_counter()
            for first in range(0, ROWS, BATCH):
                step(backbone, head, optimiser, values[first : first + BATCH], target[first : first + BATCH])
            best[name] = min(best[name], time.perf_counter() - began)
    sizes = {
        f"{name}_weights": float(sum(value.numel() for value in backbone.parameters()) - 1000 * backbone.width)
        for name, (backbone, _) in networks.items()
    }
    return {f"{name}_seconds": round(seconds, 3) for name, seconds in best.items()} | sizes


def beside_the_rnn(metrics: dict[str, float]) -> dict[str, float]:
    """How much further the gradient of LSTM and GRU reaches, in powers of ten, and what more they remember."""
    reach, accuracy = (
        min(metrics[f"{name}_{what}"] for name in ("lstm", "gru")) for what in ("reach_after", "accuracy")
    )  # fmt: skip
    held = math.log10(max(reach, LEAST)) - math.log10(max(metrics["rnn_reach_after"], LEAST))
    return {"held": round(held, 2), "remembered": round(accuracy - metrics["rnn_accuracy"], 4)}


def on_text(budget: str, *, develop: bool) -> dict[str, float]:
    """Accuracy of each network on the kinds of questions, from its text alone."""
    data = SETS[TEXT]
    learn, judge = data.load()
    if develop:
        learn, judge = held_back(learn, data.target)
    truth, found = judge[data.target].to_numpy(), {}
    for name in NETWORKS:
        said = ask_lamina(learn, judge, data.target, budget, model__text=name, train__companions="none")
        found[f"{name}_accuracy"] = score(data.metrics, truth, said)["accuracy"]
    return found


def main() -> None:
    """Measure, and write a row for each delay, one for the epoch and one for text."""
    parser = argparse.ArgumentParser(description="RNN, LSTM, GRU and transformer on a copy task.")
    parser.add_argument("--quick", action="store_true", help="delay 20 and 200 steps; held against no bar")
    parser.add_argument("--develop", action="store_true", help="held-back training questions judge")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delays", type=int, nargs="+", default=[20, 50, 100])
    given = parser.parse_args()
    steps = 200 if given.quick else given.steps
    for delay in given.delays[:1] if given.quick else given.delays:
        began, metrics = time.perf_counter(), dict[str, float]()
        for name in NETWORKS:
            found = copy(name, delay, steps)
            metrics |= {f"{name}_{what}": float(f"{value:.4g}") for what, value in found.items()}
        append(
            "recurrent", metrics | beside_the_rnn(metrics), seconds=time.perf_counter() - began,
            trial=given.quick or delay != DELAY,
            settings={"delay": delay, "steps": steps, "batch": BATCH, "rate": RATE}, delay=delay,
        )  # fmt: skip
    began = time.perf_counter()
    seconds = epoch_seconds(1 if given.quick else given.rounds)
    ratio = seconds["transformer_seconds"] / seconds["lstm_seconds"]
    append(
        "recurrent_epoch", {"transformer_to_lstm": round(ratio, 4), **seconds}, seconds=time.perf_counter() - began,
        trial=given.quick, settings={"rows": ROWS, "length": LENGTH, "batch": BATCH},
    )  # fmt: skip
    began, develop, budget = time.perf_counter(), given.develop or given.quick, "5s" if given.quick else BUDGET
    append(
        "recurrent_text", on_text(budget, develop=develop), seconds=time.perf_counter() - began, trial=develop,
        settings={"set": TEXT, "budget": budget, "judged by": "held-back training rows" if develop else "test rows"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
