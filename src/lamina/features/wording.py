"""How turns of a dialogue become the ids that a network reads, and which of them it is to learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lamina.errors import DataError, some
from lamina.features.chat_template import ChatTemplate, Message, special_of, template_of
from lamina.features.library_tokens import LibraryTokens
from lamina.features.tokens import FILL, MASK, UNKNOWN, Tokens
from lamina.files import read_json

__all__ = ["ASSISTANT", "PlainWording", "TemplateWording", "Wording", "messages_of", "said_by", "wording_from"]

ASSISTANT = "assistant"  # the role of what is learned, and written


class Wording(ABC):
    """Abstract: turns to ids.

    Attributes:
        tokens: ids to text and back.
        ends: ids that end an answer, at least one.
        never: ids that are not written.
    """

    tokens: Tokens
    ends: tuple[int, ...]
    never: tuple[int, ...] = ()

    @abstractmethod
    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids after which the assistant's next answer stands."""

    @abstractmethod
    def learned(self, messages: Sequence[Message]) -> tuple[np.ndarray, np.ndarray]:
        """All turns as ids, (T,) int64, and which of them the network learns to write, (T,) bool: those of the
        assistant, what ends them among them.

        Raises:
            DataError: if the turns cannot be put into words.
        """


class TemplateWording(Wording):
    """Turns by the template of a chat model, in its own tokens.

    Args:
        template: messages to text.
        tokens: of the model.
        ends: ids that end an answer.
    """

    tokens: LibraryTokens

    def __init__(self, template: ChatTemplate, tokens: LibraryTokens, ends: Sequence[int]) -> None:
        self.template, self.tokens, self.ends = template, tokens, tuple(ends)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        return self.tokens.of(self.template.text(messages, answer=True))

    def learned(self, messages: Sequence[Message]) -> tuple[np.ndarray, np.ndarray]:
        text = self.template.text(messages)
        marks = np.zeros(len(text), bool)
        for place, one in enumerate(messages):
            if one["role"] == ASSISTANT:
                before = self.template.text(messages[:place], answer=True)
                until = self.template.text(messages[: place + 1])
                if not (until.startswith(before) and text.startswith(until)):
                    raise DataError(
                        "the chat template writes a turn otherwise once others follow, so that none can be learned",
                        got=f"turn {place} of {len(messages)}",
                        do="give one answer of the assistant a row, as the last turn",
                    )
                marks[len(before) : len(until)] = True
        ids, spans = self.tokens.spans(text)
        found = np.array([bool(marks[start:end].any()) for start, end in spans], bool)
        # What stands behind the mark that ends a turn, such as a line's end, is never written.
        return np.array(ids, np.int64), _up_to_ends(np.array(ids), found, self.ends)


def _up_to_ends(ids: np.ndarray, marks: np.ndarray, ends: Sequence[int]) -> np.ndarray:
    """Of each stretch of marks only what stands up to an id that ends it, where there is one.

    Example:
        >>> _up_to_ends(np.array([5, 6, 2, 9, 7]), np.array([False, True, True, True, False]), [2]).tolist()
        [False, True, True, False, False]
    """
    kept, has_ended = marks.copy(), False
    for place, (one, mark) in enumerate(zip(ids.tolist(), marks.tolist(), strict=True)):
        kept[place] = mark and not has_ended
        has_ended = mark and (has_ended or one in ends)
    return kept


class PlainWording(Wording):
    """Turns by their roles: the role, a line's end, the content, and an id that ends the turn.

    Nothing that stands in a content can end its turn, since that id is no text.

    Args:
        tokens: of any kind.
        end: id that ends each turn, and stands before the first.

    Example:
        >>> from lamina.features.tokens import Characters
        >>> wording = PlainWording(Characters(list("user:\\nhiatn"), lower=False), end=3)
        >>> ids, learned = wording.learned([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hi"}])
        >>> len(ids), ids[learned].tolist() == [*ids[7:9], 3]
        (24, True)
    """

    def __init__(self, tokens: Tokens, end: int) -> None:
        self.tokens, self.ends = tokens, (end,)
        self.never = () if isinstance(tokens, LibraryTokens) else (FILL, UNKNOWN, MASK)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        parts = [part for one in messages for part in (self._head(one["role"]), self._of(one["content"]), self.ends)]
        return [self.ends[0], *(one for part in parts for one in part), *self._head(ASSISTANT)]

    def learned(self, messages: Sequence[Message]) -> tuple[np.ndarray, np.ndarray]:
        ids, marks = [self.ends[0]], [False]
        for one in messages:
            head, content = self._head(one["role"]), [*self._of(one["content"]), *self.ends]
            ids += [*head, *content]
            marks += [False] * len(head) + [one["role"] == ASSISTANT] * len(content)
        return np.array(ids, np.int64), np.array(marks, bool)

    def _head(self, role: str) -> list[int]:
        return self._of(f"{role}:\n")

    def _of(self, text: str) -> list[int]:
        return self.tokens.ids(pl.Series([text])).values.tolist()


def messages_of(cell: object) -> list[dict[str, str]]:
    """A cell as messages.

    Args:
        cell: a list of ``{"role", "content"}``; or of ``{"from", "value"}``, with human and gpt for user and assistant.

    Raises:
        ValueError: if it is none; it says what came.
    """
    if not isinstance(cell, list):
        raise ValueError(f"a {type(cell).__name__}")
    found = []
    for place, one in enumerate(cell):
        turn = one if isinstance(one, dict) else {}
        role = turn.get("role", _ROLES.get(turn.get("from"), turn.get("from")))  # type: ignore[arg-type]
        content = turn.get("content", turn.get("value"))
        if not isinstance(role, str) or not isinstance(content, str):
            raise ValueError(f"turn {place}: {some(turn or [one], 3)}")
        found.append({"role": role, "content": content})
    return found


_ROLES = {"human": "user", "gpt": ASSISTANT, "system": "system"}


# --- of a chat model's folder ---------------------------------------------------------------------------------------


def said_by(folder: Path) -> dict[str, Any]:
    """What a folder made by ``save_pretrained`` says of how its network is spoken to, as JSON values.

    Returns:
        ``definition`` of its tokens, the source of its ``template`` or None, its ``special`` tokens by name, the ids
        that are ``ends`` of an answer, as its tokenizer says, and then as its generation does; and ``usual``, settings
        of how answers are drawn, by the names of :class:`lamina.decoding.settings.DecodingSettings`.

    Raises:
        DataError: if the folder has no tokens, or none that ends an answer.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise DataError(
            f"{folder} has no tokenizer.json",
            got=some(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no folder",
            do="save the model's tokenizer there",
        )
    definition, special = path.read_text(encoding="utf-8"), special_of(folder)
    ends = [LibraryTokens(definition).id_of(special["eos_token"])] if "eos_token" in special else []
    generation, config = (_read(folder / name) for name in ("generation_config.json", "config.json"))
    for values in (generation, config):
        if (said := values.get("eos_token_id")) is not None:
            ends += said if isinstance(said, list) else [said]
            break
    ends = [one for one in dict.fromkeys(ends) if isinstance(one, int)]
    if not ends:
        raise DataError(
            f"nothing says which token ends an answer of {folder}", got="no eos_token",
            do="name it in its tokenizer_config.json as eos_token",
        )  # fmt: skip
    return {
        "definition": definition,
        "template": template_of(folder),
        "special": special,
        "ends": ends,
        "usual": _usual(generation),
    }


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _usual(generation: Mapping[str, Any]) -> dict[str, Any]:
    """How answers are drawn as a generation_config.json says, in our words."""
    names = {"repetition_penalty": "repetition_penalty", "no_repeat_ngram_size": "no_repeat"}
    found: dict[str, Any] = {}
    if generation.get("do_sample"):
        found["how"] = "sample"
        names |= {name: name for name in ("temperature", "top_k", "top_p", "min_p")}
    return found | {ours: generation[theirs] for theirs, ours in names.items() if generation.get(theirs)}


def wording_from(said: Mapping[str, Any]) -> Wording:
    """The wording that :func:`said_by` tells of; of a folder without a template a plain one."""
    tokens = LibraryTokens(said["definition"])
    if said["template"] is None:
        return PlainWording(tokens, said["ends"][0])
    return TemplateWording(ChatTemplate(said["template"], said["special"]), tokens, said["ends"])
