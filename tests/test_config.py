"""Settings: defaults, bounds, unknown names, and the way through text and JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lamina.config import as_dict, assign, check, describe, parse_text, parse_yaml, schema, setting, settings
from lamina.errors import SettingError


@settings
class Inner:
    """A group within the group."""

    width: int = setting(8, "Units.", ge=1, le=1024)
    kind: Literal["on", "off"] = setting("on", "A word that YAML 1.1 takes for a boolean.")


@settings
class Outer:
    """One setting of each sort."""

    rate: float = setting(0.1, "A rate.", gt=0, lt=1)
    flag: bool = setting(False, "Yes or no.")
    name: str = setting("a", "A name.", min_length=1)
    shares: list[float] = setting([0.1, 0.9], "Shares.")
    limit: int | None = setting(None, "A limit, or none.", ge=2)
    inner: Inner = setting(Inner(), "The inner group.")


def refused(values: Any, where: str = "") -> str:
    with pytest.raises(SettingError) as caught:
        check(Outer, values, where)
    return str(caught.value)


def test_defaults_hold_where_nothing_is_said() -> None:
    made = check(Outer, {})
    assert made == Outer()
    assert (made.rate, made.flag, made.name, made.shares, made.limit) == (0.1, False, "a", [0.1, 0.9], None)
    assert made.inner == Inner(width=8, kind="on")


def test_a_list_that_is_a_default_is_shared_by_nobody() -> None:
    assert Outer().shares is not Outer().shares


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Outer().rate = 0.2  # type: ignore[misc]


def test_made_settings_pass_unchanged() -> None:
    made = Outer(rate=0.5)
    assert check(Outer, made) is made


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0}, "setting plan.rate is not valid · got 0 · allowed: greater than 0"),
        ({"rate": 1.0}, "setting plan.rate is not valid · got 1.0 · allowed: less than 1"),
        ({"rate": float("nan")}, "setting plan.rate is not valid · got nan · allowed: a finite number"),
        ({"limit": 1}, "setting plan.limit is not valid · got 1 · allowed: greater than or equal to 2"),
        (
            {"inner": {"width": 0}},
            "setting plan.inner.width is not valid · got 0 · allowed: greater than or equal to 1",
        ),
        ({"inner": {"kind": "of"}}, "setting plan.inner.kind is not valid · got 'of' · allowed: 'on' or 'off'"),
        ({"inner": 3}, "plan.inner must be a group of settings · got 3"),
        ({"rte": 1}, "unknown setting plan.rte · allowed: rate, flag, name, shares, limit, inner · did you mean rate?"),
        ({"inner": {"widht": 1}}, "unknown setting plan.inner.widht · allowed: width, kind · did you mean width?"),
        ([1], "plan must be a group of settings · got [1]"),
    ],
)
def test_an_error_names_the_dotted_place_what_came_and_what_is_allowed(values: Any, message: str) -> None:
    assert refused(values, "plan") == message


@pytest.mark.parametrize("values", [{"rate": "fast"}, {"flag": "perhaps"}, {"name": 3}, {"name": ""}, {"shares": 1}])
def test_values_of_the_wrong_type_are_refused(values: dict[str, Any]) -> None:
    (name,) = values
    assert refused(values).startswith(f"setting {name} is not valid · got {values[name]!r} · allowed: ")


def test_names_that_are_no_text_are_unknown() -> None:
    assert refused({3: 1}).startswith("unknown setting 3 · ")


def test_the_constructor_refuses_too() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Outer(rate=-1.0)


PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.floats(0, 1, exclude_min=True, exclude_max=True),
        "flag": st.booleans(),
        "name": st.text(min_size=1),
        "shares": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
        "limit": st.none() | st.integers(2, 2**60),
        "inner": st.fixed_dictionaries(
            {}, optional={"width": st.integers(1, 1024), "kind": st.sampled_from(["on", "off"])}
        ),
    },
)


@given(PLAIN)
@hypothesis_settings(max_examples=25)
def test_settings_go_through_json_and_yaml_unchanged(values: dict[str, Any]) -> None:
    made = check(Outer, values)
    assert check(Outer, json.loads(json.dumps(as_dict(made)))) == made
    assert check(Outer, parse_yaml(yaml.safe_dump(as_dict(made)))) == made


def test_describe_gives_what_a_help_text_needs() -> None:
    rows = {name: (kind, default, text) for name, kind, default, text in describe(Outer)}
    assert list(rows) == ["rate", "flag", "name", "shares", "limit", "inner"]
    assert rows["rate"] == ("float > 0 and < 1", 0.1, "A rate.")
    assert rows["name"] == ("str of length >= 1", "a", "A name.")
    assert rows["shares"][1] == [0.1, 0.9]
    assert {row[0]: row[1] for row in describe(Inner)}["kind"] == "one of on, off"


def test_schema_holds_bounds_defaults_and_help() -> None:
    made = schema(Outer)
    assert made["additionalProperties"] is False
    assert made["properties"]["rate"] | {"title": ""} == {
        "default": 0.1,
        "description": "A rate.",
        "exclusiveMaximum": 1,
        "exclusiveMinimum": 0,
        "title": "",
        "type": "number",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0", 0),
        ("1_000", 1000),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("-2E+5", -2e5),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("on", "on"),
        ("no", "no"),
        ("null", None),
        ("~", None),
        ("[1, 2.5, a]", [1, 2.5, "a"]),
        ("{a: 1}", {"a": 1}),
        ("'3'", "3"),
        ("012", "012"),
        ("1:30", "1:30"),
        ("60s", "60s"),
        ("2024-01-01", "2024-01-01"),
        ("nan", "nan"),
        (".inf", ".inf"),
        ("[1", "[1"),
        ("a: b: c", "a: b: c"),
        ("{a: 1, a: 2}", "{a: 1, a: 2}"),
        ("!!python/name:os.system", "!!python/name:os.system"),
    ],
)
def test_text_of_a_command_line(text: str, value: Any) -> None:
    found = parse_text(text)
    assert found == value
    assert type(found) is type(value)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none())
def test_plain_values_typed_as_json_are_read_as_they_are(value: Any) -> None:
    found = parse_text(json.dumps(value))
    assert found == value
    assert type(found) is type(value)


@given(st.text())
def test_any_text_can_be_typed(text: str) -> None:
    parse_text(text)


@pytest.mark.parametrize("text", ["a: 1\na: 2", "b: {a: 1, 'a': 2}", "- {x: 1, y: 2, x: 3}"])
def test_a_yaml_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        parse_yaml(text)


def test_yaml_nested_too_deeply_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="nested too deeply"):
        parse_yaml("[" * 100_000)


def test_assign_makes_groups_on_the_way() -> None:
    values: dict[str, Any] = {"model": {"name": "mlp"}}
    assign(values, "model.width", 64)
    assign(values, "train.schedule.kind", "cosine")
    assign(values, "seed", 3)
    assert values == {"model": {"name": "mlp", "width": 64}, "train": {"schedule": {"kind": "cosine"}}, "seed": 3}


def test_assign_refuses_to_go_through_a_plain_value() -> None:
    with pytest.raises(SettingError) as caught:
        assign({"a": {"b": 3}}, "a.b.c", 1)
    assert str(caught.value) == "a.b has no settings of its own · got 3"
