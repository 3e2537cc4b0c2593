"""Networks of the transformers library as backbones; their numbers are compared in tests/transfer/test_library.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina.backbones.pretrained import Pretrained, PretrainedSettings
from lamina.errors import SettingError
from lamina.features.base import Slot

transformers = pytest.importorskip("transformers", reason="lamina[transformers] is not installed")

SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
TEXT = Slot("said", "value", "tokens", size=20, length=9)
PHOTO = Slot("photo", "value", "image", shape=(8, 8, 3))


def made(slot: Slot, **config: Any) -> Pretrained:
    return Pretrained(slot, PretrainedSettings(config=config))


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_text_is_cut_where_the_networks_places_end(kind: str) -> None:
    backbone = made(TEXT, model_type=kind, vocab_size=19, max_position_embeddings=7, pad_token_id=1, **SIZES).eval()
    values = torch.randint(3, 20, (2, 9))
    short = 7 if kind == "bert" else 5  # the other one counts places from behind the code that fills up
    one = backbone(values, torch.tensor([9, 9]))
    assert torch.allclose(one, backbone(values[:, :short], torch.tensor([short, short])), atol=1e-6)


def test_parts_by_depth_are_the_layers() -> None:
    backbone = made(TEXT, model_type="bert", vocab_size=19, **SIZES)
    assert [len(part) for part in backbone.by_depth()] == [4, 1, 1]
    held = [one for part in backbone.by_depth() for module in part for one in module.parameters()]
    assert set(held) == set(backbone.parameters())


@pytest.mark.parametrize(
    ("slot", "config", "message"),
    [
        (TEXT, {"model_type": "bert", "vocab_size": 5, **SIZES}, "more codes than the network · got 19 · allowed: 5"),
        (TEXT, {"model_type": "vit", **SIZES}, "vit does not read column 'said' · got tokens · allowed: image"),
        (PHOTO, {"model_type": "nonsense"}, "knows no such network · got 'nonsense'"),
        (PHOTO, {"model_type": "wav2vec2", **SIZES}, "cannot read a column · got wav2vec2"),
        (PHOTO, {"model_type": "vit", "num_channels": 4, **SIZES}, "got 3 · allowed: 1 or 4"),
    ],
)
def test_networks_of_another_kind_are_refused(slot: Slot, config: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        made(slot, **config)
