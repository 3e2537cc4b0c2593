"""Flips are found to be safe where they are, and only there."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lamina.augment.safe import mirrored, safe_flips


def arrows(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Arrow heads that point left (class 0) or right (class 1), anywhere."""
    random = np.random.default_rng(0)
    classes = random.integers(2, size=rows)
    pictures = random.normal(60, 30, (rows, 24, 24))
    for picture, right in zip(pictures, classes, strict=True):
        down, across = random.integers(8, 16, 2)
        for step in range(8):
            place = across + (step - 4) * (1 if right else -1)
            picture[max(down - step, 0) : down + step + 1, place] += 120
    return pictures.clip(0, 255).astype(np.uint8)[..., None], classes


def test_arrows_may_be_turned_upside_down_only() -> None:
    horizontal, vertical, evidence = safe_flips(*arrows(600))
    assert (horizontal, vertical) == (False, True)
    assert evidence.startswith("left to right not safe (a mirror image keeps")
    assert "top to bottom safe" in evidence and "\n" not in evidence


def test_a_number_that_depends_on_the_side_keeps_its_side() -> None:
    pictures, classes = arrows(600)
    angle = (classes * 2 - 1) * np.random.default_rng(1).uniform(0.2, 1, 600)
    assert safe_flips(pictures, angle)[:2] == (False, True)


def test_digits_are_not_mirrored() -> None:
    digits = load_digits()
    pictures = (digits.images * 15.9).astype(np.uint8)[..., None]
    assert safe_flips(pictures, digits.target)[:2] == (False, False)


def test_few_rows_or_no_target_means_no_flips() -> None:
    pictures, classes = arrows(250)
    assert safe_flips(pictures[:199], classes[:199]) == (False, False, "no flips: 199 rows are too few to tell")
    assert safe_flips(pictures, None) == (False, False, "no flips: no target to look at")
    assert safe_flips(pictures, np.zeros(250, np.int64))[:2] == (False, False)
    assert safe_flips(pictures, np.arange(250))[:2] == (False, False)
    assert safe_flips(pictures[:0], classes[:0])[:2] == (False, False)


def test_odd_pictures() -> None:
    classes = np.arange(300) % 3
    for shape in ((1, 1, 1), (1, 40, 3), (70, 5, 4)):
        assert safe_flips(np.zeros((300, *shape), np.uint8), classes)[:2] == (False, False)


def test_what_cannot_be_learned_is_left_alone() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(256, size=(600, 12, 12, 1), dtype=np.uint8)
    assert safe_flips(pictures, random.integers(3, size=600))[:2] == (False, False)


def test_classes_may_be_floats() -> None:
    pictures, classes = arrows(600)
    assert safe_flips(pictures, classes.astype(np.float32)) == safe_flips(pictures, classes)


def test_it_is_the_same_every_time() -> None:
    pictures, classes = arrows(300)
    assert safe_flips(pictures, classes) == safe_flips(pictures, classes)
    assert mirrored(pictures.astype(np.float32), classes, 2).kept < 0


# --- real pictures: training rows alone ---------------------------------------------------------------------------


def from_zip(path: Path, pattern: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a zip file whose names match, numbered up to a bound, and their classes."""
    image = pytest.importorskip("PIL.Image")
    with zipfile.ZipFile(path) as archive:
        names = [re.search(pattern, name) for name in sorted(archive.namelist())]
        found = [match for match in names if match and int(match[2]) <= most]
        pictures = [np.array(image.open(io.BytesIO(archive.read(match.string)))) for match in found]
    stacked = np.stack(pictures)
    classes = np.unique([match[1] for match in found], return_inverse=True)[1]
    return (stacked if stacked.ndim == 4 else stacked[..., None]), classes


def real(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Training pictures of a data set."""
    if name == "cifar10":
        return from_zip(folder / "cifar10" / "cifar10.zip", r"train/(\w+)/(\d+)\.jpg$", 250)
    if name == "orl_faces":
        return from_zip(folder / "orl_faces" / "orl_faces.zip", r"s(\d+)/(\d+)\.png$", 5)
    with np.load(folder / name / f"{name}.npz", allow_pickle=False) as arrays:
        pictures, classes = arrays["train_images"], arrays["train_labels"].ravel()
    return pictures.reshape(len(pictures), 28, 28, -1), classes


@pytest.mark.data
@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10", "pneumoniamnist", "orl_faces"])
def test_real_pictures_are_mirrored_left_to_right(shared_data: Path, name: str) -> None:
    pictures, classes = real(shared_data, name)
    start = time.process_time()
    assert safe_flips(pictures, classes)[:2] == (True, False)
    assert time.process_time() - start < 10  # it takes one or two, whatever else the machine does
