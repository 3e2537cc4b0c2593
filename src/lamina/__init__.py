"""Lamina: deep learning for people who have data and a question."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public names and where they live; a name is imported when it is first asked for, so `import lamina` stays light.
_HOMES = {
    "catalogue": "lamina.api",
    "chat": "lamina.api",
    "evaluate": "lamina.api",
    "export": "lamina.api",
    "inspect": "lamina.api",
    "load": "lamina.api",
    "predict": "lamina.api",
    "pretrain": "lamina.api",
    "resume": "lamina.api",
    "train": "lamina.api",
    "verify": "lamina.api",
    "LaminaClassifier": "lamina.estimators",
    "LaminaRegressor": "lamina.estimators",
    "Run": "lamina.run",
    "LaminaError": "lamina.errors",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lamina' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
