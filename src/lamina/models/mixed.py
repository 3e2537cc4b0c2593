"""A network for each picture, text or sound of a row, one for its plain columns, and fusion (Ngiam et al. 2011)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check, setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot, field_of
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.fusion import Fusion, fusion
from lamina.nn.linear import Linear

__all__ = ["Absent", "Mixed", "MixedSettings", "backbone_of"]

# What reads a column if nobody says otherwise.
CHOSEN = {"image": "cnn", "tokens": "textcnn", "frames": "cnn", "clip": "cnn"}


@settings
class MixedSettings(ColumnsSettings):
    """Backbones of the wide columns, each by its name or as {name: ..., setting: value}, and fusion."""

    image: str | dict[str, Any] = setting("auto", "Backbone of pictures (see lamina models).")
    text: str | dict[str, Any] = setting("auto", "Backbone of texts.")
    frames: str | dict[str, Any] = setting("auto", "Backbone of sounds and series.")
    clip: str | dict[str, Any] = setting("auto", "Backbone of films.")
    fusion: Fusion = setting("concat", "How the columns' vectors become one: side by side, by gates, by attention.")
    width: int = setting(128, "Width of each column's vector, and of the fused one, where there are several.", ge=1)
    dropout: float = setting(0.1, "Share of plain and of fused values dropped in training.", ge=0, lt=1)


def backbone_of(slot: Slot, settings: Any, usual: Mapping[str, str] = CHOSEN) -> Backbone:
    """The backbone that the settings name for a wide column.

    Args:
        slot: of the column.
        settings: with a field for each kind of wide column.
        usual: group -> what ``auto`` is.

    Raises:
        SettingError: if there is no such backbone, it does not read such a column, or it has no such setting.
    """
    field = field_of(slot.group)
    chosen = getattr(settings, field)
    values = {"name": chosen} if isinstance(chosen, str) else dict(chosen)
    name = values.pop("name", "auto")
    cls = BACKBONES[usual[slot.group] if name == "auto" else name]
    if slot.group not in cls.groups:
        able = [other for other in BACKBONES if slot.group in BACKBONES[other].groups]
        raise SettingError(f"backbone {name} does not read column {slot.column!r}", allowed=", ".join(able))
    return cls(slot, check(cls.Settings, values, f"model.{field}"))


class Absent(nn.Module):
    """A learned vector in the place of those of missing cells.

    Shape:
        (B, width), (B,) bool of cells that are there -> (B, width)
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.zeros(width))

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.vector)

    def forward(self, vectors: Tensor, there: Tensor) -> Tensor:
        return torch.where(there[:, None], vectors, self.vector.to(vectors.dtype))


class Mixed(Model):
    """Each wide column by its backbone, all plain columns by a hidden layer, fused, and a linear head.

    A single wide column's vector goes to the head as it is. A missing cell is a learned vector of its own.

    Shape:
        (B, columns) and the arrays of wide columns -> (B, 1, outputs)
    """

    Settings = MixedSettings
    reads_wide = True

    def __init__(self, layout: Layout, outputs: int, settings: MixedSettings) -> None:
        super().__init__(layout, outputs, settings)
        slots = layout.wide_by_name
        backbones = {name: backbone_of(slot, settings) for name, slot in slots.items()}
        widths = [backbone.width for backbone in backbones.values()]
        self.backbones = nn.ModuleDict(backbones)
        self.absent = nn.ModuleDict({name: Absent(width) for name, width in zip(slots, widths, strict=True)})
        self.columns = Columns(layout, settings) if layout.has_plain else None
        self.alone = self.columns is None and len(widths) == 1
        width = widths[0] if self.alone else settings.width
        if not self.alone:
            self.bring = nn.ModuleList(nn.Sequential(nn.LayerNorm(size), Linear(size, width)) for size in widths)
            if self.columns is not None:
                self.plain = nn.Sequential(
                    Linear(self.columns.width, width, activation="relu"),
                    nn.Dropout(settings.dropout),
                    Linear(width, width),
                )
            self.fuse = fusion(settings.fusion, len(widths) + (self.columns is not None), width)
            self.trunk = nn.Sequential(nn.ReLU(), nn.Dropout(settings.dropout))
        self.head = nn.Linear(width, outputs)

    def vectors(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """One vector a wide column: (B, width of its backbone) each; those that came with the rows are taken."""
        found = []
        for name in self.absent:
            lengths, vector = inputs[f"{name}.length"], inputs.get(f"{name}.vector")
            if vector is None:
                vector = self.backbones[name](inputs[name], lengths)
            found.append(self.absent[name](vector, lengths > 0))
        return found

    def fused(self, inputs: dict[str, Tensor]) -> Tensor:
        """What the head sees of each row, (B, width)."""
        vectors = self.vectors(inputs)
        if self.alone:
            return vectors[0]
        vectors = [bring(vector) for bring, vector in zip(self.bring, vectors, strict=True)]
        if self.columns is not None:
            vectors.append(self.plain(self.columns(inputs)))
        return self.trunk(self.fuse(torch.stack(vectors, 1)))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.head(self.fused(inputs))[:, None]
