"""A run leaves only if what leaves says the same."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch
from fruits import INPUTS, TARGETS, fruits, train_fruits
from safetensors.torch import load_file

import lamina
from lamina.codecs.number import NumberCodec
from lamina.data.batches import to_tensors
from lamina.errors import ExportError, SettingError, UsageError
from lamina.exporting.graph import OUTPUT
from lamina.exporting.leaving import Exported
from lamina.runs.predictor import Predictor
from lamina.runtime import load

ROOT = Path(__file__).resolve().parents[2]


def test_a_bundle_is_compared_on_held_back_rows_and_on_altered_ones(exported: Exported) -> None:
    assert exported.are_real and exported.difference is not None and exported.difference < 1e-5
    assert 30 < exported.rows < 90, "the test rows; one with each cell missing, and one with each unseen value"
    assert set(exported.members) == {"bundle.json", "schema.json", "examples.json", "scores.json", "graph.onnx"}
    assert exported.bytes == exported.path.stat().st_size > sum(exported.members.values())
    assert list(exported.path.parent.iterdir()) == [exported.path]


def test_nothing_in_a_bundle_tells_of_this_machine(exported: Exported) -> None:
    content = exported.path.read_bytes()
    found = [
        word
        for word in (str(ROOT), "site-packages", str(exported.path.parent), str(Path.home()))
        if word.encode() in content
    ]
    assert found == []


def test_the_same_run_gives_the_same_bytes(run: lamina.Run, exported: Exported, tmp_path: Path) -> None:
    again = run.export(tmp_path / "again.lamina", licence="CC0-1.0")
    assert again.path.read_bytes() == exported.path.read_bytes()


def test_examples_are_rows_that_were_held_back(run: lamina.Run, exported: Exported) -> None:
    numbers = pl.read_parquet(run.path / "predictions.parquet")["row"].sort()
    rows = fruits()[numbers.to_list()][:3].select(INPUTS[:3]).to_dicts()
    assert [{name: row[name] for name in INPUTS[:3]} for row in load(exported.path).examples["rows"]] == rows


@pytest.mark.usefixtures("known_graph")
@pytest.mark.parametrize("format", ["bundle", "onnx"])
def test_what_says_something_else_is_not_written(
    run: lamina.Run, here: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    activate = Predictor.activate

    def other(self: Predictor, frame: pl.DataFrame, *args: Any) -> Any:
        said = activate(self, frame, *args)
        said[frame["colour"].is_null().to_numpy(), 0] += 2e-4
        return said

    monkeypatch.setattr(Predictor, "activate", other)
    with pytest.raises(ExportError, match=r"differ by 0\.0002 in row \d+ of \d+ .*by its graph · allowed: 0\.0001"):
        run.export(format=format)
    assert list(here.iterdir()) == []


@pytest.mark.usefixtures("known_graph")
def test_a_column_that_is_encoded_otherwise_is_named(
    run: lamina.Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = NumberCodec.encode
    monkeypatch.setattr(
        NumberCodec,
        "encode",
        lambda self, cells, first=0: {
            group: array + np.float32(0.1) if group == "number" else array
            for group, array in encode(self, cells, first).items()
        },
    )
    with pytest.raises(ExportError, match="column 'size' is encoded otherwise"):
        run.export()
    assert list(here.iterdir()) == []


def test_rows_are_made_where_the_table_is_gone_and_given_ones_are_taken(tmp_path: Path) -> None:
    run = train_fruits(tmp_path / "fruits-1")
    (tmp_path / "fruits.parquet").unlink()
    made = run.export(tmp_path / "a.lamina")
    assert not made.are_real and made.rows > 40 and not load(made.path).examples["are_real"]
    given = run.export(tmp_path / "b.lamina", data=fruits(12, seed=3), name="basket")
    assert given.are_real and 12 < given.rows < 30
    assert load(given.path).name == "basket"


def test_an_onnx_file_takes_encoded_columns(run: lamina.Run, here: Path) -> None:
    made = run.export(format="onnx")
    assert made.path == Path("fruits-1.onnx") and made.difference is not None and made.difference < 1e-5
    session = onnxruntime.InferenceSession(str(made.path), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == [OUTPUT]
    predictor, rows = run.predictor, fruits(9, seed=4)
    arrays = to_tensors(predictor.encoder.encode(predictor.encoder.read(rows)))
    given = session.run(None, {one.name: arrays[one.name].numpy() for one in session.get_inputs()})[0]
    np.testing.assert_allclose(given, predictor.activate(rows), atol=1e-5)


def test_weights_keep_the_names_of_the_layers(run: lamina.Run, here: Path) -> None:
    made = run.export(format="safetensors", licence="CC0-1.0")
    weights, wanted = load_file(made.path), run.predictor.model.state_dict()
    assert set(weights) == set(wanted) and all(torch.equal(weights[name], wanted[name]) for name in wanted)


def test_a_program_of_torch_has_no_pickle_in_it(run: lamina.Run, here: Path) -> None:
    made = run.export(format="torch")
    assert made.path.name == "fruits-1.pt2" and made.difference is not None and made.difference < 1e-5
    with zipfile.ZipFile(made.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert [name for name, content in members.items() if content[:2] in (b"PK", b"\x80\x02")] == []
    program = torch.export.load(str(made.path)).module()
    predictor, rows = run.predictor, fruits(9, seed=4)
    arrays = to_tensors(predictor.encoder.encode(predictor.encoder.read(rows)))
    given = program(*(arrays[name] for name in ("number", "flag", "category") if arrays[name].shape[1]))
    np.testing.assert_allclose(given.detach().numpy(), predictor.activate(rows), atol=1e-5)


@pytest.mark.usefixtures("known_graph")
def test_a_licence_may_be_a_file(run: lamina.Run, here: Path) -> None:
    (here / "terms.txt").write_text("Do what you like.")
    made = run.export(licence="terms.txt")
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("LICENSE.txt") == b"Do what you like."
    assert load(made.path).licence == "see LICENSE.txt"


def test_what_cannot_be_done_is_said_before_anything_is(run: lamina.Run, here: Path) -> None:
    with pytest.raises(SettingError, match=r"no such format .*did you mean onnx"):
        run.export(format="onx")
    with pytest.raises(UsageError, match="a folder that is not there"):
        run.export("nowhere/a.lamina")
    (here / "a.lamina").mkdir()
    with pytest.raises(UsageError, match="a folder has the name of the file"):
        run.export("a.lamina")


def test_tasks_that_cannot_leave_yet_are_named(tmp_path: Path) -> None:
    table = pl.DataFrame({"text": [f"a poem of {number} lines" for number in range(60)]})
    run = lamina.train(table, "text", inputs=[], features={"text": "text"}, budget="2steps", out=tmp_path / "run",
                       baselines="none", model__decoder={"name": "gpt", "width": 16, "depth": 1})  # fmt: skip
    with pytest.raises(UsageError, match=r"of the task continue cannot be exported yet · allowed: binary, multiclass"):
        run.export(tmp_path / "a.lamina")


@pytest.mark.usefixtures("known_graph")
def test_the_command_says_what_it_wrote(run: lamina.Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lamina.cli import main

    assert main(["export", str(run.path)]) == 0
    said = capsys.readouterr().out
    assert "fruits-1.lamina" in said and "graph.onnx" in said
    assert "the same as the run on" in said and "real rows" in said
    assert main(["export", str(run.path), "--format", "onnx", "--out", "net.onnx", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == "net.onnx" and document["difference"] < 1e-5 and document["members"] == {}
    assert main(["export", str(run.path), "--format", "keras"]) == 2
    assert "no such format" in capsys.readouterr().err
    assert {path.name for path in here.iterdir()} == {"fruits-1.lamina", "net.onnx"}


def test_every_target_answers(exported: Exported) -> None:
    assert load(exported.path).targets == TARGETS
