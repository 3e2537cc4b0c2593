"""Column types: how a column's cells are checked, learned from, encoded and decoded. No torch here."""

from lamina.features.base import Claim, Feature, Profile, Slot
from lamina.names import Names

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
