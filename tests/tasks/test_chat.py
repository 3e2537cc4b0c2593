"""What is learned of dialogues, against the formula."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch

from lamina.chatting.settings import ChatSettings
from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.data.batches import Batch
from lamina.evaluation.text.dialogues import unigram
from lamina.features.dialogue import Dialogue
from lamina.features.layout import Layout
from lamina.models.talker import Talker, TalkerSettings
from lamina.nn.start import start
from lamina.tasks import chat, task_name_of
from lamina.tasks.chat import ChatTask

TALKS = [
    [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "größe"}],
    [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}],
    [{"role": "user", "content": "x" * 30}, {"role": "assistant", "content": "y"}],
]


def made() -> tuple[ChatTask, Talker, Batch, Ragged]:
    feature = Dialogue("talk", is_target=True)
    cells = feature.read(pl.Series("talk", TALKS))
    rows = feature.fit(cells).encode(cells)["tokens"]
    task = ChatTask(feature, check(ChatSettings, {}))
    settings = check(TalkerSettings, {"decoder": {"name": "gpt", "width": 8, "depth": 1, "heads": 2}})
    model = start(Talker(Layout.of([]), task.width, settings), 0).eval()
    turns = torch.from_numpy(rows.padded()[0].astype(np.int64))
    assert isinstance(model, Talker)
    return task, model, Batch({"number": torch.zeros(3, 0)}, [turns], np.arange(3)), rows


def by_hand(model: Talker, row: np.ndarray) -> list[float]:
    """Nats of each token that is learned, the whole row read anew for each."""
    ids, found = torch.from_numpy(np.abs(row) - 1).long(), []
    for place in range(1, len(row)):
        if row[place] > 0:
            logits, _ = model.decoder.step(ids[None, :place], model.decoder.begin(None, 1))
            found.append(-float(torch.log_softmax(logits, -1)[0, ids[place]]))
    return found


@torch.no_grad()
def test_loss_and_sums_are_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    task, model, batch, rows = made()
    each = [by_hand(model, rows[row : row + 1].values) for row in range(3)]
    tokens = [len(one) for one in each]
    assert tokens == [len("größe".encode()) + 1, 4, 2], "what ends a turn is learned too"
    loss = task.loss(task.raw(model, batch), batch.targets[0])
    assert loss.item() == pytest.approx(sum(map(sum, each)) / sum(tokens), rel=1e-5)
    monkeypatch.setattr(chat, "LOGITS", 1)  # row by row
    assert task.watch(model, batch).tolist() == pytest.approx([sum(one) / len(one) for one in each], rel=1e-5)
    sums = np.array(task.said(model, batch))
    assert sums[:, 0] == pytest.approx([sum(one) for one in each], rel=1e-5)
    assert sums[:, 1].tolist() == tokens and sums[:, 2].tolist() == [7, 2, 1]
    assert task.answer(list(sums)).frame(task.feature)["talk_nats"].to_list() == pytest.approx(
        [sum(one) / len(one) for one in each], rel=1e-5
    )


@torch.no_grad()
def test_a_row_alone_and_nothing_to_learn() -> None:
    task, model, batch, _ = made()
    whole = task.watch(model, batch)
    for row in range(3):
        turns = batch.targets[0][row : row + 1]
        alone = Batch({"number": torch.zeros(1, 0)}, [turns[:, : int((turns != 0).sum())]], np.array([row]))
        torch.testing.assert_close(task.watch(model, alone), whole[row : row + 1], rtol=1e-5, atol=1e-6)
    for turns in (torch.zeros(1, 0), -batch.targets[0][:1].abs(), torch.tensor([[5]])):
        nothing = Batch({"number": torch.zeros(1, 0)}, [turns.long()], np.array([0]))
        assert task.watch(model, nothing).tolist() == [0]
        assert task.loss(task.raw(model, nothing), nothing.targets[0]).item() == 0


def test_frequencies_are_counted_among_what_the_assistant_says() -> None:
    taught = Ragged.of([np.array([-1, 2, 2, 3]), np.array([-3, -3, 2])])
    nats = unigram(taught, Ragged.of([np.array([-2, 2, 3]), np.array([1])]), 3)
    assert nats.tolist() == pytest.approx([-math.log(4 / 7 * 2 / 7), -math.log(1 / 7)])


def test_the_type_is_the_task() -> None:
    task, *_ = made()
    assert task_name_of(task.feature) == "chat"
