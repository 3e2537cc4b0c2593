"""How fast Lamina starts, and how many packages it asks for.

    python benchmarks/start.py

The median of 15 processes each, from their start to their end, with files in the cache: what is timed is Python, the
imports and the page of help. Beside them stands a Python that does nothing.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from results import ROOT, append

RUNS = 15
IMPORT = "import lamina"
TORCH = "import sys; import lamina; print(int('torch' in sys.modules))"


def seconds(command: list[str], runs: int) -> float:
    """The median time of a command; it must succeed."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed · got {done.stderr.strip().splitlines()[-1:]}")
    return statistics.median(times[1:])  # the first fills the cache


def dependencies() -> list[str]:
    """Names of the packages that the core asks for itself, torch left out."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in named]
    return [name for name in names if name != "torch"]


def main() -> None:
    """Measure, and write one row."""
    parser = argparse.ArgumentParser(description="How fast Lamina starts, and how many packages it asks for.")
    parser.add_argument("--quick", action="store_true", help="two runs; held against no bar")
    given = parser.parse_args()
    runs = 2 if given.quick else RUNS
    start = time.perf_counter()
    script = Path(sys.executable).with_name("lamina")
    if not script.exists():
        raise SystemExit(f"there is no {script.name} beside {sys.executable} · install the project: pip install -e .")
    metrics = {
        "help_seconds": seconds([str(script), "--help"], runs),
        "import_seconds": seconds([sys.executable, "-c", IMPORT], runs),
        "python_seconds": seconds([sys.executable, "-c", "pass"], runs),
        "torch_imported": int(subprocess.run([sys.executable, "-c", TORCH], capture_output=True, check=True).stdout),
        "dependencies": len(dependencies()),
    }
    append(
        "start", metrics, seconds=time.perf_counter() - start, trial=given.quick,
        settings={"runs": runs}, dependencies=dependencies(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
