"""The contracts of a feature, a model and a task, as plain functions that anybody can run over a class of their own.

    from lamina.testing import check_feature, check_model, check_task

    def test_my_feature():
        check_feature(MyFeature)

Each check takes a class and what it is tried on, and raises an AssertionError that says what does not hold. A feature
is tried on the columns of :func:`sample_columns` that it reads, a model on :func:`sample_layouts`, a task on those of
:func:`sample_targets` that it is for, or each on the caller's own.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from lamina.config import as_dict, check, schema
from lamina.errors import DataError, SettingError
from lamina.features.base import Claim, Feature, Profile, Slot
from lamina.features.boolean import Boolean
from lamina.features.category import Category
from lamina.features.labels import Labels
from lamina.features.layout import Layout
from lamina.features.number import Number
from lamina.models.base import Model
from lamina.nn.start import start
from lamina.tasks import task_name_of
from lamina.tasks.base import Task

__all__ = [
    "FEATURE_CHECKS",
    "MODEL_CHECKS",
    "TASK_CHECKS",
    "agrees_in_bfloat16",
    "answers_each_row_alone",
    "answers_in_columns",
    "averages_its_members",
    "check_feature",
    "check_model",
    "check_task",
    "decodes",
    "encodes_each_row_alone",
    "encodes_its_slots",
    "gives_its_shape",
    "goes_through_json",
    "goes_through_safetensors",
    "has_samples",
    "has_the_right_gradient",
    "imports_no_torch",
    "is_documented",
    "keeps_its_state_as_json",
    "learns_a_small_batch",
    "learns_everywhere",
    "learns_in_pieces",
    "loses_in_numbers",
    "reads_again",
    "reads_text_as_native",
    "recognises",
    "refuses",
    "refuses_options",
    "refuses_settings",
    "runs_with_every_choice",
    "same",
    "sample_columns",
    "sample_inputs",
    "sample_layouts",
    "sample_targets",
    "starts_from_its_seed",
    "stores_only",
]

DTYPES: dict[str, Any] = {"number": np.float32, "flag": np.uint8, "category": np.int32}


def check_feature(cls: type[Feature], columns: Iterable[pl.Series] | None = None) -> None:
    """Run every check of :data:`FEATURE_CHECKS` over a feature class.

    Args:
        cls: the class.
        columns: raw cells of its kind, as sources give them; those of :func:`sample_columns` if None.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.features.number import Number
        >>> check_feature(Number, [pl.Series("length", ["1.5", "", "3"])])
    """
    columns = sample_columns() if columns is None else list(columns)
    for one in FEATURE_CHECKS:
        one(cls, columns)


def sample_columns() -> list[pl.Series]:
    """Raw columns of every kind that sources give: text and native, with and without missing cells."""
    generator = np.random.default_rng(0)
    days = pl.datetime_range(
        datetime.datetime(2023, 1, 31), datetime.datetime(2024, 3, 1), "66h13m20s", eager=True, time_unit="us"
    )
    half = [None if row % 3 == 1 else row / 4 for row in range(-8, 40)]
    return [
        pl.Series("float", half),
        pl.Series("far", [1e-30, -1e37, 0.0, 1e38, 3.0, 3.0, None, float("nan")]),
        pl.Series("many", generator.lognormal(size=700).astype(np.float32)),
        pl.Series("whole", generator.integers(-30, 90, 300), dtype=pl.Int16),
        pl.Series("whole words", [str(row % 7) for row in range(30)]),
        pl.Series("number words", ["1.5", " -2 ", "1e3", "", "NaN", "?", ".25", None]),
        pl.Series("count", ["red", "blue ", "red", "", "naïve 数", "NA", "blue", "a|b", "Red"]),
        pl.Series("name", [["a", "b"], ["b"], [], None, ["c", "a"], ["b", "d"]]),
        pl.Series("sets", ["a|b", "b", "", "c | a", "d", None, "a|b|c|d"]),
        pl.Series("yes", [True, False, None, True, True]),
        pl.Series("yes words", ["Yes", "no", "", "yes", "NO", "no"]),
        pl.Series("yes numbers", [1, 0, 0, None, 1]),
        pl.Series("kind", ["x", "y", None, "x"], dtype=pl.Categorical),
        pl.Series("moment", days),
        pl.Series("moment in zone", days.dt.replace_time_zone("Europe/Paris", non_existent="null", ambiguous="latest")),
        pl.Series("day", [*days.dt.date()[:30], None]),
        pl.Series("day words", [*days.dt.strftime("%Y-%m-%d")[:40], "", None]),
        pl.Series("moment words", [*days.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "NaT"]),
        pl.Series("structure", [{"a": 1, "b": "x"}, None, {"a": 2, "b": "y"}]),
        pl.Series("bytes", [b"\xff\x00", None, b"a"]),
        pl.Series("lengths of time", [datetime.timedelta(seconds=3), None]),
        pl.Series("decimals", [decimal.Decimal("1.50"), None, decimal.Decimal("-3.25")]),
        pl.Series("things", [object, None, dict], dtype=pl.Object),
        pl.Series("text", [f"row {row} says a few words" for row in range(40)]),
        pl.Series("constant", ["same"] * 5),
        pl.Series("key", [f"{row:08x}" for row in range(50)]),
        pl.Series("", [3.5]),
        pl.Series("gone", [None, None, None], dtype=pl.String),
        pl.Series("nothing", [None, None], dtype=pl.Null),
        pl.Series("empty", [], dtype=pl.String),
    ]


def same(one: Any, other: Any, tolerance: float = 1e-9) -> bool:
    """Whether two values of JSON or numpy are equal, numbers within a share of their size.

    Example:
        >>> same({"a": [1.0, 2]}, {"a": [1.0 + 1e-12, 2]})
        True
    """
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key], tolerance) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)


# --- the checks ---------------------------------------------------------------------------------------------------


def stores_only(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The constructor keeps what it is given, and nothing is learned yet."""
    given = cls.Settings()
    for is_target in (False, True):
        feature = cls("a column", given, is_target=is_target)
        assert feature.column == "a column"
        assert feature.settings is given
        assert feature.is_target is is_target
        assert feature.state is None
    assert cls("a column").settings == given
    assert cls.kind == cls.kind.lower()
    assert inspect.getdoc(cls)
    assert "a column" in repr(cls("a column"))


def has_samples(cls: type[Feature], columns: list[pl.Series]) -> None:
    """At least one column is of this kind, so that the other checks check something."""
    assert any(len(raw.drop_nulls()) > 1 for raw in _readable(cls, columns)), f"no column can be read by {cls.__name__}"


def recognises(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A claim is between 0 and 1, gives evidence, and its settings are settings; other columns are left alone."""
    for raw in columns:
        present = raw.drop_nulls()
        distinct = len(set(map(str, present.to_list())))
        for is_target in (False, True):
            claim = cls.recognise(Profile(raw.name, raw, len(raw), distinct, is_target))
            if claim is not None:
                assert isinstance(claim, Claim)
                assert 0 <= claim.strength <= 1
                assert claim.evidence and "\n" not in claim.evidence
                check(cls.Settings, claim.settings)


def reads_again(cls: type[Feature], columns: list[pl.Series]) -> None:
    """What was read can be read again, and is the same; the raw cells stay as they were."""
    for raw in _readable(cls, columns):
        before = raw.to_list()
        cells = cls("c").read(raw)
        assert str(raw.to_list()) == str(before)
        assert len(cells) == len(raw)
        again = cls("c").read(cells)
        assert again.equals(cells, null_equal=True, check_dtypes=True), f"{raw.name}: {cells} became {again}"


def refuses(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Cells of another kind are a DataError that names the column and the rows of the source, never another error."""
    for raw in columns:
        try:
            cls("the column").read(raw, first_row=70_000)
        except DataError as error:
            rows = re.search(r"row\(s\) ([\d, ]+)", str(error))
            assert "'the column'" in str(error), error
            assert rows, f"no rows in: {error}"
            numbers = [int(number) - 70_000 for number in re.findall(r"\d+", rows[1])]
            assert all(0 <= number < len(raw) and raw[number] is not None for number in numbers), error


def learns_in_pieces(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Pieces teach the same as the whole, an empty piece nothing; so does learning again."""
    for raw in _readable(cls, columns):
        whole = _fitted(cls, raw)
        pieces = cls("c")
        for first, end in ((0, 0), (0, 1), (1, 2), (2, len(raw) // 2 + 2), (len(raw) // 2 + 2, len(raw))):
            pieces.partial_fit(pieces.read(raw[first:end], first))
        pieces.finish()
        assert same(pieces.to_json(), whole.to_json()), f"{raw.name}: {pieces.state} is not {whole.state}"
        once = whole.to_json()
        assert same(whole.fit(whole.read(raw)).to_json(), once), raw.name


def encodes_its_slots(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A column of an array for each slot of its group, in its dtype; flags 0 or 1, codes in range, numbers finite."""
    for raw in _readable(cls, columns):
        feature = _fitted(cls, raw)
        parts = [slot.part for slot in feature.slots]
        assert len(set(parts)) == len(parts)
        assert all(slot.column == "c" and slot.group in DTYPES for slot in feature.slots)
        for slot in feature.slots:
            assert list(slot.knots) == sorted(slot.knots), f"{raw.name}: the knots of {slot.part} are not in order"
            assert np.isfinite(slot.knots).all()
        # Its own cells, no cells, a missing one where none was seen, and those of every other column that it reads.
        for other in [raw, raw.head(0), raw.head(1), pl.Series([None], dtype=raw.dtype), *_readable(cls, columns)]:
            if _reads(feature, other):
                _check_arrays(feature, feature.encode(feature.read(other)), len(other))


def _check_arrays(feature: Feature, arrays: dict[str, np.ndarray], rows: int) -> None:
    by_group = {group: [slot for slot in feature.slots if slot.group == group] for group in DTYPES}
    assert set(arrays) >= {group for group, slots in by_group.items() if slots}
    for group, array in arrays.items():
        assert array.shape == (rows, len(by_group[group])), f"{group}: {array.shape}"
        assert array.dtype == DTYPES[group], f"{group}: {array.dtype}"
        assert np.isfinite(array).all(), f"{group}: not finite"
    assert (arrays.get("flag", np.zeros(1)) <= 1).all()
    for place, slot in enumerate(by_group["category"]):
        codes = arrays["category"][:, place]
        assert ((codes >= 0) & (codes < slot.size)).all(), f"codes {codes} of {slot.size}"


def encodes_each_row_alone(cls: type[Feature], columns: list[pl.Series]) -> None:
    """A row's encoding does not depend on the rows beside it, to the last bit; and encoding teaches nothing."""
    for raw in _readable(cls, columns):
        feature = _fitted(cls, raw)
        before = copy.deepcopy(feature.state)
        whole = feature.encode(feature.read(raw))
        for row in range(min(len(raw), 60)):
            alone = feature.encode(feature.read(raw[row : row + 1], row))
            for group, array in whole.items():
                assert same(alone[group], array[row : row + 1]), f"{raw.name}, row {row}: {raw[row]!r}"
        assert feature.state == before


def decodes(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Decoding what was encoded gives the cells back, numbers as closely as float32 can. Of an input, cells that share
    one code, as rare names do, may come back as missing; of a target, none."""
    for raw in _readable(cls, columns):
        for is_target in (False, True):
            feature = _fitted(cls, raw, is_target=is_target)
            cells = feature.read(raw)
            present = cells.is_not_null()
            arrays = feature.encode(cells.filter(present))
            if not present.any() or not any(array.size for array in arrays.values()):
                continue
            main = arrays[next(iter(arrays))]
            # One column is a value; a column for each name, as of a set of labels, goes back as a whole.
            main = main[:, 0] if not feature.slots or feature.slots[0].part == "value" else main
            back = cls("c").read(feature.decode(main))
            known = back.is_not_null()
            assert known.all() or not is_target, f"{raw.name}: missing cells in {back}"
            _check_close(back.filter(known), cells.filter(present).filter(known), raw.name)


def _check_close(found: pl.Series, wanted: pl.Series, name: str) -> None:
    if not (wanted.dtype.is_numeric() or wanted.dtype.is_temporal()):
        assert found.to_list() == [_in_order(cell) for cell in wanted.to_list()], f"{name}: {found} for {wanted}"
        return
    here, there = (series.to_physical().cast(pl.Float64).to_numpy() for series in (found, wanted))
    span = float(there.max() - there.min()) or 1.0
    assert np.allclose(here, there, rtol=1e-4, atol=1e-5 * span), f"{name}: {found} for {wanted}"


def _in_order(cell: Any) -> Any:
    return sorted(set(cell)) if isinstance(cell, list) else cell


def goes_through_json(cls: type[Feature], columns: list[pl.Series]) -> None:
    """Written as JSON text and made again, it has the same state, slots and summary, and encodes the same."""
    for raw in _readable(cls, columns):
        for is_target in (False, True):
            feature = _fitted(cls, raw, is_target=is_target)
            text = json.dumps(feature.to_json(), allow_nan=False)
            again = cls.from_json(json.loads(text))
            assert type(again) is cls
            assert again.to_json() == feature.to_json()
            assert as_dict(again.settings) == as_dict(feature.settings)
            assert again.slots == feature.slots
            assert json.dumps(again.summary(), allow_nan=False) == json.dumps(feature.summary(), allow_nan=False)
            here, there = (one.encode(one.read(raw)) for one in (feature, again))
            assert same(here, there), raw.name
    unfitted = cls.from_json(json.loads(json.dumps(cls("c", is_target=True).to_json())))
    assert unfitted.state is None and unfitted.is_target


def reads_text_as_native(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The same cells as text and in their own dtype are encoded the same, whichever of the two it learned from."""
    pairs = [
        (pl.Series([3, 1, 2, 1, None]), pl.Series(["3", "1", "2", "1", ""])),
        (pl.Series([1.5, 2.0, -0.25, None]), pl.Series(["1.5", "2.0", "-0.25", "NaN"])),
        (pl.Series([2.0, 3.0, None]), pl.Series(["2", "3", None])),
        (pl.Series([True, False, None, True]), pl.Series(["true", "false", "NA", "true"])),
        (pl.Series([datetime.date(2024, 1, 1), datetime.date(2023, 6, 30)]), pl.Series(["2024-01-01", "2023-06-30"])),
    ]
    for pair in pairs:
        if all(_reads(cls("c"), cells) for cells in pair):
            for learned in pair:
                feature = _fitted(cls, learned)
                here, there = (feature.encode(feature.read(cells)) for cells in pair)
                assert same(here, there), f"learned from {learned.to_list()}: {here} is not {there}"


def imports_no_torch(cls: type[Feature], columns: list[pl.Series]) -> None:
    """The module can be imported where there is no torch."""
    code = f"import sys; sys.modules['torch'] = None; import {cls.__module__}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FEATURE_CHECKS: tuple[Callable[[type[Feature], list[pl.Series]], None], ...] = (
    stores_only,
    has_samples,
    recognises,
    reads_again,
    refuses,
    learns_in_pieces,
    encodes_its_slots,
    encodes_each_row_alone,
    decodes,
    goes_through_json,
    reads_text_as_native,
    imports_no_torch,
)


# --- helpers ------------------------------------------------------------------------------------------------------


def _reads(feature: Feature, raw: pl.Series) -> bool:
    try:
        feature.read(raw)
    except DataError:
        return False
    return True


def _readable(cls: type[Feature], columns: list[pl.Series]) -> list[pl.Series]:
    return [raw for raw in columns if _reads(cls("c"), raw)]


def _fitted(cls: type[Feature], raw: pl.Series, *, is_target: bool = False) -> Feature:
    feature = cls("c", is_target=is_target)
    return feature.fit(feature.read(raw))


# === models =======================================================================================================

SMALL = {"width": 16, "depth": 2, "heads": 2, "members": 3, "bins": 8, "number_width": 4, "category_width": 3}


def check_model(cls: type[Model], layouts: Iterable[Layout] | None = None) -> None:
    """Run every check of :data:`MODEL_CHECKS` over a model class.

    Args:
        cls: the class.
        layouts: what it is built for; those of :func:`sample_layouts` if None. The first must have all three groups.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.models.linear import Linear
        >>> check_model(Linear)
    """
    layouts = sample_layouts() if layouts is None else list(layouts)
    for one in MODEL_CHECKS:
        one(cls, layouts)


def sample_layouts() -> list[Layout]:
    """Layouts with all groups, with one group alone, and with a number that never varied in training."""
    knots = tuple(np.linspace(-2, 2, 257).tolist())
    numbers = [Slot(f"n{place}", "value", "number", knots=knots) for place in range(3)]
    flags = [Slot(f"f{place}", "value", "flag") for place in range(2)]
    categories = [Slot(f"c{size}", "value", "category", size=size) for size in (3, 40)]
    still = Slot("still", "value", "number", knots=(0.0,) * 257)
    whole = [*numbers, *flags, *categories]
    return [Layout.of(slots) for slots in (whole, numbers, flags, categories, [still, *numbers[:1]])]


def sample_inputs(layout: Layout, rows: int, seed: int = 0) -> dict[str, Tensor]:
    """Random rows for a layout: number and flag (B, slots) float32, category (B, slots) int64."""
    generator = torch.Generator().manual_seed(seed)
    codes = [torch.randint(size, (rows, 1), generator=generator) for size in layout.sizes]
    return {
        "number": torch.randn(rows, len(layout.numbers), generator=generator),
        "flag": torch.randint(2, (rows, len(layout.flags)), generator=generator).float(),
        "category": torch.cat([torch.empty(rows, 0, dtype=torch.int64), *codes], 1),
    }


def _model(cls: type[Model], layout: Layout, outputs: int = 2, seed: int = 0, **values: Any) -> nn.Module:
    """A small model with its starting weights."""
    known = schema(cls.Settings)["properties"]
    small = {name: value for name, value in SMALL.items() if name in known}
    model = start(cls(layout, outputs, check(cls.Settings, small | values)), seed)
    if cls.remembers:
        answers = torch.randn(30, outputs, generator=torch.Generator().manual_seed(seed))
        model.remember(sample_inputs(layout, 30, seed=77), answers)  # type: ignore[operator]
    return model


def _choices(settings: type) -> Iterator[tuple[str, Any]]:
    """(setting, value) for every value of every setting that has a list of them."""
    for name, entry in schema(settings)["properties"].items():
        for part in [entry, *entry.get("anyOf", [])]:
            yield from ((name, value) for value in part.get("enum", []))


def gives_its_shape(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """(B, K, outputs) float32 and finite, for one row and for seven, in training and evaluation; K is always the same.

    A layout may lack any group.
    """
    members = set()
    for layout in layouts:
        for outputs in (1, 3):
            model = _model(cls, layout, outputs)
            for rows in (1, 7):
                for training in (True, False):
                    out = model.train(training)(sample_inputs(layout, rows))
                    assert out.dtype == torch.float32
                    assert (out.ndim, out.shape[0], out.shape[2]) == (3, rows, outputs), tuple(out.shape)
                    assert torch.isfinite(out).all()
                    members.add(out.shape[1])
    assert len(members) == 1


def starts_from_its_seed(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The starting weights are a function of the seed, not of what was drawn before; drawing them disturbs nobody."""
    torch.manual_seed(1)
    one = _model(cls, layouts[0]).state_dict()
    torch.manual_seed(2)
    other = _model(cls, layouts[0])
    assert all(torch.equal(one[name], value) for name, value in other.state_dict().items())
    before = torch.random.get_rng_state()
    start(other, 0)
    assert torch.equal(torch.random.get_rng_state(), before), "start draws from the generator of everybody"
    moved = _model(cls, layouts[0], seed=1).state_dict()
    assert any(not torch.equal(one[name], value) for name, value in moved.items())


def answers_each_row_alone(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """In evaluation the same rows give the same outputs, whichever rows stand beside them; inputs stay as they were."""
    model, inputs = _model(cls, layouts[0]).eval(), sample_inputs(layouts[0], 6)
    kept = {name: value.clone() for name, value in inputs.items()}
    with torch.no_grad():
        whole = model(inputs)
        assert torch.equal(whole, model(inputs))
        for row in range(6):
            alone = model({name: value[row : row + 1] for name, value in inputs.items()})
            assert torch.allclose(alone, whole[row : row + 1], atol=1e-5), f"row {row}"
    assert all(torch.equal(inputs[name], value) for name, value in kept.items())


def learns_everywhere(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The gradient reaches every parameter within three steps, and no other tensor is learned."""
    for layout in layouts:
        model = _model(cls, layout)
        reached = dict.fromkeys(dict(model.named_parameters()), False)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(3):
            out = model(sample_inputs(layout, 64, seed=step))
            wanted = torch.randn(out.shape, generator=torch.Generator().manual_seed(step))
            (out - wanted).square().mean().backward()
            for name, parameter in model.named_parameters():
                grown = parameter.grad is not None and bool((parameter.grad != 0).any())
                reached[name] |= grown or not parameter.numel()
            optimiser.step()
            optimiser.zero_grad()
        assert all(reached.values()), f"no gradient reached {[name for name, yes in reached.items() if not yes]}"


def goes_through_safetensors(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Weights written as safetensors and loaded into a model that started elsewhere give the same outputs."""
    for layout in layouts:
        model, other = _model(cls, layout), _model(cls, layout, seed=9)
        model(sample_inputs(layout, 20))  # whatever training keeps beside the weights has moved
        other.load_state_dict(load(save(model.state_dict())))
        inputs = sample_inputs(layout, 5)
        assert torch.equal(model.eval()(inputs), other.eval()(inputs))


def refuses_settings(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Unknown settings, values of another kind, and values past every bound are refused."""
    _check_bounds(cls.Settings)


def _check_bounds(settings: type) -> None:
    wrong: list[tuple[str, Any]] = [("no_such_setting", 1)]
    for name, entry in schema(settings)["properties"].items():
        wrong.append((name, object()))
        steps = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}
        wrong += [(name, entry[bound] + step) for bound, step in steps.items() if bound in entry]
        if "enum" in entry:
            wrong.append((name, "no such choice"))
        assert entry.get("description"), f"{name} has no help"
    for name, value in wrong:
        try:
            check(settings, {name: value})
        except SettingError as error:
            assert name in str(error), error
        else:
            raise AssertionError(f"{name}={value!r} was taken")


def is_documented(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The docstring has a Shape block, and it or the module's names a source with its year."""
    text = inspect.getdoc(cls) or ""
    assert "Shape:" in text
    module = inspect.getdoc(inspect.getmodule(cls)) or ""
    assert re.search(r"\([A-Z][^()]*\d{4}[^()]*\)", text + module), "no source such as (Vaswani et al. 2017)"


def runs_with_every_choice(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Every choice of every setting, and the least that each allows, trains on one row and on many."""
    least = {name: entry["minimum"] for name, entry in schema(cls.Settings)["properties"].items() if "minimum" in entry}
    for values in [{}, least, *({name: value} for name, value in _choices(cls.Settings))]:
        model = _model(cls, layouts[0], **values)
        for rows in (1, 7):
            out = model(sample_inputs(layouts[0], rows))
            out.square().mean().backward()
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            assert torch.isfinite(out).all() and gradients, values
            assert all(torch.isfinite(gradient).all() for gradient in gradients), values


def agrees_in_bfloat16(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Under autocast to bfloat16 the outputs are those of float32 within its rounding, and the gradient is finite."""
    model, inputs = _model(cls, layouts[0]).eval(), sample_inputs(layouts[0], 50)
    full = model(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = model(inputs)
        reduced.float().square().mean().backward()
    assert (reduced.float() - full).abs().max() <= 0.04 * full.abs().max().clamp(min=1)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


MODEL_CHECKS: tuple[Callable[[type[Model], Sequence[Layout]], None], ...] = (
    gives_its_shape,
    starts_from_its_seed,
    answers_each_row_alone,
    learns_everywhere,
    goes_through_safetensors,
    refuses_settings,
    is_documented,
    runs_with_every_choice,
    agrees_in_bfloat16,
)


# === tasks ========================================================================================================

Targets = Sequence[tuple[Feature, pl.Series]]


def check_task(cls: type[Task], targets: Targets | None = None) -> None:
    """Run every check of :data:`TASK_CHECKS` over a task class.

    Args:
        cls: the class.
        targets: (fitted feature, cells as it reads them), 40 or so; those of :func:`sample_targets` that are its own
            if None.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.tasks.binary import Binary
        >>> check_task(Binary)
    """
    if targets is None:
        targets = [pair for pair in sample_targets() if task_name_of(pair[0]) == cls.name]
    assert targets, f"no sample target is for the task {cls.name}; give targets of your own"
    for one in TASK_CHECKS:
        one(cls, targets)


def sample_targets(rows: int = 40) -> list[tuple[Feature, pl.Series]]:
    """Fitted targets of every kind that can be predicted, each with its cells."""
    draw = np.random.default_rng(0)
    names = draw.choice(["ash", "beech", "cedar"], rows, p=[0.5, 0.3, 0.2])
    sets = [[name for name in ("a", "b", "c") if draw.random() < 0.4] for _ in range(rows)]
    raw: list[tuple[type[Feature], Any]] = [
        (Boolean, draw.random(rows) < 0.4),
        (Boolean, np.where(draw.random(rows) < 0.4, "yes", "no").tolist()),
        (Category, np.where(draw.random(rows) < 0.6, "ill", "well").tolist()),
        (Category, names.tolist()),
        (Category, draw.integers(1, 6, rows)),
        (Labels, sets),
        (Labels, ["|".join(names) for names in sets]),
        (Number, draw.normal(50, 10, rows)),
        (Number, np.round(draw.lognormal(3, 1.5, rows))),  # a count with a long tail: its root is scaled
    ]
    pairs = []
    for cls, cells in raw:
        feature = cls("y", is_target=True)
        read = feature.read(pl.Series("y", cells))
        pairs.append((feature.fit(read), read))
    return pairs


def _tasks(cls: type[Task], targets: Targets) -> Iterator[tuple[Task, Tensor]]:
    """The task for each target, for the first one with each choice of its settings, and the encoded cells to learn."""
    choices = [{name: value} for name, value in _choices(cls.Settings)]
    for place, (feature, cells) in enumerate(targets):
        (array,) = feature.encode(cells).values()
        target = torch.from_numpy(array if feature.kind == "labels" else array[:, 0])
        for values in [{}, *(choices if place == 0 else [])]:
            yield cls(feature, check(cls.Settings, values)), target


def _raw(task: Task, rows: int, members: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(rows, members, task.width, generator=torch.Generator().manual_seed(seed))


def loses_in_numbers(cls: type[Task], targets: Targets) -> None:
    """The loss is a finite scalar, for one row and one member too, and the mean over rows: pieces weighed by their
    rows give the same. What is watched is one finite number a row, even where outputs are extreme."""
    for task, target in _tasks(cls, targets):
        raw = _raw(task, len(target))
        loss = task.loss(raw, target)
        assert loss.shape == () and torch.isfinite(loss)
        assert task.loss(raw[:1, :1], target[:1]).shape == ()
        pieces = [(task.loss(raw[part], target[part]), len(target[part])) for part in (slice(0, 9), slice(9, None))]
        summed = torch.stack([one * rows for one, rows in pieces]).sum()
        assert torch.isclose(summed / len(target), loss, rtol=1e-4), task.settings
        for size in (1, 1e4):
            judged = task.judge(task.activate(raw * size), target)
            assert judged.shape == (len(target),) and torch.isfinite(judged).all()


def has_the_right_gradient(cls: type[Task], targets: Targets) -> None:
    """The gradient of the loss agrees with finite differences in float64."""
    for task, target in _tasks(cls, targets):
        some = target[:6].double() if target.is_floating_point() else target[:6]
        raw = _raw(task, 6, 2).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda raw, task=task, some=some: task.loss(raw, some), (raw,)), task.settings


def averages_its_members(cls: type[Task], targets: Targets) -> None:
    """Equal members predict as one does, and their order does not matter; what is said to be a probability is one."""
    for task, target in _tasks(cls, targets):
        raw = _raw(task, len(target))
        predicted = task.activate(raw)
        assert predicted.shape == (len(target), task.width) and predicted.dtype == torch.float32
        assert torch.allclose(task.activate(raw[:, [2, 0, 1]]), predicted, atol=1e-6)
        one = task.activate(raw[:, :1])
        assert torch.allclose(task.activate(raw[:, [0, 0, 0]]), one, atol=1e-5)
        probability = task.answer(predicted.numpy()).probability
        if probability is not None:
            assert ((probability >= 0) & (probability <= 1)).all()
            if task.feature.kind != "labels":
                assert np.allclose(probability.sum(1), 1)


def learns_a_small_batch(cls: type[Task], targets: Targets) -> None:
    """A small network that is trained on the loss ends with the right answers, and what is watched falls."""
    for task, target in _tasks(cls, targets):
        torch.manual_seed(0)
        rows = torch.randn(24, 16)
        net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2 * task.width), nn.Unflatten(1, (2, -1)))
        optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
        before = task.judge(task.activate(net(rows)), target[:24]).mean().item()
        for _ in range(200):
            optimiser.zero_grad()
            task.loss(net(rows), target[:24]).backward()
            optimiser.step()
        predicted = task.activate(net(rows)).detach()
        assert task.judge(predicted, target[:24]).mean() < before, task.settings
        answer, truth = task.answer(predicted.numpy()), task.truth(target[:24].numpy())
        if answer.value is not None:
            error = np.abs(answer.value - truth).mean() / np.abs(truth - truth.mean()).mean()
            assert error < 0.15, f"{task.settings}: {error:.2f} of the constant's error is left"
        else:
            assert np.mean(answer.decision == truth) > 0.95, task.settings


def answers_in_columns(cls: type[Task], targets: Targets) -> None:
    """The answer is a table with the prediction under the target's name, in the cells' own type: for many rows, for
    one and for none; each row's answer is its own."""
    for task, target in _tasks(cls, targets):
        predicted = task.activate(_raw(task, len(target))).numpy()
        task.calibrate(predicted, target.numpy())
        whole = task.answer(predicted).frame(task.feature)
        assert whole.columns[0] == task.feature.column
        assert whole.null_count().sum_horizontal()[0] == 0
        assert all(name.startswith(f"{task.feature.column}_") for name in whole.columns[1:])
        for row in range(3):
            alone = task.answer(predicted[row : row + 1]).frame(task.feature)
            assert alone.equals(whole[row : row + 1])
        assert task.answer(predicted[:0]).frame(task.feature).schema == whole.schema
        task.feature.read(whole[task.feature.column])  # a prediction can be read as a cell


def keeps_its_state_as_json(cls: type[Task], targets: Targets) -> None:
    """What was learned from the validation rows goes through JSON, and gives the same answers again."""
    for task, target in _tasks(cls, targets):
        predicted = task.activate(_raw(task, len(target))).numpy()
        task.calibrate(predicted, target.numpy())
        feature = type(task.feature).from_json(json.loads(json.dumps(task.feature.to_json())))
        again = cls(feature, check(cls.Settings, json.loads(json.dumps(as_dict(task.settings)))))
        again.state = json.loads(json.dumps(task.state, allow_nan=False))
        assert again.answer(predicted).frame(feature).equals(task.answer(predicted).frame(task.feature))
        assert all(isinstance(note, str) for note in json.loads(json.dumps(task.notes)))
        cls(task.feature, task.settings).calibrate(predicted[:0], target[:0].numpy())  # no validation rows


def refuses_options(cls: type[Task], targets: Targets) -> None:
    """Unknown options, and values of another kind or past their bounds, are refused; the class is documented."""
    _check_bounds(cls.Settings)
    assert inspect.getdoc(cls)
    assert cls.name == cls.name.lower()


TASK_CHECKS: tuple[Callable[[type[Task], Targets], None], ...] = (
    loses_in_numbers,
    has_the_right_gradient,
    averages_its_members,
    learns_a_small_batch,
    answers_in_columns,
    keeps_its_state_as_json,
    refuses_options,
)
