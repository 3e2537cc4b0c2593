"""Bach's chorales, from nothing but the 229 training pieces of jsb_chorales.

    python benchmarks/music.py                  two networks, some minutes each, and a recording of 30 seconds
    python benchmarks/music.py --develop        the valid pieces judge, to try things out
    python benchmarks/music.py --quick          two epochs each, to see that it works
    python benchmarks/music.py --wav bach.wav   where the recording goes

Quarter steps, the official split; the valid pieces stop training, or judge with ``--develop``, where an eighth of the
training pieces takes their place. What is judged is nats a step, every step of every piece, the first among them:
``apart`` with 88 independent notes, as the published figures, and ``together`` with notes that are told by those above
them, which is what users get.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from datasets import DATA
from results import RESULTS, append

import lamina

NETWORKS: dict[str, dict[str, Any]] = {
    "apart": {
        "budget": "110epochs", "model__notes": "apart", "model__past": "lstm", "model__hide": 0.2,
        "train__learning_rate": 5e-3,
    },
    "together": {"budget": "60epochs"},
}  # fmt: skip


def pieces(part: str) -> pl.DataFrame:
    """One part of the chorales."""
    whole = json.loads(gzip.decompress((DATA / "jsb_chorales" / "jsb-chorales-quarter.json.gz").read_bytes()))
    return pl.DataFrame({"piece": whole[part]})


def compose(wav: Path, settings: dict[str, Any], *, develop: bool) -> tuple[dict[str, Any], float]:
    """Train both networks, judge them, and let the second be heard."""
    judge = pieces("valid" if develop else "test")
    parts = {"split__valid": 1 / 8, "split__test": 0.0} if develop else {"valid": pieces("valid"), "split__test": 0.0}
    found: dict[str, Any] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, own in NETWORKS.items():
            run = lamina.train(
                pieces("train"), "piece", test=judge, progress=True, out=Path(folder) / name,
                **(parts | own | settings),
            )  # fmt: skip
            for system, document in run.results["piece"]["systems"].items():
                called = name if system == "network" else system
                for metric, score in document["scores"].items():
                    found |= {f"{called}_{metric}": score["value"]}
                    found |= {f"{called}_{metric}_{end}": score[end] for end in ("low", "high")}
            found[f"{name}_parameters"] = json.loads((run.path / "run.json").read_text())["training"]["parameters"]
        wav.parent.mkdir(parents=True, exist_ok=True)
        run.compose(seconds=30.0).save(wav)
    return found, time.perf_counter() - began


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Bach's chorales.")
    parser.add_argument("--develop", action="store_true", help="the valid pieces judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="two epochs each; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--wav", default=RESULTS / "chorale.wav", help="where the recording goes")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    develop, budget = given.develop or given.quick, "2epochs" if given.quick else given.budget
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    settings |= {"budget": budget} if budget else {}
    found, seconds = compose(Path(given.wav), settings, develop=develop)
    append(
        "music", {name: round(float(value), 4) for name, value in found.items()}, seconds=seconds,
        trial=develop or bool(settings),
        settings={"judged by": "valid pieces" if develop else "test pieces", **settings},
    )  # fmt: skip


if __name__ == "__main__":
    main()
