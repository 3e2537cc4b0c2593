"""The ASGI application: an address and a method to a handler, what goes wrong to an error of the usual form."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence

from lamina.errors import LaminaError, nearest
from lamina.serve.log import say
from lamina.serve.metrics import Metrics
from lamina.serve.models import Loaded, Models
from lamina.serve.openapi import document
from lamina.serve.page import PAGE, POLICY
from lamina.serve.protocols import mlflow, plain, v2
from lamina.serve.refusal import Refusal
from lamina.serve.request import Gone, Receive, Request, Response, Scope, Send
from lamina.serve.safety import HEADERS, Guard
from lamina.serve.settings import ServeSettings

__all__ = ["App"]

Handler = Callable[[Models, Request], Awaitable[Response]]

REMEMBERED = 1000  # addresses that were asked for and found


class App:
    """The service as an ASGI application.

    Args:
        models: what it serves; models that are open already, or those of sources.
        settings: how.
        metrics: what counts; new ones if None.

    Attributes:
        ready: whether it wants more questions; the server takes that away when it is to end.

    Example:
        >>> App([]).ready
        False
    """

    def __init__(
        self, models: Models | Sequence[Loaded], settings: ServeSettings | None = None, metrics: Metrics | None = None
    ) -> None:
        self.settings = settings or ServeSettings()
        if not isinstance(models, Models):
            metrics = metrics or Metrics([one.name for one in models])
            models = Models.of(models, metrics)
        self.models = models
        self.metrics = metrics or Metrics(models.names)
        self.ready = bool(models.names)
        self._guard = Guard(self.settings)
        self._reloading = asyncio.Lock()
        self._found: dict[tuple[str, str], tuple[Handler, dict[str, str | None]]] = {}
        own = {
            "GET /": self._page, "GET /docs": self._page, "GET /metrics": self._metrics,
            "GET /v2/health/ready": self._ready, "GET /openapi.json": self._openapi,
        }  # fmt: skip
        routes: dict[str, Handler] = {**plain.ROUTES, **v2.ROUTES, **mlflow.ROUTES, **own}
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        for route, handler in routes.items():
            method, path = route.split(" ")
            self._routes.append((method, _pattern(path), handler))
        self._known = sorted({route.split(" ")[1] for route in routes})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or go through the beginning and the end of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise LaminaError("the service speaks HTTP alone", got=scope["type"])
        began = time.perf_counter()
        request = Request(scope, receive, self.settings.body)
        try:
            response = await self._answer(request)
        except Gone:
            return
        try:
            content = response.content()
        except (TypeError, ValueError) as error:
            response = self._broken(request, error)
            content = response.content()
        headers = [
            (b"content-type", response.kind.encode()), (b"content-length", b"%d" % len(content)), *HEADERS,
        ]  # fmt: skip
        if response.headers:
            headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers.items()]
        if b"x-request-id" in request.headers or response.status >= 400:
            headers.append((b"x-request-id", request.id.encode()))
        if not self.ready:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        seconds = time.perf_counter() - began
        self.metrics.answered(request.model, response.status, seconds)
        if self.settings.log:
            say("request", id=request.id, method=request.method, path=request.path[:200], model=request.model,
                status=response.status, milliseconds=round(1000 * seconds, 3), bytes=request.size)  # fmt: skip

    async def _answer(self, request: Request) -> Response:
        try:
            self._guard.check(request)
            handler, request.given = self._find(request)
            return await handler(self.models, request)
        except Refusal as error:
            return Response({"error": str(error)}, error.status, headers=error.headers)
        except LaminaError as error:
            return Response({"error": str(error)}, 400)
        except (Gone, asyncio.CancelledError):
            raise
        except Exception as error:
            return self._broken(request, error)

    def _broken(self, request: Request, error: Exception) -> Response:
        """What is said of a fault of ours: to the client that it is one, the rest to the log."""
        request.headers.setdefault(b"x-request-id", request.id.encode())  # one name, whoever asks for it
        say("fault", id=request.id, path=request.path[:200], error="".join(traceback.format_exception(error)))
        return Response({"error": f"the model failed · the log of the service says why, under {request.id}"}, 500)

    def _find(self, request: Request) -> tuple[Handler, dict[str, str | None]]:
        """What answers an address, and the parts of it.

        Raises:
            Refusal: 404, with the nearest address; 405, with the methods that there are.
        """
        method = "GET" if request.method == "HEAD" else request.method
        key = (method, request.path)
        found = self._found.get(key)
        if found is None:
            found = self._searched(method, request.path)
            if len(self._found) < REMEMBERED:
                self._found[key] = found
        return found

    def _searched(self, method: str, path: str) -> tuple[Handler, dict[str, str | None]]:
        others: set[str] = set()
        for able, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if able == method:
                    return handler, match.groupdict()
                others.add(able)
        if others:
            raise Refusal(405, "this address is not asked so", got=method[:20], allowed=", ".join(sorted(others)),
                          headers={"allow": ", ".join(sorted(others))})  # fmt: skip
        raise Refusal(404, "there is nothing at this address", got=path[:100], do=nearest(path[:100], self._known))

    async def _page(self, models: Models, request: Request) -> Response:
        return Response(PAGE, kind="text/html; charset=utf-8", headers={"content-security-policy": POLICY})

    async def _openapi(self, models: Models, request: Request) -> Response:
        return Response(document(models, self.settings))

    async def _metrics(self, models: Models, request: Request) -> Response:
        waiting: dict[str, int] = {}
        for one in models:
            waiting[one.name] = waiting.get(one.name, 0) + one.batcher.waiting
        return Response(self.metrics.text(waiting).encode(), kind="text/plain; version=0.0.4; charset=utf-8")

    async def _ready(self, models: Models, request: Request) -> Response:
        if not self.ready:
            raise Refusal(503, "the service takes no more questions", headers={"retry-after": "1"})
        return Response({"ready": True})

    async def reload(self) -> None:
        """Open every model again; the log says what could not be opened, which stays as it was."""
        async with self._reloading:
            faults = await self.models.reload()
        self.metrics.reloaded()
        say("reload", models=self.models.names, faults=faults)


def _pattern(path: str) -> re.Pattern[str]:
    """``/v2/models/NAME/infer`` as an expression; what stands in capitals is a part, and may have no slash."""
    versioned = path.replace("[", "(?:").replace("]", ")?")
    return re.compile(re.sub(r"\b(NAME|VERSION)\b", lambda part: f"(?P<{part[0].lower()}>[^/:]+)", versioned))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
