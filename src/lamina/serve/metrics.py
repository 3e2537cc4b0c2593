"""Counts and times for Prometheus, in memory that all processes of a service share.

A count is eight bytes at a place of its own in a file without a name; each process has its own stretch of them, so
nobody waits for anybody, and whoever is asked adds the stretches up.
"""

from __future__ import annotations

import bisect
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence

__all__ = ["STATUSES", "Metrics", "shared_file"]

STATUSES = (200, 400, 401, 403, 404, 405, 408, 413, 415, 421, 429, 431, 500, 503)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BYTES = 8

HELP = {
    "lamina_requests_total": ("counter", "Requests, by model (empty: none) and status."),
    "lamina_rows_total": ("counter", "Rows that were predicted."),
    "lamina_request_seconds": ("histogram", "Seconds from a request's arrival to its answer."),
    "lamina_batch_rows": ("histogram", "Rows that the network took at once."),
    "lamina_batch_seconds_total": ("counter", "Seconds that the network ran."),
    "lamina_waiting_rows": ("gauge", "Rows that wait."),
    "lamina_reloads_total": ("counter", "Times that the models were opened again."),
}


def shared_file(models: Sequence[str], workers: int) -> int:
    """A file without a name that the metrics of so many processes fit in; its handle, which may be handed on."""
    with tempfile.TemporaryFile() as file:
        file.truncate(len(_places(models)) * BYTES * workers)
        handle = os.dup(file.fileno())
    os.set_inheritable(handle, True)
    return handle


class Metrics:
    """What a service counts.

    Args:
        models: their names.
        handle: of the file that processes share; none: this process is alone.
        worker: which stretch is ours.
        workers: how many there are.

    Example:
        >>> metrics = Metrics(["adult"])
        >>> metrics.answered("adult", 200, 0.002)
        >>> 'lamina_requests_total{model="adult",status="200"} 1' in metrics.text({}).splitlines()
        True
    """

    def __init__(self, models: Sequence[str], handle: int | None = None, worker: int = 0, workers: int = 1) -> None:
        self._place = _places(models)
        self._models = list(models)
        self._workers = workers
        if handle is None:
            handle = shared_file(models, workers)
            memory = mmap.mmap(handle, 0)
            os.close(handle)
        else:
            memory = mmap.mmap(handle, 0)
        self._all = memoryview(memory).cast("d")
        size = len(self._place)
        self._own = self._all[worker * size : (worker + 1) * size]
        for gauge in models:
            self._own[self._place[_line("lamina_waiting_rows", model=gauge)]] = 0
        self._statuses = {
            (model, status): self._place[_line("lamina_requests_total", model=model, status=status)]
            for model in ("", *models)
            for status in STATUSES
        }
        self._seconds = {model: self._histogram("lamina_request_seconds", model, SECONDS) for model in models}

    def answered(self, model: str, status: int, seconds: float) -> None:
        """Count a request; ``model`` is empty where it asked for none."""
        own = self._own
        own[self._statuses.get((model, status)) or self._statuses["", 500]] += 1
        if model:
            first, total = self._seconds[model]
            own[first + bisect.bisect_left(SECONDS, seconds)] += 1
            own[total] += seconds

    def batches(self, model: str) -> Callable[[int, float], None] | None:
        """What to tell of a model's batches; None where its name was not known from the beginning."""
        if model not in self._models:
            return None
        own = self._own
        first, total = self._histogram("lamina_batch_rows", model, ROWS)
        rows_place = self._place[_line("lamina_rows_total", model=model)]
        seconds_place = self._place[_line("lamina_batch_seconds_total", model=model)]

        def batch(rows: int, seconds: float) -> None:
            own[first + bisect.bisect_left(ROWS, rows)] += 1
            own[total] += rows
            own[rows_place] += rows
            own[seconds_place] += seconds

        return batch

    def reloaded(self) -> None:
        """Count that the models were opened again."""
        self._own[self._place["lamina_reloads_total"]] += 1

    def text(self, waiting: dict[str, int]) -> str:
        """All counts of all processes, in the form that Prometheus reads.

        Args:
            waiting: model -> rows that wait in this process.
        """
        for model, rows in waiting.items():
            self._own[self._place[_line("lamina_waiting_rows", model=model)]] = rows
        size = len(self._place)
        sums = [sum(self._all[place::size]) for place in range(size)]
        lines: list[str] = []
        for name, (kind, help) in HELP.items():
            lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
            if kind == "histogram":
                bounds = SECONDS if name == "lamina_request_seconds" else ROWS
                for model in self._models:
                    lines += self._drawn(name, model, bounds, sums)
            else:
                lines += [
                    f"{line} {sums[place]:.12g}"
                    for line, place in self._place.items()
                    if line.partition("{")[0] == name and (sums[place] or 'status="' not in line)
                ]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str, model: str, bounds: Sequence[float]) -> tuple[int, int]:
        """The place of the first bound, after which the others come, and that of the sum."""
        return (
            self._place[_line(f"{name}_bucket", model=model, le=bounds[0])],
            self._place[_line(f"{name}_sum", model=model)],
        )

    def _drawn(self, name: str, model: str, bounds: Sequence[float], sums: Sequence[float]) -> Iterator[str]:
        first, total = self._histogram(name, model, bounds)
        count = 0.0
        for place, bound in enumerate((*bounds, "+Inf")):
            count += sums[first + place]
            yield f"{_line(f'{name}_bucket', model=model, le=bound)} {count:.12g}"
        yield f"{_line(f'{name}_sum', model=model)} {sums[total]:.12g}"
        yield f"{_line(f'{name}_count', model=model)} {count:.12g}"


def _line(name: str, **labels: object) -> str:
    pairs = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{pairs}}}"


def _places(models: Sequence[str]) -> dict[str, int]:
    """Each line of the page, and where its count lies; the same in every process."""
    lines = ["lamina_reloads_total"]
    lines += [
        _line("lamina_requests_total", model=model, status=status) for model in ("", *models) for status in STATUSES
    ]
    for model in models:
        for name, bounds in (("lamina_request_seconds", SECONDS), ("lamina_batch_rows", ROWS)):
            lines += [_line(f"{name}_bucket", model=model, le=bound) for bound in (*bounds, "+Inf")]
            lines.append(_line(f"{name}_sum", model=model))
        lines += [
            _line(name, model=model)
            for name in ("lamina_rows_total", "lamina_batch_seconds_total", "lamina_waiting_rows")
        ]
    return {line: place for place, line in enumerate(lines)}
