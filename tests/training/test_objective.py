"""Targets as one thing to learn: figures side by side, or a text alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from lamina.config import check
from lamina.data.batches import Batch
from lamina.errors import SettingError
from lamina.features.layout import Layout
from lamina.features.number import Number
from lamina.features.text import Text, TextSettings
from lamina.models.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from lamina.nn.start import start
from lamina.tasks import write
from lamina.tasks.base import Task
from lamina.tasks.regression import Regression, RegressionSettings
from lamina.tasks.write import Write, WriteSettings
from lamina.training.objective import Objective, Single

NUMBER = Number("size", is_target=True).fit(pl.Series("size", [1.0, 2.0, 4.0]))
TEXT = Text("german", TextSettings(vocabulary=260), is_target=True).fit(pl.Series("german", ["ein Hund", "ein"]))


def number() -> Task:
    return Regression(NUMBER, RegressionSettings())


def text(**values: object) -> Task:
    return Write(TEXT, check(WriteSettings, {"how": "greedy", "longest": 4} | values))


def test_the_kinds_of_targets_say_which() -> None:
    assert type(Objective.of([number(), number()])) is Objective and Objective.of([number()]).blends
    assert type(Objective.of([text()])) is Single and not Objective.of([text()]).blends
    with pytest.raises(AssertionError, match="no target beside it"):
        Objective.of([text(), number()])


def network() -> EncoderDecoder:
    settings = check(EncoderDecoderSettings, {"decoder": {"name": "gru", "width": 8}})
    made = start(EncoderDecoder(Layout(), TEXT.tokens.size, settings), 0)
    assert isinstance(made, EncoderDecoder)
    return made.eval()


def rows(count: int) -> dict[str, torch.Tensor]:
    empty = {"number": torch.zeros(count, 0), "flag": torch.zeros(count, 0)}
    return {**empty, "category": torch.zeros(count, 0, dtype=torch.int64)}


@torch.no_grad()
def test_texts_are_watched_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    learned, model = Objective.of([text()]), network()
    target = torch.randint(4, 200, (7, 3), generator=torch.Generator().manual_seed(0))
    target[2, 1:] = 0
    batch = Batch(rows(7), [target], np.arange(7))
    whole = learned.watch(model, batch)
    assert whole.shape == (7,)
    torch.testing.assert_close(whole, learned.judge(learned.activate(learned.raw(model, batch)), [target]))
    for most in (1, 3 * 4 * learned.width):
        monkeypatch.setattr(write, "LOGITS", most)
        torch.testing.assert_close(learned.watch(model, batch), whole)


def test_outputs_of_batches_are_joined() -> None:
    plain = Objective.of([number()])
    assert plain.joined([]).shape == (0, 1) and len(plain.answers(plain.joined([]))[0]) == 0
    learned = Objective.of([text()])
    assert learned.joined([]) == [] and len(learned.answers([])[0]) == 0


def test_settings_of_decoding_are_laid_over_those_of_the_run() -> None:
    learned, model = Objective.of([text(no_repeat=2)]), network()
    assert isinstance(learned.tasks[0], Write)
    settings = learned.tasks[0].writer(model, how="sample", seed=3).settings
    assert (settings.how, settings.seed, settings.no_repeat, settings.longest) == ("sample", 3, 2, 4)
    assert learned.tasks[0].writer(model).settings == learned.tasks[0].settings
    with pytest.raises(SettingError, match=r"decoding\.sed .* did you mean seed"):
        learned.tasks[0].writer(model, sed=3)
