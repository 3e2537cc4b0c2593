"""A label for each word: vectors of words, a backbone over them, and a chain of labels (Huang et al. 2015)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.models.mixed import Absent, backbone_of
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.crf import only
from lamina.nn.linear import Linear
from lamina.nn.spelled import SpelledWords

__all__ = ["Tagger", "TaggerSettings", "Transitions"]

TRIED = 7  # words of the row that shows whether a backbone gives a vector for each


@settings
class TaggerSettings(ColumnsSettings):
    """Vectors of words, and backbones, each by its name or as {name: ..., setting: value}."""

    image: str | dict[str, Any] = setting("auto", "Backbone of pictures (see lamina models).")
    text: str | dict[str, Any] = setting("auto", "Backbone over the words that are labelled, and of other texts.")
    frames: str | dict[str, Any] = setting("auto", "Backbone of sounds and series.")
    clip: str | dict[str, Any] = setting("auto", "Backbone of films.")
    width: int = setting(64, "Width of a word's own vector.", ge=1)
    buckets: int = setting(50_000, "Vectors that words share by hashing.", ge=1)
    letters: int = setting(32, "Width of the vector of a word's letters; 0: none.", ge=0)
    rare: float = setting(
        5.0, "A word that the training texts have so often is hidden in half of its places, a rarer one more often, so "
        "that those around it count; 0: none is.", ge=0,
    )  # fmt: skip
    names: float = setting(
        4.0, "How much more often than a word by itself a span is hidden as a whole in training, and cut to fewer "
        "words, so that names are found that are new; 0: words alone are.", ge=0,
    )  # fmt: skip
    chain: bool = setting(True, "Learn how labels follow each other (CRF).")


class Transitions(nn.Module):
    """How well one label follows another, beside what the words say; label 0 is before the first and behind the last.

    Shape:
        -> (labels + 1, labels + 1)
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, outputs))

    def reset_parameters(self) -> None:
        """Zeros: at the start every label may follow every other."""
        nn.init.zeros_(self.weight)

    def forward(self) -> Tensor:
        return self.weight


class Tagger(Model):
    """Each word by its own vector and its letters; all other columns as one vector beside each; a backbone over the
    words; and a score for each label.

    Shape:
        the arrays of rows, the tokens of one text with words of W at most
        -> (B, W, outputs), with label 0 where no word is (see :func:`lamina.nn.crf.only`)

    Raises:
        SettingError: if the backbone over the words does not give a vector for each.
    """

    Settings = TaggerSettings
    reads_wide: ClassVar[bool] = True
    gives: ClassVar[str] = "words"

    def __init__(self, layout: Layout, outputs: int, settings: TaggerSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.settings = settings
        slots = layout.wide_by_name
        self.text, text = layout.holding_target
        others = {name: slot for name, slot in slots.items() if name != self.text}
        self.words = SpelledWords(text, settings.width, settings.buckets, settings.letters, settings.rare)
        self.others = nn.ModuleDict({name: backbone_of(slot, settings) for name, slot in others.items()})
        widths: dict[str, int] = {name: backbone.width for name, backbone in self.others.items()}  # type: ignore[misc]
        self.absent = nn.ModuleDict({name: Absent(width) for name, width in widths.items()})
        self.columns = Columns(layout, settings) if layout.has_plain else None
        if self.columns is not None:
            widths["plain"] = self.columns.width
        self.bring = nn.ModuleDict(
            {name: nn.Sequential(Linear(width, settings.width), nn.LayerNorm(settings.width))
             for name, width in widths.items()}
        )  # fmt: skip
        width = self.words.width + (settings.width if widths else 0)
        self.over = _over_words(text, width, settings)
        self.head = nn.Linear(self.over.width, outputs)
        self.transitions = Transitions(outputs) if settings.chain else None

    def _beside(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """The other columns as one vector a row, (B, width); None where there are none."""
        found = []
        for name, backbone in self.others.items():
            lengths = inputs[f"{name}.length"]
            found.append(self.bring[name](self.absent[name](backbone(inputs[name], lengths), lengths > 0)))
        if self.columns is not None:
            found.append(self.bring["plain"](self.columns(inputs)))
        return torch.stack(found).mean(0) if found else None

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._scores(inputs, *self.words(inputs[self.text], inputs[f"{self.text}.length"]))

    def renamed(self, inputs: dict[str, Tensor], spans: Tensor) -> tuple[Tensor, Tensor]:
        """The same in training, with some names hidden as a whole: scores (B, W, outputs), and the places that the
        words come from, (B, W); ``spans`` as in :meth:`lamina.nn.spelled.SpelledWords.renamed`."""
        x, there, order = self.words.renamed(
            inputs[self.text], inputs[f"{self.text}.length"], spans, self.settings.names
        )
        return self._scores(inputs, x, there), order

    def _scores(self, inputs: dict[str, Tensor], x: Tensor, there: Tensor) -> Tensor:
        beside = self._beside(inputs)
        if beside is not None:
            x = torch.cat([x, beside[:, None].expand(-1, x.shape[1], -1)], 2)
        x, _ = self.over.sequence(x, there.sum(1))
        return only(self.head(x).float(), there)  # sums over a row are of all its words


def _over_words(slot: Slot, width: int, settings: TaggerSettings) -> Backbone:
    """The backbone over the words' vectors."""
    words = dataclasses.replace(slot, group="frames", shape=(width,), size=1, spelling=())
    chosen = dataclasses.replace(settings, frames=settings.text)
    made = backbone_of(words, chosen, {"frames": "lstm"})
    with torch.no_grad():
        places = made.eval().sequence(torch.zeros(1, TRIED, width), torch.tensor([TRIED]))[0].shape[1]
    made.train()
    if places != TRIED:
        raise SettingError(
            f"backbone {settings.text!r} does not give a vector for each word", got=f"{places} for {TRIED} words",
            allowed="lstm, gru, rnn, transformer and others that keep every place",
        )  # fmt: skip
    return made
