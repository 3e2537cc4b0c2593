"""Column types: how a column's cells are checked, learned from, encoded and decoded. No torch here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lamina.names import Names

if TYPE_CHECKING:
    from lamina.features.base import Claim, Feature, Profile, Slot

__all__ = ["FEATURES", "Claim", "Feature", "Profile", "Slot"]

FEATURES = Names(
    "feature",
    {
        "number": "lamina.features.number:Number",
        "category": "lamina.features.category:Category",
        "boolean": "lamina.features.boolean:Boolean",
        "date": "lamina.features.date:Date",
        "labels": "lamina.features.labels:Labels",
        "text": "lamina.features.text:Text",
        "tags": "lamina.features.tags:Tags",
        "span": "lamina.features.span:Span",
        "sentence": "lamina.features.sentence:Sentence",
        "dialogue": "lamina.features.dialogue:Dialogue",
        "image": "lamina.features.image:Image",
        "clip": "lamina.features.clip:Clip",
        "audio": "lamina.features.audio:Audio",
        "music": "lamina.features.music:Music",
        "series": "lamina.features.series:Series",
        "identifier": "lamina.features.identifier:Identifier",
        "constant": "lamina.features.constant:Constant",
    },
    group="lamina.features",
)


def __getattr__(name: str) -> Any:
    # Imported when asked for: a process that only decodes pictures starts in half the time without polars.
    if name in __all__:
        return getattr(importlib.import_module("lamina.features.base"), name)
    raise AttributeError(f"module 'lamina.features' has no attribute {name!r}")
