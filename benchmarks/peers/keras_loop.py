"""Seconds of an epoch of the small network with Keras: KERAS_BACKEND=torch|jax keras_loop.py DATA.npz [--epochs N]."""

from __future__ import annotations

import time

import keras
from common import BATCH, RATE, WIDTHS, arguments, load, tell


class Clock(keras.callbacks.Callback):
    """Notes the time of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Look at the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Note the time."""
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    """Train by ``Model.fit`` on arrays."""
    given = arguments()
    x, y = load(given.data)
    backend = keras.backend.backend()
    versions = {"keras": keras.__version__}
    if backend == "torch":
        import torch

        torch.set_num_threads(given.threads)
        versions["torch"] = torch.__version__
    else:
        import jax

        # JAX has no setting for its threads; run.py says their number in the environment.
        versions["jax"] = jax.__version__
    inputs = [keras.Input(WIDTHS[:1])]
    hidden = [keras.layers.Dense(width, activation="relu") for width in WIDTHS[1:-1]]
    model = keras.Sequential([*inputs, *hidden, keras.layers.Dense(WIDTHS[-1])])
    model.compile(keras.optimizers.AdamW(RATE), keras.losses.BinaryCrossentropy(from_logits=True))
    clock = Clock()
    model.fit(x, y, batch_size=BATCH, epochs=given.epochs + 1, shuffle=True, verbose=0, callbacks=[clock])
    tell(f"keras_{backend}", clock.seconds[1:], given, **versions)


if __name__ == "__main__":
    main()
