"""Settings of pre-trained weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lamina.config import setting, settings

__all__ = ["Learn", "WeightsSettings"]

Learn = Literal["auto", "all", "head", "last", "lora"]


@settings
class WeightsSettings:
    """Weights to start from, and how they learn on. What has no weights to start from learns as a whole."""

    source: str | None = setting(
        None,
        "A run's folder; weights of a known network (.npz, .safetensors); or a transformers model, its folder or its "
        "name on the hub.",
    )
    learn: Learn = setting(
        "auto",
        "all: everything; head: only what follows the pre-trained network; last: its last part and the head; "
        "lora: a low-rank addition to its linear layers, those of attention in a chat model, and the head (Hu et al. "
        "2021); auto: lora for a chat model, else all.",
    )
    rate: Annotated[float, Field(gt=0, le=10)] | Literal["auto"] = setting(
        "auto",
        "Step size of the last pre-trained part, as a share of the head's, for all and last; auto: 0.05 where linear "
        "layers hold most of its weights, as in a Transformer, else 0.3.",
    )
    rate_decay: float = setting(
        0.8, "By what the step size shrinks from each pre-trained part to the one before it. 1: not at all.", gt=0, le=1
    )
    unfreeze: float = setting(
        0.0,
        "Epochs until the last pre-trained part begins to learn, and then each next one before it (Howard and Ruder "
        "2018). 0: all begin at once.",
        ge=0,
    )
    rank: int = setting(8, "Rank of what lora adds.", ge=1, le=1024)
