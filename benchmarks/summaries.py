"""What a paper says, in one sentence of its abstract: scitldr, from nothing but its 1,992 training abstracts.

    python benchmarks/summaries.py              five minutes
    python benchmarks/summaries.py --write      and once more by a network that writes, as long again
    python benchmarks/summaries.py --develop    the dev abstracts judge, to try things out
    python benchmarks/summaries.py --quick      ten seconds, to see that it works

``lamina.train`` gets a table of abstracts, as lists of sentences, and of summaries, of which the dev and the test
abstracts have several; the dev abstracts choose when to stop, and while developing a tenth of the training abstracts.
Beside it stand the first sentence and the one that most others are like, by TextRank. ROUGE is that of the best
summary, the mean over abstracts; ``gain`` is the network's ROUGE-1 above the better of both.
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
from results import append

import lamina
from lamina.features.sentence import likeness

BUDGET = "5min"
SYSTEMS = ("network", "lead", "textrank")
SCORES = ("rouge_1", "rouge_2", "rouge_l")


def papers(name: str) -> pl.DataFrame:
    """The abstracts of one file, each with all summaries that count."""
    with gzip.open(DATA / "scitldr" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return pl.DataFrame([{"abstract": one["source"], "tldr": one["target"]} for one in rows])


def chosen(learn: pl.DataFrame, judge: pl.DataFrame, folder: Path, **settings: Any) -> dict[str, float]:
    """Train a network that chooses a sentence; its scores, and those of its baselines."""
    run = lamina.train(
        learn, "tldr", test=judge, features={"tldr": "sentence"}, progress=True, out=folder / "chosen", **settings
    )
    document = run.results["tldr"]
    training = json.loads((run.path / "run.json").read_text())["training"]
    systems = document["systems"]
    figures = {f"{system}_{name}": systems[system]["scores"][name]["value"] for system in SYSTEMS for name in SCORES}
    figures |= {f"network_rouge_1_{end}": systems["network"]["scores"]["rouge_1"][end] for end in ("low", "high")}
    better = max(SYSTEMS[1:], key=lambda system: figures[f"{system}_rouge_1"])
    gain = systems[better]["difference"]
    best = [max(likeness(one, row["tldr"]) for one in row["abstract"]) for row in judge.to_dicts()]
    return figures | {
        "gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"],
        "best_rouge_1": sum(best) / len(best), "rows": document["rows"], "parameters": training["parameters"],
    }  # fmt: skip


def written(learn: pl.DataFrame, judge: pl.DataFrame, folder: Path, **settings: Any) -> dict[str, float]:
    """Train a network that writes; its scores beside all summaries."""
    first = pl.col("tldr").list.first()
    given = settings.pop("valid", None)
    run = lamina.train(
        learn.with_columns(first), "tldr", test=judge.with_columns(first), baselines="none", progress=True,
        valid=None if given is None else given.with_columns(first),
        features={"tldr": "text", "abstract": {"kind": "text", "tokens": "pieces"}}, out=folder / "written", **settings,
    )  # fmt: skip
    said = pl.read_parquet(run.path / "predictions.parquet").sort("row")["tldr"]
    found = [likeness(one, row) for one, row in zip(said, judge["tldr"].to_list(), strict=True)]
    return {"written_rouge_1": sum(found) / len(found)}


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Summaries by a sentence of the text.")
    parser.add_argument("--write", action="store_true", help="train a network that writes, too")
    parser.add_argument("--develop", action="store_true", help="the dev abstracts judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    develop = given.develop or given.quick
    budget = "10s" if given.quick else given.budget or BUDGET
    learn, dev = papers("train"), papers("dev")
    judge = dev if develop else papers("test")
    settings: dict[str, Any] = {"budget": budget, "seed": given.seed}
    settings |= {"split__valid": 0.1} if develop else {"valid": dev}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = chosen(learn, judge, Path(folder), **settings)
        if given.write:
            figures |= written(learn, judge, Path(folder), **settings)
    append(
        "summaries", figures, seconds=time.perf_counter() - start,
        trial=develop or budget != BUDGET or given.seed != 0,
        settings={
            "budget": budget, "judged by": "dev" if develop else "test", "training rows": len(learn),
            "seed": given.seed,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
