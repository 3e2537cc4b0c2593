"""Dialogues that are learned from a chat model's weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from chatting.folders import chat_folder, dialogues
from safetensors.torch import load_file

import lamina
from lamina.errors import DataError, SettingError, UsageError
from lamina.features.wording import said_by, wording_from
from lamina.training import loop

pytest.importorskip("tokenizers")
pytest.importorskip("jinja2")

QUICK = {"train__tensorboard": False, "train__threads": 1, "train__precision": "float32", "evaluate__resamples": 10}
TALKS = dialogues(40)


@pytest.fixture
def helper(tmp_path: Path) -> Path:
    return chat_folder(tmp_path / "helper")


def train(out: Path, helper: Path, data: Any = TALKS, target: str = "messages", **settings: Any) -> lamina.Run:
    settings = {"budget": "8steps", "train__batch_size": 8, "train__learning_rate": 0.02} | QUICK | settings
    return lamina.train(data, target, weights=helper, out=out, **settings)


def nats(run: lamina.Run, system: str) -> float:
    return run.results["messages"]["systems"][system]["scores"]["nats"]["value"]


@pytest.mark.parametrize("learn", [None, "lora", "last", "all"])
def test_it_learns_from_where_it_was(learn: str | None, helper: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", helper, learn=learn)
    assert nats(run, "network") < nats(run, "before") - 0.1
    before, after = (load_file(run.path / name) for name in ("start.safetensors", "weights.safetensors"))
    assert list(before) == list(after), "a finished network is plain again"
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    attention = {
        f"decoder.blocks.{layer}.attention.{part}.weight" for layer in (0, 1) for part in ("out", "query_key_value")
    }
    if learn in (None, "lora"):
        assert moved == attention and run.plan.weights.learn == "lora"
    elif learn == "last":
        assert moved and all(name.startswith(("decoder.blocks.1.", "decoder.norm.")) for name in moved)
    else:
        assert moved == set(before)


def test_a_checkpoint_holds_what_learns_and_training_goes_on_from_it(
    helper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "whole", helper)
    real = loop.Trainer._step

    def until_four(self: Any, batch: Any) -> None:
        real(self, batch)
        if self.position.step == 4:
            self.ask_to_stop()

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_step", until_four)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "parts", helper)
    (checkpoint,) = (tmp_path / "parts" / "checkpoint" / "0").iterdir()
    saved = {name.partition("/")[2] for name in load_file(checkpoint) if name.startswith("model/")}
    assert saved == {
        f"decoder.blocks.{layer}.attention.{part}.{side}"
        for layer in (0, 1) for part in ("out", "query_key_value") for side in ("up", "down")
    }  # fmt: skip
    shutil.rmtree(helper)
    resumed = lamina.resume(tmp_path / "parts")
    one, other = (load_file(run.path / "weights.safetensors") for run in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    reached = nats(resumed, "network")
    assert nats(lamina.resume(tmp_path / "parts", budget="12steps", data=TALKS), "network") < reached


def test_before_is_what_the_library_says_of_the_folder(helper: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    run = train(tmp_path / "run", helper, test=dialogues(5, seed=1), budget="1steps")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(helper).eval()
    wording, total, count = wording_from(said_by(helper)), 0.0, 0
    for cell in dialogues(5, seed=1)["messages"].to_list():
        ids, learned = (torch.from_numpy(one) for one in wording.learned(cell))
        with torch.no_grad():
            logs = torch.log_softmax(theirs(ids[None]).logits[0], -1)[:-1].gather(1, ids[1:, None])[:, 0]
        total -= float(logs[learned[1:]].sum())
        count += int(learned[1:].sum())
    assert nats(run, "before") == pytest.approx(total / count, rel=1e-5)


def test_a_run_talks_without_the_folder(helper: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", helper, task={"longest": 9, "system": "be brief"})
    shutil.rmtree(helper)
    said = lamina.chat(run.path).say("3 tickets for friday")
    assert said == run.chat().say("3 tickets for friday") and len(run.chat().settings.system) == 8
    assert run.chat(system="").context == 160 and run.chat(longest=3).settings.longest == 3
    scores = run.evaluate(dialogues(5, seed=1))["messages"]["systems"]["network"]["scores"]
    assert 0 < scores["nats"]["value"] < 20
    assert "What it makes" in run.report.read_text()
    with pytest.raises(UsageError, match="it can chat, and says nothing of rows · lamina chat RUN"):
        run.predict(TALKS)
    with pytest.raises(UsageError, match="the run predicts no text"):
        run.write("hello")


def test_questions_and_answers_in_two_columns(helper: Path, tmp_path: Path) -> None:
    cells = dialogues(30, turns=2)["messages"].to_list()
    table = pl.DataFrame([[turn["content"] for turn in cell] for cell in cells], schema=["asked", "said"], orient="row")
    run = train(tmp_path / "run", helper, table, "said", data__asked="asked")
    assert run.results["said"]["systems"]["network"]["scores"]["nats"]["value"] > 0
    assert run.evaluate(table)["said"]["rows"] == 30


def test_without_weights(tmp_path: Path) -> None:
    decoder = {"name": "gpt", "width": 16, "depth": 1, "heads": 2}
    run = lamina.train(
        dialogues(60), "messages", out=tmp_path / "run", budget="40steps", plan={"model": {"decoder": decoder}},
        train__learning_rate=0.01, **QUICK,
    )  # fmt: skip
    assert nats(run, "network") < nats(run, "unigram") and "before" not in run.results["messages"]["systems"]
    assert isinstance(run.chat(longest=12).say("3 tickets for friday"), str)


def test_what_cannot_be(helper: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(
        SettingError, match="no head that could learn alone · got learn=head · allowed: lora, last, all"
    ):
        train(out, helper, learn="head")
    with pytest.raises(
        SettingError, match=r"another network than the plan's · got model.decoder.width=8 · allowed: 16"
    ):
        train(out, helper, plan={"model": {"decoder": {"name": "gpt", "width": 8}}})
    with pytest.raises(UsageError, match=r"the dialogue 'messages' from nothing but itself · got inputs n · say"):
        train(out, helper, TALKS.with_columns(n=pl.int_range(40) / 3))
    with pytest.raises(UsageError, match=r"dialogues cannot be learned from the weights .* got no config.json"):
        train(out, tmp_path)
    chat_folder(helper, model_type="gemma")
    with pytest.raises(
        DataError, match="a decoder that is not known · got gemma · allowed: gpt2, llama, mistral, qwen2"
    ):
        train(out, helper)
    assert not out.exists()
