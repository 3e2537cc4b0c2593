"""Options that stand for a setting: help and default come from the setting's dataclass field, and nowhere else."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection, Iterable
from typing import Any

from lamina.config import describe, parse_text
from lamina.errors import UsageError

__all__ = ["add_features", "add_setting", "add_settings", "features_of", "given_of", "names_of", "settings_of", "shown"]


def add_setting(parser: argparse.ArgumentParser, option: str, cls: type, name: str, **more: Any) -> None:
    """Add an option for the setting ``name`` of ``cls``.

    It has no default of its own, so that a plan file's value stays where the option is not given.
    """
    _, _, default, text = next(entry for entry in describe(cls) if entry[0] == name)
    if default not in (None, [], {}):
        text = f"{text.rstrip('.')} (default: {shown(default)})."
    parser.add_argument(option, help=text.replace("%", "%%"), **more)


def add_settings(parser: argparse.ArgumentParser, cls: type, default: str, but: Collection[str] = ()) -> None:
    """Add an option for each setting of ``cls``; see :func:`given_of`.

    Args:
        parser: takes the options.
        cls: of the settings.
        default: what stands where an option is not given: "as in the run".
        but: names of settings that have none.
    """
    for name, kind, _, text in describe(cls):
        if name in but:
            continue
        said = f"{text.rstrip('.')} (default: {default}).".replace("%", "%%")
        several = " It may be given several times." if _is_list(kind) else ""
        action = "append" if _is_list(kind) else "store"
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", action=action, help=said + several)


def given_of(args: argparse.Namespace, cls: type) -> dict[str, Any]:
    """The settings of ``cls`` that were given, by their names."""
    given = {}
    for name, kind, *_ in describe(cls):
        value = getattr(args, name, None)  # a setting may have no option
        if value is not None:
            given[name] = value if _is_list(kind) or kind == "str" else parse_text(value)
    return given


def _is_list(kind: str) -> bool:
    return kind.startswith("list[")


def shown(value: Any) -> str:
    """A default as a person would type it.

    Example:
        >>> shown(True), shown(None), shown(0.125), shown(["a", "b"])
        ('true', 'none', '0.125', 'a,b')
    """
    if value in (None, [], {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def names_of(given: Iterable[str] | None) -> list[str] | None:
    """Names from an option that may be repeated, or hold several with commas; quotes keep a comma in a name.

    Example:
        >>> names_of(["age,sex", '"last, first"'])
        ['age', 'sex', 'last, first']
    """
    if given is None:
        return None
    return [name.strip() for row in csv.reader(given, skipinitialspace=True) for name in row if name.strip()]


def add_features(parser: argparse.ArgumentParser, cls: type, name: str) -> None:
    """Add ``--feature``."""
    add_setting(parser, "--feature", cls, name, action="append", metavar="COLUMN=FEATURE", dest="features")


def features_of(given: Iterable[str] | None) -> dict[str, Any] | None:
    """Column -> feature, from ``zip=category`` or ``zip={kind: number, scaling: robust}``.

    Raises:
        UsageError: if there is no equals sign.
    """
    if given is None:
        return None
    return {column: parse_text(value) for column, value in _pairs(given, "--feature", "COLUMN=FEATURE")}


def settings_of(given: Iterable[str]) -> dict[str, Any]:
    """Dotted name -> value, from ``model.width=256``.

    Raises:
        UsageError: if there is no equals sign.
    """
    return {name: parse_text(value) for name, value in _pairs(given, "--set", "NAME=VALUE")}


def _pairs(given: Iterable[str], option: str, form: str) -> Iterable[tuple[str, str]]:
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise UsageError(f"{option} is not understood", got=repr(text), allowed=f"{option} {form}")
        yield name, value
