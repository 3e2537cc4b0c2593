"""What the tests of the service share."""

from __future__ import annotations

import pytest

from lamina.serve import server


@pytest.fixture(autouse=True)
def quick_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this process does not tell its clients for long that it ends; those of other processes do."""
    monkeypatch.setattr(server, "LEAVE", 0.0)
