"""The contract of a feature."""

from __future__ import annotations

import copy
import datetime
import decimal
import inspect
import json
import re
import struct
import subprocess
import sys
import wave
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from lamina.codecs.midi import Note, Tune, write_midi
from lamina.codecs.ragged import Ragged
from lamina.config import as_dict, check
from lamina.errors import DataError
from lamina.features.base import WIDE, Claim, Feature, Profile, Slot
from lamina.features.media import Media
from lamina.testing.common import same

__all__ = [
    "FEATURE_CHECKS",
    "check_feature",
    "decodes",
    "encodes_each_row_alone",
    "encodes_its_slots",
    "goes_through_json",
    "has_samples",
    "imports_no_torch",
    "learns_in_pieces",
    "reads_again",
    "reads_text_as_native",
    "recognises",
    "refuses",
    "sample_columns",
    "stores_only",
]

DTYPES: dict[str, Any] = {"number": np.float32, "flag": np.uint8, "category": np.int32}
DTYPES |= {"image": np.uint8, "tokens": np.int32, "frames": np.float32, "clip": np.uint8}


def check_feature(cls: type[Feature], columns: Iterable[pl.Series] | None = None) -> None:
    """Run every check of :data:`FEATURE_CHECKS` over a feature class.

    Args:
        cls: the class.
        columns: raw cells of its kind, as sources give them; those of :func:`sample_columns` if None.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.features.number import Number
        >>> check_feature(Number, [pl.Series("length", ["1.5", "", "3"])])
    """
    columns = sample_columns() if columns is None else list(columns)
    for one in FEATURE_CHECKS:
        one(cls, columns)


def sample_columns() -> list[pl.Series]:
    """Raw columns of every kind that sources give: text and native, with and without missing cells."""
    generator = np.random.default_rng(0)
    days = pl.datetime_range(
        datetime.datetime(2023, 1, 31), datetime.datetime(2024, 3, 1), "66h13m20s", eager=True, time_unit="us"
    )
    half = [None if row % 3 == 1 else row / 4 for row in range(-8, 40)]
    return [
        pl.Series("float", half),
        pl.Series("far", [1e-30, -1e37, 0.0, 1e38, 3.0, 3.0, None, float("nan")]),
        pl.Series("many", generator.lognormal(size=700).astype(np.float32)),
        pl.Series("whole", generator.integers(-30, 90, 300), dtype=pl.Int16),
        pl.Series("whole words", [str(row % 7) for row in range(30)]),
        pl.Series("number words", ["1.5", " -2 ", "1e3", "", "NaN", "?", ".25", None]),
        pl.Series("count", ["red", "blue ", "red", "", "naïve 数", "NA", "blue", "a|b", "Red"]),
        pl.Series("name", [["a", "b"], ["b"], [], None, ["c", "a"], ["b", "d"]]),
        pl.Series("sets", ["a|b", "b", "", "c | a", "d", None, "a|b|c|d"]),
        pl.Series("yes", [True, False, None, True, True]),
        pl.Series("yes words", ["Yes", "no", "", "yes", "NO", "no"]),
        pl.Series("yes numbers", [1, 0, 0, None, 1]),
        pl.Series("kind", ["x", "y", None, "x"], dtype=pl.Categorical),
        pl.Series("moment", days),
        pl.Series("moment in zone", days.dt.replace_time_zone("Europe/Paris", non_existent="null", ambiguous="latest")),
        pl.Series("day", [*days.dt.date()[:30], None]),
        pl.Series("day words", [*days.dt.strftime("%Y-%m-%d")[:40], "", None]),
        pl.Series("moment words", [*days.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "NaT"]),
        pl.Series("structure", [{"a": 1, "b": "x"}, None, {"a": 2, "b": "y"}]),
        pl.Series("bytes", [b"\xff\x00", None, b"a"]),
        pl.Series("lengths of time", [datetime.timedelta(seconds=3), None]),
        pl.Series("decimals", [decimal.Decimal("1.50"), None, decimal.Decimal("-3.25")]),
        pl.Series("things", [object, None, dict], dtype=pl.Object),
        pl.Series("text", [f"row {row} says a few words" for row in range(40)]),
        pl.Series("constant", ["same"] * 5),
        pl.Series("key", [f"{row:08x}" for row in range(50)]),
        pl.Series("", [3.5]),
        pl.Series("gone", [None, None, None], dtype=pl.String),
        pl.Series("nothing", [None, None], dtype=pl.Null),
        pl.Series("empty", [], dtype=pl.String),
        pl.Series("pictures", [*(_png(generator.integers(0, 256, (6, 5, 3))) for _ in range(5)), b"no picture", None]),
        pl.Series("grids", generator.integers(0, 256, (6, 5, 4), np.uint8)),
        pl.Series("nested grids", [[[0, 9], [255, 7]], None, [[1, 2], [3, 4]]], dtype=pl.List(pl.List(pl.UInt8))),
        pl.Series("sounds", [*(_wav(generator.normal(size=400 + 200 * row)) for row in range(4)), None, b"no sound"]),
        pl.Series("tunes", [*(write_midi(Tune((Note(0, 480 * beats, 60),))) for beats in (1, 2, 3)), None, b"no tune"]),
        pl.Series("chords", [[[60, 64, 67], [62], []], None, [[50, 57]]]),
        pl.Series("talks", [_talk("hello", "hi", "bye"), None, _talk("you?", "me"), _talk("a", "b", "c", "d")]),
        pl.Series("talks as JSON", [json.dumps(_talk("hello", "hi")), "", json.dumps(_talk("bye", "bye bye"))]),
        pl.Series("answers", [[{"text": "a few", "start": 11}, {"text": "few", "start": 13}], [], None]),
        pl.Series("waves", [[0.5, -1.25, 3.0], [2.0], None, [], [1.0, 1.0, 0.0, 0.5, 2.5]]),
        pl.Series("channels", [[[0.5, 1.0], [2.0, -3.0]], None, [[1.5, 0.25], [1.0, 2.0], [0.0, 7.0]]]),
    ]


def _talk(*contents: str) -> list[dict[str, str]]:
    """Turns of a user and an assistant."""
    return [{"role": ("user", "assistant")[turn % 2], "content": content} for turn, content in enumerate(contents)]


def _png(pixels: np.ndarray) -> bytes:
    """Pixels (height, width, 3) as a PNG file."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.astype(np.uint8).tobytes() for line in pixels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(lines))]
    written = b"\x89PNG\r\n\x1a\n"
    for name, content in [*chunks, (b"IEND", b"")]:
        written += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return written


def _wav(samples: np.ndarray) -> bytes:
    """Samples (n,) of deviation 1 as a WAV file of one channel, 8,000 a second."""
    written = BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((samples.clip(-3, 3) * 8000).astype("<i2").tobytes())
    return written.getvalue()


def stores_only(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The constructor keeps what it is given, and nothing is learned yet."""
    given = cls.Settings()
    for is_target in (False, True):
        feature = cls("a column", given, is_target=is_target)
        assert feature.column == "a column"
        assert feature.settings is given
        assert feature.is_target is is_target
        assert feature.state is None
    assert cls("a column").settings == given
    assert cls.kind == cls.kind.lower()
    assert inspect.getdoc(cls)
    assert "a column" in repr(cls("a column"))


def has_samples(cls: type[Feature], columns: list[pl.Series]) -> None:
    """At least one column is of this kind, so that the other checks check something; of files, some can be decoded."""
    readable = [raw for raw in _readable(cls, columns) if len(raw.drop_nulls()) > 1]
    assert readable, f"no column can be read by {cls.__name__}"
    if issubclass(cls, Media):
        arrays = [array for raw in readable for array in _arrays(_fitted(cls, raw), raw).values()]
        assert sum(array.lengths.sum() for array in arrays) > 1, f"no cell can be decoded by {cls.__name__}"


def recognises(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A claim is between 0 and 1, gives evidence, and its settings are settings; other columns are left alone."""
    for raw in columns:
        present = raw.drop_nulls()
        distinct = len(set(map(str, present.to_list())))
        for is_target in (False, True):
            claim = cls.recognise(Profile(raw.name, raw, len(raw), distinct, is_target))
            if claim is not None:
                assert isinstance(claim, Claim)
                assert 0 <= claim.strength <= 1
                assert claim.evidence and "\n" not in claim.evidence
                check(cls.Settings, claim.settings)


def reads_again(cls: type[Feature], columns: list[pl.Series]) -> None:
    """What was read can be read again, and is the same; the raw cells stay as they were."""
    for raw in _readable(cls, columns):
        before = raw.to_list()
        cells = cls("c").read(raw)
        assert str(raw.to_list()) == str(before)
        assert len(cells) == len(raw)
        again = cls("c").read(cells)
        assert again.equals(cells, null_equal=True, check_dtypes=True), f"{raw.name}: {cells} became {again}"


def refuses(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Cells of another kind are a DataError that names the column and the rows of the source, never another error."""
    for raw in columns:
        try:
            cls("the column").read(raw, first_row=70_000)
        except DataError as error:
            rows = re.search(r"row\(s\) ([\d, ]+)", str(error))
            assert "'the column'" in str(error), error
            assert rows, f"no rows in: {error}"
            numbers = [int(number) - 70_000 for number in re.findall(r"\d+", rows[1])]
            assert all(0 <= number < len(raw) and raw[number] is not None for number in numbers), error


def learns_in_pieces(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Pieces teach the same as the whole, an empty piece nothing; so does learning again."""
    for raw in _readable(cls, columns):
        whole = _fitted(cls, raw)
        pieces = cls("c")
        for first, end in ((0, 0), (0, 1), (1, 2), (2, len(raw) // 2 + 2), (len(raw) // 2 + 2, len(raw))):
            pieces.partial_fit(pieces.read(raw[first:end], first))
        pieces.finish()
        assert same(pieces.to_json(), whole.to_json()), f"{raw.name}: {pieces.state} is not {whole.state}"
        once = whole.to_json()
        assert same(whole.fit(whole.read(raw)).to_json(), once), raw.name


def encodes_its_slots(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A column of an array for each slot of its group, in its dtype; flags 0 or 1, codes in range, numbers finite.

    A wide slot has a ragged array with a row for each cell: items of its shape, none where the cell is missing, at most
    one in a picture's, tokens from 1 to below its size.
    """
    readable = _readable(cls, columns)
    for raw in readable:
        feature = _fitted(cls, raw)
        parts = [slot.part for slot in feature.slots]
        assert len(set(parts)) == len(parts)
        assert all(slot.column == "c" and slot.group in DTYPES for slot in feature.slots)
        for slot in feature.slots:
            assert list(slot.knots) == sorted(slot.knots), f"{raw.name}: the knots of {slot.part} are not in order"
            assert np.isfinite(slot.knots).all()
            if slot.is_wide:
                _check_wide_slot(slot)
        # Its own cells, no cells, a missing one where none was seen, and those of every other column that it reads.
        for other in [raw, raw.head(0), raw.head(1), pl.Series([None], dtype=raw.dtype), *readable]:
            if _reads(feature, other):
                arrays = _arrays(feature, other)
                _check_arrays(feature, arrays, len(other))
                _check_missing(feature, other, arrays)


def _check_wide_slot(slot: Slot) -> None:
    assert slot.length >= 1 and slot.size >= 1
    assert len(slot.shape) == {"image": 3, "tokens": 0, "frames": 1, "clip": 3}[slot.group], slot
    assert all(size >= 1 for size in slot.shape), slot
    assert slot.size > 1 or slot.group != "tokens", "no token is left beside that which fills up rows"
    for each in (slot.centre, slot.scale):
        assert len(each) in (0, *slot.shape[-1:]) and np.isfinite(each).all(), slot
    assert all(value > 0 for value in slot.scale), slot


def _check_missing(feature: Feature, raw: pl.Series, arrays: dict[str, Any]) -> None:
    """A missing cell is a row without items."""
    missing = feature.read(raw).is_null().to_numpy()
    for group, array in arrays.items():
        assert group not in WIDE or not array.lengths[missing].any(), f"{raw.name}: a missing cell has items"


def _check_ragged(slot: Slot, array: Any, rows: int) -> None:
    assert isinstance(array, Ragged), f"{slot.group}: {type(array)}"
    assert len(array) == rows, f"{slot.group}: {len(array)} rows for {rows} cells"
    assert (array.lengths >= 0).all() and array.lengths.sum() == len(array.values), f"{slot.group}: {array.ends}"
    assert array.ends.dtype == np.int64
    assert array.values.shape[1:] == slot.shape, f"{slot.group}: items {array.values.shape[1:]} for {slot.shape}"
    assert array.values.dtype == DTYPES[slot.group], f"{slot.group}: {array.values.dtype}"
    assert np.isfinite(array.values).all(), f"{slot.group}: not finite"
    if slot.group == "image":
        assert (array.lengths <= 1).all(), "a cell holds one picture"
    if slot.group == "tokens":
        assert ((array.values > 0) & (array.values < slot.size)).all(), f"tokens {array.values} of {slot.size}"


def _check_arrays(feature: Feature, arrays: dict[str, Any], rows: int) -> None:
    by_group = {group: [slot for slot in feature.slots if slot.group == group] for group in DTYPES}
    assert set(arrays) >= {group for group, slots in by_group.items() if slots}
    for group, array in arrays.items():
        if group in WIDE:
            (slot,) = by_group[group]
            _check_ragged(slot, array, rows)
            continue
        assert array.shape == (rows, len(by_group[group])), f"{group}: {array.shape}"
        assert array.dtype == DTYPES[group], f"{group}: {array.dtype}"
        assert np.isfinite(array).all(), f"{group}: not finite"
    assert (arrays.get("flag", np.zeros(1)) <= 1).all()
    for place, slot in enumerate(by_group["category"]):
        codes = arrays["category"][:, place]
        assert ((codes >= 0) & (codes < slot.size)).all(), f"codes {codes} of {slot.size}"


def encodes_each_row_alone(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A row's encoding does not depend on the rows beside it, to the last bit; and encoding teaches nothing."""
    for raw in _readable(cls, columns):
        feature = _fitted(cls, raw)
        before = copy.deepcopy(feature.state)
        whole = _arrays(feature, raw)
        for row in range(min(len(raw), 60)):
            alone = _arrays(feature, raw[row : row + 1], row)
            for group, array in whole.items():
                assert _equal(alone[group], array[row : row + 1]), f"{raw.name}, row {row}: {raw[row]!r}"
        assert feature.state == before


def decodes(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Decoding what was encoded gives the cells back, numbers as closely as float32 can. Of an input, cells that share
    one code, as rare names do, may come back as missing; of a target, none. Wide features need not go back."""
    if any(slot.is_wide for raw in _readable(cls, columns) for slot in _fitted(cls, raw).slots):
        return
    for raw in _readable(cls, columns):
        for is_target in (False, True):
            feature = _fitted(cls, raw, is_target=is_target)
            cells = feature.read(raw)
            present = cells.is_not_null()
            arrays = feature.encode(cells.filter(present))
            if not present.any() or not any(array.size for array in arrays.values()):
                continue
            main = arrays[next(iter(arrays))]
            # One column is a value; a column for each name, as of a set of labels, goes back as a whole.
            main = main[:, 0] if not feature.slots or feature.slots[0].part == "value" else main
            back = cls("c").read(feature.decode(main))
            known = back.is_not_null()
            assert known.all() or not is_target, f"{raw.name}: missing cells in {back}"
            _check_close(back.filter(known), cells.filter(present).filter(known), raw.name)


def _check_close(found: pl.Series, wanted: pl.Series, name: str) -> None:
    if not (wanted.dtype.is_numeric() or wanted.dtype.is_temporal()):
        assert found.to_list() == [_in_order(cell) for cell in wanted.to_list()], f"{name}: {found} for {wanted}"
        return
    here, there = (series.to_physical().cast(pl.Float64).to_numpy() for series in (found, wanted))
    span = float(there.max() - there.min()) or 1.0
    assert np.allclose(here, there, rtol=1e-4, atol=1e-5 * span), f"{name}: {found} for {wanted}"


def _in_order(cell: Any) -> Any:
    return sorted(set(cell)) if isinstance(cell, list) else cell


def goes_through_json(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Written as JSON text and made again, it has the same state, slots and summary, and encodes the same."""
    for raw in _readable(cls, columns):
        for is_target in (False, True):
            feature = _fitted(cls, raw, is_target=is_target)
            text = json.dumps(feature.to_json(), allow_nan=False)
            again = cls.from_json(json.loads(text))
            assert type(again) is cls
            assert again.to_json() == feature.to_json()
            assert as_dict(again.settings) == as_dict(feature.settings)
            assert again.slots == feature.slots
            assert json.dumps(again.summary(), allow_nan=False) == json.dumps(feature.summary(), allow_nan=False)
            here, there = (_arrays(one, raw) for one in (feature, again))
            assert list(here) == list(there), raw.name
            assert all(_equal(here[group], there[group]) for group in here), raw.name
    unfitted = cls.from_json(json.loads(json.dumps(cls("c", is_target=True).to_json())))
    assert unfitted.state is None and unfitted.is_target


def reads_text_as_native(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The same cells as text and in their own dtype are encoded the same, whichever of the two it learned from.

    Not of wide features: in running text, 2 and 2.0 are different words.
    """
    pairs = [
        (pl.Series([3, 1, 2, 1, None]), pl.Series(["3", "1", "2", "1", ""])),
        (pl.Series([1.5, 2.0, -0.25, None]), pl.Series(["1.5", "2.0", "-0.25", "NaN"])),
        (pl.Series([2.0, 3.0, None]), pl.Series(["2", "3", None])),
        (pl.Series([True, False, None, True]), pl.Series(["true", "false", "NA", "true"])),
        (pl.Series([datetime.date(2024, 1, 1), datetime.date(2023, 6, 30)]), pl.Series(["2024-01-01", "2023-06-30"])),
    ]
    for pair in pairs:
        if all(_reads(cls("c"), cells) for cells in pair):
            for learned in pair:
                feature = _fitted(cls, learned)
                if any(slot.is_wide for slot in feature.slots):
                    return
                here, there = (_arrays(feature, cells) for cells in pair)
                assert all(_equal(here[group], there[group]) for group in (*here, *there)), (
                    f"learned from {learned.to_list()}: {here} is not {there}"
                )


def imports_no_torch(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The module can be imported where there is no torch."""
    code = f"import sys; sys.modules['torch'] = None; import {cls.__module__}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FEATURE_CHECKS: tuple[Callable[[type[Feature], list[pl.Series]], None], ...] = (
    stores_only,
    has_samples,
    recognises,
    reads_again,
    refuses,
    learns_in_pieces,
    encodes_its_slots,
    encodes_each_row_alone,
    decodes,
    goes_through_json,
    reads_text_as_native,
    imports_no_torch,
)


# --- helpers ------------------------------------------------------------------------------------------------------


def _reads(feature: Feature, raw: pl.Series) -> bool:
    try:
        feature.read(raw)
    except DataError:
        return False
    return True


def _readable(cls: type[Feature], columns: list[pl.Series]) -> list[pl.Series]:
    return [raw for raw in columns if _reads(cls("c"), raw)]


def _arrays(feature: Feature, raw: pl.Series, first_row: int = 0) -> dict[str, Any]:
    """Raw cells encoded; files that cannot be decoded are set aside, as in training."""
    cells = feature.read(raw, first_row)
    return feature.encode(cells, {}, first_row) if isinstance(feature, Media) else feature.encode(cells)


def _equal(one: Any, other: Any) -> bool:
    """Whether two encoded arrays are the same to the last bit."""
    if isinstance(one, Ragged) and isinstance(other, Ragged):
        return same(one.values, other.values) and same(one.ends, other.ends)
    return same(one, other)


def _fitted(cls: type[Feature], raw: pl.Series, *, is_target: bool = False) -> Feature:
    feature = cls("c", is_target=is_target)
    return feature.fit(feature.read(raw))
