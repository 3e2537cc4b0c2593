"""How this machine runs a network fastest: precision, compilation and threads, by measurement."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import math
import os
import platform
import shutil
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lamina.training.settings import TrainSettings

__all__ = ["Choice", "choose", "cores", "keep_memory", "running"]

STEPS = 3  # timed steps of each way, fewer of slow ones; the fastest counts: other programs can only slow a step down
SHARE = 0.05  # of a budget of seconds that may go into measuring
GAIN = 1.1  # a way that is less than this much faster is not worth its rounding
TOLERANCE = 0.02  # how far a loss may lie from float32's, relative
COMPILE_FROM = 3600.0  # seconds of budget from which on compilation, which itself can take a minute, is tried


@dataclasses.dataclass(frozen=True)
class Choice:
    """A way of running a network.

    Attributes:
        precision: ``float32`` or ``bfloat16`` (weights stay float32).
        compile: whether ``torch.compile`` is used.
        threads: processor threads.
        notes: what was measured, for the report.
    """

    precision: str = "float32"
    compile: bool = False
    threads: int = 1
    notes: tuple[str, ...] = ()


def keep_memory() -> None:
    """Ask glibc to keep freed memory rather than give it back: large activations come and go at every step.

    Without it each step pays for the kernel's zeroing of new pages, a fifth of the time of a TabM step here.
    """
    if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  # from malloc.h


def cores() -> int:
    """Processor cores that this process may use; ``OMP_NUM_THREADS`` is obeyed."""
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def running(choice: Choice) -> contextlib.AbstractContextManager[None]:
    """Run forward and backward passes in the chosen way."""
    if choice.precision == "float32":
        return contextlib.nullcontext()  # an autocast that is switched off still costs 10 microseconds a step
    return torch.autocast("cpu", torch.bfloat16, cache_enabled=False)


def choose(
    model: nn.Module, step: Callable[[nn.Module], Tensor], settings: TrainSettings, seconds: float | None
) -> Choice:
    """Measure the ways that the settings leave open on one real batch, and take the fastest that agrees with float32.

    With a budget of steps or epochs nothing is measured: such a budget promises the same weights again, so nothing in
    it may hang on the clock. It runs in float32 on all cores where the settings say auto.

    Args:
        model: the network; its weights and gradients are left as they were.
        step: runs a forward pass with a model and gives the loss.
        settings: what is not ``auto`` is taken as it is.
        seconds: the budget, None for one of steps or epochs; compilation is only tried where it can pay.

    Returns:
        The choice, with a sentence on each way measured. The process's thread count is set to it.
    """
    measured = seconds is not None
    threads, precisions = _threads(settings, measured), _precisions(settings, measured)
    compiles = _compiles(settings, seconds)
    ways = [
        Choice(precision, compiled, count) for compiled in compiles for count in threads for precision in precisions
    ]
    if len(ways) == 1:
        torch.set_num_threads(ways[0].threads)
        return ways[0]
    began = time.perf_counter()
    until = began + SHARE * (seconds if seconds is not None else math.inf)
    plain = Choice(threads=threads[0])
    reference = _measure(model, step, plain, began + (until - began) / len(ways))
    notes, best, best_time = [], ways[0], float("inf")
    for way in ways:
        if way != plain and time.perf_counter() > until:
            notes.append(f"{_name(way)}: not measured, the budget is too short")
            continue
        try:
            loss, took = reference if way == plain else _measure(model, step, way, until)
        except RuntimeError as error:
            notes.append(f"{_name(way)} does not run here: {str(error).splitlines()[0][:100]}")
            continue
        agrees = abs(loss - reference[0]) <= TOLERANCE * max(abs(reference[0]), 1e-3)
        notes.append(f"{_name(way)}: {took * 1e3:.2f} ms a step" + ("" if agrees else ", does not agree with float32"))
        if agrees and took * (GAIN if way != best else 1) < best_time:
            best, best_time = way, took
    torch.set_num_threads(best.threads)
    return dataclasses.replace(best, notes=tuple(notes))


def _threads(settings: TrainSettings, measured: bool) -> list[int]:
    if settings.threads != "auto":
        return [settings.threads]
    return [cores(), 1] if measured and cores() > 1 else [cores()]


def _precisions(settings: TrainSettings, measured: bool) -> list[str]:
    if settings.precision != "auto":
        return [settings.precision]
    return ["float32", "bfloat16"] if measured else ["float32"]


def _compiles(settings: TrainSettings, seconds: float | None) -> list[bool]:
    if settings.compile != "auto":
        return [settings.compile == "on"]
    compiler = any(shutil.which(name) for name in ("c++", "g++", "clang++"))
    return [False, True] if compiler and seconds is not None and seconds >= COMPILE_FROM else [False]


def _measure(model: nn.Module, step: Callable[[nn.Module], Tensor], way: Choice, until: float) -> tuple[float, float]:
    """(loss, seconds of a forward and backward pass) of one way; the same random numbers for each.

    After the first step, which warms up, one is timed in any case, and more as long as the clock is not at ``until``.
    """
    torch.set_num_threads(way.threads)
    runner: Any = torch.compile(model) if way.compile else model
    times: list[float] = []
    loss = 0.0
    while len(times) < 2 or (len(times) <= STEPS and time.perf_counter() < until):
        torch.default_generator.manual_seed(0)
        start = time.perf_counter()
        with running(way):
            result = step(runner)
        result.backward()
        times.append(time.perf_counter() - start)
        loss = float(result.detach())
        model.zero_grad(set_to_none=True)
    return loss, min(times[1:])


def _name(way: Choice) -> str:
    return f"{way.precision}, {way.threads} thread(s)" + (", compiled" if way.compile else "")
