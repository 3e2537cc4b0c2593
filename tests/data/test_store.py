"""Encoded rows on disk: what was written comes back, and what is not whole is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.ragged import Ragged
from lamina.data.store import Store, StoreWriter
from lamina.errors import DamagedRunError, RunError


def ragged_of(rows: list[list[int]]) -> Ragged:
    values = np.array([value for row in rows for value in row], np.int32)
    return Ragged(values, np.cumsum([len(row) for row in rows], dtype=np.int64))


def rows_of(ragged: Ragged) -> list[list[int]]:
    starts = [0, *ragged.ends.tolist()][:-1]
    return [np.asarray(ragged.values[start:end]).tolist() for start, end in zip(starts, ragged.ends, strict=True)]


def arrays_of(count: int, seed: int = 0) -> dict[str, np.ndarray | Ragged]:
    draw = np.random.default_rng(seed)
    words = [draw.integers(0, 9, draw.integers(0, 4)).tolist() for _ in range(count)]
    return {
        "number": draw.normal(size=(count, 3)).astype(np.float32),
        "flag": np.empty((count, 0), np.uint8),
        "row": np.arange(count),
        "words": ragged_of(words),
    }


def write(folder: Path, *pieces: dict[str, np.ndarray | Ragged]) -> Store:
    with StoreWriter(folder) as writer:
        for piece in pieces:
            writer.append(piece)
    return Store(folder)


@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=12), st.data())
def test_ragged_take_is_a_loop_over_rows(rows: list[list[int]], data: st.DataObject) -> None:
    ragged = ragged_of(rows)
    picked = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=20))
    for dtype in (np.int64, np.uint32):
        taken = ragged.take(np.array(picked, dtype))
        assert rows_of(taken) == [rows[place] for place in picked]
        assert len(taken) == len(picked)
        assert taken.values.dtype == np.int32


def test_pieces_are_the_same_as_all_at_once(tmp_path: Path) -> None:
    whole = arrays_of(20)
    words = rows_of(whole["words"])  # type: ignore[arg-type]
    pieces = []
    for low, high in ((0, 0), (0, 7), (7, 7), (7, 8), (8, 20)):
        piece = {name: array[low:high] for name, array in whole.items() if isinstance(array, np.ndarray)}
        pieces.append(piece | {"words": ragged_of(words[low:high])})
    once, often = write(tmp_path / "once", whole), write(tmp_path / "often", *pieces)
    assert once.rows == often.rows == 20
    assert once.index == often.index
    assert once.bytes == often.bytes
    for store in (once, often):
        store.verify()
        assert (store.arrays["number"] == whole["number"]).all()
        assert store.arrays["number"].dtype == np.float32
        assert store.arrays["flag"].shape == (20, 0)
        assert rows_of(store.arrays["words"]) == words
        assert rows_of(store.arrays["words"].take(np.array([19, 0, 19]))) == [words[19], words[0], words[19]]


def test_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    store = write(tmp_path / "s", arrays_of(5))
    assert isinstance(store.arrays["number"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.arrays["number"][0] = 1


@pytest.mark.parametrize("name", ["number", "row", "words", "words.ends"])
def test_a_changed_byte_is_noticed(tmp_path: Path, name: str) -> None:
    write(tmp_path / "s", arrays_of(9))
    path = tmp_path / "s" / f"{name}.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedRunError, match=rf"{name}\.bin of the store was changed"):
        Store(tmp_path / "s").verify()


@pytest.mark.parametrize("fault", ["shorter", "longer", "lost"])
def test_a_file_of_another_size_is_refused_at_once(tmp_path: Path, fault: str) -> None:
    write(tmp_path / "s", arrays_of(9))
    path = tmp_path / "s" / "number.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1] if fault == "shorter" else content + b"0")
    if fault == "lost":
        path.unlink()
    with pytest.raises(DamagedRunError, match=r"number\.bin .* another size .* allowed: 108 B"):
        Store(tmp_path / "s")


def test_a_store_that_was_not_finished_is_none(tmp_path: Path) -> None:
    def interrupted() -> None:
        with StoreWriter(tmp_path / "s") as writer:
            writer.append(arrays_of(3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(RunError, match="s is not a whole store"):
        Store(tmp_path / "s")


@pytest.mark.parametrize(
    "second", [np.zeros((2, 4), np.float32), np.zeros((2, 3), np.float64), np.zeros(2, np.float32)]
)
def test_an_array_keeps_its_form(tmp_path: Path, second: np.ndarray) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        writer.append({"number": np.zeros((2, 3), np.float32)})
        with pytest.raises(RunError, match="array number changed its form"):
            writer.append({"number": second})


def test_a_store_without_rows(tmp_path: Path) -> None:
    store = write(tmp_path / "s", arrays_of(0))
    assert store.rows == 0
    assert store.arrays["number"].shape == (0, 3)
    assert rows_of(store.arrays["words"].take(np.empty(0, np.uint32))) == []
    store.verify()
