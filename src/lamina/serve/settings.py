"""How a service listens, and what it bears: plain dataclasses, since what is served needs no pydantic."""

from __future__ import annotations

import dataclasses
from typing import Any

from lamina.errors import SettingError

__all__ = ["LOOPBACK", "TOKEN_LENGTH", "ServeSettings", "described"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_LENGTH = 16  # characters that a token has at least


def _setting(default: Any, help: str, least: float | None = None, most: float | None = None) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Settings of a service.

    Raises:
        SettingError: if one is out of bounds, or the service would be open to others without a token.

    Example:
        >>> ServeSettings(port=0).batch
        64
    """

    host: str = _setting("127.0.0.1", "Address to listen on; any but this machine's own needs a token.")
    port: int = _setting(8000, "Port to listen on; 0: any that is free.", 0, 65535)
    token: str | None = _setting(None, "What clients must send: Authorization: Bearer TOKEN.")
    workers: int = _setting(1, "Processes that answer, each with the models in its memory.", 1, 256)
    batch: int = _setting(64, "Rows that the network takes at once, at most.", 1, 65536)
    queue: int = _setting(1024, "Rows that may wait; a request that finds no room is answered 429.", 1)
    rows: int = _setting(1000, "Rows of one request, at most.", 1)
    deadline: float = _setting(
        10.0, "Seconds until an answer; a request that waited longer is answered 503.", 0.001, 3600
    )
    body: int = _setting(16_000_000, "Bytes of one request's body, at most.", 1)
    patience: float = _setting(20.0, "Seconds that a client may take to send a request.", 0.1, 3600)
    connections: int = _setting(1000, "Connections of one process at a time.", 1)
    drain: float = _setting(30.0, "Seconds for what is being answered, after the service was told to end.", 0, 3600)
    log: bool = _setting(False, "Write a line of JSON for every request on standard error.")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, least, most = getattr(self, field.name), field.metadata["least"], field.metadata["most"]
            if least is None:
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not least <= value <= (most or float("inf")) or (field.type == "int" and value % 1):
                allowed = f">= {least:g}" + (f" and <= {most:g}" if most else "")
                raise SettingError(f"setting {field.name} is not valid", got=repr(value), allowed=allowed)
        if self.token is not None and (len(self.token) < TOKEN_LENGTH or not _plain(self.token)):
            raise SettingError(
                "the token is not valid", got=f"{len(self.token)} characters",
                allowed=f"{TOKEN_LENGTH} or more letters, digits and signs, without blanks",
                do='python -c "import secrets; print(secrets.token_urlsafe())" makes one',
            )  # fmt: skip
        if not self.is_alone and self.token is None:
            raise SettingError(
                "who can reach this machine could ask the model", got=f"--host {self.host} and no token",
                allowed=f"{', '.join(LOOPBACK)} without a token; any with one", do="say --token, or set LAMINA_TOKEN",
            )  # fmt: skip

    @property
    def is_alone(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in LOOPBACK or self.host.startswith("127.")


def _plain(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


def described() -> list[tuple[str, type, Any, str]]:
    """(name, type, default, help) of each setting, for options of the command line."""
    kinds = {"int": int, "float": float, "bool": bool}
    return [
        (field.name, kinds.get(str(field.type), str), field.default, field.metadata["help"])
        for field in dataclasses.fields(ServeSettings)
    ]
