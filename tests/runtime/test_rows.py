"""Cells that are files: names, bytes and data URLs."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lamina.errors import DataError
from lamina.exporting.schema import cell_as_json
from lamina.runtime.rows import contents


@given(some.binary())
def test_bytes_come_back_from_the_url_that_they_become(content: bytes) -> None:
    assert contents("photo", [cell_as_json(content)], names=False) == [content]


def test_names_are_refused_where_strangers_give_them() -> None:
    assert contents("photo", ["a.png", b"x", None, ""], names=True) == ["a.png", b"x", None, ""]
    with pytest.raises(DataError, match=r"takes no names of files here · got text in row 1 .*data:image/png"):
        contents("photo", [None, "/etc/passwd"], names=False)
    with pytest.raises(DataError, match="takes no names of files here"):
        contents("photo", [{"bytes": {"bytes": "/etc/passwd"}}], names=False)
    assert contents("photo", [" ", {"bytes": b"x", "path": "/etc/passwd"}], names=False) == [" ", b"x"]


@pytest.mark.parametrize("url", ["data:image/png;base64,YQ", "data:image/png,abc", "data:;base64,!!", "data:"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DataError, match=r"'photo' has a data URL that cannot be read"):
        contents("photo", [url], names=True)


def test_every_kind_of_url_is_read() -> None:
    url = "data:audio/wav;rate=8000;base64," + base64.b64encode(b"RIFF").decode()
    assert contents("said", [url], names=False) == [b"RIFF"]
