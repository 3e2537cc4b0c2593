"""A conversation: what is kept, what is left out, and what costs nothing."""

from __future__ import annotations

import polars as pl
import pytest
import torch
from torch import Tensor

from lamina.chatting.chat import Chat
from lamina.chatting.speaker import Speaker
from lamina.decoders.base import Decoder, Memory, State
from lamina.decoders.gpt import GPT, GPTSettings
from lamina.errors import SettingError, UsageError
from lamina.features.tokens import FIRST, START, Pieces
from lamina.features.wording import PlainWording

BYTES = Pieces([*map(chr, range(256))], lower=False)
WORDING = PlainWording(BYTES, end=START)


class Echo(Decoder):
    """Says what the user said last, in capitals, and ends; it notes what it was given to read."""

    def __init__(self) -> None:
        super().__init__(BYTES.size, None, None)
        self.nothing = torch.nn.Parameter(torch.zeros(1))
        self.given: list[list[int]] = []

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        raise NotImplementedError

    def begin(self, memory: Memory | None, rows: int) -> State:
        return {"ids": torch.zeros(1, 0, dtype=torch.int64)}

    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        self.given.append(tokens[0].tolist())
        ids = torch.cat([state["ids"], tokens], 1)
        said = BYTES.text(ids[0].numpy())
        asked, _, begun = said.rpartition("assistant:\n")
        answer = asked.rpartition("user:\n")[2].upper()
        one = FIRST + answer.encode()[len(begun)] if len(begun) < len(answer) else START
        return torch.nn.functional.one_hot(torch.tensor([one]), BYTES.size).float() * 50, {"ids": ids}

    def cut(self, state: State, count: int) -> State:
        return {"ids": state["ids"][:, :count]}


def chat(**settings: object) -> Chat:
    return Chat(Speaker(Echo(), WORDING), **settings)


def test_turn_after_turn() -> None:
    one = chat(system="be brief")
    assert one.say("hello") == "HELLO" and "".join(one.stream("you")) == "YOU"
    assert [(turn["role"], turn["content"]) for turn in one.turns] == [
        ("user", "hello"), ("assistant", "HELLO"), ("user", "you"), ("assistant", "YOU"),
    ]  # fmt: skip
    told = [{"role": "system", "content": "be brief"}]
    answer = BYTES.ids(pl.Series(["YOU"])).values.tolist()
    assert one._decoder.known == [*WORDING.prompt([*told, *one.turns[:3]]), *answer]
    one.reset()
    assert one.turns == [] and one.written is None
    one.say("a")
    assert one._decoder.known[:3] == WORDING.prompt(told)[:3], "what it was told stays"


def test_what_was_read_is_not_read_again() -> None:
    one = chat()
    one.say("hello")
    before = one._decoder.read
    one.say("you")
    new = len(WORDING.prompt(one.turns[:3])) - len(WORDING.prompt(one.turns[:1])) - len("HELLO")
    assert one._decoder.read - before == new + len("YOU")


def test_pieces_come_as_they_are_written() -> None:
    one = chat()
    stream = one.stream("hello")
    assert next(stream) == "H" and one.turns == [], "a turn is kept when it ends"
    stream.close()
    assert one.turns[-1] == {"role": "assistant", "content": "H"}, "or is broken off"
    assert one.say("x") == "X"


def test_the_oldest_turns_are_left_out() -> None:
    one = chat(context=100, longest=20, system="be brief")
    for place in range(6):
        assert one.say(f"hello{place}") == f"HELLO{place}"
        assert len(one._decoder.known) <= 100 and one.left_out % 2 == 0
    assert one.left_out > 0 and len(one.turns) == 12
    kept = BYTES.text(torch.tensor(one._decoder.known).numpy())
    assert kept.startswith("system:\nbe briefuser:\n") and "hello0" not in kept
    left_out = one.left_out
    one.say("x")
    assert one.left_out >= left_out
    one.reset()
    assert one.left_out == 0


def test_what_is_too_long_to_be_read() -> None:
    one = chat(context=60, longest=40)
    assert one.context == 60
    one.say("hi")
    with pytest.raises(UsageError, match=r"longer than the network can read · got 79 tokens.* allowed: fewer than 60"):
        one.say("x" * 60)
    assert len(one.turns) == 2 and one.say("a" * 25)[:3] == "AAA", "an answer may have less room than it would like"
    assert one.written is not None and one.written.ended in ("longest", "end") and len(one._decoder.known) <= 60


def test_what_cannot_be() -> None:
    one = chat()
    with pytest.raises(UsageError, match="there is nothing to answer"):
        one.say("  ")
    assert one.turns == []
    for wrong in ({"how": "beam"}, {"context": 0}, {"temperature": 0}, {"alternatives": 2}, {"sytem": "a"}):
        with pytest.raises(SettingError):
            chat(**wrong)


def test_the_network_is_left_as_it_was() -> None:
    for training in (True, False):
        speaker = Speaker(Echo().train(training), WORDING)
        assert Chat(speaker).say("hello") == "HELLO" and speaker.decoder.training is training


def test_chance_hangs_on_the_seed() -> None:
    torch.manual_seed(0)
    speaker = Speaker(GPT(BYTES.size, None, GPTSettings(width=16, depth=1, heads=2)), WORDING)
    first, again, other = (Chat(speaker, how="sample", seed=seed, longest=9).say("hello") for seed in (1, 1, 2))
    assert first == again != other


def test_a_stop_ends_an_answer() -> None:
    assert chat(stop=["LO"]).say("hello") == "HEL"
