"""A bag: the sum of what it holds, n-grams too."""

from __future__ import annotations

from typing import Any

import torch

from lamina.backbones.bag import Bag, BagSettings, hashed
from lamina.features.base import Slot
from lamina.nn.start import start

SLOT = Slot("said", "value", "tokens", size=30, length=7)


def made(**values: Any) -> Bag:
    backbone = Bag(SLOT, BagSettings(**{"width": 6, "buckets": 50, **values}))
    start(backbone, 0)
    return backbone.eval()


def test_single_words_have_no_order() -> None:
    backbone = made(ngrams=1)
    one, other = (backbone(torch.tensor([words]), torch.tensor([3])) for words in ([3, 4, 5], [5, 3, 4]))
    assert torch.allclose(one, other, atol=1e-6)
    assert torch.allclose(one[0], backbone.steps.embed(torch.tensor([3, 4, 5])).sum(0) / 3**0.5, atol=1e-6)


def test_n_grams_are_added_by_their_bucket() -> None:
    backbone = made(ngrams=3)
    words = torch.tensor([[7, 8, 9, 0, 0]])
    vectors = [backbone.steps.embed(words[0, :3])]
    for length, table in enumerate(backbone.ngrams, 2):
        vectors.append(table(hashed(words[:, :3], length, 50)[0]))
    assert torch.allclose(backbone(words, torch.tensor([3]))[0], torch.cat(vectors).sum(0) / 3**0.5, atol=1e-6)


def test_order_counts_by_n_grams() -> None:
    backbone = made(ngrams=2)
    one, other = (backbone(torch.tensor([words]), torch.tensor([3])) for words in ([3, 4, 5], [4, 3, 5]))
    assert not torch.allclose(one, other, atol=1e-4)


def test_hidden_layers_follow_the_sum() -> None:
    backbone, words = made(ngrams=1, depth=2, activation="tanh"), torch.tensor([[3, 4]])
    total = backbone.steps.embed(words[0]).sum(0) / 2**0.5
    first, _, _, second, _, _ = backbone.hidden
    expected = second(first(total).tanh()).tanh()
    assert torch.allclose(backbone(words, torch.tensor([2]))[0], expected, atol=1e-6)


def test_buckets_are_used_evenly() -> None:
    pairs = torch.cartesian_prod(torch.arange(3, 203), torch.arange(3, 203))
    used = hashed(pairs, 2, 1000)[:, 0].bincount(minlength=1000)
    assert used.min() > 0 and used.max() < 3 * used.float().mean()
    assert hashed(torch.tensor([[3, 4]]), 2, 1000) != hashed(torch.tensor([[4, 3]]), 2, 1000)
    long = hashed(torch.full((1, 9), 2**31 - 1), 8, 1000)
    assert ((long >= 0) & (long < 1000)).all(), "codes do not run over"
