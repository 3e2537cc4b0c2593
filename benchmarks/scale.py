"""Memory and time of training as the table grows: 0.2, 2 and 20 million rows of 20 columns in Parquet.

    python benchmarks/scale.py                    all three; some 4 GB of disk for a while
    python benchmarks/scale.py --rows 0.2 2       millions of rows
    python benchmarks/scale.py --quick            20,000 and 200,000 rows, held against no bar

Each table is trained on for one epoch by ``lamina.train`` in a process of its own, with nothing but the model named and
the baselines left out. Its peak is what the kernel says of that process (VmHWM), pages of mapped files included. The
phases are told by when the files of the run were last written: plan.json after encoding, the weights after training.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results import append

MILLION = 1_000_000
CHUNK = 250_000  # rows made and written at once, one row group
KINDS = (3, 12, 40, 200, 1000)  # different values of the columns of words
START = np.datetime64("2020-01-01", "s")
SETTINGS: dict[str, Any] = {"model": "mlp", "budget": "1epochs", "baselines": "none"}


def tables(rows: int) -> Iterator[pa.Table]:
    """A table of 20 columns piece by piece; the same rows for the same number.

    Ten numbers (two whole, two with 5% missing), five columns of words, two booleans, two dates, and a target of yes
    and no that hangs on some of them.
    """
    names = [pa.array([f"word {place}" for place in range(kinds)]) for kinds in KINDS]
    for place, start in enumerate(range(0, rows, CHUNK)):
        count = min(CHUNK, rows - start)
        random = np.random.default_rng([rows, place])
        columns: dict[str, Any] = {f"number{k}": random.normal(size=count).round(3).astype("f4") for k in range(6)}
        for k in (6, 7):
            gaps = random.random(count) < 0.05
            columns[f"number{k}"] = pa.array(random.gamma(2.0, size=count).round(3).astype("f4"), mask=gaps)
        columns["whole0"] = random.poisson(30, count).astype("i4")
        columns["whole1"] = random.integers(0, 1_000_000, count).astype("i4")
        codes = [random.zipf(1.3, count) % kinds for kinds in KINDS]
        for k, code in enumerate(codes):
            columns[f"word{k}"] = pa.DictionaryArray.from_arrays(pa.array(code.astype("i4")), names[k]).cast(
                pa.string()
            )
        columns["flag0"], columns["flag1"] = random.random(count) < 0.5, random.random(count) < 0.1
        seconds = START + random.integers(0, 4 * 365 * 86_400, count).astype("timedelta64[s]")
        columns["day"], columns["moment"] = pa.array(seconds.astype("M8[D]")), pa.array(seconds)
        pull = columns["number0"] + columns["number1"] * columns["flag0"] + (codes[1] % 3) - 1.0
        columns["target"] = np.where(pull + random.logistic(size=count) > 0, "yes", "no")
        yield pa.table(columns)


def write(path: Path, rows: int) -> None:
    """Write the table; no more than a chunk of it is ever in memory."""
    with pq.ParquetWriter(path, next(tables(1)).schema) as writer:
        for table in tables(rows):
            writer.write_table(table)


def measure(path: Path, out: Path) -> dict[str, float]:
    """Train in another process: peak in bytes, and seconds of each phase."""
    start = time.time()
    command = [sys.executable, __file__, "--train", str(path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    end = time.time()
    if done.returncode:
        raise SystemExit(f"training failed · got {done.stderr.strip().splitlines()[-1:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    prepared, trained = ((out / name).stat().st_mtime for name in ("plan.json", "weights.safetensors"))
    return {
        "import_seconds": told["began"] - start,
        "prepare_seconds": prepared - told["began"],
        "train_seconds": trained - prepared,
        "judge_seconds": told["ended"] - trained,
        "work_seconds": told["ended"] - told["began"],
        "exit_seconds": end - told["ended"],
        "peak_gib": told["peak"] / 2**30,
    }


def train(path: str, out: str) -> None:
    """What the other process does; it prints one JSON line."""
    import lamina  # not at the top: the process that makes the tables needs none of it

    learn = lamina.train  # by asking for it, everything that it needs is imported
    began = time.time()
    learn(path, "target", out=out, **SETTINGS)
    print(json.dumps({"began": began, "ended": time.time(), "peak": peak()}))


def peak() -> int:
    """The most bytes of this process that were in memory at once."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says may stem from the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure each size, then hold the largest and the growth against the bars."""
    parser = argparse.ArgumentParser(description="Memory and time of training as the table grows.")
    parser.add_argument("--rows", nargs="+", type=float, default=[0.2, 2, 20], metavar="MILLIONS")
    parser.add_argument("--folder", type=Path, help="where tables and runs lie for a while; default: temporary files")
    parser.add_argument("--quick", action="store_true", help="0.02 and 0.2 million rows; held against no bar")
    parser.add_argument("--train", nargs=2, metavar=("TABLE", "RUN"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        train(*given.train)
        return
    sizes = [0.02, 0.2] if given.quick else sorted(given.rows)
    whole = not given.quick and sizes == [0.2, 2, 20]
    began, found = time.perf_counter(), {}
    for millions in sizes:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            path = Path(folder) / "table.parquet"
            write(path, round(millions * MILLION))
            size = path.stat().st_size
            found[millions] = measure(path, Path(folder) / "run")
        each = found[millions]
        each["seconds_per_million"] = each["work_seconds"] / millions
        print(
            f"{millions:g} million rows, {size / 2**20:,.0f} MiB of Parquet: peak {each['peak_gib']:.2f} GiB, "
            f"prepare {each['prepare_seconds']:.1f} s, train {each['train_seconds']:.1f} s, "
            f"judge {each['judge_seconds']:.1f} s, {each['seconds_per_million']:.1f} s a million rows",
            file=sys.stderr,
        )
    growth = [found[more]["seconds_per_million"] / found[few]["seconds_per_million"] for few, more in
              itertools.pairwise(sizes)]  # fmt: skip
    metrics = {"peak_gib": found[sizes[-1]]["peak_gib"], "growth": max(growth, default=1.0)}
    append(
        "scale", metrics, seconds=time.perf_counter() - began, trial=not whole, settings=SETTINGS,
        sizes={f"{millions:g}": {name: round(value, 3) for name, value in each.items()}
               for millions, each in found.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main()
