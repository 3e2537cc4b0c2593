"""Name tables: ours, and rows from other packages."""

from __future__ import annotations

from collections import OrderedDict
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from lamina import names
from lamina.errors import MissingExtraError, SettingError
from lamina.extras import need
from lamina.names import Names

TABLE = Names("dictionary", {"ordered": "collections:OrderedDict", "broken": "no.such.module:Thing"})


def test_is_a_mapping_that_imports_only_what_is_asked_for() -> None:
    assert list(TABLE) == ["ordered", "broken"]
    assert len(TABLE) == 2
    assert TABLE["ordered"] is OrderedDict
    assert "broken" in TABLE
    with pytest.raises(ImportError):
        TABLE["broken"]


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        TABLE["orderd"]
    assert str(caught.value) == "no such dictionary · got 'orderd' · allowed: ordered, broken · did you mean ordered?"


def test_name_of_is_the_way_back() -> None:
    assert TABLE.name_of(OrderedDict) == "ordered"
    assert TABLE.name_of(dict) is None


def test_other_packages_add_rows_and_cannot_take_ours_over(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [EntryPoint("counter", "collections:Counter", "g"), EntryPoint("ordered", "collections:deque", "g")]
    )
    asked = []
    monkeypatch.setattr(names, "entry_points", lambda group: asked.append(group) or points)
    table = Names("dictionary", {"ordered": "collections:OrderedDict"}, group="g")
    assert asked == [], "the search for other packages is slow, and waits until a name is asked for"
    assert list(table) == ["ordered", "counter"]
    assert table["counter"].__name__ == "Counter"
    assert table["ordered"] is OrderedDict
    assert asked == ["g"]


def test_need_gives_the_module_or_one_line_that_says_what_to_install() -> None:
    assert need("collections", extra="none", why="to test") is not None
    with pytest.raises(MissingExtraError) as caught:
        need("no_such_package.part", extra="pandas", why="to read pandas tables")
    message = str(caught.value)
    assert message.startswith("no_such_package is needed to read pandas tables · got ")
    assert message.endswith("· pip install 'lamina[pandas]'")
    assert isinstance(caught.value, ImportError)
