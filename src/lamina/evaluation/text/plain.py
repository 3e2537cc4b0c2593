"""What stands beside a network that writes: texts as they are, from the training rows or from what is read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.text import extract
from lamina.evaluation.wide import learn_views
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.features.sentences import sentences
from lamina.features.tokens import spelled_out
from lamina.names import Names

__all__ = [
    "COMPANY",
    "TEXT_BASELINES",
    "Reading",
    "constant",
    "lead",
    "nearest",
    "sources_of",
    "textrank",
    "texts_beside",
]

TEXT_BASELINES = Names(
    "baseline of a text",
    {
        "constant": "lamina.evaluation.text.plain:constant",
        "nearest": "lamina.evaluation.text.plain:nearest",
        "lead": "lamina.evaluation.text.plain:lead",
        "textrank": "lamina.evaluation.text.plain:textrank",
    },
    group="lamina.text_baselines",
)


class Reading(NamedTuple):
    """What a baseline may look at.

    Attributes:
        taught: outlines of n training rows.
        judged: outlines of the m rows that are judged.
        texts: (n,) what the training rows say.
        sources: (m,) the text that each judged row is written from; None unless it is a text of several sentences, and
            the only one.
        seed: of whatever is drawn.
    """

    taught: Matrix
    judged: Matrix
    texts: np.ndarray
    sources: list[str] | None = None
    seed: int = 0


def texts_beside(reading: Reading, *, which: str | Sequence[str]) -> dict[str, Baseline]:
    """Answer the judged rows without a network.

    Args:
        reading: the rows.
        which: ``all``, ``none``, or some of :data:`TEXT_BASELINES`. Those that take a sentence of what is read are left
            out silently where that is no text of several sentences, unless they are named.

    Raises:
        SettingError: on an unknown name; it gives the nearest one.

    Example:
        >>> rows = Matrix.of({"number": np.arange(3, dtype=np.float32)[:, None]}, sizes=[], rows=3)
        >>> found = texts_beside(Reading(rows, rows[:2], np.array(["a", "b", "b"], object)), which="all")
        >>> found["constant"].answer.text.tolist(), found["nearest"].note
        (['b', 'b'], 'left out: there is no picture, text, sound or series to compare')
    """
    found = {}
    for name in chosen(which, TEXT_BASELINES):
        if name in EXTRACTS and reading.sources is None and which == "all":
            continue
        started = time.monotonic()
        said = TEXT_BASELINES[name](reading)
        seconds = time.monotonic() - started
        found[name] = Baseline(None, 0.0, _ABSENT[name]) if said is None else Baseline(Answer(text=said), seconds)
    return found


EXTRACTS = ("lead", "textrank")
SEVERAL = 2  # sentences that a text has on average, if taking one of them can be a summary
_ABSENT = {"nearest": "left out: there is no picture, text, sound or series to compare"} | dict.fromkeys(
    EXTRACTS, "left out: what is read is not one text of several sentences"
)


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    matrices = Matrix.of_rows(layout, taught), Matrix.of_rows(layout, judged)
    return texts_beside(Reading(*matrices, task.truth(taught.target(0)), sources_of(layout, judged), seed), which=which)


COMPANY = Company(TEXT_BASELINES, _answer)


def sources_of(layout: Layout, rows: Rows) -> list[str] | None:
    """The texts that rows are written from, as their tokens spell them; None where there is not one of several
    sentences."""
    spelled = {name: slot.spelling for name, slot in layout.wide_by_name.items() if slot.spelling}
    if len(spelled) != 1:
        return None
    ((name, spelling),) = spelled.items()
    texts = [text.strip() for text in spelled_out(rows.ragged(name), spelling)]
    return texts if texts and np.mean([len(sentences(text)) for text in texts]) >= SEVERAL else None


def constant(reading: Reading) -> np.ndarray:
    """The most frequent text of the training rows; of several the first by name."""
    counts = Counter(reading.texts.tolist())
    return np.full(len(reading.judged), min(counts, key=lambda text: (-counts[text], text)), object)


def nearest(reading: Reading) -> np.ndarray | None:
    """The text of the training row whose wide columns are most like those of the row; None where there are none.

    Alike by the cosine over TF-IDF of texts, thumbnails of pictures, and figures of sounds and series.
    """
    taught, judged = reading.taught, reading.judged
    if not judged.wide:
        return None
    views = learn_views(taught.wide, reading.seed, {"linear"})
    sides = []
    for matrix in (taught, judged):
        seen = [sparse.csr_matrix(view.columns(matrix.wide[name], "linear")) for name, view in views.items()]
        sides.append(sparse.hstack(seen, format="csr"))
    with threadpool_limits(limits=1):
        alike = NearestNeighbors(n_neighbors=1, metric="cosine").fit(sides[0])
        places = alike.kneighbors(sides[1], return_distance=False)[:, 0]
    return np.asarray(reading.texts[places])


def lead(reading: Reading) -> np.ndarray | None:
    """The first sentence of what is read."""
    return None if reading.sources is None else np.array([extract.lead(text) for text in reading.sources], object)


def textrank(reading: Reading) -> np.ndarray | None:
    """The sentence of what is read that most others are like."""
    return None if reading.sources is None else np.array([extract.central(text) for text in reading.sources], object)
