"""What the settings of pictures ask for is what happens."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina.augment.draws import Draws
from lamina.augment.pictures import augment_pictures, flips_of
from lamina.augment.randaugment import OPERATIONS, rand_augment
from lamina.augment.settings import PictureSettings

PICTURES = torch.randint(256, (64, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
OFF: dict[str, Any] = {"flip": "none", "crop": 0.0, "erase": 0.0}


def changed(values: dict[str, Any], seed: int = 0, repeat: int = 1, safe: tuple[bool, bool] = (False, False)) -> Any:
    draws = Draws(torch.Generator().manual_seed(seed), len(PICTURES) // repeat, repeat)
    return augment_pictures(PICTURES, draws, PictureSettings(**(OFF | values)), safe)


def test_all_off_gives_back_what_came() -> None:
    assert changed({}) is PICTURES


@pytest.mark.parametrize("values", [{"crop": 0.2}, {"flip": "both"}, {"erase": 1.0}, {"crop": 0.1, "erase": 0.5}])
def test_bytes_stay_bytes_where_pixels_stay_whole(values: dict[str, Any]) -> None:
    assert changed(values).dtype == torch.uint8


@pytest.mark.parametrize(
    ("flip", "safe", "does"),
    [
        ("auto", (True, False), (True, False)),
        ("auto", (False, True), (False, True)),
        ("none", (True, True), (False, False)),
        ("horizontal", (False, False), (True, False)),
        ("vertical", (True, False), (False, True)),
        ("both", (False, False), (True, True)),
    ],
)
def test_flips_are_what_is_said_or_what_is_safe(flip: Any, safe: tuple[bool, bool], does: tuple[bool, bool]) -> None:
    assert flips_of(PictureSettings(flip=flip), safe) == does
    # On both ways through: whole pixels, and one matrix.
    for values in ({}, {"shift": 1e-6}):
        out = changed({"flip": flip, **values}, safe=safe).float()
        kinds = {(across, down): PICTURES.float() for across in (False, True) for down in (False, True)}
        kinds = {
            kind: pictures.flip([axis for axis, on in zip((2, 1), kind, strict=True) if on]) if any(kind) else pictures
            for kind, pictures in kinds.items()
        }
        seen = {kind for kind, pictures in kinds.items() if ((out - pictures).abs() < 0.1).flatten(1).all(1).any()}
        assert seen == {kind for kind in kinds if kind[0] <= does[0] and kind[1] <= does[1]}


def test_the_pictures_of_a_film_have_the_same_fate() -> None:
    film = PICTURES[:1].expand(64, -1, -1, -1)
    everything = PictureSettings(
        flip="both", crop=0.2, resized_crop=0.5, rotate=20, zoom=0.2, shift=0.1, brightness=0.5, contrast=0.5,
        saturation=0.5, hue=0.3, erase=1.0, operations=3,
    )  # fmt: skip
    out = augment_pictures(film, Draws(torch.Generator().manual_seed(0), 4, 16), everything)
    films = out.view(4, 16, *film.shape[1:])
    assert torch.allclose(films, films[:, :1].expand_as(films), atol=1e-3)
    assert not torch.allclose(films[0], films[1], atol=1.0)


def test_crop_moves_within_its_share_on_both_ways() -> None:
    dot = torch.zeros(400, 16, 16, 1)
    dot[:, 8, 8] = 255.0
    for values in ({"crop": 0.25}, {"crop": 0.125, "shift": 0.125}):
        draws = Draws(torch.Generator().manual_seed(0), 400)
        out = augment_pictures(dot, draws, PictureSettings(**(OFF | values | {"edges": "black"})))
        down = (out.sum((2, 3)) * torch.arange(16)).sum(1) / 255
        assert float(down.min()) == pytest.approx(4, abs=0.1)
        assert float(down.max()) == pytest.approx(12, abs=0.1)


def test_a_resized_crop_takes_the_place_of_crop() -> None:
    """Both would show what lies beside the picture, of which a cut from within it shows nothing."""
    picture = torch.rand(50, 8, 8, 1, generator=torch.Generator().manual_seed(0)) * 155 + 100
    found = []
    for crop in (0.0, 0.5):
        settings = PictureSettings(**(OFF | {"resized_crop": 0.5, "crop": crop, "edges": "black"}))
        found.append(augment_pictures(picture, Draws(torch.Generator().manual_seed(0), 50), settings))
    assert torch.equal(*found)


def test_zoom_is_as_often_larger_as_smaller() -> None:
    square = torch.zeros(400, 32, 32, 1)
    square[:, 12:20, 12:20] = 255.0
    draws = Draws(torch.Generator().manual_seed(0), 400)
    out = augment_pictures(square, draws, PictureSettings(**(OFF | {"zoom": 0.25})))
    side = (out.sum((1, 2, 3)) / 255).sqrt() / 8
    assert 0.78 < float(side.min()) < 0.84
    assert 1.2 < float(side.max()) < 1.3
    assert 160 < int((side > 1).sum()) < 240


def test_rand_augment_without_strength_leaves_most_as_it_is() -> None:
    smooth = torch.arange(12.0).view(1, 1, 12, 1).expand(300, 12, 12, 3) * 20
    out = rand_augment(smooth, Draws(torch.Generator().manual_seed(0), 300), 1, 0.0)
    same = ((out - smooth).abs() < 1e-2).flatten(1).all(1)
    # All but autocontrast and equalize, which have no strength.
    assert int(same.sum()) / 300 == pytest.approx(1 - 2 / len(OPERATIONS), abs=0.06)


def test_rand_augment_has_the_operations_of_the_paper() -> None:
    assert len(OPERATIONS) == len(set(OPERATIONS)) == 14
    out = rand_augment(PICTURES, Draws(torch.Generator().manual_seed(0), 64), 2, 0.5)
    assert out.dtype == torch.float32
    assert float(out.min()) >= 0 and float(out.max()) <= 255
    touched = ((out - PICTURES).abs() > 1).flatten(1).any(1)
    assert int(touched.sum()) > 50
