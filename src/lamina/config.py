"""Settings: dataclasses that say type, default, bounds and help once, beside the component that they configure.

    @settings
    class MLPSettings:
        width: int = setting(256, "Units in each hidden layer.", ge=1)

Plan files, ``--set``, ``--help``, ``lamina schema`` and the docs are all made from such a class.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform

import pydantic
import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lamina.errors import SettingError, nearest

__all__ = [
    "as_dict",
    "assign",
    "check",
    "defaults",
    "describe",
    "parse_text",
    "parse_yaml",
    "schema",
    "setting",
    "settings",
]

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
    made: Any = pydantic_dataclass(frozen=True, kw_only=True, config=config)(cls)
    return made


def check(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make a settings object from plain values.

    Args:
        cls: a class made by :func:`settings`.
        values: name -> value, as read from JSON, YAML or the command line; a group within the group is a mapping.
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
    checked = {}
    for name, value in values.items():
        place = f"{where}.{name}" if where else str(name)
        if name not in known:
            raise SettingError(
                f"unknown setting {place}", allowed=", ".join(known) or "none", do=nearest(str(name), known)
            )
        kind: Any = cls.__pydantic_fields__[name].annotation  # type: ignore[attr-defined]
        group = isinstance(kind, type) and dataclasses.is_dataclass(kind)
        checked[name] = check(kind, value, place) if group else value
    try:
        return cls(**checked)
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
    return TypeAdapter(type(values)).dump_python(values, mode="json")


def defaults(cls: type[T]) -> T:
    """A settings object with every setting at its default."""
    return cls()


def schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of a settings class."""
    return TypeAdapter(cls).json_schema()


def describe(cls: type) -> Iterator[tuple[str, str, Any, str]]:
    """Yield (name, type, default, help) of each setting, for help texts and docs."""
    for name, field in cls.__pydantic_fields__.items():  # type: ignore[attr-defined]
        kind = _bounded(_kind(field.annotation), field.metadata)
        yield name, kind, field.get_default(call_default_factory=True), field.description or ""


def _kind(annotation: Any) -> str:
    """A type as a person writes it: ``int | Literal["auto"]`` is ``int or auto``."""
    inside = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Literal:
            return str(inside[0]) if len(inside) == 1 else f"one of {', '.join(map(str, inside))}"
        case typing.Annotated:
            bounds = (bound for extra in inside[1:] for bound in getattr(extra, "metadata", [extra]))
            return _bounded(_kind(inside[0]), bounds)
        case typing.Union | types.UnionType:
            return " or ".join(_kind(part) for part in inside)
        case None:
            return "none" if annotation is types.NoneType else getattr(annotation, "__name__", str(annotation))
        case origin:
            return f"{origin.__name__}[{', '.join(_kind(part) for part in inside)}]"


def _bounded(kind: str, bounds: Iterable[Any]) -> str:
    """A type with its bounds: ``int >= 1 and <= 8``."""
    return f"{kind} {' and '.join(map(_bound, bounds))}".rstrip()


def _bound(bound: Any) -> str:
    """A bound as a person writes it: ``Ge(ge=1)`` is ``>= 1``."""
    words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "of length >=", "max_length": "of length <="}
    values: dict[str, Any] = vars(bound) if hasattr(bound, "__dict__") else dataclasses.asdict(bound)
    return " and ".join(f"{words.get(name, name)} {value}" for name, value in values.items())


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as people mean it. Only true and false are booleans, so that ``on`` and ``no`` stay words; ``1e-3`` is a
    number; ``1:30``, ``012`` and ``2024-01-01`` stay text. A key that stands twice is an error."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a dict, and refuse a key that stands twice."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else id(key))
        return super().construct_mapping(node, deep)


for _tag, _form, _first in (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})$"), _first)


def parse_yaml(text: str) -> Any:
    """Plain values from YAML, without its surprises: ``on`` is a word, ``1e-3`` a number, ``2024-01-01`` text.

    Raises:
        yaml.YAMLError: if it is not YAML, a key stands twice, or it is nested too deeply.

    Example:
        >>> parse_yaml("root: on\\nrate: 1e-3")
        {'root': 'on', 'rate': 0.001}
    """
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader: plain values only
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


def parse_text(text: str) -> Any:
    """A value typed on a command line, read as YAML: ``3`` a number, ``true`` a boolean, ``[1, 2]`` a list."""
    try:
        return parse_yaml(text)
    except yaml.YAMLError:
        return text


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
