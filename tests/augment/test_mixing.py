"""Mixed rows are mixtures, by the weight that their losses get."""

from __future__ import annotations

import pytest
import torch

from lamina.augment.mixing import Mix, make_mix
from lamina.augment.settings import AugmentSettings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.testing.augment import sample_batch

PHOTO = Slot("photo", "value", "image", shape=(10, 8, 3))
VOICE = Slot("voice", "bands", "frames", shape=(4,), length=9)
NOTE = Slot("note", "value", "tokens", size=50, length=5)
AGE = Slot("age", "value", "number")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_mix_up_is_the_weighted_sum() -> None:
    layout = Layout.of([PHOTO, VOICE])
    inputs = sample_batch(layout, 12)
    mixed = Mix(layout, mix_up=1.0)(inputs, seeded(0))
    assert 0 < mixed.weight < 1
    for name in ("image000", "frames001"):
        values = inputs[name].float()
        wanted = mixed.weight * values + (1 - mixed.weight) * values[mixed.partner]
        assert torch.allclose(mixed.inputs[name], wanted, atol=1e-3)
        lengths = inputs[f"{name}.length"]
        assert torch.equal(mixed.inputs[f"{name}.length"], torch.maximum(lengths, lengths[mixed.partner]))


def test_cut_mix_gives_the_share_that_stays() -> None:
    layout = Layout.of([PHOTO])
    inputs = sample_batch(layout, 30)
    for seed in range(20):
        mixed = Mix(layout, cut_mix=1.0)(inputs, seeded(seed))
        before, after = inputs["image000"], mixed.inputs["image000"]
        assert after.dtype == torch.uint8
        own, other = (after == before).all(3), (after == before[mixed.partner]).all(3)
        assert bool((own | other).all())
        there = (inputs["image000.length"] > 0) & (mixed.partner != torch.arange(30))
        stays = own[there].float().mean((1, 2))
        assert float(stays.min()) == pytest.approx(mixed.weight, abs=1e-5)


def test_a_missing_row_is_its_own_partner() -> None:
    layout = Layout.of([PHOTO, VOICE])
    inputs = sample_batch(layout, 12)
    inputs["frames001.length"][0] = 0
    partner = Mix(layout, mix_up=1.0)(inputs, seeded(1)).partner
    there = (inputs["image000.length"] > 0) & (inputs["frames001.length"] > 0)
    assert torch.equal(partner[~there], torch.arange(12)[~there])
    assert bool(there[partner[there]].all())
    assert not torch.equal(partner, torch.arange(12))


def test_it_is_a_function_of_its_seed_and_leaves_its_inputs() -> None:
    layout = Layout.of([PHOTO])
    inputs = sample_batch(layout, 12)
    kept = inputs["image000"].clone()
    mix = Mix(layout, mix_up=0.4, cut_mix=1.0)
    for seed in range(6):
        one, other = mix(inputs, seeded(seed)), mix(inputs, seeded(seed))
        assert one.weight == other.weight
        assert torch.equal(one.partner, other.partner)
        assert torch.equal(one.inputs["image000"], other.inputs["image000"])
    assert torch.equal(inputs["image000"], kept)
    kinds = {mix(inputs, seeded(seed)).inputs["image000"].dtype for seed in range(20)}
    assert kinds == {torch.uint8, torch.float32}, "a coin decides between the two"


def test_weights_follow_the_beta_distribution() -> None:
    layout = Layout.of([Slot("photo", "value", "image", shape=(1, 1, 1))])
    inputs = sample_batch(layout, 2)
    mix = Mix(layout, mix_up=0.2)
    weights = torch.tensor([mix(inputs, seeded(seed)).weight for seed in range(400)])
    assert float(weights.mean()) == pytest.approx(0.5, abs=0.06)
    assert float(weights.var()) == pytest.approx(0.25 / 1.4, abs=0.02)  # of Beta(a, a): 1 / (4 (2 a + 1))


@pytest.mark.parametrize("slots", [[PHOTO, AGE], [PHOTO, NOTE], [NOTE]])
def test_words_and_plain_values_cannot_be_mixed(slots: list[Slot]) -> None:
    with pytest.raises(SettingError, match=r"augment\.mix_up .* set augment\.mix_up to 0"):
        make_mix(Layout.of(slots), AugmentSettings(mix_up=0.2))


@pytest.mark.parametrize("slots", [[PHOTO, PHOTO], [VOICE]])
def test_rectangles_are_for_one_picture(slots: list[Slot]) -> None:
    with pytest.raises(SettingError, match=r"augment\.cut_mix"):
        make_mix(Layout.of(slots), AugmentSettings(cut_mix=1.0))


def test_nothing_asked_for_is_none() -> None:
    assert make_mix(Layout.of([AGE]), AugmentSettings()) is None
