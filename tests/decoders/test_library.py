"""A network of the transformers library as a decoder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from lamina.decoders.library import LibraryDecoder
from lamina.errors import DataError, MissingExtraError

TOKENS = torch.tensor([[3, 5, 9, 4, 11, 7], [6, 8, 10, 0, 0, 0]])
LENGTHS = torch.tensor([6, 3])


@pytest.fixture(scope="module", params=["gemma", "gpt_neox", "mistral", "mamba"])
def decoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LibraryDecoder:
    """Networks with a cache that can be cut, one that looks back at a window, and one with a running state."""
    transformers = pytest.importorskip("transformers")
    form = {"vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 2, "pad_token_id": 0, "eos_token_id": 1}
    if request.param != "mamba":
        form |= {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 12, "head_dim": 4}
    if request.param == "mistral":
        form |= {"sliding_window": 3}
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(request.param, **form))
    folder = tmp_path_factory.mktemp(request.param)
    network.save_pretrained(folder)
    return LibraryDecoder.of_folder(folder, "to try it")


@torch.no_grad()
def test_step_by_step_is_the_whole(decoder: LibraryDecoder) -> None:
    whole = decoder(TOKENS, LENGTHS)
    assert whole.shape == (2, 6, 12) and decoder.size == 12
    for row in range(2):
        ids = TOKENS[row : row + 1, : LENGTHS[row]]
        last, state = decoder.step(ids[:, :2], decoder.begin(None, 1))
        torch.testing.assert_close(last, whole[row : row + 1, 1], rtol=0, atol=1e-5)
        for place in range(2, ids.shape[1]):
            last, state = decoder.step(ids[:, place : place + 1], state)
            torch.testing.assert_close(last, whole[row : row + 1, place], rtol=0, atol=1e-5)


@torch.no_grad()
def test_rows_of_unequal_lengths_and_others_order(decoder: LibraryDecoder) -> None:
    whole = decoder(TOKENS, LENGTHS)
    last, state = decoder.step(TOKENS[:, :5], decoder.begin(None, 2), LENGTHS - 1)
    torch.testing.assert_close(last, whole[[0, 1], [4, 1]], rtol=0, atol=1e-5)
    state = decoder.select(state, torch.tensor([1, 0, 1]))
    last, state = decoder.step(TOKENS[[1, 0, 1], [2, 5, 2]][:, None], state)
    torch.testing.assert_close(last, whole[[1, 0, 1], [2, 5, 2]], rtol=0, atol=1e-5)


@torch.no_grad()
def test_going_back(decoder: LibraryDecoder) -> None:
    last, state = decoder.step(TOKENS[:1], decoder.begin(None, 1))
    for count, more in ((4, [11, 7]), (2, [9, 4, 11, 7]), (3, [4, 11, 7])):
        found, state = decoder.step(torch.tensor([more]), decoder.cut(state, count))
        torch.testing.assert_close(found, last, rtol=0, atol=1e-5)


def test_what_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="has no weights that can be read"):
        LibraryDecoder.of_folder(tmp_path, "")
    (tmp_path / "model.safetensors").touch()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"transformers is needed for it .*lamina\[transformers\]"):
        LibraryDecoder.of_folder(tmp_path, "for it")
