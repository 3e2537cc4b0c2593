"""Languages that texts are kept in: after each token, only those may follow that a text of the language goes on with.

A :class:`Grammar` is followed by `llguidance`, which makes a mask of a hundred thousand tokens in microseconds.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from lamina.decoding.lexicon import Lexicon
from lamina.errors import DataError, SettingError
from lamina.extras import need
from lamina.features.tokens import FIRST, Characters, Pieces, Pretrained, Tokens

__all__ = ["Constraint", "Follower", "Grammar", "of_pattern", "of_schema"]


class Follower(ABC):
    """Abstract: where one text stands in a language."""

    @abstractmethod
    def allowed(self) -> np.ndarray:
        """Which ids may come next, (size,) bool, the ends where the text may end; at least one."""

    @abstractmethod
    def take(self, one: int) -> None:
        """Go on with an id that is allowed and no end."""

    @abstractmethod
    def copy(self) -> Follower:
        """One that goes on from here by itself."""


class Constraint(ABC):
    """Abstract: a language that texts are kept in, over the ids of one vocabulary."""

    @abstractmethod
    def begin(self) -> Follower:
        """Stand at the beginning of a text."""


class Grammar(Constraint):
    """What a context-free grammar allows. Needs ``llguidance``.

    Only tokens that spell text as it is can follow one: characters, pieces, and those of pre-trained models. A text
    that the ``longest`` setting cuts is the beginning of one that the grammar allows.

    Args:
        lexicon: whose ids are masked.
        grammar: rules in the form of Lark, the first one named ``start``; strings, /patterns/ and ``%json { ... }``.
        what: how messages call it.

    Raises:
        MissingExtraError: if ``llguidance`` is not installed.
        SettingError: if the grammar says what cannot be followed, or the tokens are words.
    """

    def __init__(self, lexicon: Lexicon, grammar: str, what: str = "grammar") -> None:
        self.lexicon = lexicon
        self._library = need("llguidance", extra="grammar", why="to keep to a grammar")
        self._spelling = _spelling(self._library, lexicon)
        # Where only one text can follow, the library would allow one way of spelling it; the network shall choose.
        grammar = f'{grammar}\n%llguidance {{"no_forcing": true}}\n'
        limits = self._library.LLParserLimits(verbose_errors=False)
        self._matcher = self._library.LLMatcher(self._spelling, grammar, log_level=0, limits=limits)
        if self._matcher.is_error():
            raise SettingError(f"the {what} cannot be followed", got=_said(self._matcher.get_error()))

    def begin(self) -> Follower:
        return _GrammarFollower(self._matcher.deep_copy(), self.lexicon)


def of_schema(lexicon: Lexicon, schema: Mapping[str, Any] | bool) -> Grammar:
    """JSON that a JSON Schema allows, without blanks between its parts, keys in the order of the schema.

    What the schema leaves open is allowed: ``additionalProperties`` unless false, strings of any length.

    Raises:
        MissingExtraError, SettingError: as :class:`Grammar`; also for a keyword that is not understood, since text that
            ignores it would not be valid.
    """
    values = {"x-guidance": {"whitespace_flexible": False}, **schema} if isinstance(schema, Mapping) else schema
    return Grammar(lexicon, f"start: %json {json.dumps(values)}", "JSON schema")


def of_pattern(lexicon: Lexicon, pattern: str) -> Grammar:
    """Text that a regular expression matches as a whole, in the syntax that Python and Rust share.

    Raises:
        MissingExtraError, SettingError: as :class:`Grammar`.
    """
    # A slash or a new line would end the pattern; what is escaped already stays as it is.
    ends = {"/": r"\/", "\n": r"\n"}
    escaped = re.sub(r"\\.|/|\n", lambda found: ends.get(found[0], found[0]), pattern)
    return Grammar(lexicon, f"start: /{escaped or '()'}/", "pattern")


class _GrammarFollower(Follower):
    """Where a text stands in a grammar."""

    def __init__(self, matcher: Any, lexicon: Lexicon) -> None:
        self._matcher, self._lexicon = matcher, lexicon

    def allowed(self) -> np.ndarray:
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise DataError(
                "no token of the vocabulary continues a text of the grammar",
                got=_said(self._matcher.get_error()),
                do="take tokens that spell every character: pieces",
            )
        return np.unpackbits(bits, bitorder="little", count=self._lexicon.tokens.size).astype(bool)

    def take(self, one: int) -> None:
        taken = self._matcher.consume_token(one)
        assert taken, self._matcher.get_error()

    def copy(self) -> Follower:
        return _GrammarFollower(self._matcher.deep_copy(), self._lexicon)


def _said(error: str) -> str:
    """What the library says of an error, without its own state and the grammar, line by line, that follow."""
    return re.split(r"\n<state>|\n\s*\d+ \| ", error.removeprefix("at 1(8): "))[0]  # where every schema begins


class _Spelled:
    """A vocabulary in the form that the library asks for."""

    bos_token_id = None

    def __init__(self, tokens: Sequence[bytes], special: Sequence[int], end: int) -> None:
        self.tokens, self.special_token_ids, self.eos_token_id = tokens, special, end

    def __call__(self, text: str | bytes) -> list[int]:
        return []  # asked for forced text alone, which is not forced here


def _spelling(library: ModuleType, lexicon: Lexicon) -> Any:
    """The library's view of a vocabulary."""
    spelled, special = _bytes_of(library, lexicon.tokens)
    special = sorted({*special, *lexicon.ends, *lexicon.never})
    wrapped = library.TokenizerWrapper(_Spelled(spelled, special, lexicon.ends[0]))
    return library.LLTokenizer(wrapped, eos_token=list(lexicon.ends))


def _bytes_of(library: ModuleType, tokens: Tokens) -> tuple[list[bytes], list[int]]:
    """The bytes that each id stands for, and the ids that stand for none."""
    reserved = [f"<{one}>".encode() for one in range(FIRST)]
    if isinstance(tokens, Characters):
        return [*reserved, *(name.encode() for name in tokens.names)], list(range(FIRST))
    if isinstance(tokens, Pieces):
        return [*reserved, *tokens.pieces], list(range(FIRST))
    if isinstance(tokens, Pretrained):
        own = library.LLTokenizer(tokens._tokenizer.to_str())
        ids = range(tokens.size - 1)  # each is one more here, as 0 fills up rows
        special = [0, *(one + 1 for one in ids if own.is_special_token(one))]
        return [reserved[0], *(own.decode_bytes([one]) for one in ids)], special
    raise SettingError(
        "these tokens cannot keep to a grammar, as they do not spell text as it is", got=type(tokens).__name__,
        allowed="characters, pieces, pretrained", do="train with tokens: pieces",
    )  # fmt: skip
