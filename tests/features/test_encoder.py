"""The one encoder: several features side by side."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from lamina.errors import DataError, MissingColumnError
from lamina.features.answer import Answer
from lamina.features.boolean import Boolean
from lamina.features.category import Category
from lamina.features.constant import Constant
from lamina.features.date import Date
from lamina.features.encoder import Encoder
from lamina.features.identifier import Identifier
from lamina.features.labels import Labels
from lamina.features.number import Number
from lamina.testing import same

RAW = pl.DataFrame(
    {
        "row": ["r1", "r2", "r3", "r4"],
        "age": ["31", "", "45", "60"],
        "sex": ["f", "m", "f", ""],
        "smoker": ["yes", "no", "no", "yes"],
        "day": ["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-09"],
        "same": ["x"] * 4,
        "ill": ["no", "yes", "no", "yes"],
        "cost": ["1.5", "2.5", "3.5", "4.5"],
        "tags": ["a|b", "b", "", "a"],
    }
)


def made() -> Encoder:
    inputs = [Identifier("row"), Number("age"), Category("sex"), Boolean("smoker"), Date("day"), Constant("same")]
    targets = [
        Boolean("ill", is_target=True),
        Number("cost", is_target=True),
        Labels("tags", is_target=True),
    ]
    return Encoder(inputs, targets)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    one = made()
    return one.partial_fit(one.read(RAW, targets=True)).finish()


def test_groups_hold_the_slots_in_the_order_of_the_columns(encoder: Encoder) -> None:
    layout, arrays = encoder.layout, encoder.encode(encoder.read(RAW))
    assert [(slot.column, slot.part) for slot in layout.numbers][:2] == [("age", "value"), ("day", "value")]
    assert [(slot.column, slot.part) for slot in layout.flags] == [("age", "missing"), ("smoker", "value")]
    assert [(slot.column, slot.part) for slot in layout.categories] == [("sex", "value")]
    assert layout.columns == ["age", "day", "smoker", "sex"]
    assert arrays["number"].shape == (4, len(layout.numbers))
    assert arrays["flag"].tolist() == [[0, 1], [1, 0], [0, 0], [0, 1]]
    assert arrays["category"].tolist() == [[2], [3], [2], [0]]
    assert layout.dense_width == len(layout.numbers) + 2 + layout.sizes[0]


def test_groups_without_slots_are_empty_arrays_of_their_dtype() -> None:
    one = Encoder([Constant("same")], [])
    frame = one.read(RAW)
    arrays = one.partial_fit(frame).finish().encode(frame)
    assert {group: (array.shape, array.dtype) for group, array in arrays.items()} == {
        "number": ((4, 0), np.float32),
        "flag": ((4, 0), np.uint8),
        "category": ((4, 0), np.int32),
    }


def test_targets_are_codes_numbers_or_flags(encoder: Encoder) -> None:
    ill, cost, tags = encoder.encode_targets(encoder.read(RAW, targets=True))
    assert (ill.dtype, ill.tolist()) == (np.int32, [0, 1, 0, 1])
    assert (cost.dtype, cost.shape) == (np.float32, (4,))
    assert (tags.dtype, tags.tolist()) == (np.uint8, [[1, 1], [0, 1], [0, 0], [1, 0]])


def test_columns_in_another_order_and_more_of_them_change_nothing(encoder: Encoder) -> None:
    shuffled = RAW.select(reversed(RAW.columns)).with_columns(pl.lit(1).alias("more"))
    assert same(encoder.encode(encoder.read(shuffled)), encoder.encode(encoder.read(RAW)))


def test_one_row_is_encoded_as_it_was_among_others(encoder: Encoder) -> None:
    whole = encoder.encode(encoder.read(RAW))
    for row in range(4):
        alone = encoder.encode(encoder.read(RAW[row : row + 1], row))
        assert same(alone, {group: array[row : row + 1] for group, array in whole.items()})


def test_it_goes_through_json(encoder: Encoder) -> None:
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert again.layout == encoder.layout
    assert same(again.encode(again.read(RAW)), encoder.encode(encoder.read(RAW)))


def test_a_missing_column_is_named_with_the_nearest(encoder: Encoder) -> None:
    with pytest.raises(MissingColumnError) as caught:
        encoder.read(RAW.rename({"age": "agee", "day": "date"}))
    assert str(caught.value).startswith("column 'age' is missing, and 1 more · got columns row, agee, ")
    assert str(caught.value).endswith("did you mean agee?")


def test_targets_need_not_be_there_for_prediction(encoder: Encoder) -> None:
    assert encoder.read(RAW.drop("ill", "cost", "tags")).columns == ["row", "age", "sex", "smoker", "day", "same"]
    with pytest.raises(MissingColumnError, match="'ill' is missing, and 2 more"):
        encoder.read(RAW.drop("ill", "cost", "tags"), targets=True)


def test_what_cannot_be_predicted_is_refused() -> None:
    one = Encoder([], [Date("day", is_target=True)])
    frame = one.read(RAW, targets=True)
    with pytest.raises(DataError, match="column 'day' cannot be predicted yet · got a date column"):
        one.partial_fit(frame).finish().encode_targets(frame)


def test_an_answer_is_a_frame_for_people(encoder: Encoder) -> None:
    ill, cost, _ = encoder.targets
    answer = Answer(probability=np.array([[0.2, 0.8], [0.6, 0.4]]), decision=np.array([1, 0]))
    assert len(answer) == 2
    assert answer.frame(ill).to_dict(as_series=False) == {
        "ill": ["yes", "no"],
        "ill_probability_no": [0.2, 0.6],
        "ill_probability_yes": [0.8, 0.4],
    }
    value = np.array([2.0])
    answer = Answer(value=value, quantiles={0.05: value - 1, 0.5: value}, lower=value - 1, upper=value + 1)
    assert answer.frame(cost).columns == ["cost", "cost_q0.05", "cost_q0.5", "cost_low", "cost_high"]
