"""``lamina chat``: talk with a network, turn by turn."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator

import lamina
from lamina.chatting.chat import Chat
from lamina.chatting.settings import ChatSettings
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_settings, given_of
from lamina.errors import LaminaError, UsageError, nearest

__all__ = ["command"]

WORDS = ("/new", "/quit")
OF_BEAMS = ("beams", "length_penalty", "thorough", "alternatives")  # an answer is shown as it comes


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="RUN_OR_FOLDER",
        help="A run that has learned dialogues; or a chat model as the transformers library saves it: config.json, "
        "safetensors, tokenizer.json and a chat template.",
    )
    add_settings(parser, ChatSettings, "as the run or the model says", OF_BEAMS)


def _run(args: argparse.Namespace) -> int:
    chat = lamina.chat(args.source, **given_of(args, ChatSettings))
    _tell(*chat.speaker.notes)
    if sys.stdin.isatty() and not args.json:
        _tell("say something; /new begins anew, /quit leaves")
        _talk(chat)
        return 0
    is_empty = True
    for line in sys.stdin:
        is_empty = False
        if not _answer(chat, line.strip(), shown=not args.json):
            break
    if is_empty:
        raise UsageError("nobody said anything", do="give lines on standard input, or talk at a terminal")
    if args.json:
        print_json({"source": args.source, "turns": chat.turns, "left_out": chat.left_out})
    return 0


def _talk(chat: Chat) -> None:
    """Turn by turn with a person: what goes wrong in a turn ends that turn alone, and so does Ctrl-C."""
    for line in _lines():
        try:
            if not _answer(chat, line, shown=True):
                return
        except LaminaError as error:
            _tell(f"lamina: {error}")
        except KeyboardInterrupt:
            print(flush=True)


def _lines() -> Iterator[str]:
    while True:
        try:
            yield input("> ").strip()
        except EOFError:
            print(flush=True)
            return


def _answer(chat: Chat, line: str, *, shown: bool) -> bool:
    """Answer a line; whether the conversation goes on."""
    if line == "/quit":
        return False
    if line == "/new":
        chat.reset()
        return True
    if re.fullmatch(r"/\w+", line):
        raise UsageError("no such word", got=line, allowed=", ".join(WORDS), do=nearest(line, WORDS))
    if not line:
        return True
    before = chat.left_out
    for piece in chat.stream(line):
        if shown:
            print(piece, end="", flush=True)
    if shown:
        print(flush=True)
    if chat.left_out > before:
        _tell(
            f"the network reads {chat.context:,} tokens, and this is more: "
            f"the {chat.left_out} oldest turns are left out from now on"
        )
    return True


def _tell(*sentences: str) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr, flush=True)


command = Command(
    "Talk with a network: a line is answered as it comes, with all that was said before it in mind. Without a terminal "
    "each line of standard input is answered. /new begins anew, /quit leaves.",
    "RUN_OR_FOLDER",
    _add_arguments,
    _run,
    'lamina chat models/helper --system "Answer in one sentence."',
)
