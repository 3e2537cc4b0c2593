"""Read a question and a passage, and point at the part of it that answers: words that both share (Chen et al. 2017),
and a score for each span of up to 30 words (Lee et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check, setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.models.mixed import backbone_of
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear
from lamina.nn.pooling import AttentionPool, max_over
from lamina.nn.spelling import SHAPES, Spelling, Words, hashed
from lamina.nn.steps import Words as Embedding

__all__ = ["Reader", "ReaderSettings", "Spans"]

CHOSEN = {"image": "cnn", "frames": "gru", "clip": "cnn"}
READERS = ("gru", "lstm", "rnn")  # one vector a word, in the order of the words
SIGNS = 4  # figures of a word: whether the question has it, or one like it, that by its rarity, and its rarity
NEAR = (2.0, 6.0, 20.0)  # words over which what the question says is looked for around a word
FAR = 1e6  # words to one that is nowhere
LIKE = 4.0  # by how much a word of the question counts more for words that begin as it does, where they are rare
DEVIATION = 0.1  # of embeddings at the start
NEVER = -1e4  # of a span that is not there


@settings
class ReaderSettings(ColumnsSettings):
    """A network that points at an answer in a text."""

    text: str | dict[str, Any] = setting(
        "auto", "Backbone that reads the words of all texts: gru, lstm or rnn; auto: a gru of width 40."
    )
    image: str | dict[str, Any] = setting("auto", "Backbone of pictures (see lamina models).")
    frames: str | dict[str, Any] = setting("auto", "Backbone of sounds and series.")
    clip: str | dict[str, Any] = setting("auto", "Backbone of films.")
    embedding: int = setting(24, "Width of a word's vector.", ge=1)
    buckets: Literal[1024, 2048, 4096, 8192, 16384, 32768, 65536] = setting(
        8192, "Vectors that words share by a hash of their letters, of their first five and of their last three."
    )
    width: int = setting(32, "Hidden units for each span.", ge=1)
    dropout: float = setting(0.4, "Share of channels dropped in training, the same at all words of a row.", ge=0, lt=1)
    longest: int = setting(30, "Words of an answer at most.", ge=1)


class Spans(NamedTuple):
    """What a reader gives for some rows.

    Attributes:
        scores: (B, 1 + W * longest), in nats up to a constant: of no answer at all; then of the spans that begin with
            the first word, the shortest first; then of those that begin with the second one, and so on.
        words: (B, T) int64, the word that each token of the passage is of.
        longest: words of a span at most.
    """

    scores: Tensor
    words: Tensor
    longest: int


class Reader(Model):
    """Words of the passage, each with its vector, its shape, how rare it is, whether the question has it or one that
    begins like it, how much of the question stands around it, and the words of the question that are most like it; a
    recurrent network over them; and for each span a hidden layer over its first and its last word, its length and the
    question.

    Other texts are questions, and all other columns say something of what is asked. Rarity takes the place of inverse
    document frequency (Sparck Jones 1972), and vectors are shared by hashing (Weinberger et al. 2009): most words of a
    new passage have not been seen.

    Shape:
        the arrays of rows -> :class:`Spans`

    Raises:
        SettingError: if a backbone cannot read words one by one.
    """

    Settings = ReaderSettings
    reads_wide: ClassVar[bool] = True
    gives: ClassVar[str] = "spans"

    def __init__(self, layout: Layout, outputs: int, settings: ReaderSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.settings = settings
        slots = layout.wide_by_name
        self.passage, passage = layout.holding_target
        self.questions = [name for name, slot in slots.items() if slot.group == "tokens" and name != self.passage]
        texts = [self.passage, *self.questions]
        self.spelling = passage.spelling
        self.spell = nn.ModuleDict({name: Spelling(slots[name].spelling) for name in texts})
        self.embed = Embedding(settings.buckets, settings.embedding, DEVIATION)
        self.align = Linear(settings.embedding, settings.embedding)
        self.of_passage = _reader("passage", 2 * settings.embedding + SHAPES + SIGNS + 2 * len(NEAR), settings)
        self.of_question = _reader("question", settings.embedding + SHAPES, settings)
        seen, asked, hidden = self.of_passage.width, self.of_question.width + 1, settings.width
        self.pool = AttentionPool(asked)
        self.others = nn.ModuleDict(
            {name: backbone_of(slot, settings, CHOSEN) for name, slot in slots.items() if name not in texts}
        )
        self.columns = Columns(layout, settings) if layout.has_plain else None
        widths: dict[str, int] = {name: backbone.width for name, backbone in self.others.items()}  # type: ignore[misc]
        if self.columns is not None:
            widths["plain"] = self.columns.width
        self.bring = nn.ModuleDict({name: Linear(width, asked) for name, width in widths.items()})
        self.drop_vectors = nn.Dropout(settings.dropout / 2)
        self.begin, self.end = Linear(asked, seen), Linear(asked, seen)
        self.first, self.last, self.asked = Linear(seen, hidden), Linear(seen, hidden), Linear(asked, hidden)
        self.length = Embedding(settings.longest, hidden, DEVIATION)
        self.score = nn.Linear(hidden, 1)
        self.none = nn.Sequential(Linear(2 * hidden, hidden, activation="relu"), nn.Linear(hidden, 1))

    def forward(self, inputs: dict[str, Tensor]) -> Spans:  # type: ignore[override]
        passage = self._words(self.passage, inputs)
        questions = [self._words(name, inputs) for name in self.questions]
        question = _joined(questions, len(passage.of))
        vectors = self._vectors(passage)
        of_each = [self._vectors(one) for one in questions]
        signs = self._signs(passage, vectors, question, torch.cat([vectors[:, :0], *of_each], 1))
        seen = self._read(self.of_passage, [vectors, passage.shapes, *signs], passage.counts)
        read = [
            self._read(self.of_question, [one, words.shapes], words.counts)
            for one, words in zip(of_each, questions, strict=True)
        ]
        none = seen.new_zeros(len(seen), 0, self.of_question.width)
        asked = self._asked(torch.cat([none, *read], 1), passage, question, inputs)
        return Spans(self._scores(seen, passage, asked), passage.of, self.settings.longest)

    def _words(self, name: str, inputs: dict[str, Tensor]) -> Words:
        words: Words = self.spell[name](inputs[name], inputs[f"{name}.length"])
        return words

    def _vectors(self, words: Words) -> Tensor:
        """A vector for each word, (B, W, embedding): of itself, of how it begins, and of how it ends."""
        parts = [
            self.embed(hashed(number, self.settings.buckets, place))
            for place, number in enumerate((words.whole, words.stem, words.ending))
        ]
        return self.drop_vectors(torch.stack(parts).sum(0)) * words.there[..., None]

    def _read(self, backbone: Backbone, parts: Sequence[Tensor], counts: Tensor) -> Tensor:
        """A vector for each word that knows of those around it: (B, W, width)."""
        return backbone.sequence(torch.cat(list(parts), 2), counts)[0]

    def _signs(self, passage: Words, vectors: Tensor, question: Words, asked: Tensor) -> list[Tensor]:
        """What the question tells of each word of the passage, (B, W, ...): the mean of its words, weighted by how
        like they are; and single figures."""
        told = passage.named[..., None] & question.named[:, None]  # (B, W, words of the question)
        same = (passage.whole[..., None] == question.whole[:, None]) & told
        begins = (passage.stem[..., None] == question.stem[:, None]) & told
        rarity = passage.rarity * passage.there
        like = F.relu(self.align(vectors)) @ F.relu(self.align(asked)).mT + LIKE * begins * rarity[..., None]
        shares = like.float().masked_fill(~question.there[:, None], NEVER).softmax(2)
        is_same, is_like = same.any(2).float(), begins.any(2).float()
        near = _near(begins, question.rarity**2 * question.named)
        figures = torch.stack([is_same, is_like, is_like * rarity, rarity], 2)
        return [shares.to(asked.dtype) @ asked, figures, near]

    def _asked(self, read: Tensor, passage: Words, question: Words, inputs: dict[str, Tensor]) -> Tensor:
        """All that is asked as one vector: (B, width of a question + 1)."""
        found = (passage.stem[:, None] == question.stem[..., None]) & passage.named[:, None]
        asked = self.pool(torch.cat([read, found.any(2, keepdim=True).to(read.dtype)], 2), question.there)
        for name, backbone in self.others.items():
            lengths = inputs[f"{name}.length"]
            asked = asked + self.bring[name](backbone(inputs[name], lengths)) * (lengths > 0)[:, None]
        if self.columns is not None:
            asked = asked + self.bring["plain"](self.columns(inputs))
        return asked

    def _scores(self, seen: Tensor, passage: Words, asked: Tensor) -> Tensor:
        """Of no answer, and of each span: (B, 1 + W * longest)."""
        longest, places = self.settings.longest, seen.shape[1]
        said = self.asked(asked)
        first, last = self.first(seen) + said[:, None], F.pad(self.last(seen), (0, 0, 0, longest - 1))
        begin = torch.einsum("bwk,bk->bw", seen, self.begin(asked))
        end = F.pad(torch.einsum("bwk,bk->bw", seen, self.end(asked)), (0, longest - 1))
        there = F.pad(passage.there, (0, longest - 1))
        spans = []
        for more in range(longest):  # words behind the first
            stop = slice(more, more + places)
            hidden = F.relu(first + last[:, stop] + self.length.weight[more])
            score = self.score(hidden)[..., 0] + begin + end[:, stop]
            spans.append(score.float().masked_fill(~there[:, stop], NEVER))
        none = self.none(torch.cat([said, max_over(first, passage.there)], 1))
        return torch.cat([none.float(), torch.stack(spans, 2).flatten(1)], 1)


def _reader(what: str, channels: int, settings: ReaderSettings) -> Backbone:
    """What reads words one by one."""
    values = {"name": settings.text} if isinstance(settings.text, str) else dict(settings.text)
    name = values.pop("name", "auto")
    if name not in ("auto", *READERS):
        raise SettingError(f"backbone {name} does not read a {what} word by word", allowed=", ".join(READERS))
    cls = BACKBONES["gru" if name == "auto" else name]
    usual = {"width": 40, "dropout": settings.dropout}
    made: Backbone = cls(
        Slot(what, "words", "frames", shape=(channels,)), check(cls.Settings, usual | values, "model.text")
    )
    return made


def _near(begins: Tensor, weights: Tensor) -> Tensor:
    """How much of the question stands around each word of the passage: (B, W, 2 * scales).

    Args:
        begins: (B, W, Q), whether a word of the passage is like one of the question.
        weights: (B, Q), how much each word of the question counts.

    Returns:
        For each scale, a mean over the question's words of how near each is, from 0 to 1; and the same beside the best
        place of the passage.
    """
    places = torch.arange(begins.shape[1], device=begins.device)[:, None].float()
    before = torch.where(begins, places, -FAR).cummax(1).values
    behind = -torch.where(begins, -places, -FAR).flip(1).cummax(1).values.flip(1)
    apart = torch.minimum(places - before, behind - places)  # (B, W, Q), to the nearest word that is like it
    shares = (weights / weights.sum(1, keepdim=True).clamp(min=1e-6))[..., None]
    near = torch.cat([torch.exp(-apart / words) @ shares for words in NEAR], 2)
    return torch.cat([near, near / (near.amax(1, keepdim=True) + 1e-6)], 2)


def _joined(questions: Sequence[Words], rows: int) -> Words:
    """The words of several texts side by side; none where there is no text."""
    if len(questions) == 1:
        return questions[0]
    none = torch.zeros(rows, 0, dtype=torch.int64)
    empty = Words(none, none.sum(1), none > 0, none, none, none, torch.zeros(rows, 0, SHAPES), none.float())
    each = zip(empty, *questions, strict=True)
    return Words(*(torch.cat(parts, 1) if parts[0].dim() > 1 else torch.stack(parts).sum(0) for parts in each))
