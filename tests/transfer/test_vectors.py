"""Vectors that are computed once stand for the networks that never change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lamina.codecs.ragged import Ragged
from lamina.data.batches import gather
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.transfer.vectors import VectorStore, put_back, set_apart, write_vectors

LAYOUT = Layout.of(
    [
        Slot("photo", "value", "image", shape=(8, 8, 3)),
        Slot("said", "value", "tokens", size=9, length=4),
        Slot("kind", "value", "category", size=3),
    ]
)
ROWS = 300  # more than are looked at together


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Rows of a picture, missing in every fifth, a text, and a category."""
    draw = np.random.default_rng(0)
    photos = [draw.integers(0, 256, (int(row % 5 > 0), 8, 8, 3)).astype(np.uint8) for row in range(ROWS)]
    texts = [draw.integers(1, 9, draw.integers(0, 6)).astype(np.int32) for _ in range(ROWS)]
    with StoreWriter(tmp_path / "store") as writer:
        writer.append(
            {
                "number": np.empty((ROWS, 0), np.float32),
                "flag": np.empty((ROWS, 0), np.uint8),
                "category": draw.integers(0, 3, (ROWS, 1)).astype(np.int32),
                "image000": Ragged.of(photos),
                "tokens001": Ragged.of(texts),
                "target000": np.zeros(ROWS, np.float32),
                "row": np.arange(ROWS),
            }
        )
    return Store(tmp_path / "store")


@pytest.fixture
def model() -> Mixed:
    text = {"name": "transformer", "width": 8, "depth": 1, "heads": 2}
    made = start(Mixed(LAYOUT, 2, MixedSettings(image={"name": "cnn", "width": 4, "depth": 2}, text=text, width=8)), 0)
    assert isinstance(made, Mixed)
    for vector in made.absent.parameters():
        torch.nn.init.normal_(vector)
    return made.eval()


@pytest.mark.parametrize("names", [["image000"], ["tokens001"], ["image000", "tokens001"]])
def test_they_give_the_numbers_of_running_the_network(
    names: list[str], store: Store, model: Mixed, tmp_path: Path
) -> None:
    write_vectors(model, names, store, tmp_path / "vectors")
    short = VectorStore(store, tmp_path / "vectors")
    places = np.array([3, 0, 299, 17, 5, 100])
    plain, quick = gather(store, places), gather(short, places)
    assert not set(names) & set(quick.inputs) and {f"{name}.vector" for name in names} <= set(quick.inputs)
    with torch.no_grad():
        wanted = model(plain.inputs)
        apart = set_apart(model, names)
        assert torch.allclose(model(quick.inputs), wanted, atol=1e-5)
        assert not any(name in key for key in model.state_dict() for name in [f"backbones.{one}" for one in names])
        put_back(model, apart)
        assert torch.allclose(model(plain.inputs), wanted)


def test_rows_with_vectors_are_plain_rows(store: Store, model: Mixed, tmp_path: Path) -> None:
    """By their groups training settles its steps and how long it goes on."""
    assert store.groups == {"image", "tokens"}
    write_vectors(model, ["image000"], store, tmp_path / "vectors")
    short = VectorStore(store, tmp_path / "vectors")
    assert short.groups == {"tokens"}
    assert short.rows == ROWS and len(Rows.all(short).places) == ROWS
    assert short.bytes < store.bytes


def test_what_is_there_is_not_computed_again(store: Store, model: Mixed, tmp_path: Path) -> None:
    write_vectors(model, ["image000"], store, tmp_path / "vectors")
    before = (tmp_path / "vectors" / "image000.vector.bin").stat().st_mtime_ns
    write_vectors(model, ["image000"], store, tmp_path / "vectors")
    assert (tmp_path / "vectors" / "image000.vector.bin").stat().st_mtime_ns == before
