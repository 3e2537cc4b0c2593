"""Pseudo-labels: what networks answer to rows without a target, where they are sure, as labels that others learn from.

Lee 2013, "Pseudo-Label: the simple and efficient semi-supervised learning method for deep neural networks", in its
plainest form: label once, then learn anew. A fold's rows are labelled by networks that have not learned from that fold,
for networks that will not learn from it either, so that nothing of a row's own target comes back to where it is judged.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lamina.data.prepare import UNLABELLED
from lamina.data.rows import Rows
from lamina.data.split import FOLDS
from lamina.data.store import Store
from lamina.errors import SettingError, some
from lamina.features.base import Feature
from lamina.files import atomic
from lamina.plan import Plan
from lamina.tasks.base import Task

__all__ = ["PSEUDO", "PseudoLabels", "check_pseudo", "sure", "taught", "told"]

PSEUDO = "pseudo.parquet"
LEARNED = FOLDS  # the fold of a row with a pseudo-label: it teaches whatever fold judges, and never judges


def check_pseudo(plan: Plan, targets: Sequence[Feature]) -> None:
    """Refuse pseudo-labels where there is not one target of classes.

    Raises:
        SettingError: naming the targets.
    """
    if plan.train.pseudo is None or [feature.kind in ("category", "boolean") for feature in targets] == [True]:
        return
    raise SettingError(
        "train.pseudo gives labels to rows of one target of classes",
        got=some(f"{feature.column} ({feature.kind})" for feature in targets),
        allowed="a single category or boolean",
        do="leave it out: rows without a target are then set aside",
    )


def sure(probability: np.ndarray, least: float, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose likeliest class has at least some probability, and that class; of no class too many.

    Easy classes would crowd out the others. So for each true label, no class gets more pseudo-labels than the middle
    one does, the surest first (after Zou et al. 2018, "Unsupervised domain adaptation for semantic segmentation via
    class-balanced self-training").

    Args:
        probability: of each class, (n, classes).
        least: from which on it is sure.
        counts: (classes,) true labels of each class.

    Returns:
        (m,) places among the rows, rising, and (m,) codes.

    Example:
        >>> chance = np.array([[0.5, 0.5], [0.02, 0.98], [0.96, 0.04], [0.97, 0.03], [0.98, 0.02]])
        >>> places, codes = sure(chance, 0.95, np.array([1, 1]))
        >>> places.tolist(), codes.tolist()
        ([1, 3, 4], [1, 0, 0])
    """
    places = np.flatnonzero(probability.max(axis=1, initial=0) >= least)
    if not len(places):
        return places, np.zeros(0, np.int64)
    codes = probability[places].argmax(axis=1)
    share = np.bincount(codes, minlength=len(counts)) / np.maximum(counts, 1)
    most = np.ceil(np.median(share[share > 0]) * np.maximum(counts, 1)).astype(np.int64)
    surest = np.argsort(-probability[places, codes], kind="stable")
    kept = np.sort(np.concatenate([surest[codes[surest] == code][:limit] for code, limit in enumerate(most)]))
    return places[kept], codes[kept]


def taught(learn: Store, places: np.ndarray, codes: np.ndarray) -> Store:
    """The same rows, but that some without a target have one, and teach.

    Args:
        learn: encoded rows.
        places: (m,) of rows in it.
        codes: (m,) of their classes.
    """
    fold, target = np.array(learn.arrays["fold"]), np.array(learn.arrays["target000"])
    fold[places], target[places] = LEARNED, codes
    made = copy.copy(learn)
    made.arrays = {**learn.arrays, "fold": fold, "target000": target}
    return made


class PseudoLabels:
    """The labels of a run, in ``pseudo.parquet``: written once, so that whoever goes on learns from the same.

    Args:
        folder: the run.
        learn: its encoded rows; those without a target are there in the order of the source.
        task: of the target.
        least: probability from which on an answer is a label.

    Attributes:
        unlabelled: the rows without a target.
    """

    def __init__(self, folder: Path, learn: Store, task: Task, least: float) -> None:
        self.path, self.learn, self.task, self.least = folder / PSEUDO, learn, task, least
        fold, target = np.asarray(learn.arrays["fold"]), np.asarray(learn.arrays["target000"])
        self.unlabelled = Rows(learn, np.flatnonzero(fold == UNLABELLED).astype(np.uint32))
        self._counts = np.bincount(target[fold != UNLABELLED], minlength=len(task.feature.names))  # type: ignore[attr-defined]

    def give(self, fold: int, answer: Callable[[Rows], np.ndarray]) -> Store | None:
        """The rows with the labels of a fold; None where no answer is sure enough.

        Args:
            fold: that judges, and whose rows those who answer have not learned from.
            answer: activated outputs for rows, (n, width); asked only where the labels are not there yet.
        """
        frame = self._read()
        if fold not in frame["fold"]:
            frame = pl.concat([frame, self._labelled(fold, answer(self.unlabelled))])
            with atomic(self.path) as temporary:
                frame.write_parquet(temporary)
        rows = self.unlabelled.array("row")
        found = frame.filter(pl.col("fold") == fold, pl.col("row").is_in(rows.tolist()))
        if found.is_empty():
            return None
        feature = self.task.feature
        codes = feature.encode(feature.read(found["label"]))["category"][:, 0]
        return taught(self.learn, self.unlabelled.places[np.searchsorted(rows, found["row"].to_numpy())], codes)

    def count(self, folds: Sequence[int]) -> list[int]:
        """How many rows have a label in each fold."""
        labelled = self._read()["fold"]
        return [int((labelled == fold).sum()) for fold in folds]

    def _labelled(self, fold: int, predicted: np.ndarray) -> pl.DataFrame:
        probability = self.task.answer(predicted).probability
        assert probability is not None
        places, codes = sure(probability, self.least, self._counts)
        label = self.task.feature.decode(codes).alias("label")
        chosen = {
            "row": self.unlabelled.array("row")[places].astype(np.int64),
            "fold": np.full(len(places), fold, np.uint8),
            "label": label,
            "probability": probability[places, codes],
        }
        return pl.DataFrame(chosen)

    def _read(self) -> pl.DataFrame:
        if self.path.exists():
            return pl.read_parquet(self.path)
        return self._labelled(0, np.zeros((0, self.task.width), np.float32))


def told(document: Mapping[str, Any]) -> str:
    """What came of pseudo-labels, in a few sentences.

    Args:
        document: ``pseudo`` of ``scores.json``: ``threshold``; ``rows`` without a target; ``labelled`` ones by fold;
            ``valid_rows``; ``before`` and ``after``, each with the ``loss`` and ``accuracy`` of these; and ``kept``.
    """
    fewest, most = min(document["labelled"]), max(document["labelled"])
    rows, least = f"{document['rows']:,} rows without a target", f"{document['threshold']:g}"
    if not most:
        return f"None of {rows} was answered with a probability of {least} or more, so nothing was learned from them."
    count = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    said = f"Of {rows}, {count} were labelled by the network, each with a probability of {least} or more"
    if len(document["labelled"]) > 1:
        said += f", for each of {len(document['labelled'])} folds by networks that have not learned from it"
    if not document["valid_rows"]:
        return f"{said}. Without valid rows nothing says whether that helped; the networks that learned from them stay."
    before, after = document["before"], document["after"]
    return (
        f"{said}. On {document['valid_rows']:,} valid rows the loss was {before['loss']:.4g} before and "
        f"{after['loss']:.4g} after learning from them too, the accuracy {before['accuracy']:.4g} and "
        f"{after['accuracy']:.4g}; the networks {_KEPT[document['kept']]} are kept."
    )


_KEPT = {"before": "that learned from true labels alone", "after": "that learned from both"}
