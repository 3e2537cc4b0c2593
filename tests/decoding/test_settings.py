"""Settings say what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.config import as_dict, check, defaults
from lamina.decoding.settings import DecodingSettings
from lamina.errors import SettingError


@pytest.mark.parametrize(
    "values",
    [
        {"how": "best"},
        {"beams": 0},
        {"temperature": 0},
        {"top_p": 0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0},
        {"longest": 0},
        {"stop": [""]},
        {"alternatives": 0},
        {"beam": 3},
    ],
)
def test_out_of_bounds(values: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=f"decoding.{next(iter(values))}"):
        check(DecodingSettings, values, "decoding")


def test_there_and_back() -> None:
    made = check(DecodingSettings, {"how": "sample", "stop": ["\n"], "top_p": 0.9})
    assert check(DecodingSettings, as_dict(made)) == made != defaults(DecodingSettings)
