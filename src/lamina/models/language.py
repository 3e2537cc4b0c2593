"""A network that says which token comes next, after those before it and nothing else (Bengio et al. 2003)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from lamina.config import setting, settings
from lamina.decoders.base import decoder_of
from lamina.features.layout import Layout
from lamina.features.tokens import START
from lamina.models.base import Model

__all__ = ["Language", "LanguageSettings"]


@settings
class LanguageSettings:
    """The decoder by its name, or as {name: ..., setting: value}."""

    decoder: str | dict[str, Any] = setting("gpt", "What says which token comes next: gpt, gpt2, transformer_xl ...")


class Language(Model):
    """A decoder that reads windows of texts, or of nothing what begins one.

    Shape:
        ``tokens`` (B, T) int64, short windows filled up with zeros; ``segments`` (B, T) int64 where windows hold
        several texts; and for a decoder that remembers ``before`` (B, M), the tokens before each window,
        ``before.length`` (B,), how many of them are of the text that it begins in, and their ``before.segments``
        -> (B, T, outputs): logits of the token after each
    """

    Settings = LanguageSettings
    gives: ClassVar[str] = "next"

    def __init__(self, layout: Layout, outputs: int, settings: LanguageSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.decoder: Any = decoder_of(outputs, None, settings.decoder, "gpt")

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        tokens = inputs.get("tokens")
        if tokens is None:  # of rows of a table there is nothing to read: what a text begins with
            tokens = torch.full((len(inputs["number"]), 1), START)
        apart = {"segments": inputs["segments"]} if "segments" in inputs else {}
        if "before" not in inputs:
            return self.decoder(tokens, (tokens > 0).sum(1), **apart)
        with torch.no_grad():
            state = self.decoder.begin(None, len(tokens))
            before = inputs["before"]
            _, state = self.decoder.segment(before, None, state, inputs.get("before.segments"))
        state["length"] = inputs["before.length"].clamp(max=state["hidden"].shape[2])
        return self.decoder.segment(tokens, None, state, **apart)[0]
