"""Measured rows: one JSON line each, with everything that is needed to measure them again."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bars import judge

__all__ = ["RESULTS", "ROOT", "append", "latest", "machine"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("lamina", "torch", "numpy", "polars", "pyarrow", "scikit-learn")


def append(
    what: str,
    metrics: Mapping[str, float],
    *,
    seconds: float,
    settings: Mapping[str, Any],
    trial: bool = False,
    measured_bars: Mapping[str, float] | None = None,
    versions: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Write one measured row to ``results/<what>.jsonl`` and print it.

    Args:
        what: the benchmark or data set.
        metrics: figure by name.
        seconds: how long measuring took.
        settings: what was set, beside the defaults.
        trial: not measured as the bar says, such as with a longer budget: it is held against no bar, and not reported.
        measured_bars: bars that were measured in the same run, by the metric's name.
        versions: of packages beside Lamina's own.
        more: anything else that helps to read the row, such as ``fold`` or ``rows``. A row of one fold is held
            against no bar either: the bars are for the mean.

    Returns:
        The row.
    """
    counts = not trial and more.get("fold") in (None, "mean")
    row = {
        "what": what,
        **more,
        "metrics": dict(metrics),
        "bars": judge(what, metrics, measured_bars or {}) if counts else {},
        "seconds": round(seconds, 2),
        "settings": dict(settings),
        "trial": trial,
        "versions": {**_versions(), **(versions or {})},
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "command": _command(),
    }
    RESULTS.mkdir(exist_ok=True)
    line = json.dumps(row, allow_nan=False)
    with (RESULTS / f"{what}.jsonl").open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)
    return row


def latest() -> dict[tuple[str, str], dict[str, Any]]:
    """(benchmark, metric) -> the newest row in which it was held against its bar."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(RESULTS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            found |= {(row["what"], metric): row for metric in row["bars"]}
    return found


def machine() -> str:
    """The machine in words: processor, cores, memory, system. No names of hosts."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _commit() -> str:
    """The commit that was measured; ``+`` says that the sources were changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "benchmarks")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _command() -> str:
    """The command as a person in the repository's root would type it."""
    script = Path(sys.argv[0]).resolve()
    name = script.relative_to(ROOT) if script.is_relative_to(ROOT) else script.name
    return shlex.join(["python", str(name), *sys.argv[1:]])
