"""``lamina embed``: vectors into a file, and a probe on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

import lamina
from cli.terminal import ROWS, Lamina


def test_vectors_are_written_with_the_row_and_the_target(
    table: Path, run: Path, tmp_path: Path, lamina_: Lamina
) -> None:
    out = tmp_path / "vectors.parquet"
    done = lamina_("embed", run, table, "--out", out, "--target", "ripe")
    assert (done.code, done.out) == (0, "") and done.err == f"{ROWS} rows embedded: {out}\n"
    frame = pl.read_parquet(out)
    assert frame.columns == ["row", "ripe", "vector"] and len(frame) == ROWS
    vectors = lamina.load(run).embed(table)["vector"].to_numpy()
    np.testing.assert_allclose(np.stack(frame["vector"].to_numpy()), vectors)
    assert vectors.shape == (ROWS, 256)


def test_a_layer_by_its_name_as_json_lines(table: Path, run: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "vectors.jsonl"
    done = lamina_("embed", run, table, "--layer", "trunk.0", "--out", out, "--json")
    assert done.document == {"source": str(run), "layer": "trunk.0", "out": str(out), "rows": ROWS}
    assert len(pl.read_ndjson(out)["vector"][0]) == 256


def test_a_probe_is_judged(table: Path, run: Path, lamina_: Lamina) -> None:
    done = lamina_("embed", run, table, "--probe", "logistic", "--target", "ripe")
    assert done.code == 0 and "A linear model on the vectors reaches ROC-AUC" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 100
    found = lamina_("embed", run, table, "--probe", "svm", "--target", "ripe", "--json").document["probe"]
    assert found["scores"]["roc_auc"]["value"] > 0.8 and found["rows"]["left_out"] == 0


def test_wrong_use_is_said_before_anything_runs(table: Path, run: Path, tmp_path: Path, lamina_: Lamina) -> None:
    words = {
        ("--out", tmp_path / "v.csv"): "vectors cannot be written to",
        (): "nothing was asked for",
        ("--probe", "svm"): "--probe needs a column to predict",
        ("--out", tmp_path / "v.parquet", "--layer", "trnk"): "did you mean trunk?",
        ("--out", tmp_path / "v.parquet", "--target", "ripee"): "did you mean ripe?",
    }
    for given, said in words.items():
        done = lamina_("embed", run, table, *given)
        assert done.code in (1, 2) and said in done.err and done.err.count("\n") == 1, done
    assert not list(tmp_path.iterdir())
    done = lamina_("embed", tmp_path, table, "--out", tmp_path / "v.parquet")
    assert "no weights can be read" in done.err
