from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pictures import packed, photo

from lamina.codecs.picture import Form
from lamina.errors import DataError
from lamina.features import image, workers
from lamina.features.image import Image
from lamina.features.workers import Workers, attempts

FORM = Form(5, 6, 3, "pad", 255, (1.5, 2.0, 250.0))


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """Pictures of some kinds and sizes, and files that are none."""
    files = [packed(photo(5, 6, seed=seed), kind) for seed, kind in enumerate(["PNG", "JPEG", "BMP"])]
    files += [packed(photo(9, 4, 1)), packed(photo(40, 30), "JPEG")[:-200], b"", b"name,age"]
    for place, content in enumerate(files):
        (tmp_path / f"{place}.é").write_bytes(content)
    return [*(str(tmp_path / f"{place}.é") for place in range(len(files))), str(tmp_path / "gone"), str(tmp_path)] * 2


@pytest.fixture
def started() -> Iterator[Workers]:
    """Two workers that are ready."""
    pool = Workers()
    assert pool.decode([], FORM, 2) == []
    wait_for(lambda: all(worker.is_ready() for worker in pool._workers))
    yield pool
    pool.end()


def wait_for(what: Any) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def same(found: Any, wanted: Any) -> bool:
    return len(found) == len(wanted) and all(
        str(one) == str(other) if isinstance(other, DataError) else (one == other).all() and one.dtype == other.dtype
        for one, other in zip(found, wanted, strict=True)
    )


def test_workers_give_what_this_process_gives(started: Workers, names: list[str]) -> None:
    wanted = attempts(names, FORM)
    assert sum(isinstance(one, np.ndarray) for one in wanted) == 8
    assert same(started.decode(names, FORM, 2), wanted)
    grey = Form(4, 4, 1, "crop", 255, [0.0])
    for some in (names[:1], names[:4], []):
        assert same(started.decode(some, grey, 2), attempts(some, grey))
    assert len(started._workers) == 2


def test_this_process_decodes_until_they_have_started(names: list[str]) -> None:
    pool = Workers()
    assert same(pool.decode(names, FORM, 1), attempts(names, FORM))
    pool.end()
    assert pool._workers == []


def test_one_that_is_killed_is_stood_in_for_and_replaced(started: Workers, names: list[str]) -> None:
    first = started._workers[0]._process
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: first.returncode is not None)
    assert same(started.decode(names, FORM, 2), attempts(names, FORM))
    assert started._workers == []
    assert same(started.decode(names, FORM, 2), attempts(names, FORM)) and len(started._workers) == 2


def test_an_interruption_ends_them(started: Workers, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    processes = [worker._process for worker in started._workers]
    for process in processes:
        os.kill(process.pid, signal.SIGINT)  # as the terminal does; they leave it to this process
    with monkeypatch.context() as patched:
        patched.setattr(workers, "attempts", interrupted)
        with pytest.raises(KeyboardInterrupt):
            started.decode(names, FORM, 2)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2
    assert same(started.decode(names, FORM, 2), attempts(names, FORM))


def test_an_idle_one_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    program = workers.PROGRAM.replace("serve()", "import lamina.features.workers as w; w.IDLE = 0.01; serve()")
    monkeypatch.setattr(workers, "PROGRAM", program)
    pool = Workers()
    pool.decode([], FORM, 1)
    wait_for(lambda: pool._workers[0]._process.returncode == 0)
    pool.end()


@pytest.mark.parametrize("program", ["raise SystemExit", "import sys; sys.stdin.readline()"])
def test_what_cannot_start_is_not_started_again(
    names: list[str], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(workers, "PROGRAM", program)
    pool = Workers()
    pool.decode([], FORM, 1)
    pool._workers[0]._to.close() if "stdin" in program else None
    wait_for(lambda: pool._workers[0]._process.returncode is not None)
    assert same(pool.decode(names, FORM, 1), attempts(names, FORM))
    assert pool.decode(names, FORM, 1) is None


@pytest.mark.parametrize("program", ["", "no_such_folder/python3", "some_program"])
def test_without_a_python_to_start_there_are_none(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    pool = Workers()
    assert pool.decode([], FORM, 1) in (None, [])
    assert pool.decode([], FORM, 1) is None


def test_one_question_at_a_time(started: Workers) -> None:
    with started._lock:
        assert started.decode([], FORM, 2) is None
    assert started.decode([], FORM, 2) == []


def test_many_names_of_small_pictures_are_shared(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shared = []

    class Watched(Workers):
        def decode(self, names: Any, form: Form, count: int) -> Any:
            shared.append((len(names), count))
            return None if count == 3 else super().decode(names, form, count)

    pool = Watched()
    monkeypatch.setattr(image, "WORKERS", pool)
    cells = pl.Series("photo", [None, *names, None])
    feature = Image("photo").fit(cells)
    faults: list[dict[int, str]] = [{}, {}]
    wanted = feature.encode(cells, faults[0])["image"]
    monkeypatch.setattr(image, "MANY", 10)
    monkeypatch.setattr(image, "threads", lambda: 2)
    found = feature.encode(cells, faults[1])["image"]
    assert (found.ends == wanted.ends).all() and (found.values == wanted.values).all() and faults[0] == faults[1]
    assert len(faults[0]) == 10 and len(found.values) == 8
    monkeypatch.setattr(image, "threads", lambda: 4)
    assert (feature.encode(cells, {})["image"].values == found.values).all(), "threads where there are no workers"
    assert shared == [(18, 1), (18, 3)]
    monkeypatch.setattr(image, "SMALL", 30)
    feature.encode(cells, {})
    feature.encode(cells.cast(pl.Binary), {})
    assert len(shared) == 2
    pool.end()


def test_nothing_is_left_of_a_program_that_has_ended() -> None:
    code = (
        "from lamina.features.workers import *; from lamina.codecs.picture import Form\n"
        "pool = Workers(); pool.decode([], Form(1, 1, 1, 'pad', 255, [0.0]), 1)\n"
        "print(pool._workers[0]._process.pid)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
