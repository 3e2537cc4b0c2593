"""Sounds and series: each operation does what its settings say."""

from __future__ import annotations

import pytest
import torch

from lamina.augment import series, sound
from lamina.augment.draws import Draws
from lamina.augment.settings import kind_of
from lamina.features.base import Slot

ROWS, STEPS, CHANNELS = 300, 40, 6
LENGTHS = torch.tensor([40, 25, 1] * 100)
RAMP = torch.arange(float(STEPS))[None, :, None].expand(ROWS, STEPS, CHANNELS)
FRAMES = torch.randn(ROWS, STEPS, CHANNELS, generator=torch.Generator().manual_seed(1))


def draws(seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), ROWS)


def test_gain_is_one_amount_a_row() -> None:
    added = sound.gain(FRAMES, draws(), 0.5) - FRAMES
    assert torch.allclose(added, added[:, :1, :1].expand_as(added), atol=1e-5)
    assert -0.5 <= float(added.min()) < -0.4 and 0.4 < float(added.max()) <= 0.5 + 1e-5


def test_noise_has_its_deviation() -> None:
    added = sound.noise(FRAMES, draws(), 0.2) - FRAMES
    assert float(added.std()) == pytest.approx(0.2, abs=0.005)
    assert float(added.mean()) == pytest.approx(0.0, abs=0.005)


def test_shift_moves_and_repeats_the_ends() -> None:
    moved = sound.shift(RAMP, LENGTHS, draws(), 0.25)[..., 0]
    for row, length in zip(moved[:60], LENGTHS[:60].tolist(), strict=True):
        inside = row[:length]
        by = int((inside - torch.arange(length)).median())
        assert abs(by) <= round(0.25 * length)
        assert torch.equal(inside, (torch.arange(float(length)) + by).clamp(0, length - 1))


def test_time_masks_hide_stretches_inside_the_row() -> None:
    ones = torch.ones_like(FRAMES)
    hidden = sound.mask_times(ones, LENGTHS, draws(), 1, 0.5) == 0
    assert torch.equal(hidden, hidden[..., :1].expand_as(hidden))
    hidden = hidden[..., 0]
    edges = hidden.int().diff(dim=1).abs().sum(1) + hidden[:, 0].int()
    assert int(edges.max()) <= 2, "it is one stretch"
    assert bool((hidden.sum(1) <= (0.5 * LENGTHS).round()).all())
    assert not bool((hidden & (torch.arange(STEPS) >= LENGTHS[:, None])).any())
    assert int(hidden[LENGTHS == 40].sum(1).max()) == 20


def test_band_masks_hide_channels_at_all_times() -> None:
    hidden = sound.mask_bands(torch.ones_like(FRAMES), draws(), 2, 0.5) == 0
    assert torch.equal(hidden, hidden[:, :1].expand_as(hidden))
    assert 3 < int(hidden[:, 0].sum(1).max()) <= 6


def test_scale_is_one_factor_a_channel() -> None:
    factor = series.scale(RAMP + 1, draws(), 0.1) / (RAMP + 1)
    assert torch.allclose(factor, factor[:, :1].expand_as(factor), atol=1e-5)
    assert float(factor[:, 0].std()) == pytest.approx(0.1, abs=0.01)


def test_warped_time_rises_from_the_first_to_the_last_step() -> None:
    warped = series.warp(RAMP, LENGTHS, draws(), 0.5)[..., 0]
    for row, length in zip(warped, LENGTHS.tolist(), strict=True):
        assert row[0] == 0
        assert float(row[length - 1]) == pytest.approx(length - 1, abs=1e-3)
        assert bool((row[:length].diff() > 0).all())
    assert float((warped - RAMP[..., 0])[LENGTHS == 40].abs().max()) > 2
    still = series.warp(FRAMES, LENGTHS, draws(), 0.0)
    there = torch.arange(STEPS) < LENGTHS[:, None]
    assert torch.allclose(still[there], FRAMES[there], atol=1e-4)


def test_a_window_is_a_stretch_of_the_row() -> None:
    out, kept = series.window(RAMP, LENGTHS, draws(), 0.5)
    assert bool((kept >= (0.5 * LENGTHS).floor()).all()) and bool((kept <= LENGTHS).all())
    assert int(kept[LENGTHS == 40].min()) < 24
    starts = set()
    for row, length, whole in zip(out[..., 0], kept.tolist(), LENGTHS.tolist(), strict=True):
        assert torch.equal(row[:length], row[0] + torch.arange(float(length)))
        assert float(row[0]) + length <= whole
        starts.add(float(row[0]))
    assert len(starts) > 10


def test_a_sound_is_known_by_its_bands() -> None:
    assert kind_of(Slot("voice", "bands", "frames", shape=(64,))) == "sound"
    assert kind_of(Slot("sensor", "value", "frames", shape=(64,))) == "series"
