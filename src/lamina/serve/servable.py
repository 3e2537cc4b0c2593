"""What can be served: anything that says which rows it takes, and predicts them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

__all__ = ["Servable"]


@runtime_checkable
class Servable(Protocol):
    """A model as the service sees it; a bundle that :func:`lamina.runtime.load` opened is one.

    It may also have ``examples``, a few ``rows`` and the ``answers`` to them, and ``scores``.

    Attributes:
        name: what it is called.
        schema: ``input`` and ``output``, the JSON Schema of a row and of an answer, both objects. A column whose cells
            are files says ``"contentEncoding": "base64"``: its cells come as bytes, never as names of files, so that
            nobody reads the files of this machine by asking.
    """

    name: str
    schema: dict[str, Any]

    def predict(self, rows: Any) -> Any:
        """Answers to a list of rows, each by its columns, in their order.

        Raises:
            LaminaError: if a row cannot be read; it names the row, counted from 0, and the column.
        """
