"""Who may teach and who may judge: rows to train, valid and test."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from lamina.config import setting, settings
from lamina.errors import DataError

__all__ = ["ASIDE", "FOLDS", "PARTS", "Keys", "SplitSettings", "assign", "folds", "hash_rows", "part_codes"]

PARTS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)
OPEN = 254  # not yet assigned
FOLDS = 8  # that the rows of train and valid are dealt into; fold 0 is the valid part
ASIDE = 255  # set aside: not used

_WORDS = {
    "train": TRAIN, "training": TRAIN, "tr": TRAIN,
    "valid": VALID, "validation": VALID, "val": VALID, "dev": VALID,
    "test": TEST, "testing": TEST, "te": TEST, "holdout": TEST,
}  # fmt: skip


@settings
class SplitSettings:
    """How rows are shared out to train, valid and test."""

    by: Literal["auto", "random", "stratified"] = setting(
        "auto", "stratified keeps the shares of the target's classes; auto does so where the target has classes."
    )
    valid: float = setting(1 / FOLDS, "Share of the rows but test's for early stopping and choices.", ge=0, lt=1)
    test: float = setting(0.2, "Share of the rows for the final scores, where no test rows are given.", ge=0, lt=1)
    group: str | None = setting(None, "Column whose equal values never stand on two sides (a patient, a user).")
    time: str | None = setting(None, "Column to split by: the earliest rows train, the latest test.")
    column: str | None = setting(None, "Column that says train, valid or test for each row.")


@dataclasses.dataclass
class Keys:
    """What the split needs to know of each row, n rows; fixed width, so that it fits in memory for any table.

    Attributes:
        part: (n,) uint8, ``OPEN``, a given part, or ``ASIDE``.
        inputs: (n,) uint64, equal for rows that are equal on every input.
        stratum: (n,) int32, equal for rows of one class of the target, 0 where there are none.
        group: (n,) uint64, equal for rows of one group, 0 where it is not known; or None.
        time: (n,) float64, or None.
    """

    part: np.ndarray
    inputs: np.ndarray
    stratum: np.ndarray
    group: np.ndarray | None = None
    time: np.ndarray | None = None


def hash_rows(frame: pl.DataFrame) -> np.ndarray:
    """64 bits for each row, (rows,) uint64; the same for rows with the same cells, as ``Encoder.read`` gives them."""
    if not frame.width:
        return np.zeros(len(frame), np.uint64)
    # Polars tells -0.0 from 0.0 by bits, and so would call equal rows different.
    numbers = [pl.col(name) + 0.0 for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.with_columns(numbers).hash_rows(seed=1).to_numpy()


def part_codes(cells: pl.Series, first_row: int = 0) -> np.ndarray:
    """Read the cells of a split column, as train, valid and test in their usual spellings.

    Raises:
        DataError: naming the first row with another word.
    """
    words = cells.cast(pl.String).str.strip_chars().str.to_lowercase()
    codes = words.replace_strict(list(_WORDS), list(_WORDS.values()), default=None, return_dtype=pl.UInt8)
    bad = codes.is_null().arg_true()
    if len(bad):
        raise DataError(
            f"the split column {cells.name!r} must say train, valid or test in each row",
            got=f"{cells[int(bad[0])]!r} in row {int(bad[0]) + first_row}",
            allowed="train, valid, test",
        )
    return codes.to_numpy()


def assign(keys: Keys, how: SplitSettings, seed: int) -> list[tuple[str, np.ndarray]]:
    """Fill ``keys.part`` in place, so that the same seed gives the same rows, whatever their order.

    Returns:
        (reason, row numbers) for rows set aside because they are equal to a row that judges, or of one group with it.

    Raises:
        DataError: if a part that is asked for would be empty.
    """
    given = {code for code in (TRAIN, VALID, TEST) if (keys.part == code).any()}
    if VALID not in given and how.valid and not (keys.part == OPEN).any():
        keys.part[keys.part == TRAIN] = OPEN  # a split column of train and test alone: valid is cut from train
    test = how.test if TEST not in given else 0.0
    shares = [(TEST, test), (VALID, how.valid * (1 - test) if VALID not in given else 0.0)]
    if how.time is not None:
        _by_time(keys, shares)
    else:
        _by_chance(keys, shares, how.by != "random", seed)
    keys.part[keys.part == OPEN] = TRAIN
    aside = _apart(keys)
    for code, share in [(TRAIN, 1.0), *shares]:
        if share and not (keys.part == code).any():
            raise DataError(
                f"no rows are left for {PARTS[code]}",
                got=f"{int((keys.part != ASIDE).sum())} usable rows in {_units(keys)} that may be told apart",
                do="bring more rows, or give the parts yourself (--test FILE, split.column)",
            )
    return aside


def folds(keys: Keys, how: SplitSettings, seed: int) -> np.ndarray:
    """Deal the training rows into folds 1 to 7, valid being fold 0: (n,) uint8. Equal rows and groups stay together.

    With a split by time there is only fold 1: rows that come later must not teach a network that is judged earlier.
    """
    units = keys.inputs if keys.group is None else keys.group
    dealt = np.ones(len(units), np.uint8)
    if how.time is None:
        dealt += (_mix(units, seed + 1) % np.uint64(FOLDS - 1)).astype(np.uint8)
    dealt[keys.part == VALID] = 0
    return dealt


def _units(keys: Keys) -> str:
    units = keys.inputs if keys.group is None else keys.group
    return f"{len(np.unique(units))} {'groups' if keys.group is not None else 'different rows'}"


def _by_chance(keys: Keys, shares: Sequence[tuple[int, float]], stratified: bool, seed: int) -> None:
    """Give each unit (equal rows, or a group) a lot from its own hash and the seed, and cut by it in each stratum."""
    units = keys.inputs if keys.group is None else keys.group
    dealt = keys.part == OPEN
    lot = _mix(units, seed)
    order = np.lexsort((lot, keys.stratum)) if stratified else np.argsort(lot)
    order = order[dealt[order]]
    changes = np.flatnonzero(np.diff(keys.stratum[order])) + 1 if stratified else np.empty(0, int)
    for members in np.split(order, changes):
        lots, start, wanted = lot[members], 0, 0.0
        for code, share in shares:
            wanted += share * len(members)
            stop = max(start, _cut(lots, wanted))
            keys.part[members[start:stop]] = code
            start = stop
    if stratified:
        # A unit whose rows are of several classes must not be torn apart.
        for code, _ in shares:
            elsewhere = dealt & ((keys.part == OPEN) | (keys.part == VALID))
            keys.part[elsewhere & _of_units(units, units[dealt & (keys.part == code)])] = code
    _at_least_one(keys, shares, lot)


def _cut(lots: np.ndarray, wanted: float) -> int:
    """Where to cut ranked lots so that about ``wanted`` come before, and equal ones stay together."""
    place = min(round(wanted), len(lots) - 1)
    if wanted <= 0 or not len(lots):
        return 0
    low, high = (int(np.searchsorted(lots, lots[place], side)) for side in ("left", "right"))
    return low if wanted - low <= high - wanted else high


def _of_units(units: np.ndarray, some_units: np.ndarray) -> np.ndarray:
    """Which rows belong to one of some units, (n,) of True and False."""
    ranked = np.unique(some_units)
    if not len(ranked):
        return np.zeros(len(units), bool)
    place = np.searchsorted(ranked, units)
    np.minimum(place, len(ranked) - 1, out=place)
    return np.asarray(ranked[place] == units)


def _at_least_one(keys: Keys, shares: Sequence[tuple[int, float]], lot: np.ndarray) -> None:
    """Small strata can leave a part empty that the shares ask for: give it the open unit of the lowest lot."""
    for code, share in shares:
        if not share or (keys.part == code).any():
            continue
        lots = np.unique(lot[keys.part == OPEN])
        if len(lots) > 1:
            keys.part[(lot == lots[0]) & (keys.part == OPEN)] = code


def _by_time(keys: Keys, shares: Sequence[tuple[int, float]]) -> None:
    """The latest rows judge; rows of one moment stay together, and a group goes where its last row goes."""
    open_rows = np.flatnonzero(keys.part == OPEN)
    time = keys.time[open_rows]  # type: ignore[index]
    if keys.group is not None:
        _, member = np.unique(keys.group[open_rows], return_inverse=True)
        latest = np.full(member.max() + 1, -np.inf)
        np.maximum.at(latest, member, time)
        time = latest[member]
    left = 1.0
    for code, share in shares:
        if share and len(time):
            # 'higher' keeps at least the last moment in the part; the next part starts from what that leaves.
            late = time >= np.quantile(time, max(1 - share / left, 0.0), method="higher")
            keys.part[open_rows[late]] = code
            open_rows, time = open_rows[~late], time[~late]
        left -= share


def _apart(keys: Keys) -> list[tuple[str, np.ndarray]]:
    """Set aside rows that teach, or choose, and are equal on every input to a row that judges them, or of its group."""
    aside = []
    for teaching, judging in ((TRAIN, TEST), (VALID, TEST), (TRAIN, VALID)):
        rows = _shared(keys, keys.inputs, teaching, judging)
        if len(rows):
            aside.append((f"a {PARTS[teaching]} row equal to a {PARTS[judging]} row on every input", rows))
        rows = np.empty(0, int) if keys.group is None else _shared(keys, keys.group, teaching, judging)
        if len(rows):  # only where parts were given: the shares are dealt by whole groups
            aside.append((f"a {PARTS[teaching]} row of one group with a {PARTS[judging]} row", rows))
    return aside


def _shared(keys: Keys, units: np.ndarray, teaching: int, judging: int) -> np.ndarray:
    """Set aside the rows of one part whose unit, if it has one, stands in another part too: their numbers."""
    there = np.flatnonzero((keys.part == teaching) & (units != 0))
    rows = there[_of_units(units[there], units[keys.part == judging])]
    keys.part[rows] = ASIDE
    return rows


def _mix(values: np.ndarray, seed: int) -> np.ndarray:
    """SplitMix64's finaliser over values and seed: (n,) uint64, evenly spread (Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z ^= z >> np.uint64(shift)
            z *= np.uint64(factor)
        z ^= z >> np.uint64(31)
        return z
