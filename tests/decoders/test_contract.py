"""The contract of a decoder: every one in the table, with a memory and without."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from lamina.config import check, schema
from lamina.decoders import DECODERS
from lamina.decoders.base import Decoder, Memory
from lamina.decoders.sliding import Sliding
from lamina.errors import SettingError, UsageError
from lamina.nn.start import start
from lamina.testing.common import check_bounds, choices

SIZE, MEMORY = 20, 6
SMALL = {"width": 8, "depth": 2, "heads": 2, "remembered": 3}
LENGTHS = torch.tensor([9, 1, 4])
TOKENS = torch.randint(4, SIZE, (3, 9), generator=torch.Generator().manual_seed(0))
ALONE = ["gpt", "gpt2", "transformer_xl"]  # that read no memory
WAYS = [(name, memory) for name in DECODERS for memory in (None, MEMORY) if name not in ALONE or memory is None]

pytestmark = pytest.mark.parametrize(("name", "memory"), WAYS)


def made(name: str, memory: int | None, seed: int = 0, **values: Any) -> Decoder:
    cls = DECODERS[name]
    known = schema(cls.Settings)["properties"]
    small = {key: value for key, value in SMALL.items() if key in known}
    decoder: Decoder = cls(SIZE, memory, check(cls.Settings, small | values))
    start(decoder, seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            if not parameter.any():  # what starts at zero is moved, so that its part shows
                parameter.normal_(std=0.5, generator=torch.Generator().manual_seed(seed))
    return decoder.eval()


def remembered(memory: int | None) -> Memory | None:
    """Three rows of memory: full, of two places, of none."""
    if memory is None:
        return None
    values = torch.randn(3, 5, memory, generator=torch.Generator().manual_seed(1))
    there = torch.arange(5) < torch.tensor([5, 2, 0])[:, None]
    return Memory(values * there[..., None], there)


def row_of(memory: Memory | None, row: int) -> Memory | None:
    """One row, no longer than it needs to be."""
    if memory is None:
        return None
    places = max(1, int(memory.there[row].sum()))
    return Memory(memory.values[row : row + 1, :places], memory.there[row : row + 1, :places])


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@torch.no_grad()
def whole(decoder: Decoder, memory: int | None) -> Tensor:
    return decoder(TOKENS, LENGTHS, remembered(memory))


def test_its_shape_in_any_mode(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    for training in (True, False):
        logits = decoder.train(training)(TOKENS, LENGTHS, remembered(memory))
        assert logits.shape == (3, 9, SIZE) and logits.dtype == torch.float32 and torch.isfinite(logits).all()


def test_no_token_is_told_from_those_behind_it(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    found = whole(decoder, memory)
    other = TOKENS.clone()
    other[:, 5:] = 4
    with torch.no_grad():
        changed = decoder(other, LENGTHS, remembered(memory))
    close(changed[:, :5], found[:, :5])
    assert not torch.allclose(changed[:, 5:], found[:, 5:], atol=1e-3)


def test_each_row_alone(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    found = whole(decoder, memory)
    for row, length in enumerate(LENGTHS.tolist()):
        tokens, lengths = TOKENS[row : row + 1, :length], LENGTHS[row : row + 1]
        with torch.no_grad():
            close(decoder(tokens, lengths, row_of(remembered(memory), row))[0], found[row, :length])


@pytest.mark.parametrize("first", [1, 4])
def test_step_by_step_is_all_at_once(name: str, memory: int | None, first: int) -> None:
    decoder = made(name, memory)
    found = whole(decoder, memory)
    state = decoder.begin(remembered(memory), 3)
    logits, state = decoder.step(TOKENS[:, :first], state)
    close(logits, found[:, first - 1])
    for place in range(first, 9):
        logits, state = decoder.step(TOKENS[:, place : place + 1], state)
        close(logits, found[:, place])


def test_one_row_step_by_step(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    found = whole(decoder, memory)
    state = decoder.begin(row_of(remembered(memory), 0), 1)
    for place in range(9):
        logits, state = decoder.step(TOKENS[:1, place : place + 1], state)
        close(logits[0], found[0, place])


def test_prompts_of_unequal_lengths(name: str, memory: int | None) -> None:
    """Three prompts go in at once, then a token to each, twice, then two to the first and one to the others."""
    decoder = made(name, memory)
    found = whole(decoder, memory)
    rows, at = torch.arange(3), torch.tensor([5, 1, 3])
    logits, state = decoder.step(TOKENS[:, :5], decoder.begin(remembered(memory), 3), at)
    close(logits, found[rows, at - 1])
    for _ in range(2):
        logits, state = decoder.step(TOKENS[rows, at][:, None], state)
        close(logits, found[rows, at])
        at = at + 1
    more = torch.stack([TOKENS[rows, at], TOKENS[rows, (at + 1).clamp(max=8)]], 1)
    logits, state = decoder.step(more, state, torch.tensor([2, 1, 1]))
    close(logits, found[rows, at + torch.tensor([1, 0, 0])])


def test_rows_that_are_kept_repeated_and_reordered(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    _, state = decoder.step(TOKENS[:, :5], decoder.begin(remembered(memory), 3), torch.tensor([5, 2, 4]))
    rows = torch.tensor([2, 0, 2, 1])
    picked = decoder.select(state, rows)
    assert all(len(values) == 4 for values in picked.values())
    tokens = torch.tensor([[7], [8], [9], [10]])
    logits, after = decoder.step(tokens, picked)
    assert all(len(values) == 4 for values in after.values())
    for place, row in enumerate(rows.tolist()):
        alone = decoder.select(state, torch.tensor([row]))
        close(decoder.step(tokens[place : place + 1], alone)[0][0], logits[place])


def test_a_text_longer_than_there_was_room_for(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    tokens = torch.randint(4, SIZE, (2, 70), generator=torch.Generator().manual_seed(2))
    source = remembered(memory)
    source = None if source is None else Memory(source.values[:2], source.there[:2])
    with torch.no_grad():
        found = decoder(tokens, torch.tensor([70, 70]), source)
    _, state = decoder.step(tokens[:, :62], decoder.begin(source, 2))
    for place in range(62, 70):
        logits, state = decoder.step(tokens[:, place : place + 1], state)
        close(logits, found[:, place])


def test_its_start_is_a_function_of_the_seed(name: str, memory: int | None) -> None:
    torch.manual_seed(1)
    one = made(name, memory).state_dict()
    torch.manual_seed(2)
    other = made(name, memory).state_dict()
    assert all(torch.equal(one[key], value) for key, value in other.items())
    assert any(not torch.equal(one[key], value) for key, value in made(name, memory, seed=1).state_dict().items())


def test_the_gradient_reaches_everything(name: str, memory: int | None) -> None:
    decoder = made(name, memory).train()
    logits = decoder(TOKENS, LENGTHS, remembered(memory))
    torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten()).backward()
    missed = [key for key, one in decoder.named_parameters() if one.grad is None or not one.grad.any()]
    assert not [key for key in missed if key != "places.weight"], missed


def test_through_safetensors(name: str, memory: int | None) -> None:
    decoder, other = made(name, memory), made(name, memory, seed=9)
    other.load_state_dict(load(save(decoder.state_dict())))
    assert torch.equal(whole(decoder, memory), whole(other, memory))


def test_every_choice_and_the_least_train(name: str, memory: int | None) -> None:
    properties = schema(DECODERS[name].Settings)["properties"]
    least = {key: entry["minimum"] for key, entry in properties.items() if "minimum" in entry and key != "longest"}
    switches = [(key, value) for key, entry in properties.items() if entry.get("type") == "boolean" for value in (0, 1)]
    for values in [
        least,
        {"dropout": 0.5},
        *({key: one} for key, one in [*choices(DECODERS[name].Settings), *switches]),
    ]:
        decoder = made(
            name, memory, **{key: bool(one) if (key, one) in switches else one for key, one in values.items()}
        )
        logits = decoder.train()(TOKENS, LENGTHS, remembered(memory))
        logits.square().mean().backward()
        gradients = [parameter.grad for parameter in decoder.parameters() if parameter.grad is not None]
        assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients), values
        with torch.no_grad():
            found = decoder.eval()(TOKENS, LENGTHS, remembered(memory))
        close(decoder.step(TOKENS[:, :6], decoder.begin(remembered(memory), 3))[0], found[:, 5])


def test_bfloat16(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    full = whole(decoder, memory)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = decoder(TOKENS, LENGTHS, remembered(memory))
        reduced.float().square().mean().backward()
        step = decoder.step(TOKENS[:, :6], decoder.begin(remembered(memory), 3))[0]
        one, _ = decoder.step(TOKENS[:1, :1], decoder.begin(row_of(remembered(memory), 0), 1))
    bound = 0.05 * full.abs().max().clamp(min=1)
    assert (reduced.float() - full).abs().max() <= bound
    assert (step.float() - full[:, 5]).abs().max() <= bound
    assert (one.float() - full[:1, 0]).abs().max() <= bound


def test_settings_are_bounded_and_the_class_says_what_it_is(name: str, memory: int | None) -> None:
    cls = DECODERS[name]
    check_bounds(cls.Settings)
    text = (inspect.getdoc(cls) or "") + (inspect.getdoc(inspect.getmodule(cls)) or "")
    assert "Shape:" in text and re.search(r"\d{4}", text)


def test_it_says_what_else_it_can(name: str, memory: int | None) -> None:
    decoder = made(name, memory)
    assert (decoder.remembered is not None) == hasattr(decoder, "segment")
    if decoder.slides and memory is None:  # from the seventh token on it has begun anew with the last three
        sliding = Sliding(decoder, 6)
        state = sliding.begin(None, 1)
        for place in range(9):
            logits, state = sliding.step(TOKENS[:1, place : place + 1], state)
        close(logits, decoder(TOKENS[:1, 4:], torch.tensor([5]))[:, -1])


def test_what_is_refused(name: str, memory: int | None) -> None:
    if name in ALONE:
        with pytest.raises(SettingError, match="writes from nothing but the text so far · got a memory of width 6"):
            made(name, MEMORY)
    if "heads" in schema(DECODERS[name].Settings)["properties"]:
        with pytest.raises(SettingError, match=r"heads must divide width · got 3 heads, width 8"):
            made(name, memory, heads=3)
    if "positions" in schema(DECODERS[name].Settings)["properties"]:
        with pytest.raises(SettingError, match=r"an even width of each head · got 8 heads, width 8"):
            made(name, memory, heads=8, positions="rotary")
        decoder = made(name, memory, positions="learned", longest=6)
        assert decoder.longest == 6
        with pytest.raises(UsageError, match=r"longer than the network can read · got 9 tokens · allowed: 6"):
            decoder(TOKENS, LENGTHS, remembered(memory))
        _, state = decoder.step(TOKENS[:, :9], decoder.begin(remembered(memory), 3), torch.tensor([6, 1, 4]))
        with pytest.raises(UsageError, match=r"got 7 tokens · allowed: 6"):
            decoder.step(TOKENS[:, :1], state)
