"""Series: claims, scalings, gaps, channels by name, long ones, and cells that are none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from lamina.config import check
from lamina.errors import DataError, SettingError
from lamina.features import FEATURES
from lamina.features.base import Profile
from lamina.features.labels import Labels
from lamina.features.series import Series, SeriesSettings


def fitted(cells: pl.Series, **settings: Any) -> Series:
    """A feature that has learned from these cells."""
    feature = Series("c", check(SeriesSettings, settings))
    return feature.fit(feature.read(cells))


def rows(feature: Series, cells: pl.Series) -> list[Any]:
    """Frames of each cell."""
    found = feature.encode(feature.read(cells))["frames"]
    return [found[place : place + 1].values.tolist() for place in range(len(found))]


def test_it_has_its_name() -> None:
    assert FEATURES["series"] is Series


WAVES = pl.Series([[1.0, 2.0, 3.0], None, [5.0], []])


def test_each_channel_is_standardised_over_the_training_rows() -> None:
    feature = fitted(WAVES)
    assert feature.state.mean == [2.75]
    found = feature.encode(feature.read(WAVES))["frames"]
    assert found.lengths.tolist() == [3, 0, 1, 0]
    assert found.values.mean() == pytest.approx(0, abs=1e-6)
    assert found.values.std() == pytest.approx(1, abs=1e-6)
    assert (feature.state.count, feature.state.missing) == (2, 2)
    (slot,) = feature.slots
    assert (slot.group, slot.shape) == ("frames", (1,))


def test_none_leaves_numbers_as_they_are() -> None:
    assert rows(fitted(WAVES, scaling="none"), WAVES) == [[[1], [2], [3]], [], [[5]], []]


def test_row_scales_each_row_and_says_where_it_lay() -> None:
    cells = pl.Series([[1.0, 3.0], [101.0, 103.0], [7.0, 7.0], [None, 4.0]])
    feature = fitted(cells, scaling="row")
    assert feature.slots[0].shape == (4,)
    first, second, flat, gap = (np.array(row) for row in rows(feature, cells))
    assert first[:, 0].tolist() == second[:, 0].tolist() == [-1, 1]
    assert (first[:, 1] < second[:, 1]).all()
    assert (first[:, 2] == second[:, 2]).all()
    assert flat[:, 0].tolist() == [0, 0]
    assert flat[0, 2] == pytest.approx(np.log(1e-3))
    assert gap[:, 0].tolist() == [0, 0]
    assert gap[:, 3].tolist() == [1, 0]
    alone = feature.encode(feature.read(cells[1:2]))["frames"].values
    assert alone.tolist() == second.tolist()


def test_gaps_are_carried_forward_and_marked_where_training_had_some() -> None:
    cells = pl.Series([{"a": [1.0, None, None], "b": [1.0, 2.0, 3.0]}, {"a": [None, 4.0], "b": [5.0, 6.0]}])
    feature = fitted(cells, scaling="none")
    assert feature.state.gaps == [3, 0]
    assert rows(feature, cells) == [[[1, 1, 0], [1, 2, 1], [1, 3, 1]], [[2.5, 5, 1], [4, 6, 0]]]
    without = fitted(pl.Series([[1.0, 2.0], [4.0]]), scaling="none")
    assert rows(without, pl.Series([[3.0, None, 5.0]])) == [[[3], [3], [5]]]


def test_channels_are_known_by_their_names() -> None:
    cells = pl.Series([{"a": [1.0, 2.0], "b": [30.0, 40.0]}, None])
    feature = Series.from_json(json.loads(json.dumps(fitted(cells, scaling="none").to_json())))
    assert feature.state.names == ["a", "b"]
    swapped = pl.Series([{"b": [3.0], "c": [0.0], "a": [4.0]}])
    assert rows(feature, swapped) == [[[4, 3]]]
    with pytest.raises(DataError, match=r"without the channel\(s\) b.*row\(s\) 5"):
        feature.read(pl.Series([{"a": [1.0]}]), first_row=5)
    assert list(feature.summary())[:3] == ["channels", "steps", "channel a"]


def test_the_order_of_channels_is_that_of_the_first_rows() -> None:
    feature = Series("c", SeriesSettings(scaling="none"))
    first, second = pl.Series([{"a": [1.0], "b": [2.0]}]), pl.Series([{"b": [4.0], "a": [3.0]}])
    train, other = feature.read(first), feature.read(second)  # both are read before anything is learned
    assert feature.fit(train).encode(other)["frames"].values.tolist() == [[3, 4]]


def test_long_series_keep_their_end() -> None:
    cells = pl.Series([list(range(10)), [1, 2]])
    feature = fitted(cells, scaling="none", longest=3)
    assert rows(feature, cells) == [[[7], [8], [9]], [[1], [2]]]
    assert feature.slots[0].length == 3
    assert feature.summary()["cut"] == "1 of 2"


def test_lists_of_lists_are_read_as_they_are_laid_out() -> None:
    by_step = pl.Series([[[1, 10], [2, 20], [3, 30]], [[4, 40]]])
    by_channel = pl.Series([[[1, 2, 3], [10, 20, 30]], [[4], [40]]])
    for cells, layout in ((by_step, "steps"), (by_channel, "channels")):
        claim = Series.recognise(Profile("c", cells, 2, 2))
        assert claim is not None
        assert claim.settings == {"layout": layout}
        assert rows(fitted(cells, scaling="none", layout=layout), cells) == rows(
            fitted(by_step, scaling="none"), by_step
        )
    fixed = pl.Series(np.zeros((4, 3, 50)))
    claim = Series.recognise(Profile("c", fixed, 4, 4))
    assert claim is not None
    assert claim.settings == {"layout": "channels"}, "there are fewer channels than steps"
    assert fitted(fixed, layout="channels").slots[0].shape == (3,)


TEXT = [" ".join(str(row * step % 7) for step in range(10 + row)) for row in range(30)]


@pytest.mark.parametrize(
    ("cells", "is_series"),
    [
        (pl.Series([[1, 2], None]), True),
        (pl.Series([[1.5], [2.5]], dtype=pl.Array(pl.Float32, 1)), True),
        (pl.Series([{"a": [1.0], "b": [2.0]}]), True),
        (pl.Series(TEXT), True),
        (pl.Series([f"[{cell.replace(' ', ', ')}]" for cell in TEXT]), True),
        (pl.Series(["1 2 3", "4 5 6"]), False),
        (pl.Series(["2024-01-02", "2024-01-03"]), False),
        (pl.Series(["1,234,567", "2,345,678"]), False),
        (pl.Series(["+49 30 123 456", "+49 30 123 457"]), False),
        (pl.Series(["192.168.1.1", "10.0.0.1"]), False),
        (pl.Series(["a|b", "b|c"]), False),
        (pl.Series([["a", "b"], ["c"]]), False),
        (pl.Series([{"a": 1, "b": 2}]), False),
        (pl.Series(["the cat sat on the mat and slept all day"] * 3), False),
        (pl.Series([1.0, 2.0]), False),
        (pl.Series([None, None], dtype=pl.List(pl.Int64)), False),
        (pl.Series([None], dtype=pl.String), False),
    ],
)
def test_what_it_claims(cells: pl.Series, is_series: bool) -> None:
    present = cells.drop_nulls()
    claim = Series.recognise(Profile("c", cells, len(cells), len(present)))
    assert (claim is not None) == is_series
    if is_series:
        labels = Labels.recognise(Profile("c", cells, len(cells), len(present)))
        assert labels is None


def test_a_word_among_many_series_is_a_fault_to_be_shown() -> None:
    cells = pl.Series([*TEXT * 10, "1 2 3 four 5 6 7 8 9 10"])
    assert Series.recognise(Profile("c", cells, len(cells), len(cells))) is not None
    with pytest.raises(DataError, match=r"row\(s\) 1300"):
        Series("c").read(cells, first_row=1000)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (pl.Series([[1.0], [float("inf")]]), r"infinite.*row\(s\) 1 "),
        (pl.Series([[1.0], [2e38]]), r"1e38.*row\(s\) 1 "),
        (pl.Series(["1 2", "one"]), r"some cells are none.*'one'.*row\(s\) 1 "),
        (pl.Series([[[1], [2]], [[1, 2], [3]]]), r"some cells are none.*row\(s\) 1 "),
        (pl.Series([1.5, None]), r"came as Float64.*row\(s\) 0 "),
        (pl.Series([["a"]]), "came as List"),
        (pl.Series([[[[1]]]]), "came as List"),
    ],
)
def test_what_is_no_series_is_refused_with_its_row(cells: pl.Series, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        Series("c").read(cells)
    assert len(str(caught.value)) < 300


def test_a_long_bad_cell_is_shown_in_short() -> None:
    with pytest.raises(DataError) as caught:
        Series("c").read(pl.Series([[1.0] * 100_000 + [float("inf")]]))
    assert len(str(caught.value)) < 400


def test_other_channels_than_those_learned_are_refused() -> None:
    feature = fitted(WAVES)
    with pytest.raises(DataError, match=r"1 channel\(s\), but some cells are none"):
        feature.read(pl.Series([[[1, 2]]]))
    other = Series("c").read(pl.Series([[[1, 2], [3, 4]]]))
    with pytest.raises(DataError, match=r"1 channel\(s\), but some of 2"):
        feature.encode(other)
    learning = Series("c").partial_fit(Series("c").read(WAVES))
    with pytest.raises(DataError, match=r"1 channel\(s\), but some of 2"):
        learning.partial_fit(other)


def test_missing_pieces_before_the_first_series_teach_nothing() -> None:
    feature = Series("c")
    for cells in (pl.Series([None], dtype=pl.List(pl.List(pl.Float64))), pl.Series([[[1.0, 2.0]]])):
        feature.partial_fit(feature.read(cells))
    assert feature.finish().state.mean == [1, 2]
    assert feature.encode(Series("c").read(pl.Series([None], dtype=pl.Null)))["frames"].lengths.tolist() == [0]


def test_a_channel_that_never_varies_is_zero_and_far_numbers_stay_finite() -> None:
    feature = fitted(pl.Series([[0.1] * 7, [0.1] * 3]))
    assert rows(feature, pl.Series([[0.1, 0.1]])) == [[[0], [0]]]
    narrow = fitted(pl.Series([[0.0, 1e-30]]))
    assert np.isfinite(rows(narrow, pl.Series([[1e38, -1e38]]))).all()


def test_equal_cells_have_equal_keys() -> None:
    one, other = pl.Series([[0.0, None]]), pl.Series([[-0.0, float("nan")]])
    keys = [Series("c").key(Series("c").read(cells)).to_frame().hash_rows(seed=1).to_list() for cells in (one, other)]
    assert keys[0] == keys[1]


def test_settings_and_targets() -> None:
    with pytest.raises(SettingError, match="scaling"):
        check(SeriesSettings, {"scaling": "rows"})
    with pytest.raises(DataError, match="cannot be predicted"):
        fitted(WAVES).decode(np.zeros(1))


@pytest.mark.data
@pytest.mark.parametrize("name", ["hourly", "weekly"])
def test_m4(shared_data: Any, name: str) -> None:
    cells = pl.read_csv(shared_data / "m4" / f"{name}_train.csv.gz")["values"]
    claim = Series.recognise(Profile("values", cells, len(cells), len(cells)))
    assert claim is not None
    feature = fitted(cells, scaling="row")
    found = feature.encode(feature.read(cells))["frames"]
    assert found.lengths.tolist() == cells.str.split(" ").list.len().to_list()
    assert abs(found.values[:, 0].std() - 1) < 0.01
