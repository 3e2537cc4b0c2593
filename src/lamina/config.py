"""Settings: dataclasses that say type, default, bounds and help once, beside the component that they configure.

    @settings
    class MLPSettings:
        width: int = setting(256, "Units in each hidden layer.", ge=1)

Plan files, ``--set``, ``--help``, ``lamina schema`` and the docs are all made from such a class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, dataclass_transform

import pydantic
import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lamina.errors import SettingError, nearest

__all__ = ["as_dict", "assign", "check", "describe", "parse_text", "schema", "setting", "settings"]

T = TypeVar("T")


def setting(default: Any, help: str, **bounds: Any) -> Any:
    """One setting: its default, one sentence of help, and bounds (``ge``, ``gt``, ``le``, ``lt``, ``min_length``)."""
    if isinstance(default, (list, dict)):
        return pydantic.Field(default_factory=lambda: type(default)(default), description=help, **bounds)
    return pydantic.Field(default=default, description=help, **bounds)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting,))
def settings(cls: type[T]) -> type[T]:
    """Make a class a frozen group of settings that refuses unknown names and values out of bounds."""
    config = ConfigDict(extra="forbid", use_attribute_docstrings=False, allow_inf_nan=False)
    return pydantic_dataclass(cls, frozen=True, kw_only=True, config=config)  # type: ignore[call-overload,no-any-return]


def check(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a settings object from plain values.

    Args:
        cls: a class made by :func:`settings`.
        values: name -> value, as read from JSON, YAML or the command line.
        where: the dotted place of these values in the plan, for messages.

    Raises:
        SettingError: naming the setting, what came, what is allowed, and the nearest name where one is unknown.

    Example:
        >>> @settings
        ... class Net:
        ...     width: int = setting(8, "Units.", ge=1)
        >>> check(Net, {"width": 16}).width
        16
    """
    if isinstance(values, cls):
        return values
    if not isinstance(values, Mapping):
        raise SettingError(f"{where or cls.__name__} must be a group of settings", got=repr(values))
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            place = f"{where}.{name}" if where else str(name)
            raise SettingError(
                f"unknown setting {place}", allowed=", ".join(known) or "none", do=nearest(str(name), known)
            )
    try:
        return cls(**values)
    except pydantic.ValidationError as error:
        raise _setting_error(error, where) from None


def _setting_error(error: pydantic.ValidationError, where: str) -> SettingError:
    """The first fault that pydantic found, in our words."""
    fault = error.errors(include_url=False, include_context=False)[0]
    # Branches of a union appear in the location as type names; only names of settings are for people.
    place = ".".join([*([where] if where else []), *(str(part) for part in fault["loc"][:1])])
    return SettingError(f"setting {place} is not valid", got=repr(fault["input"]), allowed=_rule(fault["msg"]))


def _rule(message: str) -> str:
    return message.removeprefix("Input should be ").removeprefix("Value error, ")


def as_dict(values: Any) -> dict[str, Any]:
    """Settings as plain JSON values; ``check(type(values), as_dict(values)) == values``."""
    return TypeAdapter(type(values)).dump_python(values, mode="json")  # type: ignore[no-any-return]


def schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of a settings class."""
    return TypeAdapter(cls).json_schema()


def describe(cls: type) -> Iterator[tuple[str, str, Any, str]]:
    """Yield (name, type, default, help) of each setting, for help texts and docs."""
    for name, field in cls.__pydantic_fields__.items():  # type: ignore[attr-defined]
        kind = field.annotation if isinstance(field.annotation, str) else _kind(field.annotation)
        bounds = ", ".join(str(bound) for bound in field.metadata)
        yield (
            name,
            f"{kind} ({bounds})" if bounds else kind,
            field.get_default(call_default_factory=True),
            (field.description or ""),
        )


def _kind(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return text.replace("typing.", "").replace("Literal", "one of ")


def parse_text(text: str) -> Any:
    """A value typed on a command line, read as YAML: ``3`` a number, ``true`` a boolean, ``[1, 2]`` a list."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str):
        # YAML 1.1 takes 1e-3 for a word; people mean the number.
        try:
            return float(value)
        except ValueError:
            return value
    return value


def assign(values: dict[str, Any], path: str, value: Any) -> None:
    """Set ``values["a"]["b"]`` from the path ``a.b``, making groups on the way.

    Raises:
        SettingError: if a part of the path is a plain value.
    """
    *groups, name = path.split(".")
    for depth, group in enumerate(groups):
        inner = values.setdefault(group, {})
        if not isinstance(inner, dict):
            raise SettingError(f"{'.'.join(groups[: depth + 1])} has no settings of its own", got=repr(inner))
        values = inner
    values[name] = value
