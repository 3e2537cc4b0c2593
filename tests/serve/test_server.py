"""The server as processes: it answers to the end, opens models again, works in several, and bears too much."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import UsageError
from lamina.serve import App, Models, ServeSettings, Source
from lamina.serve.metrics import Metrics
from lamina.serve.sockets import close_door, listen
from lamina.serve.workers import ME
from serve.fakes import Fruit, app_of, ask, over, rows_of, served

PREDICT = "/v1/models/fruit:predict"

# A program that serves fruits; what the bound between ripe ones and others is stands in a file.
PROGRAM = """
import sys
from lamina.serve import ServeSettings, Source, serve
from lamina.serve.workers import Worker, supervise
from serve.fakes import Fruit

path, workers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
settings = ServeSettings(port=0, workers=workers, drain=20)

def opened():
    with open(path) as file:
        return Fruit(float(file.read()), seconds)

def ready(address):
    print(address, flush=True)

if workers > 1 and Worker.mine() is None:
    supervise([sys.executable, *sys.argv], settings, ["fruit"], ready)
else:
    serve([Source("fruit", 1, opened)], settings, ready)
"""


class Program:
    """The program as a process, and questions to it."""

    def __init__(self, folder: Path, workers: int = 1, seconds: float = 0.0) -> None:
        self.bound = folder / "bound.txt"
        self.bound.write_text("0.5")
        script = folder / "program.py"
        script.write_text(PROGRAM)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(self.bound), str(workers), str(seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ripe(self, size: float = 1.0) -> str:
        with contextlib.closing(self.connect()) as connection:
            return over(connection, PREDICT, rows_of(size)).json["predictions"][0]["ripe"]

    def ended(self) -> tuple[int, str]:
        """The exit code and what stood on standard error, once it has ended."""
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextlib.contextmanager
def program(folder: Path, **more: Any) -> Iterator[Program]:
    """The program, killed in the end where it has not ended."""
    made = Program(folder, **more)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
        made.process.communicate()


def asking(server: Program, stop: threading.Event, found: list[Any]) -> None:
    """Ask over one connection after the other as long as there is a server; what came, or what went wrong."""
    connection = server.connect()
    while not stop.is_set():
        try:
            got = over(connection, PREDICT, rows_of(1, 2))
            found.append((got.status, tuple(one["ripe"] for one in got.json["predictions"])))
        except ConnectionRefusedError:
            return  # it has ended
        except (http.client.HTTPException, OSError, ValueError, KeyError) as error:
            found.append(error)
            connection.close()
    connection.close()


def ask_all_the_time(server: Program, clients: int) -> tuple[threading.Event, list[threading.Thread], list[Any]]:
    stop, found = threading.Event(), []
    threads = [threading.Thread(target=asking, args=(server, stop, found)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    return stop, threads, found


@pytest.mark.parametrize("workers", [1, 2])
def test_when_told_to_end_it_answers_what_it_was_asked(workers: int, tmp_path: Path) -> None:
    with program(tmp_path, workers=workers, seconds=0.02) as server:
        stop, threads, found = ask_all_the_time(server, 4)
        while len(found) < 20 and server.process.poll() is None:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        code, said = server.ended()
        stop.set()
        for thread in threads:
            thread.join()
    assert code == 0, said
    assert len(found) >= 20 and set(found) == {(200, ("yes", "yes"))}, set(map(str, found))
    assert said.count('"what": "ending"') == workers


def test_models_are_changed_for_others_while_questions_come(tmp_path: Path) -> None:
    with program(tmp_path) as server:
        stop, threads, found = ask_all_the_time(server, 3)
        for bound in (1.5, 0.5) * 5:
            server.bound.write_text(str(bound))
            server.process.send_signal(signal.SIGHUP)
            wanted = "no" if bound == 1.5 else "yes"
            for _ in range(500):
                if server.ripe() == wanted:
                    break
                time.sleep(0.02)
            assert server.ripe() == wanted
        server.bound.write_text("no number")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert server.ripe() == "yes"  # the last that could be opened
        stop.set()
        for thread in threads:
            thread.join()
        server.process.send_signal(signal.SIGTERM)
        code, said = server.ended()
    assert code == 0 and said.count('"what": "reload"') == 11
    assert "fruit version 1 stays as it was: could not convert" in said
    # 1 is ripe by one bound, 2 by both: no answer comes of two models.
    assert set(found) == {(200, ("yes", "yes")), (200, ("no", "yes"))}, set(map(str, found))


def test_several_processes_share_an_address_and_count_together(tmp_path: Path) -> None:
    with program(tmp_path, workers=2) as server:
        for _ in range(30):
            assert server.ripe() == "yes"
        with contextlib.closing(server.connect()) as connection:
            text = over(connection, "/metrics").body.decode()
        assert re.search(r'lamina_requests_total\{model="fruit",status="200"\} 30\n', text)
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        if not children.exists():
            return
        first, second = children.read_text().split()
        assert ME.encode() in Path(f"/proc/{first}/environ").read_bytes()
        os.kill(int(first), signal.SIGKILL)
        for _ in range(200):
            now = children.read_text().split()
            if len(now) == 2 and now != [first, second]:
                break
            time.sleep(0.05)
        assert second in now and first not in now  # another was started in its place
        server.process.kill()  # the others notice
        for _ in range(300):
            if not any(Path(f"/proc/{one}").exists() for one in now):
                break
            time.sleep(0.05)
        assert not any(Path(f"/proc/{one}").exists() for one in now)


def test_a_process_that_cannot_begin_ends_the_service(tmp_path: Path) -> None:
    (tmp_path / "bound.txt").write_text("no number")
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "bound.txt"), "2", "0"],
        capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and done.stdout == ""
    assert "a process of the service ended before it could be asked" in done.stderr


def test_ten_times_too_much_is_borne() -> None:
    app = app_of(Fruit(seconds=0.02), queue=20, batch=5, deadline=0.5)

    late = 0.0  # by which this process was at most held up

    async def tick() -> None:
        nonlocal late
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            late = max(late, time.perf_counter() - began - 0.01)

    async def main() -> list[tuple[int, float, Any]]:
        ticking = asyncio.create_task(tick())

        async def one() -> tuple[int, float, Any]:
            began = time.perf_counter()
            got = await ask(app, PREDICT, rows_of(1))
            return got.status, time.perf_counter() - began, got.headers.get("retry-after")

        tasks = []
        for _ in range(40):  # 50 rows in 20 ms, of which it can do 5
            tasks += [asyncio.create_task(one()) for _ in range(50)]
            await asyncio.sleep(0.02)
        assert app.models.first().batcher.waiting <= 20
        found = list(await asyncio.gather(*tasks))
        ticking.cancel()
        return found

    found = asyncio.run(main())
    accepted = sorted(seconds for status, seconds, _ in found if status == 200)
    refused = [(status, again) for status, _, again in found if status != 200]
    assert len(accepted) >= 20 and len(refused) > 500
    assert {status for status, _ in refused} <= {429, 503} and all(int(again) >= 1 for _, again in refused)
    assert accepted[-1] <= 0.5 + 3 * late + 0.05


def test_a_connection_stays_open_and_questions_may_follow_at_once() -> None:
    with served(app_of()) as server, contextlib.closing(server.connect()) as connection:
        for _ in range(5):
            assert over(connection, PREDICT, rows_of(1)).status == 200
        sock = connection.sock
        assert sock is not None
        sock.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        got = b""
        while got.count(b"HTTP/1.1 200") < 3:
            got += sock.recv(65536)


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux")
def test_a_closed_door_keeps_those_in_the_queue_and_nobody_else() -> None:
    with listen(ServeSettings(port=0)) as sock:
        sock.listen(5)
        place = ("127.0.0.1", sock.getsockname()[1])
        with socket.create_connection(place, timeout=5) as early:
            early.sendall(b"question")
            close_door(sock)
            with pytest.raises(TimeoutError):
                socket.create_connection(place, timeout=0.3)
            accepted, _ = sock.accept()
            with accepted:
                assert accepted.recv(100) == b"question"
                early.sendall(b", and more")
                assert accepted.recv(100) == b", and more"


def test_an_address_that_is_taken_is_said() -> None:
    with listen(ServeSettings(port=0)) as sock:
        sock.listen()
        with pytest.raises(UsageError, match=r"the address cannot be had · got 127\.0\.0\.1:.* in use"):
            listen(ServeSettings(port=sock.getsockname()[1]))


def test_a_reload_in_this_process_lets_the_old_model_go() -> None:
    opened: list[Fruit] = []

    def source() -> Fruit:
        opened.append(Fruit(bound=len(opened) * 10))
        return opened[-1]

    settings, metrics = ServeSettings(), Metrics(["fruit"])
    app = App(Models([Source("fruit", 1, source)], settings, metrics), settings, metrics)

    async def main() -> None:
        old = app.models.first()
        assert (await ask(app, PREDICT, rows_of(1))).json["predictions"][0]["ripe"] == "yes"
        await app.reload()
        assert (await ask(app, PREDICT, rows_of(1))).json["predictions"][0]["ripe"] == "no"
        assert (await old.batcher.ask([{"size": 1, "colour": ""}]))[0]["ripe"] == "yes"  # who had it still gets answers
        assert 'lamina_rows_total{model="fruit"} 3' in (await ask(app, "/metrics")).body.decode()

    asyncio.run(main())
    assert len(opened) == 2
