"""Folders of chat models as the transformers library saves them, of a few kilobytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors.torch import save_file
from torch import Tensor

CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
START, END = 256, 257  # of a turn
SIZE = 258

LLAMA = {
    "model_type": "llama",
    "vocab_size": SIZE,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 160,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
}


def letters() -> list[str]:
    """The character that stands for each byte in byte-level tokens."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def tokens() -> dict[str, Any]:
    """A tokenizer.json: a token for each byte, and two for the ends of a turn."""
    special = [
        {"id": START + place, "content": content, "special": True, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
        for place, content in enumerate(("<|im_start|>", "<|im_end|>"))
    ]  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {"type": "BPE", "vocab": {letter: byte for byte, letter in enumerate(letters())}, "merges": []},
    }


def shapes(kind: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (SIZE, 16), "model.norm.weight": (16,)}
    parts: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj.weight": (16, 16),
        "self_attn.k_proj.weight": (8, 16),
        "self_attn.v_proj.weight": (8, 16),
        "self_attn.o_proj.weight": (16, 16),
        "mlp.gate_proj.weight": (24, 16),
        "mlp.up_proj.weight": (24, 16),
        "mlp.down_proj.weight": (16, 24),
        "input_layernorm.weight": (16,),
        "post_attention_layernorm.weight": (16,),
    }
    if kind == "qwen2":
        parts |= {"self_attn.q_proj.bias": (16,), "self_attn.k_proj.bias": (8,), "self_attn.v_proj.bias": (8,)}
    for layer in range(2):
        found |= {f"model.layers.{layer}.{part}": shape for part, shape in parts.items()}
    return found


def filled(kind: str) -> dict[str, Tensor]:
    """Weights by a formula, so that they are the same everywhere."""
    return {
        name: torch.sin(torch.arange(math.prod(shape)) * (1.3 + 0.1 * place) + place).reshape(shape)
        for place, (name, shape) in enumerate(shapes(kind).items())
    }


def chat_folder(folder: Path, kind: str = "llama", **more: Any) -> Path:
    """A folder with all that a chat model has.

    Args:
        folder: that is filled.
        kind: llama, mistral or qwen2.
        more: other values of its config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "config.json", {**LLAMA, "model_type": kind, **more})
    write(folder / "tokenizer.json", tokens())
    special = {"eos_token": "<|im_end|>", "bos_token": {"__type": "AddedToken", "content": "<|im_start|>"}}
    write(
        folder / "tokenizer_config.json",
        {**special, "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHATML},
    )
    write(folder / "generation_config.json", {"eos_token_id": [END], "bos_token_id": START})
    save_file(filled(kind), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def dialogues(rows: int, seed: int = 0, turns: int = 4) -> pl.DataFrame:
    """Dialogues in which the assistant says again what it was told, in other words."""
    draw = np.random.default_rng(seed)
    cells = []
    for _ in range(rows):
        cell = []
        for _ in range(turns // 2):
            count, day = draw.integers(2, 10), draw.choice(["monday", "friday", "sunday"])
            cell.append({"role": "user", "content": f"{count} tickets for {day}"})
            cell.append({"role": "assistant", "content": f"on {day}, {count} seats"})
        cells.append(cell)
    return pl.DataFrame({"messages": cells})
