"""Weights in files of known networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.errors import DataError, UsageError
from lamina.transfer.source import open_source

Pictures = Callable[[int, int], pl.DataFrame]
Fit = Callable[..., lamina.Run]


FILES = {
    "resnet20": "weights_cifar_resnet/resnet20_cifar10.npz",
    "squeezenet": "weights_squeezenet/squeezenet_v1_0_imagenet.npz",
}


@pytest.mark.data
@pytest.mark.parametrize(("name", "side"), [("resnet20", 32), ("squeezenet", 227)])
def test_a_known_network_settles_the_plan(
    shared_data: Path, name: str, side: int, pictures: Pictures, fit: Fit
) -> None:
    (origin,) = open_source(str(shared_data / FILES[name]))
    assert origin.kind == "image" and origin.usual == {"size": side}
    run = fit("run", pictures(24, 0), weights=shared_data / FILES[name], learn="head", budget="2steps")
    assert run.plan.model.image["name"] == name
    assert run.predictor.encoder.layout.wide[0].shape == (side, side, 3)


@pytest.mark.data
def test_the_size_that_a_person_says_stands(shared_data: Path, pictures: Pictures, fit: Fit) -> None:
    said = {"features": {"photo": {"size": 16}}}
    run = fit("run", pictures(24, 0), weights=shared_data / FILES["resnet20"], budget="2steps", **said)
    assert run.predictor.encoder.layout.wide[0].shape == (16, 16, 3)


def test_files_of_other_things_are_refused(tmp_path: Path, pictures: Pictures, fit: Fit) -> None:
    np.savez(tmp_path / "odd.npz", weight=np.zeros(3))
    with pytest.raises(UsageError, match="of no network that is known"):
        fit("run", pictures(24, 0), weights=tmp_path / "odd.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError):
        fit("run", pictures(24, 0), weights=tmp_path / "text.npz")


@pytest.mark.parametrize(
    ("name", "got"),
    [("gone.npz", "nothing there"), ("folder", "a folder of something else"), ("a.txt", "a file of another")],
)
def test_what_is_no_source_of_weights_is_refused(tmp_path: Path, name: str, got: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UsageError, match=f"no weights can be read from .* · got {got}.* allowed: a run's folder"):
        open_source(str(tmp_path / name))
