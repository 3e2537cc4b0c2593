"""Which pretext each wide column is trained by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.backbones.base import Backbone
from lamina.config import check, setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot, field_of
from lamina.pretext import PRETEXTS
from lamina.pretext.base import Pretext

__all__ = ["PretextSettings", "named", "pretext_of"]

# What a column is asked if nobody says otherwise.
CHOSEN = {"image": "contrastive", "tokens": "masked_tokens", "frames": "masked_frames"}


@settings
class PretextSettings:
    """The pretext of each kind of column, by its name or as {name: ..., setting: value}."""

    image: str | dict[str, Any] = setting("auto", "Of pictures: contrastive, masked_patches or rotation.")
    text: str | dict[str, Any] = setting("auto", "Of texts: masked_tokens.")
    frames: str | dict[str, Any] = setting("auto", "Of sounds and series: masked_frames.")


def named(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the settings where a pretext's name alone was given: it is for all the columns that it can ask about.

    Raises:
        SettingError: if there is no such pretext.

    Example:
        >>> named("rotation", {"text": "auto"})
        {'text': 'auto', 'image': 'rotation'}
    """
    fields = [field_of(group) for group in PRETEXTS[name].groups]
    said = {field: values.get(field) for field in fields}
    return {
        **values,
        **{field: {**one, "name": name} if isinstance(one, Mapping) else name for field, one in said.items()},
    }


def pretext_of(backbone: Backbone, slot: Slot, settings: PretextSettings) -> Pretext:
    """The pretext that the settings name for a wide column.

    Raises:
        SettingError: if there is no such pretext, it cannot ask about such a column, or it has no such setting.
    """
    if slot.group not in CHOSEN:
        raise SettingError(
            f"there is no pretext for column {slot.column!r}", got=slot.group, allowed=", ".join(CHOSEN),
            do="leave the column out with --inputs",
        )  # fmt: skip
    field = field_of(slot.group)
    chosen = getattr(settings, field)
    values = {"name": chosen} if isinstance(chosen, str) else dict(chosen)
    name = values.pop("name", "auto")
    cls = PRETEXTS[CHOSEN[slot.group] if name == "auto" else name]
    if slot.group not in cls.groups:
        able = [other for other in PRETEXTS if slot.group in PRETEXTS[other].groups]
        raise SettingError(f"pretext {name} cannot ask about column {slot.column!r}", allowed=", ".join(able))
    return cls(backbone, slot, check(cls.Settings, values, f"pretext.{field}"))
