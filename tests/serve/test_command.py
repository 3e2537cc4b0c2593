"""``lamina serve``, as a person calls it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.cli import main
from lamina.cli.command import parser_of
from lamina.cli.serve import _sources, _tell, _words, command
from lamina.serve.models import Source
from lamina.serve.settings import ServeSettings
from serve.fakes import TOKEN, Fruit, over


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    random = np.random.default_rng(0)
    size = random.normal(size=80)
    rows = pl.DataFrame({"size": size, "ripe": np.where(size > 0.3, "yes", "no")})
    folder = tmp_path_factory.mktemp("runs") / "ripe-1"
    lamina.train(rows, "ripe", model="mlp", budget="5steps", baselines=["constant"], out=folder)
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path) -> Path:
    """The same as one file."""
    return lamina.load(run).export(run.parent / "ripe.lamina").path


@contextlib.contextmanager
def served(*words: object, **environment: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command as a process, and what it printed until it could be asked."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lamina", "serve", *map(str, words), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = []
        while line := process.stdout.readline():
            lines.append(line.rstrip("\n"))
            if line.startswith("page") or ("--json" in words and line == "}\n"):
                break
        yield process, lines
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0


def connected(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address.removeprefix("http://").partition("/")[0], timeout=20)


def test_a_run_is_served_under_its_folder_s_name(run: Path) -> None:
    with served(run, LAMINA_TOKEN=TOKEN) as (_, lines):
        address, name = lines[0].split("  ")
        assert address.startswith("http://127.0.0.1:") and name == "ripe-1 version 1"
        assert not any(TOKEN in line for line in lines)  # which is for a terminal
        with contextlib.closing(connected(address)) as connection:
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            got = over(connection, "/v1/models/ripe-1:predict", {"instances": [{"size": 2.0}]}, bearer)
        wanted = lamina.load(run).predict(pl.DataFrame({"size": [2.0]})).to_dicts()
        assert got.status == 200 and got.json["predictions"][0]["ripe"] == wanted[0]["ripe"]


def test_bundles_versions_several_processes_and_a_token(bundle: Path) -> None:
    with served(f"fruit={bundle}", f"fruit={bundle}", "--workers", 2, "--json", LAMINA_TOKEN=TOKEN) as (process, lines):
        said: Any = json.loads("\n".join(lines))
        assert said["models"] == [{"name": "fruit", "version": 1}, {"name": "fruit", "version": 2}]
        with contextlib.closing(connected(said["address"])) as connection:
            assert over(connection, "/v1/models").status == 401
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            got = over(connection, "/v1/models", headers=bearer)
            answer = over(
                connection, "/v1/models/fruit/versions/1:predict", {"instances": [{"size": 2.0}]}, bearer
            ).json
            assert answer["predictions"][0]["ripe"] in ("yes", "no")
        assert [one["version"] for one in got.json["models"]] == ["1", "2"]
        place = Path("/proc") / str(process.pid) / "cmdline"  # which everybody can read
        assert not place.exists() or TOKEN.encode() not in place.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "lamina serve needs MODEL"),
        (["nowhere"], "there is no such model · got nowhere"),
        (["a b=."], "a model's name stands in addresses · got 'a b'"),
        ([".", "--port", "70000"], "setting port is not valid · got 70000 · allowed: >= 0 and <= 65535"),
        ([".", "--batch", "0"], "setting batch is not valid · got 0 · allowed: >= 1"),
        ([".", "--deadline", "nan"], "setting deadline is not valid"),
        ([".", "--patience", "inf"], "setting patience is not valid · got inf · allowed: >= 0.1 and <= 3600"),
        ([".", "--port", "x"], "--port: invalid int value: 'x'"),
        ([".", "--host", "0.0.0.0"], "who can reach this machine could ask the model"),
        ([".", "--token", "short"], "the token is not valid"),
        ([".", "--prot", "8000"], "did you mean --port?"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_folder_that_is_no_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path), "--port", "0"]) == 1
    assert "is not a complete run" in capsys.readouterr().err


def test_names_of_models(tmp_path: Path) -> None:
    for name in ("adult.lamina", "my model (2).lamina", "ünder", "...lamina"):
        (tmp_path / name).touch()
    words = [str(tmp_path / name) for name in ("adult.lamina", "my model (2).lamina", "ünder", "...lamina")]
    found = _sources([*words, f"adult={words[1]}", f"x={words[0]}"])
    names = [(one.name, one.version) for one in found]
    assert names == [("adult", 1), ("my-model-2", 1), ("nder", 1), ("model", 1), ("adult", 2), ("x", 1)]
    assert all(isinstance(one, Source) for one in found)


def test_a_terminal_shows_a_link_with_the_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, sources = ServeSettings(token=TOKEN + "/%#"), [Source("a", 1, Fruit), Source("b", 1, Fruit)]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    _tell("http://127.0.0.1:8000", sources, settings, as_json=False)
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == f"http://127.0.0.1:8000/#token={TOKEN}%2F%25%23  a version 1"
    assert second.strip() == "b version 1" and last.startswith("page /")


def test_several_processes_get_the_same_settings() -> None:
    settings = ServeSettings(port=0, host="::1", batch=7, deadline=2.5, workers=3, log=True, token=TOKEN)
    words = _words(["a=b"], settings)
    assert words[1:5] == ["-m", "lamina", "serve", "a=b"] and not any(TOKEN in word for word in words)
    args = parser_of("serve", command).parse(words[4:])
    given = {name: getattr(args, name) for name in ("port", "host", "batch", "deadline", "workers", "log")}
    assert ServeSettings(**given, token=TOKEN) == settings


def test_the_command_and_the_service_need_neither_torch_nor_polars_nor_pydantic() -> None:
    code = (
        "import sys; from lamina.cli import main; main(['serve', '--help']); import lamina.serve.server;"
        "print([name for name in ('torch', 'polars', 'pydantic', 'pyarrow', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
