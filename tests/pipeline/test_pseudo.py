"""Rows without a target get labels from the network and teach another; they judge nothing, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.data.infer import infer
from lamina.data.prepare import UNLABELLED, Prepared, Source, prepare
from lamina.data.read import read
from lamina.data.split import SplitSettings
from lamina.errors import DataError, SettingError
from lamina.features.encoder import Encoder
from lamina.files import digest, read_json
from lamina.pipeline import pseudo
from lamina.pipeline.networks import fold_rows
from lamina.pipeline.pseudo import PSEUDO, PseudoLabels
from lamina.tasks import TASKS, task_name_of
from lamina.training.history import read_history
from lamina.training.loop import Trainer

ROWS = 240
NAMES = ["ant", "bee", "cat"]

Fit = Callable[..., lamina.Run]


def whole(seed: int = 0) -> pl.DataFrame:
    """Three classes, well apart."""
    draw = np.random.default_rng(seed)
    codes = np.arange(ROWS) % 3
    points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])[codes] + draw.normal(size=(ROWS, 2))
    return pl.DataFrame({"x": points[:, 0], "z": points[:, 1], "kind": np.array(NAMES)[codes]}).with_columns(
        day=pl.int_range(ROWS), who=pl.int_range(ROWS) // 4
    )


def hide(table: pl.DataFrame, share: float = 0.6, target: str = "kind") -> pl.DataFrame:
    """The same rows, most of them without their target."""
    hidden = pl.Series(np.random.default_rng(1).random(len(table)) < share)
    return table.with_columns(pl.when(~hidden).then(target).alias(target))


def train(folder: Path, data: pl.DataFrame | None = None, **settings: Any) -> lamina.Run:
    """Train on the half-labelled table, quickly."""
    quick = {"target": "kind", "inputs": ["x", "z"], "model": "mlp", "budget": "24steps", "baselines": "none"}
    quick |= {"train__pseudo": 0.7, "train__learning_rate": 0.03, "train__threads": 1, "train__tensorboard": False}
    quick |= {"model__width": 8, "evaluate__resamples": 10} | settings
    return lamina.train(hide(whole()) if data is None else data, out=folder, **quick)


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Train into a folder of that name."""
    return lambda name="run", data=None, **settings: train(tmp_path / name, data, **settings)


def labels_of(run: lamina.Run) -> pl.DataFrame:
    return pl.read_parquet(run.path / PSEUDO)


def pseudo_of(run: lamina.Run) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run.path / "scores.json")["pseudo"]
    return found


# --- which rows -------------------------------------------------------------------------------------------------------


def prepared(folder: Path, *tables: tuple[pl.DataFrame, str | None], **split: Any) -> Prepared:
    sources = [Source(read(table), part) for table, part in tables]
    schema = infer(sources[0].table, targets=["kind"])
    encoder = Encoder([schema[name].feature for name in ("x", "z")], [schema["kind"].feature])
    return prepare(sources, encoder, SplitSettings(**split), 0, folder / "store", unlabelled=True)


def rows_in(found: Prepared, fold: int) -> set[int]:
    learn = found.stores["learn"].arrays
    return set(np.asarray(learn["row"])[np.asarray(learn["fold"]) == fold].tolist())


def test_rows_without_a_target_are_kept_and_stand_in_no_fold(tmp_path: Path) -> None:
    table = hide(whole())
    hidden = set(table["kind"].is_null().arg_true().to_list())
    found = prepared(tmp_path, (table, None))
    assert rows_in(found, UNLABELLED) == hidden
    assert found.rows["unlabelled"] == len(hidden)
    assert found.rows_read == sum(found.rows.values()) + len(found.set_aside) == ROWS
    learn = found.stores["learn"]
    for fold in range(8):
        for inside in (False, True):
            assert not set(fold_rows(learn, fold, inside=inside).array("row").tolist()) & hidden
    assert not set(np.asarray(found.stores["test"].arrays["row"]).tolist()) & hidden


def test_inputs_learn_from_them_and_the_target_counts_them_as_missing(tmp_path: Path) -> None:
    table = hide(whole())
    found = prepared(tmp_path, (table, None))
    assert found.encoder.inputs[0].state.count == found.rows["train"] + found.rows["unlabelled"]
    state = found.encoder.targets[0].state
    assert (sum(state.counts), state.missing) == (found.rows["train"], found.rows["unlabelled"])


def test_a_row_that_is_to_judge_is_not_kept_without_its_target(tmp_path: Path) -> None:
    test = whole().head(30).with_columns(pl.col("x") + 100, kind=pl.when(pl.int_range(30) > 4).then("kind"))
    found = prepared(tmp_path / "a", (hide(whole()), None), (test, "test"))
    missing = found.set_aside.filter(pl.col("reason") == "the target is missing")
    assert missing.rows() == [(1, row, "the target is missing") for row in range(5)]
    part = pl.when(pl.int_range(ROWS) % 4 == 0).then(pl.lit("test")).otherwise(pl.lit("train")).alias("part")
    table = hide(whole()).with_columns(part)
    found = prepared(tmp_path / "b", (table, None), column="part")
    kept = table.with_row_index("row").filter(pl.col("kind").is_null(), pl.col("part") == "train")["row"]
    assert rows_in(found, UNLABELLED) == set(kept.to_list())


def test_inputs_of_rows_that_judge_teach_nobody(tmp_path: Path) -> None:
    test = whole().head(30)  # of which the table has every row, some of them without a target
    table = hide(whole())
    equal = set(table.head(30)["kind"].is_null().arg_true().to_list())
    found = prepared(tmp_path, (table, None), (test, "test"))
    reason = "a row without a target equal to a valid or test row on every input"
    assert set(found.set_aside.filter(pl.col("reason") == reason)["row"].to_list()) >= equal
    assert not rows_in(found, UNLABELLED) & equal
    assert found.rows_read == sum(found.rows.values()) + len(found.set_aside)


def test_groups_and_later_rows_stand_apart(tmp_path: Path) -> None:
    table = hide(whole())
    grouped = prepared(tmp_path / "a", (table, None), group="who")
    judging = rows_in(grouped, 0) | set(np.asarray(grouped.stores["test"].arrays["row"]).tolist())
    groups = {row // 4 for row in judging}
    assert rows_in(grouped, UNLABELLED) and not {row // 4 for row in rows_in(grouped, UNLABELLED)} & groups
    assert "a row without a target of one group with a valid or test row" in grouped.set_aside["reason"].to_list()
    timed = prepared(tmp_path / "b", (table, None), time="day")
    judging = rows_in(timed, 0) | set(np.asarray(timed.stores["test"].arrays["row"]).tolist())
    assert max(rows_in(timed, UNLABELLED)) < min(judging)
    for found in (grouped, timed):
        assert found.rows_read == sum(found.rows.values()) + len(found.set_aside)


# --- which labels -----------------------------------------------------------------------------------------------------


def test_only_answers_that_are_sure_become_labels(fit: Fit) -> None:
    table = hide(whole())
    run = fit(data=table)
    found, document = labels_of(run), pseudo_of(run)
    assert found.columns == ["row", "fold", "label", "probability"]
    assert found["probability"].min() >= 0.7
    assert set(found["row"].to_list()) <= set(table["kind"].is_null().arg_true().to_list())
    assert set(found["label"].to_list()) <= set(NAMES)
    assert document["labelled"] == [len(found)] and 0 < len(found) < document["rows"] == table["kind"].null_count()
    assert (found["label"] == whole()["kind"].gather(found["row"])).mean() > 0.7


def test_what_is_judged_is_truly_labelled(fit: Fit) -> None:
    table = hide(whole())
    run = fit(data=table, split__test=0.0)  # so that valid rows are judged, which lie in one store with the others
    judged = pl.read_parquet(run.path / "predictions.parquet")
    assert judged["kind_true"].to_list() == table["kind"].gather(judged["row"]).to_list()
    assert judged["kind_true"].null_count() == 0
    assert pseudo_of(run)["valid_rows"] == len(judged) == read_json(run.path / "run.json")["rows"]["valid"]


CELLS = {
    "words": ["ant", "bee", "cat"],
    "numbers": [10, 2, 7],
    "fractions": [1.0, 2.5, 3.0],
    "booleans": [False, True, True],
    "yes and no": ["No", "Yes", "Yes"],
}


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS.keys())
def test_labels_of_every_spelling_come_back_as_they_were(tmp_path: Path, cells: list[Any]) -> None:
    names = pl.Series([cells[NAMES.index(kind)] for kind in whole()["kind"]])
    table = hide(whole().with_columns(kind=names))
    schema = infer(read(table), targets=["kind"], overrides={"kind": "category"} if isinstance(cells[0], float) else {})
    encoder = Encoder([schema["x"].feature], [schema["kind"].feature])
    learn = prepare([Source(read(table))], encoder, SplitSettings(), 0, tmp_path / "s", unlabelled=True).stores["learn"]
    feature = encoder.targets[0]
    name = task_name_of(feature)
    task = TASKS[name](feature, TASKS[name].Settings())
    said = np.random.default_rng(0).random((int((learn.arrays["fold"] == UNLABELLED).sum()), task.width))
    said = said.astype(np.float32) / (said.sum(1, keepdims=True) if task.width > 1 else 1)
    made = PseudoLabels(tmp_path, learn, task, 0.5).give(0, lambda rows: said)
    assert made is not None
    probability = task.answer(said).probability
    assert probability is not None
    places = np.flatnonzero(np.asarray(learn.arrays["fold"]) == UNLABELLED)
    sure = np.asarray(made.arrays["fold"])[places] != UNLABELLED
    assert sure.sum() > 0 and probability[sure].max(1).min() >= 0.5
    assert made.arrays["target000"][places[sure]].tolist() == probability[sure].argmax(1).tolist()
    assert np.array_equal(np.asarray(made.arrays["fold"]) == UNLABELLED, np.isin(np.arange(learn.rows), places[~sure]))
    # Rows with a label teach whichever fold judges, and judge nothing.
    for fold in range(8):
        assert set(places[sure]) <= set(fold_rows(made, fold, inside=False).places.tolist())
        assert not set(places) & set(fold_rows(made, fold, inside=True).places.tolist())
    assert np.array_equal(np.asarray(learn.arrays["fold"])[places], np.full(len(places), UNLABELLED)), (
        "learn is as it was"
    )

    def never(rows: Any) -> np.ndarray:
        raise AssertionError("labels that are there are not asked for again")

    again = PseudoLabels(tmp_path, learn, task, 0.5).give(0, never)
    assert again is not None and np.array_equal(again.arrays["target000"], made.arrays["target000"])


def test_no_class_crowds_out_the_others() -> None:
    """100, 20 and 5 rows answered as three classes, each row less sure than the one before."""
    chosen = np.repeat([0, 1, 2], [100, 20, 5])
    probability = np.full((125, 3), 0.01)
    probability[np.arange(125), chosen] = np.linspace(0.98, 0.9, 125)
    places, codes = pseudo.sure(probability, 0.9, np.array([10, 10, 10]))
    assert np.bincount(codes).tolist() == [20, 20, 5] and places.tolist() == [*range(20), *range(100, 125)]
    # A class that is frequent among true labels may be so among pseudo-labels.
    _, codes = pseudo.sure(probability, 0.9, np.array([50, 10, 10]))
    assert np.bincount(codes).tolist() == [100, 20, 5]
    _, codes = pseudo.sure(probability[100:], 0.9, np.array([10, 10, 10]))
    assert np.bincount(codes, minlength=3).tolist() == [0, 13, 5], "a class that nobody answers counts for nothing"


# --- which networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["before", "after"])
def test_the_better_networks_are_kept(fit: Fit, monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    """True labels help where there are few, and wrong ones do not."""
    table, valid = hide(whole(), share=0.92), whole(seed=2)
    hidden = table["kind"].is_null().arg_true().to_numpy()

    def given(probability: np.ndarray, least: float, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = np.arange(len(probability))
        return places, (hidden[places] % 3 + (kept == "before")) % 3

    monkeypatch.setattr(pseudo, "sure", given)
    run = fit(data=table, valid=valid, budget="60steps")
    document = pseudo_of(run)
    assert document["kept"] == kept
    assert (document["after"]["loss"] < document["before"]["loss"]) == (kept == "after")
    history = [row for row in read_history(run.path) if row["network"] == document["history"]]
    first = read_json(run.path / "run.json")["training"]["networks"][0]
    assert document["history"] == {"before": 0, "after": 1}[kept]
    assert min(row["valid_loss"] for row in history) == first["best_score"]
    (note,) = [one for one in run.warnings if "without a target" in one["text"]]
    assert {"before": "from true labels alone are kept", "after": "from both are kept"}[kept] in note["text"]
    assert note["text"] in run.report.read_text()
    assert f"{document['rows']} without a target" in run.report.read_text()
    lamina.verify(run.path)
    assert run.predict(whole().head(5))["kind"].null_count() == 0


def test_each_fold_is_labelled_by_networks_that_have_not_learned_from_it(fit: Fit) -> None:
    run = fit(budget="6steps", train__pseudo=0.4, train__networks=2, train__companions=["linear"])
    assert [path.name for path in sorted((run.path / "checkpoint").iterdir())] == ["0", "1", "2", "3"]
    assert labels_of(run)["fold"].unique().to_list() == [0], "a network and its companion share a fold"
    assert len(read_json(run.path / "run.json")["training"]["networks"]) == 2
    run = fit("more", budget="6steps", train__pseudo=0.4, train__networks=3)
    assert labels_of(run)["fold"].unique(maintain_order=True).to_list() == [0, 1, 2]
    assert len(pseudo_of(run)["labelled"]) == len(read_json(run.path / "run.json")["training"]["networks"]) == 3
    assert "for each of 3 folds" in " ".join(one["text"] for one in run.warnings)


def test_where_no_answer_is_sure_nothing_is_trained_again(fit: Fit) -> None:
    run = fit(train__pseudo=1.0, budget="5steps")
    assert [path.name for path in (run.path / "checkpoint").iterdir()] == ["0"]
    assert pseudo_of(run)["labelled"] == [0] and pseudo_of(run)["kept"] == "before"
    assert "None of" in " ".join(one["text"] for one in run.warnings)


def test_without_valid_rows_those_that_were_asked_for_stay(fit: Fit) -> None:
    run = fit(split__valid=0.0)
    assert pseudo_of(run)["kept"] == "after" and pseudo_of(run)["before"]["loss"] is None
    assert "Without valid rows nothing says" in " ".join(one["text"] for one in run.warnings)


def test_a_budget_of_seconds_is_shared(fit: Fit) -> None:
    run = fit(budget="1s", train__networks=1, train__patience=0)
    training = read_json(run.path / "run.json")["training"]
    assert training["seconds"] < 1.5
    spent = {row["network"]: row["seconds"] for row in read_history(run.path)}
    assert set(spent) == {0, 1} and all(0.2 < seconds < 0.8 for seconds in spent.values())


# --- stopped and taken up again ---------------------------------------------------------------------------------------


def left(run: Path) -> tuple[Any, ...]:
    """What a run leaves, but for times."""
    rows = [{key: row[key] for key in row if key not in ("seconds", "time")} for row in read_history(run)]
    names = ("weights.safetensors", "predictions.parquet", "scores.json", "tasks.json", PSEUDO)
    return {name: digest(run / name) for name in names}, rows


SETTINGS: dict[str, Any] = {"budget": "6steps", "train__networks": 2, "model__dropout": 0.2, "train__pseudo": 0.4}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """What a run leaves that was never stopped."""
    return left(train(tmp_path_factory.mktemp("runs") / "whole", **SETTINGS).path)


@pytest.mark.parametrize("step", [6, 7, 16, 24])
def test_stopped_after_any_network_and_taken_up_again(
    fit: Fit, tmp_path: Path, expected: tuple[Any, ...], step: int
) -> None:
    """Two folds of six steps before and six after: stopped before the labels, just after them, and in the second."""
    done, real = [0], Trainer._step

    def counted(self: Trainer, batch: Any) -> None:
        real(self, batch)
        done[0] += 1
        if done[0] == step:
            self.ask_to_stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", counted)
        with pytest.raises(KeyboardInterrupt, match="lamina resume"):
            fit("stopped", **SETTINGS)
    folds = pl.read_parquet(tmp_path / "stopped" / PSEUDO)["fold"].n_unique() if step > 6 else 0
    assert (tmp_path / "stopped" / PSEUDO).exists() == (folds > 0) and folds == (step > 6) + (step > 18)
    assert left(lamina.resume(tmp_path / "stopped").path) == expected


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_writing_of_the_labels(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: tuple[Any, ...], moment: str
) -> None:

    class KilledError(BaseException):
        pass

    def dying(self: PseudoLabels, fold: int, answer: Any, real: Any = PseudoLabels.give) -> None:
        if moment == "after":
            real(self, fold, answer)
        raise KilledError

    monkeypatch.setattr(PseudoLabels, "give", dying)
    with pytest.raises(KilledError):
        fit("killed", **SETTINGS)
    monkeypatch.undo()
    assert (tmp_path / "killed" / PSEUDO).exists() == (moment == "after")
    assert left(lamina.resume(tmp_path / "killed").path) == expected


def test_labels_stay_as_they_were_under_a_larger_budget(fit: Fit, tmp_path: Path) -> None:
    settings = {**SETTINGS, "train__networks": 1}
    first = fit(**settings)
    before = digest(first.path / PSEUDO)
    grown = lamina.resume(first.path, budget="12steps", data=hide(whole()))
    assert digest(grown.path / PSEUDO) == before
    assert read_json(grown.path / "run.json")["training"]["networks"][0]["step"] == 12
    lamina.verify(grown.path)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_what_cannot_be_labelled_is_refused(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"one target of classes · got x \(number\) · allowed: a single category"):
        fit(target="x", inputs=["z"])
    with pytest.raises(SettingError, match=r"got kind \(category\), x \(number\)"):
        fit(target=["kind", "x"], inputs=["z"])
    with pytest.raises(DataError, match=r"no row without a target .* got 0 of 240 .* leave train\.pseudo out"):
        fit(data=whole())
    for bad in (0.0, 1.5):
        with pytest.raises(SettingError, match=r"train\.pseudo"):
            fit(train__pseudo=bad)
    assert not (tmp_path / "run").exists()


def test_without_it_they_are_set_aside(fit: Fit) -> None:
    run = fit(train__pseudo=None)
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    assert set(aside["reason"]) == {"the target is missing"} and len(aside) == hide(whole())["kind"].null_count()
    assert not (run.path / PSEUDO).exists() and "pseudo" not in read_json(run.path / "scores.json")
