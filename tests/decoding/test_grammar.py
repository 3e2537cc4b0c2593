"""Whatever the network says, what is written is of the grammar."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import numpy as np
import pydantic
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.decoding.constraint import Constraint, Grammar, of_pattern, of_schema
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.errors import DataError, SettingError
from lamina.features.tokens import Characters, Pretrained, Words

from .toys import BYTES, Table

pytest.importorskip("llguidance")


def written(constraint: Constraint, seed: int, count: int = 4, longest: int = 400, **values: Any) -> list[str]:
    """Texts of a network that knows nothing."""
    size = BYTES.tokens.size
    logits = torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    made = DecodingSettings(**{"how": "sample", "longest": longest, "seed": seed, **values})
    found = Writer(Table(logits), BYTES, made, constraint).write(prompts=[[3]] * count)
    assert all(one.ended == "end" for (one,) in found)
    return [one.text for (one,) in found]


class Part(pydantic.BaseModel, extra="forbid"):
    name: str = pydantic.Field(max_length=6)
    kind: Literal["wheel", "été", 'quote"d']
    size: int = pydantic.Field(ge=-20, le=300)
    spare: bool


class Machine(pydantic.BaseModel, extra="forbid"):
    title: str = pydantic.Field(min_length=1, max_length=8)
    ratio: float = pydantic.Field(ge=0, le=10)
    parts: list[Part] = pydantic.Field(max_length=3)
    note: str | None = pydantic.Field(default=None, max_length=4)


SCHEMA = of_schema(BYTES, Machine.model_json_schema())


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_json_parses_and_is_valid(seed: int) -> None:
    for text in written(SCHEMA, seed, 2):
        Machine.model_validate_json(text, strict=True)
        assert json.loads(text).keys() <= {"title", "ratio", "parts", "note"}


def test_beams_write_valid_json_too() -> None:
    for text in written(of_schema(BYTES, Part.model_json_schema()), 1, 2, how="beam", beams=3):
        Part.model_validate_json(text, strict=True)


@settings(max_examples=15)
@given(
    st.sampled_from(
        [r"[a-c]{2,5}x?", r"[0-9]{4}-[A-Zé]", "a/?\n+b", "", r"(ja|nein|vielleicht)(/nie)?", r"é\/[^\x00-\x7F]", "a b|"]
    ),
    st.integers(0, 10**6),
)
def test_text_matches_a_pattern_as_a_whole(pattern: str, seed: int) -> None:
    assert all(re.fullmatch(pattern, text) for text in written(of_pattern(BYTES, pattern), seed))


def test_a_grammar_may_nest() -> None:
    grammar = Grammar(BYTES, 'start: sum\nsum: term ("+" term)?\nterm: "(" sum ")" | /[0-9]{1,3}/')
    texts = written(grammar, 2, 20, temperature=50.0)
    assert all(re.fullmatch(r"[0-9()+]+", text) and text.count("(") == text.count(")") for text in texts)
    assert any("(" in text for text in texts) and any("(" not in text for text in texts)


def test_what_is_allowed_is_every_token_that_goes_on() -> None:
    words = ["true", "tab", "été", "x"]
    follower = of_pattern(BYTES, "|".join(words)).begin()
    spelled = [b""] * 4 + BYTES.tokens.pieces  # type: ignore[attr-defined]
    so_far = b""
    for token in (b"t", b"ab"):
        wanted = [bool(one) and any(word.encode().startswith(so_far + one) for word in words) for one in spelled]
        wanted[3] = so_far.decode() in words
        assert follower.allowed().tolist() == wanted
        follower.take(spelled.index(token))
        so_far += token
    assert np.flatnonzero(follower.allowed()).tolist() == [3], "nothing follows but the end"


def test_characters_follow_a_grammar_and_miss_what_they_cannot_spell() -> None:
    vocabulary = Lexicon(Characters(list('{"a:1}'), lower=False))
    logits = torch.zeros(vocabulary.tokens.size, vocabulary.tokens.size)
    schema = {"type": "object", "properties": {"a": {"const": 11}}, "required": ["a"], "additionalProperties": False}
    ((found,),) = Writer(Table(logits), vocabulary, DecodingSettings(), of_schema(vocabulary, schema)).write()
    assert found.text == '{"a":11}' and found.ended == "end"
    with pytest.raises(DataError, match="no token of the vocabulary continues a text of the grammar"):
        Writer(Table(logits), vocabulary, DecodingSettings(), of_pattern(vocabulary, "ab")).write()


def test_what_is_cut_is_the_beginning_of_a_text() -> None:
    logits = torch.zeros(BYTES.tokens.size, BYTES.tokens.size)
    ((found,),) = Writer(Table(logits), BYTES, DecodingSettings(longest=3), of_pattern(BYTES, "a{9}")).write()
    assert (found.text, found.ended) == ("aaa", "longest")


def test_pretrained_tokens_follow_a_grammar() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    names = ["Ġ", "a", "Ã", "©", "Ġa", "<end>", "{", "}"]
    model = tokenizers.models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[("Ġ", "a")])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<end>"])
    tokens = Pretrained(tokenizer.to_str())
    vocabulary = Lexicon(tokens, start=6, ends=(6,), never=(0,))
    constraint = of_pattern(vocabulary, r"\{ aé? a\}")
    for seed in range(5):
        made = DecodingSettings(how="sample", seed=seed)
        ((found,),) = Writer(Table(torch.zeros(tokens.size, tokens.size)), vocabulary, made, constraint).write()
        assert found.text in ("{ a a}", "{ aé a}") and found.ended == "end"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: of_schema(BYTES, {"type": "thing"}), "the JSON schema cannot be followed · got .*thing"),
        (lambda: of_schema(BYTES, {"type": "object", "if": {}}), "the JSON schema cannot be followed · got .*if"),
        (lambda: of_schema(BYTES, False), "the JSON schema cannot be followed · got .*[Uu]nsatisfiable"),
        (lambda: of_schema(BYTES, {"$ref": "#/nowhere"}), "the JSON schema cannot be followed · got .*nowhere"),
        (lambda: of_pattern(BYTES, "a("), "the pattern cannot be followed · got .*unclosed group"),
        (lambda: Grammar(BYTES, "start: other"), "the grammar cannot be followed · got .*unknown name"),
        (lambda: of_pattern(Lexicon(Words(["a"], lower=True)), "a"), "these tokens cannot .* got Words · allowed"),
    ],
)
def test_what_cannot_be_followed_is_said(made: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        made()
    assert len(str(caught.value)) < 400
