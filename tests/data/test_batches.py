"""Batches are a function of (seed, step): a permutation an epoch, whatever the window, from whatever step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.ragged import Ragged
from lamina.data import batches as module
from lamina.data.batches import Batch, Batches, gather, in_order, to_tensors
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter

COUNT = 103


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    draw = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("batches") / "store"
    with StoreWriter(folder) as writer:
        writer.append(
            {
                "number": draw.normal(size=(COUNT, 2)).astype(np.float32),
                "flag": draw.integers(0, 2, (COUNT, 1)).astype(np.uint8),
                "category": draw.integers(0, 5, (COUNT, 3)).astype(np.int32),
                "row": np.arange(COUNT) * 10,
                "target000": draw.normal(size=COUNT).astype(np.float32),
                "target001": draw.integers(0, 2, (COUNT, 4)).astype(np.uint8),
                "fold": np.zeros(COUNT, np.uint8),
            }
        )
    return Store(folder)


def same(one: Batch, other: Batch) -> bool:
    pairs = [
        *((one.inputs[name], other.inputs[name]) for name in one.inputs),
        *zip(one.targets, other.targets, strict=True),
    ]
    return (one.rows == other.rows).all() and all(torch.equal(here, there) for here, there in pairs)


@given(size=st.integers(1, COUNT + 10), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 5))
def test_an_epoch_is_a_permutation_in_even_batches(store: Store, size: int, seed: int, epoch: int) -> None:
    batches = Batches(Rows.all(store), size, seed)
    sizes = [len(batch.rows) for batch in batches.epoch(epoch)]
    assert len(sizes) == batches.steps == -(-COUNT // size)
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= size
    rows = np.concatenate([batch.rows for batch in batches.epoch(epoch)])
    assert sorted(rows) == (np.arange(COUNT) * 10).tolist()


def test_order_is_a_function_of_seed_and_epoch(store: Store) -> None:
    rows = Rows.all(store)
    orders = {
        (seed, epoch): tuple(Batches(rows, 8, seed).order(epoch)) for seed in (0, 1, 2**62) for epoch in (0, 1, 7)
    }
    assert len(set(orders.values())) == len(orders)
    asked_late = Batches(rows, 8, 1)
    list(asked_late.epoch(0))
    assert tuple(asked_late.order(7)) == orders[1, 7]
    assert tuple(Batches(rows, 50, 1).order(7)) == orders[1, 7], "the size of a batch does not change the order"


@given(window=st.integers(1, 6000), first=st.integers(0, 13), size=st.sampled_from([1, 8, 50, 200]))
def test_any_window_and_any_first_step_give_the_same(store: Store, window: int, first: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = list(Batches(Rows.all(store), size, 3).epoch(2))
        patch.setattr(module, "WINDOW", window)
        resumed = list(Batches(Rows.all(store), size, 3).epoch(2, min(first, len(whole) - 1)))
    expected = whole[min(first, len(whole) - 1) :]
    assert len(resumed) == len(expected)
    assert all(same(here, there) for here, there in zip(resumed, expected, strict=True))


def test_a_batch_holds_the_rows_that_it_names(store: Store) -> None:
    some = Rows(store, np.array([5, 90, 17, 4, 5], np.uint32))
    for batch in Batches(some, 2, 0).epoch(0):
        places = batch.rows // 10
        assert set(places) <= {5, 90, 17, 4}
        for group, dtype in (("number", torch.float32), ("flag", torch.float32), ("category", torch.int64)):
            assert batch.inputs[group].dtype == dtype
            assert (batch.inputs[group].numpy() == store.arrays[group][places]).all()
        assert [tuple(target.shape) for target in batch.targets] == [(len(places),), (len(places), 4)]
        assert (batch.targets[0].numpy() == store.arrays["target000"][places]).all()
    assert (some.array("row") == [50, 900, 170, 40, 50]).all()


def test_in_order_keeps_the_order(store: Store) -> None:
    rows = Rows(store, np.array([7, 3, 99, 0], np.uint32))
    assert [batch.rows.tolist() for batch in in_order(rows, 3)] == [[70, 30, 990], [0]]
    assert list(in_order(Rows(store, np.empty(0, np.uint32)), 3)) == []


def test_a_batch_in_parts_has_all_that_it_is_made_of() -> None:
    numbers, codes = torch.arange(10).view(5, 2), torch.arange(5)
    batch = Batch({"number": numbers}, [codes], np.arange(50, 55), [codes.flip(0)], 0.25)
    parts = list(batch.parts(2))
    assert [part.rows.tolist() for part in parts] == [[50, 51], [52, 53], [54]]
    assert torch.equal(torch.cat([part.inputs["number"] for part in parts]), numbers)
    assert torch.equal(torch.cat([part.targets[0] for part in parts]), codes)
    assert torch.equal(torch.cat([part.others[0] for part in parts]), codes.flip(0))
    assert {part.share for part in parts} == {0.25}
    again = batch.part(np.array([4, 0, 4]))
    assert again.rows.tolist() == [54, 50, 54] and again.targets[0].tolist() == [4, 0, 4]
    assert [len(part.rows) for part in batch.part(slice(0)).parts(2)] == [0]


def test_ten_targets_stay_in_their_order(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        arrays = {f"target{place:03}": np.full(4, place, np.float32) for place in reversed(range(12))}
        writer.append({"row": np.arange(4), **arrays})
    (batch,) = Batches(Rows.all(Store(tmp_path / "s")), 4, 0).epoch(0)
    assert [int(target[0]) for target in batch.targets] == list(range(12))
    assert batch.inputs == {}


def test_tensors_are_what_a_network_wants() -> None:
    arrays = {"flag": np.ones((2, 1), np.uint8), "category": np.ones((2, 1), np.int32), "number": np.ones((2, 1))}
    dtypes = {"flag": torch.float32, "category": torch.int64, "number": torch.float32}
    assert {name: tensor.dtype for name, tensor in to_tensors(arrays).items()} == dtypes


def test_pages_are_given_back_and_rows_still_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(Batches(Rows.all(store), 10, 0).epoch(0))
    monkeypatch.setattr(module, "WINDOW", 16)  # the store is larger, so pages are let go
    found = list(Batches(Rows.all(store), 10, 0).epoch(0))
    assert all(same(here, there) for here, there in zip(found, expected, strict=True))


def test_ragged_rows_are_the_same_from_a_store_larger_than_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    rows = [random.integers(1, 9, random.integers(0, 6)).astype(np.int32) for _ in range(50)]
    with StoreWriter(tmp_path / "s") as writer:
        arrays = {"number": np.arange(50, dtype=np.float32)[:, None], "row": np.arange(50)}
        writer.append({**arrays, "tokens000": Ragged.of(rows)})
    store, places = Store(tmp_path / "s"), random.permutation(50)[:33].astype(np.uint32)
    whole = gather(store, places)
    monkeypatch.setattr(module, "WINDOW", 64)
    pieces = gather(store, places)
    for name, tensor in whole.inputs.items():
        assert torch.equal(pieces.inputs[name], tensor), name
    assert whole.inputs["tokens000.length"].tolist() == [len(rows[place]) for place in places]


def test_rows_of_like_length_share_a_batch_and_none_is_lost(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 40, 500)
    with StoreWriter(tmp_path / "s") as writer:
        words = Ragged.of([np.ones(length, np.int32) for length in lengths])
        writer.append({"row": np.arange(500), "tokens000": words})
    batches = Batches(Rows.all(Store(tmp_path / "s")), size=10, seed=0)
    first = list(batches.epoch(0))
    assert sorted(row for batch in first for row in batch.rows.tolist()) == list(range(500))
    spread = [int(batch.inputs["tokens000.length"].max() - batch.inputs["tokens000.length"].min()) for batch in first]
    assert np.mean(spread) < 4
    assert [batch.rows.tolist() for batch in batches.epoch(0, 7)] == [batch.rows.tolist() for batch in first[7:]]


def test_a_very_long_row_makes_batches_small_where_nothing_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = [3, 5, 1000, 2, 0, 4, 7, 9]
    with StoreWriter(tmp_path / "s") as writer:
        texts = Ragged.of([np.full(length, 5, np.int32) for length in lengths])
        writer.append({"target000": texts, "row": np.arange(8)})
    rows = Rows(Store(tmp_path / "s"), np.arange(8, dtype=np.uint32))
    assert [len(batch.rows) for batch in in_order(rows, 8)] == [8]
    monkeypatch.setattr("lamina.data.batches.FILLED", 17_000)
    found = list(in_order(rows, 8))
    assert [len(batch.rows) for batch in found] == [2, 1, 5]
    assert np.concatenate([batch.rows for batch in found]).tolist() == list(range(8))
    assert [int((row > 0).sum()) for batch in found for row in batch.targets[0]] == lengths
