"""From the arrays of a table's columns to one vector, or one token a column."""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from rtdl_num_embeddings import PeriodicEmbeddings, PiecewiseLinearEmbeddings
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.features.layout import Layout

__all__ = ["Categories", "Columns", "ColumnsSettings", "Names", "Numbers", "Tokens", "bins_of"]


@settings
class ColumnsSettings:
    """How columns enter a network."""

    numbers: Literal["plain", "piecewise", "periodic"] = setting(
        "plain", "Numbers as they are, by piecewise-linear, or by periodic embeddings (Gorishniy et al. 2022)."
    )
    bins: int = setting(48, "Pieces of a piecewise-linear embedding, at quantiles of the training rows.", ge=2, le=256)
    number_width: int = setting(16, "Width of a number's embedding.", ge=1, le=1024)
    one_hot: int = setting(32, "Categories of at most so many codes are one-hot, larger ones embedded.", ge=0)
    category_width: int = setting(16, "Width of the embedding of a larger category.", ge=1, le=1024)


def bins_of(slot: Slot, count: int) -> Tensor | None:
    """Edges of at most ``count`` pieces at even shares of the training values; None where all values are equal."""
    knots = torch.tensor(slot.knots)
    places = torch.linspace(0, len(knots) - 1, count + 1).round().long()
    edges = knots[places].unique()
    return edges if len(edges) > 1 else None


class Numbers(nn.Module):
    """Numbers, embedded one by one. Columns that never vary are left out.

    Shape:
        (B, numbers) -> (B, width), where ``width`` is the attribute of that name.
    """

    def __init__(self, slots: tuple[Slot, ...], settings: ColumnsSettings) -> None:
        super().__init__()
        edges = [bins_of(slot, settings.bins) for slot in slots]
        kept = [place for place, edge in enumerate(edges) if edge is not None]
        self.all_vary = len(kept) == len(slots)
        self.kept: Tensor
        self.register_buffer("kept", torch.tensor(kept, dtype=torch.long), persistent=False)
        self.embed: nn.Module | None = None
        self.width = len(kept)
        if kept and settings.numbers == "piecewise":
            bins = [edge for edge in edges if edge is not None]
            with warnings.catch_warnings():
                # A number of two values needs no second piece.
                warnings.filterwarnings("ignore", "The .* feature has just two bin edges")
                self.embed = PiecewiseLinearEmbeddings(bins, settings.number_width, activation=True, version="A")
        elif kept and settings.numbers == "periodic":
            self.embed = PeriodicEmbeddings(
                len(kept), settings.number_width, n_frequencies=24, frequency_init_scale=0.5, lite=False
            )
        if settings.numbers != "plain":
            self.width = len(kept) * settings.number_width
        self.chunks = [self.width // len(kept)] * len(kept) if kept else []

    def forward(self, numbers: Tensor) -> Tensor:
        if not self.all_vary:
            numbers = numbers[:, self.kept]
        return self.embed(numbers).flatten(1) if self.embed is not None and self.width else numbers


class Names(nn.Embedding):
    """An embedding that starts near zero, so that rare names begin as much the same.

    Shape:
        (B,) int64 -> (B, width)
    """

    def reset_parameters(self) -> None:
        """Normal with deviation 0.3."""
        nn.init.normal_(self.weight, std=0.3)


class Categories(nn.Module):
    """Category codes: small ones one-hot, large ones embedded.

    Shape:
        (B, categories) int64 -> (B, width), where ``width`` is the attribute of that name.
    """

    def __init__(self, sizes: list[int], settings: ColumnsSettings) -> None:
        super().__init__()
        small = [place for place, size in enumerate(sizes) if size <= settings.one_hot]
        large = [place for place, size in enumerate(sizes) if size > settings.one_hot]
        offsets = torch.tensor([0, *(sizes[place] for place in small)]).cumsum(0)
        self.hot_width = int(offsets[-1])
        self.small: Tensor
        self.offsets: Tensor
        self.register_buffer("small", torch.tensor(small, dtype=torch.long), persistent=False)
        self.register_buffer("offsets", offsets[:-1], persistent=False)
        self.large = large
        self.tables = nn.ModuleList(Names(sizes[place], settings.category_width) for place in large)
        self.width = self.hot_width + len(large) * settings.category_width
        self.chunks = [*(sizes[place] for place in small), *([settings.category_width] * len(large))]

    def forward(self, codes: Tensor) -> Tensor:
        hot = torch.zeros(codes.shape[0], self.hot_width, device=codes.device)
        hot.scatter_(1, codes[:, self.small] + self.offsets, 1.0)
        return torch.cat(
            [hot, *(table(codes[:, place]) for table, place in zip(self.tables, self.large, strict=True))], 1
        )


class Columns(nn.Module):
    """All input columns of a row as one vector.

    Shape:
        number (B, numbers), flag (B, flags), category (B, categories) -> (B, width)

    Example:
        >>> layout = Layout.of([Slot("a", "value", "flag"), Slot("b", "value", "category", size=3)])
        >>> columns = Columns(layout, ColumnsSettings())
        >>> columns({"number": torch.zeros(2, 0), "flag": torch.ones(2, 1), "category": torch.tensor([[0], [2]])})
        tensor([[1., 1., 0., 0.],
                [1., 0., 0., 1.]])
    """

    def __init__(self, layout: Layout, settings: ColumnsSettings) -> None:
        super().__init__()
        self.numbers = Numbers(layout.numbers, settings) if layout.numbers else None
        self.categories = Categories(layout.sizes, settings) if layout.categories else None
        self.flags = len(layout.flags)
        parts = [part.width for part in (self.numbers, self.categories) if part is not None]
        self.width = sum(parts) + self.flags
        # Which inputs belong together: one width for each number, flag, small category (its one-hot) and large one.
        self.chunks = [
            *(self.numbers.chunks if self.numbers else []),
            *([1] * self.flags),
            *(self.categories.chunks if self.categories else []),
        ]

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        parts = []
        if self.numbers is not None:
            parts.append(self.numbers(inputs["number"]))
        if self.flags:
            parts.append(inputs["flag"])
        if self.categories is not None:
            parts.append(self.categories(inputs["category"]))
        if not parts:
            return torch.zeros(inputs["number"].shape[0], 0)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


class Tokens(nn.Module):
    """All input columns of a row as tokens: a number or flag x as x * weight + bias, a code as its own vector.

    The feature tokenizer of FT-Transformer (Gorishniy et al. 2021).

    Shape:
        number (B, numbers), flag (B, flags), category (B, categories) -> (B, slots, width)
    """

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        quantities = len(layout.numbers) + len(layout.flags)
        self.weight = nn.Parameter(torch.empty(quantities, width))
        self.bias = nn.Parameter(torch.empty(quantities, width))
        offsets = torch.tensor([0, *layout.sizes]).cumsum(0)
        self.offsets: Tensor
        self.register_buffer("offsets", offsets[:-1], persistent=False)
        self.table = nn.Embedding(int(offsets[-1]), width) if layout.sizes else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in +-1/sqrt(width), as the paper has it."""
        bound = self.weight.shape[1] ** -0.5
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        quantities = torch.cat([inputs["number"], inputs["flag"]], 1)  # (B, Q)
        tokens = quantities[..., None] * self.weight + self.bias  # (B, Q, width)
        if self.table is not None:
            tokens = torch.cat([tokens, self.table(inputs["category"] + self.offsets)], 1)
        return tokens
