"""Help, versions, and words that are not understood."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lamina
from cli.terminal import Lamina
from lamina.cli import COMMANDS, HELP
from lamina.cli.command import parser_of
from lamina.cli.settings import names_of, settings_of, shown
from lamina.errors import UsageError

DEFAULTS = {
    "train": ["(default: 10min)", "(default: auto)", "(default: all)", "(default: 0)", "runs/<target>-<number>"],
    "predict": ["(default: -)"],
    "runs": ["(default: runs)"],
}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_a_command_shows_defaults_and_fits(name: str, lamina_: Lamina) -> None:
    done = lamina_(name, "--help")
    assert done.code == 0 and done.err == ""
    assert done.out.startswith(f"usage: lamina {name}")
    text = " ".join(done.out.split())
    assert [one for one in DEFAULTS.get(name, []) if one not in text] == []
    assert "--json" in text and "--debug" in text and f"example: lamina {name}" in text
    assert max(map(len, done.out.splitlines())) <= 100


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_has_help_and_every_command_a_line(name: str) -> None:
    parser = parser_of(name, COMMANDS[name])
    assert [action.dest for action in parser._actions if not action.help] == []
    assert f"\n  {name} " in HELP


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); from lamina.cli import main; main(['--help']);"
        "print(time.perf_counter() - start, file=sys.stderr);"
        "print([m for m in ('torch', 'polars', 'numpy', 'sklearn', 'pydantic') if m in sys.modules], file=sys.stderr)"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.splitlines()
        for _ in range(3)
    ]
    assert found[0][1] == "[]"
    assert min(float(seconds) for seconds, _ in found) < 0.3


def test_help_of_train_imports_no_torch() -> None:
    code = "import sys; from lamina.cli import main; main(['train', '--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_names_every_command(words: list[str], lamina_: Lamina) -> None:
    assert lamina_(*words) == (0, HELP, "")


def test_no_command_is_wrong_use(lamina_: Lamina) -> None:
    assert lamina_() == (2, "", HELP)


def test_version(lamina_: Lamina) -> None:
    assert lamina_("--version").out == f"lamina {lamina.__version__}\n"
    done = subprocess.run([sys.executable, "-m", "lamina", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"lamina {lamina.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "no such command · got 'trian'"),
        (["trian"], "did you mean train?"),
        (["--trace", "train"], "the command comes first"),
        (["train", "a.csv", "--taget", "y"], "no such option · got --taget · did you mean --target?"),
        (["train", "a.csv", "--budgte=3s"], "no such option · got --budgte · did you mean --budget?"),
        (["train", "--target", "y"], "lamina train needs DATA"),
        (["train", "a.csv", "--target"], "--target: expected one argument"),
        (["train", "a.csv", "b.csv", "--target", "y"], "unrecognized arguments: b.csv"),
        (["predict", "run"], "lamina predict needs DATA"),
        (["train", "a.csv", "--target", "y", "--set", "model.width"], "--set is not understood"),
        (["train", "a.csv", "--target", "y", "--feature", "zip"], "--feature is not understood"),
        (["train", "a.csv", "--target", "y", "--set", "train.budgt=3s"], "did you mean budget?"),
        (["train", "a.csv", "--target", "y", "--seed", "x"], "setting seed is not valid · got 'x'"),
        (["train", "a.csv", "--target", "y", "--model", "tabn"], "did you mean tabm?"),
        (["train", "a.csv", "--target", "y", "--budget", "fast"], "is no budget · got 'fast'"),
        (["schema", "trian"], "did you mean train?"),
        (["schema", "model", "tabn"], "did you mean tabm?"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(words: list[str], said: str, lamina_: Lamina) -> None:
    done = lamina_(*words)
    assert done.code == 2
    assert done.err.startswith("lamina: ") and done.err.count("\n") == 1
    assert said in done.err
    assert done.out == ""


def test_wrong_use_with_json(lamina_: Lamina) -> None:
    done = lamina_("train", "a.csv", "--taget", "y", "--json")
    assert done.document["error"]["type"] == "UsageError"
    assert done.err == f"lamina: {done.document['error']['message']}\n"


def test_debug_shows_the_traceback(lamina_: Lamina) -> None:
    done = lamina_("verify", "nowhere", "--debug")
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("lamina: ")


def test_a_reader_who_leaves_is_no_error() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m lamina schema | head -n 1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lamina", "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "lamina: no space left on device · make room, or write to another disk\n"


def test_names_keep_commas_in_quotes() -> None:
    assert names_of(["a,b", "c"]) == ["a", "b", "c"]
    assert names_of(['"last, first",age']) == ["last, first", "age"]
    assert names_of(None) is None


def test_settings_are_read_as_values() -> None:
    assert settings_of(["model.width=64", "train.learning_rate=1e-3", "split.group=a=b"]) == {
        "model.width": 64,
        "train.learning_rate": 0.001,
        "split.group": "a=b",
    }
    with pytest.raises(UsageError):
        settings_of(["=1"])
    assert shown([]) == "none"
