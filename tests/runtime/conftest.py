"""A bundle of a small run on fruits, as bytes on the disk and opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from fruits import train_fruits

import lamina
from lamina.runtime import Bundle, load

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    return train_fruits(tmp_path_factory.mktemp("runs") / "fruits-1")


@pytest.fixture(scope="session")
def file(run: lamina.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run.export(tmp_path_factory.mktemp("bundles") / "fruits.lamina", licence="CC0-1.0").path


@pytest.fixture(scope="session")
def bundle(file: Path) -> Bundle:
    return load(file)
