from __future__ import annotations

import threading
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import pytest

from lamina.errors import DataError
from lamina.features import media
from lamina.features.base import Claim, Profile, Slot
from lamina.features.media import Media, as_array, cells_of, dimensions_of, in_threads, innermost, is_file_name


class Lengths(Media):
    """A frame a byte."""

    kind: ClassVar[str] = "lengths"
    dimensions: ClassVar[tuple[int, ...]] = (1, 2)

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        return None

    def partial_fit(self, values: pl.Series) -> Self:
        return self

    def finish(self) -> Self:
        return self

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, "value", "frames", shape=(1,))]

    def load(self, cell: Any) -> np.ndarray:
        if not len(cell):
            raise DataError("there is nothing")
        return np.arange(len(cell), dtype=np.float32)[:, None]


def test_in_threads_keeps_the_order_and_uses_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "threads", lambda: 3)
    monkeypatch.setattr(media, "PIECE", 7)
    together = threading.Barrier(3, timeout=20)
    first = {0, 7, 14}

    def work(item: int) -> int:
        if item in first:
            together.wait()  # three pieces are under way at once
        return item * item

    assert in_threads(work, range(100)) == [item * item for item in range(100)]
    assert in_threads(work, [5]) == [25] and in_threads(work, []) == []
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 // item, range(-50, 50))


def test_one_core_needs_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "threads", lambda: 1)
    assert set(in_threads(lambda _: threading.current_thread(), range(100))) == {threading.main_thread()}


def test_names_by_their_endings() -> None:
    names = pl.Series(["a.PNG", "b.nii.gz", "c.png.txt", "png", ".png", None])
    assert is_file_name(names, ("png", ".nii.gz")).to_list() == [True, True, False, False, True, None]


def test_nested_types() -> None:
    nested = pl.List(pl.Array(pl.UInt8, (2, 3)))
    assert dimensions_of(nested) == 3 and innermost(nested) == pl.UInt8
    assert (
        dimensions_of(pl.List(pl.String)) == dimensions_of(pl.UInt8()) == dimensions_of(pl.Struct({"a": pl.Int8})) == 0
    )


def test_cells_as_python_has_them() -> None:
    assert list(cells_of(pl.Series(["a", None]))) == ["a", None]
    grids = pl.Series(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    grids = grids.append(pl.Series([None], dtype=grids.dtype))
    first, second, missing = cells_of(grids)
    assert first.dtype == np.uint8 and second.tolist() == [[6, 7, 8], [9, 10, 11]] and missing is None
    lists = list(cells_of(pl.Series([[[1, 2], [3, 4]], None, [[1], [2, 3]]])))
    assert lists[0].shape == (2, 2) and lists[1] is None and lists[2].dtype == object
    assert list(cells_of(grids.head(0))) == []
    assert as_array(None) is None


def test_what_is_read() -> None:
    feature = Lengths("a")
    assert feature.read(pl.Series([" x ", "NA", None])).to_list() == ["x", None, None]
    assert feature.read(pl.Series([{"bytes": b"x", "path": "p"}, None])).to_list() == [b"x", None]
    for cells in ([[1.5], None], [[[1], [2]]], [b"x"], [None]):
        assert feature.read(pl.Series(cells)).to_list() == cells
    for refused in ([[[[1]]]], [3, None], [["a"]], [{"b": 1}]):
        with pytest.raises(DataError, match=r"column 'a' holds files, but came as .* in 1 cell.* arrays of 1 or 2 dim"):
            feature.read(pl.Series(refused))
    assert feature.read(pl.Series([None, None], dtype=pl.Int64)).dtype == pl.Null


def test_broken_and_missing_cells_are_rows_without_items() -> None:
    cells = pl.Series([b"abc", b"", None, b"x"])
    broken: dict[int, str] = {}
    frames = Lengths("a").encode(cells, broken)["frames"]
    assert frames.lengths.tolist() == [3, 0, 0, 1] and frames.values.dtype == np.float32
    assert broken == {1: "a: there is nothing"}
    with pytest.raises(DataError, match=r"column 'a', row 11: there is nothing"):
        Lengths("a").encode(cells, first_row=10)
    none = Lengths("a").encode(cells.head(0))["frames"]
    assert len(none) == 0 and none.values.shape == (0, 1)


def test_keys_are_of_the_content() -> None:
    feature = Lengths("a")
    one, same, other, missing = feature.key(pl.Series([b"a", b"a", b"b", None])).to_list()
    assert one == same != other and missing is None
    flat, deep = feature.key(pl.Series([[[1, 2]], [[1], [2]]])).to_list()
    assert flat != deep, "the form counts"
    uneven, other = feature.key(pl.Series([[[1], [2, 3]], [[1], [2, 4]]])).to_list()
    assert uneven != other
