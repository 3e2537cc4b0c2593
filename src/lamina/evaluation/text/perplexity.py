"""How surprised a language model is by texts or pieces: perplexity, bits per byte, and nats per step.

All come from the same sums: minus the logarithms of the probabilities that the model gave to what came. Perplexities
and nats per token can be compared only among models with the same tokens; bits per byte among all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lamina.errors import DataError
from lamina.evaluation.text.base import column, ratio

__all__ = ["bits_per_byte", "nats_per_step", "perplexity", "sizes", "statistics"]


def sizes(texts: Iterable[str]) -> np.ndarray:
    """Bytes of texts in UTF-8, (n,) int64.

    Example:
        >>> sizes(["abc", "größe"]).tolist()
        [3, 7]
    """
    return np.array([len(text.encode(errors="surrogatepass")) for text in column(texts, "texts")], dtype=np.int64)


def statistics(
    nats: Sequence[float] | np.ndarray,
    steps: Sequence[int] | np.ndarray,
    size: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """The sums of each row side by side: (n, 3).

    Args:
        nats: (n,) minus the sum of the logarithms (base e) of a row's probabilities.
        steps: (n,) what was predicted: tokens of a text, with the one that ends it if that was predicted too; time
            steps of a piece, each of which may have several notes.
        size: (n,) bytes of a row, as of :func:`sizes`; not known where left out.

    Raises:
        DataError: if the numbers of rows differ, there is none, or a number is negative or not finite.

    Example:
        >>> statistics([2.0, 4.0], [1, 2], [3, 5]).tolist()
        [[2.0, 1.0, 3.0], [4.0, 2.0, 5.0]]
    """
    given = {"nats": nats, "steps": steps, "bytes": np.zeros(len(nats)) if size is None else size}
    columns = {name: np.asarray(values, np.float64) for name, values in given.items()}
    shapes = {values.shape for values in columns.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        got = ", ".join(f"{name} of shape {values.shape}" for name, values in columns.items())
        raise DataError("nats, steps and bytes of the same rows are needed", got=got, allowed="one number a row")
    if not len(columns["nats"]):
        raise DataError("no rows to judge on", got="0 rows", do="give rows whose text is known")
    for name, values in columns.items():
        # Of a certain model rounding may leave a little less than nothing.
        wrong = np.flatnonzero(~np.isfinite(values) | (values < (-1e-3 if name == "nats" else 0)))
        if len(wrong):
            got = f"{values[wrong[0]]} in row {wrong[0]}"
            raise DataError(f"{name} must be finite and not negative", got=got, do="look at that row")
    return np.column_stack(list(columns.values()))


def nats_per_step(sums: np.ndarray) -> np.ndarray:
    """The loss a step: (..., 3) -> (...), sums of :func:`statistics`."""
    return ratio(sums[..., 0], sums[..., 1])


def perplexity(sums: np.ndarray) -> np.ndarray:
    """Among how many tokens the model hesitates, on average: (..., 3) -> (...).

    Example:
        >>> float(perplexity(statistics([3 * np.log(10)], [3])[0]).round(6))
        10.0
    """
    with np.errstate(over="ignore"):  # a hopeless model's is infinite
        return np.exp(nats_per_step(sums))


def bits_per_byte(sums: np.ndarray) -> np.ndarray:
    """To how many bits the model would pack a byte: (..., 3) -> (...); NaN where bytes are not known.

    Example:
        >>> float(bits_per_byte(statistics([np.log(2) * 12], [3], [6])[0]).round(6))
        2.0
    """
    return ratio(sums[..., 0] / np.log(2), sums[..., 2])
