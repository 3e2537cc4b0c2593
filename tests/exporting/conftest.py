"""A small run on fruits, and what left it as a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from fruits import train_fruits

import lamina
from lamina.exporting import bundle, formats
from lamina.exporting.leaving import Exported
from lamina.runtime.archive import read_archive

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    return train_fruits(tmp_path_factory.mktemp("runs") / "fruits-1")


@pytest.fixture(scope="session")
def exported(run: lamina.Run, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return run.export(tmp_path_factory.mktemp("bundles") / "fruits.lamina", licence="CC0-1.0")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def known_graph(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph of the run is taken from its bundle, since it takes seconds to write."""
    graph = read_archive(exported.path)["graph.onnx"]
    for module in (bundle, formats):
        monkeypatch.setattr(module, "onnx_of", lambda *_: graph)
