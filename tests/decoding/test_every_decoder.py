"""Whatever network writes, a row's text is the same in any batch, by every search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamina.decoders import DECODERS
from lamina.decoders.base import Memory
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.errors import SettingError
from lamina.features.tokens import Characters
from lamina.nn.start import start

from .toys import memory_of

LEXICON = Lexicon(Characters(list("abcdefgh"), lower=False))
PROMPTS = [[3], [3, 4, 5, 6], [3, 6, 4, 4, 7, 9]]


def made(name: str) -> tuple[Any, Memory | None]:
    """A network of its own start, with a memory where it takes one."""
    cls = DECODERS[name]
    try:
        decoder, memory = cls(LEXICON.tokens.size, 4, cls.Settings(width=16)), memory_of(len(PROMPTS))
    except SettingError:
        decoder, memory = cls(LEXICON.tokens.size, None, cls.Settings(width=16)), None
    start(decoder, 1)
    return decoder, memory


@pytest.mark.parametrize("how", ["greedy", "beam", "sample"])
@pytest.mark.parametrize("name", DECODERS)
def test_rows_of_a_batch_are_as_alone(name: str, how: Any) -> None:
    decoder, memory = made(name)
    number = 1 if how == "greedy" else 2
    writer = Writer(decoder, LEXICON, DecodingSettings(how=how, beams=3, alternatives=number, longest=6))
    for row, found in enumerate(writer.write(memory, PROMPTS)):
        own = None if memory is None else Memory(*(part[row : row + 1] for part in memory))
        (alone,) = writer.write(own, [PROMPTS[row]], [row])
        assert [one.ids for one in alone] == [one.ids for one in found]
        logs = [log for one in found for log in one.logs]
        assert np.allclose([log for one in alone for log in one.logs], logs, atol=1e-5)
