"""Say of each moment which token is heard, or of each column of a picture which is seen (Graves et al. 2006)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.decoding.ctc import BLANK
from lamina.errors import UsageError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.models.mixed import backbone_of
from lamina.nn.linear import Linear
from lamina.nn.wide import Pixels

__all__ = ["ABSENT", "Lines", "Transcriber", "TranscriberSettings"]

CHOSEN = {"frames": "crnn"}
ABSENT = -1e4  # logit of all but the blank where nothing is there


@settings
class TranscriberSettings:
    """What reads the sound, the series or the picture, by its name or as {name: ..., setting: value}."""

    frames: str | dict[str, Any] = setting(
        "auto", "Backbone of sounds and series, and of pictures column by column (see lamina models); auto: crnn."
    )
    columns: int = setting(
        2, "Logits that each place of the backbone gives, one after the other: what time it has shortened too much.",
        ge=1, le=16,
    )  # fmt: skip


class Transcriber(Model):
    """One sound, series or picture by its backbone, and from each place logits of the blank and of every token.

    A picture is read column by column, from left to right. Where no place is, the blank is certain, so that what fills
    up short rows changes no text and no loss.

    Shape:
        the arrays of one wide column -> (B, T, outputs), T places in the order of time

    Raises:
        UsageError: if there is anything else to read than one sound, series or picture.
    """

    Settings = TranscriberSettings
    reads_wide: ClassVar[bool] = True
    gives: ClassVar[str] = "frames"

    def __init__(self, layout: Layout, outputs: int, settings: TranscriberSettings) -> None:
        super().__init__(layout, outputs, settings)
        slots = layout.wide_by_name
        groups = [slot.group for slot in slots.values()]
        if layout.has_plain or groups not in (["frames"], ["image"]):
            raise UsageError(
                "a text is transcribed from one sound, series or picture", got=", ".join(layout.columns),
                do="name it with --inputs, or say --set task.name=write",
            )  # fmt: skip
        (self.name, slot), self.columns = next(iter(slots.items())), settings.columns
        self.lines = Lines(slot) if slot.group == "image" else None
        self.backbone: Backbone = backbone_of(slot if self.lines is None else self.lines.slot, settings, CHOSEN)
        self.head = Linear(self.backbone.width, settings.columns * outputs)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        values, lengths = inputs[self.name], inputs[f"{self.name}.length"]
        if self.lines is not None:
            values, lengths = self.lines(values, lengths)
        places, there = self.backbone.sequence(values, lengths)
        logits = self.head(places).float().unflatten(-1, (self.columns, -1)).flatten(1, 2)  # (B, T, outputs)
        certain = torch.full_like(logits[0, 0], ABSENT)
        certain[BLANK] = 0.0
        there = (there & (lengths > 0)[:, None]).repeat_interleave(self.columns, 1)
        return torch.where(there[..., None], logits, certain)


class Lines(nn.Module):
    """Pictures of lines of text as frames: each column of pixels is one, from left to right, its colours mixed to one.

    Args:
        slot: of the pictures.

    Attributes:
        slot: as one of frames.

    Shape:
        (B, H, W, C) uint8 or float32, and (B,) 1 or 0 -> (B, W, H) float32, (B,) W or 0
    """

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        height, width, channels = slot.shape
        self.slot = dataclasses.replace(slot, group="frames", shape=(height,), length=width)
        self.pixels = Pixels(slot)
        self.colours = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The mean of the colours."""
        nn.init.constant_(self.colours, 1 / len(self.colours))

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.einsum("bchw,c->bwh", self.pixels(values), self.colours)
        return x, lengths * x.shape[1]
