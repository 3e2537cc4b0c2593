"""Logits moment by moment: what is there, what is not, and pictures read from left to right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.errors import UsageError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.transcriber import ABSENT, Lines, Transcriber, TranscriberSettings
from lamina.nn.start import start
from lamina.testing.backbones import sample_slots, sample_values

SOUND = Slot("sound", "bands", "frames", shape=(6,), length=20)
PHOTO = sample_slots("image")[0]
SMALL = {"crnn": {"channels": 4, "width": 8}, "conformer": {"width": 8, "depth": 1, "heads": 2, "channels": 4}}


def model(slot: Slot, name: str = "crnn", **values: Any) -> Transcriber:
    settings = check(TranscriberSettings, {"frames": {"name": name, **SMALL[name]}, **values})
    made = Transcriber(Layout.of([slot]), 7, settings)
    start(made, 0)
    return made.eval()


def inputs(slot: Slot, values: Tensor, lengths: Tensor) -> dict[str, Tensor]:
    name = f"{slot.group}000"
    return {name: values, f"{name}.length": lengths, "number": torch.empty(len(values), 0)}


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("name", SMALL)
def test_sounds(name: str, columns: int) -> None:
    one = model(SOUND, name, columns=columns)
    values, lengths = sample_values(SOUND, 6)
    out = one(inputs(SOUND, values, lengths))
    assert out.shape == (6, columns * 6, 7) and out.dtype == torch.float32  # 22 frames, shortened by 4
    there = (out[..., 1:] > ABSENT).any(-1)
    assert there.sum(1).tolist() == (-(-lengths // 4) * columns).tolist() and not there[-1].any()
    absent = out[~there]
    assert (absent[:, 0] == 0).all() and (absent[:, 1:] == ABSENT).all()
    longer = torch.cat([values, torch.zeros(6, 9, 6)], 1)
    again = one(inputs(SOUND, longer, lengths))
    torch.testing.assert_close(again[:, : out.shape[1]], out, atol=1e-5, rtol=0)
    assert (again[:, out.shape[1] :, 1:] == ABSENT).all()


def test_pictures_are_read_from_left_to_right() -> None:
    lines = Lines(PHOTO)
    values, lengths = sample_values(PHOTO, 4)
    frames, found = lines(values, lengths)
    height, width, _ = PHOTO.shape
    assert frames.shape == (4, width, height) and found.tolist() == [width] * 3 + [0]
    grey = ((values.double() - torch.tensor(PHOTO.centre)) / torch.tensor(PHOTO.scale)).mean(-1)
    torch.testing.assert_close(frames[0, 2], grey[0, :, 2].float(), atol=1e-5, rtol=0)
    assert (lines.slot.group, lines.slot.shape, lines.slot.length) == ("frames", (height,), width)
    out = model(PHOTO)(inputs(PHOTO, values, lengths))  # so short a row is halved once
    assert out.shape == (4, width, 7) and (out[-1, :, 1:] == ABSENT).all()


def test_one_column_alone() -> None:
    for slots in ([SOUND, PHOTO], [SOUND, Slot("age", "value", "number")], sample_slots("tokens")[:1]):
        with pytest.raises(UsageError, match=r"from one sound, series or picture · got .* task.name=write"):
            Transcriber(Layout.of(slots), 7, check(TranscriberSettings, {}))
