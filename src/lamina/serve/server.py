"""The server: uvicorn with an event loop of its own, patience that ends, and an end without a question unanswered."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lamina.extras import need
from lamina.serve.app import App
from lamina.serve.log import say
from lamina.serve.metrics import Metrics
from lamina.serve.models import Models, Source
from lamina.serve.settings import ServeSettings
from lamina.serve.sockets import address, close_door, listen
from lamina.serve.workers import Worker

__all__ = ["HEAD", "run", "serve"]

HEAD = 65_536  # bytes that a request may have before its body
KEEP = 30  # seconds for which a connection stays open without a question
LEAVE = 1.0  # seconds in which a service that is to end tells its clients so
COMING = 0.2  # seconds for clients that had just come, and for their questions
BACKLOG = 2048

_REFUSED = {
    400: (b"Bad Request", b"the request is not valid HTTP"),
    408: (b"Request Timeout", b"the request came too slowly"),
    431: (b"Request Header Fields Too Large", b"the headers are too large"),
    503: (b"Service Unavailable", b"too many connections"),
}


def serve(
    sources: Sequence[Source], settings: ServeSettings | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve models until the process is told to end (SIGTERM, Ctrl-C); SIGHUP opens them again.

    Args:
        sources: the models.
        settings: how; ``workers`` is for :func:`lamina.serve.workers.supervise`.
        ready: is told the address once the models can be asked.

    Raises:
        LaminaError: if a model cannot be opened, or the address cannot be had.
    """
    settings, me = settings or ServeSettings(), Worker.mine()
    need("uvicorn", extra="serve", why="to serve models")
    names = list(dict.fromkeys(source.name for source in sources))
    metrics = Metrics(names, me.metrics, me.number, me.several) if me else Metrics(names)
    with socket.socket(fileno=me.socket) if me else listen(settings) as sock:
        app = App(Models(sources, settings, metrics), settings, metrics)
        run(
            app,
            sock,
            partial(os.write, me.ready, b".") if me else partial(ready, address(sock)),
            me.life if me else None,
        )


def run(app: App, sock: socket.socket, ready: Callable[[], object], life: int | None = None) -> None:
    """Answer what comes to a socket, until the process is told to end, or ``life``, a handle, can be read.

    ``ready`` is called once it answers.
    """
    uvicorn = need("uvicorn", extra="serve", why="to serve models")
    settings = app.settings
    config = uvicorn.Config(
        app, http=_protocol(settings), ws="none", lifespan="off", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, timeout_keep_alive=KEEP, backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, round(settings.drain)),
    )  # fmt: skip
    logger = logging.getLogger("uvicorn.error")
    logger.handlers, logger.propagate = [_Lines(logging.ERROR)], False
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_served(uvicorn.Server(config), app, sock, ready, life))


async def _served(server: Any, app: App, sock: socket.socket, ready: Callable[[], object], life: int | None) -> None:
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(app.reload())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    def end() -> None:
        if not app.ready:  # told twice
            server.should_exit = server.force_exit = True
            return
        app.ready = False
        say("ending", seconds=app.settings.drain)
        loop.call_later(LEAVE, close_door, sock)
        loop.call_later(LEAVE + COMING, setattr, server, "should_exit", True)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        loop.add_signal_handler(signal.SIGHUP, reload)
    if life is not None:

        def alone() -> None:
            loop.remove_reader(life)
            end()

        loop.add_reader(life, alone)
    watching = loop.create_task(_watch(server, app.settings.patience))
    sock.listen(BACKLOG)  # so that nobody who is told the address comes too early, and no signal either
    ready()
    # uvicorn's own serve() would take the signals, and raise them again in the end.
    await server._serve([sock])
    watching.cancel()


async def _watch(server: Any, patience: float) -> None:
    """Let those go that are too slow, in what they send or in what they take."""
    while True:
        await asyncio.sleep(min(1.0, patience / 4))
        now = asyncio.get_running_loop().time()
        for connection in list(server.server_state.connections):
            connection.look(now)


class _Lines(logging.Handler):
    """What uvicorn has to say, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        say("server", level=record.levelname.lower(), said=self.format(record))


def _protocol(settings: ServeSettings) -> type:
    """uvicorn's connection with an end to patience, to headers, and to how many there are."""
    base: Any = need("uvicorn.protocols.http.httptools_impl", extra="serve", why="to serve models").HttpToolsProtocol
    patience, most = settings.patience, settings.connections

    class Connection(base):  # type: ignore[misc]
        """One client."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.since: float | None = self.loop.time()  # a request is awaited or being read; None: it has come
            self.stuck: float | None = None  # the client does not take its answer
            self.head = 0
            self.fresh = True
            if len(self.connections) > most:
                self.refuse(503)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            if self.head >= 0:
                self.head += len(data)
                if self.head > HEAD:
                    self.refuse(431)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.fresh = False
            if self.since is None:
                self.since = self.loop.time()
            self.head = 0

        def on_headers_complete(self) -> None:
            self.head = -1
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self.since = None

        def pause_writing(self) -> None:
            super().pause_writing()
            self.stuck = self.loop.time()

        def resume_writing(self) -> None:
            super().resume_writing()
            self.stuck = None

        def look(self, now: float) -> None:
            """End the connection if its client is too slow."""
            if self.stuck is not None and now - self.stuck > patience:
                self.transport.abort()
            elif self.since is not None and now - self.since > patience:
                self.refuse(408)

        def send_400_response(self, msg: str) -> None:
            self.refuse(400)

        def refuse(self, status: int) -> None:
            """Say why, and close."""
            reason, what = _REFUSED[status]
            if not self.transport.is_closing() and (self.cycle is None or not self.cycle.response_started):
                body = b'{"error":"%s"}' % what
                self.transport.write(
                    b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nretry-after: 1\r\n"
                    b"connection: close\r\n\r\n%s" % (status, reason, len(body), body)
                )
            self.transport.close()

        def shutdown(self) -> None:
            # A client that has just come has its question on the way.
            if self.fresh:
                self.fresh = False
                self.loop.call_later(COMING, self.shutdown)
            elif not self.transport.is_closing():
                super().shutdown()

    return Connection
