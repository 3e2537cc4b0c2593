"""The one encoder: raw rows to arrays, the same in training, prediction and serving."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.errors import DataError, MissingColumnError, nearest
from lamina.features import FEATURES
from lamina.features.base import WIDE, Feature
from lamina.features.layout import Layout
from lamina.features.media import Broken, Media
from lamina.features.placed import Placed
from lamina.features.text import Text

__all__ = ["Encoder"]


class Encoder:
    """The features of a table's input and target columns, used together.

    Args:
        inputs: features of the columns that are given.
        targets: features of the columns to predict.

    Example:
        >>> from lamina.features.boolean import Boolean
        >>> encoder = Encoder([Boolean("a")], [])
        >>> frame = encoder.read(pl.DataFrame({"a": ["yes", "no"]}))
        >>> encoder.partial_fit(frame).finish().encode(frame)["flag"].ravel().tolist()
        [1, 0]
    """

    def __init__(self, inputs: Sequence[Feature], targets: Sequence[Feature]) -> None:
        self.inputs = list(inputs)
        self.targets = list(targets)

    @property
    def layout(self) -> Layout:
        """The slots of all inputs; known once fitted."""
        held = {feature.settings.of for feature in self.targets if isinstance(feature, Placed)}
        slots = (slot for feature in self.inputs for slot in feature.slots)
        return Layout.of(
            dataclasses.replace(slot, holds_target=True) if slot.column in held else slot for slot in slots
        )

    def read(self, frame: pl.DataFrame, first_row: int = 0, *, targets: bool = False) -> pl.DataFrame:
        """Check raw columns and bring them to the features' own dtypes. Other columns are left out.

        Args:
            frame: raw rows; columns in any order, more columns are fine.
            first_row: row number of the first row in its source, for messages.
            targets: whether the target columns are read too.

        Raises:
            MissingColumnError: if a column is not there; it names it and the nearest one.
            DataError: if cells are not of their feature's type.
        """
        features = self.inputs + (self.targets if targets else [])
        missing = [feature.column for feature in features if feature.column not in frame.columns]
        if missing:
            raise MissingColumnError(
                f"column {missing[0]!r} is missing" + (f", and {len(missing) - 1} more" if missing[1:] else ""),
                got=f"columns {', '.join(frame.columns[:20])}",
                do=nearest(missing[0], frame.columns) or "add the column, or train without it (--inputs)",
            )
        return pl.DataFrame(
            [feature.read(frame[feature.column], first_row).alias(feature.column) for feature in features]
        )

    def partial_fit(self, frame: pl.DataFrame) -> Self:
        """Learn from more training rows, as :meth:`read` returned them."""
        for feature in self.inputs + self.targets:
            feature.partial_fit(frame[feature.column])
        return self

    def finish(self) -> Self:
        """End learning. Targets that cannot be learned from are refused here."""
        for feature in self.inputs + self.targets:
            feature.finish()
        return self

    def encode(self, frame: pl.DataFrame, broken: Broken | None = None, first_row: int = 0) -> dict[str, Any]:
        """Input columns as arrays: (rows, slots) for each plain group, and a ragged one for each wide slot by its name.

        Args:
            frame: rows as :meth:`read` returned them.
            broken: takes the places of rows with a file that cannot be decoded.
            first_row: number of the first row, for messages.

        Raises:
            DataError: if a file cannot be decoded and ``broken`` is None.
        """
        parts: dict[str, list[np.ndarray]] = {"number": [], "flag": [], "category": []}
        wide: dict[str, Ragged] = {}
        for feature in self.inputs:
            if feature.slots:
                cells = frame[feature.column]
                if isinstance(feature, Media):
                    arrays = feature.encode(cells, broken, first_row)
                else:
                    arrays = feature.encode(cells)
                for group, array in arrays.items():
                    if group in WIDE:
                        wide[f"{group}{len(wide):03}"] = array
                    else:
                        parts[group].append(array)
        empty = {"number": np.float32, "flag": np.uint8, "category": np.int32}
        plain = {
            group: np.concatenate(arrays, axis=1) if arrays else np.empty((len(frame), 0), empty[group])
            for group, arrays in parts.items()
        }
        return {**plain, **wide}

    def encode_targets(self, frame: pl.DataFrame, refused: Broken | None = None, first_row: int = 0) -> list[Any]:
        """Target columns: codes (rows,) int32, numbers (rows,) float32, label flags (rows, labels) uint8, or a ragged
        array of tokens or places.

        Args:
            frame: rows as :meth:`read` returned them.
            refused: takes the places of rows whose target does not fit what it stands in.
            first_row: number of the first row, for messages.

        Raises:
            DataError: if a column cannot be predicted; or if a target does not fit and ``refused`` is None.
        """
        return [self._target(feature, frame, refused, first_row) for feature in self.targets]

    def _target(self, feature: Feature, frame: pl.DataFrame, refused: Broken | None, first_row: int) -> Any:
        cells = frame[feature.column]
        if isinstance(feature, Placed):
            text = next(one for one in self.inputs if one.column == feature.settings.of)
            assert isinstance(text, Text)
            return feature.encode_in(cells, frame[text.column], text, refused, first_row)
        group = feature.target_group
        if not group:
            able = [name for name in FEATURES if FEATURES[name].target_group]
            raise DataError(
                f"column {feature.column!r} cannot be predicted yet",
                got=f"a {feature.kind} column",
                allowed=", ".join(able),
                do=f"say --feature {feature.column}=category, or =number",
            )
        if isinstance(feature, Media):
            array = feature.encode(cells, refused, first_row)[group]
        else:
            array = feature.encode(cells)[group]
        return array if isinstance(array, Ragged) or feature.kind == "labels" else array[:, 0]

    def to_json(self) -> dict[str, Any]:
        """All features with what they learned, as JSON values."""
        return {
            "inputs": [feature.to_json() for feature in self.inputs],
            "targets": [feature.to_json() for feature in self.targets],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make an encoder from what :meth:`to_json` gave."""
        inputs, targets = (
            [FEATURES[item["kind"]].from_json(item) for item in values[role]] for role in ("inputs", "targets")
        )
        return cls(inputs, targets)
