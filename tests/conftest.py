"""What all tests share: quiet determinism, no waiting for disks, and where the shared data lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# The same examples in every run, and no clock: a slow machine is not a fault of the code.
settings.register_profile(
    "lamina", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lamina")

# A run flushes some fifty files and folders, and a disk takes milliseconds for each: more than a short training takes.
# No test takes the power away, so only those of `lamina.files`, which is where flushing is promised, wait for the disk.
FLUSH: Callable[..., None] = os.fsync


def checked(handle: int) -> None:
    """As if what was written had been flushed; only a file that is open can be."""
    os.fstat(handle)


def pytest_configure() -> None:
    """From the first test on, those in docstrings too, which see no fixture of this file."""
    os.fsync = checked


def pytest_unconfigure() -> None:
    os.fsync = FLUSH


@pytest.fixture
def flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush to the disk after all."""
    monkeypatch.setattr(os, "fsync", FLUSH)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared data sets; the test is skipped where it is not there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data, which is not on this machine")
    return folder
