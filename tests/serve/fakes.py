"""Models that answer by a rule, an application asked without a network, and a server of this process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lamina.errors import DataError
from lamina.serve import App, Loaded, ServeSettings
from lamina.serve.server import run
from lamina.serve.sockets import listen

TOKEN = "a-token-of-some-length"


class Fruit:
    """Says whether fruits are ripe: those whose size is above a bound.

    Args:
        bound: that makes the difference.
        seconds: that a batch takes.
    """

    name = "fruit"

    def __init__(self, bound: float = 0.5, seconds: float = 0.0) -> None:
        self.bound, self.seconds = bound, seconds
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.examples = {"rows": [{"size": 1.0, "colour": "red"}], "answers": [self._of({"size": 1.0})]}
        self.schema: dict[str, Any] = {
            "input": {
                "type": "object",
                "properties": {
                    "size": {"type": ["number", "string", "null"]},
                    "colour": {"type": ["string", "number", "boolean", "null"], "examples": ["red", "green"]},
                },
                "required": ["size", "colour"],
            },
            "output": {
                "type": "object",
                "properties": {
                    "ripe": {"type": "string"},
                    "ripe_probability": {"type": "number"},
                    "whole": {"type": "integer"},
                    "large": {"type": "boolean"},
                },
            },
        }

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.batches.append(len(rows))
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        for place, row in enumerate(rows):
            if isinstance(row["size"], str | bool):
                raise DataError("column 'size' holds numbers", got=f"{row['size']!r} in row {place}")
            if row["colour"] == "fault":
                raise ZeroDivisionError("secret of the machine")
        return [self._of(row) for row in rows]

    def _of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        size = row["size"] or 0.0
        return {
            "ripe": "yes" if size > self.bound else "no",
            "ripe_probability": min(1.0, abs(size) / 10),
            "whole": int(min(max(size, -1e9), 1e9)),
            "large": size > 5,
        }


class Photo:
    """Measures files: how many bytes they have, and their first."""

    name = "photo"
    schema: dict[str, Any] = {  # noqa: RUF012
        "input": {
            "type": "object",
            "properties": {"picture": {"type": ["string", "null"], "contentEncoding": "base64"}},
            "required": ["picture"],
        },
        "output": {"type": "object", "properties": {"bytes": {"type": "integer"}, "first": {"type": "array"}}},
    }

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        cells = [row["picture"] for row in rows]
        assert all(cell is None or isinstance(cell, bytes | list) for cell in cells), "text is never a file"
        return [{"bytes": len(cell or b""), "first": list(cell or b"")[:1]} for cell in cells]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def app_of(*models: Any, **settings: Any) -> App:
    """An application that serves models."""
    made = ServeSettings(**settings)
    return App([Loaded(model, made) for model in models or (Fruit(),)], made)


async def ask(
    app: App,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    pieces: int = 1,
) -> Answer:
    """Ask an application without a network, as a server would: bytes as they are, other bodies as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"host": "localhost:8000", **({} if body is None else {"content-type": "application/json"})}
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    size = max(1, -(-len(content) // pieces))
    parts = [content[start : start + size] for start in range(0, len(content), size)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": place < len(parts) - 1} for place, part in enumerate(parts)
    ]
    got: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        got.append(message)

    scope = {
        "type": "http",
        "method": method or ("GET" if body is None else "POST"),
        "path": path,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
    }
    await app(scope, receive, send)
    start, rest = got
    return Answer(
        start["status"], {name.decode(): value.decode("latin-1") for name, value in start["headers"]}, rest["body"]
    )


def once(app: App, path: str, body: Any = None, **more: Any) -> Answer:
    """Ask one question, in an event loop of its own."""
    return asyncio.run(ask(app, path, body, **more))


def rows_of(*sizes: Any) -> dict[str, Any]:
    """A body of fruits by their sizes."""
    return {"instances": [{"size": size, "colour": "red"} for size in sizes]}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


class Served:
    """A server of this process, on a port of its own.

    Args:
        app: what it runs.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.sock = listen(app.settings)
        self.port: int = self.sock.getsockname()[1]
        life, self._held = os.pipe()
        ready = threading.Event()
        self._thread = threading.Thread(target=run, args=(app, self.sock, ready.set, life), daemon=True)
        self._thread.start()
        assert ready.wait(20)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = self.connect()
        with contextlib.closing(connection):
            return over(connection, path, body, headers)

    def end(self) -> None:
        """Tell it to end, as the process that started it would by ending."""
        os.close(self._held)

    def wait(self, seconds: float = 20) -> None:
        self._thread.join(seconds)
        assert not self._thread.is_alive()


def over(connection: Any, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask over a connection that may stay open."""
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {} if body is None else {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, content, {**sent, **(headers or {})})
    got = connection.getresponse()
    return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())


@contextlib.contextmanager
def served(app: App) -> Iterator[Served]:
    """A server of this process, ended in the end."""
    server = Served(app)
    try:
        yield server
    finally:
        if server._thread.is_alive():
            with contextlib.suppress(OSError):
                server.end()
            server.wait()
