"""Settings of a conversation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lamina.config import setting, settings
from lamina.decoding.settings import DecodingSettings

__all__ = ["ChatSettings"]


@settings
class ChatSettings(DecodingSettings):
    """How a conversation is held, and how answers are drawn."""

    how: Literal["greedy", "sample"] = setting("greedy", "Always the likeliest token, or tokens by chance.")
    longest: int = setting(512, "Tokens of an answer at most, the end among them.", ge=1)
    alternatives: Literal[1] = setting(1, "Answers to each turn.")
    system: str = setting("", "What the network is told before the first turn, such as how it is to answer.")
    context: Annotated[int, Field(ge=8)] | Literal["auto"] = setting(
        "auto",
        "Tokens of a conversation that the network reads, an answer's among them; older turns are left out. "
        "auto: as many as it can.",
    )
