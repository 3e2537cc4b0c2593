"""Every operation of augmentation, alone and all together, keeps the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamina.testing.augment import AUGMENT_CHECKS, sample_augmentations

SAMPLES = sample_augmentations()


@pytest.mark.parametrize("check", AUGMENT_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", list(SAMPLES))
def test_contract(name: str, check: Callable[..., None]) -> None:
    check(SAMPLES[name])
