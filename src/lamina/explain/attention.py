"""Where attention looks: the weights of every layer and head over words, patches, moments or columns of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.nn.attention import Attention
from lamina.nn.pooling import AttentionPool

__all__ = ["Looks", "attention"]


class Looks(NamedTuple):
    """Weights of one layer for one row.

    Attributes:
        name: of the module.
        weights: (heads, places, places) of a layer, each row summing to 1; (1, 1, places) of a pooling.
        is_pool: whether it is how places become one vector.
    """

    name: str
    weights: Tensor
    is_pool: bool


def attention(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Looks]:
    """The attention weights of a row, in the order in which the layers run.

    They are computed beside the network, by formula from what each layer was given: the layers themselves stay as they
    are, and as fast. A weight says where a layer took from, and not by itself why the network answered as it did.

    Args:
        model: in evaluation mode.
        inputs: of one row.
    """
    found: list[Looks] = []

    def listen(name: str, module: Any) -> Any:
        def look(_: nn.Module, given: tuple[Any, ...]) -> None:
            x = given[0]
            if len(x) != 1:
                return  # pictures of a film, which are no places of one another
            weights = module.weights(*given[:2])
            is_pool = isinstance(module, AttentionPool)
            found.append(Looks(name, weights[:, None] if is_pool else weights[0], is_pool))

        return look

    handles = [
        module.register_forward_pre_hook(listen(name, module))
        for name, module in model.named_modules()
        if isinstance(module, Attention | AttentionPool)
    ]
    try:
        with torch.inference_mode():
            model(dict(inputs))
    finally:
        for handle in handles:
            handle.remove()
    return found
