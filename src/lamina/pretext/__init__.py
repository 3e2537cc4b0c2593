"""What a network can learn from rows that nobody has labelled, one a file."""

from lamina.names import Names

__all__ = ["PRETEXTS"]

PRETEXTS = Names(
    "pretext",
    {
        "contrastive": "lamina.pretext.contrastive:Contrastive",
        "masked_patches": "lamina.pretext.masked_patches:MaskedPatches",
        "rotation": "lamina.pretext.rotation:Rotation",
        "masked_tokens": "lamina.pretext.masked_tokens:MaskedTokens",
        "masked_frames": "lamina.pretext.masked_frames:MaskedFrames",
    },
    group="lamina.pretexts",
)
