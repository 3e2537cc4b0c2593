"""What the training loop does to its batches, by the plan and by what the training pictures show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamina.augment.base import Augment, make_augment
from lamina.augment.mixing import Mix, make_mix
from lamina.augment.safe import ROWS, safe_flips
from lamina.augment.settings import PictureSettings, settings_of
from lamina.codecs.ragged import Ragged
from lamina.data.batches import Batch
from lamina.data.rows import Rows
from lamina.errors import SettingError
from lamina.files import read_json, write_json
from lamina.nn.start import seed_of, seed_of_step
from lamina.pipeline.parts import Parts

__all__ = ["Augmented", "augmented", "find_flips", "moments"]


class Augmented:
    """Augmentation and mixing of batches, as a function of (seed, step).

    Args:
        augment: changes the inputs.
        mix: mixes rows in pairs.
        seed: of the network that learns from them.
    """

    def __init__(self, augment: Augment | None, mix: Mix | None, seed: int) -> None:
        self.augment, self.mix = augment, mix
        self.seed = seed_of(seed, "augment")
        self._generator = torch.Generator()

    def __call__(self, batch: Batch, step: int) -> Batch:
        """The batch as step number ``step`` learns from it."""
        self._generator.manual_seed(seed_of_step(self.seed, step))
        inputs = batch.inputs if self.augment is None else self.augment(batch.inputs, self._generator)
        if self.mix is None:
            return batch._replace(inputs=inputs)
        mixed = self.mix(inputs, self._generator)
        others = [target[mixed.partner] for target in batch.targets]
        return batch._replace(inputs=mixed.inputs, others=others, share=mixed.weight)


def augmented(parts: Parts, flips: Mapping[str, Any], seed: int) -> Augmented | None:
    """What is done to the batches of a network; None where the plan asks for nothing.

    Raises:
        SettingError: if rows are to be mixed that are not of this kind, or whose target is predicted alone.
    """
    layout, settings = parts.encoder.layout, parts.plan.augment
    pairs = {name: (found["across"], found["over"]) for name, found in flips.items()}
    augment, mix = make_augment(layout, settings, pairs), make_mix(layout, settings)
    if mix is not None and not parts.objective.blends:
        raise SettingError(
            "rows whose target is predicted alone cannot be mixed",
            got=f"mix_up={mix.mix_up:g}, cut_mix={mix.cut_mix:g}", do="set augment.mix_up and augment.cut_mix to 0",
        )  # fmt: skip
    return Augmented(augment, mix, seed) if augment or mix else None


def find_flips(folder: Path, parts: Parts, train: Rows) -> dict[str, Any]:
    """Find out from the training rows whether mirrored pictures and films keep what is to be predicted of them.

    Where there are several targets, all of them must be kept. What was found lies in ``flips.json`` for a resume.

    Returns:
        name of an array of pictures, or of films, that ``auto`` flips -> ``column``; ``across`` and ``over``, whether
        left and right, and top and bottom, may be exchanged; and the ``evidence``.
    """
    if (folder / "flips.json").exists():
        return dict(read_json(folder / "flips.json"))
    found: dict[str, Any] = {}
    few = train.places[:: max(1, len(train.places) // ROWS)][:ROWS]
    for name, slot in parts.encoder.layout.wide_by_name.items():
        chosen = settings_of(slot, parts.plan.augment)
        if isinstance(chosen, PictureSettings) and chosen.flip == "auto":
            films: Ragged = train.store.arrays[name]
            there = few[films.lengths[few] > 0]
            found[name] = {"column": slot.column, **_kept(parts, train, moments(films, there), there)}
    if found:
        write_json(folder / "flips.json", found)
    return found


def _kept(parts: Parts, train: Rows, pictures: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """Which flips every target is kept by, and the evidence."""
    across, over, told = True, True, []
    for place, target in enumerate(parts.encoder.targets):
        array = train.store.arrays[f"target{place:03}"]
        classes = None if isinstance(array, Ragged) or array.ndim > 1 else np.asarray(array)[rows]
        sideways, upside, evidence = safe_flips(pictures, classes)
        across, over = across and sideways, over and upside
        told.append(evidence if len(parts.encoder.targets) == 1 else f"for {target.column}, {evidence}")
    return {"across": across, "over": over, "evidence": "; ".join(told)}


def moments(films: Ragged, rows: np.ndarray) -> np.ndarray:
    """Films as pictures whose channels are their first, middle and last moment in grey; pictures as they are.

    Motion is then seen to turn round where a film is mirrored: cars that go left are cars that go right.

    Args:
        films: rows of (length, H, W, C) uint8.
        rows: (n,) of them, none of which is empty.

    Returns:
        (n, H, W, 3) uint8; (n, H, W, C) where all are of one picture.

    Example:
        >>> films = Ragged.of([np.full((4, 2, 2, 1), 7, np.uint8), np.zeros((1, 2, 2, 1), np.uint8)])
        >>> moments(films, np.array([0, 1])).shape
        (2, 2, 2, 3)
    """
    lengths, ends = films.lengths[rows], films.ends[rows]
    if (lengths == 1).all():
        return films.take(rows).values
    places = (ends - lengths, ends - lengths + lengths // 2, ends - 1)
    # Only these are read: all pictures of some thousand films need not fit in memory.
    return np.stack([films.values[place].mean(-1).astype(np.uint8) for place in places], axis=-1)
