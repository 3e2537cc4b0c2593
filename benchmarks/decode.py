"""Decoding 20,000 small JPEG files into the store, against plain Pillow on the same cores.

    python benchmarks/decode.py                   the 20,000 files of cifar10, three rounds
    python benchmarks/decode.py --quick           2,000 of them, held against no bar

The files lie unpacked in a folder, warm in memory. Lamina encodes them as training does: in pieces of 1,024 rows, with
a reason for each that cannot be read, hashed and synced to the disk; the processes that help it are started in the
first round and stay. The plain ways open each file with Pillow, in a thread for each core or in a process for each core
(which stand ready before the clock runs), and write the same pixels to files, not synced. Rounds alternate, the best of
each counts, and the faster plain way is the one to reach. ``lamina_first_per_second`` is the first round.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image as Pillow
from results import ROOT, append

from lamina.data.prepare import WIDE_ROWS
from lamina.data.store import Store, StoreWriter
from lamina.features.encoder import Encoder
from lamina.features.image import Image
from lamina.features.media import threads

ARCHIVE = ROOT.parent / "shared" / "data" / "cifar10" / "cifar10.zip"
PIECE = 250  # files in a task of a thread
SHAPE = (32, 32, 3)


def plain(names: list[str]) -> np.ndarray:
    """Some files as a person would read them, (files, height, width, 3) uint8."""
    pictures = []
    for name in names:
        with Pillow.open(name) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return np.stack(pictures)


def by_threads(names: list[str], folder: Path) -> np.ndarray:
    """All files by a thread for each core, written to one file."""
    pieces = [names[start : start + PIECE] for start in range(0, len(names), PIECE)]
    with ThreadPoolExecutor(threads()) as pool:
        pixels = np.concatenate(list(pool.map(plain, pieces)))
    pixels.tofile(folder / "pixels.bin")
    return pixels


def worker(listed: str) -> None:
    """A process of its own: for each folder that it is told, the pixels of its share of the files go there."""
    names = Path(listed).read_text().splitlines()
    plain(names[:1])
    print("ready", flush=True)
    for line in sys.stdin:
        plain(names).tofile(line.strip())
        print("done", flush=True)


class Processes:
    """A process for each core, each with its share of the files, ready before the clock runs."""

    def __init__(self, names: list[str], place: Path, count: int) -> None:
        self._workers = []
        for number, share in enumerate(np.array_split(names, count)):
            listed = place / f"{number}.txt"
            listed.write_text("\n".join(share))
            command = [sys.executable, __file__, "--worker", str(listed)]
            self._workers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        self._wait()

    def _wait(self) -> None:
        for each in self._workers:
            assert each.stdout is not None
            if not each.stdout.readline():
                raise SystemExit("a process of the plain way ended")

    def __call__(self, folder: Path) -> np.ndarray:
        files = [folder / f"{number}.bin" for number in range(len(self._workers))]
        for each, file in zip(self._workers, files, strict=True):
            assert each.stdin is not None
            print(file, file=each.stdin, flush=True)
        self._wait()
        return np.concatenate([np.fromfile(file, np.uint8) for file in files]).reshape(-1, *SHAPE)

    def close(self) -> None:
        """Let the processes end."""
        for each in self._workers:
            each.communicate()


def by_lamina(names: list[str], folder: Path) -> np.ndarray:
    """All files into a store, as training puts them there; what is learned from a sample of them included."""
    encoder = Encoder([Image("picture")], [])
    frame = encoder.read(pl.DataFrame({"picture": names}))
    encoder.partial_fit(frame).finish()
    with StoreWriter(folder / "store") as writer:
        for start in range(0, len(frame), WIDE_ROWS):
            piece = frame[start : start + WIDE_ROWS]
            arrays = encoder.encode(piece, {}, start)
            writer.append({**arrays, "row": np.arange(start, start + len(piece))})
    return np.asarray(Store(folder / "store").arrays["image000"].values)


def seconds(work: Callable[[Path], np.ndarray], wanted: np.ndarray, place: Path) -> float:
    """How long it takes, into an empty folder; what it gives is compared."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        began = time.perf_counter()
        found = work(Path(folder))
        took = time.perf_counter() - began
        if not np.array_equal(found, wanted):
            raise SystemExit("the pixels differ")
    return took


def main() -> None:
    """Measure each way, and hold the ratio against the bar."""
    parser = argparse.ArgumentParser(description="Decoding JPEG files into the store.")
    parser.add_argument("--quick", action="store_true", help="2,000 files, one round; held against no bar")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker)
        return
    began, cores, rounds = time.perf_counter(), threads(), 1 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(place)
        names = [str(path) for path in sorted(place.rglob("*.jpg"))][:: 10 if given.quick else 1]
        wanted = plain(names)
        processes = Processes(names, place, cores)
        ways: dict[str, Callable[[Path], np.ndarray]] = {
            "lamina": lambda folder: by_lamina(names, folder),
            "threads": lambda folder: by_threads(names, folder),
            "processes": processes,
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, work in ways.items():
                took[name].append(seconds(work, wanted, place))
        processes.close()
    rates = {f"{name}_per_second": round(len(names) / min(each)) for name, each in took.items()}
    rates["lamina_first_per_second"] = round(len(names) / took["lamina"][0])
    best = max(rates["threads_per_second"], rates["processes_per_second"])
    append(
        "decode", {"to_pillow": rates["lamina_per_second"] / best, **rates}, seconds=time.perf_counter() - began,
        trial=given.quick, settings={"files": len(names), "cores": cores, "rounds": rounds},
    )  # fmt: skip


if __name__ == "__main__":
    main()
