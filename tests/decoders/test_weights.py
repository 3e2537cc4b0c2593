"""GPT-2 and Llama in the transformers library's layout give its logits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lamina.config import check
from lamina.decoders import DECODERS
from lamina.decoders.base import Decoder
from lamina.decoders.weights import known_decoder, load_decoder
from lamina.errors import DataError
from lamina.nn.rotary import Rotary

TOKENS = torch.tensor([[3, 5, 9, 4, 11, 7], [6, 8, 10, 0, 0, 0]])
LENGTHS = torch.tensor([6, 3])

GPT2 = {"model_type": "gpt2", "vocab_size": 12, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 10}
LLAMA = {
    "model_type": "llama",
    "vocab_size": 12,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 20,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
}

# Logits of transformers 5.23 with the weights below, after the last token of either row.
GOLDEN = {
    "gpt2": [
        [-0.5097, -0.4247, 0.9862, -0.6818, -0.2213, 0.9301, -0.8222, -0.0076, 0.8307, -0.9245, 0.2065, 0.6927],
        [0.0391, -0.0033, -0.0355, 0.043, -0.0128, -0.0286, 0.045, -0.0218, -0.0205, 0.0448, -0.0298, -0.0114],
    ],
    "llama": [
        [-0.1151, 0.0023, 0.1165, 0.0673, -0.0762, -0.1129, 0.0087, 0.1181, 0.0619, -0.0811, -0.1104, 0.0151],
        [-0.138, 0.0176, 0.1486, 0.0712, -0.106, -0.1346, 0.0256, 0.1499, 0.064, -0.1116, -0.1307, 0.0335],
    ],
}  # fmt: skip


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights by a formula, so that they are the same everywhere."""
    return {
        name: torch.sin(torch.arange(math.prod(shape)) * (1.3 + 0.1 * place) + place).reshape(shape) * 0.5
        for place, (name, shape) in enumerate(shapes.items())
    }


def gpt2_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (12, 8), "wpe.weight": (10, 8)}
    for layer in range(2):
        for part, shape in {
            "attn.c_attn": (8, 24),
            "attn.c_proj": (8, 8),
            "mlp.c_fc": (8, 32),
            "mlp.c_proj": (32, 8),
        }.items():
            shapes |= {f"h.{layer}.{part}.weight": shape, f"h.{layer}.{part}.bias": shape[1:]}
        for part in ("ln_1", "ln_2"):
            shapes |= {f"h.{layer}.{part}.weight": (8,), f"h.{layer}.{part}.bias": (8,)}
    shapes |= {"ln_f.weight": (8,), "ln_f.bias": (8,)}
    return {f"transformer.{name}": shape for name, shape in shapes.items()}


def llama_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (12, 8)}
    parts = {
        "self_attn.q_proj": (8, 8),
        "self_attn.k_proj": (4, 8),
        "self_attn.v_proj": (4, 8),
        "self_attn.o_proj": (8, 8),
        "mlp.gate_proj": (20, 8),
        "mlp.up_proj": (20, 8),
        "mlp.down_proj": (8, 20),
        "input_layernorm": (8,),
        "post_attention_layernorm": (8,),
    }
    for layer in range(2):
        shapes |= {f"model.layers.{layer}.{part}.weight": shape for part, shape in parts.items()}
    return {**shapes, "model.norm.weight": (8,), "lm_head.weight": (12, 8)}


def written(folder: Path, kind: str, **values: Any) -> Path:
    """A folder as ``save_pretrained`` makes it."""
    config, shapes = (GPT2, gpt2_shapes()) if kind == "gpt2" else (LLAMA, llama_shapes())
    (folder / "config.json").write_text(json.dumps({**config, **values}))
    save_file(filled(shapes), folder / "model.safetensors")
    return folder


def made(folder: Path) -> tuple[Decoder, list[str]]:
    known = known_decoder(folder)
    cls = DECODERS[known.pop("name")]
    decoder: Decoder = cls(known.pop("size"), None, check(cls.Settings, known))
    return decoder.eval(), load_decoder(decoder, folder)


@torch.no_grad()
def logits(decoder: Decoder) -> Tensor:
    return decoder(TOKENS, LENGTHS)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_logits_are_those_that_the_library_gave(kind: str, tmp_path: Path) -> None:
    decoder, unused = made(written(tmp_path, kind))
    assert unused == []
    found = logits(decoder)[torch.arange(2), LENGTHS - 1]
    torch.testing.assert_close(found, torch.tensor(GOLDEN[kind]), rtol=0, atol=1e-4)


STRETCHED = {
    "linear": {"rope_type": "linear", "factor": 3.0, "rope_theta": 50.0},
    "llama3": {
        "rope_type": "llama3", "rope_theta": 50.0, "factor": 8.0, "low_freq_factor": 0.2, "high_freq_factor": 0.9,
        "original_max_position_embeddings": 12,
    },
}  # fmt: skip

# Rates of transformers 5.23 with these, of heads of width 8.
RATES = {
    "linear": [0.33333334, 0.12535344, 0.04714045, 0.01772765],
    "llama3": [1.0, 0.29061106, 0.03006882, 0.00664787],
}


@pytest.mark.parametrize("kind", STRETCHED)
def test_rotary_positions_that_are_stretched(kind: str, tmp_path: Path) -> None:
    width = {"hidden_size": 32, "num_attention_heads": 4}
    known = known_decoder(written(tmp_path, "llama", rope_parameters=STRETCHED[kind], **width))
    rates = Rotary(8, known["rotary_base"], known["rotary_stretch"]).rates
    torch.testing.assert_close(rates, torch.tensor(RATES[kind]), rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", STRETCHED)
def test_logits_with_stretched_positions_are_the_library_s(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    written(tmp_path, "llama", rope_parameters=STRETCHED[kind])
    ours, _ = made(tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokens = torch.arange(40)[None] % 12
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens, torch.tensor([40])), theirs(tokens).logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("is_tied", [True, False])
def test_logits_are_those_of_the_library(kind: str, is_tied: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(
        **{**(GPT2 if kind == "gpt2" else LLAMA), "tie_word_embeddings": is_tied, "bos_token_id": 3, "eos_token_id": 3}
    )
    torch.manual_seed(0)
    theirs = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.5)
    theirs.save_pretrained(tmp_path, max_shard_size="2KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ours, _ = made(tmp_path)
    there = torch.arange(6) < LENGTHS[:, None]
    with torch.no_grad():
        expected = theirs(TOKENS, attention_mask=there.long()).logits
    torch.testing.assert_close(logits(ours)[there], expected[there], rtol=0, atol=1e-4)
    state = ours.begin(None, 2)
    found, state = ours.step(TOKENS[:, :5], state, torch.tensor([5, 2]))
    found, _ = ours.step(TOKENS[torch.arange(2), LENGTHS - 1][:, None], state)
    torch.testing.assert_close(found, expected[torch.arange(2), LENGTHS - 1], rtol=0, atol=1e-4)


def test_names_without_the_prefix_and_what_is_not_used(tmp_path: Path) -> None:
    """Older files of GPT-2 have no prefix, and hold masks."""
    written(tmp_path, "gpt2")
    expected = logits(made(tmp_path)[0])
    tensors = {name.removeprefix("transformer."): one for name, one in filled(gpt2_shapes()).items()}
    save_file({**tensors, "h.0.attn.bias": torch.ones(1, 1, 10, 10)}, tmp_path / "model.safetensors")
    decoder, unused = made(tmp_path)
    assert unused == ["h.0.attn.bias"] and torch.equal(logits(decoder), expected)


def test_biases_that_only_some_layers_have(tmp_path: Path) -> None:
    written(tmp_path, "llama", attention_bias=True)
    shapes = {f"model.layers.{layer}.self_attn.o_proj.bias": (8,) for layer in range(2)}
    save_file({**filled(llama_shapes()), **filled(shapes)}, tmp_path / "model.safetensors")
    decoder, unused = made(tmp_path)
    state = decoder.state_dict()
    assert unused == []
    assert state["blocks.0.attention.out.bias"].any() and not state["blocks.0.feed.down.bias"].any()


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("gpt2", {"activation_function": "relu"}, r"not known: activation_function · got relu · allowed: gelu_new"),
        ("gpt2", {"model_type": "mamba"}, r"a decoder that is not known · got mamba · allowed: gpt2, llama"),
        (
            "llama",
            {"rope_parameters": {"rope_type": "yarn"}},
            r"not known: rope_type · got yarn · allowed: default, linear, llama3",
        ),
        ("llama", {"head_dim": 16}, r"not known: head_dim · got 16 · allowed: 2"),
    ],
)
def test_forms_that_are_not_known(kind: str, values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        known_decoder(written(tmp_path, kind, **values))


def test_what_does_not_fit_is_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    decoder, _ = made(written(tmp_path, "llama"))
    before = logits(decoder)
    tensors = filled(llama_shapes())
    save_file({**tensors, "model.norm.weight": torch.ones(9)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=r"of another shape: norm.weight · got \(9,\) · allowed: \(8,\)"):
        load_decoder(decoder, tmp_path)
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=r"do not fit the network · got no tensor for blocks.1.feed.down.weight"):
        load_decoder(decoder, tmp_path)
    assert torch.equal(logits(decoder), before)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no config.json"):
        known_decoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(DataError, match=r"does not say the network's form · got no hidden_size"):
        known_decoder(tmp_path)
    decoder, _ = made(written(tmp_path, "gpt2"))
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"has no weights that can be read · .* · allowed: safetensors alone"):
        load_decoder(decoder, tmp_path)
