"""Texts by PyTorch alone, as a person writes it: a data set whose items are cut into words one by one, a DataLoader
with workers that fills batches up, PyTorch's own Transformer layers, a loop. Nothing of Lamina is imported.

    python benchmarks/peers/plain_texts.py DATA.json --epochs 2     time epochs; one more comes before

DATA.json holds ``texts`` and ``labels`` from 0. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import re
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

WIDTH, DEPTH, HEADS, HIDDEN, DROPOUT = 128, 2, 4, 512, 0.1
SPECIAL = 4  # codes of filling, of unknown words, and of two more, as other vocabularies have them
RATE = 1e-3


def words(text: str) -> list[str]:
    """Words and marks in lower case."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


class Texts(Dataset[tuple[Tensor, int]]):
    """One text after the other, as the codes of its words."""

    def __init__(self, texts: list[str], labels: list[int], min_count: int = 2) -> None:
        counts = collections.Counter(word for text in texts for word in words(text))
        kept = sorted(word for word, count in counts.items() if count >= min_count)
        self.codes = {word: code for code, word in enumerate(kept, SPECIAL)}
        self.texts, self.labels = texts, labels

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        codes = [self.codes.get(word, 1) for word in words(self.texts[place])]
        return torch.tensor(codes or [1]), self.labels[place]


def filled(rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """A batch of texts, filled up to the longest: (B, T), (B,)."""
    return pad_sequence([codes for codes, _ in rows], batch_first=True), torch.tensor([label for _, label in rows])


class Network(nn.Module):
    """Embeddings and sines, layers of attention, the mean over the words, a linear layer."""

    places: Tensor

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, WIDTH, padding_idx=0)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, DEPTH, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.dropout = nn.Dropout(DROPOUT)
        self.fc = nn.Linear(WIDTH, classes)
        rates = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10_000) / WIDTH))
        angles = torch.arange(512)[:, None] * rates
        self.register_buffer("places", torch.stack([angles.sin(), angles.cos()], 2).flatten(1))  # (512, width)

    def forward(self, codes: Tensor) -> Tensor:
        missing = codes == 0  # (B, T)
        x = self.dropout(self.embedding(codes) * math.sqrt(WIDTH) + self.places[: codes.shape[1]])
        x = self.encoder(x, src_key_padding_mask=missing).masked_fill(missing[..., None], 0.0)
        return self.fc(x.sum(1) / (~missing).sum(1, keepdim=True))


def main() -> None:
    """Time epochs."""
    parser = argparse.ArgumentParser(description="A Transformer by PyTorch alone.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs; one more is trained before them")
    given = parser.parse_args()
    torch.manual_seed(0)
    held = json.loads(given.data.read_text())
    rows = Texts(held["texts"], held["labels"])
    loader = DataLoader(
        rows, given.batch, shuffle=True, num_workers=given.workers, persistent_workers=True, collate_fn=filled
    )
    network = Network(len(rows.codes) + SPECIAL, max(held["labels"]) + 1)
    optimiser = torch.optim.AdamW(network.parameters(), RATE)
    times = []
    for _ in range(given.epochs + 1):
        start = time.perf_counter()
        network.train()
        for codes, labels in loader:
            optimiser.zero_grad()
            loss = F.cross_entropy(network(codes), labels)
            loss.backward()
            optimiser.step()
        times.append(time.perf_counter() - start)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(json.dumps({"epochs": times[1:], "parameters": parameters, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
