"""Music step by step: what the steps before say of the notes of the next (Boulanger-Lewandowski et al. 2012)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.features.music import ON
from lamina.models.base import Model
from lamina.models.notes import Apart, Notes, Together
from lamina.models.past import Convolved, Past, Recalled, State
from lamina.nn.dropout import PooledDropout
from lamina.nn.linear import Linear

__all__ = ["Composer", "ComposerSettings"]

OCTAVE = 12


@settings
class ComposerSettings:
    """What looks back, and how the notes of a step are told."""

    past: Literal["gru", "lstm", "tcn"] = setting(
        "gru", "What looks back: gated recurrent units, long short-term memory, or causal convolutions."
    )
    notes: Literal["together", "apart"] = setting(
        "together",
        "together: each note of a step is told by those above it, so that chords fit; apart: each key by itself, as "
        "most published figures count.",
    )
    width: int = setting(256, "Width of what is told of the steps before.", ge=1)
    depth: int = setting(1, "Recurrent layers, or blocks of convolutions.", ge=1, le=16)
    kernel: int = setting(5, "Of tcn: steps that a convolution looks at.", ge=2, le=64)
    hidden: int = setting(256, "Of together: width of the hidden layer that the notes of a step share.", ge=1)
    dropout: float = setting(0.3, "Share of units dropped in training.", ge=0, lt=1)
    hide: float = setting(0.15, "Share of the notes that came before which is hidden in training.", ge=0, lt=1)


class Composer(Model):
    """Reads the steps before one, each as its keys, their pitch classes, and whether it is the first; tells its notes.

    Shape:
        pieces (B, T, keys) of 0 behind the end, 1 where a key is silent, 2 where it sounds
        -> (B, T, 2): the log-probability of the notes of each step after those before it; and a logit of whether the
        piece ends with the step
    """

    Settings = ComposerSettings
    gives: ClassVar[str] = "steps"

    def __init__(self, layout: Layout, outputs: int, settings: ComposerSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.keys = outputs
        inputs = outputs + OCTAVE + 1
        self.past: Past
        if settings.past == "tcn":
            self.past = Convolved(inputs, settings.width, settings.depth, settings.kernel, settings.dropout)
        else:
            self.past = Recalled(inputs, settings.width, settings.depth, settings.past, settings.dropout)
        self.notes: Notes
        if settings.notes == "apart":
            self.notes = Apart(outputs, settings.width, settings.hide)
        else:
            self.notes = Together(outputs, settings.width, settings.hidden, settings.dropout, settings.hide)
        self.end = Linear(settings.width, 1)
        self.hide = PooledDropout(settings.hide)

    def forward(self, inputs: dict[str, Tensor], piece: Tensor | None = None) -> Tensor:
        """What is told of each step of pieces.

        Args:
            inputs: arrays of B rows; nothing of them is read.
            piece: (B, T, keys).
        """
        if piece is None:
            piece = torch.zeros(len(inputs["number"]), 1, self.keys)
        frames = (piece == ON).float()
        before, told, after = self._read(frames)
        there = (piece > 0).any(-1)  # (B, T)
        found = self.notes(told[there], before[there], frames[there])
        logs = torch.zeros(there.shape, dtype=found.dtype).masked_scatter(there, found)
        return torch.stack([logs, self.end(after)[..., 0].to(logs.dtype)], -1)

    def _read(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The step before each, (B, T, keys); what is told of a step's past, and of the step too, (B, T, width)."""
        before = F.pad(frames, (0, 0, 1, 0))  # (B, T + 1, keys)
        first = torch.zeros(*before.shape[:2], 1)
        first[:, 0] = 1.0
        told, _ = self.past(self._seen(before, first), self.past.begin(len(frames)))
        return before[:, :-1], told[:, :-1], told[:, 1:]

    def _seen(self, frames: Tensor, first: Tensor) -> Tensor:
        """Frames as they are read: keys, pitch classes, and whether nothing came before, (B, T, keys + 13)."""
        classes = F.pad(frames, (0, -self.keys % OCTAVE)).unflatten(-1, (-1, OCTAVE)).amax(-2)
        return self.hide(torch.cat([frames, classes, first], -1))

    @torch.no_grad()
    def likeliest(self, piece: Tensor) -> Tensor:
        """The likelier choices for each step after the true ones before it, (B, T, keys) of 0 and 1."""
        before, told, _ = self._read((piece == ON).float())
        return self.notes.likeliest(told.flatten(0, 1), before.flatten(0, 1)).view(piece.shape)

    def begin(self, rows: int) -> tuple[Tensor, State]:
        """What is told of the first step, (R, width), and what is known."""
        first = torch.ones(rows, 1, 1)
        told, state = self.past(self._seen(torch.zeros(rows, 1, self.keys), first), self.past.begin(rows))
        return told[:, -1], state

    def read(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """Read on: steps (R, n, keys) of 0 and 1 -> what is told of the next, (R, width), and what is known."""
        told, state = self.past(self._seen(frames, torch.zeros(*frames.shape[:2], 1)), state)
        return told[:, -1], state
