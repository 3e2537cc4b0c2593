"""A text that is predicted from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.errors import SettingError, UsageError
from lamina.features.layout import Layout
from lamina.features.number import Number
from lamina.features.text import Text, TextSettings
from lamina.features.tokens import START
from lamina.models.language import Language, LanguageSettings
from lamina.nn.start import start
from lamina.tasks import task_name_of
from lamina.tasks.continue_ import Continue, ContinueSettings

CELLS = pl.Series("text", ["the cat sat on a mat\n\n", "größer", "a", "so the dog ran after the cat, and on and on\n"])
DECODERS: dict[str, dict[str, Any]] = {
    "gpt": {"width": 16, "heads": 2, "depth": 2},
    "gpt2": {"width": 16, "heads": 2, "depth": 1, "longest": 256},
    "transformer_xl": {"width": 16, "heads": 2, "depth": 2, "remembered": 6},
    "lstm": {"width": 16},
}


def made(decoder: str = "gpt", **settings: Any) -> tuple[Continue, Language]:
    """A task with a feature that has learned, and a network whose answers are far from even."""
    feature = Text("text", is_target=True)
    Continue.prepare(feature, [])
    feature.fit(feature.read(CELLS))
    task = Continue(feature, check(ContinueSettings, {"context": 8, **settings}))
    chosen = check(LanguageSettings, {"decoder": {"name": decoder, **DECODERS[decoder]}})
    network = start(Language(Layout(), task.width, chosen), 0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return task, network  # type: ignore[return-value]


def encoded(task: Continue) -> Ragged:
    found: Ragged = task.feature.encode(task.feature.read(CELLS))["tokens"]
    return found


def test_a_text_without_inputs_is_continued_and_one_with_inputs_written() -> None:
    text = Text("text", is_target=True)
    assert task_name_of(text) == "continue" and task_name_of(text, [Number("x")]) == "write"
    assert task_name_of(text, asked="write") == "write"
    words = Text("text", TextSettings(tokens="words"), is_target=True)
    with pytest.raises(UsageError, match=r"tokens that spell everything · got tokens=words"):
        Continue.prepare(words, [])


def test_texts_are_learned_whole_blanks_and_all() -> None:
    task, _ = made()
    cells = task.feature.read(CELLS)
    assert cells.to_list() == CELLS.to_list()
    assert task.feature.state.tokens == "characters"
    assert task.feature.decode(encoded(task)).to_list() == CELLS.to_list()  # type: ignore[arg-type]
    assert task.feature.read(pl.Series(["", " \n", "x "])).to_list() == [None, None, "x "]
    assert task.bytes_of(encoded(task)).tolist() == [len(cell.encode()) for cell in CELLS]


def test_a_large_text_is_learned_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.features.text.SPELLED", 50)
    assert made()[0].feature.state.tokens == "pieces"


def test_the_network_grows_with_the_budget_and_drops_units_where_a_small_text_is_read_often() -> None:
    feature = made()[0].feature
    sizes = [Continue.sized(feature, seconds)["decoder"] for seconds in (None, 180, 1800, 10**6)]
    assert sizes[0] == sizes[1] and sizes[1]["width"] < sizes[2]["width"] < sizes[3]["width"]
    assert sizes[1]["dropout"] == 0 < sizes[2]["dropout"]
    feature.state.tokens = "pieces"
    assert Continue.sized(feature, 1800)["decoder"]["dropout"] == 0
    for chosen in sizes:
        check(LanguageSettings, {"decoder": chosen})


@torch.inference_mode()
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_sums_are_those_of_each_token_by_itself(decoder: str) -> None:
    """In one window that holds a whole text: the sum over its tokens, and the end."""
    task, network = made(decoder, context=64)
    texts = encoded(task)
    sums = task.sums(network, texts)
    for row, (nats, steps, size) in enumerate(sums.tolist()):
        ids = [START, *texts[row : row + 1].values.tolist(), START]
        logits = network.decoder(torch.tensor([ids[:-1]]), torch.tensor([len(ids) - 1]))[0]
        wanted = -logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].sum()
        assert nats == pytest.approx(float(wanted), rel=1e-4)
        assert (steps, size) == (len(ids) - 1, len(CELLS[row].encode()))


@torch.inference_mode()
def test_in_short_windows_each_token_has_half_a_window_before_it() -> None:
    task, network = made()
    texts = encoded(task)
    ids = torch.tensor([START, *texts[0:1].values.tolist(), START])
    nats = 0.0
    for place in range(1, len(ids)):
        # Windows begin at 0, 4, 8 ...; the first judges all of its 8, the others their last 4.
        begin = 0 if place <= 8 else 4 * -(-(place - 8) // 4)
        logits = network.decoder(ids[None, begin:place], torch.tensor([place - begin]))[0, -1]
        nats -= float(logits.log_softmax(-1)[ids[place]])
    assert task.sums(network, texts)[0, 0] == pytest.approx(nats, rel=1e-4)


@torch.inference_mode()
def test_a_network_that_remembers_is_judged_segment_after_segment() -> None:
    task, network = made("transformer_xl")
    texts = encoded(task)
    for row in range(len(texts)):
        ids = torch.tensor([START, *texts[row : row + 1].values.tolist(), START])
        state, nats = network.decoder.begin(None, 1), 0.0
        for begin in range(0, len(ids) - 1, 8):
            part, wanted = ids[begin : begin + 8][: len(ids) - 1 - begin], ids[begin + 1 : begin + 9]
            logits, state = network.decoder.segment(part[None], None, state)
            nats -= float(logits[0].log_softmax(-1)[torch.arange(len(part)), wanted].sum())
        assert task.sums(network, texts)[row, 0] == pytest.approx(nats, rel=1e-4)


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_what_is_learned_is_what_is_judged(decoder: str, tmp_path: Path) -> None:
    """The loss of windows that hold whole texts is the mean over tokens of the sums; nothing leaks from one text to the
    next, and what a network remembers is of the same text."""
    task, network = made(decoder, context=200)
    texts = encoded(task)
    with StoreWriter(tmp_path / "s") as writer:
        writer.append({"target000": texts})
    rows = Rows.all(Store(tmp_path / "s"))
    with torch.inference_mode():
        sums = task.sums(network, texts).sum(0)
        nats = count = 0.0
        for epoch in range(1 if DECODERS[decoder] is DECODERS["lstm"] else 3):
            for batch in task.batches(network, rows, 1, seed=epoch).epoch(epoch):
                raw = task.raw(network, batch)
                found = int((batch.targets[0] > 0).sum())
                nats, count = nats + float(task.loss(raw, batch.targets[0])) * found, count + found
    if decoder != "lstm":  # of a ring, the text that a window begins in stands at its end too, torn
        assert nats / count == pytest.approx(sums[0] / sums[1], rel=0.15)
    else:
        assert count == sums[1] and nats == pytest.approx(sums[0], rel=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("decoder", ["gpt", "transformer_xl"])
def test_a_window_of_two_texts_says_of_each_what_it_says_alone(decoder: str) -> None:
    _, network = made(decoder)
    one, other = [START, 5, 6, 7], [START, 8, 5]
    inputs = {"tokens": torch.tensor([one + other]), "segments": torch.tensor([[0] * 4 + [1] * 3])}
    together = network(inputs)
    for part, place in ((one, slice(0, 4)), (other, slice(4, 7))):
        alone = network({"tokens": torch.tensor([part])})
        torch.testing.assert_close(together[:, place], alone, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_what_stands_before_a_window_is_remembered_as_far_as_it_is_of_its_text() -> None:
    _, network = made("transformer_xl")
    text = [START, 5, 6, 7, 8, 9, 5, 6]
    before, tokens = torch.tensor([[9, 9, *text[:4]]]), torch.tensor([text[4:]])
    inputs = {
        "tokens": tokens,
        "before": before,
        "before.length": torch.tensor([4]),
        "before.segments": torch.tensor([[0, 0, 1, 1, 1, 1]]),
    }
    state = network.decoder.segment(torch.tensor([text[:4]]), None, network.decoder.begin(None, 1))[1]
    wanted = network.decoder.segment(tokens, None, state)[0]
    torch.testing.assert_close(network(inputs), wanted, atol=1e-5, rtol=1e-4)
    none = network({**inputs, "before.length": torch.tensor([0])})
    torch.testing.assert_close(none, network({"tokens": tokens}), atol=1e-5, rtol=1e-4)


def test_no_gradient_goes_back_to_what_is_remembered() -> None:
    _, network = made("transformer_xl")
    network.train()
    inputs = {"tokens": torch.tensor([[5, 6]]), "before": torch.tensor([[7, 8]]), "before.length": torch.tensor([2])}
    network(inputs).sum().backward()
    used = network.decoder.words.weight.grad.abs().sum(1) > 0
    assert used.all(), "logits use every word"  # tied
    again = made("transformer_xl")[1]
    table = again.decoder.words.weight
    table.requires_grad_(False)
    assert again(inputs).requires_grad


def test_watching_and_judging_look_at_a_bounded_number_of_tokens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task, _ = made()
    with StoreWriter(tmp_path / "s") as writer:
        writer.append({"target000": Ragged.of([np.full(100, 5, np.int32)] * 40)})
    rows = Rows.all(Store(tmp_path / "s"))
    monkeypatch.setattr("lamina.tasks.continue_.WATCHED", 1000)
    monkeypatch.setattr("lamina.tasks.continue_.JUDGED", 2000)
    assert (len(task.watched(rows).places), len(task.judged(rows).places)) == (10, 20)


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_it_goes_on_beyond_its_context_and_streams_what_it_writes(decoder: str) -> None:
    prompts = ["the ", "and so on and on and on, and "]
    for seed in range(50):  # until a text is longer than the context
        task, network = made(decoder, longest=30, seed=seed)
        one = task.continued(network, prompts)[0][0]
        if len(one.ids) > 12:
            break
    assert len(one.ids) > 12 and task.continued(network, prompts[:1])[0][0].text == one.text
    assert "".join(task.continued_on(network, "the ")) == task.continued(network, ["the "])[0][0].text == one.text
    assert task.prompt("cat \n")[-2:] == task.prompt(" \n")[-2:], "blanks at the end of a beginning count"
    (two,) = task.continued(network, ["the "], alternatives=2)
    assert len(two) == 2 and two[0].text == one.text
    with pytest.raises(SettingError, match="greedy does not find so many alternatives"):
        task.continued(network, ["the "], how="greedy", alternatives=2)


def test_a_text_is_shown_as_it_comes_where_it_is_the_only_one_and_certain() -> None:
    task, network = made()
    assert task.streams() and task.streams(how="greedy")
    for decoding in ({"how": "beam"}, {"alternatives": 2}):
        assert not task.streams(**decoding)
        with pytest.raises(UsageError, match="only a single text that is written token by token"):
            next(task.continued_on(network, "the", **decoding))
