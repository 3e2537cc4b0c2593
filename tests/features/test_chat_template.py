"""A chat model's template gives the text that the transformers library gives, and can do nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lamina.errors import DataError, MissingExtraError
from lamina.features import chat_template
from lamina.features.chat_template import ChatTemplate, special_of, template_of

pytest.importorskip("jinja2")

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " Hello <b> "},
    {"role": "assistant", "content": 'Hi "there".'},
    {"role": "user", "content": "Größe?"},
]

# Each uses something that templates of published models use, with what transformers 5.23 makes of the turns.
TEMPLATES = {
    "{{ bos_token }}{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] | trim }}{% endfor %}": (
        '<s>[system]Be brief.[user]Hello <b>[assistant]Hi "there".[user]Größe?'
    ),
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
    "{% set ns.n = ns.n + 1 %}{{ ns.n }}{{ m.content | tojson }}{% endfor %}": (
        '1" Hello <b> "2"Hi \\"there\\"."3"Größe?"'
    ),
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{% else %}{{ m.content }}{% endif %}\n    {% if loop.last %}\n  !\n{% endif %}\n{% endfor %}": (
        'Be brief. Hello <b> Hi "there".Größe?  !\n'
    ),
    "{% if not tools is defined or tools is none %}{{ messages[-1]['content'] }}{{ unk_token }}{% endif %}"
    "{% if add_generation_prompt %}>{% endif %}": "Größe?>",
    "{{ dict(a=1)['a'] }}{{ messages[1:] | map(attribute='role') | join(',') }}": "1user,assistant,user",
}


def of(source: str) -> ChatTemplate:
    return ChatTemplate(source, {"bos_token": "<s>"})


@pytest.mark.parametrize("source", TEMPLATES)
def test_text_is_the_one_that_the_library_gave(source: str) -> None:
    assert of(source).text(TURNS, answer=True) == TEMPLATES[source]


@pytest.mark.parametrize("source", TEMPLATES)
@pytest.mark.parametrize("answer", [True, False])
def test_text_is_the_library_s(source: str, answer: bool) -> None:
    utils = pytest.importorskip("transformers.utils.chat_template_utils")
    (expected,), _ = utils.render_jinja_template(
        conversations=[TURNS], chat_template=source, add_generation_prompt=answer, bos_token="<s>"
    )
    assert of(source).text(TURNS, answer=answer) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception.__globals__ }}",
        "{% set ns = namespace(a=1) %}{% set ns._b = 2 %}",
        "{{ namespace(_a=1) }}",
        "{{ namespace({'__init__': 1}) }}",
        "{% for one in range(10 ** 9) %}{% endfor %}",
        "{{ messages[0].content.format.__self__ }}",
    ],
)
def test_what_a_template_may_not_do(source: str) -> None:
    """What Jinja's sandbox refuses is an error, or gives nothing."""
    try:
        assert of(source).text(TURNS) == ""
    except DataError as error:
        assert "the chat template refuses the turns" in str(error)


def test_what_is_no_template_and_turns_that_are_refused() -> None:
    with pytest.raises(DataError, match=r"the chat template cannot be read · got Expected an expression"):
        of("{% for %}")
    strict = of("{% if messages[0].role != 'user' %}{{ raise_exception('the user speaks first') }}{% endif %}")
    with pytest.raises(DataError, match="refuses the turns · got the user speaks first"):
        strict.text(TURNS)
    with pytest.raises(DataError, match="refuses the turns"):
        of("{{ messages[0].content + 1 }}").text(TURNS)


def test_an_old_jinja_is_not_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "SAFE", (99, 0, 0))
    chat_template._environment.cache_clear()
    with pytest.raises(MissingExtraError, match=r"too old .* allowed: 99.0.0 · pip install 'lamina\[chat\]'"):
        of("")
    chat_template._environment.cache_clear()


def test_where_a_folder_keeps_its_template(tmp_path: Path) -> None:
    def config(**values: object) -> None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(values))

    assert template_of(tmp_path) is None and special_of(tmp_path) == {}
    config(chat_template="one", eos_token={"content": "<end>", "lstrip": False}, pad_token=None)
    assert template_of(tmp_path) == "one" and special_of(tmp_path) == {"eos_token": "<end>"}
    config(chat_template=[{"name": "default", "template": "two"}, {"name": "tool_use", "template": "three"}])
    assert template_of(tmp_path) == "two"
    (tmp_path / "special_tokens_map.json").write_text('{"bos_token": "<s>"}')
    (tmp_path / "chat_template.jinja").write_text("four")
    assert template_of(tmp_path) == "four" and special_of(tmp_path) == {"bos_token": "<s>"}
