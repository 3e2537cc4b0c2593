"""What a person calls: from a table to a run and back, with the settings that were meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch import nn

import lamina
from lamina.errors import DataError, MissingColumnError, SettingError, UsageError
from lamina.files import digest, read_json
from lamina.plan import Plan, plan_schema, read_plan

Train = Callable[..., lamina.Run]
QUICK: dict[str, Any] = {
    "budget": "6steps",
    "baselines": "none",
    "train__threads": 1,
    "train__tensorboard": False,
    "evaluate__resamples": 10,
}
SMALL: dict[str, Any] = {"model": "mlp", "model__width": 8}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    draw = np.random.default_rng(0)
    size, kind = draw.normal(size=200), draw.choice(["x", "y", "z"], 200)
    return pl.DataFrame(
        {
            "size": size,
            "kind": kind,
            "patient": np.arange(200) // 4,
            "year": 2000 + np.arange(200) % 20,
            "y": size > 0.3,
        }
    )


@pytest.fixture
def train(tmp_path: Path, table: pl.DataFrame) -> Train:
    def go(data: Any = table, target: Any = "y", name: str = "run", **settings: Any) -> lamina.Run:
        quick = QUICK | (SMALL if "model" not in settings and "plan" not in settings else {})
        return lamina.train(data, target, out=tmp_path / name, **(quick | settings))

    return go


# --- the public names ---------------------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    for name in lamina.__all__:
        assert getattr(lamina, name) is not None
    assert set(lamina.__all__) <= set(dir(lamina))
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = lamina.trian


# --- the same run whatever it came from ---------------------------------------------------------------------------


def test_the_seed_decides_everything(train: Train) -> None:
    torch.manual_seed(1)
    one = train(name="one")
    torch.manual_seed(2)
    np.random.default_rng().random(5)
    other, moved = train(name="other"), train(name="moved", seed=1)
    for name in ("weights.safetensors", "predictions.parquet", "scores.json", "features.json"):
        assert digest(one.path / name) == digest(other.path / name), name
    assert digest(one.path / "weights.safetensors") != digest(moved.path / "weights.safetensors")


def test_files_and_objects_give_the_same_run(train: Train, table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_csv(tmp_path / "table.csv")
    table.write_parquet(tmp_path / "table.parquet")
    sources = {"polars": table, "pandas": table.to_pandas(), "arrow": table.to_arrow(), "lazy": table.lazy()}
    sources |= {"csv": str(tmp_path / "table.csv"), "parquet": tmp_path / "table.parquet"}
    predictions = {name: train(source, name=name).predict(table) for name, source in sources.items()}
    for name, made in predictions.items():
        assert np.allclose(made["y_probability_true"], predictions["polars"]["y_probability_true"], atol=1e-5), name


# --- plans --------------------------------------------------------------------------------------------------------


def test_a_plan_goes_through_json(train: Train) -> None:
    run = train(group="patient", model="tabm", model__width=8, model__members=2, task__threshold="f1", seed=5)
    values = read_json(run.path / "plan.json")
    assert run.plan.to_json() == values
    assert Plan.of(json.loads(json.dumps(values))) == run.plan == Plan.of(run.plan.to_json())
    assert (values["model"]["name"], values["model"]["width"], values["seed"]) == ("tabm", 8, 5)
    assert values["split"]["group"] == "patient" and values["task"] == {"threshold": "f1"}
    assert values["data"]["target"] == ["y"]


def test_a_plan_trains_the_same_run_again(train: Train, table: pl.DataFrame, tmp_path: Path) -> None:
    one = train(name="one", time="year")
    text = json.dumps(read_json(one.path / "plan.json"))
    (tmp_path / "plan.yaml").write_text(text)  # YAML holds JSON
    other = lamina.train(table, plan=read_plan(tmp_path / "plan.yaml"), out=tmp_path / "other")
    assert digest(other.path / "weights.safetensors") == digest(one.path / "weights.safetensors")


def test_arguments_are_laid_over_a_plan(train: Train) -> None:
    plan = {"model": {"name": "mlp", "width": 16, "depth": 3}, "train": {"budget": "99epochs"}, "seed": 3}
    run = train(plan=plan, model__width=8)
    assert (run.plan.model.width, run.plan.model.depth) == (8, 3)
    assert (run.plan.train.budget, run.plan.seed) == ("6steps", 3)
    other = train(name="other", plan=plan, model="linear")
    assert other.plan.model_name == "linear", "settings of another model do not carry over"
    assert plan["model"] == {"name": "mlp", "width": 16, "depth": 3}, "the caller's plan is not touched"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modle": "mlp"}, "unknown setting modle .* did you mean model"),
        ({"train": {"bugdet": "3s"}}, r"unknown setting train\.bugdet .* did you mean budget"),
        ({"train": {"budget": "3 parsecs"}}, r"train\.budget is no budget"),
        ({"train": {"batch_size": 0}}, r"train\.batch_size"),
        ({"model": {"name": "mpl"}}, "no such model .* did you mean mlp"),
        ({"model": {"name": "mlp", "heads": 3}}, r"unknown setting model\.heads"),
        ({"model": 3}, "model must be a name or a group"),
        ({"seed": -1}, "seed is not valid .* 0 to"),
        ({"seed": True}, "seed is not valid"),
        ({"split": {"test": 1.5}}, r"split\.test"),
        ({"task": "regression"}, "task must be a group"),
        ({"evaluate": {"baselines": "some"}}, r"evaluate\.baselines"),
        ({"data": []}, "data must be a group of settings"),
    ],
)
def test_faulty_plans_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        Plan.of(values)


@pytest.mark.parametrize("text", ["- a\n- b", "a: [1", "", "\x00"])
def test_faulty_plan_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(UsageError, match="the plan"):
        read_plan(tmp_path / "plan.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")


def test_the_schema_knows_every_section() -> None:
    found = plan_schema()
    assert list(found["properties"]) == [
        "data",
        "split",
        "model",
        "weights",
        "augment",
        "task",
        "train",
        "evaluate",
        "seed",
    ]
    json.dumps(found)


# --- modules of one's own -----------------------------------------------------------------------------------------


class Own(nn.Module):
    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def test_a_module_of_ones_own(train: Train, table: pl.DataFrame) -> None:
    """As a class or function that makes it, or as it is; needed again to open the run, since no code is stored."""
    run = train(model=Own, inputs=["size", "kind"])
    assert run.plan.model_name is None
    made = run.predict(table)
    assert lamina.load(run.path, model=Own).predict(table).equals(made)
    width = run.predictor.encoder.layout.dense_width
    assert lamina.load(run.path, model=Own(width, 1)).predict(table).equals(made)
    with pytest.raises(UsageError, match=r"a module of your own · pass it: load\(path, model=module\)"):
        lamina.load(run.path).predict(table)
    module = Own(width, 1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    other = train(name="other", model=module, inputs=["size", "kind"])
    assert len(other.predict(table)) == 200
    assert any(not torch.equal(value, before[name]) for name, value in module.state_dict().items()), "it was trained"


def test_a_module_that_is_made_starts_from_the_seed(train: Train) -> None:
    torch.manual_seed(1)
    one = train(name="one", model=Own)
    torch.manual_seed(2)
    other = train(name="other", model=Own)
    assert digest(one.path / "weights.safetensors") == digest(other.path / "weights.safetensors")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda width, outputs: nn.Linear(width + 1, outputs), "does not take this table's rows .* float32"),
        (
            lambda width, outputs: nn.Linear(width, outputs + 2),
            r"outputs of another shape · got \(2, 3\) · allowed: \(2, 1\)",
        ),
    ],
)
def test_a_module_that_does_not_fit_is_refused(train: Train, tmp_path: Path, module: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        train(model=module)
    assert not (tmp_path / "run").exists()


# --- splits and targets through the front door --------------------------------------------------------------------


def test_group_and_time_reach_the_split(train: Train, table: pl.DataFrame) -> None:
    grouped, timed = train(name="grouped", group="patient"), train(name="timed", time="year")
    rows = pl.read_parquet(grouped.path / "predictions.parquet")["row"]
    assert all(count % 4 == 0 for count in table[rows.to_list()]["patient"].value_counts()["count"])
    assert "patient" not in grouped.predictor.encoder.layout.columns
    rows = pl.read_parquet(timed.path / "predictions.parquet")["row"]
    assert set(table[rows.to_list()]["year"]) == {2016, 2017, 2018, 2019}


def test_given_test_and_valid_tables(train: Train, table: pl.DataFrame, tmp_path: Path) -> None:
    parts = table.with_columns(size=pl.col("size") + pl.int_range(200))
    parts[150:].write_csv(tmp_path / "test.csv")
    run = train(parts[:100], valid=parts[100:150], test=str(tmp_path / "test.csv"))
    assert read_json(run.path / "run.json")["rows"] == {"train": 100, "valid": 50, "test": 50}
    assert pl.read_parquet(run.path / "predictions.parquet")["row"].to_list() == list(range(50))


def test_every_row_is_accounted_for(train: Train, table: pl.DataFrame) -> None:
    holes = table.with_columns(y=pl.when(pl.int_range(200) % 20 > 0).then("y"))
    run = train(pl.concat([holes, holes[1:3]]), inputs=["size"])
    document, aside = read_json(run.path / "run.json"), pl.read_parquet(run.path / "set_aside.parquet")
    assert document["rows_read"] == 202 == sum(document["rows"].values()) + len(aside)
    assert aside.filter(pl.col("reason") == "the target is missing")["row"].to_list() == list(range(0, 200, 20))
    assert "the target is missing" in run.report.read_text()


@pytest.mark.parametrize(
    "shares", [{"split__test": 0.0}, {"split__test": 0.0, "split__valid": 0.0}, {"split__valid": 0.0}]
)
def test_without_test_or_valid_rows(train: Train, table: pl.DataFrame, shares: dict[str, float]) -> None:
    run = train(**shares)
    judged = read_json(run.path / "scores.json")["rows"]
    assert judged == ("test" if "split__test" not in shares else "valid" if "split__valid" not in shares else None)
    assert bool(run.scores) == (judged is not None)
    assert len(run.predict(table)) == 200
    assert run.report.stat().st_size > 1000
    assert isinstance(run._repr_html_(), str) and isinstance(run.verdict, str)


def test_several_targets_each_with_settings_of_its_own(train: Train, table: pl.DataFrame) -> None:
    data = table.with_columns(cost=pl.col("size") * 3 + 5)
    run = train(
        data, ["y", "cost"], task={"cost": {"loss": "gaussian"}, "y": {"threshold": 0.3}}, inputs=["size", "kind"]
    )
    assert set(run.scores) == {"y", "cost"}
    assert read_json(run.path / "tasks.json")[0]["state"] == {"threshold": 0.3}
    assert run.predict(data).columns[3:] == ["cost", "cost_low", "cost_high"]
    assert "cost" in run._repr_html_() and "0." in run._repr_html_()


# --- wrong use ----------------------------------------------------------------------------------------------------


def wrong(**values: Any) -> dict[str, Any]:
    return values


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        (wrong(target=None), UsageError, "no target was named · allowed: size, kind"),
        (wrong(target="yy"), MissingColumnError, "yy"),
        (wrong(inputs=["sise"]), MissingColumnError, "'sise' is not a column .* did you mean size"),
        (wrong(inputs=["size", "y"]), UsageError, "cannot be input and target · got y"),
        (wrong(group="patients"), MissingColumnError, "did you mean patient"),
        (wrong(model="tabn"), SettingError, "no such model .* did you mean tabm"),
        (wrong(model__wide=3), SettingError, r"unknown setting model\.wide"),
        (wrong(train__learning_rate=-1), SettingError, r"train\.learning_rate"),
        (wrong(task__loss="huber"), SettingError, r"unknown setting task\.y\.loss"),
        (wrong(features={"size": "date"}), DataError, "size"),
        (wrong(features={"size": "nmber"}), SettingError, "did you mean number"),
        (wrong(baselines=["constnat"]), SettingError, "no such baseline .* did you mean constant"),
        (wrong(train__companions=["mpl"]), SettingError, "no such model .* did you mean mlp"),
        (wrong(data=None), UsageError, "no table was given"),
        (wrong(data="nowhere.csv"), DataError, "nowhere.csv"),
    ],
    ids=str,
)
def test_wrong_use_is_one_clear_error_and_leaves_nothing(
    train: Train, tmp_path: Path, table: pl.DataFrame, settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = {"data": table, "target": "y"} | settings
    with pytest.raises(error, match=words) as found:
        train(**given)
    assert isinstance(found.value, lamina.LaminaError)
    assert "\n" not in str(found.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_empty_is_left_alone(train: Train, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"is not empty · got thesis\.txt"):
        train()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_runs_are_numbered(table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [lamina.train(table.rename({"y": "is ill?"}), "is ill?", **QUICK, **SMALL).path for _ in range(2)]
    assert [path.as_posix() for path in paths] == ["runs/is-ill--1", "runs/is-ill--2"]


def test_predict_evaluate_inspect(train: Train, table: pl.DataFrame) -> None:
    run = train()
    assert lamina.predict(run.path, table).equals(run.predict(table))
    assert lamina.evaluate(run.path, table) == run.evaluate(table)
    seen = lamina.inspect(pd.DataFrame({"a": [1.5, 2.5, 9.0], "b": ["x", "y", "x"]}), target="b")
    assert [column.feature.kind for column in seen.values()] == ["number", "category"]
