"""Every command and every line of Python in the pages is run, and what they say of the house is true."""

from __future__ import annotations

import datetime
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from chatting.folders import chat_folder, dialogues
from homes import homes
from orders import orders
from PIL import Image
from translation import sentences
from tunes import hymns, write_hymns

from lamina.cli import main
from lamina.codecs.wav import write_wav

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

# Budgets are those of a person; a test has less time.
QUICK = {"60s": "12steps", "2min": "24steps", "3min": "24steps", "10epochs": "2epochs"}
BUDGET = re.compile(r"(budget[ =:]+\"?)(" + "|".join(QUICK) + r")\b")
PLAN = "data: {source: patients.csv, target: [diagnosis]}\ntrain: {budget: 60s}\n"


def quick(text: str) -> str:
    return BUDGET.sub(lambda found: found[1] + QUICK[found[2]], text)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """(language, text) of each block of code."""
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        yield found[1], found[2]


def patients(rows: int, seed: int) -> pl.DataFrame:
    """The table that the pages speak of."""
    random = np.random.default_rng(seed)
    age, clinic = random.integers(20, 90, rows), random.integers(1, 9, rows)
    weight = random.normal(75, 12, rows).round(1)
    ill = (age - 55) / 15 + (weight - 75) / 12 + random.normal(size=rows) > 0
    first = datetime.date(2024, 1, 1)
    return pl.DataFrame(
        {
            "age": age,
            "sex": random.choice(["f", "m"], rows),
            "clinic": clinic,
            "weight": weight,
            "admitted": [first + datetime.timedelta(days=int(days)) for days in random.integers(0, 300, rows)],
            "diagnosis": np.where(ill, "malignant", "benign"),
        }
    )


def wide_things(folder: Path) -> None:
    """The pictures, texts and series that the pages speak of."""
    random = np.random.default_rng(0)
    words = ["slow", "dull", "fine", "bright", "lovely"]
    stars = random.integers(0, 5, 120)
    texts = [f"a {words[star]} film with {random.choice(words)} music number {row}" for row, star in enumerate(stars)]
    pl.DataFrame({"text": texts, "stars": [f"{star} stars" for star in stars]}).write_csv(folder / "reviews.csv")
    for row in range(48):
        label = "cat" if row % 2 else "dog"
        (folder / "photos" / label).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 120, (16, 16, 3)) + (100 if row % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "photos" / label / f"{row}.png")
    hours = [(f"e{engine}", hour, random.normal() + engine, 60 + engine) for engine in range(40) for hour in range(6)]
    texts_to_write(folder, random)
    tunes_to_play(folder)
    homes(80).write_ndjson(folder / "questions.jsonl")
    homes(8, seed=1).drop("answer").write_ndjson(folder / "new_questions.jsonl")
    orders(120).write_csv(folder / "orders.csv")
    orders(9, seed=1).select("said").write_csv(folder / "new_orders.csv")
    told = sentences(300)
    (folder / "shakespeare.txt").write_text("ROMEO:\n" + "\n\n".join(told["english"]), encoding="utf-8")
    (folder / "other_plays.txt").write_text("\n".join(sentences(40, seed=1)["english"]), encoding="utf-8")
    told.select(text=pl.format("{} of {} days", "english", pl.int_range(300))).write_csv(folder / "poems.csv")
    names = ["engine", "hour", "heat", "life"]
    pl.DataFrame(hours, schema=names, orient="row").write_csv(folder / "engines.csv")


def tunes_to_play(folder: Path) -> None:
    """The pieces that the pages speak of."""
    write_hymns(folder / "chorales", rows=24)
    hymns(24).write_ndjson(folder / "chorales.jsonl")
    write_hymns(folder / "tunes", rows=1, seed=9)
    (folder / "tunes" / "000.mid").rename(folder / "my_tune.mid")


def texts_to_write(folder: Path, random: np.random.Generator) -> None:
    """The sentences, articles and captions that the pages speak of."""
    table = sentences(100).with_columns(
        pl.format("{} of number {}", "english", pl.int_range(100)),
        pl.format("{} von Nummer {}", "german", pl.int_range(100)),
    )
    table.write_csv(folder / "sentences.csv")
    table.head(9).drop("german").write_csv(folder / "new_sentences.csv")
    news = [(" ".join(random.permutation(table["english"][row].split())), table["english"][row]) for row in range(100)]
    pl.DataFrame(news, schema=["article", "headline"], orient="row").write_csv(folder / "news.csv")
    papers = [(f"Much is known. We show {text}. It is new.", [f"It shows {text}.", text]) for text in table["english"]]
    pl.DataFrame(papers, schema=["abstract", "tldr"], orient="row").write_ndjson(folder / "papers.jsonl")
    names = [path.relative_to(folder) for path in sorted((folder / "photos").glob("*/*.png"))]
    captions = [(str(name), row % 24, f"this is a {name.parent.name} at {row % 24}") for row, name in enumerate(names)]
    pl.DataFrame(captions, schema=["photo", "hour", "caption"], orient="row").write_csv(folder / "captions.csv")


def talks(folder: Path) -> None:
    """The dialogues that the pages speak of, and a chat model."""
    dialogues(60).write_ndjson(folder / "dialogues.jsonl")
    dialogues(60, turns=2).select(
        question=pl.col("messages").list.get(0).struct.field("content"),
        answer=pl.col("messages").list.get(1).struct.field("content"),
    ).write_csv(folder / "questions.csv")
    chat_folder(folder / "models" / "helper")


def recordings(folder: Path, random: np.random.Generator) -> None:
    """The recordings that are transcribed, each word a tone, and pictures of lines, each word a stroke."""
    words = {"yes": 440, "no": 900, "stop": 2000}
    rows = []
    for place in ("recordings", "lines"):
        (folder / place).mkdir()
    for row in range(60):
        said = random.choice(list(words), random.integers(1, 4)).tolist()
        beat = np.arange(2400) / 8000
        tones = [np.sin(2 * np.pi * words[word] * beat) * np.hanning(len(beat)) / 2 for word in said]
        (folder / "recordings" / f"{row}.wav").write_bytes(write_wav(np.concatenate(tones), 8000))
        line = np.zeros((12, 72), np.uint8)
        for place, word in enumerate(said):
            line[3 * list(words).index(word) :, 24 * place + 4 : 24 * place + 20] = 255
        Image.fromarray(line).save(folder / "lines" / f"{row}.png")
        rows.append((f"recordings/{row}.wav", f"lines/{row}.png", " ".join(said)))
    table = pl.DataFrame(rows, schema=["recording", "line", "said"], orient="row")
    table.drop("line").write_csv(folder / "recordings.csv")
    table.drop("recording").write_csv(folder / "lines.csv")
    table.head(5).select("recording").write_csv(folder / "new_recordings.csv")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages speak of, as the current one."""
    patients(240, 0).write_csv(tmp_path / "patients.csv")
    patients(80, 1).write_csv(tmp_path / "later.csv")
    patients(30, 2).drop("diagnosis").write_csv(tmp_path / "new.csv")
    (tmp_path / "plan.yaml").write_text(quick(PLAN))
    wide_things(tmp_path)
    recordings(tmp_path, np.random.default_rng(0))
    talks(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@EVERY_PAGE
def test_every_block_runs(page: Path, desk: Path, capfd: pytest.CaptureFixture[str], served: list[Served]) -> None:
    names: dict[str, object] = {}
    for language, text in blocks(page):
        if language == "sh":
            for line in quick(text).splitlines():
                run_line(line, capfd, served)
        elif language == "python":
            (desk / "page.py").write_text(quick(text))
            made = runpy.run_path(str(desk / "page.py"), init_globals=names)
            names = {name: value for name, value in made.items() if not name.startswith("__")}
        elif language == "yaml":
            (desk / "plan.yaml").write_text(quick(text))
        else:
            assert language == "toml", f"{page.name} has a block of {language or 'nothing'} that no test runs"


class Served:
    """A service that a page starts, on a port that is free, and that its next lines ask."""

    def __init__(self, words: list[str]) -> None:
        command = [sys.executable, "-m", "lamina", *words, "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[0]

    def ask(self, words: list[str]) -> None:
        """Ask as curl would, with nothing but an address and ``-d BODY``."""
        *data, address = words[1:]
        assert not data or data[0] == "-d", words
        asked = address.replace("http://127.0.0.1:8000", self.address)
        with urllib.request.urlopen(asked, data[1].encode() if data else None, timeout=30) as got:
            assert got.status == 200


@pytest.fixture
def served() -> Iterator[list[Served]]:
    """The services that a page starts; they end with it."""
    services: list[Served] = []
    yield services
    for service in services:
        service.process.terminate()
        service.process.communicate(timeout=30)


def run_line(line: str, capfd: pytest.CaptureFixture[str], served: list[Served]) -> None:
    """Run one line of a shell; of those that would make an environment, see that they are there."""
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    elif words[0].startswith("scripts/"):
        assert os.access(ROOT / words[0], os.X_OK), line
    elif words[0] == "curl":
        served[-1].ask(words)
    elif words[:2] == ["lamina", "serve"]:
        served.append(Served(words[1:]))
    else:
        assert words[0] == "lamina", line
        capfd.readouterr()
        with mock.patch("sys.stdin", io.StringIO("hello\nhow are you?\n")):  # what is said where nobody sits
            assert main(words[1:]) == 0, f"{line}: {capfd.readouterr().err}"


@EVERY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_map_shows_every_folder() -> None:
    shown = set(re.findall(r"^\| `([\w/]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    rooms = {f"src/lamina/{path.parent.name}" for path in (ROOT / "src" / "lamina").glob("*/__init__.py")}
    assert shown == rooms | {"tests", "benchmarks", "docs", "scripts"}


def test_the_page_of_settings_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/docs", "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "docs"), run_name="__main__")
    assert ended.value.code == 0


def test_versions_are_pinned_for_everything_that_is_asked_for() -> None:
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=\[]", one)[0].lower() for one in wanted} - {"lamina"}
    assert names <= pinned
    assert [one for one in wanted if "<" in one or "==" in one] == []
    assert len(project["dependencies"]) <= 11  # torch and ten
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
