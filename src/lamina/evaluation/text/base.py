"""What all scores of written text share: rows of texts that have been looked at, sums over rows, and a figure of them.

A score is a figure of sums, and the sums are over rows: each row gives k numbers once, and another draw of the rows is
one matrix product. So a thousand bootstrap replicates of BLEU cost little more than one, and two systems can be
compared on the same draws.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina import __version__
from lamina.errors import DataError

__all__ = [
    "BLOCK",
    "Figure",
    "References",
    "RowStatistics",
    "Score",
    "blocks",
    "column",
    "in_blocks",
    "measure",
    "pairs",
    "ratio",
]

BLOCK = 500_000  # characters that are counted at a time: their n-grams fit into memory, however many rows there are

References = Any  # a column of texts, or of lists of texts where there are several references a row
RowStatistics = Callable[[References, Iterable[str]], np.ndarray]  # references (n,), said (n,) -> (n, k)
Figure = Callable[[np.ndarray], np.ndarray]  # sums (..., k) -> (...)


@dataclasses.dataclass(frozen=True)
class Score:
    """One way to judge texts that were written against texts that a person wrote.

    Attributes:
        name: its name in files.
        label: its name for people.
        greater_is_better: None where neither is.
        statistics: (references, said) -> float64 (n, k); the numbers of a row are added up over rows.
        figure: sums (..., k) -> (...), the score; of the statistics themselves it is the score of each row.
        rule: how texts are read, in the form of sacrebleu's signatures.

    Example:
        >>> length = Score("length", "Length", None, lambda references, said: np.array([[len(said)]]), np.squeeze)
        >>> length(["a", "b"], ["a", "c"])
        2.0
    """

    name: str
    label: str
    greater_is_better: bool | None
    statistics: RowStatistics
    figure: Figure
    rule: str = ""

    def __call__(self, references: References, said: Iterable[str]) -> float:
        """The score of all rows."""
        return float(self.figure(self.statistics(references, said).sum(axis=0)))

    def signature(self, references: References) -> str:
        """How the score was made, so that it can be made again: ``nrefs:1|case:mixed|...|version:lamina-0.1.0``."""
        lengths = {1 if isinstance(row, str) else len(row) for row in _listed(references, "references")}
        several = str(lengths.pop()) if len(lengths) == 1 else "var"
        return "|".join(part for part in (f"nrefs:{several}", self.rule, f"version:lamina-{__version__}") if part)


def measure(scores: Sequence[Score], references: References, said: Iterable[str]) -> Callable[[np.ndarray], np.ndarray]:
    """Bind scores to texts: weights (R, n) -> scores (R, len(scores)), as the bootstrap wants it.

    Scores that name the same statistics share them.

    Example:
        >>> from lamina.evaluation.intervals import bootstrap
        >>> from lamina.evaluation.text.edits import WER
        >>> truth = ["one two", "three"]
        >>> systems = {"a": measure([WER], truth, ["one two", "tree"]), "b": measure([WER], truth, ["one", "tree"])}
        >>> found = bootstrap(systems, 2, seed=0, resamples=10)  # the same draws for both
        >>> round(float(found["b"].value[0] - found["a"].value[0]), 3)
        0.333
    """
    said = column(said, "said")
    # By identity: two scores share statistics where they name the same function.
    bound = {statistics: statistics(references, said) for statistics in {score.statistics for score in scores}}
    return lambda weights: np.stack([score.figure(weights @ bound[score.statistics]) for score in scores], axis=1)


def in_blocks(
    count: Callable[[list[list[str]], list[str]], np.ndarray], references: References, said: Iterable[str]
) -> np.ndarray:
    """Count rows block by block, after a look at them: (n, k) float64."""
    references, said = pairs(references, said)
    sizes = [sum(map(len, given), len(text)) for given, text in zip(references, said, strict=True)]
    return np.concatenate([count(references[block], said[block]) for block in blocks(sizes)])


def blocks(sizes: Sequence[int]) -> list[slice]:
    """Rows that follow each other, about :data:`BLOCK` characters at a time.

    Args:
        sizes: (n,) characters of each row.

    Example:
        >>> blocks([300_000, 300_000, 10])
        [slice(0, 1, None), slice(1, 3, None)]
    """
    number = np.cumsum(sizes) // BLOCK
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return [slice(int(start), int(end)) for start, end in itertools.pairwise([*starts, len(sizes)])]


def pairs(references: References, said: Iterable[str], *, may_lack: bool = False) -> tuple[list[list[str]], list[str]]:
    """References and texts row by row, looked at.

    Args:
        references: (n,) texts, or a list of texts for each row; a list, a polars column or an array.
        said: (n,) texts.
        may_lack: a row may have no reference: there is nothing right to say.

    Returns:
        A list of references for each row, and the texts.

    Raises:
        DataError: if the numbers of rows differ, there is none, a text is missing or no text, or a row has no
            reference.

    Example:
        >>> pairs(["a", ["b", "c"]], ["a", "c"])
        ([['a'], ['b', 'c']], ['a', 'c'])
    """
    said = column(said, "said")
    rows = [[row] if row is None or isinstance(row, str) else row for row in _listed(references, "references")]
    if len(rows) != len(said):
        raise DataError(
            "as many texts as references are needed",
            got=f"{len(said):,} texts and references of {len(rows):,} rows",
            do="give one text for each row, and several references as a list within their row",
        )
    if not said:
        raise DataError("no rows to judge on", got="0 texts", do="give rows whose reference is known")
    given = [list(row) if isinstance(row, list | tuple | np.ndarray | pl.Series) else [row] for row in rows]
    for number, row in enumerate(given):
        if not row and not may_lack:
            raise DataError("a row has no reference", got=f"row {number}", do="leave the row out")
        for text in row:
            _check(text, number, "a reference")
    return given, said


def column(texts: Iterable[str], name: str) -> list[str]:
    """A column of texts as a list, looked at.

    Raises:
        DataError: if it is a single text, or one of them is missing or no text.
    """
    found = _listed(texts, name)
    for number, text in enumerate(found):
        _check(text, number, "a text")
    return found


def _listed(texts: Any, name: str) -> list[Any]:
    if isinstance(texts, str):
        raise DataError("a column of texts is needed", got=f"one text as {name}", do="put it into a list")
    return texts.tolist() if isinstance(texts, np.ndarray) else list(texts)


def _check(text: Any, row: int, what: str) -> None:
    if text is None or (isinstance(text, float) and math.isnan(text)):
        raise DataError(f"{what} is missing", got=f"null in row {row}", do="leave the row out, or give an empty text")
    if not isinstance(text, str):
        raise DataError(f"{what} is not text", got=f"{type(text).__name__} in row {row}", allowed="str")


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A part of a whole, NaN where there is no whole.

    Example:
        >>> ratio(np.array([1, 0]), np.array([4, 0])).tolist()
        [0.25, nan]
    """
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
