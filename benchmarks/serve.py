"""A served model beside FastAPI: one row of adult a question, 16 clients that keep their connections.

    benchmarks/peers/setup.sh fastapi litserve    makes the peers' environments, once
    python benchmarks/serve.py                    five rounds, some three minutes
    python benchmarks/serve.py --quick            one short round, held against no bar

A network is trained on adult's training rows for half a minute and exported. Lamina serves the bundle: it gets rows
as they stand in the table, and reads and encodes them. The peers get arrays that are encoded already, run the same
graph by onnxruntime, and give its numbers back: FastAPI with httptools and uvloop, LitServe where its environment is
there. Beside them stand FastAPI with the bundle, and FastAPI that does nothing. All give the same probabilities, which
is looked at first.

The clients are one process of their own, a plain protocol on uvloop that sends the next question when the answer has
come. Where there are two cores, servers have the first and the clients the second. Rounds turn the order of the
servers; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from results import ROOT, append

HERE = Path(__file__).resolve().parent
TRAIN = ROOT.parent / "shared" / "data" / "adult" / "train.csv.gz"
CLIENTS = 16
PATIENCE = 60  # seconds until a server answers


class Peer(NamedTuple):
    """One server.

    Attributes:
        command: what runs it; the port comes last.
        path: the address that is asked.
        body: what is asked.
    """

    command: list[str]
    path: str
    body: bytes


class Rate(NamedTuple):
    """What the clients saw: answers a second, and the milliseconds that 99 of 100 took at most."""

    per_second: float
    p99: float


# --- the clients, a process of their own ----------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """Sends the next question when the answer has come."""

    def __init__(self, question: bytes, until: float, times: list[float]) -> None:
        self.question, self.until, self.times = question, until, times
        self.got = b""

    def connection_made(self, transport: Any) -> None:
        """Ask for the first time."""
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.question)

    def data_received(self, data: bytes) -> None:
        """Count an answer when it is whole."""
        self.got += data
        head = self.got.find(b"\r\n\r\n")
        if head < 0:
            return
        place = self.got.lower().find(b"content-length: ") + 16
        if len(self.got) < head + 4 + int(self.got[place : self.got.find(b"\r", place)]):
            return
        if not self.got.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"a server answered {self.got[:200]!r}")
        self.got = b""
        now = time.perf_counter()
        self.times.append(now - self.began)
        if now < self.until:
            self._ask()
        else:
            self.transport.close()


async def ask_all(port: int, question: bytes, seconds: float) -> list[float]:
    """The seconds of each answer that the clients got."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    for _ in range(CLIENTS):
        await loop.create_connection(lambda: Client(question, until, times), "127.0.0.1", port)
    await asyncio.sleep(seconds + 0.5)
    return times


def clients(port: int, path: str, seconds: float) -> None:
    """Ask what stands on standard input, and print a line of JSON."""
    import uvloop

    body = sys.stdin.buffer.read()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    question = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        times = sorted(runner.run(ask_all(port, question, seconds)))
    print(json.dumps({"per_second": len(times) / seconds, "p99": 1000 * times[int(0.99 * len(times))]}))


# --- the servers ----------------------------------------------------------------------------------------------------


def made(folder: Path, budget: str) -> Path:
    """A bundle of a network that has learned adult's training rows."""
    import lamina

    out = folder / "run"
    lamina.train(TRAIN, "income", budget=budget, baselines=["constant"], out=out)
    bundle = folder / "adult.lamina"
    lamina.load(out).export(bundle, name="adult")
    return bundle


def peers(bundle: Path, folder: Path) -> dict[str, Peer]:
    """All servers of this benchmark; those whose environment is not there are left out, and said."""
    from lamina import runtime

    opened = runtime.load(bundle)
    row = pl.read_csv(TRAIN, n_rows=1).to_dicts()[0]
    row = {name: row[name] for name in opened.inputs}
    arrays = {name: array[0].tolist() for name, array in opened.arrays([row]).items()}
    with zipfile.ZipFile(bundle) as archive:
        graph = next(name for name in archive.namelist() if name.endswith(".onnx"))
        (folder / "graph.onnx").write_bytes(archive.read(graph))
    rows, encoded = json.dumps({"instances": [row]}).encode(), json.dumps(arrays).encode()
    ours = [sys.executable, "-m", "lamina", "serve", f"adult={bundle}"]
    plain = [str(HERE / "peers" / "fastapi_server.py"), str(folder / "graph.onnx")]
    predict = "/v1/models/adult:predict"
    found = {
        "lamina": Peer([*ours, "--port"], predict, rows),
        "lamina_two": Peer([*ours, "--workers", "2", "--port"], predict, rows),
        "fastapi": Peer([python("fastapi"), *plain], "/graph", encoded),
        "fastapi_bundle": Peer([sys.executable, plain[0], str(bundle)], "/bundle", rows),
        "fastapi_nothing": Peer([python("fastapi"), *plain], "/nothing", rows),
    }
    if environment("litserve").exists():
        script = str(HERE / "peers" / "litserve_server.py")
        found["litserve"] = Peer([python("litserve"), script, str(folder / "graph.onnx")], "/predict", encoded)
    else:
        print("LitServe's environment is not there: benchmarks/peers/setup.sh litserve", file=sys.stderr)
    return found


def environment(peer: str) -> Path:
    """Where ``peers/setup.sh`` puts an environment."""
    return Path(os.environ.get("LAMINA_PEERS") or Path(tempfile.gettempdir()) / "lamina-peers") / peer


def python(peer: str) -> str:
    """The interpreter of a peer; ours where it has no environment, and ours has its packages."""
    theirs = environment(peer) / "bin" / "python"
    return str(theirs) if theirs.exists() else sys.executable


@contextlib.contextmanager
def served(peer: Peer, port: int, cores: set[int]) -> Iterator[dict[str, Any]]:
    """A server that answers, and what it answers."""

    def stay() -> None:
        os.sched_setaffinity(0, cores)

    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*peer.command, str(port)], env=variables, preexec_fn=stay, stdout=subprocess.DEVNULL
    ) as server:
        try:
            yield answered(peer, port)
        finally:
            server.terminate()


def answered(peer: Peer, port: int) -> dict[str, Any]:
    """What a server answers, once it does."""
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{peer.path}", peer.body, headers)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=5) as got:
                return json.loads(got.read())
        except OSError as error:
            if time.monotonic() > until:
                raise SystemExit(f"a server does not answer · got {error} of {peer.command}") from None
            time.sleep(0.2)


def rate(peer: Peer, port: int, seconds: float, cores: set[int]) -> Rate:
    """What the clients see of a server; the first second counts for nothing."""
    command = [sys.executable, __file__, "--clients", str(port), "--path", peer.path, "--seconds"]
    for took in (min(1.0, seconds), seconds):
        done = subprocess.run(
            [*command, str(took)], input=peer.body, capture_output=True, check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
    return Rate(**json.loads(done.stdout))


def probabilities(said: Any) -> list[float]:
    """The numbers of an answer, whatever its form."""
    if isinstance(said, dict):
        said = list(said.values())
    if isinstance(said, list):
        return [value for inner in said for value in probabilities(inner)]
    return [said] if isinstance(said, float) else []


def main() -> None:
    """Measure each server, and hold the ratios against the bars."""
    parser = argparse.ArgumentParser(description="A served model beside FastAPI.")
    parser.add_argument("--quick", action="store_true", help="one short round; held against no bar")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bundle", type=Path, help="a bundle of adult, instead of training one")
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each server in each round")
    given = parser.parse_args()
    if given.clients:
        clients(given.clients, given.path, given.seconds)
        return
    began = time.perf_counter()
    rounds, seconds = (1, 1.0) if given.quick else (given.rounds, given.seconds)
    cores = sorted(os.sched_getaffinity(0))
    theirs, others = {cores[0]}, {cores[-1]}
    seen: dict[str, list[Rate]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle = given.bundle or made(folder, "2s" if given.quick else "30s")
        found = peers(bundle, folder)
        wanted: float | None = None
        for turn in range(rounds):
            names = list(found)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                peer, port = found[name], 8700 + list(found).index(name)
                own = set(cores) if name == "lamina_two" else theirs
                with served(peer, port, own) as said:
                    if name != "fastapi_nothing":
                        last = probabilities(said)[-1]
                        wanted = last if wanted is None else wanted
                        if abs(last - wanted) > 1e-4:
                            raise SystemExit(f"{name} answers otherwise · got {said}")
                    seen.setdefault(name, []).append(rate(peer, port, seconds, set(cores) if own != theirs else others))

    def ratio(one: str, other: str, part: str) -> float:
        pairs = zip(seen[one], seen[other], strict=True)
        return statistics.median(getattr(a, part) / getattr(b, part) for a, b in pairs)

    metrics = {
        "to_fastapi": ratio("lamina", "fastapi", "per_second"),
        "p99_to_fastapi": ratio("lamina", "fastapi", "p99"),
        "to_fastapi_bundle": ratio("lamina", "fastapi_bundle", "per_second"),
        "two_to_one": ratio("lamina_two", "lamina", "per_second"),
    }
    if "litserve" in seen:
        metrics["to_litserve"] = ratio("lamina", "litserve", "per_second")
    for name, rates in seen.items():
        metrics[f"{name}_per_second"] = statistics.median(one.per_second for one in rates)
        metrics[f"{name}_p99_ms"] = statistics.median(one.p99 for one in rates)
    append(
        "serve", metrics, seconds=time.perf_counter() - began, trial=given.quick,
        settings={"clients": CLIENTS, "rounds": rounds, "seconds": seconds, "cores": len(cores)},
        rounds=[{name: rates[turn]._asdict() for name, rates in seen.items()} for turn in range(rounds)],
    )  # fmt: skip


if __name__ == "__main__":
    main()
