"""Sounds and series: every setting."""

from __future__ import annotations

from torch import Tensor

from lamina.augment import series, sound
from lamina.augment.draws import Draws
from lamina.augment.settings import FramesSettings

__all__ = ["augment_frames"]


def augment_frames(frames: Tensor, lengths: Tensor, draws: Draws, settings: FramesSettings) -> tuple[Tensor, Tensor]:
    """All that the settings ask for. What fills up short rows is not zero any more.

    Shape:
        (B, T, channels) float32, (B,) int64 -> (B, T, channels), (B,)
    """
    if settings.window < 1:
        frames, lengths = series.window(frames, lengths, draws, settings.window)
    if settings.warp:
        frames = series.warp(frames, lengths, draws, settings.warp)
    if settings.shift:
        frames = sound.shift(frames, lengths, draws, settings.shift)
    if settings.scale:
        frames = series.scale(frames, draws, settings.scale)
    if settings.gain:
        frames = sound.gain(frames, draws, settings.gain)
    if settings.noise:
        frames = sound.noise(frames, draws, settings.noise)
    if settings.time_masks:
        frames = sound.mask_times(frames, lengths, draws, settings.time_masks, settings.time_share)
    if settings.band_masks:
        frames = sound.mask_bands(frames, draws, settings.band_masks, settings.band_share)
    return frames, lengths
