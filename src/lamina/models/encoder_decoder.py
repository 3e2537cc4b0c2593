"""Read a row, and write a text: an encoder for each column, a decoder over all of them (Sutskever et al. 2014)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.decoders.base import Memory, decoder_of
from lamina.features.layout import Layout
from lamina.features.tokens import START
from lamina.models.base import Model
from lamina.models.mixed import backbone_of
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear

__all__ = ["EncoderDecoder", "EncoderDecoderSettings"]

# What reads a column if nobody says otherwise: networks that give a vector a place.
CHOSEN = {"image": "cnn", "tokens": "transformer", "frames": "crnn", "clip": "cnn"}


@settings
class EncoderDecoderSettings(ColumnsSettings):
    """Backbones of the wide columns and the decoder, each by its name or as {name: ..., setting: value}."""

    image: str | dict[str, Any] = setting("auto", "Backbone of pictures (see lamina models).")
    text: str | dict[str, Any] = setting("auto", "Backbone of texts.")
    frames: str | dict[str, Any] = setting("auto", "Backbone of sounds and series.")
    clip: str | dict[str, Any] = setting("auto", "Backbone of films.")
    decoder: str | dict[str, Any] = setting("transformer", "What writes: transformer, lstm, gru or rnn.")
    width: int = setting(128, "Width of each place's vector, as the decoder sees it.", ge=1)


class EncoderDecoder(Model):
    """Each wide column by its backbone, place by place, all plain columns as one place more; a decoder looks at all of
    them while it writes.

    Shape:
        the arrays of rows, and what is written, (B, T) int64 with zeros behind its end
        -> (B, T + 1, outputs): logits of each token, and of the end behind the last one
    """

    Settings = EncoderDecoderSettings
    reads_wide: ClassVar[bool] = True
    gives: ClassVar[str] = "text"

    def __init__(self, layout: Layout, outputs: int, settings: EncoderDecoderSettings) -> None:
        super().__init__(layout, outputs, settings)
        slots = layout.wide_by_name
        self.backbones = nn.ModuleDict({name: backbone_of(slot, settings, CHOSEN) for name, slot in slots.items()})
        places: dict[str, int] = {name: backbone.width for name, backbone in self.backbones.items()}  # type: ignore[misc]
        self.columns = Columns(layout, settings) if layout.has_plain else None
        if self.columns is not None:
            places["plain"] = self.columns.width
        self.bring = nn.ModuleDict(
            {name: nn.Sequential(Linear(width, settings.width), nn.LayerNorm(settings.width))
             for name, width in places.items()}
        )  # fmt: skip
        self.decoder = decoder_of(outputs, settings.width if places else None, settings.decoder, "transformer")

    def memory(self, inputs: dict[str, Tensor]) -> Memory | None:
        """What is written from; None where there is nothing to read."""
        values, there = [], []
        for name, backbone in self.backbones.items():
            assert isinstance(backbone, Backbone)
            lengths = inputs[f"{name}.length"]
            places, present = backbone.sequence(inputs[name], lengths)
            values.append(self.bring[name](places))
            there.append(present & (lengths > 0)[:, None])  # a blank picture has all its cells
        if self.columns is not None:
            values.append(self.bring["plain"](self.columns(inputs))[:, None])
            there.append(torch.ones(len(values[-1]), 1, dtype=torch.bool))
        return Memory(torch.cat(values, 1), torch.cat(there, 1)) if values else None

    def forward(self, inputs: dict[str, Tensor], written: Tensor | None = None) -> Tensor:
        """Logits of what follows each token; of the first one alone if nothing is written yet."""
        start = torch.full((len(inputs["number"]), 1), START)
        begun = start if written is None else torch.cat([start, written], 1)  # (B, T + 1)
        return self.decoder(begun, (begun > 0).sum(1), self.memory(inputs))
