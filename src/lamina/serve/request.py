"""A request, its body within limits, and the answer to it."""

from __future__ import annotations

import dataclasses
import secrets
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from lamina.serve.refusal import Refusal
from lamina.serve.strict import dumps, loads

__all__ = ["Gone", "Receive", "Request", "Response", "Scope", "Send", "as_json"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# curl -d says a form, and sends what it was given; tritonclient says a stream of octets.
JSON_TYPES = ("application/json", "application/x-www-form-urlencoded", "application/octet-stream", "")
PACKED = {"gzip": 31, "deflate": 15}  # and zlib's number for it
_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")


class Gone(Exception):
    """The client went away before it had sent everything."""


class Request:
    """What a client asks.

    Args:
        scope: of ASGI.
        receive: of ASGI.
        most: bytes that its body may have.

    Attributes:
        method, path: as they came; the path without percent signs.
        headers: by their names in small letters; as bytes.
        given: the parts of the path that the route names.
    """

    __slots__ = ("_most", "_receive", "_scope", "given", "headers", "method", "model", "path", "size")

    def __init__(self, scope: Scope, receive: Receive, most: int) -> None:
        self._scope, self._receive, self._most = scope, receive, most
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.given: Mapping[str, str | None] = {}
        self.model = ""
        self.size = 0

    def header(self, name: str) -> str:
        """A header as text; empty where there is none."""
        return self.headers.get(name.encode(), b"").decode("latin-1")

    @property
    def id(self) -> str:
        """What the client calls the request, if it is a plain word; a new name otherwise."""
        given = self.header("x-request-id")
        return given if 0 < len(given) <= 64 and _ID.issuperset(given) else secrets.token_hex(8)

    @property
    def content_type(self) -> str:
        """What the body is said to be, without what follows a semicolon."""
        return self.header("content-type").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        """The whole body, unpacked.

        Raises:
            Refusal: 413 if it has too many bytes, packed or not; 415 if it is packed in an unknown way; 400 if it is
                not what it is said to be.
            Gone: if the client has left.
        """
        length = self.headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 18 or int(length) > self._most:
            raise self._too_large()
        parts, size, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            if size > self._most:
                raise self._too_large()
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        if packed := self.header("content-encoding").strip().lower():
            whole = self._unpacked(whole, packed)
        self.size = len(whole)
        return whole

    async def json(self) -> dict[str, Any]:
        """The body as one JSON object.

        Raises:
            Refusal: 415 if it is said to be something else, 400 if it is no such object; and as :meth:`body`.
        """
        if self.content_type not in JSON_TYPES:
            raise Refusal(415, "the body is of a form that is not read here", got=self.content_type[:60],
                          allowed="application/json")  # fmt: skip
        return as_json(await self.body())

    def _unpacked(self, body: bytes, packed: str) -> bytes:
        if packed not in PACKED and packed != "identity":
            raise Refusal(415, "the body is packed in an unknown way", got=packed[:60], allowed=", ".join(PACKED))
        if packed == "identity":
            return body
        unpacker = zlib.decompressobj(PACKED[packed])
        try:
            whole = unpacker.decompress(body, self._most + 1)
        except zlib.error as error:
            raise Refusal(400, f"the body is not packed by {packed}", got=str(error)) from None
        if len(whole) > self._most:
            raise self._too_large()
        if not unpacker.eof or unpacker.unused_data:
            raise Refusal(400, f"the body is not packed by {packed}", got="more or less than one whole part")
        return whole

    def _too_large(self) -> Refusal:
        what = "the body is too large"
        do = "send fewer rows at once, or say --body BYTES to lamina serve"
        return Refusal(413, what, allowed=f"{self._most:,} bytes", do=do, headers={"connection": "close"})


def as_json(body: bytes) -> dict[str, Any]:
    """Bytes as one JSON object.

    Raises:
        Refusal: 400 if they are none.
    """
    value = loads(body)
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object", got=type(value).__name__, do='send {"instances": [...]}')
    return value


@dataclasses.dataclass(slots=True)
class Response:
    """What a client gets.

    Attributes:
        body: bytes; other values are written as JSON.
        status: of HTTP.
        kind: the type of its content.
        headers: more of them.
    """

    body: Any
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def content(self) -> bytes:
        """The body as bytes."""
        return self.body if isinstance(self.body, bytes) else dumps(self.body)
