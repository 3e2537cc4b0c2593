"""Whole texts from a network that says what follows."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence

import torch

from lamina.decoders.base import Decoder, Memory
from lamina.decoding.beam import beam_search
from lamina.decoding.constraint import Constraint
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.line import Line
from lamina.decoding.search import opened, search
from lamina.decoding.settings import DecodingSettings, check_alternatives
from lamina.decoding.stream import Stream
from lamina.decoding.written import Written
from lamina.errors import UsageError

__all__ = ["Writer"]


class Writer:
    """Writes texts with a decoder: many at once, or one that is shown as it comes.

    A text is the same whatever batch its row is in. By chance too: what is drawn hangs on the seed, the row's number
    and the place in the text alone, so that a text whose beginning is given as its prompt goes on as it did.

    Args:
        decoder: says what follows.
        lexicon: what its ids stand for.
        settings: how texts are drawn.
        constraint: a language that all texts are kept in.

    Raises:
        SettingError: if more alternatives are asked for than there can be.
    """

    def __init__(
        self,
        decoder: Decoder,
        lexicon: Lexicon,
        settings: DecodingSettings,
        constraint: Constraint | None = None,
    ) -> None:
        check_alternatives(settings)
        self.decoder, self.lexicon, self.settings, self.constraint = decoder, lexicon, settings, constraint

    @torch.inference_mode()
    def write(
        self,
        memory: Memory | None = None,
        prompts: Sequence[Sequence[int]] | None = None,
        rows: Sequence[int] | None = None,
    ) -> list[list[Written]]:
        """Write texts, all in one batch.

        Args:
            memory: what is read, of B rows; None for a network that reads nothing.
            prompts: ids of B texts that are continued, of any lengths, each with what texts begin with; that alone if
                not given, for each row of the memory, or one.
            rows: numbers of the rows, which chance hangs on; 0 to B - 1 if not given.

        Returns:
            For each row its alternatives: of a beam the best first, by chance in the order in which they were drawn.

        Raises:
            UsageError: if a prompt is empty.
            DataError: if the vocabulary has no token that the constraint's language goes on with.
        """
        count = len(memory.values) if memory is not None else len(prompts) if prompts is not None else 1
        prompts = self._prompts(prompts, count)
        lines = [
            self._line(prompt, row) for prompt, row in zip(prompts, range(count) if rows is None else rows, strict=True)
        ]
        if not lines:
            return []
        with _resting(self.decoder):
            logits, state = opened(self.decoder, lines, memory)
            if self.settings.how == "beam":
                return beam_search(self.decoder, lines, logits, state)
            number = self.settings.alternatives
            if number > 1:
                lines = [self._line(line.before, line.row, one) for line in lines for one in range(number)]
                places = torch.arange(count, device=logits.device).repeat_interleave(number)
                logits, state = logits[places], self.decoder.select(state, places)
            for _ in search(self.decoder, lines, logits, state):
                continue
        written = [line.written() for line in lines]
        return [written[place : place + number] for place in range(0, len(written), number)]

    def stream(
        self, memory: Memory | None = None, prompt: Sequence[int] | None = None, row: int = 0
    ) -> Generator[str, None, Written]:
        """Write one text, and give its pieces as they become certain; joined they are the text.

        Args:
            memory: what is read, of one row; None for a network that reads nothing.
            prompt: ids of the text that is continued, with what texts begin with; that alone if not given.
            row: its number, which chance hangs on.

        Yields:
            Pieces of text, none empty.

        Returns:
            The whole, as :meth:`write` gives it.

        Raises:
            UsageError: for a beam or several alternatives, where nothing is certain before the end; and as
                :meth:`write`.
        """
        if not self.settings.streams:
            raise UsageError(
                "only a single text that is written token by token can be shown as it comes",
                got=f"how={self.settings.how}, alternatives={self.settings.alternatives}",
                do="how=greedy or how=sample, alternatives=1",
            )
        (before,) = self._prompts(None if prompt is None else [prompt], 1)
        return self._pieces(self._line(before, row, watched=True), memory)

    @torch.inference_mode()
    def _pieces(self, line: Line, memory: Memory | None) -> Generator[str, None, Written]:
        with _resting(self.decoder):
            for _, piece in search(self.decoder, [line], *opened(self.decoder, [line], memory)):
                if piece:
                    yield piece
        return line.written()

    def _prompts(self, prompts: Sequence[Sequence[int]] | None, count: int) -> list[list[int]]:
        """The prompts as lists of ids."""
        if prompts is None:
            return [[self.lexicon.start]] * count
        found = [[int(one) for one in prompt] for prompt in prompts]
        empty = [place for place, prompt in enumerate(found) if not prompt]
        if empty:
            raise UsageError(
                "a text to be continued has no token", got=f"text {empty[0]}", do="begin it with the lexicon's start"
            )
        return found

    def _line(self, before: Sequence[int], row: int, number: int = 0, watched: bool = False) -> Line:
        """A line with all that goes along with it."""
        stops, most = self.settings.stop, self.decoder.longest
        return Line(
            before, self.lexicon, self.settings, row=row, number=number,
            longest=None if most is None else max(1, most - len(before) + 1),  # the last one is not read any more
            follower=self.constraint.begin() if self.constraint is not None else None,
            stream=Stream(self.lexicon, before, stops) if stops or watched else None,
        )  # fmt: skip


@contextlib.contextmanager
def _resting(decoder: Decoder) -> Iterator[None]:
    """Without dropout, whatever the mode was."""
    training = decoder.training
    decoder.eval()
    try:
        yield
    finally:
        decoder.train(training)
