"""Rows to look at: pictures, texts, sounds and series as cards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lamina.report import chart
from lamina.report.markup import Raw, escape, short, words

__all__ = ["cards", "look", "player"]

_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")
_SOUND = re.compile(r"data:audio/[a-z]+;base64,[A-Za-z0-9+/]+=*")


def cards(rows: Iterable[Mapping[str, Any]]) -> Raw:
    """A card for each row.

    Args:
        rows: JSON values under ``row``, ``targets`` (name -> truth, answer, sure) and ``cells`` (see :func:`look`).

    Example:
        >>> "&lt;b&gt;" in cards([{"row": 3, "targets": {"y": {"truth": "<b>", "answer": "a"}}, "cells": []}])
        True
    """
    return Raw(f'<div class="cards">{"".join(map(_card, rows))}</div>')


def _card(row: Mapping[str, Any]) -> str:
    cells = list(row.get("cells") or ())
    looks = "".join(look(cell, named=len(cells) > 1) for cell in cells)
    targets = row.get("targets") or {}
    said = "".join(_said(name if len(targets) > 1 else "", one) for name, one in targets.items())
    number = escape(words(row.get("row")))
    return f'<article class="card">{looks}{said}<p class="soft">row {number}</p></article>'


def _said(name: str, one: Mapping[str, Any]) -> str:
    truth, answer = str(one.get("truth")), str(one.get("answer"))
    sure = f' <span class="soft">{escape(short(one["sure"], 60))}</span>' if one.get("sure") else ""
    before = f'<span class="soft">{escape(short(name, 40))}</span> ' if name else ""
    if truth == answer:
        return f'<p>{before}<span class="right">{escape(short(truth, 60))}</span>{sure}</p>'
    told = f"<strong>{escape(short(truth, 60))}</strong>, answered <strong>{escape(short(answer, 60))}</strong>"
    return f"<p>{before}{told}{sure}</p>"


def look(cell: Mapping[str, Any], *, named: bool = False) -> Raw:
    """One cell: its picture, its text, or its line.

    Args:
        cell: JSON values under ``column``, ``kind``, ``size``, and ``picture``, ``text`` or ``lines``.
        named: whether the column is named.
    """
    column, kind, size = str(cell.get("column", "")), cell.get("kind"), str(cell.get("size", ""))
    before = f'<figcaption class="soft">{escape(short(column, 40))}</figcaption>' if named else ""
    if kind == "text":
        drawn = f"<blockquote>{escape(cell.get('text', ''))}</blockquote>"
    elif kind == "lines":
        drawn = chart.spark(cell.get("lines") or ())
    elif kind == "missing":
        drawn = '<span class="soft">missing</span>'
    elif _PICTURE.fullmatch(str(cell.get("picture"))):
        label = escape(" ".join(part for part in (short(column, 40), size) if part))
        drawn = f'<img class="{escape(kind)}" src="{cell["picture"]}" alt="{label}" title="{label}">'
    else:
        return Raw("")
    return Raw(f"<figure>{before}{drawn}</figure>")


def player(one: Mapping[str, Any]) -> Raw:
    """A recording that can be listened to, or why not.

    Args:
        one: JSON values under ``name``, and ``sound`` (a data URI) or ``why``.
    """
    name = escape(short(one.get("name", ""), 60))
    if not _SOUND.fullmatch(str(one.get("sound"))):
        return Raw(f"<figure><figcaption>{name}<span>{escape(one.get('why', ''))}</span></figcaption></figure>")
    return Raw(f'<figure><figcaption>{name}</figcaption><audio controls src="{one["sound"]}"></audio></figure>')
