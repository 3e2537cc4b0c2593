"""Runs whose target is music: with every network, from lists and from files, as far as a run reaches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tunes import NESTED, fit, hymns, write_hymns

import lamina
from lamina.codecs.midi import read_midi
from lamina.codecs.wav import recording
from lamina.errors import DataError, SettingError, UsageError
from lamina.plan import Plan
from lamina.training.history import read_history

LEARNING: dict[str, Any] = {"train__learning_rate": 0.02, "train__precision": "float32", "train__averaging": 0.0}


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run that has learned hymns."""
    return fit(
        tmp_path_factory.mktemp("runs") / "run", hymns(60), budget="60steps", baselines="all", model__width=32,
        model__hidden=32, model__dropout=0.0, task__transpose=0, task__tries=8, task__seconds=8.0,
        **LEARNING,
    )  # fmt: skip


@pytest.mark.parametrize("notes", ["together", "apart"])
@pytest.mark.parametrize("past", ["gru", "lstm", "tcn"])
def test_trained_saved_loaded(past: str, notes: str, tmp_path: Path) -> None:
    run = fit(tmp_path / "run", budget="8steps", model__past=past, model__notes=notes, **LEARNING)
    losses = [row["valid_loss"] for row in read_history(run.path)]
    assert losses[-1] < losses[0], losses
    assert [task["name"] for task in json.loads((run.path / "tasks.json").read_text())] == ["compose"]
    again, piece = lamina.load(run.path), run.compose(seconds=3)
    assert again.compose(seconds=3) == piece != run.compose(seconds=3, seed=1)
    scores = run.evaluate(hymns(8, seed=3))["piece"]["systems"]["network"]["scores"]
    assert set(scores) == {"nats", "frame_accuracy"} and scores["nats"]["value"] > 0


def test_it_learns_what_there_is_to_learn(composer: lamina.Run) -> None:
    """A step has one bit: up or down; but for the turns, and the last step."""
    systems = composer.results["piece"]["systems"]
    nats = {name: system["scores"]["nats"]["value"] for name, system in systems.items()}
    assert list(nats) == ["network", "constant", "repeat"]
    assert np.log(2) * 0.8 < nats["network"] < 1.6 < nats["repeat"]
    assert "pays here: nats a step" in composer.verdict
    steps = composer.compose(seconds=12, tries=16, temperature=0.2).steps
    right = [step in [[note - 24, third, note] for note, third in _chords()] for step in steps]
    assert np.mean(right) > 0.8, steps


def _chords() -> list[tuple[int, int]]:
    known = {tuple(step) for piece in hymns(60)["piece"].to_list() for step in piece}
    return [(top, third) for _, third, top in known]


def test_what_was_judged_is_what_is_evaluated(composer: lamina.Run) -> None:
    frame = pl.read_parquet(composer.path / "predictions.parquet")
    assert frame.columns == ["row", "piece_true", "piece_nats"] and frame["piece_true"].dtype == NESTED
    whole = hymns(60)[frame["row"].to_list()]
    assert whole["piece"].to_list() == frame["piece_true"].to_list()
    document = composer.evaluate(whole)["piece"]
    own = composer.results["piece"]["systems"]["network"]["scores"]["nats"]["value"]
    assert document["systems"]["network"]["scores"]["nats"]["value"] == pytest.approx(own, rel=1e-5)
    lengths = frame["piece_true"].list.len().to_numpy()
    assert np.average(frame["piece_nats"].to_numpy(), weights=lengths) == pytest.approx(own, rel=1e-5)
    gap = whole.with_columns(pl.when(pl.int_range(len(whole)) > 0).then("piece"))
    assert composer.evaluate(gap)["piece"]["rows_left_out"] == 1


def test_a_tune_goes_on_and_varies(composer: lamina.Run, tmp_path: Path) -> None:
    tune = hymns(1, seed=9)["piece"][0].to_list()
    longer = composer.compose(tune, seconds=6)
    assert longer.steps[: len(tune)] == tune and len(longer.steps) == len(tune) + 10  # at 100 beats a minute
    assert composer.compose(tune, how="continue", seconds=6) == longer
    other = composer.compose(tune, how="vary", tries=4, temperature=3.0)
    assert [step[-1] for step in other.steps] == [step[-1] for step in tune] and other.steps != tune
    ways = composer.compose(tune, how="vary", keep="steps", every=3, temperature=3.0)
    assert ways.steps[::3] == tune[::3] and ways.steps[-1] == tune[-1] and ways.steps != tune
    write_hymns(tmp_path, rows=1, seed=9, tempo=120.0)
    assert composer.compose(str(tmp_path / "000.mid"), seconds=5).steps[: len(tune)] == tune
    assert composer.compose(tmp_path / "000.mid", seconds=5).tune.tempos[0].micros == 500_000
    assert composer.compose((tmp_path / "000.mid").read_bytes(), seconds=5, tempo=60).tune.tempos[0].micros == 1_000_000


def test_what_is_composed_can_be_played(composer: lamina.Run, tmp_path: Path) -> None:
    piece = composer.compose(seconds=6, temperature=0.5)
    piece.save(tmp_path / "new.mid")
    piece.save(tmp_path / "new.wav")
    tune = read_midi((tmp_path / "new.mid").read_bytes())
    assert tune.notes == piece.tune.notes and tune.tempos == piece.tune.tempos
    sound = recording((tmp_path / "new.wav").read_bytes(), 100.0)
    assert sound.rate == 44_100 and sound.seconds == pytest.approx(piece.seconds + 1.58, abs=0.01)
    assert 0.5 < np.abs(sound.samples).max() < 1
    with pytest.raises(UsageError, match=r"as MIDI or as a recording · got .*new\.mp3 · allowed: .*\.mid, \.wav"):
        piece.save(tmp_path / "new.mp3")


def test_a_folder_of_files_is_a_table(tmp_path: Path) -> None:
    write_hymns(tmp_path / "hymns", rows=24)
    (tmp_path / "hymns" / "broken.mid").write_bytes(b"MThd and no more")
    run = fit(tmp_path / "run", tmp_path / "hymns", data__broken=0.1)
    assert run.predictor.objective.tasks[0].feature.state.tempo == pytest.approx(90, rel=1e-4)
    (aside,) = pl.read_parquet(run.path / "set_aside.parquet")["reason"].to_list()
    assert aside.startswith("piece: the part 'MThd' is cut off at byte 0")
    assert run.compose(seconds=2).steps


def test_the_report_has_pieces_to_listen_to(composer: lamina.Run) -> None:
    page = composer.report.read_text()
    assert page.count("data:audio/wav;base64,") == 3 and page.count('class="roll"') == 3
    assert "Of the runs of 8 steps in these pieces" in page and "lamina compose" in page
    assert len(page) < 2_000_000


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    """Pieces are moved as a function of the seed and the step; without moving, others are learned from."""
    weights = [
        (fit(tmp_path / str(number), budget="4steps", task__transpose=most).path / "weights.safetensors").read_bytes()
        for number, most in enumerate((5, 5, 0))
    ]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.data
@pytest.mark.slow
def test_chorales_soon_beat_what_repeats(shared_data: Path, tmp_path: Path) -> None:
    whole = json.loads(gzip.decompress((shared_data / "jsb_chorales" / "jsb-chorales-quarter.json.gz").read_bytes()))
    train, valid = (pl.DataFrame({"piece": whole[part]}) for part in ("train", "valid"))
    run = lamina.train(
        train, "piece", valid=valid, split__test=0.0, budget="4epochs", out=tmp_path / "run", train__threads=1,
        train__tensorboard=False, evaluate__resamples=10,
    )  # fmt: skip
    systems = run.results["piece"]["systems"]
    nats = {name: system["scores"]["nats"]["value"] for name, system in systems.items()}
    assert nats["constant"] == pytest.approx(10.9505, abs=1e-3) and nats["repeat"] == pytest.approx(10.1271, abs=1e-3)
    assert nats["network"] < 7


def test_settings_of_the_network_alone_name_it() -> None:
    assert Plan.of({"model": {"notes": "apart"}}).model_name == "composer"
    assert Plan.of({"model": {"past": "tcn", "depth": 3}}).model.depth == 3


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a column beside": (
        {"data": hymns().with_columns(style=pl.Series(["slow", "fast"] * 15))}, UsageError,
        "task compose learns the music 'piece' from nothing but itself · got inputs style · say --inputs \"\"",
    ),
    "another model": ({"model": "mlp"}, UsageError, "does not give what task compose needs .* allowed: composer"),
    "no such baseline": ({"baselines": ["linear"]}, SettingError, "no such baseline of music .* constant, repeat"),
    "no such setting": ({"task__temprature": 1}, SettingError, "did you mean temperature"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_says_why(what: str, tmp_path: Path) -> None:
    given, error, says = WRONG[what]
    words = {"data": hymns(), "budget": "2steps", **given}
    with pytest.raises(error, match=says):
        lamina.train(words.pop("data"), "piece", out=tmp_path / "run", **words)
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_composed_says_why(composer: lamina.Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no piece to go on from, or to vary · got how=vary · name a MIDI"):
        composer.compose(how="vary")
    with pytest.raises(UsageError, match="a new piece is not made from one · got how=new"):
        composer.compose([[60]], how="new")
    with pytest.raises(SettingError, match=r"composing\.temprature .* did you mean temperature"):
        composer.compose(temprature=2)
    with pytest.raises(SettingError, match=r"composing\.seconds is not valid · got 0"):
        composer.compose(seconds=0)
    with pytest.raises(DataError, match="there is no such file"):
        composer.compose("no.mid")
    with pytest.raises(DataError, match="what is no pitch · got 200"):
        composer.compose([[200]])
    with pytest.raises(
        UsageError, match="reads no column: it can compose, and says nothing of rows · lamina compose RUN"
    ):
        composer.predict(hymns(2))
    table = pl.DataFrame({"a": np.arange(40) % 7, "b": ["x", "y"] * 20})
    run = lamina.train(
        table, "b", budget="2steps", baselines="none", out=tmp_path / "run", model="linear",
        train__tensorboard=False, evaluate__resamples=10,
    )  # fmt: skip
    with pytest.raises(UsageError, match="the run composes no music · got the target b · lamina predict RUN DATA"):
        run.compose()
