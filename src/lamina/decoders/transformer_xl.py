"""Transformer-XL: a Transformer that remembers the segment before (Dai et al. 2019)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.decoders.base import Decoder, Memory, State, last_of, refuse_memory
from lamina.nn.activation import activation
from lamina.nn.attention import check_heads
from lamina.nn.cache import Span, grown, new_cache, span_of
from lamina.nn.dropout import PooledDropout
from lamina.nn.projection import Projection
from lamina.nn.relative_attention import RelativeAttention
from lamina.nn.sines import Sines
from lamina.nn.vocabulary import Vocabulary

__all__ = ["Block", "TransformerXL", "TransformerXLSettings"]

DEVIATION = 0.02  # of embeddings at the start


@settings
class TransformerXLSettings:
    """Layers of attention by content and distance, to a segment and what is remembered of those before."""

    width: int = setting(256, "Width of a place's vector.", ge=2)
    depth: int = setting(4, "Layers.", ge=1, le=128)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    hidden: float = setting(4.0, "Units of the feed-forward part, as a multiple of the width.", gt=0, le=16)
    activation: Literal["relu", "gelu"] = setting("gelu", "Activation inside the feed-forward part.")
    remembered: int = setting(128, "Places before a segment that are remembered; 0: each segment stands alone.", ge=0)
    tied: bool = setting(True, "Logits are products with the embedding of the tokens.")
    dropout: float = setting(
        0.0, "Share of embeddings, hidden units, and of what each part adds, dropped in training.", ge=0, lt=1
    )
    attention_dropout: float = setting(0.0, "Share of attention weights dropped in training.", ge=0, lt=1)


class Block(nn.Module):
    """One layer: attention by content and distance, then a feed-forward part, each over normalised places and added.

    Shape:
        x (B, M + T, width), of which the last T places go on; sines and mask: see
        :class:`~lamina.nn.relative_attention.RelativeAttention` -> (B, T, width)
    """

    def __init__(self, settings: TransformerXLSettings) -> None:
        super().__init__()
        width = settings.width
        hidden = max(1, round(settings.hidden * width))
        self.norm_attention = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, settings.heads, settings.attention_dropout)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            Projection(width, hidden),
            activation(settings.activation),
            PooledDropout(settings.dropout),
            Projection(hidden, width),
        )
        self.dropout = PooledDropout(settings.dropout)

    def forward(self, x: Tensor, sines: Tensor, mask: Tensor) -> Tensor:
        segment = x[:, x.shape[1] - mask.shape[1] :]
        segment = segment + self.dropout(self.attention(self.norm_attention(x), sines, mask))
        return segment + self.dropout(self.feed(self.norm_feed(segment)))

    def step(self, x: Tensor, sines: Tensor, layer: Tensor, span: Span) -> Tensor:
        """The same for places that come after others; see :meth:`RelativeAttention.step`."""
        x = x + self.attention.step(self.norm_attention(x), sines, layer, span)
        return x + self.feed(self.norm_feed(x))


class TransformerXL(Decoder):
    """Attention to the segment so far, and to the states of as many places before it as are remembered, layer by layer.

    A place of layer n looks at what layer n - 1 made of the segment before, so that what is known reaches back by the
    memory's length a layer. No gradient goes back to an earlier segment. It takes no :class:`Memory`: it writes from
    nothing but the text so far.

    :meth:`segment` reads one segment and gives the state for the next: as in training, so in measuring a long text.
    :meth:`step` writes on from such a state; nothing is forgotten any more while it writes, and what it gives is a
    state for :meth:`step` alone.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size)

    Raises:
        SettingError: if the heads do not divide the width; if it is built with a memory.

    Example:
        >>> network = TransformerXL(9, None, TransformerXLSettings(width=8, heads=2, depth=1, remembered=4))
        >>> state = network.begin(None, rows=1)
        >>> for segment in torch.tensor([[[3, 5, 4]], [[6, 4, 7]]]):
        ...     logits, state = network.segment(segment, None, state)
        >>> logits.shape, state["hidden"].shape
        (torch.Size([1, 3, 9]), torch.Size([1, 1, 4, 8]))
    """

    Settings = TransformerXLSettings
    reads_memory = False
    reads_segments = True

    def __init__(self, size: int, memory: int | None, settings: TransformerXLSettings) -> None:
        super().__init__(size, memory, settings)
        refuse_memory(memory)
        check_heads(settings.width, settings.heads)
        self.settings = settings
        self.remembered = settings.remembered
        self.words = Vocabulary(size, settings.width, DEVIATION, settings.tied)
        self.sines = Sines(settings.width)
        self.dropout = PooledDropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(settings.width)

    def forward(
        self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None, segments: Tensor | None = None
    ) -> Tensor:
        return self.segment(tokens, None, self.begin(memory, len(tokens)), segments)[0]

    def begin(self, memory: Memory | None, rows: int) -> State:
        self._check_memory(memory)
        weight, settings = self.words.weight, self.settings
        return {
            "length": torch.zeros(rows, dtype=torch.int64, device=weight.device),
            "hidden": weight.new_zeros(rows, settings.depth, 0, settings.width),
        }

    def segment(
        self, tokens: Tensor, lengths: Tensor | None, state: State, segments: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read the next segment of each row's text.

        Args:
            tokens: (B, T).
            lengths: (B,), tokens of each row; all if None.
            state: of :meth:`begin`, or of the segment before. ``hidden`` (B, depth, M, width) is what went into each
                layer, the latest last; ``length`` (B,) how many of these places are there.
            segments: (B, T) int64, where rows hold several texts one after the other: the number of each place's, from
                0 for the one that the state is of. None looks across to another.

        Returns:
            Logits of what follows each token, (B, T, size), and the state for the next segment.
        """
        assert "hidden" in state, "a state that was written from is for writing on alone"
        hidden, length = state["hidden"], state["length"]
        mask = _mask(length, hidden.shape[2], tokens.shape[1])
        if segments is not None:
            mask = mask & _alike(segments, hidden.shape[2])
        x = self.dropout(self.words(tokens))
        sines = self.sines(mask.shape[-1], tokens.device)
        inputs = []
        for block, before in zip(self.blocks, hidden.unbind(1), strict=True):
            inputs.append(torch.cat([before.to(x.dtype), x], 1))  # (B, M + T, width)
            x = block(inputs[-1], sines, mask)
        known = torch.stack([one.detach() for one in inputs], 1)
        return self.words.logits(self.norm(x)), self._next(known, length, tokens.shape[1], lengths)

    def _next(self, known: Tensor, length: Tensor, count: int, lengths: Tensor | None) -> State:
        """The last places of each row, (B, depth, M + T, width) -> (B, depth, up to ``remembered``, width)."""
        kept = min(self.settings.remembered, known.shape[2])
        if lengths is None:
            known = known[:, :, known.shape[2] - kept :]
        else:
            ends = known.shape[2] - count + lengths
            places = (ends[:, None] - kept + torch.arange(kept, device=known.device)).clamp(min=0)
            known = known[torch.arange(len(known), device=known.device)[:, None], :, places].transpose(1, 2)
        more = count if lengths is None else lengths
        return {"length": (length + more).clamp(max=kept), "hidden": known.contiguous()}

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        length = state["length"]
        span = span_of(length, tokens.shape[1])
        cache = grown(state["cache"] if "cache" in state else self._cache(state), span.end)
        x, sines = self.words(tokens), self.sines(span.end, tokens.device)
        for block, layer in zip(self.blocks, cache.unbind(1), strict=True):
            assert isinstance(block, Block)
            x = block.step(x, sines, layer, span)
        more = tokens.shape[1] if lengths is None else lengths
        return self.words.logits(self.norm(last_of(x, lengths))), {"length": length + more, "cache": cache}

    def _cache(self, state: State) -> Tensor:
        """The keys and values of what is remembered, each row's from the left."""
        hidden, length, settings = state["hidden"], state["length"], self.settings
        count = hidden.shape[2]
        cache = new_cache(len(hidden), settings.depth, settings.heads, settings.width // settings.heads, hidden)
        cache = grown(cache, count)
        places = (count - length[:, None] + torch.arange(count, device=hidden.device)).clamp(max=count - 1)
        rows = torch.arange(len(hidden), device=hidden.device)[:, None]
        for place, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            one = hidden[rows, place, places]  # (B, M, width)
            for part, values in enumerate(block.attention.keys_values(block.norm_attention(one))):
                cache[:, place, part, :, :count] = values.transpose(1, 2)
        return cache


def _mask(length: Tensor, before: int, count: int) -> Tensor:
    """What each place of a segment looks at, (B, T, M + T): itself, those before it, and what is remembered."""
    places = torch.arange(before + count, device=length.device)
    past = places <= before + torch.arange(count, device=length.device)[:, None]
    return past & (places >= before - length[:, None, None])


def _alike(segments: Tensor, before: int) -> Tensor:
    """Which places are of one text, (B, T, M + T): those before the segment are of text 0."""
    every = F.pad(segments, (before, 0))  # (B, M + T)
    return segments[:, :, None] == every[:, None]
