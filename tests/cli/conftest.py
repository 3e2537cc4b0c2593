"""A small table, a finished run, and the command line called in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

import lamina
from cli.terminal import Done, Lamina, make_table
from lamina.cli import main


@pytest.fixture
def lamina_(capfdbinary: pytest.CaptureFixture[bytes]) -> Lamina:
    """Call the command line."""

    def call(*words: object) -> Done:
        capfdbinary.readouterr()
        code = main([str(word) for word in words])
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return call


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of fruits."""
    path = tmp_path_factory.mktemp("table") / "fruit.csv"
    make_table().write_csv(path)
    return path


@pytest.fixture(scope="session")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the table."""
    folder = tmp_path_factory.mktemp("runs") / "ripe-1"
    lamina.train(table, "ripe", model="mlp", budget="30steps", baselines=["constant", "linear"], out=folder)
    return folder
