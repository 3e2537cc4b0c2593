"""Every setting of augmentation. No torch here."""

from __future__ import annotations

from typing import Any, Literal

from lamina.config import check, setting, settings
from lamina.features.base import Slot, field_of

__all__ = [
    "AUTO", "AugmentSettings", "Edges", "FramesSettings", "PictureSettings", "TextSettings", "check_augment", "kind_of",
    "settings_of",
]  # fmt: skip

Edges = Literal["reflect", "black"]
Chosen = Literal["auto", "none"] | dict[str, Any]

# What is done to each kind if nobody says otherwise.
AUTO: dict[str, dict[str, Any]] = {
    "sound": {"shift": 0.1, "time_masks": 1, "band_masks": 1},
    "series": {"noise": 0.05},
}


@settings
class PictureSettings:
    """What happens to pictures and films in training; the pictures of one film have the same fate."""

    flip: Literal["auto", "none", "horizontal", "vertical", "both"] = setting(
        "auto", "Exchange left and right, top and bottom, in half of the pictures; auto: where it keeps the class."
    )
    crop: float = setting(
        0.125,
        "Share of each side by which a picture is padded before its size is cut out anywhere; nothing where "
        "resized_crop is below 1, which takes its place.",
        ge=0,
        le=0.5,
    )
    resized_crop: float = setting(
        1.0, "Smallest share of the area that is cut out and brought back to size; 1: all of it.", gt=0, le=1
    )
    rotate: float = setting(0.0, "Most degrees of a turn.", ge=0, le=180)
    zoom: float = setting(0.0, "Most by which a picture gets larger or smaller, as a share.", ge=0, lt=1)
    shift: float = setting(0.0, "Most of a move, between pixels too, as a share of the side.", ge=0, le=0.5)
    brightness: float = setting(0.0, "Most by which the light's factor differs from 1.", ge=0, le=1)
    contrast: float = setting(0.0, "Most by which the contrast's factor differs from 1.", ge=0, le=1)
    saturation: float = setting(0.0, "Most by which the colour's factor differs from 1.", ge=0, le=1)
    hue: float = setting(0.0, "Most turn of the colour wheel, of one.", ge=0, le=0.5)
    erase: float = setting(0.25, "Share of the pictures in which noise covers a rectangle.", ge=0, le=1)
    operations: int = setting(0, "RandAugment: operations a picture, drawn from a list.", ge=0, le=10)
    strength: float = setting(0.3, "RandAugment: strength of its operations; 0.3 is the paper's 9 of 30.", ge=0, le=1)
    edges: Edges = setting("reflect", "What a moved picture shows beside itself: its mirror image, or black.")


@settings
class TextSettings:
    """What happens to texts in training."""

    dropout: float = setting(0.0, "Share of tokens that are dropped.", ge=0, lt=1)
    dropped: Literal["unknown", "removed"] = setting(
        "unknown", "What becomes of a dropped token: it turns into an unknown one, or the text gets shorter."
    )
    swap: float = setting(0.0, "Share of neighbours that change places.", ge=0, le=1)


@settings
class FramesSettings:
    """What happens to sounds and series in training, each standardised. All is off but what auto does: for sounds
    ``shift`` 0.1 and a mask of each kind, for series ``noise`` 0.05."""

    gain: float = setting(0.0, "Most that is added to a whole row: a sound's loudness.", ge=0)
    noise: float = setting(0.0, "Deviation of the noise that is added to every value.", ge=0)
    scale: float = setting(0.0, "Deviation of the factor of each channel.", ge=0)
    shift: float = setting(0.0, "Most of a move in time, as a share of the row.", ge=0, le=1)
    warp: float = setting(
        0.0, "How much time is stretched and squeezed: deviation of the speed's logarithm.", ge=0, le=2
    )
    window: float = setting(1.0, "Smallest share of a row that is kept; 1: all of it.", gt=0, le=1)
    time_masks: int = setting(0, "Stretches of time that are hidden.", ge=0, le=20)
    time_share: float = setting(0.1, "Most that one of them covers, as a share of the row.", ge=0, le=1)
    band_masks: int = setting(0, "Bands of neighbouring channels that are hidden.", ge=0, le=20)
    band_share: float = setting(0.15, "Most that one of them covers, as a share of the channels.", ge=0, le=1)


def kind_of(slot: Slot) -> str:
    """Whether a slot of frames is a sound or a series."""
    return "sound" if slot.part == "bands" else "series"


@settings
class AugmentSettings:
    """What is done to the inputs in training, by group: auto, none, or {name: value} to change auto."""

    image: Chosen = setting("auto", "Pictures; auto: crop, erase, and flips where they keep the class.")
    text: Chosen = setting("auto", "Texts; auto: nothing.")
    frames: Chosen = setting("auto", "Sounds and series; auto: sounds are shifted and masked, series a little noisy.")
    clip: Chosen = setting("auto", "Films; auto: as pictures, all of one film alike.")
    mix_up: float = setting(
        0.0, "Mix pictures or sounds in pairs, and their losses; strength of Zhang et al. 2018, such as 0.2.", ge=0
    )
    cut_mix: float = setting(
        0.0, "Put a rectangle of another picture into each, and mix their losses; Yun et al. 2019, such as 1.", ge=0
    )


# Group of slots -> what can be set of it.
_CLASSES: dict[str, type] = {
    "image": PictureSettings, "tokens": TextSettings, "frames": FramesSettings, "clip": PictureSettings
}  # fmt: skip


def settings_of(slot: Slot, settings: AugmentSettings) -> Any:
    """The settings of a wide column's group, or None where nothing is to be done.

    Raises:
        SettingError: if there is no such setting, or its value is out of bounds.

    Example:
        >>> settings_of(Slot("photo", "value", "image", shape=(8, 8, 3)), AugmentSettings(image={"rotate": 10})).rotate
        10.0
    """
    field = field_of(slot.group)
    chosen = getattr(settings, field)
    if chosen == "none":
        return None
    auto = AUTO[kind_of(slot)] if slot.group == "frames" else {}
    found: Any = check(_CLASSES[slot.group], auto | ({} if chosen == "auto" else chosen), f"augment.{field}")
    return None if isinstance(found, TextSettings) and not (found.dropout or found.swap) else found


def check_augment(settings: AugmentSettings) -> None:
    """Check the settings of every group, before there is a table.

    Raises:
        SettingError: if there is no such setting, or its value is out of bounds.

    Example:
        >>> check_augment(AugmentSettings(text={"dropout": 0.2}))
    """
    for group in _CLASSES:
        settings_of(Slot("", "value", group), settings)
