"""Attention to what stands before, for networks that write one token after the other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.nn.cache import Span, written
from lamina.nn.projection import Projection
from lamina.nn.rotary import Turns, turn

__all__ = ["CausalAttention", "CrossAttention", "mixed"]


class CausalAttention(nn.Module):
    """Multi-head self-attention in which a place looks at itself and at those before it (Vaswani et al. 2017).

    Args:
        width: of a place's vector.
        heads: they share the width.
        key_heads: heads of keys and values, each shared by a group of query heads (Ainslie et al. 2023); all if None.
        bias: whether the linear layers have one.
        dropout: share of attention weights dropped in training.
        deviation: of the start of the last layer; see :class:`~lamina.nn.projection.Projection`.

    Shape:
        x (B, T, width); turns of the places, where positions are rotary; mask (B, 1, T, T) bool of what each place
        looks at, in the place of all before it -> (B, T, width)

    Example:
        >>> import torch
        >>> CausalAttention(8, heads=4, key_heads=2)(torch.zeros(3, 5, 8)).shape
        torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_heads: int | None = None,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        deviation: float | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.key_heads = heads, key_heads or heads
        assert width % heads == 0 and heads % self.key_heads == 0
        self.dropout = dropout
        self.query_key_value = Projection(width, width // heads * (heads + 2 * self.key_heads), bias)
        self.out = Projection(width, width, bias, deviation)

    def _parts(self, x: Tensor, turns: Turns | None) -> tuple[Tensor, ...]:
        """Queries (B, T, heads, D), keys and values (B, T, key_heads, D)."""
        parts = self.query_key_value(x).unflatten(-1, (self.heads + 2 * self.key_heads, -1))
        if turns is None:
            return parts.split((self.heads, self.key_heads, self.key_heads), 2)
        turned = turn(parts[:, :, : -self.key_heads], turns)
        return *turned.split((self.heads, self.key_heads), 2), parts[:, :, -self.key_heads :]

    def forward(self, x: Tensor, turns: Turns | None = None, mask: Tensor | None = None) -> Tensor:
        query, key, value = (part.transpose(1, 2) for part in self._parts(x, turns))
        dropout = self.dropout if self.training else 0.0
        found = mixed(query, *self._spread(key, value), mask, dropout, causal=mask is None)
        return self.out(found.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, layer: Tensor, span: Span, turns: Turns | None = None) -> Tensor:
        """The same for places that come after others, whose keys and values are known.

        Shape:
            x (B, n, width), layer (B, 2, key_heads, C, D) of a cache, which is written to -> (B, n, width)
        """
        query, key, value = self._parts(x, turns)
        keys, values = written(layer, key, value, span)
        if x.shape[1] > 1:
            found = mixed(query.transpose(1, 2), *self._spread(keys, values), span.mask)
            return self.out(found.transpose(1, 2).flatten(2))
        # One query is too little work for a kernel of its own, and heads in groups need not be copied.
        grouped = query.reshape(len(x), self.key_heads, -1, query.shape[-1])  # (B, key_heads, group, D)
        scores = grouped * query.shape[-1] ** -0.5 @ keys.mT
        if span.mask is not None:
            scores = scores.masked_fill(~span.mask, float("-inf"))
        return self.out((scores.softmax(-1) @ values).reshape(x.shape))

    def _spread(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values for every head of queries: (B, key_heads, T, D) -> (B, heads, T, D)."""
        if self.key_heads == self.heads:
            return keys, values
        group = self.heads // self.key_heads
        return keys.repeat_interleave(group, 1), values.repeat_interleave(group, 1)


class CrossAttention(nn.Module):
    """Multi-head attention of the places of a text to those of what it is written from.

    Args:
        width: of a place's vector.
        heads: they share the width.
        memory: width of a place of what is looked at.
        dropout: share of attention weights dropped in training.

    Shape:
        x (B, T, width); keys and values from :meth:`keys_values`; (B, S) bool of places that are looked at, at least
        one a row -> (B, T, width)

    Example:
        >>> import torch
        >>> attention, there = CrossAttention(8, heads=2, memory=3), torch.ones(1, 4, dtype=torch.bool)
        >>> attention(torch.zeros(1, 5, 8), attention.keys_values(torch.zeros(1, 4, 3)), there).shape
        torch.Size([1, 5, 8])
    """

    def __init__(self, width: int, heads: int, memory: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert width % heads == 0
        self.heads = heads
        self.dropout = dropout
        self.query = Projection(width, width)
        self.key_value = Projection(memory, 2 * width)
        self.out = Projection(width, width)

    def keys_values(self, memory: Tensor) -> Tensor:
        """What every text of these rows looks at, worked out once: (B, S, memory) -> (B, 2, heads, S, D)."""
        return self.key_value(memory).unflatten(-1, (2, self.heads, -1)).permute(0, 2, 3, 1, 4)

    def _query(self, x: Tensor) -> Tensor:
        return self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, D)

    def forward(self, x: Tensor, keys_values: Tensor, there: Tensor) -> Tensor:
        keys, values = keys_values.unbind(1)
        dropout = self.dropout if self.training else 0.0
        found = mixed(self._query(x), keys, values, there[:, None, None], dropout)
        return self.out(found.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, keys_values: Tensor, there: Tensor) -> Tensor:
        """How much each place looks at each of the memory, (B, heads, T, S), summing to 1 over the last axis."""
        query = self._query(x)
        scores = query * query.shape[-1] ** -0.5 @ keys_values[:, 0].mT
        return scores.masked_fill(~there[:, None, None], float("-inf")).softmax(-1)


def mixed(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float = 0.0, causal: bool = False
) -> Tensor:
    """softmax(Q K' / sqrt(D)) V over the places that the mask allows; (B, heads, T, D) each -> the same as Q.

    In bfloat16 on a processor the formula takes a fifth of the time of PyTorch's kernel and its gradient, and one query
    less too.
    """
    plain = query.device.type == "cpu" and (query.shape[2] == 1 or query.dtype == torch.bfloat16)
    if not plain:
        return F.scaled_dot_product_attention(query, key, value, mask, dropout_p=dropout, is_causal=causal)
    scores = query * query.shape[-1] ** -0.5 @ key.mT  # (B, heads, T, S)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return F.dropout(scores.softmax(-1).to(value.dtype), dropout) @ value
