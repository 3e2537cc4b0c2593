"""A conversation with a network, turn by turn."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from lamina.chatting.settings import ChatSettings
from lamina.chatting.speaker import Speaker
from lamina.config import check
from lamina.decoders.remembered import Remembered
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written
from lamina.errors import UsageError
from lamina.features.wording import ASSISTANT

__all__ = ["Chat"]


class Chat:
    """A conversation: what was said is read with each turn, and what of it was read before costs nothing.

    Where it becomes longer than the network can read, its oldest turns are left out, two at a time; they stay in
    :attr:`turns`.

    Args:
        speaker: the network.
        settings: of :class:`~lamina.chatting.settings.ChatSettings`, where they differ from what its maker gave it.

    Attributes:
        speaker: the network.
        settings: all of them.
        left_out: how many of the oldest turns the last answer was given without.
        written: the last answer as it was written, with its tokens and how it ended; None before the first.

    Raises:
        SettingError: if there is no such setting, or its value is out of bounds.

    Example:
        >>> from lamina.decoders.gpt import GPT, GPTSettings
        >>> from lamina.features.tokens import Characters
        >>> from lamina.features.wording import PlainWording
        >>> tokens = Characters(list("abcdefg"), lower=True)
        >>> network = GPT(tokens.size, None, GPTSettings(width=8, heads=2, depth=1))
        >>> chat = Chat(Speaker(network, PlainWording(tokens, end=3)), longest=5)
        >>> chat.say("a bed") == chat.turns[-1]["content"]
        True
        >>> [turn["role"] for turn in chat.turns]
        ['user', 'assistant']
    """

    def __init__(self, speaker: Speaker, **settings: Any) -> None:
        self.speaker = speaker
        self.settings = check(ChatSettings, {**speaker.usual, **settings}, "chat")
        self.written: Written | None = None
        self.left_out = 0
        self._turns: list[dict[str, str]] = []
        asked = None if self.settings.context == "auto" else self.settings.context
        self._decoder = Remembered(speaker.decoder, min(filter(None, (asked, speaker.context)), default=None))
        self._writer = Writer(self._decoder, speaker.lexicon, self.settings)

    @property
    def turns(self) -> list[dict[str, str]]:
        """What was said: ``role`` (user, assistant) and ``content`` of each turn."""
        return [dict(turn) for turn in self._turns]

    @property
    def context(self) -> int | None:
        """How many tokens of the conversation the network reads; None: any number."""
        return self._decoder.longest

    def reset(self) -> None:
        """Begin anew; what the network is told before the first turn stays."""
        self._turns, self.left_out, self.written = [], 0, None

    def say(self, text: str) -> str:
        """Say something, and get the whole answer; errors as of :meth:`stream`."""
        return "".join(self.stream(text))

    def stream(self, text: str) -> Generator[str, None, None]:
        """Say something, and get the answer piece by piece as it becomes certain.

        An answer that is broken off stays as far as it was given.

        Raises:
            UsageError: if there is nothing in it, or it is longer than the network can read.
            DataError: if the network's template refuses the turns.
        """
        if not text.strip():
            raise UsageError("there is nothing to answer", got=repr(text), do="say something")
        turns = [*self._turns, {"role": "user", "content": text}]
        return self._answered(turns, *self._prompt(turns))

    def _answered(self, turns: list[dict[str, str]], prompt: list[int], left_out: int) -> Generator[str, None, None]:
        pieces: list[str] = []
        self.written, self.left_out = None, left_out
        stream = self._writer.stream(prompt=prompt)
        try:
            self.written = yield from _noted(stream, pieces)
        finally:
            if pieces or self.written is not None:
                self._turns = [*turns, {"role": ASSISTANT, "content": "".join(pieces)}]

    def _prompt(self, turns: list[dict[str, str]]) -> tuple[list[int], int]:
        """What the network reads, and how many of the oldest turns it is without."""
        most = self._room()
        for left_out in range(self.left_out, len(turns), 2):
            prompt = self.speaker.wording.prompt([*self._told(), *turns[left_out:]])
            if most is None or len(prompt) <= most:
                return prompt, left_out
        assert self.context is not None
        if len(prompt) < self.context:  # room for an answer, if not for a long one
            return prompt, left_out
        raise UsageError(
            "this is longer than the network can read",
            got=f"{len(prompt)} tokens, with what it is told before",
            allowed=f"fewer than {self.context}",
            do="say less at a time",
        )

    def _room(self) -> int | None:
        """How long a prompt may be so that an answer has room behind it: half of all at least."""
        return None if self.context is None else max(self.context // 2, self.context - self.settings.longest)

    def _told(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.settings.system}] if self.settings.system else []


def _noted(stream: Generator[str, None, Written], pieces: list[str]) -> Generator[str, None, Written]:
    """The same stream; its pieces are kept too."""
    while True:
        try:
            piece = next(stream)
        except StopIteration as ended:
            return ended.value
        pieces.append(piece)
        yield piece
