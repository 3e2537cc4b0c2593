"""What is done to the batches of a run, and that its report says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import lamina
from lamina.augment.mixing import Mix
from lamina.codecs.ragged import Ragged
from lamina.data.batches import Batch
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.files import read_json
from lamina.pipeline.augmented import Augmented, moments


def test_the_report_says_what_was_found_of_mirrored_pictures(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    pictures[::2, :, :4] //= 4
    table = pl.DataFrame({"photo": pictures, "side": ["left", "right"] * 30})
    run = lamina.train(table, "side", budget="3steps", baselines="none", out=tmp_path / "run")
    (found,) = read_json(run.path / "flips.json").values()
    assert not found["across"]  # too few rows to tell
    assert f"Mirrored pictures of photo: {found['evidence']}." in [note["text"] for note in run.warnings]


def flips_of(cells: np.ndarray, folder: Path, augment: Any = "auto", **targets: Any) -> dict[str, Any]:
    """What a run on pictures, (n, 8, 8, 1), or films, (n, length, 8, 8, 1), found of their mirror images."""
    group = "image" if cells.ndim == 4 else "clip"
    quick: dict[str, Any] = {"budget": "1steps", "baselines": "none", "model": "cnn", f"augment__{group}": augment}
    table = pl.DataFrame({"seen": cells, **targets})
    run = lamina.train(table, list(targets), inputs=["seen"], out=folder / "run", **quick)
    path = run.path / "flips.json"
    return dict(next(iter(read_json(path).values()))) if path.exists() else {}


@pytest.fixture(scope="module")
def squares() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squares anywhere, (400, 8, 8, 1), whether they are large, and whether they are darker on the left."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 30, (400, 8, 8, 1), dtype=np.uint8)
    large, left = random.random(400) < 0.5, random.random(400) < 0.5
    for picture, size, dark in zip(pictures, np.where(large, 6, 3), left, strict=True):
        down, across = random.integers(0, 8 - size + 1, 2)
        picture[down : down + size, across : across + size] += 150
        half = slice(across, across + size // 2) if dark else slice(across + size - size // 2, across + size)
        picture[down : down + size, half] -= 80
    return pictures, large, left


def test_flips_must_keep_every_target(squares: tuple[np.ndarray, np.ndarray, np.ndarray], tmp_path: Path) -> None:
    pictures, large, left = squares
    alone = flips_of(pictures, tmp_path / "a", large=large)
    assert alone["across"] and alone["evidence"].startswith("left to right safe")
    for name, targets in (("b", {"large": large, "left": left}), ("c", {"left": left, "large": large})):
        both = flips_of(pictures, tmp_path / name, **targets)
        assert not both["across"]
        assert "for large, left to right safe" in both["evidence"]
        assert "for left, left to right not safe" in both["evidence"]


def test_flips_that_a_person_chose_are_not_looked_for(tmp_path: Path) -> None:
    pictures, side = np.zeros((60, 8, 8, 1), np.uint8), ["left", "right"] * 30
    pictures[::2, :, :4] = np.arange(30, dtype=np.uint8)[:, None, None, None]
    for place, augment in enumerate(("none", {"flip": "horizontal"}, {"flip": "none"})):
        assert flips_of(pictures, tmp_path / str(place), augment, side=side) == {}


def test_films_are_mirrored_where_their_motion_does_not_matter(tmp_path: Path) -> None:
    """No single picture of them says which way the bar goes."""
    random = np.random.default_rng(0)
    films = random.integers(0, 30, (400, 5, 8, 8, 1), dtype=np.uint8)
    leftwards, thick = random.random(400) < 0.5, random.random(400) < 0.5
    for film, back, wide in zip(films, leftwards, thick, strict=True):
        start = random.integers(0, 8)
        for place in range(5):
            at = (start + (-place if back else place)) % 8
            film[place, :, at] += 150
            film[place, :4] += 60 if wide else 0
    found = flips_of(films, tmp_path / "a", way=leftwards)
    assert not found["across"] and "left to right not safe (a mirror image keeps -" in found["evidence"]
    found = flips_of(films, tmp_path / "b", thick=thick)
    assert found["across"], found


def test_moments_of_films() -> None:
    films = Ragged.of([np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1) for count in (4, 0, 1, 3)])
    assert moments(films, np.array([3, 0, 2]))[:, 0, 0].tolist() == [[0, 1, 2], [0, 2, 3], [0, 0, 0]]
    pictures = Ragged.of([np.full((1, 2, 2, 3), shade, np.uint8) for shade in (5, 6)])
    assert np.array_equal(moments(pictures, np.array([1])), np.full((1, 2, 2, 3), 6))


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
