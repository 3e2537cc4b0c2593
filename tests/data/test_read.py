"""Reading: what goes in comes out, and what cannot be read is refused in one clear line."""

from __future__ import annotations

import codecs
import gzip
import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

import lamina.data.table
from lamina.data import csv, jsonlines
from lamina.data.csv import NONE, Dialect, detect
from lamina.data.objects import to_part
from lamina.data.read import read, read_arrays
from lamina.data.table import FramePart, Table, spread
from lamina.data.text import is_utf8
from lamina.errors import DataError, MissingColumnError, UsageError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
slow_input = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def whole(table: Table, **how: int) -> pl.DataFrame:
    return pl.concat(table.chunks(**how))


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    content = content.encode() if isinstance(content, str) else content
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)
    return path


# What goes in comes out

names = st.text(st.characters(categories=["L"], max_codepoint=0x3FF), min_size=1, max_size=5)
words = st.text(
    st.one_of(st.sampled_from(",;\t|\"'\n\r \\#é漢😀"), st.characters(codec="utf-8", exclude_categories=["Cc"])),
    max_size=6,
)


@st.composite
def text_tables(draw: st.DrawFn) -> pl.DataFrame:
    columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    rows = draw(st.integers(1, 12))
    # In a file with one column nothing tells a delimiter from any other character.
    plain = words if len(columns) > 1 else words.filter(lambda word: not set(word) & set(";\t|"))
    column = st.lists(st.none() | plain, min_size=rows, max_size=rows)
    return pl.DataFrame({name: draw(column) for name in columns}, schema=dict.fromkeys(columns, pl.String))


@slow_input
@given(
    frame=text_tables(),
    separator=st.sampled_from(",;\t|"),
    suffix=st.sampled_from(["", ".gz", ".zst"]),
    mark=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([16, 64, csv.BLOCK]),
)
def test_csv_reads_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frame: pl.DataFrame,
    separator: str,
    suffix: str,
    mark: bool,
    ending: str,
    block: int,
) -> None:
    assume(frame.width > 1 or frame.null_count().item() < len(frame))
    separator = separator if frame.width > 1 else ","
    text = frame.write_csv(separator=separator, line_terminator=ending, quote_style="non_numeric")
    # Quotes around every cell but the missing ones.
    path = write(tmp_path, "t.csv" + suffix, codecs.BOM_UTF8 * mark + text.encode())
    monkeypatch.setattr(csv, "BLOCK", block)
    assert_frame_equal(whole(read(path)), frame)
    assert read(path).rows == len(frame)


@slow_input
@given(frame=text_tables(), encoding=st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "cp1252"]))
def test_encodings_are_found_out(tmp_path: Path, frame: pl.DataFrame, encoding: str) -> None:
    assume(frame.width > 1)
    frame = frame.rename({name: f"c{place}" for place, name in enumerate(frame.columns)})
    text = frame.write_csv(quote_style="necessary")
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        return
    lines = content.split(b"\n")
    assume(encoding != "cp1252" or not any(not line.isascii() and is_utf8(line) for line in lines))
    assume(encoding in ("utf-16", "cp1252") or text.isascii())
    assert_frame_equal(whole(read(write(tmp_path, "t.csv", content))), frame)


typed = dataframes(
    min_cols=1,
    max_cols=5,
    min_size=1,
    max_size=20,
    allowed_dtypes=[
        pl.Int8, pl.Int64, pl.UInt32, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Datetime("us"),
        pl.Datetime("us", "Europe/Berlin"), pl.Time, pl.Duration("ms"), pl.Binary, pl.List(pl.Int64), pl.Categorical,
    ],
)  # fmt: skip


@slow_input
@given(frame=typed, rows=st.integers(1, 25), group=st.integers(1, 25))
def test_parquet_and_arrow_read_back(tmp_path: Path, frame: pl.DataFrame, rows: int, group: int) -> None:
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=group)
    frame.write_ipc(tmp_path / "t.arrow", record_batch_size=group)
    frame.write_ipc_stream(tmp_path / "t.feather")
    for name in ("t.parquet", "t.arrow", "t.feather"):
        table = read(tmp_path / name)
        assert_frame_equal(whole(table, rows=rows), frame)
        assert table.rows == len(frame)
        assert len(table.sample(1000)) == len(frame)


@slow_input
@given(
    frame=dataframes(
        min_cols=1,
        max_cols=4,
        min_size=1,
        max_size=15,
        allow_infinity=False,
        allow_nan=False,
        allowed_dtypes=[pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.List(pl.Int64)],
    ),
    suffix=st.sampled_from(["", ".gz"]),
    block=st.sampled_from([16, jsonlines.BLOCK]),
)
def test_json_lines_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: pl.DataFrame, suffix: str, block: int
) -> None:
    frame = frame.with_columns(pl.selectors.float().fill_null(0.5))
    path = write(tmp_path, "t.jsonl" + suffix, frame.write_ndjson())
    monkeypatch.setattr(jsonlines, "BLOCK", block)
    table = read(path)
    assert table.rows == len(frame)
    assert_frame_equal(whole(table).cast(dict(frame.schema)), frame)


@slow_input
@given(st.integers(1, 300), st.lists(st.integers(1, 400), min_size=2, max_size=4), st.integers(1, 4))
def test_chunk_size_never_changes_the_content(total: int, sizes: list[int], parts: int) -> None:
    frame = pl.DataFrame({"a": np.arange(total), "b": [f"word {place % 7}" for place in range(total)]})
    edges = np.linspace(0, total, parts + 1).astype(int)
    pieces = [FramePart(frame[low:high], "piece") for low, high in itertools.pairwise(edges)]
    for size in sizes:
        chunks = list(Table(pieces, "pieces").chunks(rows=size))
        assert all(len(chunk) == size for chunk in chunks[:-1])
        assert_frame_equal(pl.concat(chunks), frame)


# Kinds of sources


def test_folder_and_pattern_and_list_are_one_table(tmp_path: Path) -> None:
    write(tmp_path, "b.csv", "x,y\n3,c\n")
    write(tmp_path, "a.csv.gz", "y,x\na,1\nb,2\n")
    write(tmp_path, "_notes.csv", "no table of ours")
    write(tmp_path, "readme.md", "neither")
    expected = pl.DataFrame({"y": ["a", "b", "c"], "x": ["1", "2", "3"]})
    for source in (tmp_path, str(tmp_path), f"{tmp_path}/[ab].csv*", [tmp_path / "a.csv.gz", tmp_path / "b.csv"]):
        table = read(source)
        assert_frame_equal(whole(table), expected)
        assert table.rows == 3


def test_files_of_a_folder_share_columns_and_widen_numbers(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": [2.5, None]}).write_parquet(tmp_path / "b.parquet")
    pl.DataFrame({"x": [None]}).write_parquet(tmp_path / "c.parquet")
    assert whole(read(tmp_path))["x"].to_list() == [1.0, 2.0, 2.5, None, None]
    pl.DataFrame({"x": ["word"]}).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"column 'x' of .*d\.parquet has another type"):
        read(tmp_path)
    pl.DataFrame({"z": [1]}).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(
        DataError, match=r"d\.parquet has other columns than .*a\.parquet · got one without x and with z"
    ):
        read(tmp_path)


def test_content_decides_over_the_suffix(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1, 2]})
    frame.write_parquet(tmp_path / "t.csv")
    assert_frame_equal(whole(read(tmp_path / "t.csv")), frame)
    assert whole(read(write(tmp_path, "t.txt", '{"x": 1}\n')))["x"].to_list() == [1]


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame({"n": [1, 2], "s": ["a", None]}, index=[7, 9]),
        pl.DataFrame({"n": [1, 2], "s": ["a", None]}),
        pl.LazyFrame({"n": [1, 2], "s": ["a", None]}),
        pa.table({"n": [1, 2], "s": ["a", None]}),
        pa.record_batch({"n": pa.array([1, 2]), "s": pa.array(["a", None])}),
        {"n": [1, 2], "s": ["a", None]},
        {"n": np.array([1, 2]), "s": pd.Series(["a", None])},
        [{"n": 1, "s": "a"}, {"n": 2}],
        np.array([(1, "a"), (2, None)], dtype=[("n", "i8"), ("s", "O")]),
    ],
    ids=lambda source: type(source).__module__.partition(".")[0] + "." + type(source).__name__,
)
def test_objects_in_memory(source: object) -> None:
    table = read(source)
    assert_frame_equal(whole(table), pl.DataFrame({"n": [1, 2], "s": ["a", None]}))
    assert_frame_equal(table.sample(10), table.head(2))
    assert table.fingerprint() == read(pl.DataFrame({"n": [1, 2], "s": ["a", None]})).fingerprint()


def test_numpy_and_arrays() -> None:
    table = read(np.array([[1.5, 2.0], [np.nan, 4.0]]))
    assert table.names == ["x0", "x1"]
    table = read_arrays([[1, 2], [3, 4]], ["a", "b"], names=["p", "q"])
    assert_frame_equal(whole(table), pl.DataFrame({"p": [1, 3], "q": [2, 4], "y": ["a", "b"]}))
    assert read_arrays(np.zeros((2, 1)), np.zeros((2, 2))).names == ["x0", "y0", "y1"]
    assert read_arrays(np.zeros((2, 1)), np.zeros((2, 1))).names == ["x0", "y"]
    assert read_arrays(pd.DataFrame({"a": [1]}), pd.Series([2], name="z")).names == ["a", "y"]
    assert read_arrays(np.zeros((2, 1))).names == ["x0"]


def test_mixed_cells_come_as_text() -> None:
    table = read({"a": [1, "x", None], "b": [1, 2.5, float("nan")]})
    assert whole(table).rows() == [("1", 1.0), ("x", 2.5), (None, None)]
    assert whole(read(np.array([[1, "x"], [2, "y"]], dtype=object))).rows() == [(1, "x"), (2, "y")]
    odd = pd.DataFrame({0: pd.Categorical(["u", "v"]), 1: pd.interval_range(0, 2)})
    assert whole(read(odd)).cast(pl.String).rows() == [("u", "(0, 1]"), ("v", "(1, 2]")]


def test_missing_words_become_null() -> None:
    table = read({"a": ["1", " -999 ", "3"], "b": [1, -999, 3], "c": [True, False, None]}, missing=[-999])
    assert whole(table).rows() == [("1", 1, True), (None, None, False), ("3", 3, None)]
    assert read({"a": ["x"]}, missing="x").head()["a"].to_list() == [None]


# The table


def test_columns_are_chosen_and_ordered(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["1"], "b": ["2"], "c": ["3"]})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow")
    (tmp_path / "t.jsonl").write_text(frame.write_ndjson())
    for source in (*tmp_path.iterdir(), frame, frame.lazy()):
        assert next(read(source).chunks(["c", "a"])).to_dict(as_series=False) == {"c": ["3"], "a": ["1"]}
        with pytest.raises(MissingColumnError, match=r"no such column · got 'A' .* did you mean a"):
            read(source).chunks(["A"])


def test_wide_and_long_texts_come_in_shorter_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = read({f"c{place}": np.zeros(3000) for place in range(2**12)})
    assert [len(chunk) for chunk in wide.chunks()] == [1024, 1024, 952]
    long = pl.DataFrame({"text": [f"{place}" * 1000 for place in range(100, 200)]})
    monkeypatch.setattr(lamina.data.table, "BYTES", 50_000)
    assert {len(chunk) for chunk in read(long).chunks()} <= set(range(10, 20))
    assert_frame_equal(whole(read(long)), long)


def test_sample_is_spread_and_starts_at_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"row": np.arange(100_000), "text": ["a, b\nc"] * 100_000})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_csv(tmp_path / "t.csv.gz", compression="gzip")
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=1000)
    frame.write_ipc(tmp_path / "t.arrow", record_batch_size=1000)
    for source in (*sorted(tmp_path.iterdir()), frame):
        sample = read(source).sample(1280, seed=3)
        rows = sample["row"].cast(pl.Int64)
        assert rows[:10].to_list() == list(range(10))
        assert 1000 <= len(rows) <= 1300
        assert rows.max() > 95_000
        assert rows.is_sorted()
        assert_frame_equal(sample, read(source).sample(1280, seed=3))
    monkeypatch.setattr(csv, "SAMPLE", 1000)
    monkeypatch.setattr(csv, "LOOK", 4096)
    rows = read(tmp_path / "t.csv").sample(1280)["row"].cast(pl.Int64)
    assert len(rows) > 1000
    assert rows.max() > 95_000
    assert rows.n_unique() == len(rows)


def test_spread_covers() -> None:
    assert spread(10, 20, 0) == [slice(0, 10)]
    runs = spread(1000, 128, 0)
    assert runs[0] == slice(0, 2)
    assert len(runs) == 64
    assert all(one.stop <= other.start for one, other in itertools.pairwise(runs))


def test_fingerprint_follows_the_cells(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", "", None], "c": [[1], [], None]})
    same = pl.concat([frame[:1], frame[1:]], rechunk=False)
    first = read(frame).fingerprint()
    assert read(same).fingerprint() == first == read(frame.lazy()).fingerprint()
    others = [
        frame[::-1],
        frame.rename({"a": "z"}),
        frame.with_columns(pl.col("a").cast(pl.Int32)),
        frame.with_columns(pl.Series("b", ["x", None, ""])),
        frame.with_columns(pl.Series("c", [[], [1], None])),
    ]
    assert len({first, *(read(other).fingerprint() for other in others)}) == 6
    path = write(tmp_path, "t.csv", "a\n1\n")
    before = read(path).fingerprint()
    assert read(path).fingerprint() == before != read(path, missing=["1"]).fingerprint()
    write(tmp_path, "t.csv", "a\n2\n")
    assert read(path).fingerprint() != before


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,b\n1,2\n")
    table = read(path)
    whole(table)
    write(tmp_path, "t.csv", "a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match="was changed while it was in use"):
        whole(table)
    with pytest.raises(DataError, match="was changed"):
        table.fingerprint()
    table = read(path)
    chunks = table.chunks(rows=1)
    next(chunks)
    os.utime(path, ns=(0, 0))
    with pytest.raises(DataError, match="was changed"):
        list(chunks)
    table = read(path)
    path.unlink()
    with pytest.raises(DataError, match="was removed"):
        table.head()


# How text is written


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("a,b\n1,2\n", Dialect(",", '"')),
        ("a;b\n1,5;2,5\n3,5;4\n", Dialect(";", '"')),
        ("id|text\n1|x, y\n2|z\n", Dialect("|", '"')),
        ("a\tb\n1\tx, y; z\n", Dialect("\t", '"')),
        ("a\tb\n1\tsay \"hi\n2\t\"quote\n", Dialect("\t", None)),
        ("'a','b'\n'x, y','1'\n", Dialect(",", "'")),
        ("a,b\nit's,1\nthat's,2\n", Dialect(",", '"')),
        ("text\nhello, world\nwell\n", Dialect(NONE, '"')),
        ("text\n\"hello, world\"\nwell\n", Dialect(NONE, '"')),
        ("a,b\n1,\"x\ny;z\"\n", Dialect(",", '"')),
    ],
)  # fmt: skip
def test_dialect_is_found_out(text: str, dialect: Dialect) -> None:
    assert detect(text.encode()) == dialect


def test_dialect_is_found_out_though_the_look_ends_inside_quotes() -> None:
    text = b"a,b\n" + b'1,"two\nlines"\n' * 20
    assert all(detect(text[:end], whole=False) == Dialect(",", '"') for end in range(4, len(text)))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,5\" pipe\n2,\"x \"\"y\"\"\nz\"\n", [("1", '5" pipe'), ("2", 'x "y"\nz')]),
        ("a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")]),
        ("\n\na,b\n\n1,2\n\n\n3,\n", [("1", "2"), ("3", None)]),
        ("a,b\n1,2", [("1", "2")]),
        ("a\n1\n\n3\n", [("1",), (None,), ("3",)]),
        ("a,b\n,\"\"\n", [(None, "")]),
    ],
)  # fmt: skip
def test_csv_in_odd_forms(tmp_path: Path, text: str, rows: list[tuple[str | None, ...]]) -> None:
    assert whole(read(write(tmp_path, "t.csv", text))).rows() == rows


def test_names_are_trimmed_and_given(tmp_path: Path) -> None:
    table = read(write(tmp_path, "t.csv", " a ,,column_2,\n1,2,3,4\n"))
    assert table.names == ["a", "column_2_", "column_2", "column_4"]
    assert read(write(tmp_path, "t.csv", "2019,2020\n1,2\n")).names == ["2019", "2020"]


# What cannot be read

CSV_FAULTS = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "header only": (b"a,b\n", "has a header but no rows · got columns a, b"),
    "two columns with one name": (b"a,b,a\n1,2,3\n", "two columns have one name · got 'a' as columns 1 and 3"),
    "no header": (b"1.5,2\n2.5,3\n", "has no header: its first row holds numbers · got 1.5, 2"),
    "NUL byte": (b"a,b\n1,2\n3,\0004\n5,6\n", r"holds a NUL byte · got this in row 1 \(counted from 0\), line 3"),
    "NUL byte in the header": (b"a\0,b\n1,2\n", "holds a NUL byte · got this in the header"),
    "quote not closed": (b'a,b\n1,2\n3,"4\n5,6\n', r"a quote is broken · got this in row 1 .*, line 3"),
    "quote not closed in the header": (b'a,"b\n1,2\n', "a quote is broken · got this in the header"),
    "quote inside quotes": (b'a,b\n1,"2" inch"\n', r"a quote is broken · got this in row 0"),
    "quote closed by another": (b'a,b\n1,"2\n3,"4"\n5,6\n', r"a quote is broken · got this in row 0"),
    "rows too short and too long": (
        b'a,b\n"1\n1",2\n3\n\n4,5,6\n',
        r"more or fewer cells than the header · got 1 cell\(s\) in row 1 \(line 4\), 3 cell\(s\) in row 2 \(line 6\)"
        r" · allowed: 2 cell",
    ),
    "rows wider than a header of one": (b"a\n1,2\n3,4\n", r"got 2 cell\(s\) in row 0 .* allowed: 1 cell"),
    "UTF-8, then Windows-1252": ("a\né\n".encode() + "ü\n".encode("cp1252"), "mixes encodings: UTF-8 .* row 1"),
    "Windows-1252, then UTF-8": ("a\né\nx\n".encode("cp1252") + "ü\n".encode(), "mixes encodings: Windows.* row 2"),
    "no known encoding": (b"a\nx\n\x81\x8d\n", "neither UTF-8 nor Windows-1252 · got this in row 1"),
    "broken UTF-16": ("a,b\n1,2\n".encode("utf-16") + b"\x00\xd8\x01\x00\x01", "is not UTF-16"),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_faulty_csv_is_refused(tmp_path: Path, name: str, suffix: str) -> None:
    content, message = CSV_FAULTS[name]
    path = write(tmp_path, "t" + suffix, content)
    with pytest.raises(DataError, match=message) as caught:
        whole(read(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("block", [40, 64, 1000])
@pytest.mark.parametrize("fault", [b"3,\0x\n", b'3,"x\n', b"3,x,y\n", b"3,\xe9\n"])
def test_faults_are_named_by_row_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, fault: bytes
) -> None:
    monkeypatch.setattr(csv, "BLOCK", block)
    good = '1,"two\nlines é"\n\n'.encode() * 20
    path = write(tmp_path, "t.csv", b"a,b\n" + good + fault + good)
    with pytest.raises(DataError, match=r"row 20 .*line 62"):
        whole(read(path))


def test_a_quote_that_never_closes_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "BLOCK", 100)
    monkeypatch.setattr(csv, "LONGEST", 300)
    path = write(tmp_path, "t.csv", b'a,b\n1,"2\n' + b"3,4\n" * 1000)
    with pytest.raises(DataError, match="a quote is broken · got this in row 0"):
        whole(read(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a table · got a PNG picture · allowed: CSV"),
        ("t.csv", b"%PDF-1.7\n" + bytes(100), "got a PDF document"),
        ("t.csv", b"PK\x03\x04" + bytes(100), "got a ZIP archive"),
        ("t.csv", bytes(range(256)) * 4, "got a binary file"),
        ("t.csv.gz", bytes(range(256)) * 4, "got a binary file"),
        ("t.csv.gz", b"PAR1" + bytes(100), "compressed once more"),
        ("t.csv", b"\x1f\x8b\x08\x00 broken", "cannot be read"),
        ("t.parquet", b"PAR1 broken", "is not a whole Parquet file"),
        ("t.arrow", b"ARROW1\0\0 broken", "is not a whole Arrow file"),
        ("t.json", b'[{"a": 1}]', "is not JSON lines · got one JSON array"),
        ("t.jsonl", b'{"a": 1}\n\n{"a": \n', r"a line is not a JSON object · got .* in row 1"),
        ("t.jsonl", b'{"a": 1}\n[2]\n', r"a line is not a JSON object · got a list in row 1"),
        ("t.jsonl", b'{"a": NaN}\n', r"NaN is not JSON in row 0"),
        ("t.jsonl", b'{"a": 1}\n{"a": {"b": 2}}\n', "values of different kinds"),
        ("t.jsonl", b"{}\n", "has no rows"),
    ],
)
def test_other_faulty_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        whole(read(write(tmp_path, name, content)))
    assert "\n" not in str(caught.value)


def test_cut_files_are_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": np.random.default_rng(0).normal(size=30_000)})
    packed = gzip.compress(frame.write_csv().encode())
    (tmp_path / "t.csv.gz").write_bytes(packed[: len(packed) // 2])
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc_stream(tmp_path / "t.arrow")
    for name in ("t.parquet", "t.arrow"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(DataError, match=path.name):
            whole(read(path))
        with pytest.raises(DataError, match=path.name):
            read(path).sample(100_000)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path, "sales.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match=r"no such file · got .*sale\.csv · did you mean sales\.csv\?"):
        read(tmp_path / "sale.csv")
    with pytest.raises(DataError, match=r"no such file .* there is no folder"):
        read(tmp_path / "none" / "sales.csv")
    with pytest.raises(DataError, match="no file has such a name"):
        read(f"{tmp_path}/*.parquet")
    with pytest.raises(DataError, match="only files of this machine"):
        read("https://example.org/t.csv")
    with pytest.raises(DataError, match="no such file · got an empty name"):
        read("")
    (tmp_path / "sales.csv").rename(tmp_path / "sales.rst")
    with pytest.raises(DataError, match=r"holds no tables · got sales\.rst · allowed: \.csv"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no tables · got an empty folder"):
        read(tmp_path / "empty")


def test_unreadable_objects_are_refused() -> None:
    for source, message in [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns have one name · got 'a' as columns 1, 2"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns have one name"),
        ({"a": [1, 2], "b": [1]}, "columns have different lengths · got 'a' 2, 'b' 1"),
        ({}, "has no columns"),
        ([], "has no columns"),
        (pl.DataFrame({"a": []}), "has no rows"),
        (np.zeros(3), "a NumPy table has two dimensions"),
        (np.zeros((2, 2), complex), "complex128"),
        ([1, 2], "a list is read as a list of rows"),
        ({"a": [[1], "x"]}, "values of different kinds · got list, str"),
        ({"a": [object()]}, "column 'a'"),
    ]:
        with pytest.raises(DataError, match=message):
            read(source)
    with pytest.raises(UsageError, match=r"this object is not a table · got a builtins\.int"):
        read(5)
    with pytest.raises(DataError, match="different lengths · got 2 and 3"):
        read_arrays(np.zeros((2, 1)), np.zeros(3))
    with pytest.raises(DataError, match="name of the target, 'y'"):
        read_arrays({"y": [1]}, [2])
    with pytest.raises(UsageError, match="names must be"):
        read_arrays(np.zeros((2, 2)), names=["a"])


def test_frames_are_not_copied() -> None:
    frame = pl.DataFrame({"a": np.arange(1000.0)})
    part = to_part(frame)
    assert isinstance(part, FramePart)
    chunk = list(read(frame).chunks(rows=300))[1]
    base = frame["a"].to_numpy().__array_interface__["data"][0]
    assert chunk["a"].to_numpy().__array_interface__["data"][0] == base + 300 * 8


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("adult/train.csv.gz", 32_561, 15),
        ("diabetes130/diabetic_data.csv.gz", 101_766, 50),
        ("fraud_handbook_sim", 201_295, 22),
        ("multi30k/train.csv.gz", 29_000, 3),
        ("sst/sst5.csv.gz", 11_855, 3),
        ("scitldr/train.jsonl.gz", 1_992, 6),
        ("movielens_latest_small/movies.csv.gz", 9_742, 3),
    ],
)
def test_shared_tables_have_the_rows_of_their_cards(name: str, rows: int, columns: int) -> None:
    table = read(DATA / name)
    assert (table.rows, len(table.names)) == (rows, columns)
