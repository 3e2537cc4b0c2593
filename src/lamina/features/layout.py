"""What a network is given: the slots of all input columns, in the order of the arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from lamina.features.base import Slot

__all__ = ["Layout"]


@dataclasses.dataclass(frozen=True)
class Layout:
    """The input slots of a table, by group. A model is built from this alone, never from the data.

    Attributes:
        numbers: slots of the ``number`` array, (rows, len(numbers)) float32.
        flags: slots of the ``flag`` array, (rows, len(flags)) of 0 and 1.
        categories: slots of the ``category`` array, (rows, len(categories)) of codes below each slot's size.
        wide: slots with an array of their own, named by :attr:`wide_by_name`.

    Example:
        >>> layout = Layout.of([Slot("age", "value", "number"), Slot("sex", "value", "category", size=4)])
        >>> layout.dense_width
        5
    """

    numbers: tuple[Slot, ...] = ()
    flags: tuple[Slot, ...] = ()
    categories: tuple[Slot, ...] = ()
    wide: tuple[Slot, ...] = ()

    @classmethod
    def of(cls, slots: Iterable[Slot]) -> Layout:
        """Sort slots into their groups, keeping their order."""
        slots = list(slots)
        by_group = {
            group: tuple(slot for slot in slots if slot.group == group) for group in ("number", "flag", "category")
        }
        wide = tuple(slot for slot in slots if slot.is_wide)
        return cls(by_group["number"], by_group["flag"], by_group["category"], wide)

    @property
    def wide_by_name(self) -> dict[str, Slot]:
        """Wide slots by the name of their array: ``image000`` for the first, if it is a picture; then ``tokens001``."""
        return {f"{slot.group}{place:03}": slot for place, slot in enumerate(self.wide)}

    @property
    def holding_target(self) -> tuple[str, Slot]:
        """The wide slot that the target stands in, of which there must be one, after the name of its array."""
        (found,) = ((name, slot) for name, slot in self.wide_by_name.items() if slot.holds_target)
        return found

    @property
    def has_plain(self) -> bool:
        """Whether any slot is a plain value."""
        return bool(self.numbers or self.flags or self.categories)

    @property
    def sizes(self) -> list[int]:
        """How many codes each category slot has."""
        return [slot.size for slot in self.categories]

    @property
    def dense_width(self) -> int:
        """Columns of a plain matrix of numbers, flags and one-hot categories."""
        return len(self.numbers) + len(self.flags) + sum(self.sizes)

    @property
    def columns(self) -> list[str]:
        """The input columns, in the order of first appearance within the groups."""
        return list(dict.fromkeys(slot.column for slot in (*self.numbers, *self.flags, *self.categories, *self.wide)))
