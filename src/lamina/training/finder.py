"""A learning rate by a short range test (Smith 2015)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from lamina.training.optimisers import make_optimiser
from lamina.training.settings import TrainSettings

__all__ = ["find_rate"]

LOW, HIGH, STEPS = 1e-6, 1.0, 120
SPAN = 20  # steps that raise the rate tenfold: over fewer, the noise of single batches can be steeper than the fall


def find_rate(model: nn.Module, losses: Iterator[Callable[[nn.Module], Tensor]], settings: TrainSettings) -> float:
    """Raise the rate from 1e-6 to 1 over 120 steps of a copy of the model; take the steepest fall of the smoothed loss.

    The test ends early where the loss is four times its lowest.

    Args:
        model: the network; it is left as it is.
        losses: a stream of functions from a model to the loss of the next batch.
        settings: the optimiser and its settings.

    Returns:
        The middle of the tenfold rise of the rate over which the loss falls most.
    """
    trial = copy.deepcopy(model)
    optimiser = make_optimiser(trial, settings, 1.0)
    rates: list[float] = []
    smooth: list[float] = []
    average = 0.0
    for step, loss_of in zip(range(STEPS), losses, strict=False):
        rate = LOW * (HIGH / LOW) ** (step / (STEPS - 1))
        optimiser.set_rate(rate)
        torch.default_generator.manual_seed(step)
        loss = loss_of(trial)
        average = 0.9 * average + 0.1 * float(loss.detach())
        corrected = average / (1 - 0.9 ** (step + 1))
        if not math.isfinite(corrected) or (smooth and corrected > 4 * min(smooth) and step > 10):
            break
        rates.append(rate)
        smooth.append(corrected)
        loss.backward()
        optimiser.step()
    lowest = int(np.argmin(smooth)) if smooth else 0
    if lowest <= SPAN:
        return 1e-3
    fall = np.array(smooth[SPAN : lowest + 1]) - np.array(smooth[: lowest + 1 - SPAN])
    return rates[int(np.argmin(fall)) + SPAN // 2]
