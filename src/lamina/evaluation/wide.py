"""What baselines see of texts, pictures, sounds and series: words counted, thumbnails, a few figures a channel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from typing import Any, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from lamina.codecs.ragged import Ragged
from lamina.evaluation.matrix import Cells, shrunk
from lamina.features.tokens import UNKNOWN

__all__ = ["Figures", "Form", "Grams", "View", "learn_views"]

MOST_GRAMS = 30_000  # words and pairs of words that are counted, the most frequent ones
LEAST_TEXTS = 2  # that a word must stand in
MOST_TOKENS = 4_000_000  # that words are learned from: of more, every second, third ... text
COMPONENTS = 50  # of the words, for methods that take few columns
# Texts have unit length; made longer, they are held back less by a penalty: for logistic regression it is C = 10.
LENGTH = 10**0.5
PAIR = 2**31  # the key of a pair of tokens is first * PAIR + second, that of one token itself

Form = Literal["linear", "kernel", "tree"]


class View(ABC):
    """Columns of numbers in the place of one wide column."""

    @abstractmethod
    def learn(self, cells: Any, seed: int, forms: Set[Form]) -> Self:
        """Learn from the training rows what the forms need."""

    @abstractmethod
    def columns(self, cells: Any, form: Form) -> Any:
        """Rows as (n, k) float32, dense or sparse: all that there is for linear methods, less for trees."""


def learn_views(wide: Mapping[str, Cells], seed: int, forms: Set[Form]) -> dict[str, View]:
    """A view of each wide column, learned from the outlines of the training rows."""
    views: dict[str, View] = {}
    for name, cells in wide.items():
        view: View = Grams() if isinstance(cells, Ragged) else Figures()
        views[name] = view.learn(cells, seed, forms)
    return views


class Grams(View):
    """Texts as TF-IDF of their words and pairs of neighbours (Salton and Buckley 1988), the term's count as its
    logarithm; for kernels and trees its 50 main directions (latent semantic analysis, Deerwester et al. 1990).

    Example:
        >>> texts = Ragged.of([np.array([5, 6]), np.array([5, 6, 7]), np.array([8])])
        >>> Grams().learn(texts, 0, {"linear"}).columns(texts, "linear").toarray().round(1)
        array([[1.8, 1.8, 1.8],
               [1.8, 1.8, 1.8],
               [0. , 0. , 0. ]], dtype=float32)
    """

    def learn(self, cells: Ragged, seed: int, forms: Set[Form]) -> Self:
        step = max(1, -(-len(cells.values) // MOST_TOKENS))
        taught = cells.take(np.arange(0, len(cells), step)) if step > 1 else cells
        rows, keys = _grams(taught)
        names, codes = np.unique(keys, return_inverse=True)
        once = np.unique(codes * np.int64(len(taught)) + rows)  # a word that stands twice in a text counts once
        texts = np.bincount(once // max(1, len(taught)), minlength=len(names))
        order = np.argsort(-texts, kind="stable")[:MOST_GRAMS]
        kept = np.sort(order[texts[order] >= LEAST_TEXTS])
        self.names = names[kept]
        self.weights = (np.log((1 + len(taught)) / (1 + texts[kept])) + 1).astype(np.float32)
        self.directions: np.ndarray | None = None
        self.scale = 1.0
        if forms & {"kernel", "tree"} and len(kept) > COMPONENTS < len(taught):
            found = self.columns(taught, "linear")
            # A text without a word that is known says nothing of the directions.
            self.directions = TruncatedSVD(COMPONENTS, random_state=seed).fit(found).components_.T.astype(np.float32)
            self.scale = float((found @ self.directions).std()) or 1.0
        return self

    def columns(self, cells: Ragged, form: Form) -> Any:
        found = self._weighed(cells)
        if form == "linear":
            return found
        return found.toarray() if self.directions is None else (found @ self.directions) / self.scale

    def _weighed(self, cells: Ragged) -> Any:
        """(n, words) float32, sparse, each row of the same length, or of none."""
        if not len(self.names):
            return sparse.csr_matrix((len(cells), 0), dtype=np.float32)
        rows, keys = _grams(cells)
        codes = np.minimum(np.searchsorted(self.names, keys), len(self.names) - 1)
        known = self.names[codes] == keys
        ones = np.ones(int(known.sum()), np.float32)
        counts = sparse.csr_matrix((ones, (rows[known], codes[known])), (len(cells), len(self.names)))
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.weights[counts.indices]
        lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        counts.data *= np.repeat(LENGTH / np.maximum(lengths, 1e-9), np.diff(counts.indptr)).astype(np.float32)
        return counts


def _grams(texts: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """Each known token and pair of neighbours: the text that it stands in, and its key, (total,) int64 each."""
    tokens = np.asarray(texts.values, np.int64)
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    known = tokens != UNKNOWN
    pair = (rows[1:] == rows[:-1]) & known[1:] & known[:-1]
    pairs = tokens[:-1][pair] * PAIR + tokens[1:][pair]
    return np.concatenate([rows[known], rows[1:][pair]]), np.concatenate([tokens[known], pairs])


class Figures(View):
    """Thumbnails, and figures of sounds and series, with mean 0 and deviation 1 over the training rows; for trees as
    they are, pictures with a quarter of the pixels. Where training cells are missing, a column says so.

    Example:
        >>> cells = np.array([[1.0], [3.0], [np.nan]])
        >>> Figures().learn(cells, 0, {"linear"}).columns(cells, "linear").tolist()
        [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """

    def learn(self, cells: np.ndarray, seed: int, forms: Set[Form]) -> Self:
        flat = _flat(cells)
        there = ~np.isnan(flat).any(axis=1)
        known = flat if there.all() else flat[there]
        self.has_missing, self.has_any = len(known) < len(flat), len(known) > 0
        mean = known.mean(axis=0, dtype=np.float64) if self.has_any else np.zeros(flat.shape[1])
        variance = known.var(axis=0, dtype=np.float64) if self.has_any else np.ones(flat.shape[1])
        if cells.ndim == 4:
            # One scale for all pixels: one at the border, hardly ever lit, is not to count as much as the others.
            variance[:] = variance.mean()
        self.mean = mean.astype(np.float32)
        self.deviation = np.where(variance > 1e-12, np.sqrt(variance), 1.0).astype(np.float32)
        return self

    def columns(self, cells: np.ndarray, form: Form) -> Any:
        if form == "tree" and cells.ndim == 4:
            cells = shrunk(cells, -(-cells.shape[1] // 2), -(-cells.shape[2] // 2))
        flat = _flat(cells)
        parts = [flat if self.has_any else np.zeros_like(flat)]  # boosting takes no column that is always missing
        if form != "tree":
            parts = [np.nan_to_num((flat - self.mean) / self.deviation)]
            if self.has_missing:
                parts.append(np.isnan(flat[:, :1]))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def _flat(cells: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, columns) float32."""
    return cells.reshape(len(cells), -1).astype(np.float32, copy=False)
