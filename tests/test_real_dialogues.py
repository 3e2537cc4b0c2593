"""Dialogues of a public data set: what is said can be learned from them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import lamina

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "dialogue_sim_m"


def dialogues(part: str, most: int) -> list[list[dict[str, str]]]:
    """Turns of the user, who wants tickets, and of the assistant, who sells them."""
    found = []
    for dialogue in json.loads(gzip.decompress((FOLDER / f"{part}.json.gz").read_bytes()))[:most]:
        turns = []
        for turn in dialogue["turns"]:
            for role, name in (("assistant", "system_utterance"), ("user", "user_utterance")):
                if turn.get(name):
                    turns.append({"role": role, "content": turn[name]["text"]})
        found.append(turns)
    return found


@pytest.mark.data
def test_it_learns_to_sell_tickets(tmp_path: Path) -> None:
    if not FOLDER.exists():
        pytest.skip("the data set dialogue_sim_m is not there")
    lines = tmp_path / "dialogues.jsonl"
    lines.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in dialogues("train", 200)))
    run = lamina.train(
        lines, "messages", features={"messages": {"vocabulary": 500, "longest": 160}}, budget="40steps",
        plan={"model": {"decoder": {"name": "gpt", "width": 32, "depth": 1, "heads": 2}}}, out=tmp_path / "run",
        train__learning_rate=0.01, train__threads=1, train__tensorboard=False,
    )  # fmt: skip
    result = run.results["messages"]
    assert result["outcome"] == "better" and result["against"] == "unigram", result["verdict"]
    assert run.chat(longest=5).say("two tickets please")
