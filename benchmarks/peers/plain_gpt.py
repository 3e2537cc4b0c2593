"""A GPT by PyTorch alone, as a person writes it after nanoGPT: its network, its optimiser, its settings for a
processor. Nothing of Lamina is imported.

    python benchmarks/peers/plain_gpt.py LEARN.txt JUDGE.txt --seconds 180       so long, and judge it
    python benchmarks/peers/plain_gpt.py LEARN.txt JUDGE.txt --steps 10 --large  time steps of some ten million weights

Characters are tokens. Judged is every character of the second file but the first half of a window, each after at least
half a window. ``--bfloat16`` and ``--compile`` are not among nanoGPT's settings for a processor, but may be tried. The
last line printed is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Layers, heads, width, context, batch, learning rate: nanoGPT's README for a processor, and its file for a large GPT.
SMALL = (4, 4, 128, 64, 12, 1e-3)
LARGE = (6, 6, 384, 256, 16, 1e-3)
WARMUP, DECAY, BETAS, CLIP = 100, 0.1, (0.9, 0.99), 1.0


class Block(nn.Module):
    """Attention to what stands before, then a feed-forward part."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attention = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        parts = self.attention(self.norm_1(x)).split(width, dim=2)
        query, key, value = (part.view(batch, count, self.heads, -1).transpose(1, 2) for part in parts)
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(found.transpose(1, 2).reshape(batch, count, width))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class GPT(nn.Module):
    """Embeddings of tokens and places, blocks, logits by the embedding of the tokens."""

    def __init__(self, size: int, depth: int, heads: int, width: int, context: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(size, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                last = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if last else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def loss_of(model: Any, rows: Tensor) -> Tensor:
    """The mean loss of windows, (B, context + 1)."""
    logits = model(rows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


@torch.no_grad()
def judged(model: Any, data: Tensor, context: int) -> float:
    """Nats a character, each after at least half a window."""
    rows = data.unfold(0, context + 1, context // 2)
    total = 0.0
    for part in rows.split(64):
        logits = model(part[:, :-1])[:, -(context // 2) :]
        wanted = part[:, -(context // 2) :].flatten()
        total += float(F.cross_entropy(logits.flatten(0, 1), wanted, reduction="sum"))
    return total / (len(rows) * (context // 2))


def main() -> None:
    """Train, and judge."""
    parser = argparse.ArgumentParser(description="A GPT by PyTorch alone.")
    parser.add_argument("learn", type=Path)
    parser.add_argument("judge", type=Path)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--steps", type=int, default=0, help="as many steps instead, at one learning rate")
    parser.add_argument("--large", action="store_true", help="some ten million weights")
    parser.add_argument("--batch", type=int, help="another one")
    parser.add_argument("--rate", type=float, help="another learning rate")
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    depth, heads, width, context, batch, rate = LARGE if given.large else SMALL
    batch, rate = given.batch or batch, given.rate or rate
    torch.manual_seed(1337)
    text = given.learn.read_text(encoding="utf-8")
    codes = {letter: code for code, letter in enumerate(sorted(set(text)))}
    data, other = (torch.tensor([codes.get(one, 0) for one in part]) for part in (text, given.judge.read_text("utf-8")))
    model = GPT(len(codes), depth, heads, width, context)
    runner: Any = torch.compile(model) if given.compile else model
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=True)
    way = torch.autocast("cpu", torch.bfloat16) if given.bfloat16 else contextlib.nullcontext()
    losses: list[float] = []
    times: list[float] = []
    began = time.perf_counter()
    last = given.steps
    while not last or len(losses) < last:
        step, start = len(losses), time.perf_counter()
        if not last and step == 50:  # as many steps as the time holds, so that the rate falls to its end
            last = int(50 + 49 * (given.seconds - (start - began)) / sum(times[1:]))
        share = min(1.0, step / max(1, last - 1)) if last else 0.0
        factor = min(1.0, (step + 1) / WARMUP) * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
        factor = 1.0 if given.steps else factor
        for group in optimiser.param_groups:
            group["lr"] = rate * factor
        places = torch.randint(len(data) - context - 1, (batch,))
        rows = data[places[:, None] + torch.arange(context + 1)]
        with way:
            loss = loss_of(runner, rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        losses.append(float(loss.detach()))
        times.append(time.perf_counter() - start)
    model.eval()
    print(
        json.dumps(
            {
                "nats": None if given.large else judged(model, other, context),
                "steps": len(losses),
                "losses": losses[-20:],
                "step_seconds": sorted(times)[len(times) // 2],
                "tokens_a_second": batch * context / sorted(times)[len(times) // 2],
                "seconds": time.perf_counter() - began,
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
