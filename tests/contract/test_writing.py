"""Runs whose target is a text: with every decoder, from every kind of column, as far as a run reaches."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal
from translation import fit, sentences, writing

import lamina
from lamina.decoders import DECODERS
from lamina.errors import DataError, MissingColumnError, SettingError, UsageError
from lamina.features.layout import Layout
from lamina.plan import Plan
from lamina.tasks.transcribe import Transcribe
from lamina.tasks.write import Write
from lamina.training.history import read_history

ABLE = [name for name in DECODERS if DECODERS[name].reads_memory]
LEARNING = {"train__learning_rate": 0.01, "train__precision": "float32", "train__averaging": 0.0}


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run that has learned to translate."""
    return fit(
        tmp_path_factory.mktemp("runs") / "run", sentences(150), "german", {"english": "text"}, budget="100steps",
        baselines="all", plan={"model": writing("gru", "transformer", 32)}, train__batch_size=32, **LEARNING,
    )  # fmt: skip


def agrees(run: lamina.Run, data: pl.DataFrame, rows: int) -> pl.DataFrame:
    """What a run says of its rows; the same after loading, and of each row alone."""
    said = run.predict(data)
    assert lamina.load(run.path).predict(data).equals(said)
    alone = pl.concat([run.predict(data[row : row + 1]) for row in range(rows)])
    assert_frame_equal(alone, said.head(rows), rel_tol=1e-4)
    return said


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
@pytest.mark.parametrize("decoder", ABLE)
def test_trained_saved_loaded(encoder: str, decoder: str, tmp_path: Path) -> None:
    run = fit(tmp_path / "run", budget="12steps", plan={"model": writing(encoder, decoder)}, **LEARNING)
    losses = [row["valid_loss"] for row in read_history(run.path)]
    assert losses[-1] < losses[0], losses
    said = agrees(run, sentences(20, seed=1).drop("german"), 4)
    assert said.columns == ["german", "german_sureness"] and said.dtypes == [pl.String, pl.Float64]
    assert said["german_sureness"].is_between(0, 1).all()


def test_it_translates_what_it_has_not_seen(translator: lamina.Run) -> None:
    new = sentences(40, seed=1)
    document = translator.evaluate(new)["german"]
    scores = document["systems"]["network"]["scores"]
    assert scores["identical"]["value"] > 0.8 and scores["bleu"]["value"] > 80 and document["headline"] == "bleu"
    right = (translator.predict(new)["german"] == new["german"]).mean()
    assert scores["identical"]["value"] == pytest.approx(right)
    assert list(translator.results["german"]["systems"]) == ["network", "constant", "nearest"]
    assert "BLEU" in translator.verdict


def test_rows_whose_text_is_missing_are_left_out(translator: lamina.Run) -> None:
    new = sentences(10, seed=1).with_columns(
        pl.when(pl.int_range(10) == 3).then(None).when(pl.int_range(10) == 4).then(pl.lit(" ")).otherwise("german")
        .alias("german")
    )  # fmt: skip
    document = translator.evaluate(new)["german"]
    assert (document["rows"], document["rows_left_out"]) == (8, 2)
    with pytest.raises(DataError, match="no row has a known target 'german'"):
        translator.evaluate(new.with_columns(german=pl.lit(None, dtype=pl.String)))


def test_writing_one_row(translator: lamina.Run) -> None:
    text = "the red dog hears the bird"
    (said,) = translator.write(text)
    assert said.text == translator.predict(pl.DataFrame({"english": [text]}))["german"][0]
    assert said.ended == "end" and said == translator.write({"english": text})[0]
    pieces, whole = [], None
    stream = translator.write_on(text)
    while whole is None:
        try:
            pieces.append(next(stream))
        except StopIteration as ended:
            whole = ended.value
    assert len(pieces) > 1 and "".join(pieces) == whole.text and whole == said
    beam = translator.write(text, how="beam", beams=4, alternatives=3)
    assert len(beam) == 3 and [one.score for one in beam] == sorted((one.score for one in beam), reverse=True)
    assert translator.write(text, stop=[" rote"])[0].text == "der"
    assert len(translator.write(text, longest=1)[0].ids) == 1


def test_chance_hangs_on_the_seed_and_the_row_alone(translator: lamina.Run, tmp_path: Path) -> None:
    hot = {"how": "sample", "temperature": 3.0, "longest": 8}
    assert (
        translator.write("a dog", **hot) == translator.write("a dog", **hot) != translator.write("a dog", seed=1, **hot)
    )
    run = fit(tmp_path / "run", task=hot)
    rows = pl.DataFrame({"english": ["the dog sees the cat"] * 300})  # more than go through the network at once
    said = run.predict(rows)
    assert said["german"].n_unique() > 100
    assert_frame_equal(run.predictor.predict(rows[:3], first_row=280), said[280:283], rel_tol=1e-4)
    frame = pl.read_parquet(run.path / "predictions.parquet").sort("row").head(2)
    again = run.predict(sentences())[frame["row"].to_list()]
    assert again["german"].equals(frame["german"]), "what was judged is what is predicted"


def test_looking_and_embedding(translator: lamina.Run) -> None:
    rows = sentences(8, seed=2)
    row = translator.look(rows, 3).row
    assert row is not None and row.answer["german"] == translator.predict(rows)["german"][3]
    assert [column.slot.column for column in row.columns] == ["english"]
    assert row.columns[0].gradient is not None and len(row.gates) > 0
    found = translator.embed(rows, target="german")
    assert found.columns == ["row", "german", "vector"] and found["vector"].dtype == pl.Array(pl.Float32, 32)
    alone = translator.embed(rows[3:4])["vector"].to_numpy()
    np.testing.assert_allclose(alone, found["vector"].to_numpy()[3:4], rtol=1e-4, atol=1e-5)
    assert len(translator.embed(rows, layer="bring.tokens000.0")["vector"][0]) == 32


def test_a_text_makes_auto_a_network_that_writes(tmp_path: Path) -> None:
    """Whatever backbones or decoder are named."""
    layout = Layout()
    for given, text, decoder in [
        ("auto", "auto", "transformer"),
        ({"text": "gru", "width": 16}, "gru", "transformer"),
        ("gru", {"name": "gru"}, "transformer"),
        ({"decoder": "lstm"}, "auto", "lstm"),
        ({"decoder": "lstm", "text": {"name": "gru", "width": 8}}, {"name": "gru", "width": 8}, "lstm"),
    ]:
        plan = Plan.of({"model": given})
        assert Plan.of(plan.to_json()) == plan
        settled = plan.settled(layout, Write)
        assert (settled.model_name, settled.model.text, settled.model.decoder) == ("encoder_decoder", text, decoder)
        assert Plan.of(settled.to_json()) == settled
        if "decoder" not in given:
            assert plan.settled(layout).model_name == ("tabm" if given == "auto" else "mixed")
    with pytest.raises(SettingError, match=r"unknown setting model\.fusion"):
        Plan.of({"model": {"text": "gru", "fusion": "gate"}}).settled(layout, Write)
    assert Plan.of({"model": "gru"}).settled(layout, Transcribe).model.frames == {"name": "gru"}
    for unread in ({"text": "gru"}, {"text": "gru", "frames": "crnn"}, "bag"):
        with pytest.raises(SettingError, match=r"transcriber has no backbone for text · got model\.text=.* frames"):
            Plan.of({"model": unread}).settled(layout, Transcribe)
    run = fit(tmp_path / "run", plan={"model": {**writing(), "name": "auto"}})
    assert run.plan.model_name == "encoder_decoder"


# --- from every kind of column ------------------------------------------------------------------------------------


def things(rows: int = 48) -> pl.DataFrame:
    """Squares and bars, red or green, as pictures, series, texts and plain columns, with a caption."""
    draw = np.random.default_rng(0)
    colour, shape = draw.choice(["red", "green"], rows), draw.choice(["square", "bar"], rows)
    pixels = draw.integers(0, 30, (rows, 8, 8, 3)).astype(np.uint8)
    for row, (tint, form) in enumerate(zip(colour, shape, strict=True)):
        across = slice(2, 6) if form == "square" else slice(3, 5)
        pixels[row, slice(2, 6) if form == "square" else slice(0, 8), across, int(tint == "green")] = 200
    return pl.DataFrame(
        {
            "photo": pl.Series(pixels.tolist(), dtype=pl.Array(pl.UInt8, (8, 8, 3))),
            "wave": [list(np.arange(4.0) * (1 + (one == "bar")) + draw.normal()) for one in shape],
            "note": [f"this thing is {one}" for one in colour],
            "colour": colour,
            "size": draw.normal(size=rows),
            "caption": [f"a {tint} {form}" for tint, form in zip(colour, shape, strict=True)],
        }
    )


KINDS = {"photo": "image", "wave": "series", "note": "text"}


@pytest.mark.parametrize(
    "columns", [("photo",), ("wave",), ("colour", "size"), ("photo", "note", "size")], ids="-".join
)
def test_from_every_kind_of_column(columns: tuple[str, ...], tmp_path: Path) -> None:
    table = things().select(*columns, "caption")
    if len(columns) == 3:  # cells are missing, in one row all of them
        row = pl.int_range(len(table))
        table = table.with_columns(
            pl.when(((row + place) % 4 > 0) & (row != 1)).then(name).alias(name) for place, name in enumerate(columns)
        )
    features = {name: KINDS[name] for name in columns if name in KINDS}
    task = {"name": "write", "how": "greedy", "longest": 40}  # from a series alone a text is transcribed otherwise
    run = fit(tmp_path / "run", table, "caption", features, baselines="all", evaluate__look=True, task=task)
    agrees(run, table.drop("caption"), 5)
    assert run.evaluate(table)["caption"]["rows"] == 48
    assert run.look(table, 1).row is not None
    assert run.embed(table)["vector"].dtype == pl.Array(pl.Float32, 16)
    nearest = run.results["caption"]["systems"]["nearest"]
    assert nearest["note"].startswith("left out") == ("colour" in columns)
    if len(columns) > 1:
        row = table.drop("caption").row(2, named=True)
        assert run.write(row)[0].text == run.predict(table[2:3])["caption"][0]
        with pytest.raises(
            UsageError, match=rf"several columns · got one cell · allowed: {', '.join(columns)} · .*NAME=C"
        ):
            run.write("a red")
        with pytest.raises(MissingColumnError, match=f"'{columns[0]}' is missing"):
            run.write({columns[1]: row[columns[1]]})


def test_a_file_is_captioned_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "elsewhere").mkdir()
    table = things(30)
    for row, pixels in enumerate(table["photo"].to_numpy()):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{row}.png")
    Image.fromarray(table["photo"].to_numpy()[0]).save(tmp_path / "elsewhere" / "new.png")
    named = table.select(photo=pl.format("photos/{}.png", pl.int_range(30)), caption="caption")
    named.write_csv(tmp_path / "table.csv")
    run = fit(tmp_path / "run", tmp_path / "table.csv", "caption", {"photo": "image"})
    assert run.write(str(tmp_path / "photos" / "0.png")) == run.write(str(tmp_path / "elsewhere" / "new.png"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run.write("new.png") == run.write(str(tmp_path / "photos" / "0.png"))
    with pytest.raises(DataError, match=r"files that column 'photo' names are not there · got no\.png"):
        run.write("no.png")


# --- what cannot be -----------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "two targets": ({"target": ["german", "number"]}, UsageError, "'german' is predicted alone · got 2 targets"),
    "another model": (
        {"plan": {"model": "mlp"}}, UsageError,
        "the model does not give what task write needs · got model mlp · allowed: encoder_decoder",
    ),
    "no text": (
        {"target": "number", "features": {"number": "category"}}, UsageError,
        "model is for targets that are predicted alone, such as texts · got model encoder_decoder · allowed: .*tabm",
    ),
    "one text": (
        {"data": sentences().with_columns(german=pl.lit("Ach so ist das."))}, DataError, "target 'german' is constant",
    ),
    "no such decoder": (
        {"plan": {"model": writing(decoder="transfomer")}}, SettingError, "no such decoder .* did you mean transformer",
    ),
    "a decoder that reads nothing": (
        {"plan": {"model": writing(decoder={"name": "gpt"})}}, SettingError,
        "decoder gpt writes from nothing but the text so far, and there are columns to read · "
        "allowed: transformer, rnn, lstm, gru$",
    ),
    "no such setting of the decoder": (
        {"plan": {"model": writing(decoder={"name": "gru", "wdth": 3})}}, SettingError, "model.decoder.wdth .* width",
    ),
    "no such setting of the task": ({"task": {"beamz": 3}}, SettingError, r"task\.german\.beamz .* did you mean beams"),
    "too many alternatives": (
        {"task": {"how": "beam", "beams": 2, "alternatives": 3}}, SettingError,
        "beam does not find so many alternatives · got 3 · allowed: at most 2",
    ),
    "no such baseline": ({"baselines": ["linear"]}, SettingError, "no such baseline of a text .* constant, nearest"),
    "weights": ({"weights": "resnet.safetensors"}, UsageError, "does not start from weights yet"),
    "pretrained tokens": (
        {"features": {"german": {"kind": "text", "tokens": "pretrained"}}}, SettingError, "say tokens=pieces for",
    ),
    "pseudo-labels": ({"train__pseudo": 0.9}, SettingError, r"one target of classes · got german \(text\)"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_says_why(what: str, tmp_path: Path) -> None:
    given, error, says = WRONG[what]
    data = sentences().with_columns(number=pl.Series(list(itertools.islice(itertools.cycle([0.5, 1.5, 2.5]), 90))))
    quick = {
        "plan": {"model": writing()},
        "features": {"english": "text", "german": {"kind": "text", "vocabulary": 340}},
    }
    words = {"data": data, "target": "german", **quick, "budget": "2steps", **given}
    with pytest.raises(error, match=says):
        lamina.train(words.pop("data"), words.pop("target"), out=tmp_path / "run", **words)
    assert not (tmp_path / "run").exists()


def test_rows_of_texts_are_not_mixed(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot be mixed · got mix_up=0\.2, cut_mix=0 · set augment\.mix_up"):
        fit(tmp_path / "run", things().select("photo", "caption"), "caption", {"photo": "image"}, augment__mix_up=0.2)


def test_what_cannot_be_written_says_why(translator: lamina.Run, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"decoding\.temprature .* did you mean temperature"):
        translator.write("a dog", temprature=2)
    with pytest.raises(SettingError, match=r"decoding\.beams is not valid · got 0"):
        translator.write("a dog", beams=0)
    with pytest.raises(UsageError, match=r"as it comes · got how=beam"):
        translator.write_on("a dog", how="beam")
    table = things().select("size", "colour")
    run = lamina.train(
        table, "colour", budget="2steps", baselines="none", out=tmp_path / "run", model="linear",
        train__tensorboard=False, evaluate__resamples=10,
    )  # fmt: skip
    with pytest.raises(UsageError, match="the run predicts no text · got the target colour · lamina predict RUN DATA"):
        run.write({"size": 1.0})
