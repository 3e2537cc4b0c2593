"""What people bring by mistake: one clear line, the right exit code, and nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.terminal import Done, Lamina, make_table

QUICK = ("--model", "mlp", "--budget", "10steps", "--baselines", "none")
LINES = make_table().write_csv().splitlines(keepends=True)


def insert(line: str) -> bytes:
    """The table with one more line, as row 49."""
    return "".join([*LINES[:50], line, *LINES[50:]]).encode()


def with_column(name: str, values: list[object]) -> bytes:
    """The table with another column in the place of one of its own."""
    frame = make_table().with_columns(pl.Series(name, [None if one is None else str(one) for one in values]))
    return frame.write_csv().encode()


def but(values: object, *others: tuple[int, object]) -> list[object]:
    """Values with some of them replaced, given as (row, value)."""
    made = list(np.asarray(values).tolist())
    for row, value in others:
        made[row] = value
    return made


SIZE, RIPE = make_table()["size"].to_numpy(), make_table()["ripe"].to_numpy()
ROWS = len(RIPE)

# name -> (the file's bytes, what the line must say)
TABLES: dict[str, tuple[bytes, list[str]]] = {
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["is not a table", "PNG picture"]),
    "an empty file": (b"", ["is empty"]),
    "no rows": (LINES[0].encode(), ["no rows"]),
    "one row": ("".join(LINES[:2]).encode(), ["constant"]),
    "a constant target": (with_column("ripe", ["yes"] * ROWS), ["target 'ripe' is constant", "'yes'"]),
    "a missing target": (with_column("ripe", [None] * ROWS), ["target 'ripe' is missing in every row"]),
    "a class with one row": (with_column("ripe", but(RIPE, (3, "maybe"))), ["a class with one row", "maybe"]),
    "one name twice": ("".join(LINES).replace("colour", "size", 1).encode(), ["two columns have one name", "'size'"]),
    "a NUL byte": (insert("1.0,re\0d,yes\n"), ["NUL byte", "row 49"]),
    "a broken quote": (insert('1.0,"red,yes\n'), ["quote is broken", "row 49"]),
    "a longer row": (insert("1.0,red,yes,no\n"), ["row 49"]),
    "mixed encodings": (insert("1.0,grün,yes\n") + "1.0,grün,yes\n".encode("latin-1"), ["mixes encodings", "row 201"]),
    "words among numbers": (with_column("size", but(SIZE, (7, "big"), (9, "wee"))), ["'size'", "'big'", "row(s) 7, 9"]),
    "infinities": (with_column("size", but(SIZE, (5, "inf"))), ["'size' holds infinite numbers", "row(s) 5"]),
}


def assert_refused(done: Done, said: list[str], code: int = 1) -> None:
    """One line on standard error, beside progress; nothing on standard output; the exit code."""
    lines = [line for line in done.err.splitlines() if not line.startswith(("reading ", "network "))]
    assert len(lines) == 1 and lines[0].startswith("lamina: "), done
    assert [word for word in said if word not in lines[0]] == [], lines[0]
    assert "Traceback" not in done.err and done.out == ""
    assert done.code == code


@pytest.mark.parametrize("name", list(TABLES))
def test_a_table_that_cannot_be_used(name: str, tmp_path: Path, lamina_: Lamina) -> None:
    content, said = TABLES[name]
    data, out = tmp_path / "data.csv", tmp_path / "run"
    data.write_bytes(content)
    assert_refused(lamina_("train", data, "--target", "ripe", *QUICK, "--out", out), said)
    assert list(tmp_path.iterdir()) == [data]


def test_no_such_file(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    done = lamina_("train", table.with_name("friut.csv"), "--target", "ripe", "--out", tmp_path / "run")
    assert_refused(done, ["no such file", "did you mean fruit.csv?"])
    assert list(tmp_path.iterdir()) == []


def test_no_such_target(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    done = lamina_("train", table, "--target", "rip", "--out", tmp_path / "run")
    assert_refused(done, ["'rip' is not a column", "did you mean ripe?"])
    assert list(tmp_path.iterdir()) == []


def test_no_target(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    assert_refused(lamina_("train", table, "--out", tmp_path / "run"), ["no target was named", "size, colour"], 2)


@pytest.mark.slow
def test_ten_thousand_columns_train_or_are_refused(tmp_path: Path, lamina_: Lamina) -> None:
    random = np.random.default_rng(0)
    wide = pl.DataFrame({f"c{place}": random.normal(size=40) for place in range(10_000)})
    wide.with_columns(pl.Series("y", ["yes", "no"] * 20)).write_csv(tmp_path / "wide.csv")
    quick = ["--model", "linear", "--budget", "2steps", "--baselines", "none", "--json"]
    done = lamina_("train", tmp_path / "wide.csv", "--target", "y", *quick, "--out", tmp_path / "run")
    assert done.code == 0 and done.document["rows"]["train"] > 0, done.err


def test_a_plan_with_a_misspelt_key(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"data: {{source: {json.dumps(str(table))}, target: [ripe]}}\ntrain: {{budgt: 5s}}\n")
    done = lamina_("train", plan, "--out", tmp_path / "run")
    assert_refused(done, ["unknown setting train.budgt", "did you mean budget?"], 2)
    assert list(tmp_path.iterdir()) == [plan]


@pytest.mark.parametrize(("text", "said"), [("data: [", "is not YAML"), ("- a", "no group of settings")])
def test_a_plan_that_is_none(text: str, said: str, tmp_path: Path, lamina_: Lamina) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    assert_refused(lamina_("train", plan), [said], 2)


def test_a_folder_that_holds_something(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert_refused(lamina_("train", table, "--target", "ripe", *QUICK, "--out", tmp_path), ["is not empty"], 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_model_that_does_not_fit(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    wide = ["--set", "model.width=65536", "--set", "model.depth=200"]
    done = lamina_("train", table, "--target", "ripe", *QUICK, *wide, "--out", tmp_path / "run")
    assert_refused(done, ["does not fit in memory", "GiB"])
    assert list(tmp_path.iterdir()) == []


# --- run folders


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that one may damage."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def flip(folder: Path) -> None:
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(content)


def make_later(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))


def lose(folder: Path) -> None:
    (folder / "features.json").unlink()


def add(folder: Path) -> None:
    (folder / "extra.py").write_text("print('hello')")


def link(folder: Path) -> None:
    (folder / "report.html").rename(folder.with_name("elsewhere.html"))
    (folder / "report.html").symlink_to(folder.with_name("elsewhere.html"))


DAMAGES: dict[Callable[[Path], None], list[str]] = {
    flip: ["weights.safetensors was changed"],
    make_later: ["later version", "format 99"],
    lose: ["features.json is lost"],
    add: ["extra.py was added"],
    link: ["report.html is a link"],
    shutil.rmtree: ["is not a run", "no such folder"],
}


@pytest.mark.parametrize("damage", list(DAMAGES), ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("command", ["verify", "predict", "evaluate"])
def test_a_run_that_cannot_be_trusted(
    command: str, damage: Callable[[Path], None], copy: Path, table: Path, lamina_: Lamina
) -> None:
    damage(copy)
    assert_refused(lamina_(command, copy, *([] if command == "verify" else [table])), DAMAGES[damage])


@pytest.mark.parametrize("command", ["verify", "resume"])
def test_a_folder_that_is_no_run(command: str, tmp_path: Path, lamina_: Lamina) -> None:
    assert_refused(lamina_(command, tmp_path), ["is not a"])


def test_a_missing_column_is_named(run: Path, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    pl.read_csv(table).drop("colour").write_csv(tmp_path / "narrow.csv")
    done = lamina_("predict", run, tmp_path / "narrow.csv", "--out", tmp_path / "out.csv")
    assert_refused(done, ["colour"])
    assert not (tmp_path / "out.csv").exists()


def test_rows_that_go_wrong_late_leave_no_file(run: Path, tmp_path: Path, lamina_: Lamina) -> None:
    data = make_table(70_000).with_columns(pl.col("size").cast(pl.String))
    data[69_000, "size"] = "big"
    data.write_csv(tmp_path / "late.csv")
    assert_refused(lamina_("predict", run, tmp_path / "late.csv", "--out", tmp_path / "out.csv"), ["69000", "'big'"])
    assert [path.name for path in tmp_path.iterdir()] == ["late.csv"]


# --- a full disk


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A folder on a disk of its own that holds so much; skips the test where one may not mount it."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs to mount a small disk")
@pytest.mark.parametrize("size", ["12k", "100k", "800k"])
def test_a_full_disk(size: str, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        done = lamina_(
            "train", table, "--target", "ripe", "--budget", "10steps", "--baselines", "none", "--out", disk / "run"
        )
        assert_refused(done, ["no space left on device"])
        assert list(disk.iterdir()) == []


def test_a_full_disk_in_prediction(run: Path, tmp_path: Path, lamina_: Lamina) -> None:
    make_table(5000).write_csv(tmp_path / "many.csv")
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "out.csv").write_text("the old one")
        done = lamina_("predict", run, tmp_path / "many.csv", "--out", disk / "out.csv")
        assert_refused(done, ["no space left on device"])
        assert [path.name for path in disk.iterdir()] == ["out.csv"]
        assert (disk / "out.csv").read_text() == "the old one"


def test_a_disk_that_fails(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lamina_: Lamina) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = lamina_("train", table, "--target", "ripe", *QUICK, "--out", tmp_path / "run")
    assert_refused(done, ["no space left on device"])
    assert list(tmp_path.iterdir()) == []
