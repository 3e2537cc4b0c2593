"""Every model keeps the contract; a new row of the table joins by being there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamina.models import MODELS
from lamina.testing import MODEL_CHECKS, sample_layouts


@pytest.mark.parametrize("check", MODEL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].gives == "row"])  # see test_writing.py
def test_contract(name: str, check: Callable[..., None]) -> None:
    check(MODELS[name], sample_layouts())
