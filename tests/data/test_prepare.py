"""From tables to encoded parts: every row is accounted for, and only training rows teach."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.data import prepare as module
from lamina.data.infer import infer
from lamina.data.prepare import Prepared, Source, prepare
from lamina.data.read import read
from lamina.data.split import SplitSettings
from lamina.errors import DataError, MissingColumnError
from lamina.features.encoder import Encoder
from lamina.testing import same


def rows_of(count: int = 200, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "length": draw.normal(size=count),
            "colour": draw.choice(["red", "blue", "green"], count),
            "heavy": draw.integers(0, 2, count).astype(bool),
            "kind": draw.choice(["a", "b"], count, p=[0.7, 0.3]),
        }
    )


def prepared(
    folder: Path,
    *frames: pl.DataFrame | tuple[pl.DataFrame, str],
    target: str | list[str] = "kind",
    seed: int = 0,
    features: dict[str, str] | None = None,
    **split: object,
) -> Prepared:
    """Prepare frames, each with the part that it was given, if it was."""
    pairs = [frame if isinstance(frame, tuple) else (frame, None) for frame in frames]
    sources = [Source(read(frame), part) for frame, part in pairs]
    targets = [target] if isinstance(target, str) else target
    schema = infer(sources[0].table, targets=targets, overrides=features)
    how = SplitSettings(**split)
    left_out = {*targets, how.group, how.column}
    encoder = Encoder(
        [schema[name].feature for name in schema if name not in left_out], [schema[name].feature for name in targets]
    )
    return prepare(sources, encoder, how, seed, folder)


def used(found: Prepared, part: str) -> np.ndarray:
    """Row numbers of a part."""
    if part == "test":
        return np.asarray(found.stores["test"].arrays["row"])
    learn = found.stores["learn"].arrays
    return np.asarray(learn["row"])[(np.asarray(learn["fold"]) == 0) == (part == "valid")]


def check_account(found: Prepared) -> None:
    """Rows read = rows used + rows set aside, each once and with its reason."""
    assert found.rows_read == sum(found.rows.values()) + len(found.set_aside)
    assert not found.set_aside.select("source", "row").is_duplicated().any()
    assert found.set_aside["reason"].null_count() == 0


@given(st.integers(0, 1000), st.floats(0, 0.3), st.booleans())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int, missing: float, coarse: bool
) -> None:
    draw = np.random.default_rng(seed)
    frame = rows_of(150, seed)
    if coarse:
        frame = frame.with_columns(pl.col("length").round(0))  # many rows are equal on every input
    holes = pl.Series(draw.random(150) < missing)
    frame = frame.with_columns(kind=pl.when(~holes).then("kind"))
    found = prepared(tmp_path_factory.mktemp("store"), frame, seed=seed)
    check_account(found)
    aside = found.set_aside.filter(pl.col("reason") == "the target is missing")
    assert aside["row"].to_list() == holes.arg_true().to_list()
    everywhere = np.concatenate([used(found, part) for part in ("train", "valid", "test")])
    assert len(set(everywhere)) == len(everywhere)
    assert {*everywhere, *found.set_aside["row"]} == set(range(150))
    sides = [
        set(frame[used(found, part)].select("length", "colour", "heavy").rows()) for part in ("train", "valid", "test")
    ]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_the_split_does_not_hang_on_the_order_of_rows(tmp_path: Path) -> None:
    frame = rows_of().with_columns(place=pl.int_range(200), length=pl.col("length").round(1))
    order = np.random.default_rng(1).permutation(200)
    here = prepared(tmp_path / "a", frame.drop("place"))
    there = prepared(tmp_path / "b", frame[order].drop("place"))
    for part in ("train", "valid", "test"):
        assert sorted(order[used(there, part)]) == sorted(used(here, part))
    assert here.encoder.to_json()["inputs"][1] == there.encoder.to_json()["inputs"][1]


def test_statistics_come_from_training_rows_alone(tmp_path: Path) -> None:
    frame = rows_of()
    plain = prepared(tmp_path / "plain", frame)
    judging = np.concatenate([used(plain, "test"), used(plain, "valid")])
    # The same split whatever the cells: parts are given by a column.
    parts = np.full(200, "train", dtype=object)
    parts[used(plain, "test")], parts[used(plain, "valid")] = "test", "valid"
    given_parts = frame.with_columns(part=pl.Series(parts.tolist()))
    planted = given_parts.with_columns(
        length=pl.when(pl.int_range(200).is_in(judging)).then(1e9 + pl.int_range(200)).otherwise("length"),
        colour=pl.when(pl.int_range(200).is_in(judging)).then(pl.lit("ultraviolet")).otherwise("colour"),
    )
    here = prepared(tmp_path / "here", given_parts, column="part")
    there = prepared(tmp_path / "there", planted, column="part")
    assert here.encoder.to_json() == there.encoder.to_json()
    assert here.rows == there.rows == plain.rows
    state = there.encoder.inputs[0].state
    assert state.high < 10 and state.count == there.rows["train"]
    assert "ultraviolet" not in there.encoder.inputs[1].names


def test_rows_are_encoded_where_they_belong(tmp_path: Path) -> None:
    frame = rows_of()
    found = prepared(tmp_path, frame)
    for name, store in found.stores.items():
        cells = frame[np.asarray(store.arrays["row"])]
        arrays = found.encoder.encode(found.encoder.read(cells))
        for group, array in arrays.items():
            assert (np.asarray(store.arrays[group]) == array).all(), name
        codes = np.asarray(store.arrays["target000"])
        assert found.encoder.targets[0].decode(codes).to_list() == cells["kind"].to_list()
        store.verify()


def test_small_pieces_and_passes_without_memory_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = rows_of().with_columns(kind=pl.when(pl.int_range(200) % 17 > 0).then("kind"))
    whole = prepared(tmp_path / "whole", frame)
    monkeypatch.setattr(module, "KEEP", 0)
    chunks = module.Table.chunks
    monkeypatch.setattr(module.Table, "chunks", lambda self, columns=None, rows=7: chunks(self, columns, rows))
    pieces = prepared(tmp_path / "pieces", frame)
    assert same(pieces.encoder.to_json(), whole.encoder.to_json())
    assert pieces.set_aside.equals(whole.set_aside)
    for name in ("learn", "test"):
        for array, values in whole.stores[name].arrays.items():
            assert np.allclose(values, pieces.stores[name].arrays[array], rtol=1e-6)


def test_given_tables_are_the_parts(tmp_path: Path) -> None:
    train, valid, test = rows_of(100, 1), rows_of(40, 2), rows_of(50, 3)
    test = pl.concat([test, train.head(3)])
    found = prepared(tmp_path, train, (valid, "valid"), (test, "test"))
    check_account(found)
    assert found.rows == {"train": 97, "valid": 40, "test": 53}
    assert found.set_aside.rows() == [
        (0, row, "a train row equal to a test row on every input") for row in range(3)
    ]  # fmt: skip


def test_a_given_test_table_needs_no_split_columns(tmp_path: Path) -> None:
    train = rows_of(100, 1).with_columns(patient=pl.int_range(100) // 2)
    found = prepared(tmp_path, train, (rows_of(20, 2), "test"), group="patient")
    check_account(found)
    assert found.rows["test"] == 20
    valid = train["patient"][used(found, "valid")].to_list()
    assert not set(valid) & set(train["patient"][used(found, "train")].to_list())


def test_a_split_column(tmp_path: Path) -> None:
    parts = ["train"] * 60 + ["val"] * 20 + ["Test"] * 20
    found = prepared(tmp_path, rows_of(100).with_columns(part=pl.Series(parts)), column="part")
    assert found.rows == {"train": 60, "valid": 20, "test": 20}
    assert "part" not in found.encoder.layout.columns
    with pytest.raises(DataError, match="'perhaps' in row 99"):
        prepared(tmp_path, rows_of(100).with_columns(part=pl.Series([*parts[:99], "perhaps"])), column="part")


def test_groups_stay_together_and_rows_without_one_go_aside(tmp_path: Path) -> None:
    patient = pl.Series([None if row % 50 == 7 else f"p{row % 30}" for row in range(200)])
    frame = rows_of().with_columns(patient=patient)
    found = prepared(tmp_path, frame, group="patient")
    check_account(found)
    assert found.set_aside["row"].to_list() == [7, 57, 107, 157]
    assert set(found.set_aside["reason"]) == {"the group column 'patient' is missing"}
    sides = [set(patient.gather(used(found, part)).to_list()) for part in ("train", "valid", "test")]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


@pytest.mark.parametrize("as_text", [False, True])
def test_the_latest_rows_judge(tmp_path: Path, as_text: bool) -> None:
    days = [None if row == 3 else datetime.date(2020, 1, 1) + datetime.timedelta(row * 37 % 200) for row in range(200)]
    when = pl.Series(days)
    frame = rows_of().with_columns(day=when.dt.strftime("%Y-%m-%d") if as_text else when)
    found = prepared(tmp_path, frame, time="day")
    check_account(found)
    assert found.set_aside.rows() == [(0, 3, "the time column 'day' is missing")]
    first, second, third = (when.gather(used(found, part)) for part in ("train", "valid", "test"))
    assert first.max() < second.min() and second.max() < third.min()


def test_a_class_that_training_has_not_seen_goes_aside(tmp_path: Path) -> None:
    frame = rows_of(100).with_columns(part=pl.Series(["train"] * 70 + ["valid"] * 10 + ["test"] * 20))
    kinds = frame["kind"].to_list()
    kinds[75], kinds[85], kinds[90] = "new", "new", "newer"
    kinds[91] = "newer"
    found = prepared(tmp_path, frame.with_columns(kind=pl.Series(kinds)), column="part")
    check_account(found)
    assert found.set_aside.rows() == [(0, row, "its class is not among the training rows") for row in (75, 85, 90, 91)]
    assert found.rows == {"train": 70, "valid": 9, "test": 17}
    assert found.encoder.targets[0].names == ["a", "b"]


def test_several_targets_need_all_of_them(tmp_path: Path) -> None:
    frame = rows_of().with_columns(
        length=pl.when(pl.int_range(200) != 5).then("length"), kind=pl.when(pl.int_range(200) != 9).then("kind")
    )
    found = prepared(tmp_path, frame, target=["kind", "length"])
    check_account(found)
    assert found.set_aside["row"].to_list() == [5, 9]
    assert {"target000", "target001"} <= set(found.stores["learn"].arrays)


def test_stratified_unless_asked_otherwise(tmp_path: Path) -> None:
    frame = rows_of(1000)
    share = (frame["kind"] == "b").mean()
    test = prepared(tmp_path / "s", frame)
    of_test = (frame["kind"].gather(used(test, "test")) == "b").mean()
    assert abs(of_test - share) < 1 / 200
    rates = {
        (
            frame["kind"].gather(used(prepared(tmp_path / str(seed), frame, seed=seed, by="random"), "test")) == "b"
        ).mean()
        for seed in range(4)
    }
    assert len(rates) > 2


def with_kind(*kinds: object) -> pl.DataFrame:
    return rows_of(len(kinds)).with_columns(kind=pl.Series(kinds, dtype=pl.String))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (with_kind(*["a"] * 20, *["b"] * 20, "c"), ["one row", "c"]),
        (with_kind(*[None] * 9, "a"), ["constant"]),
        (rows_of(1), ["row"]),
        (rows_of(2), ["row"]),
    ],
)
def test_targets_that_teach_nothing_are_refused(tmp_path: Path, frame: pl.DataFrame, words: list[str]) -> None:
    with pytest.raises(DataError) as error:
        prepared(tmp_path, frame, features={"kind": "category"})
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("setting", ["group", "time", "column"])
def test_a_split_column_that_is_not_there(tmp_path: Path, setting: str) -> None:
    with pytest.raises(MissingColumnError, match=r"'colours' is missing.*did you mean colour"):
        prepared(tmp_path, rows_of(), **{setting: "colours"})
