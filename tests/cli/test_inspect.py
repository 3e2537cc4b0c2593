"""``lamina inspect`` on tables of texts, sounds, series and pictures."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.terminal import Lamina

ROWS = 12


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A table beside its recordings, with a hostile name."""
    for place in range(ROWS):
        with wave.open(str(tmp_path / f"{place}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", "none"))
            tone = 9000 * np.sin(np.arange(1600 + 80 * place) * (place + 1) / 20)
            file.writeframes(tone.astype("<i2").tobytes())
    table = pl.DataFrame(
        {
            "call": [f"{place}.wav" for place in range(ROWS)],
            "<i>curve</i>": [np.sin(np.arange(20 + place)).tolist() for place in range(ROWS)],
            "note": [f"call number {place} was <b>loud</b>" for place in range(ROWS)],
            "size": np.arange(ROWS) / 7,
        }
    )
    table.write_parquet(tmp_path / "calls.parquet")
    return tmp_path / "calls.parquet"


def test_sizes_rates_and_lengths(wide: Path, lamina_: Lamina) -> None:
    done = lamina_("inspect", wide, "--feature", "note=text")
    assert done.code == 0
    text = " ".join(done.out.split())
    assert "call (first 12 rows): rate 8,000" in text and "longest (0.3100)" in text
    assert "<i>curve</i> (first 12 rows)" in text and "steps shortest (20)" in text
    assert "note (first 12 rows): tokens" in text
    assert max(map(len, done.out.splitlines())) <= 100
    looks = lamina_("inspect", wide, "--json").document["looks"]
    assert [one["column"] for one in looks][:2] == ["call", "<i>curve</i>"]
    assert not any("cells" in one or "players" in one for one in looks)


def test_page(wide: Path, tmp_path: Path, lamina_: Lamina) -> None:
    page = tmp_path / "calls.html"
    done = lamina_("inspect", wide, "--feature", "note=text", "--html", page)
    assert done.code == 0 and f"page  {page}" in done.out
    text = page.read_text()
    assert text.count('<audio controls src="data:audio/wav;base64,') == 5
    assert text.count('<img class="spectrogram"') == 8
    assert "&lt;i&gt;curve&lt;/i&gt;" in text and "<i>" not in text and "<b>" not in text
    assert "call number 3 was &lt;b&gt;loud&lt;/b&gt;" in text
    assert "<polyline" in text and "http" not in text.partition("<body>")[2]


def test_files_that_are_elsewhere(wide: Path, tmp_path: Path, lamina_: Lamina) -> None:
    other = tmp_path / "other"
    other.mkdir()
    moved = wide.rename(other / wide.name)
    done = lamina_("inspect", moved)
    assert done.code == 0 and "say where they lie: --files" in " ".join(done.out.split())
    assert "rate 8,000" in lamina_("inspect", moved, "--files", tmp_path).out
