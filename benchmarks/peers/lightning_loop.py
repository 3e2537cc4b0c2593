"""Seconds of an epoch of the small network with Lightning: lightning_loop.py DATA.npz [--epochs N] [--threads N]."""

from __future__ import annotations

import logging
import time
import warnings

import lightning
import torch
from common import BATCH, RATE, arguments, load, network, tell
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset


class Module(LightningModule):
    """The network with its loss and its optimiser; it notes the time of each epoch."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.network = network()
        self.fused = fused
        self.seconds: list[float] = []

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], place: int) -> torch.Tensor:
        """The loss of a batch."""
        x, y = batch
        return torch.nn.functional.binary_cross_entropy_with_logits(self.network(x).squeeze(1), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=RATE, fused=self.fused or None)

    def on_train_epoch_start(self) -> None:
        """Look at the clock."""
        self.start = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Note the time."""
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    """Train by ``Trainer.fit`` without logger, checkpoints and progress bar: what is measured is the loop."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    given = arguments()
    x, y = load(given.data)
    torch.set_num_threads(given.threads)
    rows = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=BATCH, shuffle=True)
    module = Module(given.fused)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=given.epochs + 1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, rows)
    tell("lightning", module.seconds[1:], given, lightning=lightning.__version__, torch=torch.__version__)


if __name__ == "__main__":
    main()
