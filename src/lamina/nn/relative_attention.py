"""Attention by content and by distance (Transformer-XL, Dai et al. 2019)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.nn.cache import Span, written
from lamina.nn.projection import Projection

__all__ = ["RelativeAttention"]


class RelativeAttention(nn.Module):
    """Multi-head attention of a segment to itself and to what stood before it, which knows distances alone.

    The score of query i and key j is ``(q + u) . k + (q + v) . W r``, over ``sqrt(D)``, where r are the sines of their
    distance i - j, and u and v what a head looks for whatever the query. So keys mean the same wherever a segment
    begins.

    Args:
        width: of a place's vector.
        heads: they share the width.
        dropout: share of attention weights dropped in training.

    Shape:
        x (B, M + T, width), of which the last T places ask; sines (M + T, width) of the distances from 0 on; mask
        (B or 1, T, M + T) bool of what each looks at -> (B, T, width)

    Example:
        >>> import torch
        >>> from lamina.nn.positions import sines
        >>> mask = torch.ones(1, 3, 5, dtype=torch.bool).tril(2)
        >>> RelativeAttention(8, heads=2)(torch.zeros(1, 5, 8), sines(5, 8), mask).shape
        torch.Size([1, 3, 8])
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert width % heads == 0
        self.heads = heads
        self.dropout = dropout
        self.query = Projection(width, width, bias=False)
        self.key_value = Projection(width, 2 * width, bias=False)
        self.out = Projection(width, width, bias=False)
        self.distance = nn.Parameter(torch.empty(heads, width // heads, width))  # W
        self.by_content = nn.Parameter(torch.empty(heads, width // heads))  # u
        self.by_distance = nn.Parameter(torch.empty(heads, width // heads))  # v
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """W as linear layers start; u and v at zero."""
        nn.init.normal_(self.distance, std=(2 / 5 / self.distance.shape[-1]) ** 0.5)
        nn.init.zeros_(self.by_content)
        nn.init.zeros_(self.by_distance)

    def _queries(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What asks for content and what asks for distances, (B, heads, T, D) each, over sqrt(D)."""
        query = self.query(x).unflatten(-1, (self.heads, -1))  # (B, T, heads, D)
        scale = query.shape[-1] ** -0.5
        content, distance = (query + self.by_content) * scale, (query + self.by_distance) * scale
        return content.transpose(1, 2), distance.transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, width) -> (B, L, heads, D) each."""
        keys, values = self.key_value(x).unflatten(-1, (2, self.heads, -1)).unbind(2)
        return keys, values

    def forward(self, x: Tensor, sines: Tensor, mask: Tensor) -> Tensor:
        asking, count = mask.shape[-2:]
        content, distance = self._queries(x[:, count - asking :])
        keys, values = (part.transpose(1, 2) for part in self.keys_values(x))  # (B, heads, L, D)
        far = torch.einsum("lw,hdw->hdl", sines.flip(0), self.distance)
        scores = content @ keys.mT + _shifted(distance @ far)
        scores = scores.masked_fill(~mask[:, None], float("-inf"))
        weights = F.dropout(scores.softmax(-1).to(values.dtype), self.dropout if self.training else 0.0)
        return self.out((weights @ values).transpose(1, 2).flatten(2))

    def step(self, x: Tensor, sines: Tensor, layer: Tensor, span: Span) -> Tensor:
        """The same for places that come after others, whose keys and values are known.

        Shape:
            x (B, n, width), sines (end, width), layer (B, 2, heads, C, D) of a cache, which is written to
            -> (B, n, width)
        """
        content, distance = self._queries(x)
        keys, values = written(layer, *self.keys_values(x), span)
        # A few queries are turned to the width of the sines, rather than all sines to that of queries.
        far = torch.einsum("bhnd,hdw->bhnw", distance, self.distance) @ sines.T
        apart = span.places[:, :, None] - torch.arange(span.end, device=x.device)  # (B, n, end)
        far = far.gather(-1, apart.clamp(min=0)[:, None].expand_as(far))
        scores = (content @ keys.mT + far).masked_fill(apart[:, None] < 0, float("-inf"))
        return self.out((scores.softmax(-1) @ values).transpose(1, 2).flatten(2))


def _shifted(scores: Tensor) -> Tensor:
    """Scores by distance to scores by place: row i of T is moved to the left by T - 1 - i places.

    Shape:
        (B, heads, T, L), the last axis from the largest distance to 0 -> the same, over places; what comes after a
        query's own place means nothing
    """
    asking, count = scores.shape[-2:]
    padded = F.pad(scores, (1, 0)).flatten(2)  # each row is one longer, so that reading on moves the next by one
    return padded[..., asking:].unflatten(-1, (asking, count))
