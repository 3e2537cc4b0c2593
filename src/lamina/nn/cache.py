"""Keys and values of places that were read before, so that each new one costs itself alone.

A cache is (B, depth, 2, heads, C, D): of each row, each layer, the keys and the values of its first places, from the
left. There is room for C places; what stands beyond a row's length is never looked at, and is written over.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Span", "grown", "new_cache", "span_of", "written"]

ROOM = 64  # places for which there is room at first; it doubles


class Span(NamedTuple):
    """Where the places of one step stand in their rows, and what they look at.

    Attributes:
        places: (B, n), from 0.
        start: the first place, where all rows have the same.
        end: behind the last place of any row.
        mask: (B, 1, n, end) bool, what each place looks at; None where that is all up to ``end``.
    """

    places: Tensor
    start: int | None
    end: int
    mask: Tensor | None


def span_of(length: Tensor, count: int) -> Span:
    """The span of ``count`` places that come after the first ``length`` (B,) of each row.

    Example:
        >>> span_of(torch.tensor([3, 3]), 1).end
        4
    """
    known = length.tolist()
    start, end = min(known), max(known) + count
    places = length[:, None]
    if count > 1:
        places = places + torch.arange(count, device=length.device)
    if end - count != start:
        return Span(places, None, end, _mask(places, end))
    return Span(places, start, end, _mask(places, end) if count > 1 else None)


def _mask(places: Tensor, end: int) -> Tensor:
    return (torch.arange(end, device=places.device) <= places[:, :, None])[:, None]  # (B, 1, n, end)


def new_cache(rows: int, depth: int, heads: int, width: int, like: Tensor) -> Tensor:
    """An empty cache on the device and in the dtype of a tensor; ``width`` is that of a head."""
    return like.new_zeros(rows, depth, 2, heads, ROOM, width)  # zeros: a weight of 0 times anything must be 0


def grown(cache: Tensor, end: int) -> Tensor:
    """The same cache with room for at least ``end`` places.

    Example:
        >>> grown(torch.zeros(1, 1, 2, 1, 64, 4), 65).shape
        torch.Size([1, 1, 2, 1, 128, 4])
    """
    room = cache.shape[4]
    if end <= room:
        return cache
    larger = cache.new_zeros(*cache.shape[:4], max(2 * room, end), cache.shape[5])
    larger[:, :, :, :, :room] = cache
    return larger


def written(layer: Tensor, keys: Tensor, values: Tensor, span: Span) -> tuple[Tensor, Tensor]:
    """Write the keys and values of a span, and give those of all places up to its end.

    Shape:
        layer (B, 2, heads, C, D) of a cache, which is written to; keys and values (B, n, heads, D)
        -> (B, heads, end, D) each
    """
    known_keys, known_values = layer.unbind(1)  # (B, heads, C, D)
    if span.start is None:
        rows = torch.arange(len(layer), device=layer.device)[:, None]
        known_keys[rows, :, span.places] = keys.to(layer.dtype)  # (B, n, heads, D): indexed axes come first
        known_values[rows, :, span.places] = values.to(layer.dtype)
    else:
        known_keys[:, :, span.start : span.end] = keys.transpose(1, 2)
        known_values[:, :, span.start : span.end] = values.transpose(1, 2)
    return known_keys[:, :, : span.end], known_values[:, :, : span.end]
