"""Spoken digits, several in a row, written down: strings of fsdd's recordings.

    python benchmarks/transcripts.py                fifteen minutes
    python benchmarks/transcripts.py --develop      strings of takes 5 to 9 judge, to try things out
    python benchmarks/transcripts.py --quick        twenty seconds, to see that it works

A string is three to seven recordings of one speaker, one after the other, with 0 to 100 ms of silence between two and
at either end; what is to be written is the words, as in "three five one". Each speaker's recordings are dealt like
cards, shuffled anew when all are gone, so that all are heard about equally often. Speakers and takes are kept apart as
in fsdd's official split: the 300 strings that judge are of takes 0 to 4, those that teach of takes 5 to 44, and the
valid rows of takes 45 to 49. With ``--develop`` takes 5 to 9 judge, and 10 to 44 teach.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from datasets import DATA
from results import append

import lamina
from lamina.codecs.wav import write_wav
from lamina.evaluation.intervals import bootstrap, interval
from lamina.evaluation.text import measure
from lamina.evaluation.text.edits import CER, WER

BUDGET = "15min"
RATE = 8000
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
TAUGHT, HELD_BACK, JUDGED = 4000, 150, 300  # strings


def strings(takes: range, count: int, seed: int) -> pl.DataFrame:
    """So many strings of some takes: ``sound``, the bytes of a WAV file, and ``said``, its words."""
    generator = np.random.default_rng(seed)
    with zipfile.ZipFile(DATA / "fsdd" / "recordings.zip") as archive:
        cards = {
            speaker: [
                (WORDS[digit], _samples(archive.read(f"{digit}_{speaker}_{take}.wav")))
                for digit in range(10) for take in takes
            ]
            for speaker in SPEAKERS
        }  # fmt: skip
    packs: dict[str, list[int]] = {speaker: [] for speaker in SPEAKERS}
    rows = []
    for number in range(count):
        speaker = SPEAKERS[number % len(SPEAKERS)]
        parts, words = [_silence(generator)], []
        for _ in range(generator.integers(3, 8)):
            if not packs[speaker]:
                packs[speaker] = generator.permutation(len(cards[speaker])).tolist()
            word, samples = cards[speaker][packs[speaker].pop()]
            words.append(word)
            parts += [samples, _silence(generator)]
        rows.append((write_wav(np.concatenate(parts) / 32_768, RATE), " ".join(words)))
    return pl.DataFrame(rows, schema={"sound": pl.Binary, "said": pl.String}, orient="row")


def _samples(content: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")


def _silence(generator: np.random.Generator) -> np.ndarray:
    return np.zeros(generator.integers(0, RATE // 10 + 1), "<i2")


def transcribe(
    taught: range, valid: range, judged: range, budget: str, settings: dict[str, Any]
) -> tuple[dict[str, float], float]:
    """Train, and judge what the run hears in strings of other takes: figures and seconds."""
    learn, held_back, judge = strings(taught, TAUGHT, 1), strings(valid, HELD_BACK, 2), strings(judged, JUDGED, 3)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = lamina.train(
            learn, "said", features={"said": "text"}, valid=held_back, split__test=0.0, budget=budget, baselines="none",
            progress=True, out=Path(folder) / "run", **settings,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        heard = run.predict(judge.select("sound"))["said"].to_list()
        reading = (time.perf_counter() - began) / len(judge)
        training = json.loads((run.path / "run.json").read_text())["training"]
        epochs = pl.read_ndjson(run.path / "history.jsonl")["epoch"].max() + 1
    truth = judge["said"].to_list()
    found = bootstrap({"network": measure([WER], truth, heard)}, len(judge), seed=0, resamples=1000)["network"]
    ends = interval(found.value[0], found.drawn[:, 0], len(judge))
    figures = {
        "wer": ends["value"], "wer_low": ends["low"], "wer_high": ends["high"], "cer": CER(truth, heard),
        "identical": np.mean([one == other for one, other in zip(truth, heard, strict=True)]),
        "epochs": epochs, "epoch_seconds": training["seconds"] / epochs, "parameters": training["parameters"],
        "seconds_to_read_one": reading,
    }  # fmt: skip
    return {name: round(float(value), 4) for name, value in figures.items()}, seconds


def main() -> None:
    """Measure, and write a row."""
    parser = argparse.ArgumentParser(description="Strings of spoken digits, written down.")
    parser.add_argument("--develop", action="store_true", help="takes 5 to 9 judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="twenty seconds; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of lamina.train")
    given = parser.parse_args()
    budget = "20s" if given.quick else given.budget or BUDGET
    settings = {name: json.loads(value) for name, value in (one.split("=", 1) for one in given.set)}
    develop = given.develop or given.quick
    judged, taught = (range(5, 10), range(10, 45)) if develop else (range(5), range(5, 45))
    metrics, seconds = transcribe(taught, range(45, 50), judged, budget, settings)
    append(
        "transcripts", metrics, seconds=seconds, trial=develop or bool(given.budget) or bool(settings),
        settings={"budget": budget, "judged by": f"strings of takes {judged[0]} to {judged[-1]}", **settings},
    )  # fmt: skip


if __name__ == "__main__":
    main()
