"""Messages as the text that a chat model was taught on: the Jinja template that comes with it, run in a sandbox."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.errors import DataError, MissingExtraError
from lamina.extras import need
from lamina.files import read_json

__all__ = ["ChatTemplate", "Message", "special_of", "template_of"]

Message = Mapping[str, str]
"""One turn: ``role`` (system, user, assistant) and ``content``."""

WHY = "for the template of a chat model"
SAFE = (3, 1, 6)  # the first version of Jinja whose sandbox has no hole that is known
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class ChatTemplate:
    """A chat model's template.

    It is text from elsewhere that is run, and so only in Jinja's sandbox, with strings as all that it sees. The text is
    the one that ``apply_chat_template`` of the transformers library gives.

    Args:
        source: of the template.
        special: names that it may use for tokens, as in ``bos_token``.

    Raises:
        DataError: if it is no template.
        MissingExtraError: if Jinja is not installed, or too old to be safe.

    Example:
        >>> template = ChatTemplate("{% for one in messages %}<{{ one.role }}>{{ one.content }}{% endfor %}", {})
        >>> template.text([{"role": "user", "content": "Hello"}])
        '<user>Hello'
    """

    def __init__(self, source: str, special: Mapping[str, str]) -> None:
        self.source, self.special = source, dict(special)
        try:
            self._template = _environment().from_string(source)
        except _jinja().TemplateError as error:
            raise DataError("the chat template cannot be read", got=str(error)) from None

    def text(self, messages: Sequence[Message], *, answer: bool = False) -> str:
        """Messages as text.

        Args:
            messages: in their order.
            answer: whether the text goes on to where the assistant's answer begins.

        Raises:
            DataError: if the template refuses the messages, such as two of the user one after the other.
        """
        plain = [{"role": str(one["role"]), "content": str(one["content"])} for one in messages]
        try:
            return str(
                self._template.render(
                    messages=plain, tools=None, documents=None, add_generation_prompt=answer, **self.special
                )
            )
        except (_jinja().TemplateError, TypeError, ValueError, KeyError, ArithmeticError) as error:
            raise DataError(
                "the chat template refuses the turns",
                got=str(error) or type(error).__name__,
                do="see which roles it takes, and in which order",
            ) from None


def template_of(folder: Path) -> str | None:
    """The source of the template of a folder made by ``save_pretrained``, or None where it has none."""
    own, path = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    source = read_json(path).get("chat_template") if path.is_file() else None
    if isinstance(source, list):  # several by name, of which one is for talk without tools
        source = {one["name"]: one["template"] for one in source}.get("default")
    return source if isinstance(source, str) else None


def special_of(folder: Path) -> dict[str, str]:
    """The special tokens of a folder made by ``save_pretrained``, by the names that templates use for them."""
    found: dict[str, str] = {}
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / file
        said = read_json(path) if path.is_file() else {}
        for name in SPECIAL:
            token = said.get(name)
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                found[name] = token
    return found


def _jinja() -> Any:
    return need("jinja2", extra="chat", why=WHY)


@functools.cache
def _environment() -> Any:
    """Jinja's sandbox, with what templates of chat models count on beside Jinja's own words."""
    jinja = _jinja()
    for part in ("ext", "nodes", "sandbox", "utils"):
        need(f"jinja2.{part}", extra="chat", why=WHY)
    if tuple(int(part) for part in jinja.__version__.split(".")[:3]) < SAFE:
        raise MissingExtraError(
            "jinja2 is too old to run a template from elsewhere safely",
            got=jinja.__version__,
            allowed=".".join(map(str, SAFE)),
            do="pip install 'lamina[chat]'",
        )

    class Generation(jinja.ext.Extension):  # type: ignore[misc, name-defined]
        """``{% generation %}``, by which a template says what the assistant has said: the text stays as it is."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja.nodes.Scope(body).set_lineno(line)

    class Namespace(jinja.utils.Namespace):  # type: ignore[misc, name-defined]
        """Variables of a template, none with a name that means something to Python."""

        def __init__(*args: Any, **values: Any) -> None:
            self, *rest = args
            _check_names(jinja, named := dict(*rest, **values))
            jinja.utils.Namespace.__init__(self, named)

        def __setitem__(self, name: str, value: Any) -> None:
            _check_names(jinja, [name])
            jinja.utils.Namespace.__setitem__(self, name, value)

    made = jinja.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    made.filters["tojson"] = _json
    made.globals |= {"raise_exception": _refused, "strftime_now": _now, "namespace": Namespace}
    return made


def _check_names(jinja: Any, names: Any) -> None:
    bad = [name for name in names if isinstance(name, str) and name.startswith("_")]
    if bad:
        raise jinja.exceptions.SecurityError(f"a template's variable begins with an underscore: {bad[0]}")


def _json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **more: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **more)


def _refused(message: str) -> None:
    raise _jinja().TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)
