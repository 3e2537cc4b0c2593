"""Every backbone keeps the contract; a new row of the table joins by being there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamina.backbones import BACKBONES
from lamina.testing.backbones import BACKBONE_CHECKS, sample_slots

# The same code as another name's, with more layers.
DEEPER = ("resnet32", "resnet56", "resnet34", "resnet50")


@pytest.mark.parametrize("check", BACKBONE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in DEEPER else ()) for name in BACKBONES]
)
def test_contract(name: str, check: Callable[..., None]) -> None:
    if name == "pretrained":
        pytest.importorskip("transformers", reason="lamina[transformers] is not installed")
    cls = BACKBONES[name]
    check(cls, [slot for group in cls.groups for slot in sample_slots(group)])
