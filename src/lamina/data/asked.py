"""What is asked in one column and answered in another, as dialogues of two turns."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lamina.data.table import Part, Table
from lamina.errors import MissingColumnError, UsageError, nearest, some
from lamina.features.base import as_text, blank_to_null

__all__ = ["asked"]

TURNS = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def asked(table: Table, question: str, answer: str) -> Table:
    """The same rows with a dialogue in the place of an answer: what is asked, and what is answered.

    Args:
        table: the rows.
        question: column of what is asked; it is then no column any more.
        answer: column of what is answered. Where either is missing the dialogue is.

    Raises:
        MissingColumnError: if a column is not there.
        UsageError: if both are the same.

    Example:
        >>> from lamina.data.read import read
        >>> table = asked(read({"question": ["How much?"], "answer": ["Two."]}), "question", "answer")
        >>> [turn["content"] for turn in table.head(1)["answer"][0]]
        ['How much?', 'Two.']
    """
    for name in (question, answer):
        if name not in table.dtypes:
            raise MissingColumnError(
                f"column {name!r} is not a column of the table", allowed=some(table.names, 20),
                do=nearest(name, table.names),
            )  # fmt: skip
    if question == answer:
        raise UsageError("a column cannot be both asked and answered", got=question)
    made = Table([_Asked(table, question, answer)], table.source)
    made.prefixes = table.prefixes
    return made


class _Asked(Part):
    """A table whose answers are dialogues."""

    def __init__(self, table: Table, question: str, answer: str) -> None:
        self.table, self.question, self.answer = table, question, answer
        self.name, self.rows = table.source, table.known_rows
        kept = {name: dtype for name, dtype in table.dtypes.items() if name != question}
        self.dtypes = {**kept, answer: TURNS}

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        needed = [*columns, *([self.question] if self.answer in columns else [])]
        for frame in self.table.chunks(needed, rows):
            yield self._joined(frame).select(columns)

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        return self._joined(self.table.sample(n, seed)).select(list(self.dtypes))

    def digest(self) -> str:
        return self.table.fingerprint()

    def _joined(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.answer not in frame.columns:
            return frame
        both = [blank_to_null(as_text(frame[name])).to_list() for name in (self.question, self.answer)]
        cells = [
            None if one is None or other is None
            else [{"role": "user", "content": one}, {"role": "assistant", "content": other}]
            for one, other in zip(*both, strict=True)
        ]  # fmt: skip
        return frame.with_columns(pl.Series(self.answer, cells, dtype=TURNS))
