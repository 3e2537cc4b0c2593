"""Pictures enter a network as the network was taught to see them."""

from __future__ import annotations

import pytest
import torch

from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.nn.pixels import KnownPixels, Resize

COLOUR = Slot("photo", "value", "image", shape=(4, 4, 3), centre=(9.0,) * 3, scale=(2.0,) * 3)
GREY = Slot("scan", "value", "image", shape=(4, 4, 1))
RED = torch.tensor([255, 0, 0], dtype=torch.uint8).expand(1, 4, 4, 3)


def test_imagenet_is_the_mean_and_deviation_of_a_share() -> None:
    found = KnownPixels(COLOUR, "imagenet")(RED)[0, :, 0, 0]
    wanted = (torch.tensor([1.0, 0, 0]) - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(found, wanted, atol=1e-5)


def test_signed_goes_from_minus_one_to_one() -> None:
    assert KnownPixels(COLOUR, "signed")(RED)[0, :, 0, 0].tolist() == [1, -1, -1]


def test_caffe_is_blue_first() -> None:
    assert KnownPixels(COLOUR, "caffe")(RED)[0, :, 0, 0].tolist() == [-104, -117, 132]


def test_grey_is_repeated() -> None:
    values = torch.full((2, 4, 4, 1), 100, dtype=torch.uint8)
    found = KnownPixels(GREY, "caffe")(values)
    assert found.shape == (2, 3, 4, 4)
    assert found[0, :, 0, 0].tolist() == [-4, -17, -23]


def test_other_channels_are_refused() -> None:
    slot = Slot("scan", "value", "image", shape=(4, 4, 8))
    with pytest.raises(SettingError, match="input=imagenet reads pictures in grey or in three colours · got 8 channel"):
        KnownPixels(slot, "imagenet")


def test_resizing_keeps_what_is_even() -> None:
    x = torch.full((1, 2, 9, 4), 3.0)
    assert torch.allclose(Resize(6)(x), torch.full((1, 2, 6, 6), 3.0))
    assert Resize(0)(x) is x
