"""The models of a service: several names, several versions of each, changed for others while questions come in."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lamina.errors import UsageError, nearest
from lamina.serve.batcher import Batcher
from lamina.serve.cells import Cells
from lamina.serve.metrics import Metrics
from lamina.serve.refusal import Refusal
from lamina.serve.servable import Servable
from lamina.serve.settings import ServeSettings

__all__ = ["Loaded", "Models", "Source", "named"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WARM = 3  # times that a model answers before it is asked


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a model comes from.

    Attributes:
        name: what it is called in addresses.
        version: 1, 2 ... of that name; the greatest answers where none is asked for.
        open: opens it, now and when the service is told to look again.
    """

    name: str
    version: int
    open: Callable[[], Servable]


def named(name: str) -> str:
    """A name that can stand in an address.

    Raises:
        UsageError: if it cannot.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("a model's name stands in addresses", got=repr(name), allowed="letters, digits, dot, - and _",
                         do="say NAME=PATH")  # fmt: skip
    return name


class Loaded:
    """A model that is ready to answer: opened, tried, with its queue.

    Args:
        servable: the model.
        settings: of the service.
        name: what it is called in addresses; its own name if None.
        version: of that name.
    """

    def __init__(
        self,
        servable: Servable,
        settings: ServeSettings | None = None,
        name: str | None = None,
        version: int = 1,
    ) -> None:
        self.servable = servable
        self.name = named(servable.name if name is None else name)
        self.version = version
        self.schema = servable.schema
        self.cells = Cells(self.schema["input"])
        self.columns: dict[str, Any] = self.schema["input"].get("properties", {})
        self.answers: dict[str, Any] = self.schema["output"].get("properties", {})
        self.settings = settings or ServeSettings()
        self.batcher = Batcher(servable.predict, self.settings, seconds=self._warm())

    @property
    def examples(self) -> dict[str, list[Any]]:
        """A few ``rows`` to try it on and the ``answers`` to them, where the model brings some."""
        found = getattr(self.servable, "examples", None) or {}
        return {part: list(found.get(part, ())) for part in ("rows", "answers")}

    @property
    def scores(self) -> Any:
        """How well it does, where the model says so."""
        return getattr(self.servable, "scores", None)

    def _warm(self) -> float:
        """Let it answer a row, so that the first question is not the slowest; the least seconds."""
        row = next(iter(self.examples["rows"]), dict.fromkeys(self.cells.names))
        rows, least = self.cells.rows([dict(row)]), float("inf")
        for _ in range(_WARM):
            began = time.perf_counter()
            self.servable.predict(rows)
            least = min(least, time.perf_counter() - began)
        return least

    def describe(self) -> dict[str, Any]:
        """All that a client may know of it."""
        return {"name": self.name, "version": str(self.version), "schema": self.schema, "examples": self.examples,
                "scores": self.scores}  # fmt: skip


class Models:
    """Models by name and version.

    Args:
        sources: where they come from; each is opened now.
        settings: of the service.
        metrics: what counts their rows.

    Raises:
        LaminaError: if one cannot be opened, or stands there twice.
    """

    def __init__(self, sources: Sequence[Source], settings: ServeSettings, metrics: Metrics) -> None:
        self._sources, self._settings, self._metrics = sources, settings, metrics
        self._held: dict[str, dict[int, Loaded]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        for source in sources:
            if source.version in self._held.get(source.name, {}):
                raise UsageError(f"version {source.version} of {source.name} stands there twice")
            self._hold(self._open(source))

    @classmethod
    def of(cls, loaded: Sequence[Loaded], metrics: Metrics) -> Models:
        """Models that are open already."""
        models = cls([], loaded[0].settings if loaded else ServeSettings(), metrics)
        for one in loaded:
            models._hold(one)
        return models

    def __iter__(self) -> Iterator[Loaded]:
        return (one for versions in self._held.values() for one in versions.values())

    @property
    def names(self) -> list[str]:
        """The names, in the order in which they were given."""
        return list(self._held)

    def first(self) -> Loaded:
        """What answers where a protocol names no model: the newest version of the first one."""
        return self.find(self.names[0])

    def find(self, name: str, version: str | None = None) -> Loaded:
        """A model; its newest version where none is named.

        Raises:
            Refusal: 404, with the nearest name.
        """
        versions = self.versions(name)
        if version is None:
            return versions[max(versions)]
        found = versions.get(int(version)) if version.isdecimal() and len(version) < 10 else None
        if found is None:
            raise Refusal(404, f"{name} has no such version", got=version[:60], allowed=", ".join(map(str, versions)))
        return found

    def versions(self, name: str) -> dict[int, Loaded]:
        """All versions of a model.

        Raises:
            Refusal: 404, with the nearest name.
        """
        if name not in self._held:
            raise Refusal(404, "there is no such model", got=name[:60], allowed=", ".join(self._held),
                          do=nearest(name[:60], self._held))  # fmt: skip
        return self._held[name]

    async def reload(self) -> list[str]:
        """Open every source again, and let the new one answer from then on; what the old one was asked, it answers.

        Returns:
            What could not be opened, and why; there the old one stays.
        """
        faults = []
        for source in self._sources:
            try:
                fresh = await asyncio.to_thread(self._open, source)
            except Exception as error:  # whatever it is, the old one answers
                faults.append(f"{source.name} version {source.version} stays as it was: {error}")
            else:
                self.swap(fresh)
        return faults

    def swap(self, fresh: Loaded) -> None:
        """Let a model answer in the place of the one of its name and version."""
        old = self._held.get(fresh.name, {}).get(fresh.version)
        self._hold(fresh)
        if old is not None:
            task = asyncio.get_running_loop().create_task(_leave(old))
            self._leaving.add(task)  # a task that nobody holds may vanish
            task.add_done_callback(self._leaving.discard)

    def _hold(self, loaded: Loaded) -> None:
        loaded.batcher.watch = self._metrics.batches(loaded.name)
        self._held.setdefault(loaded.name, {})[loaded.version] = loaded

    def _open(self, source: Source) -> Loaded:
        return Loaded(source.open(), self._settings, source.name, source.version)


async def _leave(old: Loaded) -> None:
    """Let a model go once nobody waits for it."""
    await asyncio.sleep(1)  # a request that has found it may not have asked it yet
    while not old.batcher.is_idle:
        await asyncio.sleep(0.1)
    old.batcher.close()
