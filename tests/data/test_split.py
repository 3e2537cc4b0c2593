"""Who teaches and who judges: nothing stands on two sides, shares are kept, and the seed alone decides."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.config import check
from lamina.data.split import ASIDE, FOLDS, OPEN, PARTS, Keys, SplitSettings, assign, folds, hash_rows, part_codes
from lamina.errors import DataError, SettingError

TRAIN, VALID, TEST = range(3)


def keys_of(rows: int, *, inputs: int = 0, classes: int = 1, groups: int = 0, moments: int = 0, seed: int = 0) -> Keys:
    """Keys of random rows. ``inputs``: how many different rows there may be, 0 for all different."""
    draw = np.random.default_rng(seed)
    numbers = draw.integers(0, inputs, rows) if inputs else np.arange(rows)
    return Keys(
        part=np.full(rows, OPEN, np.uint8),
        inputs=hash_rows(pl.DataFrame({"x": numbers})),
        stratum=draw.integers(0, classes, rows).astype(np.int32),
        group=hash_rows(pl.DataFrame({"g": draw.integers(0, groups, rows)})) if groups else None,
        time=draw.integers(0, moments, rows).astype(np.float64) if moments else None,
    )


def permuted(keys: Keys, order: np.ndarray) -> Keys:
    return Keys(**{
        field.name: None if (array := getattr(keys, field.name)) is None else array[order].copy()
        for field in dataclasses.fields(Keys)
    })  # fmt: skip


def split(keys: Keys, seed: int = 0, **settings: object) -> tuple[np.ndarray, list[tuple[str, np.ndarray]]]:
    """Part of each row and what was set aside; a copy of the keys is split."""
    keys = permuted(keys, np.arange(len(keys.part)))
    aside = assign(keys, SplitSettings(**settings), seed)
    return keys.part, aside


def on_two_sides(part: np.ndarray, units: np.ndarray) -> list[int]:
    """Units that stand in more than one of train, valid and test."""
    pairs = {(int(unit), int(code)) for unit, code in zip(units, part, strict=True) if code != ASIDE}
    seen = [unit for unit, _ in pairs]
    return [unit for unit in set(seen) if seen.count(unit) > 1]


tables = st.builds(
    keys_of,
    rows=st.integers(40, 300),
    inputs=st.sampled_from([0, 100]),
    classes=st.integers(1, 4),
    seed=st.integers(0, 10_000),
) | st.builds(
    # Many equal rows in few groups would all go aside.
    keys_of,
    rows=st.integers(40, 300),
    inputs=st.sampled_from([0, 5000]),
    classes=st.integers(1, 4),
    groups=st.sampled_from([12, 60]),
    seed=st.integers(0, 10_000),
)
timed = st.builds(
    keys_of,
    rows=st.integers(60, 300),
    inputs=st.sampled_from([0, 100]),
    groups=st.sampled_from([0, 60]),
    moments=st.sampled_from([20, 1000]),
    seed=st.integers(0, 10_000),
)
ways = st.sampled_from(["auto", "random", "stratified"])


@given(tables, ways, st.integers(0, 2**32 - 1))
def test_every_row_has_one_part_and_no_unit_two(keys: Keys, by: str, seed: int) -> None:
    part, aside = split(keys, seed, by=by)
    assert set(part) <= {TRAIN, VALID, TEST, ASIDE}
    assert {TRAIN, VALID, TEST} <= set(part)
    assert on_two_sides(part, keys.inputs) == []
    if keys.group is not None:
        assert on_two_sides(part, keys.group) == []
    told = np.sort(np.concatenate([rows for _, rows in aside] or [np.empty(0, int)]))
    assert told.tolist() == np.flatnonzero(part == ASIDE).tolist(), "a row vanished, or is told of twice"


@given(timed)
def test_by_time_the_latest_judge(keys: Keys) -> None:
    part, _ = split(keys, time="t")
    assert keys.time is not None
    if keys.group is None:
        assert keys.time[part == TRAIN].max() < keys.time[part == VALID].min()
        assert keys.time[part == VALID].max() < keys.time[part == TEST].min()
    else:
        assert on_two_sides(part, keys.group) == []
        # A group goes where its last row goes, so no group that trains has a row as late as the first that judges.
        last = {group: keys.time[keys.group == group].max() for group in np.unique(keys.group)}
        ends = [[last[group] for group in np.unique(keys.group[part == code])] for code in (TRAIN, TEST)]
        assert max(ends[0]) < min(ends[1])
    assert on_two_sides(part, keys.inputs) == []


@given(st.one_of(tables, timed), ways, st.integers(0, 100))
def test_the_order_of_rows_does_not_matter(keys: Keys, by: str, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(keys.part))
    settings = {"by": by, "time": "t" if keys.time is not None else None}
    part, _ = split(keys, seed, **settings)
    moved, _ = split(permuted(keys, order), seed, **settings)
    assert (moved == part[order]).all()
    here, there = permuted(keys, np.arange(len(order))), permuted(keys, order)
    here.part, there.part = part, moved
    how = SplitSettings(**settings)
    assert (folds(there, how, seed) == folds(here, how, seed)[order]).all()


@given(st.integers(200, 500), st.integers(1, 4), st.floats(0.1, 0.4), st.floats(0.1, 0.4), st.integers(0, 99))
def test_shares_hold_in_each_class(rows: int, classes: int, valid: float, test: float, seed: int) -> None:
    keys = keys_of(rows, classes=classes, seed=seed)
    part, _ = split(keys, seed, valid=valid, test=test)
    for code in range(classes):
        inside = part[keys.stratum == code]
        for place, share in ((TEST, test), (VALID, valid * (1 - test))):
            assert abs((inside == place).sum() - share * len(inside)) <= 1


@given(st.integers(300, 600), st.floats(0.1, 0.3), st.integers(0, 99))
def test_shares_by_group_and_by_time_are_near(rows: int, test: float, seed: int) -> None:
    grouped = keys_of(rows, groups=100, seed=seed)
    part, _ = split(grouped, seed, test=test)
    largest = np.unique(grouped.group, return_counts=True)[1].max()
    assert abs((part == TEST).sum() - test * rows) <= largest
    later = keys_of(rows, moments=50, seed=seed)
    part, _ = split(later, time="t", test=test)
    assert abs((part == TEST).sum() - test * rows) <= 2 * np.unique(later.time, return_counts=True)[1].max()


def test_seeds_differ() -> None:
    keys = keys_of(400)
    parts = [split(keys, seed)[0] for seed in range(8)]
    for one in range(8):
        for other in range(one):
            shared = ((parts[one] == TEST) & (parts[other] == TEST)).sum()
            assert 2 < shared < 40, "two seeds should share about 16 of 80 test rows"


@given(tables, st.integers(0, 99))
def test_given_parts_stand_and_what_equals_them_goes_aside(keys: Keys, seed: int) -> None:
    given_part = np.where(np.random.default_rng(seed).random(len(keys.part)) < 0.3, TEST, OPEN).astype(np.uint8)
    given_part[:2] = TEST, OPEN
    keys.group = None
    keys.part[:] = given_part
    try:
        part, aside = split(keys, seed)
    except DataError:
        return  # every row had its equal among the given ones
    assert (part[given_part == TEST] == TEST).all()
    assert not (part[given_part == OPEN] == TEST).any()
    for reason, rows in aside:
        assert "equal to a" in reason and "on every input" in reason
        assert np.isin(keys.inputs[rows], keys.inputs[np.isin(part, [VALID, TEST])]).all()
    assert on_two_sides(part, keys.inputs) == []


def test_a_group_of_given_test_rows_does_not_teach() -> None:
    keys = keys_of(400, groups=150)
    keys.part[:30] = TEST
    part, aside = split(keys)
    assert keys.group is not None
    assert (part[:30] == TEST).all()
    assert on_two_sides(part, keys.group) == []
    assert any("group" in reason for reason, _ in aside)


def test_rows_equal_on_every_input_but_of_two_groups_are_set_aside() -> None:
    keys = keys_of(400, inputs=200, groups=100)
    part, aside = split(keys)
    assert aside
    assert on_two_sides(part, keys.inputs) == []


@given(tables, st.integers(0, 99))
def test_folds_keep_units_together_and_valid_is_the_first(keys: Keys, seed: int) -> None:
    how = SplitSettings()
    assign(keys, how, seed)
    dealt = folds(keys, how, seed)
    used = keys.part != ASIDE
    assert (dealt[keys.part == VALID] == 0).all()
    assert ((dealt[keys.part == TRAIN] >= 1) & (dealt[keys.part == TRAIN] < FOLDS)).all()
    units = keys.inputs if keys.group is None else keys.group
    for unit in np.unique(units[used]):
        assert len(set(dealt[used & (units == unit) & (keys.part != TEST)])) <= 1


def test_with_time_there_is_one_fold_beside_valid() -> None:
    keys = keys_of(200, moments=50)
    how = SplitSettings(time="t")
    assign(keys, how, 0)
    assert set(folds(keys, how, 0)) == {0, 1}


@pytest.mark.parametrize("rows", [2, 3, 4, 7])
def test_few_rows_still_give_every_part_or_an_error(rows: int) -> None:
    keys = keys_of(rows)
    if rows == 2:
        with pytest.raises(DataError, match="no rows are left for"):
            split(keys)
    else:
        assert set(split(keys)[0]) == {TRAIN, VALID, TEST}


def test_no_shares_mean_training_rows_only() -> None:
    assert set(split(keys_of(50), valid=0.0, test=0.0)[0]) == {TRAIN}


def test_rows_that_are_all_equal_cannot_be_shared_out() -> None:
    with pytest.raises(DataError, match=r"no rows are left .* in 1 different rows") as error:
        split(keys_of(50, inputs=1))
    assert "--test FILE" in str(error.value)


def test_rows_set_aside_before_stay_aside() -> None:
    keys = keys_of(100)
    keys.part[10:30] = ASIDE
    part, _ = split(keys)
    assert (part[10:30] == ASIDE).all() and not (part[30:] == ASIDE).any()


def test_hash_is_of_the_cells() -> None:
    frame = pl.DataFrame({"a": [0.0, -0.0, 1.0, None], "b": ["x", "x", "x", None]})
    first, second, third, fourth = hash_rows(frame)
    assert first == second, "-0.0 is 0.0"
    assert len({first, third, fourth}) == 3
    assert hash_rows(frame[::-1])[0] == fourth, "a row's hash does not hang on its place"
    assert hash_rows(frame.select([])).shape == (0,) or not hash_rows(frame.select([])).any()


def test_words_of_a_split_column() -> None:
    words = ["train", "Training", " tr ", "valid", "VAL", "dev", "validation", "test", "holdout", "te"]
    expected = [PARTS.index(part) for part in ["train"] * 3 + ["valid"] * 4 + ["test"] * 3]
    assert part_codes(pl.Series("s", words)).tolist() == expected
    with pytest.raises(DataError, match="'tset' in row 71"):
        part_codes(pl.Series("s", ["test", "tset"]), 70)
    with pytest.raises(DataError, match="None in row 0"):
        part_codes(pl.Series("s", [None], dtype=pl.String))


@pytest.mark.parametrize("values", [{"test": 1.0}, {"valid": -0.1}, {"by": "chance"}, {"groups": "a"}])
def test_settings_are_checked(values: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        check(SplitSettings, values, "split")
