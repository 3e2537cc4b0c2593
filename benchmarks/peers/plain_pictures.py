"""Pictures by PyTorch alone, as a person writes it: a data set whose items are augmented one by one, a DataLoader with
workers, a ResNet, a loop. Nothing of Lamina is imported.

    python benchmarks/peers/plain_pictures.py DATA.npz --epochs 2                  time epochs; one more comes before
    python benchmarks/peers/plain_pictures.py DATA.npz --seconds 300 --out P.npy   learn for so long, and predict

DATA.npz holds ``images`` (n, H, W) uint8 and ``labels`` (n,) from 0; for predicting also ``valid_images``,
``valid_labels`` and ``test_images``. The last line printed is JSON. What is learned for a time follows the script of
MedMNIST (Yang et al. 2023): Adam at 0.001, a tenth of it after half of the time and a hundredth after three quarters,
batches of 128, and the checkpoint that is best on the valid rows is kept; beside it a random crop and a mirror image.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

WIDTHS = {"resnet18": (64, 128, 256, 512), "resnet20": (16, 32, 64)}
BLOCKS = {"resnet18": 2, "resnet20": 3}
PADDING = 4
RATE = 1e-3


class Pictures(Dataset[tuple[Tensor, int]]):
    """One picture after the other, in training cropped and mirrored at random, standardised."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, mean: float, deviation: float, training: bool) -> None:
        self.images, self.labels, self.training = images, labels, training
        self.mean, self.deviation = mean, deviation

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        picture = torch.from_numpy(self.images[place]).float().div(255)[None]  # (1, H, W)
        if self.training:
            height, width = picture.shape[1:]
            top, left = torch.randint(0, 2 * PADDING + 1, (2,)).tolist()
            picture = F.pad(picture, (PADDING,) * 4)[:, top : top + height, left : left + width]
            if torch.rand(()) < 0.5:
                picture = picture.flip(2)
        return (picture - self.mean) / self.deviation, int(self.labels[place])


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """The form for small pictures: a 3x3 convolution, stages that halve the sides, the mean, a linear layer."""

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        widths = WIDTHS[name]
        self.conv1 = nn.Conv2d(1, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        blocks: list[nn.Module] = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for place in range(BLOCKS[name]):
                blocks.append(Block(before, width, 2 if stage and not place else 1))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


def train_epoch(network: nn.Module, loader: DataLoader[tuple[Tensor, int]], optimiser: torch.optim.Optimizer) -> None:
    """One pass over the training rows."""
    network.train()
    for pictures, labels in loader:
        optimiser.zero_grad()
        loss = F.cross_entropy(network(pictures), labels)
        loss.backward()
        optimiser.step()


@torch.no_grad()
def predict(network: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> Tensor:
    """Probabilities, (n, classes)."""
    network.eval()
    return torch.cat([network(pictures).softmax(1) for pictures, _ in loader])


def time_epochs(given: argparse.Namespace, held: dict[str, np.ndarray]) -> None:
    """Print the seconds of each epoch."""
    mean, deviation = held["images"].mean() / 255, held["images"].std() / 255
    rows = Pictures(held["images"], held["labels"], mean, deviation, training=True)
    loader = DataLoader(rows, given.batch, shuffle=True, num_workers=given.workers, persistent_workers=True)
    network = ResNet(given.network, int(held["labels"].max()) + 1)
    optimiser = torch.optim.AdamW(network.parameters(), RATE)
    times = []
    for _ in range(given.epochs + 1):
        start = time.perf_counter()
        train_epoch(network, loader, optimiser)
        times.append(time.perf_counter() - start)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(json.dumps({"epochs": times[1:], "parameters": parameters, "threads": torch.get_num_threads()}))


def learn(given: argparse.Namespace, held: dict[str, np.ndarray]) -> None:
    """Learn until the time is over, and write the probabilities of the test rows, (n, classes)."""
    start = time.perf_counter()
    mean, deviation = held["images"].mean() / 255, held["images"].std() / 255
    train = Pictures(held["images"], held["labels"], mean, deviation, training=True)
    valid = Pictures(held["valid_images"], held["valid_labels"], mean, deviation, training=False)
    nothing = np.zeros(len(held["test_images"]), np.int64)
    test = Pictures(held["test_images"], nothing, mean, deviation, training=False)
    loader = DataLoader(train, given.batch, shuffle=True, num_workers=given.workers, persistent_workers=True)
    network = ResNet(given.network, int(held["labels"].max()) + 1)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    wanted = torch.from_numpy(held["valid_labels"].astype(np.int64))
    best, best_loss, epochs, longest = copy.deepcopy(network.state_dict()), float("inf"), 0, 0.0
    while (began := time.perf_counter()) - start + longest < given.seconds or not epochs:
        done = (began - start) / given.seconds
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
        train_epoch(network, loader, optimiser)
        loss = float(F.nll_loss(predict(network, DataLoader(valid, 256)).clamp(min=1e-9).log(), wanted))
        if loss < best_loss:
            best, best_loss = copy.deepcopy(network.state_dict()), loss
        epochs, longest = epochs + 1, max(longest, time.perf_counter() - began)
    seconds = time.perf_counter() - start
    network.load_state_dict(best)
    np.save(given.out, predict(network, DataLoader(test, 256)).numpy())
    print(json.dumps({"epochs": epochs, "seconds": seconds, "valid_loss": best_loss}))


def main() -> None:
    """Time epochs, or learn for a time."""
    parser = argparse.ArgumentParser(description="A ResNet by PyTorch alone.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--network", choices=tuple(WIDTHS), default="resnet18")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs; one more is trained before them")
    parser.add_argument("--seconds", type=float, help="learn for so long, and predict")
    parser.add_argument("--out", type=Path, help="where the probabilities go")
    given = parser.parse_args()
    torch.manual_seed(0)
    with np.load(given.data) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    if given.seconds is None:
        time_epochs(given, held)
    else:
        learn(given, held)


if __name__ == "__main__":
    main()
