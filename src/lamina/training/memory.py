"""How much memory a plan needs, before it takes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lamina.errors import MemoryNeedError

__all__ = ["activation_bytes", "available", "check_batch", "within"]

# Weights, gradient, two moments, the best weights, and one copy on the way to the disk.
COPIES = 6


def available() -> int:
    """Bytes that this process may still take: the machine's free memory, or its container's, whichever is less."""
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
        limits.append(int(line.split()[1]) * 1024)
    else:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if group.exists() and used.exists() and (text := group.read_text().strip()) != "max":
        limits.append(max(0, int(text) - int(used.read_text())))
    return min(limits)


@contextlib.contextmanager
def within(limit: int) -> Iterator[None]:
    """While a model is built here, stop as soon as training its parameters would need more than ``limit`` bytes.

    A layer registers its parameter before it fills it, so a model that is far too large is refused before the memory
    is really taken.

    Raises:
        MemoryNeedError: with the need and what to change.
    """
    total = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        nonlocal total
        total += parameter.numel() * parameter.element_size()
        if total * COPIES > limit:
            raise _too_large(total * COPIES, limit)

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:
        # One layer alone can be more than can even be asked for.
        if "alloc" in str(error):
            raise _too_large(None, limit) from error
        raise
    finally:
        handle.remove()


def activation_bytes(forward: Callable[[], Tensor]) -> int:
    """Bytes that a forward pass keeps for its backward pass, each storage counted once."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward()
    return sum(kept.values())


def check_batch(model: nn.Module, forward: Callable[[int], Tensor], batch_size: int, limit: int) -> int:
    """Estimate the need of one step from passes over few rows, and refuse it if it is over the limit.

    Args:
        model: the network.
        forward: runs a forward pass over so many rows and gives the loss.
        batch_size: rows in a step.
        limit: bytes that may be taken.

    Returns:
        Estimated bytes for weights, optimiser and one step.

    Raises:
        MemoryNeedError: with the need and what to change.
    """
    few, more = activation_bytes(lambda: forward(2)), activation_bytes(lambda: forward(4))
    step = few + (more - few) / 2 * max(0, batch_size - 2)
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    need = int(weights * COPIES + 2 * step)  # a backward pass makes gradients as large as what was kept
    if need > limit:
        raise MemoryNeedError(
            "a training step does not fit in memory",
            got=f"a need of about {need / 2**30:.1f} GiB with batches of {batch_size} rows",
            allowed=f"{limit / 2**30:.1f} GiB available",
            do="set train.batch_size or the model smaller, or train.accumulate higher",
        )
    return need


def _too_large(need: int | None, limit: int) -> MemoryNeedError:
    return MemoryNeedError(
        "the model does not fit in memory",
        got=f"a need of {'more' if need is None else f'at least {need / 2**30:.1f} GiB'} to train it",
        allowed=f"{limit / 2**30:.1f} GiB available",
        do="make it smaller (--set model.width=..., model.depth=...)",
    )
