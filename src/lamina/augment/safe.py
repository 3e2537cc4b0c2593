"""Whether mirrored pictures keep their class: found from the training rows.

A mirrored shirt is a shirt; a mirrored b is a d, and a mirrored 7 is nothing. Two small classifiers are trained on the
same few pictures, one also on their mirror images, and are asked about pictures that neither has seen. Where mirroring
keeps the class, the first one knows much of a mirror image, too, and the second one is as good as the first or better;
where it does not, the second one errs more often, or takes one class for another.
"""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Mirrored", "mirrored", "safe_flips"]

FEWEST = 200  # rows from which on one can tell
ROWS = 3_000  # rows that are looked at
SIDE = 16  # of the shrunk pictures
PARTS = 50  # principal components of these
TEACH = 600  # rows that teach a classifier, at most 40 a class
JUDGE = 1_000  # rows that it is asked about
REPEATS = 8  # times, with other rows each
RIDGE = 0.1  # added to the kernel's diagonal

# Calibrated on the training pictures of eight sets: see tests/augment/test_safe.py.
LEAST = 0.05  # of what there is to know beyond chance must be known, or nothing can be said
KEPT = 1 / 3  # share of the answer for its class that a mirror image must keep
WORSE = 0.03  # share by which errors may grow, or what is known beyond chance may shrink
TAKEN = 0.03  # share of a class that may be taken for another one because of mirror images
ALIKE = 0.65  # area under the curve up to which mirror images cannot be told from pictures


@dataclasses.dataclass(frozen=True)
class Mirrored:
    """What a classifier says of mirror images, and what being taught some does to its answers for pictures.

    Attributes:
        recall: mean recall over the classes of one that was taught no mirror images, on pictures.
        skill: share of the way from chance to certainty that this recall has come.
        kept: share of the answer for its class that a mirror image keeps; 0: no more than any picture gets.
        gain: what mirror images among the taught pictures add to the recall, and its standard error.
        worse: share by which errors grow, or by which recall beyond chance shrinks, whichever is more.
        taken: largest share of one class that is now taken for another and was not before, less twice its standard
            error.
        alike: area under the curve of telling pictures from mirror images, 0.5 where they cannot be told apart.
    """

    recall: float
    skill: float
    kept: float
    gain: tuple[float, float]
    worse: float
    taken: float
    alike: float

    @property
    def is_harmless(self) -> bool:
        """Whether the class is kept, as far as one can see."""
        return self.skill >= LEAST and self.kept >= KEPT and self.worse <= WORSE and self.taken <= TAKEN

    @property
    def is_helpful(self) -> bool:
        """Whether mirror images are also as likely as the pictures, or teach something."""
        return self.is_harmless and (self.alike <= ALIKE or self.gain[0] > 2 * self.gain[1] > 0)

    def __str__(self) -> str:
        return (
            f"a mirror image keeps {self.kept:.0%} of the answer for its class; taught with some, recall "
            f"{self.recall:.3f} changes by {self.gain[0]:+.3f}±{self.gain[1]:.3f}"
        )


def safe_flips(pictures: np.ndarray, classes: np.ndarray | None) -> tuple[bool, bool, str]:
    """Whether pictures may be mirrored left to right, and top to bottom, without changing what is to be predicted.

    Left to right: where it does no harm. Top to bottom, or where a number is predicted: only where it also helps, since
    most pictures have an up and a down. Nowhere below 200 rows, or without a target that can be looked at.

    Args:
        pictures: of training rows, (n, H, W, C) uint8; of films, C may be moments.
        classes: (n,) codes of classes, or a number to predict, which is looked at by its fifths where it has more than
            20 values; None: something else.

    Returns:
        whether left to right, whether top to bottom, and the evidence in one line.

    Example:
        >>> arrows = np.zeros((400, 8, 8, 1), np.uint8)
        >>> arrows[::2, 2:6, :4], arrows[1::2, 2:6, 4:] = 200, 200
        >>> arrows += np.random.default_rng(0).integers(0, 50, arrows.shape, dtype=np.uint8)
        >>> safe_flips(arrows, np.arange(400) % 2)[:2]
        (False, True)
    """
    if classes is None or len(pictures) < FEWEST:
        why = "no target to look at" if classes is None else f"{len(pictures)} rows are too few to tell"
        return False, False, f"no flips: {why}"
    chosen = np.random.default_rng(0).permutation(len(pictures))[:ROWS]
    pictures, classes = pictures[chosen], classes[chosen]
    is_number = np.issubdtype(classes.dtype, np.floating) and len(np.unique(classes)) > 20
    if is_number:
        classes = np.searchsorted(np.quantile(classes, [0.2, 0.4, 0.6, 0.8]), classes)
    codes = _common(classes)
    if codes.max(initial=0) < 1:
        return False, False, "no flips: fewer than two classes with four rows"
    kept = codes >= 0
    small = np.concatenate([_shrink(some) for some in np.array_split(pictures[kept], 32)])  # large ones take memory
    sideways, upside = (mirrored(small, codes[kept], axis) for axis in (2, 1))
    horizontal = sideways.is_helpful if is_number else sideways.is_harmless
    evidence = f"left to right {_word(horizontal)} ({sideways}); top to bottom {_word(upside.is_helpful)} ({upside})"
    return horizontal, upside.is_helpful, evidence


def _word(safe: bool) -> str:
    return "safe" if safe else "not safe"


def _common(classes: np.ndarray) -> np.ndarray:
    """Classes as codes from 0 on, the most frequent first; -1 where there are too few rows to teach and judge."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(counts), np.int64)
    place[order] = np.arange(len(counts))
    enough = (counts >= 4) & (place < TEACH // 4)
    return np.where(enough[codes], place[codes], -1)


def _shrink(pictures: np.ndarray) -> np.ndarray:
    """Means over blocks, each picture with mean 0 and deviation 1, so that light does not matter: (n, h, w, C)."""
    small: np.ndarray = pictures.astype(np.float32)
    for axis in (1, 2):
        size = small.shape[axis]
        edges = np.linspace(0, size, min(size, SIDE) + 1).astype(int)
        width = np.diff(edges).astype(np.float32).reshape([-1 if place == axis else 1 for place in range(4)])
        small = np.add.reduceat(small, edges[:-1], axis=axis) / width
    small -= small.mean((1, 2, 3), keepdims=True)
    return small / (small.std((1, 2, 3), keepdims=True) + 1e-3)


def mirrored(pictures: np.ndarray, codes: np.ndarray, axis: int) -> Mirrored:
    """Compare a classifier with one that is also taught mirror images.

    Args:
        pictures: (n, H, W, C) float32, small ones.
        codes: (n,) classes from 0 on.
        axis: 2 to mirror left to right, 1 top to bottom.
    """
    plain, mirror = _components(pictures, np.flip(pictures, axis))
    count = int(codes.max()) + 1
    before, after, straight, turned = np.zeros((4, count, count))  # class, answer
    gains, areas = [], []
    for repeat in range(REPEATS):
        teach, judge = _draw(codes, repeat)
        wanted = np.eye(count)[codes[teach]]
        asked = np.concatenate([plain[judge], mirror[judge]])
        first = _answers(plain[teach], wanted, asked)
        # The second one is also asked which of the two kinds a picture is: that costs another column, not another fit.
        kind = np.repeat([1.0, -1.0], len(teach))[:, None]
        both = np.concatenate([plain[teach], mirror[teach]])
        second = _answers(both, np.hstack([np.tile(wanted, (2, 1)), kind]), asked)
        half = slice(0, len(judge)), slice(len(judge), None)
        member = np.eye(count)[codes[judge]].T  # (classes, rows)
        now, then = (member @ np.eye(count)[said[half[0], :count].argmax(1)] for said in (first, second))
        gains.append(_recall(then) - _recall(now))
        areas.append(_area(second[half[0], -1], second[half[1], -1]))
        before, after = before + now, after + then
        straight, turned = straight + member @ first[half[0]], turned + member @ first[half[1]]
    recall, gain = _recall(before), float(np.mean(gains))
    return Mirrored(
        recall=recall,
        skill=(recall - 1 / count) / (1 - 1 / count),
        kept=_kept(straight, turned, before.sum(1)),
        gain=(gain, float(np.std(gains, ddof=1) / np.sqrt(REPEATS))),
        worse=-gain / max(min(recall - 1 / count, 1 - recall), 0.02),
        taken=_taken(before, after, np.bincount(codes)),
        alike=float(np.mean(areas)),
    )


def _components(pictures: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of both, together of variance 1: (n, parts) each."""
    rows = np.concatenate([pictures, mirror]).reshape(2 * len(pictures), -1)
    rows -= rows.mean(0)
    _, directions = np.linalg.eigh(rows.T @ rows)
    parts = rows @ directions[:, -PARTS:]
    parts /= np.sqrt(max(float(parts.var(0).sum()), 1e-12))
    return parts[: len(pictures)], parts[len(pictures) :]


def _draw(codes: np.ndarray, repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that teach, as many of each class, at most half of them; and others that judge."""
    order = np.random.default_rng(repeat).permutation(len(codes))
    counts = np.bincount(codes)
    by_class = order[np.argsort(codes[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    place = np.empty(len(codes), np.int64)  # of each row within its class
    place[by_class] = np.arange(len(codes)) - np.repeat(starts, counts)
    teaches = place < np.minimum(counts // 2, min(40, TEACH // len(counts)))[codes]
    return np.flatnonzero(teaches), order[~teaches[order]][:JUDGE]


def _answers(taught: np.ndarray, wanted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Ridge regression with a Gaussian kernel: (n, parts), (n, outputs), (m, parts) -> (m, outputs)."""
    wanted = wanted.astype(np.float32)
    kernel = _kernel(taught, taught)
    kernel[np.diag_indices(len(taught))] += RIDGE
    middle = wanted.mean(0)
    return _kernel(asked, taught) @ np.linalg.solve(kernel, wanted - middle) + middle


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    apart = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.exp(-np.maximum(apart, 0))


def _recall(table: np.ndarray) -> float:
    """Mean recall over the classes that were asked about."""
    asked = table.sum(1)
    return float((np.diag(table)[asked > 0] / asked[asked > 0]).mean())


def _kept(straight: np.ndarray, turned: np.ndarray, asked: np.ndarray) -> float:
    """What mirror images keep of the answer for their own class, both over its mean for all classes' pictures."""
    straight, turned = (answers / np.maximum(asked, 1)[:, None] for answers in (straight, turned))
    middle = straight.mean(0)
    return float((np.diag(turned) - middle).sum() / max((np.diag(straight) - middle).sum(), 1e-6))


def _taken(before: np.ndarray, after: np.ndarray, rows: np.ndarray) -> float:
    """Largest growth of a confusion as a share of its class, less twice its standard error."""
    grown = (after - before) / np.maximum(before.sum(1), 1)[:, None]
    np.fill_diagonal(grown, 0)
    # A row that is asked about in several repeats counts once.
    return float((grown - 2 * np.sqrt(np.maximum(grown, 0) / rows[:, None])).max())


def _area(pictures: np.ndarray, mirror: np.ndarray) -> float:
    """Area under the curve: the chance that a picture has a higher answer than a mirror image."""
    ranks = np.empty(len(pictures) + len(mirror))
    ranks[np.argsort(np.concatenate([pictures, mirror]), kind="stable")] = np.arange(1, len(ranks) + 1)
    return float((ranks[: len(pictures)].mean() - (len(pictures) + 1) / 2) / len(mirror))
