"""``lamina compose``: music in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tunes import fit, write_hymns

import lamina
from cli.terminal import Lamina
from lamina.codecs.midi import read_midi
from lamina.codecs.wav import recording


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that composes."""
    return fit(tmp_path_factory.mktemp("runs") / "piece-1").path


def test_a_piece_as_files(composer: Path, lamina_: Lamina, tmp_path: Path) -> None:
    done = lamina_(
        "compose", composer, "--seconds", "3", "--seed", "4", "--out", tmp_path / "a.mid", "--wav", tmp_path / "a.wav"
    )
    piece = lamina.load(composer).compose(seconds=3, seed=4)
    told = f"{tmp_path / 'a.mid'}, {tmp_path / 'a.wav'}  5 steps, {piece.seconds:.1f} seconds\n"
    assert (done.code, done.out, done.err) == (0, told, "")
    assert read_midi((tmp_path / "a.mid").read_bytes()).notes == piece.tune.notes
    assert recording((tmp_path / "a.wav").read_bytes(), 60.0).rate == 44_100


def test_programs_get_one_document(composer: Path, lamina_: Lamina, tmp_path: Path) -> None:
    write_hymns(tmp_path, rows=1)
    found = lamina_("compose", composer, tmp_path / "000.mid", "--how", "vary", "--tries", "1", "--json").document
    assert set(found) == {"run", "files", "seconds", "steps"} and found["files"] == []
    assert found["steps"] == lamina.load(composer).compose(tmp_path / "000.mid", how="vary", tries=1).steps


def test_what_is_wrong_is_one_line(composer: Path, lamina_: Lamina, tmp_path: Path) -> None:
    for words, says in (
        ([], "nobody would hear it · say where the piece goes: --out new.mid, --wav new.wav"),
        (["--out", tmp_path / "a.mp3"], "as MIDI or as a recording"),
        (["--out", tmp_path / "a.mid", "--how", "vary"], "no piece to go on from, or to vary"),
        (["--out", tmp_path / "a.mid", "--seconds", "-1"], "setting composing.seconds is not valid · got -1"),
        (["--out", tmp_path / "a.mid", "--tempoo", "3"], "no such option · got --tempoo · did you mean --tempo"),
        ([tmp_path / "no.mid", "--json"], "there is no such file"),
    ):
        done = lamina_("compose", composer, *words)
        assert done.code != 0 and says in done.err and done.err.count("\n") == 1, done.err
    assert list(tmp_path.iterdir()) == []
