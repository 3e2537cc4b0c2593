"""Weights of GPT-2, Llama and what is built like it, in the transformers library's layout: config.json says the form,
safetensors hold them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.backbones.weights import read_weights
from lamina.config import check
from lamina.decoders import DECODERS
from lamina.decoders.base import Decoder
from lamina.errors import DataError, some
from lamina.files import read_json

__all__ = ["KNOWN", "context_of", "decoder_of_folder", "known_decoder", "load_decoder"]

STRETCH = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")  # of Llama 3.1
BLOCK = re.compile(r"(?:h|layers)\.(\d+)\.")


@dataclasses.dataclass(frozen=True)
class _Layout:
    """What one kind of network calls its tensors.

    Attributes:
        about: our name, size and settings for such a network, from its config.json.
        rules: their beginnings of names -> ours, each block's after ``blocks.0.``; parts of one product have a place
            behind ``|``, in the order in which they stand in ours.
        prefix: what all names may begin with.
        turned: names of weights that lie the other way round, (inputs, outputs).
    """

    about: Callable[[Mapping[str, Any]], dict[str, Any]]
    rules: Mapping[str, str]
    prefix: str
    turned: str = r"(?!)"


# --- for which network --------------------------------------------------------------------------------------------


def _need(config: Mapping[str, Any], name: str, *allowed: Any) -> None:
    """Raises DataError if a config names a form that ours does not have; what it leaves out is the usual one."""
    if config.get(name, allowed[0]) not in allowed:
        raise DataError(f"the weights are of a form that is not known: {name}", got=config[name], allowed=some(allowed))


def _gpt2(config: Mapping[str, Any]) -> dict[str, Any]:
    _need(config, "activation_function", "gelu_new", "gelu_pytorch_tanh")
    _need(config, "scale_attn_weights", True)
    _need(config, "scale_attn_by_inverse_layer_idx", False)
    width = config["n_embd"]
    return {
        "name": "gpt2",
        "size": config["vocab_size"],
        "width": width,
        "depth": config["n_layer"],
        "heads": config["n_head"],
        "hidden": (config.get("n_inner") or 4 * width) / width,
        "longest": config.get("n_positions", 1024),
        "epsilon": config.get("layer_norm_epsilon", 1e-5),
        "tied": config.get("tie_word_embeddings", True),
    }


def _llama(config: Mapping[str, Any]) -> dict[str, Any]:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    # Version 5 of the library puts the rotation into a group, older ones have two names for it.
    rotary = config.get("rope_parameters") or config.get("rope_scaling") or {}
    _need(rotary, "partial_rotary_factor", 1.0)
    _need(config, "hidden_act", "silu")
    _need(config, "head_dim", width // heads, None)
    return {
        "name": "gpt",
        "size": config["vocab_size"],
        "width": width,
        "depth": config["num_hidden_layers"],
        "heads": heads,
        "key_heads": config.get("num_key_value_heads") or heads,
        "hidden": config["intermediate_size"] / width,
        "rotary_stretch": _stretch(rotary),
        "rotary_base": rotary.get("rope_theta", config.get("rope_theta", 10_000.0)),
        "epsilon": config.get("rms_norm_eps", 1e-6),
        "bias": config.get("attention_bias", False) or config.get("mlp_bias", False),
        "tied": config.get("tie_word_embeddings", False),
    }


def _stretch(rotary: Mapping[str, Any]) -> list[float]:
    """How rotary positions are slowed, as :func:`lamina.nn.rotary.stretched` takes it."""
    kind = rotary.get("rope_type", rotary.get("type", "default"))
    _need({"rope_type": kind}, "rope_type", "default", "linear", "llama3")
    names = {"linear": ["factor"], "llama3": list(STRETCH)}.get(kind, [])
    return [float(rotary[name]) for name in names]


def _qwen2(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**_llama(config), "bias": True}  # of queries, keys and values; the others' are zeros


_LAYOUTS = {
    "gpt2": _Layout(
        about=_gpt2,
        rules={
            "wte.": "words.",
            "wpe.": "places.",
            "ln_f.": "norm.",
            "lm_head.": "words.out.",
            "blocks.0.ln_1.": "norm_attention.",
            "blocks.0.attn.c_attn.": "attention.query_key_value.",
            "blocks.0.attn.c_proj.": "attention.out.",
            "blocks.0.ln_2.": "norm_feed.",
            "blocks.0.mlp.c_fc.": "feed.0.",
            "blocks.0.mlp.c_proj.": "feed.2.",
        },
        prefix="transformer.",
        turned=r".*\.c_(attn|proj|fc)\.weight",
    ),
    "llama": _Layout(
        about=_llama,
        rules={
            "embed_tokens.": "words.",
            "norm.": "norm.",
            "lm_head.": "words.out.",
            "blocks.0.input_layernorm.": "norm_attention.",
            "blocks.0.self_attn.q_proj.": "attention.query_key_value.|0",
            "blocks.0.self_attn.k_proj.": "attention.query_key_value.|1",
            "blocks.0.self_attn.v_proj.": "attention.query_key_value.|2",
            "blocks.0.self_attn.o_proj.": "attention.out.",
            "blocks.0.post_attention_layernorm.": "norm_feed.",
            "blocks.0.mlp.gate_proj.": "feed.gate_up.|0",
            "blocks.0.mlp.up_proj.": "feed.gate_up.|1",
            "blocks.0.mlp.down_proj.": "feed.down.",
        },
        prefix="model.",
    ),
}
_LAYOUTS["mistral"] = _LAYOUTS["llama"]
_LAYOUTS["qwen2"] = dataclasses.replace(_LAYOUTS["llama"], about=_qwen2)

KNOWN = tuple(_LAYOUTS)
"""Kinds of network, by the ``model_type`` of their config.json."""


def known_decoder(folder: Path) -> dict[str, Any]:
    """The decoder that a folder of weights is for: its ``name``, ``size``, and settings.

    Raises:
        DataError: if the folder has no config.json, or it names a kind or form of network that is not known.
    """
    config = _config(Path(folder))
    try:
        return _layout_of(config, folder).about(config)
    except KeyError as error:
        raise DataError(f"{folder}/config.json does not say the network's form", got=f"no {error.args[0]}") from None


def context_of(folder: Path) -> int | None:
    """How many tokens a network of such a folder reads at most, where its config.json says so.

    One whose places look back at a window of so many others is right for as many, since ours look at all.
    """
    config = _config(Path(folder))
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    found = [config.get("n_positions"), config.get("max_position_embeddings"), window]
    return min((one for one in found if isinstance(one, int)), default=None)


def decoder_of_folder(folder: Path) -> Decoder:
    """The decoder of a folder of weights, with them, to be run rather than trained.

    Raises:
        DataError: as :func:`known_decoder` and :func:`load_decoder`.
    """
    known = known_decoder(folder)
    cls = DECODERS[known.pop("name")]
    decoder: Decoder = cls(known.pop("size"), None, check(cls.Settings, known))
    load_decoder(decoder, folder)
    return decoder.eval()


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder} has no config.json", do="name a folder made by save_pretrained of transformers")
    return dict(read_json(folder / "config.json"))


def _layout_of(config: Mapping[str, Any], folder: Path) -> _Layout:
    kind = config.get("model_type")
    if kind not in _LAYOUTS:
        raise DataError(f"the weights {folder} are of a decoder that is not known", got=kind, allowed=some(_LAYOUTS))
    return _LAYOUTS[kind]


# --- loading ------------------------------------------------------------------------------------------------------


def load_decoder(decoder: Decoder, folder: Path) -> list[str]:
    """Load weights from a folder into a decoder; all fit, or none is loaded.

    Args:
        decoder: built as :func:`known_decoder` says.
        folder: made by ``save_pretrained``, with safetensors in one file or several.

    Returns:
        The names in the files that were not used.

    Raises:
        DataError: if the folder cannot be read, lacks a tensor that the decoder needs, or has one of another shape.
    """
    folder = Path(folder)
    layout = _layout_of(_config(folder), folder)
    found, used = _found(layout, _tensors(folder))
    own = decoder.state_dict()
    for name, value in own.items():
        if name not in found and name.endswith("bias"):
            found[name] = torch.zeros_like(value)  # some parts of theirs may have none
        if name not in found:
            raise DataError(f"the weights {folder} do not fit the network", got=f"no tensor for {name}")
        if found[name].shape != value.shape:
            raise DataError(
                f"the weights {folder} are of another shape: {name}",
                got=tuple(found[name].shape),
                allowed=tuple(value.shape),
                do="build the network with the settings of the weights",
            )
    decoder.load_state_dict({name: found[name] for name in own})
    return [theirs for theirs, ours in used.items() if ours not in own]


def _tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, which may lie in several files."""
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise DataError(
            f"{folder} has no weights that can be read",
            got=some(sorted(path.name for path in folder.iterdir())),
            allowed="safetensors alone, since reading other forms can run code",
            do="save them again with save_pretrained of the transformers library",
        )
    return {name: tensor for path in paths for name, tensor in read_weights(path).items()}


def _found(layout: _Layout, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Our name -> tensor; and their name -> ours, empty where there is none."""
    parts: dict[str, dict[int, Tensor]] = {}
    used: dict[str, str] = {}
    for name, tensor in tensors.items():
        short = name.removeprefix(layout.prefix)
        block = BLOCK.match(short)
        plain = f"blocks.0.{short[block.end() :]}" if block else short
        rule = next((rule for rule in layout.rules if plain.startswith(rule)), None)
        if rule is None:
            used[name] = ""
            continue
        place, _, part = layout.rules[rule].partition("|")
        ours = (f"blocks.{block[1]}." if block else "") + place + plain.removeprefix(rule)
        parts.setdefault(ours, {})[int(part or 0)] = tensor.T if re.fullmatch(layout.turned, name) else tensor
        used[name] = ours
    found = {name: torch.cat([pieces[part] for part in sorted(pieces)]) for name, pieces in parts.items()}
    return found, used
