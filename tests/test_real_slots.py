"""A short run on real sentences with slots: labels beside what each word by itself would get."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

import lamina

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_slots_of_dialogues(shared_data: Path, tmp_path: Path) -> None:
    dialogues = json.loads(gzip.decompress((shared_data / "dialogue_sim_m" / "train.json.gz").read_bytes()))
    rows = []
    for dialogue in dialogues:
        for turn in dialogue["turns"]:
            said = turn.get("user_utterance", {"tokens": [], "slots": []})
            labels = ["O"] * len(said["tokens"])
            for slot in said["slots"]:
                start, end = slot["start"], slot["exclusive_end"]
                labels[start:end] = [f"B-{slot['slot']}", *[f"I-{slot['slot']}"] * (end - start - 1)]
            rows.append((dialogue["dialogue_id"], said["tokens"], labels))
    table = pl.DataFrame(rows, schema=["dialogue", "said", "slots"], orient="row")
    run = lamina.train(
        table, "slots", inputs=["said"], split__group="dialogue", budget="10epochs", baselines="words",
        train__threads=1, train__tensorboard=False, out=tmp_path / "run",
    )  # fmt: skip
    systems = run.results["slots"]["systems"]
    assert systems["network"]["scores"]["span_f1"]["low"] > 0.8
    assert systems["words"]["difference"]["low"] > 0.1
