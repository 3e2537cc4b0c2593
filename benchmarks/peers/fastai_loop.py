"""Seconds of an epoch of the small network with fastai: fastai_loop.py DATA.npz [--epochs N] [--fused]."""

from __future__ import annotations

import time
import warnings
from functools import partial

import fastai
import fastai.callback.progress  # gives Learner its no_bar and no_logging
import pandas
import torch
from common import BATCH, RATE, arguments, load, network, tell
from fastai.callback.core import Callback
from fastai.data.block import RegressionBlock
from fastai.learner import Learner
from fastai.optimizer import OptimWrapper
from fastai.tabular.core import TabularPandas
from torch import nn


class Clock(Callback):
    """Notes the time of the training part of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def before_train(self) -> None:
        """Look at the clock."""
        self.start = time.perf_counter()

    def after_train(self) -> None:
        """Note the time."""
        self.seconds.append(time.perf_counter() - self.start)


class Tabular(nn.Module):
    """The network as fastai's tables call it: with categories (there are none) and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, categories: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.network(numbers)


def main() -> None:
    """Train by ``Learner.fit`` from fastai's own loader of tables, its fastest way to a batch of rows."""
    warnings.simplefilter("ignore")
    given = arguments()
    x, y = load(given.data)
    torch.set_num_threads(given.threads)
    names = [f"x{place:03}" for place in range(x.shape[1])]
    frame = pandas.DataFrame(x, columns=names)
    frame["y"] = y
    rows = TabularPandas(frame, cont_names=names, y_names="y", y_block=RegressionBlock())
    loaders = rows.dataloaders(bs=BATCH, device=torch.device("cpu"))
    clock = Clock()
    learner = Learner(
        loaders,
        Tabular(),
        loss_func=nn.BCEWithLogitsLoss(),
        opt_func=partial(OptimWrapper, opt=torch.optim.AdamW, fused=given.fused or None),
        lr=RATE,
        cbs=[clock],
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(given.epochs + 1)
    tell("fastai", clock.seconds[1:], given, fastai=fastai.__version__, torch=torch.__version__)


if __name__ == "__main__":
    main()
