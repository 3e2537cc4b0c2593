"""Decoder-only Transformers: GPT as in Llama (Touvron et al. 2023), and as in GPT-2 (Radford et al. 2019)."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.decoders.base import Decoder, Memory, State, last_of, refuse_memory
from lamina.decoders.one_row import OneRow
from lamina.errors import SettingError
from lamina.nn.attention import check_heads
from lamina.nn.cache import Span, grown, new_cache, span_of
from lamina.nn.causal_attention import CausalAttention
from lamina.nn.dropout import PooledDropout
from lamina.nn.projection import Projection
from lamina.nn.rotary import Rotary, Turns
from lamina.nn.steps import Words
from lamina.nn.swiglu import SwiGLU
from lamina.nn.vocabulary import Vocabulary

__all__ = ["GPT", "GPT2", "Block", "GPT2Settings", "GPTSettings"]

DEVIATION = 0.02  # of embeddings at the start, as in GPT-2
ROUND = 8  # units of a gated part come in multiples of it


@settings
class GPTSettings:
    """A decoder-only Transformer in the form of Llama."""

    width: int = setting(256, "Width of a place's vector.", ge=2)
    depth: int = setting(4, "Layers.", ge=1, le=128)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    key_heads: Annotated[int, Field(ge=1)] | Literal["all"] = setting(
        "all", "Heads of keys and values, each for a group of heads: fewer take less memory in writing."
    )
    positions: Literal["rotary", "learned"] = setting(
        "rotary", "How a place knows where it stands: rotated queries and keys, or learned vectors added."
    )
    rotary_base: float = setting(10_000.0, "How slowly rotary positions turn; more for longer texts.", gt=1)
    rotary_stretch: list[float] = setting(
        [],
        "How rotary positions are slowed for longer texts: [factor], or as in Llama 3.1 [factor, low, high, length]; "
        "empty: not at all.",
        max_length=4,
    )
    normalisation: Literal["rms", "layer"] = setting("rms", "Normalisation before each part, by size or also by mean.")
    epsilon: float = setting(1e-5, "What normalisation adds to the variance.", gt=0)
    feed: Literal["swiglu", "gelu"] = setting("swiglu", "The feed-forward part: with a gate, or one hidden layer.")
    hidden: Annotated[float, Field(gt=0, le=16)] | Literal["auto"] = setting(
        "auto", "Units of the feed-forward part, as a multiple of the width; auto: 8/3 with a gate, else 4."
    )
    tied: bool = setting(True, "Logits are products with the embedding of the tokens.")
    bias: bool = setting(False, "Linear layers have a bias.")
    longest: int = setting(1024, "Most tokens of a text, if their positions are learned.", ge=1)
    dropout: float = setting(0.0, "Share of embeddings, and of what each part adds, dropped in training.", ge=0, lt=1)
    attention_dropout: float = setting(0.0, "Share of attention weights dropped in training.", ge=0, lt=1)


@settings
class GPT2Settings(GPTSettings):
    """A decoder-only Transformer in the form of GPT-2."""

    positions: Literal["rotary", "learned"] = setting(
        "learned", "How a place knows where it stands: rotated queries and keys, or learned vectors added."
    )
    normalisation: Literal["rms", "layer"] = setting(
        "layer", "Normalisation before each part, by size or also by mean."
    )
    feed: Literal["swiglu", "gelu"] = setting("gelu", "The feed-forward part: with a gate, or one hidden layer.")
    bias: bool = setting(True, "Linear layers have a bias.")


class Block(nn.Module):
    """One layer: attention to what stands before, then a feed-forward part, each over normalised places and added.

    Shape:
        x (B, T, width); turns and mask: see :class:`~lamina.nn.causal_attention.CausalAttention` -> (B, T, width)
    """

    def __init__(self, settings: GPTSettings) -> None:
        super().__init__()
        width = settings.width
        # What all layers add together starts no larger than what one would (Radford et al. 2019).
        deviation = DEVIATION / (2 * settings.depth) ** 0.5
        self.norm_attention = _norm(settings)
        self.attention = CausalAttention(
            width,
            settings.heads,
            _key_heads(settings),
            bias=settings.bias,
            dropout=settings.attention_dropout,
            deviation=deviation,
        )
        self.norm_feed = _norm(settings)
        hidden = _hidden(settings)
        if settings.feed == "swiglu":
            self.feed: nn.Module = SwiGLU(width, hidden, settings.bias, deviation)
        else:
            self.feed = nn.Sequential(
                Projection(width, hidden, settings.bias),
                nn.GELU("tanh"),
                Projection(hidden, width, settings.bias, deviation),
            )
        self.dropout = PooledDropout(settings.dropout)

    def forward(self, x: Tensor, turns: Turns | None = None, mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x), turns, mask))
        return x + self.dropout(self.feed(self.norm_feed(x)))

    def step(self, x: Tensor, layer: Tensor, span: Span, turns: Turns | None) -> Tensor:
        """The same for places that come after others; see :meth:`CausalAttention.step`."""
        x = x + self.attention.step(self.norm_attention(x), layer, span, turns)
        return x + self.feed(self.norm_feed(x))


class GPT(Decoder):
    """Layers of attention to what stands before: rotary positions, RMS normalisation, gated feed-forward parts and
    shared keys are settings.

    It takes no memory: what it shall write from goes before the text, as a prompt.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size)

    Raises:
        SettingError: if the heads do not divide the width, or the heads of keys not the heads; if it is built with a
            memory.

    Example:
        >>> gpt = GPT(9, None, GPTSettings(width=8, heads=2, depth=1)).eval()
        >>> tokens = torch.tensor([[3, 5, 4]])
        >>> whole = gpt(tokens, torch.tensor([3]))
        >>> last, state = gpt.step(tokens, gpt.begin(None, rows=1))
        >>> bool(torch.allclose(last, whole[:, -1], atol=1e-5))
        True
    """

    Settings = GPTSettings
    reads_memory = False
    reads_segments = True
    slides = True

    def __init__(self, size: int, memory: int | None, settings: GPTSettings) -> None:
        super().__init__(size, memory, settings)
        refuse_memory(memory)
        _check(settings)
        self.settings = settings
        is_learned = settings.positions == "learned"
        self.longest = settings.longest if is_learned else None
        self.words = Vocabulary(size, settings.width, DEVIATION, settings.tied)
        self.places = Words(settings.longest, settings.width, DEVIATION) if is_learned else None
        self.rotary = (
            None
            if is_learned
            else Rotary(settings.width // settings.heads, settings.rotary_base, settings.rotary_stretch)
        )
        self.dropout = PooledDropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.norm = _norm(settings)
        self._one_row: OneRow | None = None
        self._has_looked = False  # whether that is of the text that was begun last

    def _embedded(self, tokens: Tensor, places: Tensor) -> tuple[Tensor, Turns | None]:
        """Tokens at their places, (B or 1, T): vectors (B, T, width), and by how much queries and keys are turned."""
        x = self.words(tokens)
        if self.places is not None:
            x = x + self.places(places)
        return self.dropout(x), None if self.rotary is None else self.rotary(places)

    def forward(
        self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None, segments: Tensor | None = None
    ) -> Tensor:
        """Logits of what follows each token.

        Args:
            tokens: (B, T).
            lengths: (B,); what fills up a row stands behind all that looks before, so nothing hangs on them.
            memory: None.
            segments: (B, T) int64, where rows hold several documents one after the other: the number of each place's
                document. None looks across to another, and each has its own positions, so that it gives what it would
                give alone.

        Raises:
            UsageError: if there are more places than learned positions.
        """
        self._check_memory(memory)
        self._check_length(tokens.shape[1])
        places, mask = torch.arange(tokens.shape[1], device=tokens.device)[None], None
        if segments is not None:
            places, mask = _apart(segments)
        x, turns = self._embedded(tokens, places)
        for block in self.blocks:
            x = block(x, turns, mask)
        return self.words.logits(self.norm(x))

    def begin(self, memory: Memory | None, rows: int) -> State:
        self._check_memory(memory)
        self._has_looked = False  # the weights may have moved since the last text
        settings, weight = self.settings, self.words.weight
        heads, width = _key_heads(settings), settings.width // settings.heads
        return {
            "length": torch.zeros(rows, dtype=torch.int64, device=weight.device),
            "cache": new_cache(rows, settings.depth, heads, width, weight),
        }

    def _alone(self) -> OneRow | None:
        """What reads a single row faster than the layers do, where they are plain."""
        if not self._has_looked:
            self._one_row, self._has_looked = OneRow.of(self), True
        return None if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling() else self._one_row

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """See :meth:`Decoder.step`.

        Raises:
            UsageError: if there are more places than learned positions.
        """
        length = state["length"]
        alone = self._alone() if tokens.numel() == 1 else None
        if alone is not None:
            place = int(length)
            self._check_length(place + 1)
            cache = grown(state["cache"], place + 1)
            return alone.read(int(tokens), place, cache[0]), {"length": length + 1, "cache": cache}
        span = span_of(length, tokens.shape[1])
        self._check_length(span.end if lengths is None else int((length + lengths).max()))
        places = span.places if self.longest is None else span.places.clamp(max=self.longest - 1)
        cache = grown(state["cache"], span.end)
        x, turns = self._embedded(tokens, places)
        for block, layer in zip(self.blocks, cache.unbind(1), strict=True):
            assert isinstance(block, Block)
            x = block.step(x, layer, span, turns)
        more = tokens.shape[1] if lengths is None else lengths
        return self.words.logits(self.norm(last_of(x, lengths))), {"length": length + more, "cache": cache}

    def cut(self, state: State, count: int) -> State:
        return {**state, "length": state["length"].clamp(max=count)}  # what stands beyond is never looked at


class GPT2(GPT):
    """Layers of attention to what stands before, as in GPT-2: learned positions, layer normalisation, GELU by its
    tanh formula.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size)
    """

    Settings = GPT2Settings


def _apart(segments: Tensor) -> tuple[Tensor, Tensor]:
    """Each document's own places, (B, T), and what each place looks at, (B, 1, T, T)."""
    count = segments.shape[1]
    order = torch.arange(count, device=segments.device)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    first = torch.where(begins, order, 0).cummax(1).values  # (B, T), where each place's document begins
    # Of places up to one's own, those of the same document are those that do not stand before its beginning.
    before = order <= order[:, None]
    return order - first, (before & (order >= first[:, :, None]))[:, None]


def _key_heads(settings: GPTSettings) -> int:
    return settings.heads if settings.key_heads == "all" else settings.key_heads


def _hidden(settings: GPTSettings) -> int:
    """Units of the feed-forward part."""
    if settings.hidden != "auto":
        return max(1, round(settings.hidden * settings.width))
    if settings.feed == "gelu":
        return 4 * settings.width
    return -(-8 * settings.width // (3 * ROUND)) * ROUND


def _norm(settings: GPTSettings) -> nn.Module:
    kind = nn.RMSNorm if settings.normalisation == "rms" else nn.LayerNorm
    return kind(settings.width, eps=settings.epsilon)


def _check(settings: GPTSettings) -> None:
    check_heads(settings.width, settings.heads, rotary=settings.positions == "rotary")
    if settings.heads % _key_heads(settings):
        raise SettingError("key_heads must divide heads", got=f"{settings.key_heads}, {settings.heads} heads")
