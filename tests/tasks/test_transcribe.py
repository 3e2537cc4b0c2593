"""A text that is heard: its loss is PyTorch's, rows that are too long are told of, and answers are read by a beam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.config import check
from lamina.data.batches import Batch
from lamina.errors import SettingError, UsageError
from lamina.features.audio import Audio
from lamina.features.base import Feature
from lamina.features.image import Image
from lamina.features.number import Number
from lamina.features.series import Series
from lamina.features.text import Text, TextSettings
from lamina.models.transcriber import ABSENT
from lamina.tasks import task_name_of
from lamina.tasks.transcribe import Transcribe, TranscribeSettings
from lamina.testing.common import check_bounds

TEXTS = ["one two", "eel", "", "two"]
MOMENTS = [12, 4, 3, 5]


def target_feature(**values: Any) -> Text:
    return Text("said", check(TextSettings, {"min_count": 1} | values), is_target=True)


def task(**values: object) -> Transcribe:
    feature = target_feature(tokens="characters").fit(pl.Series("said", TEXTS))
    return Transcribe(feature, check(TranscribeSettings, values))


def encoded(one: Transcribe, texts: list[str] = TEXTS) -> Tensor:
    padded = one.feature.encode(pl.Series("said", texts))["tokens"].padded()[0]
    return torch.from_numpy(padded.astype(np.int64))


def logits(one: Transcribe, moments: list[int] = MOMENTS, seed: int = 0) -> Tensor:
    """Random where a row has moments; else the blank is certain, as the model gives it."""
    raw = torch.randn(len(moments), max(moments), one.width, generator=torch.Generator().manual_seed(seed))
    certain = torch.full((one.width,), ABSENT)
    certain[0] = 0.0
    there = torch.arange(max(moments)) < torch.tensor(moments)[:, None]
    return torch.where(there[..., None], raw, certain)


class Said(torch.nn.Module):
    """A network that says the same whatever it hears."""

    def __init__(self, raw: Tensor) -> None:
        super().__init__()
        self.raw = raw

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.raw[inputs["number"][:, 0].long()]


def inputs(rows: int) -> dict[str, Tensor]:
    return {
        "number": torch.arange(rows)[:, None].float(),
        "frames000": torch.zeros(rows, 48, 2),
        "frames000.length": torch.full((rows,), 48),
    }


def by_rows(one: Transcribe, raw: Tensor, target: Tensor) -> list[float]:
    """PyTorch's loss of each row, its own moments alone."""
    found = []
    for row, moments in enumerate(MOMENTS):
        ids = target[row][target[row] > 0]
        logs = raw[row, :moments].log_softmax(-1)[:, None]
        found.append(
            F.ctc_loss(logs, ids[None], torch.tensor([moments]), torch.tensor([len(ids)]), reduction="sum").item()
        )
    return found


def test_the_loss_is_pytorchs() -> None:
    one = task()
    target, raw = encoded(one), logits(one)
    each, lengths = by_rows(one, raw, target), [7, 3, 0, 3]
    assert one.loss(raw, target).item() == pytest.approx(sum(each) / sum(lengths), rel=1e-5)
    expected = [loss / max(1, length) for loss, length in zip(each, lengths, strict=True)]
    assert one.judge(one.activate(raw), target).tolist() == pytest.approx(expected, rel=1e-5)
    longer = torch.cat([raw, logits(one, [0, 0, 0, 5])[:, :5]], 1)[:3]  # filled up further
    assert one.loss(longer, target[:3]).item() == pytest.approx(one.loss(raw[:3], target[:3]).item(), rel=1e-6)


def test_the_gradient_is_right() -> None:
    one = task()
    target, raw = encoded(one)[:2], logits(one)[:2, :, :].double()
    raw[1, 4:] = raw[1, 4:].clamp(min=ABSENT)
    values = raw[:1, :, :].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: one.loss(x, target[:1]), values, fast_mode=True, atol=1e-3, eps=1e-3)


def test_rows_that_are_too_long_are_told_of() -> None:
    """``eel`` takes four moments: two equal letters have a blank between them."""
    one = task()
    target = encoded(one)
    raw = logits(one, [12, 3, 3, 5]).requires_grad_()
    batch = Batch(inputs(4), [target], np.array([10, 11, 12, 13]))
    said = Said(raw)
    loss = one.loss(one.raw(said.train(), batch), target)
    loss.backward()
    assert raw.grad is not None and torch.isfinite(loss) and not raw.grad[1].any() and raw.grad[0].any()
    for _ in range(2):
        one.raw(said, batch)
    (note,) = one.notes
    assert note.startswith("1 training rows are not learned from: they have more characters than moments")
    watched = one.judge(one.activate(raw), target)
    assert watched[1].item() == pytest.approx(math.log(one.width)) and torch.isfinite(watched).all()
    quiet = task()
    quiet.raw(said.eval(), batch)
    assert not quiet.notes


def paths(one: Transcribe, texts: list[str]) -> Tensor:
    """Logits of a network that is sure of texts, a blank after each letter."""
    target = encoded(one, texts)
    raw = torch.zeros(*target.shape, 2, one.width)
    raw[..., 1, 0] = 8.0
    raw[..., 0, :].scatter_(-1, target[..., None], 8.0)
    return raw.flatten(1, 2)


@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_texts(how: str) -> None:
    one = task(how=how)
    one.learn(one.feature.encode(pl.Series("said", TEXTS))["tokens"])
    said = Said(paths(one, ["one two", "eel", "two"]))
    rows = one.outputs(said, inputs(3), [0, 1, 2])
    assert [row[0].text for row in rows] == ["one two", "eel", "two"]
    answer = one.answer(rows)
    assert answer.text is not None and answer.sureness is not None
    assert answer.text.tolist() == ["one two", "eel", "two"] and (answer.sureness > 0.9).all()
    logs = one.activate(said.raw)
    losses = one.judge(logs, encoded(one, ["one two", "eel", "two"])) * torch.tensor([7, 3, 3])
    assert [-row[0].log_probability for row in rows] == pytest.approx(losses.tolist(), rel=1e-4)


def test_alternatives_and_the_language_model() -> None:
    one = task(beams=20)
    one.learn(one.feature.encode(pl.Series("said", ["two"] * 9 + ["tow"]))["tokens"])
    raw = paths(one, ["two"])
    letters = encoded(one, ["two"])[0]
    raw[0, 2, letters[2]], raw[0, 4, letters[1]] = 8.1, 8.1  # "tow" is a little likelier
    raw[0, 2, letters[1]], raw[0, 4, letters[2]] = 8.0, 8.0
    said = Said(raw)

    def heard(**decoding: Any) -> list[str]:
        (row,) = one.texts(said, inputs(1), [0], **decoding)
        return [written.text for written in row]

    assert heard(language=0.0) == heard(how="greedy") == ["tow"]
    assert heard(language=1.0) == ["two"]
    several = one.texts(said, inputs(1), [0], alternatives=4)[0]
    assert len(several) == 4 == len({written.text for written in several})
    assert [written.score for written in several] == sorted((written.score for written in several), reverse=True)
    assert heard(alternatives=2)[0] == "two"
    with pytest.raises(SettingError, match="greedy does not find so many alternatives · got 2"):
        heard(how="greedy", alternatives=2)
    with pytest.raises(SettingError, match="temperature"):
        heard(temperature=2.0)


def test_what_stands_for_something_else_is_not_written() -> None:
    one = task()
    raw = paths(one, ["one"])
    raw[0, 1, 1:4] = 20.0
    for how in ("greedy", "beam"):
        assert one.texts(Said(raw), inputs(1), [0], how=how)[0][0].text == "one"


def test_what_it_is_for() -> None:
    said = target_feature()
    sound, series, photo, age = Audio("sound"), Series("beat"), Image("photo"), Number("age")
    asked: list[tuple[list[Feature], str | None, str]] = [
        ([sound], None, "transcribe"),
        ([series], None, "transcribe"),
        ([sound], "write", "write"),
        ([photo], None, "write"),
        ([photo], "transcribe", "transcribe"),
        ([sound, age], None, "write"),
    ]
    for columns, name, expected in asked:
        assert task_name_of(said, columns, name) == expected, columns
    Transcribe.prepare(said, [photo])
    assert said.settings.tokens == "characters"
    words = target_feature(tokens="words")
    Transcribe.prepare(words, [sound])
    assert words.settings.tokens == "words"
    with pytest.raises(UsageError, match=r"from one column alone · got sound \(audio\), age \(number\)"):
        Transcribe.prepare(said, [sound, age])
    check_bounds(TranscribeSettings)
