"""Small networks and rows to look into."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.config import check
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start

PHOTO = Slot("photo", "value", "image", shape=(16, 16, 3))
SAID = Slot("said", "value", "tokens", size=12, length=6)


def network(slot: Slot, backbone: dict[str, Any], outputs: int = 3) -> Mixed:
    """A network over one wide column."""
    field = "image" if slot.group == "image" else "text"
    made = start(Mixed(Layout.of([slot]), outputs, check(MixedSettings, {field: backbone})), 0)
    assert isinstance(made, Mixed)
    return made.eval()


def row(slot: Slot, length: int = 6) -> dict[str, Tensor]:
    """One row of that column."""
    generator = torch.Generator().manual_seed(1)
    if slot.group == "image":
        values = torch.randint(0, 256, (1, *slot.shape), generator=generator, dtype=torch.uint8)
        return {"image000": values, "image000.length": torch.ones(1, dtype=torch.int64)}
    values = torch.randint(1, slot.size, (1, length), generator=generator)
    return {"tokens000": values, "tokens000.length": torch.tensor([length])}
