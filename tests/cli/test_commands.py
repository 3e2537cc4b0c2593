"""Each command, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import lamina
from cli.terminal import ROWS, Lamina, make_table
from lamina.cli.schema import GROUPS, TABLES
from lamina.files import read_json
from lamina.plan import plan_schema

QUICK = ("--model", "mlp", "--budget", "20steps", "--baselines", "constant")


def test_train_tells_scores_verdict_and_places(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "run"
    done = lamina_("train", table, "--target", "ripe", *QUICK, "--out", out)
    assert done.code == 0
    assert "ripe: binary, scores on" in done.out and "test rows with 95% intervals" in done.out
    assert "network" in done.out and "constant" in done.out and "ROC-AUC" in done.out
    assert read_json(out / "scores.json")["targets"]["ripe"]["verdict"] in " ".join(done.out.split())
    assert f"report  {out / 'report.html'}\n" in done.out
    assert "reading" in done.err and "reading" not in done.out
    assert max(len(line) for line in done.out.splitlines() if str(out) not in line) <= 100


def test_train_in_json_is_one_document(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "run"
    done = lamina_("train", table, "--target", "ripe", *QUICK, "--out", out, "--json")
    assert done.document["run"] == str(out)
    assert done.document["targets"]["ripe"]["systems"]["network"]["scores"]["roc_auc"]["value"] is not None
    assert sum(done.document["rows"].values()) <= ROWS
    assert done.err != ""


def test_options_reach_the_plan(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out, valid = tmp_path / "run", tmp_path / "valid.csv"
    make_table(40, seed=1).write_csv(valid)
    words = ["--inputs", "size", "--inputs", "colour", "--feature", "colour=category", "--seed", 7, "--valid", valid]
    words += ["--set", "model.width=16", "--set", "train.learning_rate=0.01"]
    assert lamina_("train", table, "--target", "ripe", *QUICK, *words, "--out", out).code == 0
    plan = read_json(out / "plan.json")
    assert plan["data"]["inputs"] == ["size", "colour"]
    assert plan["data"]["features"] == {"colour": "category"}
    assert plan["data"]["valid"] == str(valid)
    assert plan["model"]["name"] == "mlp" and plan["model"]["width"] == 16
    assert plan["train"]["budget"] == "20steps" and plan["train"]["learning_rate"] == 0.01
    assert plan["evaluate"]["baselines"] == ["constant"]
    assert plan["seed"] == 7


def test_a_plan_file_trains_and_options_go_over_it(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        f"data: {{source: {json.dumps(str(table))}, target: [ripe]}}\n"
        "model: {name: mlp, width: 16}\ntrain: {budget: 10min}\nevaluate: {baselines: none}\n"
    )
    out = tmp_path / "run"
    assert lamina_("train", plan, "--budget", "10steps", "--out", out).code == 0
    made = read_json(out / "plan.json")
    assert made["train"]["budget"] == "10steps" and made["model"]["width"] == 16


def test_settings_of_another_model_do_not_carry_over(table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"data: {{source: {json.dumps(str(table))}, target: [ripe]}}\nmodel: {{name: tabm, members: 3}}\n")
    out = tmp_path / "run"
    assert lamina_("train", plan, *QUICK, "--set", "model.depth=3", "--out", out).code == 0
    made = read_json(out / "plan.json")["model"]
    assert made["name"] == "mlp" and made["depth"] == 3 and "members" not in made


def test_the_usual_folder_is_free(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lamina_: Lamina
) -> None:
    monkeypatch.chdir(tmp_path)
    quick = ["--model", "linear", "--budget", "2steps", "--baselines", "none"]
    for number in (1, 2):
        done = lamina_("train", table, "--target", "ripe", *quick)
        assert done.code == 0 and f"run     runs/ripe-{number}\n" in done.out
    listed = lamina_("runs")
    assert listed.code == 0
    assert [line.split()[:4] for line in listed.out.splitlines()[1:]] == [
        [f"runs/ripe-{number}", "finished", "ripe", "linear"] for number in (1, 2)
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_predict_writes_by_the_name(suffix: str, run: Path, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / f"predictions{suffix}"
    done = lamina_("predict", run, table, "--out", out)
    assert done.code == 0 and done.out == ""
    read = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[suffix]
    found = read(out)
    assert found.columns == ["ripe", "ripe_probability_no", "ripe_probability_yes"]
    assert len(found) == ROWS
    expected = lamina.load(run).predict(table)
    assert found["ripe"].to_list() == expected["ripe"].to_list()
    assert list(tmp_path.iterdir()) == [out]


def test_predict_to_standard_output_is_the_same_csv(run: Path, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "predictions.csv"
    lamina_("predict", run, table, "--out", out)
    assert lamina_("predict", run, table).out == out.read_text()


def test_predict_keeps_the_columns(run: Path, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "predictions.csv"
    assert lamina_("predict", run, table, "--out", out, "--keep").code == 0
    assert pl.read_csv(out).columns[:4] == ["size", "colour", "ripe_true", "ripe"]


def test_predict_in_json(run: Path, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    document = lamina_("predict", run, table, "--json").document
    assert document["rows"] == ROWS == len(document["predictions"])
    out = tmp_path / "predictions.csv"
    assert lamina_("predict", run, table, "--out", out, "--json").document == {
        "run": str(run),
        "out": str(out),
        "rows": ROWS,
    }


def test_predict_in_pieces_is_predict_at_once(run: Path, table: Path, tmp_path: Path) -> None:
    many = pl.concat([pl.read_csv(table)] * 400)  # more rows than one piece has
    many.write_parquet(tmp_path / "many.parquet")
    predicted = lamina.load(run)
    rows = predicted.predict_to(tmp_path / "many.parquet", tmp_path / "out.parquet")
    assert rows == len(many)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(predicted.predict(many))


@pytest.mark.parametrize(("out", "said"), [("p.xlsx", "says no format by its name"), ("no/p.csv", "no folder no")])
def test_predict_refuses_a_name_before_it_begins(out: str, said: str, run: Path, table: Path, lamina_: Lamina) -> None:
    done = lamina_("predict", run, table, "--out", out)
    assert done.code == 2 and said in done.err


def test_evaluate(run: Path, table: Path, lamina_: Lamina) -> None:
    done = lamina_("evaluate", run, table)
    assert done.code == 0 and f"scores on {ROWS} given rows" in done.out
    document = lamina_("evaluate", run, table, "--json").document
    assert document["targets"]["ripe"]["rows"] == ROWS
    assert document["targets"]["ripe"]["rows_left_out"] == 0


def test_inspect_has_a_line_a_column(table: Path, lamina_: Lamina) -> None:
    done = lamina_("inspect", table, "--target", "ripe", "--feature", "colour=text")
    lines = done.out.splitlines()
    assert lines[0].split() == ["column", "feature", "missing", "distinct", "examples", "evidence"]
    assert [line.split()[:2] for line in lines[1:4]] == [["size", "number"], ["colour", "text"], ["ripe", "boolean"]]
    assert max(map(len, lines)) <= 100
    document = lamina_("inspect", table, "--json").document
    assert document["columns"]["colour"]["feature"] == "category"


def test_verify(run: Path, lamina_: Lamina) -> None:
    done = lamina_("verify", run)
    assert done.code == 0 and "is as it was written" in done.out
    assert lamina_("verify", run, "--json").document["whole"] is True


def test_runs(run: Path, lamina_: Lamina) -> None:
    document = lamina_("runs", run.parent, "--json").document
    assert [one["run"] for one in document["runs"]] == [str(run)]
    assert document["runs"][0]["scores"][0]["metric"] == "roc_auc"


def test_runs_of_a_folder_without_any(tmp_path: Path, lamina_: Lamina) -> None:
    assert lamina_("runs", tmp_path) == (0, "", f"no runs in {tmp_path}\n")
    assert lamina_("runs", tmp_path / "nowhere").code == 1


def test_runs_shows_a_damaged_one(tmp_path: Path, lamina_: Lamina) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.json").write_text("{")
    assert lamina_("runs", tmp_path, "--json").document["runs"][0]["status"] == "damaged"
    assert "damaged" in lamina_("runs", tmp_path).out


def test_resume_of_a_finished_run_needs_a_budget(run: Path, lamina_: Lamina) -> None:
    done = lamina_("resume", run)
    assert done.code == 2 and "--budget" in done.err


def test_schema_is_that_of_a_plan(tmp_path: Path, lamina_: Lamina) -> None:
    assert lamina_("schema").document == plan_schema()
    out = tmp_path / "schema.json"
    assert lamina_("schema", "--out", out) == (0, "", "")
    assert json.loads(out.read_text()) == plan_schema()


@pytest.mark.parametrize(
    "words", [*([group] for group in GROUPS), *([table, name] for table, names in TABLES.items() for name in names)]
)
def test_schema_of_a_group(words: list[str], lamina_: Lamina) -> None:
    done = lamina_("schema", *words)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 100
    assert "FieldInfo" not in done.out
    names = set(lamina_("schema", *words, "--json").document.get("properties", {}))
    assert {line.partition(" = ")[0].rpartition(".")[2] for line in done.out.splitlines() if " = " in line} >= names


@pytest.mark.parametrize("table", list(TABLES))
def test_schema_lists_names(table: str, lamina_: Lamina) -> None:
    assert lamina_("schema", table, "--json").document == {table: list(TABLES[table])}
    assert all(f"  {name}\n" in lamina_("schema", table).out for name in TABLES[table])
