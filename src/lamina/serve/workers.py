"""Several processes behind one address: each has its own queue of connections, and all count into the same memory.

The first process opens no model. It holds the sockets, starts the others, starts one again that fell, hands on what
it is told (SIGTERM, SIGHUP), and waits until they have ended. If it is killed itself, the others notice, and end.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NamedTuple

from lamina.errors import LaminaError
from lamina.serve.log import say
from lamina.serve.metrics import shared_file
from lamina.serve.settings import ServeSettings
from lamina.serve.sockets import address, listen

__all__ = ["ME", "Worker", "supervise"]

ME = "LAMINA_WORKER"  # what a process finds in its environment, if it is one of several
TICK = 0.1  # seconds
AGAIN = 1.0  # seconds until a process that fell is started again


class Worker(NamedTuple):
    """What one of several processes has from the first.

    Attributes:
        number, several: which it is, and of how many.
        socket, metrics: handles of its socket, and of the memory in which all count.
        ready: handle of a pipe, which it tells that its models can be asked.
        life: handle of a pipe, which ends when the first process does.
    """

    number: int
    several: int
    socket: int
    metrics: int
    ready: int
    life: int

    @classmethod
    def mine(cls) -> Worker | None:
        """What this process is, if it is one of several."""
        return cls(*map(int, os.environ[ME].split(","))) if ME in os.environ else None


class _Several:
    """The processes."""

    def __init__(self, command: Sequence[str], settings: ServeSettings, names: Sequence[str]) -> None:
        self.command, self.count = list(command), settings.workers
        first = listen(settings, shared=True)
        self.sockets = [first]
        self.sockets += [listen(settings, first.getsockname()[1], shared=True) for _ in range(self.count - 1)]
        self.metrics = shared_file(names, self.count)
        self.ready, self.told = os.pipe()
        self.life, self.held = os.pipe()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = dict(os.environ)
        if settings.token is not None:
            self.environment["LAMINA_TOKEN"] = settings.token  # and not among the words, which everybody can read
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.environment.setdefault("OMP_NUM_THREADS", str(max(1, cores // self.count)))

    def start(self, number: int) -> subprocess.Popen[bytes]:
        sock: socket.socket = self.sockets[number]
        worker = Worker(number, self.count, sock.fileno(), self.metrics, self.told, self.life)
        handles = tuple(worker[2:])
        return subprocess.Popen(
            self.command, env={**self.environment, ME: ",".join(map(str, worker))}, pass_fds=handles,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def tell(self, number: int) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(number)


def supervise(
    command: Sequence[str], settings: ServeSettings, names: Sequence[str], ready: Callable[[str], None]
) -> None:
    """Run a command in several processes that share an address, until this one is told to end.

    Args:
        command: what each runs; it finds a :class:`Worker` in its environment.
        settings: of the service.
        names: of the models.
        ready: is told the address once every process can be asked.

    Raises:
        LaminaError: if one of them ended before it could be asked; it has said why.
    """
    several = _Several(command, settings, names)
    ending: list[float] = []

    def end(number: int, frame: FrameType | None) -> None:
        ending.append(time.monotonic())
        several.tell(signal.SIGTERM)
        for sock in several.sockets:
            sock.close()  # else clients could still come when nobody answers any more

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda number, frame: several.tell(number))
    try:
        several.processes = [several.start(number) for number in range(several.count)]
        if _all_ready(several, ending):
            ready(address(several.sockets[0]))
        _tend(several, ending, settings.drain + 10)
    finally:
        for process in several.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
        for sock in several.sockets:
            sock.close()
        for handle in (several.metrics, several.ready, several.told, several.life, several.held):
            os.close(handle)


def _all_ready(several: _Several, ending: list[float]) -> bool:
    """Wait until each process has said that it can be asked; False if it is all to end before."""
    os.set_blocking(several.ready, False)
    said = 0
    while said < several.count and not ending:
        try:
            said += len(os.read(several.ready, several.count))
        except BlockingIOError:
            time.sleep(TICK)
        if any(process.poll() is not None for process in several.processes) and not ending:
            raise LaminaError("a process of the service ended before it could be asked", do="see above why")
    return not ending


def _tend(several: _Several, ending: list[float], patience: float) -> None:
    """Start again what falls, until it is all to end and has."""
    while not ending:
        time.sleep(TICK)
        for number, process in enumerate(several.processes):
            if process.poll() is not None and not ending:
                say("fell", worker=number, code=process.returncode, again_in=AGAIN)
                time.sleep(AGAIN)
                several.processes[number] = several.start(number)
    while any(process.poll() is None for process in several.processes) and time.monotonic() - ending[0] < patience:
        time.sleep(TICK)
