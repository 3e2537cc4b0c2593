"""Who may ask: this machine alone, or whoever has the token; and never a page of somebody else's in a browser."""

from __future__ import annotations

import hmac
import ipaddress

from lamina.serve.refusal import Refusal
from lamina.serve.request import Request
from lamina.serve.settings import ServeSettings

__all__ = ["HEADERS", "OPEN", "Guard"]

# What anybody may ask without the token: whether the service is alive, and the page, which knows nothing by itself.
OPEN = frozenset({"/", "/docs", "/ping", "/health", "/v2/health/live", "/v2/health/ready"})

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Looks at the headers of a request before anything else does.

    Args:
        settings: of the service.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._token = settings.token.encode() if settings.token else None
        self._is_alone = settings.is_alone
        self._hosts: set[bytes] = set()  # that were seen, and are this machine

    def check(self, request: Request) -> None:
        """Let a request through.

        Raises:
            Refusal: 401 without the token; 403 where a page of another origin asks; 421 where the service listens to
                this machine alone and was asked by another name, as a name that was turned to this address is.
        """
        headers = request.headers
        if self._is_alone:
            host = headers.get(b"host", b"")
            if host not in self._hosts:
                self._check_host(host)
        if b"origin" in headers or b"sec-fetch-site" in headers:
            _check_origin(request)
        if self._token is not None and request.path not in OPEN:
            self._check_token(headers.get(b"authorization", b""))

    def _check_host(self, host: bytes) -> None:
        name = host.decode("latin-1")
        bare = name[1 : name.find("]")] if name.startswith("[") else name.partition(":")[0]
        if not _is_here(bare):
            raise Refusal(421, "the service was asked by another name", got=f"Host: {name[:60]}",
                          allowed="localhost, or an address of this machine alone",
                          do="to serve others say --host and --token")  # fmt: skip
        if len(self._hosts) < 100:
            self._hosts.add(host)

    def _check_token(self, given: bytes) -> None:
        kind, _, token = given.partition(b" ")
        assert self._token is not None
        if kind.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            raise Refusal(401, "the token is missing or wrong", do="send the header Authorization: Bearer TOKEN",
                          headers={"www-authenticate": "Bearer"})  # fmt: skip


def _check_origin(request: Request) -> None:
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    own = b"origin" not in request.headers or origin.partition("://")[2] == (request.header("host") or None)
    if not own or (site in ("cross-site", "same-site") and request.header("sec-fetch-mode") != "navigate"):
        raise Refusal(403, "a page of another origin asks", got=(origin or site)[:60],
                      allowed="the page of this service, and clients that are no browser")  # fmt: skip


def _is_here(name: str) -> bool:
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
