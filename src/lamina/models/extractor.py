"""A score for each sentence of a text, as a summary of it: what it says, where it stands, how like the whole it is, and
what the others say (SummaRuNNer, Nallapati et al. 2017)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check, setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.features.sentences import sentence_of
from lamina.models.base import Model
from lamina.models.mixed import Absent, backbone_of
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear
from lamina.nn.recurrent import ChannelDropout
from lamina.nn.spelling import Spelling, Words, hashed
from lamina.nn.wide import places_there

__all__ = ["Bag", "Extractor", "ExtractorSettings", "Sentences"]

CHOSEN = {"image": "cnn", "frames": "gru", "clip": "cnn"}
READERS = ("gru", "lstm", "rnn")  # one vector a sentence, in the order of the sentences
KINDS = 4  # of what a word is looked up by: itself, how it begins, how it ends, itself and the word before it
DEVIATION = 0.01  # of words' vectors at the start: a word that no training row has says nothing then
EDGE = 3  # sentences at either end of the text that are told apart
FIGURES = 2 * EDGE + 7  # of a sentence: see Extractor._figures
OUTLINE = 4096  # places into which the words of a sentence fall, to see how like others it is; a power of 2
LIKE = 3.0  # by which likenesses are multiplied, since sentences have few words in common
LONG, MANY = 50, 10  # words of a long sentence, and sentences of a long text: about where figures are 1
NEVER = -1e4  # of a sentence that is not there


@settings
class ExtractorSettings(ColumnsSettings):
    """A network that chooses a sentence."""

    text: str | dict[str, Any] = setting(
        "auto", "Backbone that goes through the sentences: gru, lstm or rnn; auto: a gru of width 24."
    )
    image: str | dict[str, Any] = setting("auto", "Backbone of pictures (see lamina models).")
    frames: str | dict[str, Any] = setting("auto", "Backbone of sounds and series.")
    clip: str | dict[str, Any] = setting("auto", "Backbone of films.")
    embedding: int = setting(32, "Width of a word's vector.", ge=1)
    buckets: Literal[1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072] = setting(
        32768,
        "Vectors that words share by a hash of their letters, of their first five, of their last three, and of the "
        "word before them.",
    )
    width: int = setting(48, "Hidden units for each sentence.", ge=1)
    hidden: float = setting(0.4, "Share of words hidden in training.", ge=0, lt=1)
    dropout: float = setting(0.5, "Share of channels dropped in training.", ge=0, lt=1)


class Sentences(NamedTuple):
    """What an extractor gives for some rows.

    Attributes:
        scores: (B, S), of each sentence, in nats up to a constant.
        of: (B, T) int64, the sentence that each token of the text is of.
        counts: (B,) int64, sentences of each row.
    """

    scores: Tensor
    of: Tensor
    counts: Tensor


class Extractor(Model):
    """Words by vectors that they share by hashing (Weinberger et al. 2009), added up for each sentence, pairs of words
    among them (Joulin et al. 2017); figures of its place, its length, and how like the rest of the text it is; a
    recurrent network over the sentences; and a hidden layer.

    Other texts count as words, too, and by how like them a sentence is; all other columns say something of every
    sentence.

    Shape:
        the arrays of rows -> :class:`Sentences`

    Raises:
        SettingError: if the backbone does not go through sentences one by one.
    """

    Settings = ExtractorSettings
    reads_wide: ClassVar[bool] = True
    gives: ClassVar[str] = "sentences"

    def __init__(self, layout: Layout, outputs: int, settings: ExtractorSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.settings = settings
        slots = layout.wide_by_name
        self.text, text = layout.holding_target
        self.hints = [name for name, slot in slots.items() if slot.group == "tokens" and name != self.text]
        texts = [self.text, *self.hints]
        self.spelling = text.spelling
        self.spell = nn.ModuleDict({name: Spelling(slots[name].spelling) for name in texts})
        self.words = Bag(settings.buckets, settings.embedding)
        self.figures = Linear(FIGURES + len(self.hints), settings.width, activation="relu")
        self.others = nn.ModuleDict(
            {name: backbone_of(slot, settings, CHOSEN) for name, slot in slots.items() if name not in texts}
        )
        widths: dict[str, int] = {name: backbone.width for name, backbone in self.others.items()}  # type: ignore[misc]
        self.absent = nn.ModuleDict({name: Absent(width) for name, width in widths.items()})
        self.columns = Columns(layout, settings) if layout.has_plain else None
        if self.columns is not None:
            widths["plain"] = self.columns.width
        widths |= dict.fromkeys(self.hints, settings.embedding)
        self.bring = nn.ModuleDict({name: Linear(width, settings.width) for name, width in widths.items()})
        seen = settings.embedding + settings.width + (settings.width if widths else 0)
        self.over = _over_sentences(seen, settings)
        self.dropout, self.drop_words = ChannelDropout(settings.dropout), nn.Dropout(settings.dropout)
        self.score = nn.Sequential(
            nn.Dropout(settings.dropout), Linear(seen + self.over.width, settings.width, activation="relu"),
            nn.Dropout(settings.dropout), nn.Linear(settings.width, 1),
        )  # fmt: skip

    def forward(self, inputs: dict[str, Tensor]) -> Sentences:  # type: ignore[override]
        of, counts = self._places(inputs)
        there = places_there(counts, max(1, int(counts.max())))
        words = self._words(self.text, inputs)
        # A blank belongs to the sentence before it, and to the word behind it.
        place = torch.zeros_like(words.whole).scatter_reduce(1, words.of, of, "amax")
        hints = {name: self._words(name, inputs) for name in self.hints}
        said = self.drop_words(self._said(words, place, there.shape[1]))
        figures = self.figures(self._figures(words, place, there, list(hints.values()))) * there[..., None]
        parts = [said, figures]
        beside = self._beside(inputs, hints)
        if beside is not None:
            parts.append(beside[:, None] * there[..., None])
        seen = torch.cat(parts, 2)
        around, _ = self.over.sequence(self.dropout(seen), counts)
        scores = self.score(torch.cat([seen, around], 2))[..., 0]
        return Sentences(scores.float().masked_fill(~there, NEVER), of, counts)

    def _places(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The sentence of each token, (B, T), and how many each row has, (B,)."""
        tokens, lengths = inputs[self.text].numpy(), inputs[f"{self.text}.length"].tolist()
        of = np.zeros((len(tokens), max(1, tokens.shape[1])), np.int64)
        for row, length in enumerate(lengths):
            of[row, :length] = sentence_of(tokens[row, :length].tolist(), self.spelling)
        counts = np.where(np.array(lengths) > 0, of.max(axis=1) + 1, 0)
        return torch.from_numpy(of), torch.from_numpy(counts)

    def _words(self, name: str, inputs: dict[str, Tensor]) -> Words:
        words: Words = self.spell[name](inputs[name], inputs[f"{name}.length"])
        return words

    def _said(self, words: Words, place: Tensor, sentences: int) -> Tensor:
        """What the words of each sentence say, (B, S, embedding)."""
        shown = words.there
        if self.training:
            shown = shown & (torch.rand(shown.shape, device=shown.device) >= self.settings.hidden)
        before = F.pad(words.whole, (1, 0))[:, :-1]
        begins = F.pad(place, (1, 0), value=-1)[:, :-1] != place
        pair = words.whole + 3 * torch.where(begins, 0, before)
        numbers = torch.stack([words.whole, words.stem, words.ending, pair], 2)
        buckets = torch.stack([hashed(numbers[..., kind], self.settings.buckets, kind) for kind in range(KINDS)], 2)
        # The sum over the root of how many: neither is a long sentence loud, nor does a telling word drown in it.
        many = torch.zeros(len(place), sentences).scatter_add_(1, place, shown.float())
        weights = shown * many.clamp(min=1).rsqrt().gather(1, place)
        rows = torch.arange(len(place), device=place.device)[:, None] * sentences + place
        sums = self.words(buckets[shown], weights[shown], rows[shown], len(place) * sentences)
        return sums.tanh().unflatten(0, (len(place), sentences))

    def _figures(self, words: Words, place: Tensor, there: Tensor, hints: list[Words]) -> Tensor:
        """Figures of each sentence, (B, S, FIGURES + hints): whether it is the first, second, third, and the same from
        the end; how far from the start, to 8 sentences, and as a share; words, and their logarithm; how like the
        others it is, on average, and how much of it they say, too; sentences of the text; how like each hint it is."""
        counts = there.sum(1)[:, None]
        number = torch.arange(there.shape[1], device=there.device).expand(there.shape)
        from_end = counts - 1 - number
        edges = [number == step for step in range(EDGE)] + [from_end == step for step in range(EDGE)]
        many = torch.zeros(there.shape).scatter_add_(1, place, words.named.float())
        outline = _outline(words, place, there.shape[1])  # (B, S, OUTLINE)
        alone = F.normalize(outline, dim=2)
        like = (alone * (alone.sum(1, keepdim=True) - alone)).sum(2) / (counts - 1).clamp(min=1)
        is_said = (outline > 0).sum(1, keepdim=True)
        shared = (outline**2 * (is_said > 1)).sum(2) / (outline**2).sum(2).clamp(min=1e-6)
        found = [
            *edges, number.clamp(max=8) / 8, number / counts.clamp(min=1), many / LONG, many.log1p() / 2,
            LIKE * like, shared, (counts / MANY).expand(there.shape),
        ]  # fmt: skip
        for hint in hints:
            told = _outline(hint, torch.zeros_like(hint.whole), 1)
            found.append((alone * F.normalize(told, dim=2)).sum(2))
        return torch.stack([one.float() for one in found], 2) * there[..., None]

    def _beside(self, inputs: dict[str, Tensor], hints: dict[str, Words]) -> Tensor | None:
        """The other columns as one vector a row, (B, width); None where there are none."""
        found = []
        for name, words in hints.items():
            found.append(self.bring[name](self._said(words, torch.zeros_like(words.whole), 1)[:, 0]))
        for name, backbone in self.others.items():
            lengths = inputs[f"{name}.length"]
            found.append(self.bring[name](self.absent[name](backbone(inputs[name], lengths), lengths > 0)))
        if self.columns is not None:
            found.append(self.bring["plain"](self.columns(inputs)))
        return torch.stack(found).mean(0).relu() if found else None


class Bag(nn.Module):
    """Vectors of codes, weighed and added up.

    Args:
        size: how many codes there are.
        width: of a vector.

    Shape:
        codes (n, k) int64, weights (n,), and the row that each of the n is of, rising -> (rows, width)

    Example:
        >>> bag = Bag(8, 3)
        >>> bag(torch.tensor([[1, 2], [3, 4]]), torch.ones(2), torch.tensor([0, 2]), 4)[1].tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal, and near nothing."""
        nn.init.normal_(self.weight, std=DEVIATION)

    def forward(self, codes: Tensor, weights: Tensor, row: Tensor, rows: int) -> Tensor:
        starts = torch.searchsorted(row, torch.arange(rows, device=row.device)) * codes.shape[1]
        each = weights[:, None].expand(codes.shape).flatten()
        return F.embedding_bag(codes.flatten(), self.weight, starts, mode="sum", per_sample_weights=each)


def _outline(words: Words, place: Tensor, sentences: int) -> Tensor:
    """Which words each sentence has, weighed by how rare they are: (B, sentences, OUTLINE)."""
    where = place * OUTLINE + hashed(words.whole, OUTLINE)
    weights = words.rarity * words.named
    found = torch.zeros(len(place), sentences * OUTLINE).scatter_reduce(1, where, weights, "amax")
    return found.unflatten(1, (sentences, OUTLINE))


def _over_sentences(channels: int, settings: ExtractorSettings) -> Backbone:
    """What goes through the sentences one by one."""
    values = {"name": settings.text} if isinstance(settings.text, str) else dict(settings.text)
    name = values.pop("name", "auto")
    if name not in ("auto", *READERS):
        raise SettingError(f"backbone {name} does not go through sentences one by one", allowed=", ".join(READERS))
    cls = BACKBONES["gru" if name == "auto" else name]
    usual = {"width": 24, "dropout": 0.0}
    made: Backbone = cls(
        Slot("text", "sentences", "frames", shape=(channels,)), check(cls.Settings, usual | values, "model.text")
    )
    return made
