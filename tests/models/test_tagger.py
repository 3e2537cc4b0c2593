"""The network that labels words: its shapes, other columns beside the words, and what can stand over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.data.batches import to_tensors
from lamina.errors import SettingError
from lamina.features.base import Feature
from lamina.features.encoder import Encoder
from lamina.features.number import Number
from lamina.features.tags import Tags, TagsSettings
from lamina.features.text import Text, TextSettings
from lamina.models.tagger import Tagger, TaggerSettings
from lamina.nn.crf import NEVER
from lamina.nn.start import start

SAID = ["go to town", "no", None, "go home and then to town again"]
TABLE = pl.DataFrame(
    {
        "said": SAID,
        "before": ["where?", None, "who?", "when?"],
        "hour": [1.0, 2.0, None, 4.0],
        "slots": ["O O B-x", "O", "", "O B-x O O O B-x O"],
    }
)


def learned(*others: Feature) -> Encoder:
    said = Text("said", TextSettings(by_word=True))
    encoder = Encoder([said, *others], [Tags("slots", TagsSettings(of="said"), is_target=True)])
    return encoder.partial_fit(encoder.read(TABLE, targets=True)).finish()


def scored(encoder: Encoder, rows: pl.DataFrame, **settings: Any) -> tuple[Tagger, Tensor]:
    model = start(Tagger(encoder.layout, 4, check(TaggerSettings, {"width": 6, **settings})), 0).eval()
    inputs = to_tensors(encoder.encode(encoder.read(rows)))
    with torch.no_grad():
        return model, model(inputs)  # type: ignore[return-value]


@pytest.mark.parametrize("text", ["auto", "gru", "transformer", {"name": "lstm", "width": 4, "depth": 2}], ids=str)
def test_each_word_has_a_score_for_each_label_and_what_is_no_word_has_label_0(text: Any) -> None:
    _, scores = scored(learned(), TABLE, text=text)
    assert scores.shape == (4, 7, 4)
    there = torch.arange(7) < torch.tensor([3, 1, 0, 7])[:, None]
    assert (scores[there][:, 0] == NEVER).all() and (scores[there][:, 1:] > NEVER / 2).all()
    assert (scores[~there] == torch.tensor([0, NEVER, NEVER, NEVER])).all()


@pytest.mark.parametrize("text", ["lstm", "transformer"])
def test_rows_do_not_hang_on_those_beside_them(text: str) -> None:
    encoder = learned(Text("before"), Number("hour"))
    _, together = scored(encoder, TABLE, text=text)
    for row in range(4):
        _, alone = scored(encoder, TABLE[row : row + 1], text=text)
        assert torch.allclose(together[row : row + 1, : alone.shape[1]], alone, atol=1e-5)


def test_other_columns_count_for_each_word() -> None:
    encoder = learned(Text("before"), Number("hour"))
    model, scores = scored(encoder, TABLE)
    assert set(model.bring) == {"tokens001", "plain"} and model.text == "tokens000"
    for name, other in (("hour", 9.0), ("before", "who? who?")):
        _, changed = scored(encoder, TABLE.with_columns(pl.lit(other).alias(name)))
        assert (changed[0, :3, 1:] != scores[0, :3, 1:]).any(1).all(), name


def test_labels_start_without_a_chain_between_them() -> None:
    model, _ = scored(learned(), TABLE)
    assert model.transitions is not None and not model.transitions().any()
    assert scored(learned(), TABLE, chain=False)[0].transitions is None


def test_a_backbone_that_leaves_words_out_is_refused() -> None:
    with pytest.raises(
        SettingError, match=r"backbone 'crnn' does not give a vector for each word · got \d for 7 words"
    ):
        scored(learned(), TABLE, text="crnn")
    with pytest.raises(SettingError, match="backbone bag does not read column 'said'"):
        scored(learned(), TABLE, text="bag")


def test_hidden_words_are_drawn_in_training_alone() -> None:
    encoder = learned()
    model, _ = scored(encoder, TABLE, text={"name": "lstm", "dropout": 0.0})
    inputs = to_tensors(encoder.encode(encoder.read(TABLE)))
    model.train()
    torch.manual_seed(0)
    drawn = [model(inputs)[0, :3] for _ in range(12)]
    assert not all(torch.equal(drawn[0], one) for one in drawn)
    model.eval()
    assert torch.equal(model(inputs), model(inputs))
    assert np.isfinite(drawn[0].detach().numpy()).all()


def test_scores_are_float32_in_lower_precision_too() -> None:
    encoder = learned()
    model, _ = scored(encoder, TABLE)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(to_tensors(encoder.encode(encoder.read(TABLE))))
    assert found.dtype == torch.float32 and (found[0, :3, 0] == NEVER).all()
