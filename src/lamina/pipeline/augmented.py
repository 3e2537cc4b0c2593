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
from lamina.data.batches import Batch, Rows
from lamina.files import read_json, write_json
from lamina.nn.start import seed_of, seed_of_step
from lamina.pipeline.parts import Parts

__all__ = ["Augmented", "augmented", "find_flips"]


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
    """What is done to the batches of a network; None where the plan asks for nothing."""
    layout, settings = parts.encoder.layout, parts.plan.augment
    pairs = {name: (found["across"], found["over"]) for name, found in flips.items()}
    augment, mix = make_augment(layout, settings, pairs), make_mix(layout, settings)
    return Augmented(augment, mix, seed) if augment or mix else None


def find_flips(folder: Path, parts: Parts, train: Rows) -> dict[str, Any]:
    """Find out from the training rows whether mirrored pictures keep their class; kept in ``flips.json`` for a resume.

    Returns:
        name of an array of pictures -> ``column``; ``across`` and ``over``, whether left and right, and top and bottom,
        may be exchanged; and the ``evidence``.
    """
    if (folder / "flips.json").exists():
        return dict(read_json(folder / "flips.json"))
    found: dict[str, Any] = {}
    few = train.places[:: max(1, len(train.places) // ROWS)][:ROWS]
    for name, slot in parts.encoder.layout.wide_by_name.items():
        if slot.group == "image" and parts.plan.augment.image != "none":
            pictures = train.store.arrays[name].take(few)
            classes = np.asarray(train.store.arrays["target000"])[few][pictures.lengths > 0]
            across, over, evidence = safe_flips(pictures.values, classes if classes.ndim == 1 else None)
            found[name] = {"column": slot.column, "across": across, "over": over, "evidence": evidence}
    if found:
        write_json(folder / "flips.json", found)
    return found
