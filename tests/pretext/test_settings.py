"""Which pretext a column gets."""

from __future__ import annotations

import pytest
import torch

from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.pretext.masked_tokens import MaskedTokens
from lamina.pretext.network import PretextNetwork
from lamina.pretext.rotation import Rotation
from lamina.pretext.settings import PretextSettings

SMALL = MixedSettings(image={"name": "cnn", "width": 4, "depth": 2}, text={"name": "bag", "width": 4, "buckets": 9})
CLIP = Slot("film", "value", "clip", shape=(8, 8, 1))


def layout(slots: dict[str, Slot]) -> Layout:
    return Layout.of([slots["image"], slots["tokens"]])


def test_each_column_gets_its_own(slots: dict[str, Slot]) -> None:
    network = PretextNetwork(layout(slots), SMALL, PretextSettings(image={"name": "rotation"}))
    assert [type(one) for one in network.pretexts.values()] == [Rotation, MaskedTokens]


def test_backbones_are_those_of_a_mixed_model_by_name_and_start(slots: dict[str, Slot]) -> None:
    network = start(PretextNetwork(layout(slots), SMALL, PretextSettings()), 3).state_dict()
    mixed = start(Mixed(layout(slots), 2, SMALL), 3).state_dict()
    names = [name for name in mixed if name.startswith("backbones.")]
    assert names and all(torch.equal(network[name], mixed[name]) for name in names)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"image": "masked_tokens"},
            "cannot ask about column 'photo' · allowed: contrastive, masked_patches, rotation",
        ),
        ({"image": "masked_patch"}, "did you mean masked_patches?"),
        ({"image": {"name": "contrastive", "crp": 0.5}}, "unknown setting pretext.image.crp"),
        ({"text": {"share": 2}}, "setting pretext.text.share is not valid"),
    ],
)
def test_what_cannot_be_is_said(slots: dict[str, Slot], settings: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError) as error:
        PretextNetwork(layout(slots), SMALL, PretextSettings(**settings))
    assert said in str(error.value)


def test_films_have_no_pretext() -> None:
    with pytest.raises(SettingError, match="no pretext for column 'film'"):
        PretextNetwork(Layout.of([CLIP]), MixedSettings(clip={"name": "cnn", "width": 4}), PretextSettings())
