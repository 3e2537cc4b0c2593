"""Text that becomes certain token by token."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from lamina.decoding.lexicon import BROKEN, Lexicon

__all__ = ["Stream"]

LONGEST = 16  # tokens that are looked at again at each step; more only while a character is not whole


class Stream:
    """The text of tokens that come one by one: each piece is given once it is certain.

    Held back is a character whose bytes have not all come, and what may be the beginning of a stop string. The pieces
    joined are the text of all tokens together, up to the first stop string.

    Args:
        lexicon: turns ids into text.
        before: ids of the text that is continued; it is not given again.
        stops: strings that the text ends before.

    Attributes:
        stopped: whether a stop string has come; nothing is given from then on.

    Example:
        >>> from lamina.features.tokens import Characters
        >>> stream = Stream(Lexicon(Characters(list("abc!"), lower=False)), stops=["c!"])
        >>> [stream.add(one) for one in (4, 6, 5, 6, 7)], stream.stopped
        (['a', '', 'cb', '', ''], True)
    """

    def __init__(self, lexicon: Lexicon, before: Sequence[int] = (), stops: Sequence[str] = ()) -> None:
        self.stopped = False
        self._lexicon, self._stops = lexicon, tuple(stops)
        # Text is made of the latest tokens only, from a place where a character begins.
        self._ids = list(before)
        self._whole = len(self._ids)
        self._given = len(self._text().rstrip(BROKEN))
        self._held = ""

    def add(self, one: int) -> str:
        """Take the next token, and give the text that has become certain."""
        self._ids.append(one)
        text = self._text()
        certain = text.rstrip(BROKEN)
        new, self._given = certain[self._given :], max(self._given, len(certain))
        if new and certain == text:
            self._forget()
        return self._parted(new, last=False)

    def end(self) -> str:
        """Give what was held back: no token comes any more."""
        return self._parted(self._text()[self._given :], last=True)

    def copy(self) -> Stream:
        """A stream that goes on from here by itself."""
        other = copy.copy(self)
        other._ids = self._ids.copy()
        return other

    def _text(self) -> str:
        return self._lexicon.text(self._ids)

    def _forget(self) -> None:
        """Drop what need not be looked at again, and note that the text is whole here.

        The tokens since the place before stay: how a token is written may hang on the one before it.
        """
        if len(self._ids) > LONGEST:
            del self._ids[: self._whole]
            self._given = len(self._text())
        self._whole = len(self._ids)

    def _parted(self, new: str, *, last: bool) -> str:
        """What can be given of the text held back and the new one."""
        if self.stopped or not self._stops:
            return "" if self.stopped else new
        self._held += new
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        self.stopped = bool(found)
        end = min(found) if found else len(self._held) - (0 if last else self._doubtful())
        given, self._held = self._held[:end], "" if found else self._held[end:]
        return given

    def _doubtful(self) -> int:
        """How many characters at the end of the text held back may begin a stop string."""
        longest = max(map(len, self._stops)) - 1
        for count in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-count:]) for stop in self._stops):
                return count
        return 0
