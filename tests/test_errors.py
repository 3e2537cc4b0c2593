"""The tree of exceptions, and the form of their messages."""

from __future__ import annotations

import copy
import inspect
import re

import pytest

from lamina import errors
from lamina.errors import LaminaError, UsageError, nearest, some

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, LaminaError)]

# A name in the tree at the top of the file, with the branches before it: "│   ├── NotARunError".
DRAWN = re.compile(r"^    (?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+Error)\b(?P<rest>.*)$", re.MULTILINE)


def drawn() -> dict[str, tuple[str | None, str]]:
    """Each exception in the tree, with its parent and the rest of its line."""
    found: dict[str, tuple[str | None, str]] = {}
    parents: list[str] = []
    for match in DRAWN.finditer(errors.__doc__ or ""):
        depth = len(match["branches"]) // 4
        found[match["name"]] = (parents[depth - 1] if depth else None, match["rest"])
        parents[depth:] = [match["name"]]
    return found


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls is not LaminaError}
    assert {name: parent for name, (parent, _) in drawn().items() if parent} == real


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_exit_code_and_built_in_base_are_as_drawn(cls: type[LaminaError]) -> None:
    _, rest = drawn()[cls.__name__]
    if code := re.search(r"\s(\d)(\s|$)", rest):
        assert cls.exit_code == int(code[1])
    if base := re.search(r"\((\w+)\)", rest):
        assert base[1] in {other.__name__ for other in cls.__mro__}
    assert cls.exit_code == (2 if issubclass(cls, UsageError) else 1)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_exception_takes_the_four_parts_and_can_be_copied(cls: type[LaminaError]) -> None:
    error = cls("no such column", got="agee", allowed="age, sex", do="did you mean age?")
    assert str(error) == "no such column · got agee · allowed: age, sex · did you mean age?"
    assert str(copy.copy(error)) == str(error)
    assert cls.__doc__


def test_a_message_is_one_line_without_empty_parts() -> None:
    assert str(LaminaError("broken\n  cell", got="a\tb")) == "broken cell · got a b"
    assert str(LaminaError("nothing came", got=0)) == "nothing came · got 0"


@pytest.mark.parametrize(
    ("name", "answer"),
    [("tabn", "did you mean tabm?"), ("MLP", "did you mean mlp?"), ("zzzzz", None), ("", None)],
)
def test_nearest(name: str, answer: str | None) -> None:
    assert nearest(name, ["tabm", "mlp", "resnet"]) == answer


def test_nearest_of_nothing() -> None:
    assert nearest("a", []) is None


def test_some_says_how_many_are_left_out() -> None:
    assert some([]) == ""
    assert some("abc") == "a, b, c"
    assert some(range(9), 3) == "0, 1, 2 and 6 more"
    assert some(iter("abcdef")) == "a, b, c, d, e and 1 more"
