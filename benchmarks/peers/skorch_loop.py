"""Seconds of an epoch of the small network with skorch: skorch_loop.py DATA.npz [--epochs N] [--fused]."""

from __future__ import annotations

import skorch
import torch
from common import BATCH, RATE, arguments, load, network, tell
from skorch import NeuralNet


def main() -> None:
    """Train by ``NeuralNet.fit``; skorch notes the time of each epoch itself."""
    given = arguments()
    x, y = load(given.data)
    torch.set_num_threads(given.threads)
    net = NeuralNet(
        network(),
        criterion=torch.nn.BCEWithLogitsLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=given.fused,
        lr=RATE,
        batch_size=BATCH,
        max_epochs=given.epochs + 1,
        iterator_train__shuffle=True,
        train_split=None,  # no rows held back
        verbose=0,
    )
    net.fit(x, y[:, None])
    tell("skorch", net.history[:, "dur"][1:], given, skorch=skorch.__version__, torch=torch.__version__)


if __name__ == "__main__":
    main()
