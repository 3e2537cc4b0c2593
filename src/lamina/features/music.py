"""Music: which notes sound, step after step."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import polars as pl

from lamina.codecs.midi import ENDINGS, Note, Tempo, Tune, is_midi
from lamina.codecs.music import KEYS, PITCHES, MusicCodec, roll_of
from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, Slot
from lamina.features.media import (
    LOOKED_AT,
    Broken,
    Media,
    Sample,
    claim_of_files,
    dimensions_of,
    files_of,
    in_threads,
    innermost,
)

__all__ = ["KEYS", "OFF", "ON", "Heard", "Music", "MusicSettings", "MusicState", "roll_of", "tune_of"]

SAMPLE = 1000  # tunes that lengths and pitches are learned from
USUAL = 100.0  # beats a minute where no file says
DIVISION = 480  # ticks a beat of tunes that are made here
MOST_AT_ONCE = 12  # notes a step, on average, of lists that look like music

OFF, ON = 1, 2  # of a key in a tune that is to be learned; 0 fills up short ones


@settings
class MusicSettings:
    """How music is laid on a grid of steps."""

    step: float = setting(1.0, "Beats a step, to which the notes of MIDI files are moved.", ge=1 / 64, le=64)
    keys: Literal["piano", "all"] = setting(
        "piano", "piano: its 88 keys, notes beyond them are left out; all: the 128 pitches of MIDI."
    )
    longest: int = setting(4096, "Steps that are kept; the rest is cut off.", ge=1, le=2**20)


@dataclasses.dataclass
class MusicState:
    """What was learned from the training tunes.

    Attributes:
        count, missing: cells that are there, and that are not.
        sampled, broken: tunes that were looked at, and how many of them could not be read.
        cut: how many of them are longer than the longest setting.
        notes, outside: pitches of all their steps, and how many of them lie beyond the keys.
        pitches: the lowest and the highest.
        at_once: notes a step, on average, and at most.
        steps: of the shortest, of one in the middle, and of the longest.
        tempo: usual beats a minute of the files.
        length: steps of a long tune, the 95th percentile, the longest setting at most.
    """

    count: int
    missing: int
    sampled: int
    broken: int
    cut: int
    notes: int
    outside: int
    pitches: list[int]
    at_once: list[float]
    steps: list[int]
    tempo: float
    length: int


class Heard(NamedTuple):
    """What is learned from one tune: steps that are kept, and that there were; how often each of the 128 pitches
    sounds; notes at once, at most; beats a minute, if it says so."""

    kept: int
    length: int
    pitches: np.ndarray
    at_once: int
    tempo: float | None


class Music(Media):
    """A tune a cell: one ``frames`` slot, a frame a step, 1 for each key that sounds and 0 for the others.

    Cells are MIDI files by name, or their bytes; or lists of steps, each a list of pitches (60 is middle C; nothing,
    or -1 for a voice that rests, is silence). Notes of files are moved to the nearest step, and last one at least;
    drums are left out. A target has :data:`ON` and :data:`OFF` for 1 and 0, in bytes.

    Example:
        >>> feature = Music("tune")
        >>> cells = feature.read(pl.Series([[[60, 64], [], [62]], None]))
        >>> rows = feature.fit(cells).encode(cells)["frames"]
        >>> rows.lengths.tolist(), rows.values.shape, feature.decode(rows).to_list()
        ([3, 0], (3, 88), [[[60, 64], [], [62]], None])
    """

    kind: ClassVar[str] = "music"
    target_group: ClassVar[str] = "frames"
    Settings = MusicSettings
    State = MusicState
    dimensions: ClassVar[tuple[int, ...]] = (2,)

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = files_of(profile.values)
        if dimensions_of(values.dtype) == 2 and innermost(values.dtype).is_integer():
            return _claim_of_lists(values.drop_nulls().head(LOOKED_AT), profile.is_target)
        return claim_of_files(profile, "MIDI files", is_midi, ENDINGS)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = Sample(SAMPLE)
        self.state.add(values)
        return self

    def finish(self) -> Self:
        sample: Sample = self.state
        heard = [one for one in in_threads(self._heard, sample.cells) if one is not None]
        low, high = KEYS[self.settings.keys]
        pitches = sum((one.pitches for one in heard), np.zeros(PITCHES, np.int64))
        notes, sounding = int(pitches.sum()), np.flatnonzero(pitches).tolist()
        lengths, kept = ([one.length for one in heard] or [1], [one.kept for one in heard] or [1])
        self.state = MusicState(
            count=sample.count,
            missing=sample.missing,
            sampled=len(sample.cells),
            broken=len(sample.cells) - len(heard),
            cut=sum(one.length > one.kept for one in heard),
            notes=notes,
            outside=notes - int(pitches[low : high + 1].sum()),
            pitches=[sounding[0], sounding[-1]] if sounding else [],
            at_once=[notes / sum(kept), float(max((one.at_once for one in heard), default=0))],
            steps=[min(lengths), int(statistics.median(lengths)), max(lengths)],
            tempo=statistics.median([one.tempo for one in heard if one.tempo] or [USUAL]),
            length=int(np.quantile(kept, 0.95)),
        )
        return self

    def _heard(self, cell: Any) -> Heard | None:
        try:
            roll, length, tempo = self.codec().roll(cell)
        except DataError:
            return None  # counted as broken, and set aside by encode
        return Heard(len(roll), length, roll.sum(0), int(roll.sum(1).max()), tempo)

    @property
    def slots(self) -> list[Slot]:
        low, high = KEYS[self.settings.keys]
        return [Slot(self.column, "keys", "frames", shape=(high - low + 1,), length=self.state.length)]

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A tune's frames, (steps, keys) float32 of 0 and 1.

        Raises:
            DataError: if it is no tune, or holds no steps; it says why.
        """
        return self.with_tempo(cell)[0]

    def with_tempo(self, cell: str | bytes | np.ndarray) -> tuple[np.ndarray, float | None]:
        """A tune's frames as :meth:`load` gives them, and its beats a minute, if it says so."""
        return self.codec().with_tempo(cell)

    def codec(self) -> MusicCodec:
        low, high = KEYS[self.settings.keys]
        return MusicCodec(self.column, self.settings.step, low, high, self.settings.longest)

    def encode(self, values: pl.Series, broken: Broken | None = None, first_row: int = 0) -> dict[str, Any]:
        arrays = super().encode(values, broken, first_row)
        if self.is_target:
            rows: Ragged = arrays["frames"]
            arrays["frames"] = Ragged(np.where(rows.values > 0.5, np.uint8(ON), np.uint8(OFF)), rows.ends)
        return arrays

    def decode(self, encoded: Any) -> pl.Series:
        """Rows of frames as lists of steps, each a list of pitches; null for a row without frames.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged` of frames; a key sounds where it is above one half, or of
                a target where it is :data:`ON`.
        """
        off = OFF if self.is_target else 0
        rows = [self.steps(np.asarray(encoded[row : row + 1].values, np.float32) - off) for row in range(len(encoded))]
        return pl.Series(self.column, [steps or None for steps in rows], dtype=pl.List(pl.List(pl.Int64)))

    def steps(self, frames: np.ndarray) -> list[list[int]]:
        """The pitches of each step, (steps, keys) -> one list a step; a key sounds where it is above one half."""
        low, _ = KEYS[self.settings.keys]
        return [(np.flatnonzero(frame > 0.5) + low).tolist() for frame in frames]

    @property
    def lowest(self) -> int:
        """The pitch of the first key of a frame."""
        return KEYS[self.settings.keys][0]

    def tune(self, frames: np.ndarray) -> Tune:
        """Frames, (steps, keys), as a tune of the usual tempo, to be written as MIDI or played."""
        return tune_of(self.steps(frames), self.settings.step, self.state.tempo)

    def summary(self) -> dict[str, Any]:
        state = self.state
        shortest, middle, longest = state.steps
        found: dict[str, Any] = {"steps": {"shortest": shortest, "middle": middle, "longest": longest}}
        found["pitches"] = " to ".join(map(str, state.pitches)) or "none"
        found["notes a step"] = {"mean": round(state.at_once[0], 2), "most": int(state.at_once[1])}
        found["beats a minute"] = round(state.tempo, 1)
        if state.outside:
            found["beyond the keys"] = f"{state.outside} of {state.notes} notes"
        counts = {"cut": state.cut, "cannot be read": state.broken}
        return found | {name: f"{count} of {state.sampled} looked at" for name, count in counts.items() if count}


def tune_of(steps: Sequence[Iterable[int]], step: float = 1.0, tempo: float = USUAL, *, tied: bool = True) -> Tune:
    """A tune of the pitches of each step.

    Args:
        steps: pitches that sound in each step.
        step: beats a step.
        tempo: beats a minute.
        tied: a pitch that sounds in neighbouring steps is one long note; otherwise it is struck again in each.

    Example:
        >>> [note[:3] for note in tune_of([[60, 64], [60]]).notes]
        [(0, 480, 64), (0, 960, 60)]
    """
    notes, sounding = [], dict[int, int]()  # the steps in which pitches were struck
    for place, pitches in enumerate(itertools.chain(map(set, steps), [set[int]()])):
        for pitch in [pitch for pitch in sounding if not tied or pitch not in pitches]:
            notes.append(Note(_tick(sounding.pop(pitch), step), _tick(place, step), pitch))
        sounding |= {pitch: place for pitch in pitches if pitch not in sounding}
    return Tune(tuple(sorted(notes)), DIVISION, (Tempo(0, round(6e7 / tempo)),))


def _tick(place: int, step: float) -> int:
    return round(place * step * DIVISION)


def _claim_of_lists(cells: pl.Series, is_target: bool) -> Claim | None:
    """Lists of lists are music if their inner lists differ in length, as those of series do not, and are of keys.

    Series are no targets: there, all steps may have as many voices, two may have one pitch, and some may rest.
    """
    inner = cells.cast(pl.List(pl.List(pl.Int64))).explode().drop_nulls()
    counts, pitches = inner.list.len(), inner.explode().drop_nulls()
    if is_target:
        pitches = pitches.filter(pitches != -1)
    elif counts.n_unique() < 2 or (inner.list.n_unique() < counts).any():
        return None
    if not len(pitches):
        return None
    low, high = int(pitches.to_numpy().min()), int(pitches.to_numpy().max())
    (lowest, highest), at_once = KEYS["piano"], len(pitches) / len(inner)
    if low < lowest or high > highest or at_once > MOST_AT_ONCE:
        return None
    return Claim(0.85, f"lists of steps of {at_once:.1f} whole numbers on average, {low} to {high}, as of keys")
