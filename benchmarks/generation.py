"""Writing token by token: a GPT of ten million weights, beside the transformers library with the same weights.

    python benchmarks/generation.py            512 tokens, one text at a time; a minute
    python benchmarks/generation.py --quick    64 tokens, held against no bar

Both take the weights from the same folder, as the library saves them (Llama's layout, at random), write greedily from
the same first token, and must write the same tokens. Rounds alternate; the median of each counts. ``speed`` is the
library's time to ours.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from results import append
from transformers import LlamaConfig, LlamaForCausalLM

from lamina.decoders.weights import decoder_of_folder
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.features.tokens import FIRST, Characters

SIZE, TOKENS, ROUNDS = 512, 512, 5


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Writing token by token, beside the transformers library.")
    parser.add_argument("--quick", action="store_true", help="64 tokens, once; held against no bar")
    given = parser.parse_args()
    count, rounds = (64, 1) if given.quick else (TOKENS, ROUNDS)
    began = time.perf_counter()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=SIZE, hidden_size=320, intermediate_size=864, num_hidden_layers=8, num_attention_heads=5,
        num_key_value_heads=5, max_position_embeddings=1024, bos_token_id=FIRST, eos_token_id=None, pad_token_id=0,
        initializer_range=0.05,
    )  # fmt: skip
    theirs = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        theirs.lm_head.weight[:FIRST] = 0  # ids that are no tokens, which Lamina never writes
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder, safe_serialization=True)
        ours = decoder_of_folder(Path(folder)).eval()
    # What the ids stand for does not matter here.
    lexicon = Lexicon(Characters([chr(0x4E00 + place) for place in range(SIZE - FIRST)], lower=False))
    writer = Writer(ours, lexicon, DecodingSettings(how="greedy", longest=count))
    prompt = torch.tensor([[FIRST]])

    def library() -> list[int]:
        with torch.inference_mode():
            said = theirs.generate(prompt, max_new_tokens=count, min_new_tokens=count, do_sample=False)
        return list(said[0, 1:].tolist())

    def own() -> list[int]:
        return list(writer.write(prompts=[[FIRST]])[0][0].ids)

    seconds: dict[str, list[float]] = {"library": [], "own": []}
    for number in range(rounds + 1):  # the first one is to warm up
        said = {}
        for name, write in (("library", library), ("own", own)):
            start = time.perf_counter()
            said[name] = write()
            if number:
                seconds[name].append(time.perf_counter() - start)
        if said["library"] != said["own"]:
            raise SystemExit(f"they wrote different tokens · got {said['own']} · allowed {said['library']}")
    median = {name: statistics.median(each) for name, each in seconds.items()}
    append(
        "generation",
        {
            "speed": median["library"] / median["own"],
            "tokens_per_second": count / median["own"],
            "library_tokens_per_second": count / median["library"],
        },
        seconds=time.perf_counter() - began, trial=given.quick,
        settings={"tokens": count, "rounds": rounds, "parameters": sum(one.numel() for one in ours.parameters())},
    )  # fmt: skip


if __name__ == "__main__":
    main()
