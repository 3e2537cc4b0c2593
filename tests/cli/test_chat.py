"""``lamina chat``: at a terminal, and line by line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from chatting.folders import chat_folder

import lamina
from cli.terminal import Lamina

pytest.importorskip("tokenizers")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat_folder(tmp_path_factory.mktemp("models") / "helper")


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> object:
    """Let lines stand on standard input."""

    def say(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))

    return say


def answers(folder: Path, *lines: str, **settings: object) -> list[str]:
    chat = lamina.chat(folder, longest=8, **settings)
    return [chat.say(line) for line in lines]


def test_lines_are_answered_one_by_one(folder: Path, lamina_: Lamina, says) -> None:  # type: ignore[no-untyped-def]
    says("hello", "", "bye")
    done = lamina_("chat", folder, "--longest", "8")
    assert (done.code, done.out, done.err) == (0, "".join(f"{one}\n" for one in answers(folder, "hello", "bye")), "")
    says("hello", "/new", "hello", "/quit", "bye")
    done = lamina_("chat", folder, "--longest", "8")
    assert done.out == f"{answers(folder, 'hello')[0]}\n" * 2


def test_what_it_is_told_and_how_it_draws(folder: Path, lamina_: Lamina, says) -> None:  # type: ignore[no-untyped-def]
    plain = answers(folder, "hello")[0]
    for words, settings in (
        (["--system", "12"], {"system": "12"}),
        (["--how", "sample", "--temperature", "3", "--seed", "1"], {"how": "sample", "temperature": 3, "seed": 1}),
        (["--stop", plain[1], "--stop", "12"], {"stop": [plain[1], "12"]}),
    ):
        says("hello")
        found = lamina_("chat", folder, "--longest", "8", *words).out
        assert found == answers(folder, "hello", **settings)[0] + "\n" != f"{plain}\n"


def test_programs_get_one_document(folder: Path, lamina_: Lamina, says) -> None:  # type: ignore[no-untyped-def]
    says("hello", "bye")
    done = lamina_("chat", folder, "--longest", "8", "--context", "70", "--json")
    chat = lamina.chat(folder, longest=8, context=70)
    chat.say("hello")
    chat.say("bye")
    assert done.document == {"source": str(folder), "turns": chat.turns, "left_out": chat.left_out}
    assert chat.left_out == 2 and done.err == (
        "the network reads 70 tokens, and this is more: the 2 oldest turns are left out from now on\n"
    )


def test_at_a_terminal(folder: Path, lamina_: Lamina, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in a turn ends that turn alone."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = iter(["hello", "/qiut", "x" * 300, "bye"])

    def asked(prompt: str) -> str:
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", asked)
    done = lamina_("chat", folder, "--longest", "8")
    assert done.code == 0 and done.out == "".join(f"{one}\n" for one in answers(folder, "hello", "bye")) + "\n"
    first, *others = done.err.splitlines()
    assert first == "say something; /new begins anew, /quit leaves"
    assert others[0] == "lamina: no such word · got /qiut · allowed: /new, /quit · did you mean /quit?"
    assert "longer than the network can read" in others[1] and len(others) == 2


def test_an_answer_is_broken_off_by_an_interrupt(
    folder: Path, lamina_: Lamina, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = iter(["hello", "/quit"])
    chats = []
    real = lamina.chatting.chat.Chat._answered  # type: ignore[attr-defined]

    def broken(self, *rest):  # type: ignore[no-untyped-def]
        chats.append(self)
        yield next(real(self, *rest))
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    monkeypatch.setattr(lamina.chatting.chat.Chat, "_answered", broken)  # type: ignore[attr-defined]
    done = lamina_("chat", folder)
    assert done.code == 0 and len(chats) == 1


def test_what_cannot_be(folder: Path, run: Path, tmp_path: Path, lamina_: Lamina, says) -> None:  # type: ignore[no-untyped-def]
    wrong = {
        (folder, "--how", "beam"): "setting chat.how is not valid · got 'beam' · allowed: 'greedy' or 'sample'",
        (folder, "--beams", "3"): "no such option · got --beams",
        (tmp_path / "none",): "there is no folder",
        (tmp_path,): "has no tokenizer.json",
        (run,): "the run has learned no dialogues · got the target ripe · lamina predict RUN DATA",
    }  # fmt: skip
    for words, said in wrong.items():
        says("hello")
        done = lamina_("chat", *words)
        assert done.code in (1, 2) and done.out == "" and said in done.err and done.err.count("\n") == 1, done
    says()
    assert "nobody said anything" in lamina_("chat", folder).err
    says("/nwe")
    assert "no such word · got /nwe · allowed: /new, /quit · did you mean /new?" in lamina_("chat", folder).err
