"""What a request can be refused with: a status, and an error of the usual form."""

from __future__ import annotations

from collections.abc import Mapping

from lamina.errors import LaminaError

__all__ = ["Refusal"]


class Refusal(LaminaError):
    """A request that is not answered as asked.

    Args:
        status: of HTTP: 400 what was sent is wrong, 401 and 403 not allowed, 404 not there, 405 not that way, 413 too
            much, 415 of no known form, 429 too many at once, 503 not now.
        what, got, allowed, do: as for :class:`lamina.errors.LaminaError`.
        headers: more of them.

    Example:
        >>> Refusal(404, "no such model", got="adlut", do="did you mean adult?").status
        404
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        got: object = None,
        allowed: object = None,
        do: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, got=got, allowed=allowed, do=do)
        self.status = status
        self.headers = dict(headers or {})
