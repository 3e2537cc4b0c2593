"""Live progress on standard error."""

from __future__ import annotations

import sys
import time
from typing import TextIO

__all__ = ["Progress", "clock"]


class Progress:
    """One line that is rewritten in a terminal; in a file, a line now and then.

    Args:
        stream: where to; None says nothing.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.live = stream is not None and stream.isatty()
        self._every = 0.2 if self.live else 10.0
        self._last = 0.0
        self._open = False

    @classmethod
    def on(cls, wanted: bool) -> Progress:
        """Progress on standard error, or none."""
        return cls(sys.stderr if wanted else None)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self.stream is not None:
            self._clear()
            print(text, file=self.stream, flush=True)

    def update(self, text: str) -> None:
        """The line of the moment; passed over if the last one was just now."""
        now = time.monotonic()
        if self.stream is None or now - self._last < self._every:
            return
        self._last = now
        if self.live:
            self.stream.write(f"\r\033[K{text[:119]}")
            self._open = True
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def _clear(self) -> None:
        if self._open and self.stream is not None:
            self.stream.write("\r\033[K")
            self._open = False


def clock(seconds: float) -> str:
    """Seconds as a person reads them: ``clock(75)`` is ``'1:15'``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
