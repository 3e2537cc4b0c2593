"""Where a service listens."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import sys

from lamina.errors import UsageError
from lamina.serve.settings import ServeSettings

__all__ = ["address", "close_door", "listen"]

ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux, which Python has no name for


def listen(settings: ServeSettings, port: int | None = None, *, shared: bool = False) -> socket.socket:
    """A socket at the address of the settings; nothing is accepted yet.

    Args:
        settings: which address.
        port: another port than theirs.
        shared: whether several processes of ours have it, each with a queue of its own.

    Raises:
        UsageError: if it cannot be had.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((settings.host, settings.port if port is None else port))
    except OSError as error:
        sock.close()
        said = (error.strerror or str(error)).lower()
        raise UsageError(
            "the address cannot be had", got=f"{settings.host}:{settings.port}: {said}",
            do="say another --port, or --port 0 for one that is free",
        ) from None  # fmt: skip
    return sock


def address(sock: socket.socket) -> str:
    """Where a socket listens, as a browser wants it."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def close_door(sock: socket.socket) -> None:
    """Let nobody new in, while who stands in the queue can still be accepted; elsewhere than on Linux nothing happens.

    A socket that is closed outright cuts off the clients in its queue, who may have asked already.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # a packet filter of one step: take no byte
    program = struct.pack("HP", 1, ctypes.addressof(code))
    with contextlib.suppress(OSError):  # a system without filters: the few in the queue have to ask again
        sock.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)
