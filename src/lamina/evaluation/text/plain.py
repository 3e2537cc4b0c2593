"""What stands beside a network that writes: texts that are taken from the training rows as they are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from lamina.data.batches import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.wide import learn_views
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.names import Names

__all__ = ["COMPANY", "TEXT_BASELINES", "constant", "nearest", "texts_beside"]

TEXT_BASELINES = Names(
    "baseline of a text",
    {
        "constant": "lamina.evaluation.text.plain:constant",
        "nearest": "lamina.evaluation.text.plain:nearest",
    },
    group="lamina.text_baselines",
)


def texts_beside(
    taught: Matrix, judged: Matrix, texts: np.ndarray, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    """Answer the judged rows without a network.

    Args:
        taught: outlines of n training rows.
        judged: outlines of the rows that are judged.
        texts: (n,) what the training rows say.
        which: ``all``, ``none``, or some of :data:`TEXT_BASELINES`.
        seed: of whatever they draw.

    Raises:
        SettingError: on an unknown name; it gives the nearest one.

    Example:
        >>> rows = Matrix.of({"number": np.arange(3, dtype=np.float32)[:, None]}, sizes=[], rows=3)
        >>> found = texts_beside(rows, rows[:2], np.array(["a", "b", "b"], object), which="all", seed=0)
        >>> found["constant"].answer.text.tolist(), found["nearest"].note
        (['b', 'b'], 'left out: there is no picture, text, sound or series to compare')
    """
    found = {}
    for name in chosen(which, TEXT_BASELINES):
        started = time.monotonic()
        said = TEXT_BASELINES[name](taught, judged, texts, seed)
        seconds = time.monotonic() - started
        if said is None:
            found[name] = Baseline(None, 0.0, "left out: there is no picture, text, sound or series to compare")
        else:
            found[name] = Baseline(Answer(text=said), seconds)
    return found


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    texts = task.truth(taught.target(0))
    return texts_beside(Matrix.of_rows(layout, taught), Matrix.of_rows(layout, judged), texts, which=which, seed=seed)


COMPANY = Company(TEXT_BASELINES, _answer)


def constant(taught: Matrix, judged: Matrix, texts: np.ndarray, seed: int) -> np.ndarray:
    """The most frequent text of the training rows; of several the first by name."""
    counts = Counter(texts.tolist())
    return np.full(len(judged), min(counts, key=lambda text: (-counts[text], text)), object)


def nearest(taught: Matrix, judged: Matrix, texts: np.ndarray, seed: int) -> np.ndarray | None:
    """The text of the training row whose wide columns are most like those of the row; None where there are none.

    Alike by the cosine over TF-IDF of texts, thumbnails of pictures, and figures of sounds and series.
    """
    if not judged.wide:
        return None
    views = learn_views(taught.wide, seed, {"linear"})
    sides = []
    for matrix in (taught, judged):
        seen = [sparse.csr_matrix(view.columns(matrix.wide[name], "linear")) for name, view in views.items()]
        sides.append(sparse.hstack(seen, format="csr"))
    with threadpool_limits(limits=1):
        alike = NearestNeighbors(n_neighbors=1, metric="cosine").fit(sides[0])
        places = alike.kneighbors(sides[1], return_distance=False)[:, 0]
    return np.asarray(texts[places])
