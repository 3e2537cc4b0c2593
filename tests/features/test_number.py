"""Numbers: the scalings against scikit-learn, the statistics against numpy, and every spelling of a number."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, RobustScaler, StandardScaler

from lamina.errors import DataError
from lamina.features.gather import SAMPLE, Gathered, capped_quantiles
from lamina.features.number import KNOTS, Number, NumberSettings
from lamina.testing import same

GENERATOR = np.random.default_rng(0)
COLUMNS = {
    "normal": GENERATOR.normal(50, 7, 3000),
    "long tail": GENERATOR.lognormal(1, 1.5, 3000),
    "few values": GENERATOR.choice([0.0, 1.0, 5.0, 5.5], 3000, p=[0.2, 0.3, 0.4, 0.1]),
    "far from zero": GENERATOR.normal(1e7, 3, 3000),
}
EVERY_COLUMN = pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)

# What the feature reads, and float32 can hold.
FINITE = st.floats(-1e38, 1e38, allow_nan=False)


def fitted(values: np.ndarray | list[float | None], **settings: str) -> Number:
    return Number("x", NumberSettings(**settings)).fit(pl.Series(values, dtype=pl.Float64))


def encoded(feature: Number, values: np.ndarray | list[float]) -> np.ndarray:
    return feature.encode(pl.Series(values, dtype=pl.Float64))["number"][:, 0].astype(np.float64)


@EVERY_COLUMN
@pytest.mark.parametrize(
    ("scaling", "scaler"),
    [("standard", StandardScaler()), ("robust", RobustScaler()), ("minmax", MinMaxScaler())],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_scaling_is_that_of_scikit_learn(values: np.ndarray, scaling: str, scaler: StandardScaler) -> None:
    feature = fitted(values, scaling=scaling)
    wanted = scaler.fit_transform(values[:, None])[:, 0]
    assert np.allclose(encoded(feature, values), wanted, rtol=1e-6, atol=1e-6)
    back = feature.decode(wanted).to_numpy()
    assert np.allclose(back, values, rtol=1e-12, atol=1e-9 * np.ptp(values))


def test_scaling_none_is_the_number_itself() -> None:
    feature = fitted(COLUMNS["normal"], scaling="none")
    assert np.array_equal(encoded(feature, COLUMNS["normal"]), COLUMNS["normal"].astype(np.float32))
    assert feature.decode(np.array([3.25])).to_list() == [3.25]


@pytest.mark.parametrize("name", ["normal", "long tail"])
def test_quantile_scaling_is_close_to_that_of_scikit_learn(name: str) -> None:
    values = COLUMNS[name]
    scaler = QuantileTransformer(n_quantiles=KNOTS, output_distribution="normal").fit(values[:, None])
    found, wanted = encoded(fitted(values, scaling="quantile"), values), scaler.transform(values[:, None])[:, 0]
    inner = np.abs(wanted) < 2.5  # theirs goes on to +-5.2 at the ends, ours to +-2.9
    assert np.abs(found - wanted)[inner].max() < 0.1
    assert np.abs(found).max() < 3


def test_quantile_scaling_goes_back() -> None:
    values = COLUMNS["long tail"]
    feature = fitted(values, scaling="quantile")
    back = feature.decode(encoded(feature, values)).to_numpy()
    assert np.allclose(back, values, rtol=1e-4, atol=1e-4)


def test_quantile_scaling_gives_equal_values_the_middle_of_their_ranks() -> None:
    feature = fitted([0.0] * 50 + [1.0] * 50, scaling="quantile")
    low, high = encoded(feature, [0.0, 1.0])
    assert low == pytest.approx(-high, abs=0.02)
    assert feature.decode(np.array([low, high])).to_list() == [0.0, 1.0]


@given(values=st.lists(FINITE, min_size=1, max_size=40), other=st.lists(FINITE, min_size=1, max_size=5))
@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax", "quantile", "none"])
def test_every_scaling_is_finite_and_keeps_the_order(scaling: str, values: list[float], other: list[float]) -> None:
    feature = fitted(values, scaling=scaling)
    ordered = sorted(values + other)
    found = encoded(feature, ordered)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    knots = feature.slots[0].knots
    assert np.isfinite(knots).all()
    assert list(knots) == sorted(knots)


@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax", "quantile", "none"])
@pytest.mark.parametrize("width", [1.0, 1e-30, 1e-140, 1e-170, 5e-324])
def test_a_number_far_from_all_that_was_learned_from_is_finite(scaling: str, width: float) -> None:
    feature = fitted([0.0, width, width], scaling=scaling)
    low, high = encoded(feature, [-1e38, 1e38])
    assert np.isfinite([low, high]).all()
    assert low < high


@given(st.lists(st.none() | FINITE, max_size=30))
def test_state_goes_through_json_to_the_bit(values: list[float | None]) -> None:
    cells = pl.Series(values, dtype=pl.Float64)
    feature = Number("x").fit(cells)
    again = Number.from_json(json.loads(json.dumps(feature.to_json(), allow_nan=False)))
    assert again.slots == feature.slots
    assert same(again.encode(cells), feature.encode(cells))


@given(st.lists(FINITE), st.sampled_from(["{!r}", " {!r} ", "{:.17e}", "+{!r}"]))
def test_text_of_a_number_is_that_number(values: list[float], form: str) -> None:
    text = [form.format(value).replace("+-", "-") for value in values]
    assert Number("x").read(pl.Series(text, dtype=pl.String)).to_list() == values


# --- statistics ---------------------------------------------------------------------------------------------------


@EVERY_COLUMN
@pytest.mark.parametrize("pieces", [1, 7, 500])
def test_moments_in_pieces_are_those_of_numpy(values: np.ndarray, pieces: int) -> None:
    gathered = Gathered()
    for piece in np.array_split(values, pieces):
        gathered.add(piece, 1)
    assert gathered.count == len(values)
    assert gathered.missing == pieces
    assert gathered.mean == pytest.approx(values.mean(), rel=1e-12)
    assert gathered.deviation == pytest.approx(values.std(), rel=1e-9)
    assert (gathered.low, gathered.high) == (values.min(), values.max())


def test_quantiles_are_exact_up_to_the_size_of_the_sample() -> None:
    values = np.random.default_rng(1).exponential(size=SAMPLE)
    gathered = Gathered()
    for piece in np.array_split(values, 9):
        gathered.add(piece, 0)
    assert np.array_equal(gathered.quantiles(), np.quantile(values, np.linspace(0, 1, KNOTS)))


def test_above_it_the_sample_is_even_bounded_and_the_same_in_any_pieces() -> None:
    values = np.arange(3 * SAMPLE + 17, dtype=np.float64)
    whole, pieces = Gathered(), Gathered()
    whole.add(values, 0)
    for piece in np.array_split(values, 23):
        pieces.add(piece, 0)
    assert np.array_equal(whole.sample, pieces.sample)
    assert np.array_equal(whole.sample, values[::4])
    assert whole.quantiles()[-1] == values[-1], "the ends are exact"
    assert np.allclose(whole.quantiles(), np.linspace(0, values[-1], KNOTS), atol=4)


def test_minmax_is_exact_above_the_size_of_the_sample() -> None:
    values = np.zeros(2 * SAMPLE + 2)
    values[-1], values[-3] = 10.0, -10.0
    feature = fitted(values, scaling="minmax")
    assert encoded(feature, [-10.0, 0.0, 10.0]).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.3, -1e38, 1e-300])
@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax", "quantile"])
def test_a_column_that_never_varies_is_zeros(scaling: str, value: float) -> None:
    feature = fitted([value] * 1000, scaling=scaling)
    assert encoded(feature, [value]).tolist() == [0.0]
    assert feature.decode(np.zeros(1)).to_list() == pytest.approx([value])


def test_a_constant_target_on_its_root_is_zeros() -> None:
    feature = Number("y", NumberSettings(root="on"), is_target=True).fit(pl.Series([0.1] * 1000))
    assert feature.encode(pl.Series([0.1]))["number"].tolist() == [[pytest.approx(0, abs=1e-12)]]


def test_robust_scaling_has_a_width_where_most_cells_are_equal() -> None:
    feature = fitted([0.0] * 90 + [1.0] * 10, scaling="robust")
    assert encoded(feature, [0.0]).tolist() == [0.0]
    assert encoded(feature, [1.0])[0] == pytest.approx(1 / 0.3)


def test_capped_quantiles_give_the_rare_values_room() -> None:
    values = np.array([0.0] * 9_000 + [float(k) for k in range(1, 1001)])
    knots = capped_quantiles(values)
    assert len(knots) == KNOTS
    assert (knots == 0).sum() <= 3
    assert list(knots) == sorted(knots)
    assert set(knots) <= set(values)


# --- targets, missing cells, codes --------------------------------------------------------------------------------


def test_auto_scaling_is_quantile_for_inputs_and_standard_for_targets() -> None:
    assert Number("x").scaling == "quantile"
    assert Number("x", is_target=True).scaling == "standard"


def test_a_target_of_counts_is_learned_on_its_root_and_comes_back_in_its_own_unit() -> None:
    counts = pl.Series(np.random.default_rng(0).poisson(np.random.default_rng(1).exponential(30, 2000)).astype(float))
    feature = Number("y", is_target=True).fit(counts)
    assert feature.state.root
    main = feature.encode(counts)["number"][:, 0]
    assert main.mean() == pytest.approx(0, abs=1e-5)
    assert main.std() == pytest.approx(1, abs=1e-5)
    assert np.allclose(feature.decode(main).to_numpy(), counts.to_numpy(), rtol=1e-4, atol=1e-3)
    assert (feature.decode(np.array([-99.0])).to_numpy() >= 0).all()


def test_the_root_is_not_taken_of_what_can_be_negative() -> None:
    assert not Number("y", NumberSettings(root="on"), is_target=True).fit(pl.Series([-1.0, 100.0])).state.root


def test_missing_cells_are_the_median_and_flagged_where_training_saw_some() -> None:
    feature = fitted([1.0, 2.0, 30.0, None], scaling="standard")
    arrays = feature.encode(pl.Series([None, 2.0]))
    assert arrays["number"][0] == arrays["number"][1]
    assert arrays["flag"].tolist() == [[1], [0]]
    assert [slot.part for slot in feature.slots] == ["value", "missing"]
    assert "flag" not in fitted([1.0, 2.0]).encode(pl.Series([None], dtype=pl.Float64))


@pytest.mark.parametrize(("distinct", "has_codes"), [(48, False), (49, True), (256, True), (257, False)])
def test_whole_numbers_of_a_middling_variety_are_given_as_codes_too(distinct: int, has_codes: bool) -> None:
    cells = pl.Series([float(k * 3) for k in range(distinct)])
    feature = Number("x").fit(cells)
    assert ("code" in [slot.part for slot in feature.slots]) is has_codes
    if has_codes:
        codes = feature.encode(pl.Series([0.0, 3.0, 1.0, 1e9, None]))["category"][:, 0]
        assert codes.tolist() == [1, 2, 0, 0, 0]
    assert len(Number("x", is_target=True).fit(cells).slots) == 1
    assert len(Number("x", NumberSettings(codes=False)).fit(cells).slots) == 1


def test_fractions_have_no_codes() -> None:
    assert len(Number("x").fit(pl.Series([k / 2 for k in range(100)])).slots) == 1


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,5", 1.5), ("1.234,5", 1234.5), ("-0,25", -0.25), ("1.234.567", 1234567.0), ("7", 7.0), ("1e3", 1000.0)],
)
def test_decimal_comma(text: str, value: float) -> None:
    feature = Number("x", NumberSettings(decimal=","))
    assert feature.read(pl.Series([text])).to_list() == [value]


@pytest.mark.parametrize("text", ["NaN", "nan", "NAN", "-nan", "", " ", "?", "NA", "null", "None"])
def test_words_for_missing(text: str) -> None:
    assert Number("x").read(pl.Series([text])).to_list() == [None]


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2), pl.Boolean])
def test_every_numeric_dtype_is_read(dtype: pl.DataType) -> None:
    assert Number("x").read(pl.Series([1, 0, None]).cast(dtype)).to_list() == [1.0, 0.0, None]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            pl.Series(["1", "two", "3", "four"]),
            "column 'age' holds numbers, but some cells are words · got 'two', 'four' in 2 cell(s), row(s) 101, 103 "
            "(counted from 0) · mend the cells, leave them empty, or say --feature age=category",
        ),
        (
            pl.Series([1.0, float("inf")]),
            "column 'age' holds infinite numbers · got inf in 1 cell(s), row(s) 101 (counted from 0) · "
            "leave such cells empty",
        ),
        (
            pl.Series(["-inf"]),
            "column 'age' holds infinite numbers · got '-inf' in 1 cell(s), row(s) 100 (counted from 0) · "
            "leave such cells empty",
        ),
        (
            pl.Series([1e39]),
            "column 'age' holds numbers above 1e38 · got 1e+39 in 1 cell(s), row(s) 100 (counted from 0) · "
            "change the unit, or leave such cells empty",
        ),
    ],
)
def test_what_is_no_number_is_named_with_its_rows(cells: pl.Series, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Number("age").read(cells, first_row=100)
    assert str(caught.value) == message


def test_many_bad_cells_are_counted_and_a_few_shown() -> None:
    with pytest.raises(DataError, match=r"in 1000 cell\(s\), row\(s\) 0, 1, 2, 3, 4 and 995 more"):
        Number("x").read(pl.Series(["word"] * 1000))
