"""Settings by group, and which columns they reach."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina.augment.base import make_augment
from lamina.augment.settings import AugmentSettings, check_augment, settings_of
from lamina.config import as_dict, check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.testing.augment import sample_batch, sample_wide_layout


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"image": {"rotat": 5}}, "unknown setting augment.image.rotat .* did you mean rotate"),
        ({"image": {"rotate": 500}}, "augment.image.rotate"),
        ({"text": {"dropout": 1.0}}, "augment.text.dropout"),
        ({"frames": {"warp": -1}}, "augment.frames.warp"),
        ({"clip": {"flip": "sideways"}}, "augment.clip.flip"),
    ],
)
def test_a_plan_is_refused_before_there_is_a_table(values: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        check_augment(check(AugmentSettings, values, "augment"))


@pytest.mark.parametrize("values", [{"image": "strong"}, {"frame": "none"}, {"mix_up": -1}])
def test_an_unknown_word_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="augment"):
        check(AugmentSettings, values, "augment")


def test_settings_are_plain_values() -> None:
    settings = AugmentSettings(image={"rotate": 5}, text="none", mix_up=0.2)
    assert check(AugmentSettings, as_dict(settings)) == settings


def test_auto_is_what_is_changed() -> None:
    voice, sensor = (Slot("a", part, "frames", shape=(3,)) for part in ("bands", "value"))
    settings = AugmentSettings(frames={"gain": 0.3})
    assert (settings_of(voice, settings).gain, settings_of(voice, settings).time_masks) == (0.3, 1)
    assert (settings_of(sensor, settings).gain, settings_of(sensor, settings).noise) == (0.3, 0.05)
    assert settings_of(Slot("a", "value", "image"), AugmentSettings(image={"erase": 0})).crop == 0.125


def test_none_and_plain_columns_need_no_augmentation() -> None:
    none = AugmentSettings(image="none", text="none", frames="none", clip="none")
    assert make_augment(sample_wide_layout(), none) is None
    assert make_augment(Layout.of([Slot("age", "value", "number")]), AugmentSettings()) is None


def test_a_group_leaves_the_others_alone() -> None:
    layout = sample_wide_layout()
    inputs = sample_batch(layout, 9)
    augment = make_augment(layout, AugmentSettings(image="none", text={"dropout": 0.5}, frames="none", clip="none"))
    assert augment is not None
    out = augment(inputs, torch.Generator().manual_seed(0))
    assert [name for name in inputs if out[name] is not inputs[name]] == ["tokens002"]


def test_auto_flips_only_where_it_is_safe() -> None:
    layout = Layout.of([Slot(name, "value", "image", shape=(6, 6, 1)) for name in ("face", "digit")])
    inputs = sample_batch(layout, 60, lengths=torch.ones(60, dtype=torch.long))
    settings = AugmentSettings(image={"crop": 0, "erase": 0})
    augment = make_augment(layout, settings, {"image000": (True, False)})
    assert augment is not None
    out = augment(inputs, torch.Generator().manual_seed(0))
    flipped = (out["image000"] == inputs["image000"].flip(2)).flatten(1).all(1)
    assert 15 < int(flipped.sum()) < 45
    assert torch.equal(out["image001"], inputs["image001"])
