"""Lamina beside what a user would take instead, in one run: the epoch of a small network.

    benchmarks/peers/setup.sh                     makes the peers' environments, once
    python benchmarks/peers/run.py                all peers, some five minutes
    python benchmarks/peers/run.py skorch         some
    python benchmarks/peers/run.py --quick        to see that it works

Everyone trains the same network on the same arrays (``../net.py``) in a process and an environment of its own, by the
front door of the library, on as many threads: the number at which the hand-written loop is fastest.
No rows are held back and nothing is logged. Peers use AdamW as they come with it; ``--fused`` asks for PyTorch's fused
one in those that can. Rounds turn the order; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # what the benchmarks share lies one folder up

from epoch import best_threads, ratio  # noqa: E402
from net import adult_arrays, save_arrays  # noqa: E402
from results import append  # noqa: E402

PEERS = {
    "skorch": ("skorch", "skorch_loop.py", {}),
    "lightning": ("lightning", "lightning_loop.py", {}),
    "fastai": ("fastai", "fastai_loop.py", {}),
    "keras_torch": ("keras", "keras_loop.py", {"KERAS_BACKEND": "torch"}),
    "keras_jax": ("keras", "keras_loop.py", {"KERAS_BACKEND": "jax"}),
}
OURS = {"lamina": [str(HERE.parent / "epoch.py"), "--lamina"], "hand": [str(HERE.parent / "net.py")]}


def environments() -> Path:
    """Where setup.sh puts the environments."""
    return Path(os.environ.get("LAMINA_PEERS") or Path(tempfile.gettempdir()) / "lamina-peers")


def ask(name: str, data: Path, epochs: int, threads: int, fused: bool) -> dict[str, Any]:
    """Run one program to its end, and read the JSON line that it prints last."""
    # NPROC is what JAX takes its threads from; it has no setting for them.
    variables = {**os.environ, "OMP_NUM_THREADS": str(threads), "NPROC": str(threads)}
    if name in OURS:
        script, *options = OURS[name]
        command = [sys.executable, script, *options, str(data)]
    else:
        environment, script, more = PEERS[name]
        command = [str(environments() / environment / "bin" / "python"), str(HERE / script), str(data)]
        command += ["--fused"] if fused else []
        variables |= more
    command += ["--epochs", str(epochs), "--threads", str(threads)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed · got {done.stderr.strip().splitlines()[-1:]} · try {' '.join(command)}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def compare(names: list[str], data: Path, rounds: int, epochs: int, threads: int, fused: bool) -> dict[str, Any]:
    """Seconds of an epoch in each round and versions: name -> {"seconds": (rounds,), "versions": ...}."""
    found: dict[str, Any] = {name: {"seconds": [], "versions": {}} for name in names}
    for place in range(rounds):
        # A b c, then c b a, and each next pair begins with another: first and last are no one's for long.
        turn = place // 2 % len(names)
        order = [*names[turn:], *names[:turn]]
        for name in order if place % 2 == 0 else reversed(order):
            told = ask(name, data, epochs, threads, fused)
            found[name]["seconds"].append(told["seconds"])
            found[name]["versions"] = told.get("versions", {})
    return found


def main() -> None:
    """Compare with the peers that are named."""
    parser = argparse.ArgumentParser(description="The epoch of a small network, beside the peers.")
    parser.add_argument("names", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all that are set up if none")
    parser.add_argument("--rounds", type=int, default=6, help="even numbers balance the order (default 6)")
    parser.add_argument("--epochs", type=int, default=10, help="timed epochs in a round (default 10)")
    parser.add_argument("--threads", type=int, help="default: what is fastest for the hand-written loop")
    parser.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW for skorch, Lightning and fastai")
    parser.add_argument("--quick", action="store_true", help="one round of two epochs; held against no bar")
    given = parser.parse_args()
    for name in given.names:
        if name not in PEERS:
            parser.error(f"no such peer · got {name} · allowed: {', '.join(PEERS)}")
    peers = given.names or [
        name for name, (environment, _, _) in PEERS.items() if (environments() / environment).is_dir()
    ]
    missing = [name for name in peers if not (environments() / PEERS[name][0]).is_dir()]
    if missing or not peers:
        parser.error(f"no environment for {', '.join(missing or PEERS)} · make it with benchmarks/peers/setup.sh")
    rounds, epochs = (1, 2) if given.quick else (given.rounds, given.epochs)
    threads = given.threads or best_threads(*adult_arrays())
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        save_arrays(Path(folder) / "adult.npz")
        names = [*OURS, *peers]
        found = compare(names, Path(folder) / "adult.npz", rounds, epochs, threads, given.fused)
    times = {name: told["seconds"] for name, told in found.items()}
    metrics = {f"{name}_seconds": statistics.median(values) for name, values in times.items()}
    metrics |= {f"to_{name}": ratio(times["lamina"], times[name]) for name in names if name != "lamina"}
    versions = {name: number for told in found.values() for name, number in told["versions"].items()}
    versions = {name: number for name, number in versions.items() if name != "torch"}  # pinned to the same as ours
    append(
        "peers", metrics, seconds=time.perf_counter() - start, trial=given.quick, rounds=times, versions=versions,
        settings={"threads": threads, "fused": given.fused, "rounds": rounds, "epochs a round": epochs},
    )  # fmt: skip


if __name__ == "__main__":
    main()
