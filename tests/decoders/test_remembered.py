"""What was read is not read again, and changes no answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.decoders import DECODERS
from lamina.decoders.base import Decoder
from lamina.decoders.remembered import Remembered
from lamina.errors import UsageError

SMALL = {"width": 8, "depth": 1, "heads": 2}


def made(name: str) -> Decoder:
    torch.manual_seed(0)
    cls = DECODERS[name]
    known = cls.Settings.__pydantic_fields__
    decoder: Decoder = cls(12, None, check(cls.Settings, {key: one for key, one in SMALL.items() if key in known}))
    return decoder.eval()


def after(decoder: Decoder, ids: list[int]) -> Tensor:
    return decoder.step(torch.tensor([ids]), decoder.begin(None, 1))[0]


@pytest.mark.parametrize("name", list(DECODERS))
def test_answers_are_those_without_a_memory(name: str) -> None:
    decoder = made(name)
    remembered = Remembered(decoder).eval()
    texts = [[3, 5, 6], [3, 5, 6, 7, 8], [3, 5, 9], [3, 5, 9], [4], [3, 5, 9, 9, 9, 9], [3, 5]]
    for ids in texts:
        torch.testing.assert_close(after(remembered, ids), after(decoder, ids), rtol=0, atol=1e-5)
        assert remembered.known == ids
        _, state = remembered.step(torch.tensor([ids]), remembered.begin(None, 1))
        found, _ = remembered.step(torch.tensor([[7]]), state)
        torch.testing.assert_close(found, after(decoder, [*ids, 7]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt", "gpt2"])
def test_only_what_is_new_is_read(name: str) -> None:
    remembered = Remembered(made(name))
    for ids, read in (([3, 5, 6], 3), ([3, 5, 6, 7], 1), ([3, 5, 6, 7], 1), ([3, 5, 4], 1), ([4, 5, 4], 3)):
        before = remembered.read
        after(remembered, ids)
        assert remembered.read - before == read


def test_a_step_that_is_broken_off_is_forgotten() -> None:
    decoder = made("gpt")
    remembered = Remembered(decoder)
    after(remembered, [3, 5, 6])
    with pytest.raises(IndexError):
        after(remembered, [3, 5, 99])
    torch.testing.assert_close(after(remembered, [3, 5, 6]), after(decoder, [3, 5, 6]), rtol=0, atol=1e-5)


def test_no_text_becomes_too_long() -> None:
    remembered = Remembered(made("gpt"), longest=4)
    after(remembered, [3, 5, 6, 7])
    with pytest.raises(UsageError, match="longer than the network can read · got 5 tokens · allowed: 4"):
        after(remembered, [3, 5, 6, 7, 8])
    assert Remembered(made("gpt2")).longest == 1024 and Remembered(made("gpt2"), 9).longest == 9
