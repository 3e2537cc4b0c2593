"""Language models over tiny_shakespeare, character by character: the last tenth judges, the rest teaches.

    python benchmarks/language.py                 3 and 30 minutes, each with a plain script beside it for as long
    python benchmarks/language.py --minutes 3     one of them
    python benchmarks/language.py --remember      Transformer-XL with and without its memory, and GPT, of equal size
    python benchmarks/language.py --speed         a training step of some ten million weights, against the plain script
    python benchmarks/language.py --memory        peak of training on 50 and on 500 MB of text
    python benchmarks/language.py --develop       the last tenth is left alone: the one before it judges
    python benchmarks/language.py --quick         twenty seconds, or a fifth of the text, to see that it works

``lamina.train`` gets a text file and its budget. The plain script, benchmarks/peers/plain_gpt.py, is written after
nanoGPT with its settings for a processor. Nats are of all characters of the judged part; of Lamina's, the ends of its
parts are counted on top, and each part is read by itself. As in nanoGPT the judged part also says which weights are
kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DATA
from results import ROOT, append

import lamina

PLAIN = ROOT / "benchmarks" / "peers" / "plain_gpt.py"
MINUTES = (3, 30)
# Segments shorter than what there is to know, so that a memory can tell.
SEGMENT = 48
REMEMBERING = {"width": 128, "depth": 4, "heads": 4}
LARGE = {"name": "gpt2", "width": 384, "depth": 6, "heads": 6, "bias": False, "longest": 256}  # as in the plain script
BATCH, CONTEXT, STEPS, LAST = 16, 256, 40, 20
SIZES = (50, 500)  # MB


def shakespeare(folder: Path, *, develop: bool) -> tuple[Path, Path]:
    """What teaches, and what judges."""
    text = gzip.decompress((DATA / "tiny_shakespeare" / "input.txt.gz").read_bytes()).decode()
    first, last = (0.8, 0.9) if develop else (0.9, 1.0)
    learn, judge = folder / "learn.txt", folder / "judge.txt"
    learn.write_text(text[: int(first * len(text))], encoding="utf-8")
    judge.write_text(text[int(first * len(text)) : int(last * len(text))], encoding="utf-8")
    return learn, judge


def trained(learn: Path, judge: Path, budget: str, folder: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Train and judge by Lamina."""
    began = time.perf_counter()
    run = lamina.train(learn, valid=judge, split__test=0.0, budget=budget, out=folder, progress=True, **settings)
    seconds = time.perf_counter() - began
    scores = {name: one["scores"]["bits_per_byte"]["value"] for name, one in run.results["text"]["systems"].items()}
    training = json.loads((run.path / "run.json").read_text())["training"]
    steps = training["networks"][0]["step"]
    # All characters have one byte.
    nats = {name: value * math.log(2) for name, value in scores.items()}
    return {
        "nats": nats["network"],
        **({"ngram_nats": nats["ngram"]} if "ngram" in nats else {}),
        "steps": steps,
        "parameters": training["parameters"],
        "seconds": seconds,
    }


def plain(*words: str) -> dict[str, Any]:
    """What the plain script says."""
    made = subprocess.run([sys.executable, str(PLAIN), *words], stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    return found


def minutes(given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Three and thirty minutes, and the plain script beside."""
    for count in [given.minutes] if given.minutes else MINUTES:
        with tempfile.TemporaryDirectory() as name:
            learn, judge = shakespeare(Path(name), develop=given.develop)
            seconds = 20 if given.quick else count * 60
            found = trained(learn, judge, f"{seconds:g}s", Path(name) / "run", settings)
            beside = plain(str(learn), str(judge), "--seconds", f"{seconds:g}")
        spent = found.pop("seconds") + beside["seconds"]
        append(
            f"shakespeare_{count:g}min", {**found, "plain_nats": beside["nats"], "plain_steps": beside["steps"]},
            seconds=spent, trial=given.develop or given.quick or bool(settings) or count not in MINUTES,
            settings={"budget": f"{seconds:g}s", "judged by": "80 to 90%" if given.develop else "last 10%", **settings},
        )  # fmt: skip


def remember(given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Transformer-XL with its memory and without, and GPT, for as many steps over as short segments."""
    steps = 20 if given.quick else given.steps
    networks = {
        "with_memory": {"name": "transformer_xl", "remembered": 2 * SEGMENT},
        "without": {"name": "transformer_xl", "remembered": 0},
        "gpt": {"name": "gpt", "hidden": 8 / 3},
    }
    metrics: dict[str, float] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        learn, judge = shakespeare(Path(name), develop=given.develop)
        for network, chosen in networks.items():
            plan = {"model": {"name": "language", "decoder": {**REMEMBERING, **chosen}}}
            own = {"plan": plan, "task__context": SEGMENT, "baselines": "none", **settings}
            found = trained(learn, judge, f"{steps}steps", Path(name) / network, own)
            metrics |= {f"{network}_nats": found["nats"], f"{network}_parameters": found["parameters"]}
    metrics["gain"] = metrics["without_nats"] - metrics["with_memory_nats"]
    metrics["gain_to_gpt"] = metrics["gpt_nats"] - metrics["with_memory_nats"]
    append(
        "transformer_xl", metrics, seconds=time.perf_counter() - began,
        trial=given.develop or given.quick or bool(settings) or given.steps != STEPS_OF_MEMORY,
        settings={"steps": steps, "segment": SEGMENT, **REMEMBERING, **settings},
    )  # fmt: skip


def step_seconds(learn: Path, judge: Path, folder: Path) -> tuple[float, list[float], str]:
    """Of Lamina: the time of a step, the training losses, and the way that it chose to run."""
    settings = {
        "plan": {"model": {"name": "language", "decoder": LARGE}},
        "task__context": CONTEXT, "train__batch_size": BATCH, "train__evaluate_every": 1, "train__optimiser": "adamw",
        "train__learning_rate": 1e-3, "train__warmup": 0.0, "train__schedule": "flat", "baselines": "none",
        "features": {"text": {"kind": "text", "tokens": "characters"}},
    }  # fmt: skip
    # A budget of seconds, so that the fastest way is sought; what the steps themselves took stands in the history.
    run = lamina.train(learn, valid=judge, split__test=0.0, budget="90s", out=folder, progress=True, **settings)
    history = [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]
    way = json.loads((run.path / "run.json").read_text())["training"]["networks"][0]["way"]
    times = np.diff([row["seconds"] for row in history])
    return float(np.median(times)), [row["train_loss"] for row in history], way["precision"]


def speed(given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """A training step of the same network by either, each in its fastest way."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        learn, judge = shakespeare(Path(name), develop=True)
        judge.write_text(judge.read_text()[:600])  # what is looked at after each step
        own, losses, precision = step_seconds(learn, judge, Path(name) / "run")
        words = [str(learn), str(judge), "--large", "--steps", str(STEPS)]
        ways = {"float32": words, "compiled": [*words, "--compile"]}
        beside = {way: plain(*more) for way, more in ways.items()}
        beside["bfloat16"] = plain(*words, "--bfloat16")  # not among its settings
    best = min(beside[way]["step_seconds"] for way in ways)
    metrics = {
        "speed": best / own,
        "step_seconds": own,
        "loss": float(np.mean(losses[STEPS - LAST : STEPS])),  # of the second half of as many steps
        "plain_loss": float(np.mean(beside["float32"]["losses"][-LAST:])),
        **{f"plain_{way}_step_seconds": one["step_seconds"] for way, one in beside.items()},
    }
    append(
        "gpt_training", metrics, seconds=time.perf_counter() - began, trial=given.quick or bool(settings),
        settings={"batch": BATCH, "context": CONTEXT, "precision": precision, **LARGE},
    )  # fmt: skip


def large_text(path: Path, megabytes: float) -> None:
    """Shakespeare again and again, each time with other names and numbers in it, so that words do not repeat as they
    are."""
    text = gzip.decompress((DATA / "tiny_shakespeare" / "input.txt.gz").read_bytes()).decode()
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1e6:
            words = text.split(" ")
            for place in draw.integers(len(words), size=len(words) // 20):
                words[place] = f"{words[place][:4]}{draw.integers(1000)}"
            file.write(" ".join(words) + "\n\n")


MEASURE = """
import sys, lamina
lamina.train(sys.argv[1], budget="60steps", out=sys.argv[2], baselines="none",
             plan={"model": {"name": "language", "decoder": {"name": "gpt", "width": 64, "depth": 2}}})
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024)
"""


def memory(given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Peak memory of a process that trains on a long text, and on one ten times as long."""
    metrics: dict[str, float] = {}
    began = time.perf_counter()
    sizes: Sequence[float] = [size / 5 for size in SIZES] if given.quick else SIZES
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            path = Path(name) / "long.txt"
            large_text(path, size)
            started = time.perf_counter()
            words = [sys.executable, "-c", MEASURE, str(path), str(Path(name) / f"run{size:g}")]
            made = subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True)
            metrics[f"peak_mb_{size:g}"] = float(made.stdout.split()[-1])
            metrics[f"seconds_{size:g}"] = time.perf_counter() - started
    metrics["growth"] = metrics[f"peak_mb_{sizes[1]:g}"] / metrics[f"peak_mb_{sizes[0]:g}"]
    append("text_memory", metrics, seconds=time.perf_counter() - began, trial=given.quick, settings={"MB": list(sizes)})


STEPS_OF_MEMORY = 1500


def main() -> None:
    """Measure, and write rows."""
    parser = argparse.ArgumentParser(description="Language models over tiny_shakespeare.")
    parser.add_argument("--minutes", type=float, help="so many alone")
    parser.add_argument("--remember", action="store_true", help="Transformer-XL with and without its memory")
    parser.add_argument(
        "--steps", type=int, default=STEPS_OF_MEMORY, help="of --remember; others are held against no bar"
    )
    parser.add_argument("--speed", action="store_true", help="time of a training step")
    parser.add_argument("--memory", action="store_true", help="memory of long texts")
    parser.add_argument("--develop", action="store_true", help="the part before the last judges; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    for name in ("remember", "speed", "memory"):
        if getattr(given, name):
            {"remember": remember, "speed": speed, "memory": memory}[name](given, settings)
            return
    minutes(given, settings)


if __name__ == "__main__":
    main()
