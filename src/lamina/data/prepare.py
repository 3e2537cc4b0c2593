"""From tables to encoded parts: read, split, fit on the training rows alone, encode.

Four passes over the source, each in bounded memory; a small table is read once and kept.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.data.split import ASIDE, OPEN, PARTS, Keys, SplitSettings, assign, folds, hash_rows, part_codes
from lamina.data.store import Store, StoreWriter
from lamina.data.table import Table
from lamina.errors import DataError, MissingColumnError, nearest, some
from lamina.features.date import Date
from lamina.features.encoder import Encoder
from lamina.features.media import Broken, faulty
from lamina.features.number import Number

__all__ = ["STORES", "UNLABELLED", "Prepared", "Source", "prepare"]

STORES = ("learn", "test")  # train and valid rows lie in one store, told apart by their fold
UNLABELLED = 253  # the part, and the fold, of rows without a target that are kept: they neither teach nor judge

WIDE_ROWS = 1024  # rows of pictures, texts or sounds that are encoded at a time
NAMED = 5  # rows with a broken file that a message names
KEEP = 256 * 2**20  # bytes of checked rows that are kept between the passes, rather than read again


@dataclasses.dataclass(frozen=True)
class Source:
    """A table, and the part that all of its rows belong to (None: they are shared out)."""

    table: Table
    part: str | None = None


@dataclasses.dataclass
class Prepared:
    """Encoded rows, and an account of every row read.

    Attributes:
        encoder: fitted on the training rows, and its inputs on those without a target too, where these are kept.
        stores: ``learn`` (train and valid, with a ``fold`` for each row, ``UNLABELLED`` without a target) and ``test``.
        rows_read: rows of all sources.
        set_aside: one row for each that is not used: source (its place among the sources), row, reason.
    """

    encoder: Encoder
    stores: dict[str, Store]
    rows_read: int
    set_aside: pl.DataFrame

    @property
    def rows(self) -> dict[str, int]:
        """Part -> rows used; ``unlabelled`` is there where rows without a target are kept."""
        folds = np.asarray(self.stores["learn"].arrays["fold"])
        valid, unlabelled = int((folds == 0).sum()), int((folds == UNLABELLED).sum())
        rows = {"train": len(folds) - valid - unlabelled, "valid": valid, "test": self.stores["test"].rows}
        return rows | ({"unlabelled": unlabelled} if unlabelled else {})


def prepare(
    sources: Sequence[Source],
    encoder: Encoder,
    how: SplitSettings,
    seed: int,
    folder: Path,
    *,
    fitted: bool = False,
    broken: float = 0.01,
    unlabelled: bool = False,
) -> Prepared:
    """Encode tables into stores under ``folder``.

    Args:
        sources: the tables; rows are numbered in each from 0.
        encoder: features of the inputs and targets.
        how: the split.
        seed: of the split.
        folder: takes one store a part.
        fitted: the encoder has been fitted before, and is used as it is.
        broken: share of rows that may be set aside because a file of theirs cannot be decoded.
        unlabelled: whether rows without a target are kept, rather than set aside.

    Raises:
        DataError: if the rows cannot be used; it says which and why.
    """
    passes = _Passes(sources, encoder, [name for name in (how.group, how.time, how.column) if name])
    keys, aside = _scan(passes, how, unlabelled)
    _check_targets(passes, encoder)
    _stand_apart(keys, aside, how, seed)
    if unlabelled:
        _unlabelled_apart(keys, aside)
    if not fitted:
        for rows, frame, _ in passes:
            encoder.partial_fit(frame.filter(np.isin(keys.part[rows], (PARTS.index("train"), UNLABELLED))))
        encoder.finish()
    dealt = folds(keys, how, seed)
    dealt[keys.part == UNLABELLED] = UNLABELLED
    bad, first = _encode(passes, encoder, keys, aside, dealt, folder)
    if sum(bad.values()) > broken * len(keys.part):
        worst = max(bad, key=bad.__getitem__)
        raise DataError(
            f"{sum(bad.values())} of {len(keys.part)} rows have a file that cannot be decoded",
            got=f"first {', '.join(first)}; {bad[worst]} times {worst}",
            allowed=f"a share of {broken:g}",
            do="mend the files, or say --set data.broken=0.5",
        )
    return Prepared(encoder, {name: Store(folder / name) for name in STORES}, len(keys.part), aside.frame(passes))


class _Aside:
    """Rows that are not used, by reason, numbered over all sources."""

    def __init__(self) -> None:
        self.reasons: list[tuple[str, np.ndarray]] = []

    def add(self, reason: str, rows: np.ndarray) -> None:
        if len(rows):
            self.reasons.append((reason, rows))

    def frame(self, passes: _Passes) -> pl.DataFrame:
        """One row for each, in the order of the sources."""
        schema = {"source": pl.Int64, "row": pl.Int64, "reason": pl.String}
        frames = []
        for reason, rows in self.reasons:
            source = np.searchsorted(passes.starts, rows, side="right") - 1
            frames.append(
                pl.DataFrame({"source": source, "row": rows - passes.starts[source], "reason": reason}, schema=schema)
            )
        return pl.concat([pl.DataFrame(schema=schema), *frames]).sort("source", "row")


class _Passes:
    """Passes over all sources: (row numbers over all sources, checked rows, split columns as they came)."""

    def __init__(self, sources: Sequence[Source], encoder: Encoder, extra: list[str]) -> None:
        self.sources, self.encoder, self.extra = sources, encoder, extra
        self.starts = np.cumsum([0, *(source.table.rows for source in sources)])[:-1]
        self._kept: list[tuple[slice, pl.DataFrame, pl.DataFrame]] | None = None
        for source in sources:
            missing = [name for name in extra if name not in source.table.names and source.part is None]
            if missing:
                raise MissingColumnError(
                    f"column {missing[0]!r} is missing",
                    got=f"columns {some(source.table.names, 20)}",
                    do=nearest(missing[0], source.table.names),
                )

    def __iter__(self) -> Iterator[tuple[slice, pl.DataFrame, pl.DataFrame]]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[tuple[slice, pl.DataFrame, pl.DataFrame]] = []
        size = 0.0
        for item in self._read():
            size += item[1].estimated_size()
            if size <= KEEP:
                kept.append(item)
            else:
                kept.clear()
            yield item
        self._kept = kept if size <= KEEP else None

    def _read(self) -> Iterator[tuple[slice, pl.DataFrame, pl.DataFrame]]:
        wanted = [feature.column for feature in self.encoder.inputs + self.encoder.targets]
        for start, source in zip(self.starts, self.sources, strict=True):
            extra = [name for name in self.extra if name in source.table.names]
            columns = list(dict.fromkeys([name for name in wanted if name in source.table.names] + extra))
            row = 0
            for chunk in source.table.chunks(columns):
                frame = self.encoder.read(chunk, row, targets=True)
                yield slice(int(start) + row, int(start) + row + len(chunk)), frame, chunk.select(extra)
                row += len(chunk)

    def parts(self) -> Iterable[tuple[slice, str | None]]:
        """The rows of each source, and the part that it was given."""
        ends = [*self.starts[1:], self.starts[-1] + self.sources[-1].table.rows]
        for start, end, source in zip(self.starts, ends, self.sources, strict=True):
            yield slice(int(start), int(end)), source.part


def _scan(passes: _Passes, how: SplitSettings, unlabelled: bool) -> tuple[Keys, _Aside]:
    """First pass: what the split needs to know of each row."""
    encoder, aside = passes.encoder, _Aside()
    total = sum(source.table.rows for source in passes.sources)
    keys = Keys(np.full(total, OPEN, np.uint8), np.zeros(total, np.uint64), np.zeros(total, np.int32))
    keys.group = np.zeros(total, np.uint64) if how.group else None
    keys.time = np.zeros(total) if how.time else None
    for rows, part in passes.parts():
        if part is not None:
            keys.part[rows] = PARTS.index(part)
    classes = [feature for feature in encoder.targets if feature.kind in ("category", "boolean")]
    absent = np.zeros(total, bool)
    for rows, frame, extra in passes:
        # Where nothing is given, rows are the same whose targets are.
        told = encoder.inputs or encoder.targets
        cells = [feature.key(frame[feature.column]).alias(feature.column) for feature in told]
        keys.inputs[rows] = hash_rows(pl.DataFrame(cells))
        # The constant stands for tables without a target.
        nulls = [pl.lit(False), *(pl.col(feature.column).is_null() for feature in encoder.targets)]
        absent[rows] = frame.select(pl.any_horizontal(nulls)).to_series().to_numpy()
        if not unlabelled:
            _set_aside(keys, aside, rows, absent[rows], "the target is missing")
        if classes:
            # A hash rather than a code by first appearance: the split must not hang on the order of rows.
            keys.stratum[rows] = hash_rows(frame.select(classes[0].column)) >> np.uint64(33)
        for name in extra.columns:
            _key_column(keys, aside, rows, extra[name], how)
    if unlabelled:
        keys.part[absent & np.isin(keys.part, (OPEN, PARTS.index("train")))] = UNLABELLED
        # A row that is to judge cannot do so without its target.
        _set_aside(keys, aside, slice(0, total), absent & (keys.part != UNLABELLED), "the target is missing")
    return keys, aside


def _set_aside(keys: Keys, aside: _Aside, rows: slice, where: np.ndarray, reason: str) -> None:
    bad = np.flatnonzero(where & (keys.part[rows] != ASIDE)) + rows.start
    keys.part[bad] = ASIDE
    aside.add(reason, bad)


def _set_aside_by_reason(keys: Keys, aside: _Aside, rows: slice, reasons: Broken) -> None:
    """Set rows aside by their places among these."""
    for reason in dict.fromkeys(reasons.values()):
        where = np.zeros(rows.stop - rows.start, bool)
        where[[place for place, said in reasons.items() if said == reason]] = True
        _set_aside(keys, aside, rows, where, reason)


def _key_column(keys: Keys, aside: _Aside, rows: slice, cells: pl.Series, how: SplitSettings) -> None:
    """Take a split column's cells into the keys."""
    if cells.name == how.column:
        open_rows = keys.part[rows] == OPEN
        keys.part[rows] = np.where(open_rows, part_codes(cells, rows.start), keys.part[rows])
    if cells.name == how.group and keys.group is not None:
        names = cells.cast(pl.String).rename("group")
        _set_aside(keys, aside, rows, names.is_null().to_numpy(), f"the group column {cells.name!r} is missing")
        keys.group[rows] = hash_rows(names.to_frame())
    if cells.name == how.time and keys.time is not None:
        moments = _moments(cells, rows.start)
        _set_aside(keys, aside, rows, np.isnan(moments), f"the time column {cells.name!r} is missing")
        keys.time[rows] = moments


def _moments(cells: pl.Series, first_row: int) -> np.ndarray:
    """A time column as numbers that grow with time, (rows,) float64, NaN where missing: a date, or a number."""
    if cells.dtype.is_numeric():
        return Number(cells.name).read(cells, first_row).to_numpy()
    moments = Date(cells.name).read(cells, first_row)
    return moments.cast(pl.Int64).cast(pl.Float64).fill_null(np.nan).to_numpy()


def _check_targets(passes: _Passes, encoder: Encoder) -> None:
    """Refuse targets that nothing can be learned from, before anything is fitted."""
    counts: list[Counter[object]] = [Counter() for _ in encoder.targets]
    for _, frame, _ in passes:
        for feature, counter in zip(encoder.targets, counts, strict=True):
            cells = frame[feature.column].drop_nulls()
            if feature.kind in ("category", "boolean"):
                counter.update(dict(cells.value_counts().iter_rows()))
            elif len(counter) < 2:
                counter.update(
                    cells.unique().head(2).to_list() if not cells.dtype.is_nested() else range(min(2, len(cells)))
                )
    for feature, counter in zip(encoder.targets, counts, strict=True):
        place = f"the target {feature.column!r}"
        if not counter:
            raise DataError(f"{place} is missing in every row", do="name another column with --target")
        if len(counter) == 1:
            raise DataError(f"{place} is constant", got=repr(next(iter(counter))), do="bring rows with another value")
        if feature.kind in ("category", "boolean"):
            alone = [str(name) for name, count in counter.items() if count == 1]
            if alone:
                raise DataError(
                    f"{place} has a class with one row, so it cannot be learned and judged",
                    got=some(alone),
                    do=f"leave the row out, join classes, or say --feature {feature.column}=number if it is a quantity",
                )


def _stand_apart(keys: Keys, aside: _Aside, how: SplitSettings, seed: int) -> None:
    """Second step: the split."""
    usable = int((~np.isin(keys.part, (ASIDE, UNLABELLED))).sum())
    if usable < 2:
        raise DataError("the table has too few rows", got=f"{usable} usable row(s)", allowed="2 or more to train on")
    for reason, rows in assign(keys, how, seed):
        aside.add(reason, rows)


def _unlabelled_apart(keys: Keys, aside: _Aside) -> None:
    """Keep from learning, also without their target, rows that judge, those of their groups, and what comes later.

    Raises:
        DataError: if no row without a target is left.
    """
    judging = np.isin(keys.part, [PARTS.index(part) for part in ("valid", "test")])
    found = int((keys.part == UNLABELLED).sum())
    every = slice(0, len(keys.part))
    for units, what in ((keys.inputs, "equal to {} on every input"), (keys.group, "of one group with {}")):
        if units is not None:
            shared = np.isin(units, units[judging & (units != 0)])
            reason = f"a row without a target {what.format('a valid or test row')}"
            _set_aside(keys, aside, every, shared & (keys.part == UNLABELLED), reason)
    if keys.time is not None and judging.any():
        later = keys.time >= keys.time[judging].min()
        reason = "a row without a target not earlier than the first valid or test row"
        _set_aside(keys, aside, every, later & (keys.part == UNLABELLED), reason)
    if not (keys.part == UNLABELLED).any():
        raise DataError(
            "no row without a target is left to be labelled",
            got=f"{found} of {len(keys.part)} rows without one" + (", all set aside by the split" if found else ""),
            do="leave train.pseudo out, or bring rows whose target is empty",
        )


def _encode(
    passes: _Passes, encoder: Encoder, keys: Keys, aside: _Aside, dealt: np.ndarray, folder: Path
) -> tuple[Counter[str], list[str]]:
    """Last pass: encode each row into its store.

    Returns:
        How many rows have a broken file, by what is wrong with it, and where to find the first of them.
    """
    bad: Counter[str] = Counter()
    first: list[str] = []
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(StoreWriter(folder / name)) for name in STORES]
        for rows, frame in _pieces(passes, encoder):
            broken: Broken = {}
            arrays = encoder.encode(frame, broken)
            _set_aside_by_reason(keys, aside, rows, broken)
            start = passes.starts[np.searchsorted(passes.starts, rows.start, side="right") - 1]
            bad.update(broken.values())
            first += faulty(encoder.inputs, frame, broken, rows.start - start)[: NAMED - len(first)]
            refused: Broken = {}
            targets = encoder.encode_targets(frame, refused, int(rows.start - start))
            _set_aside_by_reason(keys, aside, rows, refused)
            unknown = np.zeros(len(frame), bool)
            for feature, target in zip(encoder.targets, targets, strict=True):
                if feature.kind in ("category", "boolean"):
                    unknown |= target < 0
            unknown &= keys.part[rows] != UNLABELLED
            _set_aside(keys, aside, rows, unknown, "its class is not among the training rows")
            arrays["row"] = np.arange(rows.start - start, rows.stop - start)
            arrays |= {f"target{place:03}": target for place, target in enumerate(targets)}
            arrays["fold"] = dealt[rows]
            judging = keys.part[rows] == PARTS.index("test")
            learning = ~judging & (keys.part[rows] != ASIDE)
            for writer, chosen in zip(writers, (learning, judging), strict=True):
                places = np.flatnonzero(chosen)
                writer.append(
                    {
                        name: array.take(places) if isinstance(array, Ragged) else array[places]
                        for name, array in arrays.items()
                    }
                )
    return bad, first


def _pieces(passes: _Passes, encoder: Encoder) -> Iterator[tuple[slice, pl.DataFrame]]:
    """Rows in pieces whose arrays fit in memory."""
    for rows, frame, _ in passes:
        size = WIDE_ROWS if encoder.layout.wide else len(frame)
        for first in range(0, len(frame), size):
            piece = frame[first : first + size]
            yield slice(rows.start + first, rows.start + first + len(piece)), piece
