"""The Transformer's decoder (Vaswani et al. 2017)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.decoders.base import Decoder, Memory, State, last_of, looked_at
from lamina.nn.activation import activation
from lamina.nn.attention import check_heads
from lamina.nn.cache import Span, grown, new_cache, span_of
from lamina.nn.causal_attention import CausalAttention, CrossAttention
from lamina.nn.dropout import PooledDropout
from lamina.nn.projection import Projection
from lamina.nn.rotary import Rotary, Turns
from lamina.nn.sines import Sines
from lamina.nn.steps import Words
from lamina.nn.vocabulary import Vocabulary

__all__ = ["Block", "TransformerDecoder", "TransformerDecoderSettings"]


@settings
class TransformerDecoderSettings:
    """Layers of attention to the text so far and to what it is written from."""

    width: int = setting(128, "Width of a place's vector.", ge=2)
    depth: int = setting(2, "Layers.", ge=1, le=64)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    hidden: float = setting(4.0, "Units of the feed-forward part, as a multiple of the width.", gt=0, le=16)
    activation: Literal["relu", "gelu"] = setting("relu", "Activation inside the feed-forward part.")
    norm: Literal["before", "after"] = setting(
        "before", "Normalisation before each part, which trains without warm-up; or after it, as in the first paper."
    )
    positions: Literal["sines", "learned", "rotary"] = setting(
        "sines", "How a place knows where it stands: sines or learned vectors added, or rotated queries and keys."
    )
    longest: int = setting(512, "Most tokens of a text, if their positions are learned.", ge=1)
    tied: bool = setting(True, "Logits are products with the embedding of the tokens.")
    dropout: float = setting(
        0.1, "Share of embeddings, hidden units, and of what each part adds, dropped in training.", ge=0, lt=1
    )
    attention_dropout: float = setting(0.0, "Share of attention weights dropped in training.", ge=0, lt=1)


class Block(nn.Module):
    """One layer: attention to the text so far, attention to the memory, and a feed-forward part, each added.

    Args:
        settings: of the decoder.
        memory: width of the memory's places; None: there is no attention to it.

    Shape:
        x (B, T, width); turns of the places, where positions are rotary; the memory's keys and values, and what is
        there: see :class:`~lamina.nn.causal_attention.CrossAttention` -> (B, T, width)
    """

    def __init__(self, settings: TransformerDecoderSettings, memory: int | None) -> None:
        super().__init__()
        width, heads = settings.width, settings.heads
        hidden = max(1, round(settings.hidden * width))
        self.norm_is_before = settings.norm == "before"
        self.norm_attention = nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, dropout=settings.attention_dropout)
        self.norm_cross = None if memory is None else nn.LayerNorm(width)
        self.cross = None if memory is None else CrossAttention(width, heads, memory, settings.attention_dropout)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            Projection(width, hidden),
            activation(settings.activation),
            PooledDropout(settings.dropout),
            Projection(hidden, width),
        )
        self.dropout = PooledDropout(settings.dropout)

    def forward(
        self, x: Tensor, turns: Turns | None = None, known: Tensor | None = None, there: Tensor | None = None
    ) -> Tensor:
        before = self.norm_is_before
        mixed = self.attention(self.norm_attention(x) if before else x, turns)
        x = x + self.dropout(mixed)
        return self._rest(x if before else self.norm_attention(x), known, there)

    def step(
        self, x: Tensor, layer: Tensor, span: Span, turns: Turns | None, known: Tensor | None, there: Tensor | None
    ) -> Tensor:
        """The same for places that come after others; see :meth:`CausalAttention.step`."""
        before = self.norm_is_before
        x = x + self.attention.step(self.norm_attention(x) if before else x, layer, span, turns)
        return self._rest(x if before else self.norm_attention(x), known, there)

    def _rest(self, x: Tensor, known: Tensor | None, there: Tensor | None) -> Tensor:
        """What follows attention to the text."""
        before = self.norm_is_before
        if self.cross is not None:
            assert self.norm_cross is not None and known is not None and there is not None
            x = x + self.dropout(self.cross(self.norm_cross(x) if before else x, known, there))
            x = x if before else self.norm_cross(x)
        x = x + self.dropout(self.feed(self.norm_feed(x) if before else x))
        return x if before else self.norm_feed(x)


class TransformerDecoder(Decoder):
    """Embedded tokens with their position, then layers of attention to the text so far and to the memory.

    Embeddings start with deviation ``width ** -0.5`` and are multiplied by ``sqrt(width)``, so that they are as large
    as the sines that are added to them, and logits by the same table begin small.

    Shape:
        tokens (B, T), lengths (B,), memory (B, S, memory) -> (B, T, size)

    Raises:
        SettingError: if the heads do not divide the width, or leave an odd width to each with rotary positions.

    Example:
        >>> decoder = TransformerDecoder(9, 6, TransformerDecoderSettings(width=8, heads=2))
        >>> memory = Memory(torch.zeros(1, 5, 6), torch.ones(1, 5, dtype=torch.bool))
        >>> decoder(torch.tensor([[3, 5, 4]]), torch.tensor([3]), memory).shape
        torch.Size([1, 3, 9])
    """

    Settings = TransformerDecoderSettings

    def __init__(self, size: int, memory: int | None, settings: TransformerDecoderSettings) -> None:
        super().__init__(size, memory, settings)
        check_heads(settings.width, settings.heads, rotary=settings.positions == "rotary")
        self.settings = settings
        width, deviation = settings.width, settings.width**-0.5
        is_learned = settings.positions == "learned"
        self.longest = settings.longest if is_learned else None
        self.words = Vocabulary(size, width, deviation, settings.tied)
        self.places = Words(settings.longest, width, deviation) if is_learned else None
        self.sines = Sines(width) if settings.positions == "sines" else None
        self.rotary = Rotary(width // settings.heads) if settings.positions == "rotary" else None
        self.dropout = PooledDropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings, memory) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(width) if settings.norm == "before" else nn.Identity()

    def _embedded(self, tokens: Tensor, places: Tensor, end: int) -> tuple[Tensor, Turns | None]:
        """Tokens at their places, (B or 1, T): vectors (B, T, width), and by how much queries and keys are turned."""
        x = self.words(tokens) * self.settings.width**0.5
        if self.places is not None:
            x = x + self.places(places)
        elif self.sines is not None:
            x = x + self.sines(end, tokens.device)[places]
        return self.dropout(x), None if self.rotary is None else self.rotary(places)

    def _known(self, memory: Memory) -> list[Tensor]:
        """Keys and values of the memory for each layer, (B, 2, heads, S, D)."""
        return [block.cross.keys_values(memory.values) for block in self._blocks() if block.cross is not None]

    def _blocks(self) -> list[Block]:
        return [block for block in self.blocks if isinstance(block, Block)]

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        """Logits of what follows each token.

        Raises:
            UsageError: if there are more places than learned positions.
        """
        self._check_memory(memory)
        self._check_length(tokens.shape[1])
        places = torch.arange(tokens.shape[1], device=tokens.device)[None]
        x, turns = self._embedded(tokens, places, tokens.shape[1])
        there = None if memory is None else looked_at(memory)
        known = [None] * len(self.blocks) if memory is None else self._known(memory)
        for block, one in zip(self.blocks, known, strict=True):
            x = block(x, turns, one, there)
        return self.words.logits(self.norm(x))

    def begin(self, memory: Memory | None, rows: int) -> State:
        self._check_memory(memory)
        settings, weight = self.settings, self.words.weight
        state = {
            "length": torch.zeros(rows, dtype=torch.int64, device=weight.device),
            "cache": new_cache(rows, settings.depth, settings.heads, settings.width // settings.heads, weight),
        }
        if memory is None:
            return state
        return {**state, "memory": torch.stack(self._known(memory), 1), "there": looked_at(memory)}

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """See :meth:`Decoder.step`.

        Raises:
            UsageError: if there are more places than learned positions.
        """
        length = state["length"]
        span = span_of(length, tokens.shape[1])
        self._check_length(span.end if lengths is None else int((length + lengths).max()))
        places = span.places if self.longest is None else span.places.clamp(max=self.longest - 1)
        cache = grown(state["cache"], span.end)
        x, turns = self._embedded(tokens, places, span.end)
        known = state["memory"].unbind(1) if "memory" in state else [None] * len(self.blocks)
        for block, layer, one in zip(self._blocks(), cache.unbind(1), known, strict=True):
            x = block.step(x, layer, span, turns, one, state.get("there"))
        more = tokens.shape[1] if lengths is None else lengths
        found = self.words.logits(self.norm(last_of(x, lengths)))
        return found, {**state, "length": length + more, "cache": cache}
