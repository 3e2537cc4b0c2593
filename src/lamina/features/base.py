"""What every column type is: checked, learned from, turned into arrays, and back."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.base import MISSING, WIDE, Codec
from lamina.config import as_dict, check, settings
from lamina.errors import DataError, some

__all__ = [
    "MISSING",
    "WIDE",
    "Claim",
    "Feature",
    "NoSettings",
    "Profile",
    "Slot",
    "as_text",
    "blank_to_null",
    "field_of",
    "refuse",
]


def field_of(group: str) -> str:
    """The name that a wide group has in settings, where people speak of text and not of tokens."""
    return "text" if group == "tokens" else group


@settings
class NoSettings:
    """Nothing to set."""


@dataclasses.dataclass(frozen=True)
class Slot:
    """One input that a column gives to the network.

    Plain slots of one group lie side by side in one array of the store, in the order of the columns: ``number`` is
    (rows, slots) float32, ``flag`` is (rows, slots) uint8 of 0 and 1, ``category`` is (rows, slots) int32.

    A wide slot has a ragged array of its own (:class:`lamina.codecs.ragged.Ragged`), whose items have ``shape``:
    ``image``, one item a row, (height, width, channels) uint8; ``tokens``, items of shape () int32 from 1 to
    size - 1, since 0 fills up short rows in a batch; ``frames``, (channels,) float32; ``clip``, pictures in the order
    of time. A missing cell is a row without items.

    Attributes:
        column: the column that it comes from.
        part: what of the column it is: ``value``, ``missing``, ``hour`` ...
        group: ``number``, ``flag`` or ``category``; or ``image``, ``tokens``, ``frames`` or ``clip``, which are wide.
        size: how many codes there are (categories and tokens only).
        knots: quantiles of the training values at even shares, in the encoded scale, repeats kept (numbers only).
        shape: of one item (wide slots only).
        length: items of a long row of the training rows, by which networks are laid out (wide slots only).
        centre, scale: of each channel of the training pictures, 0 to 255, by which networks standardise them.
        spelling: what each token stands for, in UTF-8 (tokens of our own only).
        counts: how often each token came in the training texts (tokens of a text that keeps its words apart only).
        holds_target: whether the target stands in this column: a part of it, labels of its words.
    """

    column: str
    part: str
    group: str
    size: int = 1
    knots: tuple[float, ...] = ()
    shape: tuple[int, ...] = ()
    length: int = 1
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    spelling: tuple[bytes, ...] = dataclasses.field(default=(), repr=False)
    counts: tuple[int, ...] = dataclasses.field(default=(), repr=False)
    holds_target: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether a cell is more than a value: a picture, a text, a sound."""
        return self.group in WIDE


@dataclasses.dataclass(frozen=True)
class Profile:
    """What can be said of a column at first sight, from a sample of its cells.

    Attributes:
        name: the column's name.
        values: the sample, missing cells as null; of the source's own type (text for CSV).
        rows: cells in the sample, missing ones counted.
        distinct: different values among those that are there.
        is_target: whether the column is to be predicted.
        beside: of a column that is to be predicted, the same rows of the others, by name.
    """

    name: str
    values: pl.Series
    rows: int
    distinct: int
    is_target: bool = False
    beside: Mapping[str, pl.Series] = dataclasses.field(default_factory=dict)

    @property
    def present(self) -> int:
        """Cells that are not missing."""
        return self.rows - self.values.null_count()


@dataclasses.dataclass(frozen=True)
class Claim:
    """A feature's claim to a column: how well it fits (0 to 1), why, and the settings that fit."""

    strength: float
    evidence: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Feature(ABC):
    """A column's type. Plain numpy and polars: the same object serves training, prediction and serving.

    A subclass names its ``kind``, its ``Settings``, its learned ``State`` (a dataclass of JSON values), and writes the
    six methods. ``fit`` learns from training rows only; it may be fed in pieces by ``partial_fit`` and ``finish``.

    Args:
        column: the column's name in the table.
        settings: an instance of ``Settings``; defaults if None.
        is_target: whether the column is predicted; it then gets no codes for missing and unseen values.
    """

    kind: ClassVar[str]
    target_group: ClassVar[str] = ""  # group of the array that a target of this kind is; none: it cannot be predicted
    Settings: ClassVar[type] = NoSettings
    State: ClassVar[type]

    def __init__(self, column: str, settings: Any = None, *, is_target: bool = False) -> None:
        self.column = column
        self.settings = settings if settings is not None else self.Settings()
        self.is_target = is_target
        self.state: Any = None

    @classmethod
    @abstractmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        """Claim the column, with evidence, or leave it to others (None)."""

    @abstractmethod
    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        """Check cells and bring them to the feature's own dtype; missing cells become null.

        Args:
            values: cells as the source gives them.
            first_row: row number of the first cell, so that messages name rows of the source.

        Raises:
            DataError: if cells are not of this type; it names the rows.
        """

    @abstractmethod
    def partial_fit(self, values: pl.Series) -> Self:
        """Learn from more training cells, as ``read`` returned them."""

    @abstractmethod
    def finish(self) -> Self:
        """End learning: turn what was gathered into ``state``."""

    @property
    @abstractmethod
    def slots(self) -> list[Slot]:
        """The inputs that the column gives; known once fitted."""

    @abstractmethod
    def encode(self, values: pl.Series) -> dict[str, Any]:
        """Turn n cells, as ``read`` returned them, into one array for each group of its slots.

        It is (n, slots) for a plain group, and :class:`~lamina.codecs.ragged.Ragged` with n rows for a wide one.
        """

    @abstractmethod
    def decode(self, encoded: np.ndarray) -> pl.Series:
        """Turn encoded main values, shape (n,), back into cells."""

    def codec(self) -> Codec:
        """What was learned, as a codec that encodes the cells of a few rows as :meth:`encode` does, without polars.

        Raises:
            DataError: if such columns have none.
        """
        raise DataError(f"column {self.column!r} cannot be read outside of training", got=f"a {self.kind} column")

    def key(self, values: pl.Series) -> pl.Series:
        """What is equal where two cells, as ``read`` returned them, are the same to a network."""
        return values

    def fit(self, values: pl.Series) -> Self:
        """Learn from all training cells at once."""
        self.state = None
        return self.partial_fit(values).finish()

    def to_json(self) -> dict[str, Any]:
        """Everything needed to make the feature again, as JSON values."""
        return {
            "kind": self.kind,
            "column": self.column,
            "is_target": self.is_target,
            "settings": as_dict(self.settings),
            "state": None if self.state is None else dataclasses.asdict(self.state),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make a feature from what :meth:`to_json` gave."""
        feature = cls(values["column"], check(cls.Settings, values["settings"]), is_target=values["is_target"])
        if values["state"] is not None:
            feature.state = cls.State(**values["state"])
        return feature

    def summary(self) -> dict[str, Any]:
        """What a person wants to know of the column, as JSON values; shown by ``inspect`` and the report."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.column!r})"


def as_text(values: pl.Series) -> pl.Series:
    """Cells of any dtype as text; those that polars has no text for (lists, bytes, lengths of time) as Python shows."""
    if not values.dtype.is_nested() and values.dtype not in (pl.Object, pl.Binary, pl.Duration):
        return values.cast(pl.String)
    text = [None if cell is None else str(cell) for cell in values.to_list()]
    return pl.Series(values.name, text, dtype=pl.String)


def blank_to_null(values: pl.Series) -> pl.Series:
    """Strip blanks from text cells, and turn the usual words for "missing" (:data:`MISSING`) into null."""
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        stripped = values.str.strip_chars()
        return stripped.set(stripped.is_in(MISSING).fill_null(False), None)
    if values.dtype.is_float():
        return values.fill_nan(None)
    return values


def refuse(feature: Feature, values: pl.Series, bad: pl.Series, first_row: int, what: str, do: str) -> None:
    """Raise a DataError that names the column, the first bad cells and their rows; do nothing if none is bad."""
    rows = bad.fill_null(False).arg_true()
    if len(rows):
        cells = some((repr(cell) for cell in values.gather(rows[:5]).to_list()), 5)
        numbers = some((str(row + first_row) for row in rows.to_list()), 5)
        raise DataError(
            f"column {feature.column!r} {what}",
            got=f"{cells} in {len(rows)} cell(s), row(s) {numbers} (counted from 0)",
            do=do,
        )
