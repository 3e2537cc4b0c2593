"""One token of one text by NumPy alone: the work of a GPT's step where calls would take longer than sums.

A step of one row is some 25 small operations a layer, between products whose time is that of reading the weights.
NumPy calls an operation in a third of PyTorch's time, and on AMD's processors its library reads weights in half of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lamina.nn.projection import Projection
from lamina.nn.steps import Words
from lamina.nn.swiglu import SwiGLU
from lamina.nn.vocabulary import Vocabulary

__all__ = ["OneRow"]

Array = np.ndarray[Any, np.dtype[np.float32]]
Part = Callable[[Array], Array]


class _Layer(NamedTuple):
    """The parts of one layer, each from (width,) to its own width."""

    norm_attention: Part
    query_key_value: Part
    out: Part
    norm_feed: Part
    feed: Part


class OneRow:
    """A GPT that reads one token of one row, by the very weights of the network: they are not copied.

    Args:
        gpt: with ``words``, ``places``, ``rotary``, ``blocks`` and ``norm``, in float32 on the processor.
    """

    def __init__(self, gpt: Any) -> None:
        settings = gpt.settings
        self.heads = settings.heads
        self.width = settings.width // settings.heads
        self.words = _array(gpt.words.weight)
        self.places = None if gpt.places is None else _array(gpt.places.weight)
        self.rates = None if gpt.rotary is None else _array(gpt.rotary.rates)
        self.layers = [
            _Layer(
                _norm(block.norm_attention),
                _linear(block.attention.query_key_value),
                _linear(block.attention.out),
                _norm(block.norm_feed),
                _feed(block.feed),
            )
            for block in gpt.blocks
        ]
        self.norm = _norm(gpt.norm)
        self.logits = _product(self.words, None) if gpt.words.out is None else _linear(gpt.words.out)

    @classmethod
    def of(cls, gpt: Any) -> OneRow | None:
        """The same network, or None where it is not plain: other layers were put into it, or look on."""
        plain = all(type(layer) in _KNOWN or not list(layer.parameters(recurse=False)) for layer in gpt.modules())
        watched = any(layer._forward_hooks or layer._forward_pre_hooks for layer in gpt.modules())
        weights = [*gpt.parameters(), *gpt.buffers()]
        fits = all(weight.dtype == torch.float32 and weight.device.type == "cpu" for weight in weights)
        return cls(gpt) if plain and fits and not watched else None

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """None: a copy of the network has weights of its own to look at."""

    def read(self, token: int, place: int, cache: Tensor) -> Tensor:
        """Read a token at its place, and write its keys and values into the cache.

        Shape:
            cache (depth, 2, key_heads, C, D) -> logits (1, size)
        """
        x = self.words[token] + (0 if self.places is None else self.places[place])  # (width,), a copy
        turns = None if self.rates is None else self._turns(place)
        for layer, known in zip(self.layers, cache.numpy(), strict=True):
            x += layer.out(self._attended(layer.query_key_value(layer.norm_attention(x)), place, known, turns))
            x += layer.feed(layer.norm_feed(x))
        return torch.from_numpy(self.logits(self.norm(x)))[None]

    def _turns(self, place: int) -> tuple[Array, Array]:
        """Cosine (D / 2,) and signed sine (2, D / 2) of a place."""
        assert self.rates is not None
        angles = np.float32(place) * self.rates
        sine = np.sin(angles)
        return np.cos(angles), np.stack([-sine, sine])

    def _attended(self, parts: Array, place: int, known: Array, turns: tuple[Array, Array] | None) -> Array:
        """Attention of the one query to all places up to its own: (heads + 2 * key_heads) * D -> (width,)."""
        shared = known.shape[1]  # heads of keys
        parts = parts.reshape(-1, self.width)  # (heads + 2 * key_heads, D)
        turned = parts[:-shared]
        if turns is not None:
            pairs = turned.reshape(len(turned), 2, -1)  # (heads + key_heads, 2, D / 2)
            turned = (pairs * turns[0] + pairs[:, ::-1] * turns[1]).reshape(len(turned), -1)
        known[0, :, place] = turned[self.heads :]
        known[1, :, place] = parts[-shared:]
        keys, values = known[:, :, : place + 1]  # (key_heads, places, D)
        query = (turned[: self.heads] * np.float32(self.width**-0.5)).reshape(shared, -1, self.width)
        scores = query @ keys.swapaxes(1, 2)  # (key_heads, group, places)
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        found: Array = scores @ values  # (key_heads, group, D)
        found /= scores.sum(-1, keepdims=True)
        return found.reshape(-1)


_KNOWN: tuple[type[nn.Module], ...] = (Vocabulary, Words, Projection, nn.RMSNorm, nn.LayerNorm)


def _array(tensor: Tensor) -> Array:
    return tensor.detach().numpy()


def _product(weight: Array, bias: Array | None) -> Part:
    if bias is None:
        return lambda x: np.dot(weight, x)
    return lambda x: np.dot(weight, x) + bias


def _linear(layer: Any) -> Part:
    return _product(_array(layer.weight), None if layer.bias is None else _array(layer.bias))


def _norm(layer: Any) -> Part:
    weight, epsilon, width = _array(layer.weight), layer.eps, len(layer.weight)
    if isinstance(layer, nn.RMSNorm):
        return lambda x: x * np.float32((np.dot(x, x) / width + epsilon) ** -0.5) * weight
    bias = _array(layer.bias)

    def normed(x: Array) -> Array:
        centred = x - x.sum() / np.float32(width)
        return centred * np.float32((np.dot(centred, centred) / width + epsilon) ** -0.5) * weight + bias

    return normed


def _feed(layer: nn.Module) -> Part:
    if isinstance(layer, SwiGLU):
        gate_up, down = _linear(layer.gate_up), _linear(layer.down)
        return lambda x: down(_gated(gate_up(x)))
    assert isinstance(layer, nn.Sequential)
    first, last = _linear(layer[0]), _linear(layer[2])
    return lambda x: last(_gelu(first(x)))


def _gated(x: Array) -> Array:
    """silu of the first half times the second; silu(g) = g / 2 * (1 + tanh(g / 2)), which never overflows."""
    gate, up = x.reshape(2, -1)
    half = gate * np.float32(0.5)
    return (half + half * np.tanh(half)) * up


def _gelu(x: Array) -> Array:
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x ** 3)))."""
    inner = x * x
    inner *= np.float32(0.044715 * (2 / np.pi) ** 0.5)
    inner += np.float32((2 / np.pi) ** 0.5)
    inner *= x
    half = x * np.float32(0.5)
    return half + half * np.tanh(inner)
