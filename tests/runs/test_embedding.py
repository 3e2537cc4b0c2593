"""Rows as vectors: by default what the head sees, and what any layer gives, whatever rows stand beside a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from lamina.backbones import BACKBONES
from lamina.config import check
from lamina.data.batches import to_tensors
from lamina.data.read import read
from lamina.errors import MissingColumnError, UsageError
from lamina.features import FEATURES
from lamina.features.encoder import Encoder
from lamina.models import MODELS
from lamina.models.committee import Committee
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.runs.embedding import Embedder, embedder_of_weights

SAID = ["one", "one two three four", "two one", "four four four three two one one", None, "three"]
ROWS = pl.DataFrame({"said": SAID, "age": [1.0, 4.0, 2.0, 5.0, 3.0, 9.0], "y": [0, 1, 0, 1, 0, 1]})


def fitted() -> Encoder:
    encoder = Encoder([FEATURES["text"]("said"), FEATURES["number"]("age")], [])
    return encoder.partial_fit(encoder.read(ROWS)).finish()


def mixed(encoder: Encoder, text: str = "transformer", seed: int = 0) -> Mixed:
    size = {"width": 8, "depth": 1}
    values = {"text": {"name": text, **size}, "width": 8}
    made = start(Mixed(encoder.layout, 2, check(MixedSettings, values)), seed).eval()
    assert isinstance(made, Mixed)
    return made


def test_the_usual_vector_is_what_the_head_sees() -> None:
    encoder = fitted()
    model = mixed(encoder)
    piece = Embedder(encoder, model).embed(ROWS, first_row=7)
    with torch.inference_mode():
        wanted = model.fused(to_tensors(encoder.encode(encoder.read(ROWS))))
    assert piece.rows.tolist() == list(range(7, 13))
    np.testing.assert_allclose(piece.vectors, wanted.numpy(), rtol=1e-6)


@pytest.mark.parametrize("text", ["transformer", "lstm", "tcn"])
def test_a_row_does_not_hang_on_those_beside_it(text: str) -> None:
    encoder = fitted()
    model = mixed(encoder, text)
    for layer in ("backbones.tokens000", "backbones.tokens000.steps"):
        embedder = Embedder(encoder, model, layer)
        whole = embedder.embed(ROWS).vectors
        apart = np.concatenate([embedder.embed(ROWS[place : place + 1]).vectors for place in range(len(ROWS))])
        if layer == "backbones.tokens000":
            there = [place for place, said in enumerate(SAID) if said is not None]
            np.testing.assert_allclose(whole[there], apart[there], atol=1e-5)
        else:
            np.testing.assert_allclose(whole, apart, atol=1e-5)


def test_of_a_committee_one_network_runs() -> None:
    encoder = fitted()
    networks = [mixed(encoder, seed=seed) for seed in (0, 1)]
    together = Committee(networks)
    first = Embedder(encoder, together).embed(ROWS).vectors
    second = Embedder(encoder, together, "networks.1.trunk").embed(ROWS).vectors
    np.testing.assert_allclose(first, Embedder(encoder, networks[0]).embed(ROWS).vectors)
    np.testing.assert_allclose(second, Embedder(encoder, networks[1], "trunk").embed(ROWS).vectors)


@pytest.mark.parametrize("name", ["mlp", "resnet", "tabm", "ft_transformer", "modern_nca", "linear"])
def test_networks_over_plain_columns(name: str) -> None:
    encoder = Encoder([FEATURES["number"]("age")], [])
    encoder.partial_fit(encoder.read(ROWS)).finish()
    model = MODELS[name](encoder.layout, 1, MODELS[name].Settings())
    model.remember(to_tensors(encoder.encode(encoder.read(ROWS))), torch.zeros(len(ROWS), 1))
    piece = Embedder(encoder, model).embed(ROWS)
    assert piece.vectors.shape[0] == len(ROWS) and np.isfinite(piece.vectors).all()
    assert len(np.unique(piece.vectors, axis=0)) == len(ROWS)


def test_an_unknown_layer_gives_the_nearest() -> None:
    encoder = fitted()
    with pytest.raises(UsageError, match=r"no such layer · got trnuk · .*did you mean trunk\?"):
        Embedder(encoder, mixed(encoder), "trnuk")
    with pytest.raises(UsageError, match="layer backbones gives no vector a row"):
        Embedder(encoder, mixed(encoder), "backbones").embed(ROWS)


def test_pieces_and_columns() -> None:
    encoder = fitted()
    embedder = Embedder(encoder, mixed(encoder))
    pieces = list(embedder.stream([ROWS[:4], ROWS[4:]]))
    frame = pl.concat([piece.columns("y") for piece in pieces])
    assert frame.columns == ["row", "y", "vector"]
    assert frame["row"].to_list() == list(range(6)) and frame["y"].to_list() == ROWS["y"].to_list()
    np.testing.assert_allclose(frame["vector"].to_numpy(), embedder.embed(ROWS).vectors, atol=1e-6)
    assert len(embedder.embed(ROWS[:0]).vectors) == 0
    with pytest.raises(MissingColumnError):
        embedder.embed(ROWS.drop("age"))


def test_weights_need_no_run(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    table = pl.DataFrame({"photo": pl.Series(pixels, dtype=pl.Array(pl.UInt8, (8, 8, 3))), "other": range(5)})
    slot = Encoder([FEATURES["image"]("photo").fit(table["photo"])], []).layout.wide[0]
    form = {"input": "imagenet", "resize": 32, "shortcut": "zeros"}
    network = start(BACKBONES["resnet20"](slot, check(BACKBONES["resnet20"].Settings, form)), 0)
    names = {"stem.convolution.": "conv1.", "stem.norm.": "bn1."}
    arrays = {}
    for name, value in network.state_dict().items():
        block = name.split(".")
        if block[0] == "blocks":
            stage, place = divmod(int(block[1]), 3)
            kind = {"convolutions": "conv", "norms": "bn"}[block[2]]
            name = f"layer{stage + 1}.{place}.{kind}{int(block[3]) + 1}.{block[4]}"
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        arrays[name] = value.numpy()
    np.savez(tmp_path / "weights.npz", **arrays)
    embedder = embedder_of_weights(str(tmp_path / "weights.npz"), read(table))
    found = embedder.embed(table).vectors
    assert found.shape == (5, 64)
    with torch.inference_mode():
        resized = to_tensors(embedder.encoder.encode(embedder.encoder.read(table)))
        wanted = network.eval()(resized["image000"], torch.ones(5, dtype=torch.int64))
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
