"""Weights of the transformers library: tiny ones, made here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import lamina
from lamina.data.batches import to_tensors
from lamina.errors import DataError, SettingError, UsageError
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.mixed import backbone_of
from lamina.transfer.from_library import of_library, on_hub
from lamina.transfer.origin import Origin, model_for, start_of

transformers = pytest.importorskip("transformers", reason="lamina[transformers] is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="lamina[transformers] is not installed")

Fit = Callable[..., lamina.Run]
WORDS = ["good", "bad", "film", "plot", "a", "very", "the"]
MARKS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


def tokenizer() -> Any:
    codes = MARKS | {word: place for place, word in enumerate(WORDS, len(MARKS))}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(codes, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def saved(folder: Path, model: Any, pixels: dict[str, Any] | None = None) -> Any:
    """A model with its tokens or its pre-processing, as the library writes them."""
    model.eval().save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    if pixels is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return model


def bert(folder: Path) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=11, max_position_embeddings=16, **SIZES)
    return saved(folder, transformers.BertForMaskedLM(config))


def reviews(rows: int) -> pl.DataFrame:
    draw = np.random.default_rng(rows)
    kind = draw.integers(0, 2, rows)
    rest = draw.choice(WORDS[2:], (rows, 4))
    texts = [" ".join([*words, WORDS[one]]) for words, one in zip(rest, kind, strict=True)]
    return pl.DataFrame({"review": texts, "good": kind == 0})


def test_a_text_network_gives_the_librarys_own_numbers(tmp_path: Path, fit: Fit) -> None:
    """Whatever stands beside a text in its batch; its codes are the library's plus one, and 0 fills up."""
    model = bert(tmp_path / "bert")
    run = fit("run", reviews(60), weights=tmp_path / "bert", learn="head", features={"review": "text"})
    assert run.plan.model.text["name"] == "pretrained"
    texts = ["a very good film", "plot", "strange"]
    encoder, network = run.predictor.encoder, run.predictor.model.backbones["tokens000"].eval()
    rows = to_tensors(encoder.encode(encoder.read(pl.DataFrame({"review": texts}))))
    with torch.no_grad():
        places, there = network.sequence(rows["tokens000"], rows["tokens000.length"])
        for row, text in enumerate(texts):
            codes = torch.tensor([tokenizer().encode(text).ids])
            wanted = model.bert(codes).last_hidden_state[0]
            assert torch.allclose(places[row][there[row]], wanted, atol=1e-5)


@pytest.mark.parametrize("learn", ["all", "last", "lora"])
def test_text_networks_learn_on_and_end_plain(tmp_path: Path, fit: Fit, learn: str) -> None:
    bert(tmp_path / "bert")
    run = fit("run", reviews(60), weights=tmp_path / "bert", learn=learn, features={"review": "text"})
    names = run.predictor.model.state_dict()
    assert not any(name.endswith((".down", ".up", ".base.weight")) for name in names)
    again = fit("again", reviews(60), weights=run.path, learn="head", features={"review": "text"})
    assert again.predict(reviews(4)).height == 4


def origin_of(folder: Path, model: Any, pixels: dict[str, Any] | None = None) -> Origin:
    saved(folder, model, pixels)
    (origin,) = of_library(folder)
    return origin


def pictures() -> dict[str, Any]:
    form = {"hidden_sizes": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}
    return {
        "vit": transformers.ViTForImageClassification(transformers.ViTConfig(image_size=16, patch_size=8, **SIZES)),
        "convnext": transformers.ConvNextForImageClassification(transformers.ConvNextConfig(image_size=32, **form)),
        "resnet": transformers.ResNetModel(transformers.ResNetConfig(embedding_size=4, **form)),
    }


@pytest.mark.parametrize("name", ["vit", "convnext", "resnet"])
def test_a_picture_network_gives_the_librarys_own_numbers(tmp_path: Path, name: str) -> None:
    model = pictures()[name]
    mean, deviation = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
    said = {"image_mean": mean, "image_std": deviation, "size": {"height": 32, "width": 32}}
    origin = origin_of(tmp_path / name, model, said)
    side = origin.usual["size"]
    assert side == (16 if name == "vit" else 32)
    layout = Layout.of([Slot("photo", "value", "image", shape=(side, side, 3), centre=(9.0,) * 3, scale=(2.0,) * 3)])
    matched = {"photo": origin}
    tensors = start_of(matched, layout, model_for(matched, layout, "auto", None))
    assert {key.partition(".")[0] for key in tensors} == {"image000"}
    settings = model_for(matched, layout, "auto", None)
    backbone = backbone_of(layout.wide[0], settings).eval()
    origin.load(backbone)
    photos = torch.randint(256, (3, side, side, 3), dtype=torch.uint8)
    values = ((photos / 255 - torch.tensor(mean)) / torch.tensor(deviation)).permute(0, 3, 1, 2)
    with torch.no_grad():
        given = getattr(model, model.base_model_prefix, model)(pixel_values=values)
        wanted = given.last_hidden_state[:, 0] if name == "vit" else given.pooler_output.flatten(1)
        assert torch.allclose(backbone(photos, torch.ones(3, dtype=torch.int64)), wanted, atol=1e-5)


def test_weights_that_could_hold_code_are_refused(tmp_path: Path, fit: Fit) -> None:
    folder = tmp_path / "bert"
    bert(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"got config\.json.*allowed: safetensors alone, since .* can run code"):
        fit("run", reviews(60), weights=folder, features={"review": "text"})


def test_code_in_the_folder_is_never_run(tmp_path: Path, fit: Fit) -> None:
    folder = tmp_path / "bert"
    bert(folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('run')\n")
    run = fit("run", reviews(60), weights=folder, learn="head", features={"review": "text"})
    assert "auto_map" not in run.plan.model.text["config"]


def test_a_tensor_of_another_shape_is_named(tmp_path: Path, fit: Fit) -> None:
    folder = tmp_path / "bert"
    bert(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 24}))
    with pytest.raises(DataError, match=r"got no tensor encoder\.layer\.0\.intermediate\.dense\.weight"):
        fit("run", reviews(60), weights=folder, features={"review": "text"})


def test_other_kinds_of_network_are_refused(tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=11, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    with pytest.raises(SettingError, match="got t5 · allowed: those of texts"):
        origin_of(tmp_path / "t5", transformers.T5Model(config))
    with pytest.raises(UsageError, match=r"got review \(text\) · allowed: image"):
        saved(tmp_path / "vit", pictures()["vit"])
        lamina.train(reviews(60), "good", weights=tmp_path / "vit", features={"review": "text"})


def test_other_tokens_than_the_networks_are_refused(tmp_path: Path, fit: Fit) -> None:
    bert(tmp_path / "bert")
    with pytest.raises(SettingError, match="got tokens=words · allowed: tokens=pretrained · leave the setting out"):
        fit("run", reviews(60), weights=tmp_path / "bert", features={"review": {"kind": "text", "tokens": "words"}})


def test_what_is_a_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    names = ["owner/name", "owner/name-v1.5", "runs/name-1", "name", "a/b/c", "../name", "/owner/name", "owner/"]
    assert [on_hub(name) for name in names] == [True, True, *[False] * 6]
