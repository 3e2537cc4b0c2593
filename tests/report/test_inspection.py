"""The page of a table: escaped, offline, with something to look at and to listen to."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.report import inspection
from report.reader import EVIL, PICTURE, read

SOUND = "data:audio/wav;base64,UklGRg=="


def document() -> dict[str, Any]:
    column = {"feature": "audio", "evidence": EVIL, "missing": 0.5, "distinct": 3, "examples": [EVIL]}
    look = {
        "column": EVIL,
        "feature": "audio",
        "rows": 200,
        "summary": {EVIL: EVIL, "seconds": {"longest": 2.5}},
        "broken": [EVIL],
        "cells": [{"column": EVIL, "kind": "spectrogram", "picture": PICTURE, "size": "3 frames"}],
        "players": [{"name": EVIL, "sound": SOUND}, {"name": "b.wav", "why": EVIL}],
    }
    return {"source": EVIL, "version": "1", "rows looked at": 1000, "columns": {EVIL: column}, "looks": [look]}


def test_everything_at_once() -> None:
    reader = read(inspection(document()))
    assert "1 columns, from 1,000 rows" in reader.text and "From the first 200 rows." in reader.text
    assert [found["src"] for tag, found in reader.tags if tag in ("img", "audio")] == [PICTURE, SOUND]
    assert reader.text.count("<script>alert(") > 8 and "\x00" not in reader.text
    assert "longest (2.500)" in reader.text


@pytest.mark.parametrize("sound", ["data:text/html;base64,AAAA", f'{SOUND}" autoplay="', "file:///etc/a.wav"])
def test_no_sound_but_ours(sound: str) -> None:
    given = document()
    given["looks"][0]["players"] = [{"name": "a", "sound": sound}]
    assert not [tag for tag, _ in read(inspection(given)).tags if tag == "audio"]


def test_plain_tables_and_nothing_at_all() -> None:
    given = document()
    given["looks"] = []
    assert "Columns" in read(inspection(given)).text
    assert "A table" in read(inspection({})).text
