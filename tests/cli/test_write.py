"""``lamina write``: a text for each row, as it comes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from translation import fit, sentences, writing

import lamina
from cli.terminal import Lamina

TEXT = "the red dog hears the bird"


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that translates."""
    return fit(
        tmp_path_factory.mktemp("runs") / "german-1", sentences(150), features={"english": "text"}, budget="60steps",
        plan={"model": writing("gru", "transformer", 32)}, train__batch_size=32, train__learning_rate=0.01,
        task={"how": "beam", "beams": 3},
    ).path  # fmt: skip


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that writes from a text and a number."""
    table = sentences(60).with_columns(size=pl.int_range(60) / 7)
    return fit(tmp_path_factory.mktemp("runs") / "german-2", table, features={"english": "text"}).path


def test_a_row_of_the_command_line(writer: Path, lamina_: Lamina) -> None:
    run = lamina.load(writer)
    done = lamina_("write", writer, TEXT)
    assert (done.code, done.out, done.err) == (0, run.write(TEXT)[0].text + "\n", "")
    assert lamina_("write", writer, f"english={TEXT}").out == done.out
    assert lamina_("write", writer, "x=y the dog").out == run.write("x=y the dog")[0].text + "\n", "it names no column"


def test_as_it_comes(writer: Path, lamina_: Lamina, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lamina.load(writer)
    asked: list[str] = []
    real = lamina.Run.write_on

    def counted(self: lamina.Run, row: str, **decoding: Any) -> Any:
        asked.append(row)
        return real(self, row, **decoding)

    monkeypatch.setattr(lamina.Run, "write_on", counted)
    for how in ("greedy", "sample"):
        assert lamina_("write", writer, TEXT, "--how", how).out == run.write(TEXT, how=how)[0].text + "\n"
    assert asked == [TEXT, TEXT]
    first, *_, last = run.write(TEXT, how="greedy")[0].text.split(" ")
    assert lamina_("write", writer, TEXT, "--how", "greedy", "--stop", "7", "--stop", " ").out == f"{first}\n"
    assert last not in lamina_("write", writer, TEXT, "--how", "greedy", "--stop", last).out


def test_alternatives_stand_below_each_other(writer: Path, lamina_: Lamina) -> None:
    done = lamina_("write", writer, TEXT, "--alternatives", "3", "--length-penalty", "0")
    texts = [one.text for one in lamina.load(writer).write(TEXT, alternatives=3, length_penalty=0.0)]
    assert done.out.splitlines() == texts and len(set(texts)) == 3


def test_rows_of_standard_input(writer: Path, lamina_: Lamina, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lamina.load(writer)
    lines = sentences(3, seed=4)["english"].to_list()
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert lamina_("write", writer).out.splitlines() == [run.write(line)[0].text for line in lines]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert lamina_("write", writer).err == (
        'lamina: there is nothing to write from · give a text: lamina write RUN "A dog runs."\n'
    )


def test_programs_get_one_document(writer: Path, lamina_: Lamina) -> None:
    found = lamina_("write", writer, TEXT, "--json", "--alternatives", "2").document
    (row,) = found["rows"]
    best = lamina.load(writer).write(TEXT, alternatives=2)[0]
    assert found["run"] == str(writer) and len(row) == 2
    assert row[0] == {
        "text": best.text, "ids": best.ids, "logs": best.logs, "score": best.score, "ended": best.ended,
    }  # fmt: skip


def test_several_columns_by_their_names(of_two: Path, lamina_: Lamina) -> None:
    run = lamina.load(of_two)
    said = run.predict(pl.DataFrame({"english": [TEXT], "size": [2.5]}))["german"][0]
    done = lamina_("write", of_two, "size=2.5", f"english={TEXT}", "--how", "greedy")
    assert (done.code, done.out) == (0, f"{said}\n")
    wrong = {
        (TEXT,): "several columns · got one cell · allowed: english, size · give each by its name: NAME=CELL",
        ("a dog", "size=2.5"): "of no column that the run reads · got a dog · allowed: english, size · give it as",
        ("size=2.5", "englsh=a"): "of no column that the run reads · got englsh=a · .* did you mean english?",
        ("english=a dog",): "column 'size' is missing",
        ("english=a dog", "size=much"): "size",
    }  # fmt: skip
    for cells, says in wrong.items():
        done = lamina_("write", of_two, *cells)
        assert done.code in (1, 2) and done.out == "" and done.err.count("\n") == 1
        assert all(part in done.err for part in says.split(" .* ")), done.err


def test_what_cannot_be(writer: Path, table: Path, run: Path, tmp_path: Path, lamina_: Lamina) -> None:
    wrong = {
        (run, "a dog"): "lamina: the run predicts no text · got the target ripe · lamina predict RUN DATA\n",
        (writer, "a dog", "--beems", "3"): "no such option · got --beems · did you mean --beams?",
        (writer, "a dog", "--beams", "0"): "setting decoding.beams is not valid · got 0",
        (writer, "a dog", "--how", "wildly"): "setting decoding.how is not valid · got 'wildly' · allowed: 'greedy'",
        (writer, "a dog", "--alternatives", "4"): "does not find so many alternatives · got 4 · allowed: at most 3",
        (tmp_path, "a dog"): "is not a complete run",
    }  # fmt: skip
    for words, says in wrong.items():
        done = lamina_("write", *words)
        assert done.code in (1, 2) and done.out == "" and says in done.err and done.err.count("\n") == 1, done
