"""Music is learned from pieces alone, and composed: a new piece, one that goes on, or another on the same melody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.augment.music import transpose
from lamina.codecs.ragged import Ragged
from lamina.config import as_dict, check, setting, settings
from lamina.data.batches import Batch
from lamina.errors import UsageError
from lamina.features.answer import Answer
from lamina.features.music import ON, Music, tune_of
from lamina.features.piece import Piece
from lamina.models.improvise import improvise
from lamina.models.notes import FREE
from lamina.tasks.alone import Alone

__all__ = ["Compose", "ComposeSettings", "ComposingSettings", "held", "sums"]

STEPS = 8_000  # that are judged at a time: of some ten notes each, what is in between takes 200 MB


@settings
class ComposingSettings:
    """How a piece is composed."""

    how: Literal["auto", "new", "continue", "vary"] = setting(
        "auto",
        "A new piece; one that goes on where a given one ends; or another one around a part of it that is kept. auto: "
        "new, or continue where a piece is given.",
    )
    seconds: float = setting(30.0, "Of new and continue: how long what is composed lasts.", gt=0, le=600)
    tempo: Annotated[float, Field(ge=10, le=400)] | Literal["auto"] = setting(
        "auto", "Beats a minute; auto: those of the piece that is given, or usual ones of the training pieces."
    )
    keep: Literal["melody", "steps"] = setting(
        "melody", "Of vary: what is kept: the highest note of each step, or whole steps."
    )
    every: int = setting(
        4, "Of vary, with keep=steps: of so many steps one is kept, the first; and the last of all.", ge=2
    )
    temperature: float = setting(0.9, "Below 1 the likely becomes likelier, above 1 less so.", gt=0, le=10)
    top_p: float = setting(
        1.0, "Of a choice among notes only the fewest that have this share of the chance; model.notes=together.",
        gt=0, le=1,
    )  # fmt: skip
    tries: int = setting(
        128,
        "Pieces that are drawn side by side: those live on that make likely what is kept, and one is taken by how "
        "likely it ends where it does.",
        ge=1,
        le=4096,
    )
    seed: int = setting(0, "What chance hangs on.", ge=0)


@settings
class ComposeSettings(ComposingSettings):
    """Settings of music: how it is learned, and how it is composed afterwards."""

    # With keys apart, 8.00 nats a step on the valid pieces of jsb_chorales in 110 epochs; with none moved 8.13 in 60,
    # of which the 40th was the best.
    transpose: int = setting(5, "Semitones by which a piece is moved up or down in training, at most.", ge=0, le=12)
    moved: float = setting(0.5, "Share of the pieces that are moved so.", ge=0, le=1)


class Compose(Alone):
    """The notes of each step, after those of the steps before it; and whether the piece ends with it.

    What is watched is minus the logarithm of the probability of a step, all its notes together, the mean over the
    steps of a piece. That it ends is learned beside, and not counted.
    """

    name: ClassVar[str] = "compose"
    gives: ClassVar[str] = "steps"
    kinds: ClassVar[tuple[str, ...]] = ("music",)
    network: ClassVar[str] = "composer"
    needs_inputs: ClassVar[bool] = False
    # On the valid pieces of jsb_chorales 4.67 nats a step after 60 epochs.
    usual: ClassVar[Mapping[str, Any]] = {"batch_size": 8, "learning_rate": 3e-3, "schedule": "cosine"}
    Settings = ComposeSettings

    feature: Music

    @property
    def width(self) -> int:
        """Keys of a frame."""
        (slot,) = self.feature.slots
        return int(slot.shape[0])

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """For each step the log-probability of its notes, and a logit of whether the piece ends: (B, T, 2)."""
        (piece,) = batch.targets
        if model.training and self.settings.transpose:
            # The trainer seeds PyTorch's own generator at each step.
            draws = Draws(torch.default_generator, len(piece))
            piece = transpose(piece, draws, self.settings.transpose, self.settings.moved)
        raw: Tensor = model(batch.inputs, piece)
        return raw

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all steps of a batch: (B, T, 2), pieces (B, T, keys) -> scalar."""
        there = _there(target)
        last = there & ~F.pad(there, (0, 1))[:, 1:]
        ending = F.binary_cross_entropy_with_logits(raw[..., 1], last.to(raw.dtype), reduction="none")
        return ((ending - raw[..., 0]) * there).sum() / there.sum()

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities of the steps: (B, T, 2) -> (B, T)."""
        return raw[..., 0].float()

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a step of each piece: log-probabilities (B, T), pieces (B, T, keys) -> (B,)."""
        there = _there(target)
        return -(predicted * there).sum(1) / there.sum(1)

    def watch(self, model: Any, batch: Batch) -> Tensor:
        watch = super().watch
        return torch.cat([watch(model, part) for part in _parts(batch)])

    def said(self, model: Any, batch: Batch) -> list[np.ndarray]:
        """What the scores of each piece are made from, see :func:`sums`."""
        found: list[np.ndarray] = []
        for part in _parts(batch):
            (piece,) = part.targets
            there = _there(piece)
            nats = -self.activate(self.raw(model, part))[there]
            expected = model.likeliest(piece)[there] == 1
            found += list(
                sums(nats.numpy(), expected.numpy(), (piece == ON)[there].numpy(), there.sum(1).cumsum(0).numpy())
            )
        return found

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int]) -> Sequence[Any]:
        """Raises UsageError: pieces are predicted from nothing, so there is nothing to say of a row."""
        raise UsageError("the run composes music, and says nothing of rows", do="lamina compose RUN --out new.mid")

    def answer(self, predicted: Sequence[np.ndarray]) -> Answer:
        return Answer(sums=np.stack(predicted) if len(predicted) else np.empty((0, 5)))

    def truth(self, target: Ragged) -> np.ndarray:
        """How many steps each piece has, (n,)."""
        return target.lengths

    def composing(self, **more: Any) -> ComposeSettings:
        """How pieces are composed: as the settings say, or others.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        return check(ComposeSettings, as_dict(self.settings) | more, "composing")

    def compose(self, model: Any, given: np.ndarray | None = None, known: float | None = None, **more: Any) -> Piece:
        """Compose a piece.

        Args:
            model: the network, in evaluation mode.
            given: a piece to go on from, or to vary: (T, keys) of 0 and 1.
            known: its beats a minute, if it says so.
            more: settings, where they differ from the run's.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
            UsageError: if a piece is needed and none is given, or the other way round.
        """
        chosen = self.composing(**more)
        how = chosen.how if chosen.how != "auto" else "new" if given is None else "continue"
        if (how == "new") != (given is None):
            raise UsageError(
                "there is no piece to go on from, or to vary" if given is None else "a new piece is not made from one",
                got=f"how={how}", do="name a MIDI file" if given is None else "say how=continue, or how=vary",
            )  # fmt: skip
        beats = chosen.tempo if chosen.tempo != "auto" else known or self.feature.state.tempo
        step = self.feature.settings.step
        count = max(1, round(chosen.seconds * beats / 60 / step))
        wanted = held(given, how, count, chosen, self.width)
        frames = improvise(
            model, wanted, seed=chosen.seed, tries=chosen.tries, temperature=chosen.temperature, share=chosen.top_p
        )
        steps = self.feature.steps(frames.numpy())
        return Piece(steps, tune_of(steps, step, beats))


def held(given: np.ndarray | None, how: str, count: int, settings: ComposeSettings, keys: int) -> Tensor:
    """What is held of a piece that is to be composed, (T, keys) int8: see :mod:`lamina.models.notes`.

    Args:
        given: (T, keys) of 0 and 1.
        how: new, continue or vary.
        count: steps that are composed, but of vary, which has as many as the piece that is given.
        settings: of vary, what is kept.
        keys: of a frame.
    """
    free = torch.full((count, keys), FREE, dtype=torch.int8)
    if given is None:
        return free
    known = torch.from_numpy(given > 0.5).to(torch.int8)
    if how == "continue":
        return torch.cat([known, free])
    if settings.keep == "steps":
        kept = torch.arange(len(known)) % settings.every == 0
        kept[-1] = True
        return torch.where(kept[:, None], known, FREE)
    highest = torch.where(known == 1, torch.arange(keys), -1).amax(1, keepdim=True)  # a silent step: -1, so all is held
    return torch.where(torch.arange(keys) >= highest, known, FREE)


def sums(nats: np.ndarray, said: np.ndarray, true: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """What the scores of pieces are made from.

    Args:
        nats: (total,) minus the logarithm of the probability of each step's notes.
        said: (total, keys) bool, the notes that were expected.
        true: (total, keys) bool, those that came.
        ends: (n,) where each piece ends.

    Returns:
        (n, 5): nats and steps; notes that came as expected, that came otherwise, and that did not come.

    Example:
        >>> sums(np.array([1.0, 2.0]), np.eye(2, dtype=bool), np.ones((2, 2), bool), np.array([2])).tolist()
        [[3.0, 2.0, 2.0, 2.0, 0.0]]
    """
    steps = [nats, np.ones(len(nats)), (said & true).sum(1), (~said & true).sum(1), (said & ~true).sum(1)]
    running = np.concatenate([np.zeros((1, len(steps))), np.cumsum(np.column_stack(steps), axis=0, dtype=np.float64)])
    found: np.ndarray = np.diff(running[np.append(0, ends)], axis=0)
    return found


def _there(piece: Tensor) -> Tensor:
    """Which steps a piece has: (B, T, keys) -> (B, T)."""
    return piece[..., 0] > 0


def _parts(batch: Batch) -> Iterator[Batch]:
    """Some rows of a batch at a time."""
    return batch.parts(max(1, STEPS // max(1, batch.targets[0].shape[1])))
