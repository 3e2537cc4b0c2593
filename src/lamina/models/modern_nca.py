"""ModernNCA: the answer is what the most similar training rows answered (Ye et al. 2025)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.activation import Activation, activation
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear

__all__ = ["ModernNCA", "ModernNCASettings"]


@settings
class ModernNCASettings(ColumnsSettings):
    """A learned distance between rows."""

    numbers: Literal["plain", "piecewise", "periodic"] = setting(
        "piecewise", "Numbers as they are, by piecewise-linear, or by periodic embeddings (Gorishniy et al. 2022)."
    )
    width: int = setting(128, "Coordinates in which rows are near or far.", ge=1, le=65_536)
    activation: Activation = setting("relu", "Activation inside the residual block.")
    dropout: float = setting(0.1, "Share of units dropped inside the block in training.", ge=0, lt=1)
    share: float = setting(0.2, "Share of the remembered rows that a training step compares with.", gt=0, le=1)
    memory: int = setting(16_384, "Training rows that are remembered, and kept with the weights.", ge=2)


class ModernNCA(Model):
    """A softmax over negative distances weighs the answers of remembered rows; a linear head reads the mean.

    The remembered rows are part of the weights: whoever has the file has these training rows, encoded. A training row
    never looks at itself, nor at a row equal to it.

    Shape:
        (B, columns) -> (B, 1, outputs)
    """

    Settings = ModernNCASettings
    remembers = True

    def __init__(self, layout: Layout, outputs: int, settings: ModernNCASettings) -> None:
        super().__init__(layout, outputs, settings)
        width = settings.width
        self.share, self.most = settings.share, settings.memory
        self.columns = Columns(layout, settings)
        self.stem = Linear(self.columns.width, width)
        self.block = nn.Sequential(
            nn.BatchNorm1d(width),
            Linear(width, 2 * width),
            activation(settings.activation),
            nn.Dropout(settings.dropout),
            Linear(2 * width, width),
        )
        self.norm = nn.BatchNorm1d(width)
        self.head = Linear(outputs, outputs)
        widths = {"number": len(layout.numbers), "flag": len(layout.flags), "category": len(layout.categories)}
        for group, count in widths.items():
            dtype = torch.int32 if group == "category" else torch.float32
            self.register_buffer(f"known_{group}", torch.zeros(0, count, dtype=dtype))
        self.known_answers: Tensor
        self.register_buffer("known_answers", torch.zeros(0, outputs))

    def remember(self, inputs: dict[str, Tensor], answers: Tensor) -> None:
        """Keep training rows, an even pick if there are more than ``memory``.

        Args:
            inputs: arrays of n rows by group.
            answers: (n, outputs), what a perfect network would give for them.
        """
        picked = torch.arange(0, len(answers), max(1, -(-len(answers) // self.most)))
        for group, array in inputs.items():
            known = getattr(self, f"known_{group}")
            setattr(self, f"known_{group}", array[picked].to(known.dtype))
        self.known_answers = answers[picked].float()
        with torch.no_grad():
            # Shares of classes become logits; numbers stay as they are.
            are_shares = bool(((answers == 0) | (answers == 1)).all())
            self.head.weight.copy_(torch.eye(answers.shape[1]) * (8.0 if are_shares else 1.0))
            self.head.bias.fill_(-4.0 if are_shares else 0.0)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        with torch.autocast("cpu", enabled=False):  # distances are small differences of large sums
            known, answers = self.known()
            if self.training:
                # One pass for both, so that both are normed alike.
                together = {group: torch.cat([inputs[group], known[group]]) for group in inputs}
                placed, others = self.place(together).split([len(inputs["number"]), len(answers)])
            else:
                # In float64, lest a row that is remembered be as far from itself as sums of squares are rounded.
                placed, others = self.place(inputs).double(), self.place(known).double()
            distance = torch.cdist(placed, others).float()  # (B, N)
            if self.training:
                same = _key(inputs)[:, None] == _key(known)
                # A row all of whose candidates are itself still needs a number: far, not infinitely far.
                distance = distance.masked_fill(same, 1e4)
            mean = F.softmax(-distance, 1) @ answers  # (B, outputs)
            return self.head(mean)[:, None]

    def place(self, inputs: dict[str, Tensor]) -> Tensor:
        """Rows as points, (B, width)."""
        stem = self.stem(self.columns(inputs))
        return self.norm(stem + self.block(stem))

    def known(self) -> tuple[dict[str, Tensor], Tensor]:
        """The remembered rows to compare with, in training a random share, and their answers."""
        answers = self.known_answers
        assert len(answers), "remember() comes before the first forward pass"
        rows: Any = slice(None)
        if self.training and self.share < 1:
            rows = torch.randint(len(answers), (max(2, round(self.share * len(answers))),))
        known = {group: getattr(self, f"known_{group}")[rows] for group in ("number", "flag", "category")}
        known["category"] = known["category"].long()
        return known, answers[rows]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # How many rows are remembered is only known from the file.
        for name, _ in list(self.named_buffers(recurse=False)):
            if f"{prefix}{name}" in state_dict:
                setattr(self, name, torch.empty_like(state_dict[f"{prefix}{name}"]))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _key(inputs: dict[str, Tensor]) -> Tensor:
    """One number a row, equal for equal rows and for hardly any others, (B,) float64."""
    row = torch.cat([inputs["number"].double(), inputs["flag"].double(), inputs["category"].double()], 1)
    factors = torch.rand(row.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (row * (factors + 0.5)).sum(1)
