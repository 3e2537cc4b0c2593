"""What all scores of written text hold to: clear errors, sums over rows, intervals from the same draws."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lamina.errors import DataError
from lamina.evaluation.intervals import bootstrap, interval
from lamina.evaluation.text import SCORES, base, measure
from lamina.evaluation.text.answers import TOKEN_F1
from lamina.evaluation.text.base import column, pairs
from lamina.evaluation.text.bleu import BLEU
from lamina.evaluation.text.chrf import CHRF
from lamina.evaluation.text.edits import WER

ALL = sorted({score.name: score for scores in SCORES.values() for score in scores}.items())
WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "and", "then", "it", "slept", "."]


def texts(rows: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """References, one or two a row, and texts that are like one of them."""
    generator = np.random.default_rng(seed)
    references = [[" ".join(generator.choice(WORDS, 9)) for _ in range(1 + row % 2)] for row in range(rows)]
    said = [
        " ".join(word if generator.random() < 0.7 else generator.choice(WORDS) for word in row[0].split())
        for row in references
    ]
    return references, said


@pytest.mark.parametrize("name, score", ALL)
def test_sums_of_weighted_rows_are_rows_repeated(name: str, score: base.Score) -> None:
    references, said = texts(12, 0)
    weights = np.random.default_rng(1).integers(0, 4, 12)
    again = np.repeat(np.arange(12), weights)
    found = measure([score], references, said)(weights[None].astype(float))[0, 0]
    repeated = score([references[row] for row in again], [said[row] for row in again])
    assert found == pytest.approx(repeated, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name, score", ALL)
def test_blocks_of_rows_change_nothing(name: str, score: base.Score, monkeypatch: pytest.MonkeyPatch) -> None:
    references, said = texts(7, 2)
    whole = score.statistics(references, said)
    monkeypatch.setattr(base, "BLOCK", 150)
    np.testing.assert_array_equal(score.statistics(references, said), whole)
    assert whole.dtype == np.float64


@pytest.mark.parametrize("name, score", ALL)
def test_what_is_said_as_the_reference_has_it_is_perfect(name: str, score: base.Score) -> None:
    references = ["the cat sat on the mat", "a dog ran under a tree"]
    best = {"repetition": 0.0, "wer": 0.0, "cer": 0.0, "bleu": 100.0, "bleu_lower": 100.0, "chrf": 100.0}
    best |= {"chrf_words": 100.0, "no_answer": np.nan}
    assert score(references, references) == pytest.approx(best.get(name, 1.0), nan_ok=True)


@pytest.mark.parametrize("sizes", [[0], [0, 0, 0], [9, 0, 3, 99, 1], [5] * 40, [1000, 1000]])
def test_blocks_hold_every_row_once(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "BLOCK", 20)
    found = base.blocks(sizes)
    assert [row for block in found for row in range(len(sizes))[block]] == list(range(len(sizes)))
    assert all(sum(sizes[block][1:]) < 20 for block in found)


def test_shared_statistics_are_counted_once() -> None:
    counted = []

    def statistics(references: list[str], said: list[str]) -> np.ndarray:
        counted.append(len(said))
        return np.ones((len(said), 1))

    twice = [base.Score(name, name, True, statistics, lambda sums: sums[..., 0]) for name in "ab"]
    assert measure(twice, ["x", "y"], iter(["x", "y"]))(np.ones((3, 2))).tolist() == [[2.0, 2.0]] * 3
    assert counted == [2]


def test_two_systems_have_an_interval_of_their_difference() -> None:
    references, said = texts(200, 3)
    worse = [text.replace("cat", "dog", 1) if row % 3 else text for row, text in enumerate(said)]
    systems = {"network": measure([BLEU, WER], references, said), "other": measure([BLEU, WER], references, worse)}
    found = bootstrap(systems, 200, seed=0, resamples=200)
    own, other = found["network"], found["other"]
    alone = interval(own.value[0], own.drawn[:, 0], 200)
    difference = interval(own.value[0] - other.value[0], own.drawn[:, 0] - other.drawn[:, 0], 200)
    assert own.value.tolist() == pytest.approx([BLEU(references, said), WER(references, said)])
    assert difference["low"] > 0
    assert difference["high"] - difference["low"] < alone["high"] - alone["low"]  # the draws are the same


def test_columns_of_any_kind() -> None:
    references, said = [["a b", "c"], ["d"]], ["a b", "e"]
    same = [
        (references, said),
        (pl.Series(references), pl.Series(said)),
        (np.array(references, dtype=object), np.array(said)),
        ((tuple(row) for row in references), iter(said)),
    ]
    for given in same:
        assert pairs(*given) == (references, said)
    assert pairs(pl.Series(["a", "b"]), said)[0] == [["a"], ["b"]]


@pytest.mark.parametrize("score", [BLEU, CHRF, WER, TOKEN_F1])
@pytest.mark.parametrize(
    "references, said, message",
    [
        (["a", "b"], ["a"], "as many texts as references are needed · got 1 texts and references of 2 rows"),
        ([], [], "no rows to judge on"),
        (["a"], [None], "a text is missing · got null in row 0"),
        (["a", "b"], pl.Series(["a", None]), "null in row 1 · leave the row out, or give an empty text"),
        (["a", None], ["a", "b"], "a reference is missing · got null in row 1"),
        ([["a", None]], ["a"], "a reference is missing · got null in row 0"),
        (["a"], [float("nan")], "a text is missing"),
        (["a"], [3], "a text is not text · got int in row 0 · allowed: str"),
        ([3], ["a"], "a reference is not text · got int in row 0"),
        (["a"], "a", "a column of texts is needed · got one text as said · put it into a list"),
        ("a", ["a"], "got one text as references"),
    ],
)
def test_bad_rows_are_named(score: base.Score, references: object, said: object, message: str) -> None:
    with pytest.raises(DataError) as error:
        score(references, said)
    assert message in str(error.value)


def test_a_row_without_reference() -> None:
    with pytest.raises(DataError, match="a row has no reference · got row 1"):
        BLEU([["a"], []], ["a", "b"])


def test_a_column_is_read_once() -> None:
    assert column(iter(["a", "b"]), "said") == ["a", "b"]


def test_signatures_say_how_a_score_was_made() -> None:
    assert BLEU.signature(["a", "b"]).startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:lamina-")
    assert BLEU.signature([["a", "b"]]).startswith("nrefs:2|")
    assert CHRF.signature([["a", "b"], ["a"]]).startswith("nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no|")
