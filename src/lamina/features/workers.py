"""Processes that decode pictures beside this one.

Python lets one thread at a time go on. A small picture is decoded in some 20 microseconds without it, and takes as many
with it, so threads mostly wait for each other: two of them decode hardly more than one. A worker is another Python that
imports little. It is asked by one line of JSON, {"form": [...], "names": [...]}, and answers with another, what is
wrong with each picture (null: nothing), and with the pixels of those that are right. It ends by itself when it is idle,
and when its pipe is closed, however that came about.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lamina.codecs.picture import Form, shaped
from lamina.errors import DataError

__all__ = ["Worker", "Workers", "attempts", "serve"]

IDLE = 10.0  # seconds after which a worker that is asked nothing ends
MOST = 16  # workers at most: what one process does with the pixels is then what takes longest
PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from lamina.features.workers import serve; serve()"

Attempts = list[np.ndarray | DataError]


def attempts(names: Sequence[str], form: Form) -> Attempts:
    """Each picture, (1, height, width, channels) uint8, or what is wrong with it."""
    found: Attempts = []
    for name in names:
        try:
            found.append(shaped(name, form))
        except DataError as error:
            found.append(error)
    return found


def serve() -> None:
    """Be a worker: answer what standard input asks, until it ends or nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is told to stop, and then closes the pipe
    asked, answer = sys.stdin.buffer, sys.stdout.buffer
    answer.write(b"\n")  # ready
    answer.flush()
    while select.select([asked], [], [], IDLE)[0] and (line := asked.readline()):
        request = json.loads(line)
        found = attempts(request["names"], Form(*request["form"]))
        faults = [str(one) if isinstance(one, DataError) else None for one in found]
        answer.write(json.dumps(faults).encode() + b"\n")
        for one in found:
            if isinstance(one, np.ndarray):
                answer.write(one.tobytes())
        answer.flush()


class Worker:
    """Another process, which decodes pictures.

    Raises:
        OSError: by any of its methods, if the process cannot be started, or has ended.
    """

    def __init__(self) -> None:
        self.was_ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, sys.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # else NumPy starts threads that nobody needs
        )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        # One that ends by itself is waited for, so that nothing is left of it.
        threading.Thread(target=self._process.wait, daemon=True).start()

    def is_ready(self) -> bool:
        """Whether it has started."""
        if not self.was_ready and select.select([self._from], [], [], 0)[0]:
            self.was_ready = self._line() == b"\n"
        return self.was_ready

    def ask(self, names: Sequence[str], form: Form) -> None:
        """Let it decode pictures."""
        self._to.write(json.dumps({"form": form, "names": names}).encode() + b"\n")
        self._to.flush()

    def answer(self, form: Form) -> Attempts:
        """Wait for the pictures that it was asked for last."""
        faults = json.loads(self._line())
        size = form.height * form.width * form.channels * faults.count(None)
        pixels = self._from.read(size)
        if len(pixels) < size:
            raise BrokenPipeError("the process ended")
        pictures = iter(np.frombuffer(pixels, np.uint8).reshape(-1, 1, form.height, form.width, form.channels))
        return [next(pictures) if fault is None else DataError(fault) for fault in faults]

    def _line(self) -> bytes:
        line = self._from.readline()
        if not line:
            raise BrokenPipeError("the process ended")
        return line

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        with contextlib.suppress(BrokenPipeError):  # what it was not told any more
            self._to.close()


class Workers:
    """Workers that share pictures with this process, each as many as the others. They are started when first needed.

    Where one fails, by being killed say, this process decodes in its place.
    """

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        self._owner = os.getpid()  # a process that is forked from this one has none
        self._lock = threading.Lock()
        self._can_be_had = os.name == "posix" and Path(sys.executable or "").name.startswith("python")
        atexit.register(self.end)

    def decode(self, names: Sequence[str], form: Form, count: int) -> Attempts | None:
        """What :func:`attempts` gives, by this process and ``count`` others, as soon as they have started.

        None where there can be no workers, or another thread has them now.
        """
        if not self._can_be_had or self._owner != os.getpid() or not self._lock.acquire(blocking=False):
            return None
        try:
            return self._shared(names, form, min(count, MOST))
        except (OSError, ValueError):  # one has ended
            self._can_be_had = any(worker.was_ready for worker in self._workers)
            self.end()
            return attempts(names, form)
        except BaseException:
            self.end()  # else the next answer would be the one to this question
            raise
        finally:
            self._lock.release()

    def _shared(self, names: Sequence[str], form: Form, count: int) -> Attempts:
        while len(self._workers) < count:
            self._workers.append(Worker())
        ready = [worker for worker in self._workers if worker.is_ready()]
        size = -(-len(names) // (1 + len(ready)))
        for place, worker in enumerate(ready, 1):
            worker.ask(names[place * size : (place + 1) * size], form)
        found = attempts(names[:size], form)
        for worker in ready:
            found += worker.answer(form)
        return found

    def end(self) -> None:
        """End all workers."""
        while self._workers and self._owner == os.getpid():
            self._workers.pop().end()
