"""Texts are those that the network finds likeliest, whatever batch they are in, and come piece by piece."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written
from lamina.errors import SettingError, UsageError
from lamina.features.tokens import Characters

from .toys import BYTES, LETTERS, Recurrent, Table, memory_of

PROMPTS = [[3], [3, 4, 5, 6], [3, 6], [3, 5, 5], [3]]


def writer(decoder: Any = None, vocabulary: Any = LETTERS, **values: Any) -> Writer:
    settings = DecodingSettings(**{"longest": 10, **values})
    return Writer(decoder or Recurrent(7, memory=4, seed=2, reluctance=7.0), vocabulary, settings)


def chain(*texts: list[int], size: int = 7) -> Table:
    """A network that goes on from each token to the next one of a text."""
    logits = torch.zeros(size, size)
    for text in texts:
        for one, after in itertools.pairwise(text):
            logits[one, after] = 5.0
    return Table(logits)


def test_greedy_is_the_likeliest_token_by_the_whole_network() -> None:
    made = writer()
    for row, (found,) in enumerate(made.write(memory_of(5), PROMPTS)):
        memory = type(memory_of(5))(*(part[row : row + 1] for part in memory_of(5)))
        ids, logs = list(PROMPTS[row]), []
        made.decoder.eval()
        while len(logs) < 10:
            with torch.no_grad():
                last = made.decoder(torch.tensor([ids]), torch.tensor([len(ids)]), memory)[0, -1].log_softmax(-1)
            ids.append(int(last[3:].argmax()) + 3)
            logs.append(float(last[ids[-1]]))
            if ids[-1] == 3:
                break
        assert [*found.ids, *([3] if found.ended == "end" else [])] == ids[len(PROMPTS[row]) :]
        assert np.allclose(found.logs, logs, atol=1e-5)
        assert math.isclose(found.log_probability, sum(logs), abs_tol=1e-5) and found.score == found.log_probability
        assert np.allclose(found.probabilities, np.exp(logs), atol=1e-5)


@pytest.mark.parametrize(
    "values", [{}, {"repetition_penalty": 1.5}, {"no_repeat": 2}, {"stop": ["ab", "cc"]}, {"how": "sample"}]
)
def test_rows_of_a_batch_are_as_alone(values: dict[str, Any]) -> None:
    made, memory = writer(**values), memory_of(5)
    for row, (found,) in enumerate(made.write(memory, PROMPTS)):
        ((alone,),) = made.write(type(memory)(*(part[row : row + 1] for part in memory)), [PROMPTS[row]], [row])
        assert (alone.text, alone.ids, alone.ended) == (found.text, found.ids, found.ended)
        assert np.allclose(alone.logs, found.logs, atol=1e-5)


def whole(stream: Any) -> tuple[list[str], Written]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


@pytest.mark.parametrize("values", [{}, {"how": "sample", "temperature": 3.0}, {"how": "sample", "stop": ["a", "e"]}])
def test_a_stream_is_the_text_in_pieces(values: dict[str, Any]) -> None:
    made = writer(Recurrent(BYTES.tokens.size), BYTES, longest=40, **values)
    for row in range(4):
        pieces, found = whole(made.stream(prompt=[3, 70 + row], row=row))
        ((written,),) = made.write(prompts=[[3, 70 + row]], rows=[row])
        assert "".join(pieces) == found.text == written.text and all(pieces)
        assert (found.ids, found.logs, found.ended) == (written.ids, written.logs, written.ended)


def test_a_stream_comes_while_it_is_written() -> None:
    decoder = chain([3, 4, 5, 6, 3])
    stream = writer(decoder).stream()
    decoder.training = True
    assert next(stream) == "a" and not decoder.training
    assert [*stream] == ["b", "c"] and decoder.training


def test_ends() -> None:
    decoder = chain([3, 4, 5, 6, 3])
    ((end,),) = writer(decoder).write()
    assert (end.text, end.ids, end.ended, len(end.logs)) == ("abc", [4, 5, 6], "end", 4)
    ((stop,),) = writer(decoder, stop=["bc"]).write()
    assert (stop.text, stop.ids, stop.ended, len(stop.logs)) == ("a", [4, 5, 6], "stop", 3)
    ((cut,),) = writer(decoder, longest=2).write()
    assert (cut.text, cut.ids, cut.ended, len(cut.logs)) == ("ab", [4, 5], "longest", 2)
    ((kept,),) = writer(decoder, longest=3, stop=["cd"]).write()
    assert (kept.text, kept.ended) == ("abc", "longest"), "what might have been a stop is given in the end"
    ((other,),) = Writer(decoder, type(LETTERS)(LETTERS.tokens, ends=(3, 6)), DecodingSettings()).write()
    assert (other.text, other.ended) == ("ab", "end"), "there may be several ends"


def test_a_network_of_few_places_ends_where_they_end() -> None:
    decoder = chain([3, 4, 5, 4])
    decoder.longest = 4
    ((found,),) = writer(decoder).write(prompts=[[3, 4]])
    assert (found.ids, found.ended) == ([5, 4, 5], "longest"), "the last one need not be read"
    (beam,) = writer(decoder, how="beam", alternatives=2).write(prompts=[[3, 4]])
    assert all(len(one.logs) <= 3 for one in beam)


def test_what_is_no_token_is_never_written() -> None:
    logits = torch.zeros(9, 9)
    logits[:, :3] = logits[:, 7:] = 50.0
    for how in ("greedy", "beam", "sample"):
        found = writer(Table(logits), how=how).write(prompts=[[3]] * 20)
        assert {one for (text,) in found for one in text.ids} <= {4, 5, 6}
        assert all(log < -40 for (text,) in found for log in text.logs), "the rest's probability stays with it"


def test_repetition_costs() -> None:
    decoder = chain([3, 4, 4])
    assert writer(decoder).write()[0][0].text == "a" * 10
    found = writer(decoder, repetition_penalty=10.0).write()[0][0]
    assert found.ids[:2] == [4, 4], "5 / 10 is still more than 0"
    logits = torch.tensor([[0.0] * 7] * 7)
    logits[:, 4], logits[:, 5] = 5.0, 4.0
    found = writer(Table(logits), repetition_penalty=2.0).write()[0][0]
    assert found.text == "abaaaaaaaa" and math.isclose(found.logs[0], found.logs[2], abs_tol=1e-6), "own ones"
    assert writer(Table(logits), no_repeat=1).write()[0][0].text.startswith("ab")


def test_no_row_of_tokens_comes_twice() -> None:
    for how in ("greedy", "sample", "beam"):
        texts = writer(how=how, no_repeat=2, longest=30).write(memory_of(5), PROMPTS)
        for prompt, (found,) in zip(PROMPTS, texts, strict=True):
            pairs = list(itertools.pairwise([*prompt[1:], *found.ids]))
            written = pairs[max(0, len(prompt) - 2) :]
            assert len(set(written)) == len(written) and not set(written) & set(pairs[: -len(written)])


def test_no_repetition_gives_way_where_nothing_else_is_left() -> None:
    logits = torch.zeros(7, 7)
    never = type(LETTERS)(LETTERS.tokens, never=(0, 1, 2, 5, 6), ends=(3,))
    logits[:, 3] = -1
    ((found,),) = writer(Table(logits), never, no_repeat=1).write()
    assert (found.ids, found.ended) == ([4], "end"), "an end is no repetition"


def test_the_network_rests_while_it_writes_and_not_after() -> None:
    made = writer()
    assert made.decoder.training
    first = made.write(memory_of(2))
    assert made.decoder.training and made.write(memory_of(2)) == first


def test_rows_without_prompts() -> None:
    made = writer()
    assert made.write(memory_of(3)) == made.write(memory_of(3), [[3]] * 3)
    assert writer(Recurrent(7)).write(prompts=[]) == []
    assert len(writer(Recurrent(7)).write()) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"how": "beam", "beams": 3, "alternatives": 4}, r"beam does not find so many .* got 4 · allowed: at most 3"),
        ({"how": "greedy", "alternatives": 2}, r"greedy does not find so many .* allowed: at most 1"),
    ],
)
def test_more_alternatives_than_there_are(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        writer(**values)


def test_what_cannot_be_written() -> None:
    with pytest.raises(UsageError, match=r"a text to be continued has no token · got text 1"):
        writer(Recurrent(7)).write(prompts=[[3], []])
    for values in ({"how": "beam"}, {"how": "sample", "alternatives": 2}):
        with pytest.raises(UsageError, match="only a single text"):
            writer(**values).stream()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"repetition_penalty": 1.7}, {"repetition_penalty": 1.7}),
        ({"no_repeat": 2}, {"no_repeat_ngram_size": 2}),
        ({"how": "beam", "beams": 4, "alternatives": 4}, {"num_beams": 4, "num_return_sequences": 4}),
        ({"how": "beam", "beams": 3, "no_repeat": 2}, {"num_beams": 3, "no_repeat_ngram_size": 2}),
    ],
)
def test_texts_are_those_of_transformers(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = transformers.GPT2Config(
        vocab_size=9, n_positions=64, n_embd=16, n_layer=2, n_head=2, initializer_range=0.6, eos_token_id=3,
        bos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    network = transformers.GPT2LMHeadModel(settings).eval()

    class Theirs(Table):
        def begin(self, memory: Any, rows: int) -> Any:
            return {"tokens": torch.zeros(rows, 0, dtype=torch.long)}

        def step(self, tokens: Any, state: Any, lengths: Any = None) -> Any:
            tokens = torch.cat([state["tokens"], tokens], 1)
            return network(tokens).logits[:, -1], {"tokens": tokens}

    # Of a prompt without an end, since ours does not make that less likely by a penalty.
    prompts = torch.randint(4, 9, (12, 4), generator=torch.Generator().manual_seed(1))
    vocabulary = type(LETTERS)(Characters(list("abcde"), lower=False))
    found = writer(Theirs(torch.zeros(9, 9)), vocabulary, longest=12, length_penalty=0, **ours).write(
        prompts=prompts.tolist()
    )
    expected = network.generate(
        prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=12, do_sample=False, length_penalty=0.0,
        suppress_tokens=[0, 1, 2], **theirs,
    )  # fmt: skip
    mine = [[*one.ids, *([3] * (12 - len(one.ids)))] for row in found for one in row]
    longest = expected.shape[1] - 4
    assert [ids[:longest] for ids in mine] == expected[:, 4:].where(expected[:, 4:] != 0, 3).tolist()
    assert len({len(one.ids) for row in found for one in row}) > 2
