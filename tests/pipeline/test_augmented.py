"""What is done to the batches of a run, and that its report says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import torch

import lamina
from lamina.augment.mixing import Mix
from lamina.data.batches import Batch
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.files import read_json
from lamina.pipeline.augmented import Augmented


def test_the_report_says_what_was_found_of_mirrored_pictures(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    pictures[::2, :, :4] //= 4
    table = pl.DataFrame({"photo": pictures, "side": ["left", "right"] * 30})
    run = lamina.train(table, "side", budget="3steps", baselines="none", out=tmp_path / "run")
    (found,) = read_json(run.path / "flips.json").values()
    assert not found["across"]  # too few rows to tell
    assert f"Mirrored pictures of photo: {found['evidence']}." in [note["text"] for note in run.warnings]


def test_mixing_is_a_function_of_the_step() -> None:
    mix = Mix(Layout.of([Slot("photo", "value", "image", shape=(4, 4, 1))]), mix_up=1.0)
    pictures = torch.arange(6.0)[:, None, None, None].expand(6, 4, 4, 1).contiguous()
    inputs = {"image000": pictures, "image000.length": torch.ones(6, dtype=torch.long)}
    batch = Batch(inputs, [torch.arange(6)], np.arange(6))
    change = Augmented(None, mix, seed=3)
    one, again, other = change(batch, 5), change(batch, 5), change(batch, 6)
    assert torch.equal(one.inputs["image000"], again.inputs["image000"])
    assert one.share != other.share
    # Each picture is its own target, so what was mixed can be read off.
    wanted = one.share * batch.targets[0] + (1 - one.share) * one.others[0]
    torch.testing.assert_close(one.inputs["image000"][:, 0, 0, 0], wanted.float())
