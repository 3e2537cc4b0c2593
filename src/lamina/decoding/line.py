"""A text while it is written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamina.decoding.constraint import Follower
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.stream import Stream
from lamina.decoding.written import Ending, Written

__all__ = ["Line"]


class Line:
    """One text while it is written: its tokens so far, and what has to go along with them.

    Args:
        before: ids of the text that is continued, at least one.
        lexicon: what ids stand for.
        settings: when it ends.
        row, number: the row that it is written for, and which of its alternatives it is.
        longest: tokens that are written at most, where the settings say more.
        follower: where it stands in the language that it is kept in.
        stream: its text as it comes.

    Attributes:
        ids, logs: as in :class:`~lamina.decoding.written.Written`.
        total: the log-probability that it is chosen by, where that is not its own.
        ended: by what, or None while it goes on.
    """

    def __init__(
        self,
        before: Sequence[int],
        lexicon: Lexicon,
        settings: DecodingSettings,
        *,
        row: int = 0,
        number: int = 0,
        longest: int | None = None,
        follower: Follower | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.before, self.lexicon, self.settings = list(before), lexicon, settings
        self.row, self.number, self.follower, self.stream = row, number, follower, stream
        self.longest = settings.longest if longest is None else min(settings.longest, longest)
        self.ids: list[int] = []
        self.logs: list[float] = []
        self.total = 0.0
        self.ended: Ending | None = None
        self._text = ""

    @property
    def place(self) -> int:
        """How many tokens stand before the next one."""
        return len(self.before) + len(self.ids)

    def add(self, one: int, log: float) -> str:
        """Take the next token, and give the text that has become certain, where there is a stream."""
        self.logs.append(log)
        if one in self.lexicon.ends:
            self.ended = "end"
        else:
            self.ids.append(one)
            if self.follower is not None:
                self.follower.take(one)
            self.ended = "longest" if len(self.ids) >= self.longest else None
        return self._told(one) if self.stream is not None else ""

    def _told(self, one: int) -> str:
        """The text that has become certain."""
        assert self.stream is not None
        piece = self.stream.add(one) if self.ended != "end" else ""
        if self.ended is not None:
            piece += self.stream.end()
        if self.stream.stopped:
            self.ended = "stop"
        self._text += piece
        return piece

    def copy(self) -> Line:
        """A line that goes on from here by itself."""
        other = Line.__new__(Line)  # a beam copies thousands, and copy.copy takes as long as all the rest
        other.__dict__.update(self.__dict__)
        other.ids, other.logs = self.ids.copy(), self.logs.copy()
        other.follower = self.follower.copy() if self.follower is not None else None
        other.stream = self.stream.copy() if self.stream is not None else None
        return other

    def written(self, score: float | None = None) -> Written:
        """The text, once it has ended; it is ranked by its own log-probability if nothing else is said."""
        assert self.ended is not None
        text = self._text if self.stream is not None else self.lexicon.continued(self.before, self.ids)
        return Written(text, self.ids, self.logs, math.fsum(self.logs) if score is None else score, self.ended)
