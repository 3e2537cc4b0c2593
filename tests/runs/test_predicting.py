"""Raw rows in, predictions out: in any order, whatever is missing or new, and always what training would have said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import lamina
from lamina.data import table
from lamina.errors import DataError, MissingColumnError, UsageError
from lamina.runs import predictor

Train = Callable[..., lamina.Run]

ILL = ["ill", "ill_probability_no", "ill_probability_yes"]


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        ("ill", {}),
        ("ill", {"model": "tabm"}),
        ("ill", {"model": "ft_transformer"}),
        ("ill", {"train__networks": 2}),
        ("grade", {"model": "resnet"}),
        ("tags", {}),
        ("score", {}),
        ("score", {"task__loss": "gaussian"}),
        ("score", {"task__loss": "quantiles", "task__quantiles": [0.1, 0.5, 0.9]}),
        (["score", "ill"], {}),
        (["grade", "tags", "score"], {"model": "tabm"}),
    ],
    ids=str,
)
def test_written_predictions_are_those_of_the_raw_rows(
    train: Train, rows: pl.DataFrame, target: Any, settings: dict[str, Any]
) -> None:
    """And the scores of the same rows are those that were written."""
    run = train(target, **settings)
    written = pl.read_parquet(run.path / "predictions.parquet")
    targets = [target] if isinstance(target, str) else target
    judged = rows[written["row"].to_list()]
    for name in targets:
        truth = written[f"{name}_true"]
        assert_frame_equal(truth.to_frame(name), judged.select(name), rel_tol=1e-5, check_dtypes=False)
    assert_frame_equal(run.predict(judged), written.drop("row", *(f"{name}_true" for name in targets)), abs_tol=1e-5)
    scored = run.evaluate(judged)
    for name in targets:
        stored, found = (document[name]["systems"]["network"]["scores"] for document in (run.results, scored))
        assert list(found) == list(stored)
        for metric, values in stored.items():
            assert list(found[metric].values()) == pytest.approx(list(values.values()), rel=1e-4, abs=1e-6), metric


def test_columns_and_their_meaning(train: Train, rows: pl.DataFrame) -> None:
    made = train().predict(rows)
    assert made.columns == ILL
    assert made["ill"].is_in(["yes", "no"]).all()
    assert np.allclose(made["ill_probability_no"] + made["ill_probability_yes"], 1)
    made = train("score", "quantiles", task__loss="quantiles").predict(rows)
    names = [
        "score",
        "score_q0.05",
        "score_q0.25",
        "score_q0.5",
        "score_q0.75",
        "score_q0.95",
        "score_low",
        "score_high",
    ]
    assert made.columns == names
    assert (made["score_low"] <= made["score_high"]).all()
    made = train("tags", "tags").predict(rows)
    assert made.columns == ["tags", *(f"tags_probability_{tag}" for tag in "abc")]
    assert made["tags"].dtype == pl.List(pl.String)
    made = train(["score", "ill"], "both").predict(rows)
    assert made.columns == ["score", "score_low", "score_high", *ILL]


def test_order_and_other_columns_do_not_matter(finished: lamina.Run, rows: pl.DataFrame) -> None:
    expected = finished.predict(rows)
    moved = rows.select("day", "flag", pl.lit("anything").alias("new"), "size", "kind")
    assert finished.predict(moved).equals(expected)
    assert finished.predict(rows.reverse()).reverse()["ill"].equals(expected["ill"])


def test_one_row_many_rows_no_rows(finished: lamina.Run, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finished.predict(rows)
    assert_frame_equal(finished.predict(rows[17]), whole[17], rel_tol=1e-5)
    monkeypatch.setattr(predictor, "rows_at_once", lambda wide: 7)
    assert_frame_equal(finished.predict(rows), whole, rel_tol=1e-5)
    pieces = pl.concat(finished.predictor.stream(rows.iter_slices(11)))
    assert_frame_equal(pieces, whole, rel_tol=1e-5)
    assert finished.predictor.predict(rows.head(0)).schema == whole.schema


def test_unseen_categories_and_missing_cells(finished: lamina.Run) -> None:
    strange = pl.DataFrame(
        {
            "size": [None, 1e30, -1e30, 0.0],
            "kind": ["never seen", None, "", "x"],
            "flag": [None, True, False, None],
            "day": pl.Series([None, "1066-10-14", "2999-01-01", "2020-05-05"]).str.to_date(),
        }
    )
    made = finished.predict(strange)
    assert len(made) == 4 and made.null_count().sum_horizontal()[0] == 0
    assert np.isfinite(made.select(pl.selectors.numeric()).to_numpy()).all()
    empty = finished.predict(pl.DataFrame({"size": [None], "kind": [None], "flag": [None], "day": [None]}))
    assert np.isfinite(empty["ill_probability_yes"][0])


@pytest.mark.parametrize("name", ["size", "kind", "day"])
def test_a_missing_column_is_named(finished: lamina.Run, rows: pl.DataFrame, name: str) -> None:
    with pytest.raises(MissingColumnError, match=f"column '{name}' is missing"):
        finished.predict(rows.drop(name))
    with pytest.raises(MissingColumnError, match=f"column '{name}' is missing .* did you mean {name}s?"):
        finished.predict(rows.rename({name: f"{name}s"}))


def test_a_cell_of_another_kind_is_named(finished: lamina.Run, rows: pl.DataFrame) -> None:
    words = rows.with_columns(size=pl.when(pl.int_range(300) == 123).then(pl.lit("big")).otherwise(pl.lit("1.5")))
    with pytest.raises(DataError, match=r"column 'size' .* 'big' in 1 cell\(s\), row\(s\) 123"):
        finished.predict(words)


def test_a_file_is_as_good_as_a_frame(finished: lamina.Run, rows: pl.DataFrame, tmp_path: Path) -> None:
    expected = finished.predict(rows)
    inputs = rows.select("size", "kind", "flag", "day")
    inputs.write_csv(tmp_path / "rows.csv")
    inputs.write_parquet(tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        assert_frame_equal(finished.predict(tmp_path / name), expected, rel_tol=1e-5)
    assert lamina.predict(finished.path, str(tmp_path / "rows.csv")).equals(finished.predict(tmp_path / "rows.csv"))


def test_pandas_in_pandas_out(finished: lamina.Run, rows: pl.DataFrame) -> None:
    frame = rows.drop("tags").to_pandas()
    made = finished.predict(frame)
    assert isinstance(made, pd.DataFrame)
    assert list(made.columns) == ILL
    assert_frame_equal(pl.from_pandas(made), finished.predict(rows), rel_tol=1e-5)
    assert isinstance(finished.predict(rows), pl.DataFrame)


def test_words_for_missing_mean_the_same_in_prediction(train: Train, rows: pl.DataFrame) -> None:
    """What was a missing cell in training is one when it is predicted, or scored: nothing may differ."""
    coded = rows.with_columns(pl.col("size").fill_null(-999.0))
    run = train(data=coded, data__missing=["-999"])
    assert run.predict(coded).equals(run.predict(rows))
    assert run.evaluate(coded) == run.evaluate(rows)


def test_targets_come_back_as_they_went_in(train: Train, rows: pl.DataFrame) -> None:
    forms = {
        "integers": pl.Series(np.where(rows["ill"] == "yes", 7, 3)),
        "booleans": rows["ill"] == "yes",
        "zero and one": (rows["ill"] == "yes").cast(pl.Int64),
        "words": rows["grade"],
        "joined": rows["tags"].list.join("|"),
    }
    for name, target in forms.items():
        run = train("y", name, data=rows.with_columns(y=target))
        made = run.predict(rows)["y"]
        assert made.dtype == target.dtype, name
        if name != "joined":
            assert made.is_in(target.unique().implode()).all(), name


def test_evaluation_leaves_out_rows_without_a_known_target(train: Train, rows: pl.DataFrame) -> None:
    run, row = train("grade"), pl.int_range(300)
    unknown = pl.when(row < 10).then(None).when(row < 15).then(pl.lit("?!")).otherwise("grade")
    some = rows.with_columns(grade=unknown)
    document = run.evaluate(some)["grade"]
    assert (document["rows"], document["rows_left_out"]) == (285, 15)
    alone = run.evaluate(rows[15:])["grade"]
    losses = [one["systems"]["network"]["scores"]["log_loss"]["value"] for one in (document, alone)]
    assert losses[0] == pytest.approx(losses[1])
    with pytest.raises(DataError, match="no row has a known target 'grade'"):
        run.evaluate(rows.with_columns(grade=pl.lit(None, pl.String)))
    with pytest.raises(MissingColumnError, match="'grade' is missing"):
        run.evaluate(rows.drop("grade"))


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> tuple[lamina.Run, pl.DataFrame]:
    """A run on the names of pictures, with a target of each kind, one of them called broken; and its rows."""
    folder = tmp_path_factory.mktemp("pictured")
    names = [str(folder / f"{row}.npy") for row in range(60)]
    for row, name in enumerate(names):
        np.save(name, np.full((4, 4), 4 * row, np.uint8))
    marks = {"broken": ["yes", "no"] * 30, "size": np.arange(60.0), "tags": [["a"], ["a", "b"], ["b"]] * 20}
    given = pl.DataFrame({"photo": names, **marks})
    quick: dict[str, Any] = {"budget": "2steps", "baselines": "none", "train__threads": 1, "model": "cnn"}
    run = lamina.train(given, ["broken", "size", "tags"], inputs=["photo"], out=folder / "run", **quick)
    return run, given.select("photo")


def with_empty_files(rows: pl.DataFrame, folder: Path, *bad: int) -> pl.DataFrame:
    """The rows, of which some name a file without content."""
    (folder / "empty.png").touch()
    is_bad = pl.int_range(len(rows)).is_in(bad)
    return rows.with_columns(photo=pl.when(is_bad).then(pl.lit(str(folder / "empty.png"))).otherwise("photo"))


def test_files_that_cannot_be_decoded_are_all_named(
    pictured: tuple[lamina.Run, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever pieces they come; the network stops at the first of them."""
    run, rows = pictured
    some = with_empty_files(rows, tmp_path, 7, 8, 40, 41, 50, 58)
    monkeypatch.setattr(predictor, "rows_at_once", lambda wide: 5)
    monkeypatch.setattr(table, "CELLS", 10)
    ran: list[int] = []
    hook = run.predictor.model.register_forward_hook(lambda *_: ran.append(1))
    with pytest.raises(DataError, match=r"6 of 60 rows have a file that cannot be decoded · got row 7 \(") as error:
        run.predict(some)
    hook.remove()
    assert len(ran) == 1
    said = str(error.value)
    assert f"row 50 ({tmp_path}/empty.png) and 1 more; the first: photo: the file is empty · mend the files" in said
    with pytest.raises(DataError, match="row 7"):
        run.predict_to(some, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_files_that_cannot_be_decoded_are_null(
    pictured: tuple[lamina.Run, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All other rows are answered as ever, and every row has a place of its own."""
    run, rows = pictured
    expected = run.predict(rows)
    none = run.predict(rows, broken="null")
    assert none.drop("broken_").equals(expected) and none["broken_"].null_count() == 60
    bad = [0, 9, 10, 59]
    some = with_empty_files(rows, tmp_path, *bad)
    monkeypatch.setattr(table, "CELLS", 10)
    made = run.predict(some, broken="null")
    assert made.schema == none.schema and made.columns[-1] == "broken_"
    assert made["broken_"].is_not_null().arg_true().to_list() == bad
    assert made["broken_"][9] == "photo: the file is empty"
    good = np.setdiff1d(np.arange(60), bad)
    assert_frame_equal(made[good].drop("broken_"), expected[good], rel_tol=1e-5)
    assert made[bad].drop("broken_").null_count().row(0) == (4,) * len(expected.columns)
    assert run.predict_to(some, tmp_path / "a.parquet", keep=True, broken="null") == 60
    found = pl.read_parquet(tmp_path / "a.parquet")
    assert found.drop("photo").equals(made) and found["photo"].equals(some["photo"])


def test_there_are_two_ways_with_files_that_cannot_be_decoded(pictured: tuple[lamina.Run, pl.DataFrame]) -> None:
    run, rows = pictured
    with pytest.raises(UsageError, match="got skip · allowed: raise, null"):
        run.predict(rows, broken="skip")  # type: ignore[arg-type]


def test_a_bad_cell_is_told_from_a_bad_file(pictured: tuple[lamina.Run, pl.DataFrame]) -> None:
    run, _ = pictured
    with pytest.raises(DataError, match="holds files, but came as"):
        run.predict(pl.DataFrame({"photo": [1.5, 2.5]}))
