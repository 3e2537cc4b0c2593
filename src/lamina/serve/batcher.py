"""Rows of several requests in one go through the network: while it runs, those that come next gather.

Nobody waits for others to come: where the network is idle, a request is answered at once, with whatever else had come
by then. The queue has an end (429), and waiting too (503), so that a service that is asked ten times what it can do
still answers what it accepts in time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lamina.serve.refusal import Refusal
from lamina.serve.settings import ServeSettings

__all__ = ["Batcher"]

Rows = list[dict[str, Any]]
Predict = Callable[[Rows], Sequence[dict[str, Any]]]
Watch = Callable[[int, float], None]

QUICK = 0.002  # seconds: a thread of its own would cost about as much as such a batch
SLOW = 5 * QUICK  # as slow as any, when it is asked whether the next will be quick
SMALL = 65_536  # bytes of requests that may be answered where they are read


@dataclasses.dataclass(slots=True, eq=False)
class _Job:
    """One request that waits for its answers."""

    rows: Rows
    size: int
    until: float
    answers: asyncio.Future[Sequence[dict[str, Any]]]


class Batcher:
    """The queue before one model.

    Args:
        predict: rows to answers; called by one thread at a time.
        settings: how many rows at once, how many may wait, and how long.
        watch: is told the rows and the seconds of each batch; an attribute too.
        seconds: how long a single row takes, where that is known.

    Example:
        >>> async def main():
        ...     batcher = Batcher(lambda rows: [{"b": 2 * row["a"]} for row in rows], ServeSettings())
        ...     return await batcher.ask([{"a": 1}])
        >>> asyncio.run(main())
        [{'b': 2}]
    """

    def __init__(
        self, predict: Predict, settings: ServeSettings, watch: Watch | None = None, seconds: float = math.inf
    ) -> None:
        self._predict, self._settings, self.watch = predict, settings, watch
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []
        self._rows = 0  # that wait
        self._busy = False
        self._seconds = seconds  # of a batch, of late
        self._row_seconds = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return self._rows

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self._busy

    def ask(self, rows: Rows, size: int = 0) -> asyncio.Future[Sequence[dict[str, Any]]]:
        """Answers to rows, to be awaited.

        Args:
            rows: checked ones.
            size: bytes that they came in.

        Raises:
            Refusal: 429 where the queue is full; 503, when awaited, where the deadline has passed.
            LaminaError: when awaited, if a row cannot be read.
        """
        if self._waiting and self._rows + len(rows) > self._settings.queue:
            raise self._full(429, "too many rows wait", f"{self._rows:,} rows")
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.deadline
        job = _Job(rows, size, until, loop.create_future())
        self._waiting.append(job)
        self._rows += len(rows)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next)  # after all that has come in the same moment
        if self._timer is None:
            self._timer = loop.call_at(until, self._late)
        return job.answers

    def _next(self) -> None:
        """Run the next batch; when nothing waits, rest."""
        jobs = self._take()
        if not jobs:
            self._busy = False
            return
        self._running = jobs
        loop = asyncio.get_running_loop()
        if self._seconds < QUICK and sum(job.size for job in jobs) < SMALL:
            self._settle(jobs, *_answered(self._predict, [job.rows for job in jobs]))
        else:
            done = loop.run_in_executor(self._pool, _answered, self._predict, [job.rows for job in jobs])
            done.add_done_callback(lambda made: self._settle(jobs, *made.result()))

    def _take(self) -> list[_Job]:
        """The jobs of the next batch, at least one where any waits; without those that were given up."""
        taken: list[_Job] = []
        rows = 0
        while self._waiting and (not taken or rows + len(self._waiting[0].rows) <= self._settings.batch):
            job = self._waiting.popleft()
            self._rows -= len(job.rows)
            if not job.answers.done():
                taken.append(job)
                rows += len(job.rows)
        return taken

    def _settle(self, jobs: list[_Job], outcomes: list[Any], seconds: float) -> None:
        """Give each job what came out for it."""
        rows = sum(len(job.rows) for job in jobs)
        # One slow batch is enough to be careful, a few quick ones to be so no more.
        self._seconds = 0.75 * min(self._seconds, SLOW) + 0.25 * min(seconds, SLOW)
        self._row_seconds = 0.9 * self._row_seconds + 0.1 * seconds / rows if self._row_seconds else seconds / rows
        if self.watch is not None:
            self.watch(rows, seconds)
        now = asyncio.get_running_loop().time()
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.answers.done():
                continue
            if job.until < now:  # and the loop was too busy to say so in time
                job.answers.set_exception(self._passed())
            elif isinstance(outcome, Exception):
                job.answers.set_exception(outcome)
            else:
                job.answers.set_result(outcome)
        self._running = []
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._busy = False

    def _late(self) -> None:
        """Refuse what has waited too long, and look again when the next one will have."""
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        for job in (*self._running, *self._waiting):  # the oldest first
            if job.answers.done():
                continue
            if job.until > now + 1e-3:
                self._timer = loop.call_at(job.until, self._late)
                return
            job.answers.set_exception(self._passed())

    def _passed(self) -> Refusal:
        return self._full(503, "the deadline has passed", f"{self._settings.deadline:g} s of waiting")

    def _full(self, status: int, what: str, got: str) -> Refusal:
        wait = min(60, max(1, math.ceil(self._rows * self._row_seconds)))
        return Refusal(status, what, got=got, do=f"ask again in {wait} s", headers={"retry-after": str(wait)})

    def close(self) -> None:
        """Let the thread end when it has done what it does."""
        self._pool.shutdown(wait=False)


def _answered(predict: Predict, requests: list[Rows]) -> tuple[list[Any], float]:
    """Answers, or an error, for each request, and how long that took; an error of one is not that of the others."""
    began = time.perf_counter()
    try:
        made = predict([row for rows in requests for row in rows])
    except Exception as error:
        if len(requests) == 1:
            return [error], time.perf_counter() - began
        return [_answered(predict, [rows])[0][0] for rows in requests], time.perf_counter() - began
    seconds, first, answers = time.perf_counter() - began, 0, []
    for rows in requests:
        answers.append(made[first : first + len(rows)])
        first += len(rows)
    assert len(made) == first, "a model gives an answer to each row"
    return answers, seconds
