"""A run folder is as it was written, or it is not opened; and it holds data only."""

from __future__ import annotations

import json
import os
import pickletools
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lamina
from lamina.errors import DamagedRunError, LaterVersionError, NotARunError, RunError
from lamina.files import read_json, write_json
from lamina.runs.manifest import FORMAT, MANIFEST, verify, write_manifest

FILES = [
    "features.json",
    "history.jsonl",
    "plan.json",
    "predictions.parquet",
    "report.html",
    "run.json",
    "schema.json",
    "scores.json",
    "set_aside.parquet",
    "tasks.json",
    "versions.json",
    "weights.safetensors",
]


def refused(folder: Path, words: str, error: type[RunError] = DamagedRunError) -> None:
    """Whoever opens the folder is told."""
    for opening in (verify, lamina.verify, lamina.load):
        with pytest.raises(error, match=words):
            opening(folder)


def test_a_run_holds_what_the_list_says(finished: lamina.Run) -> None:
    manifest = lamina.verify(finished.path)
    assert manifest["format"] == FORMAT
    there = sorted(path.relative_to(finished.path).as_posix() for path in finished.path.rglob("*") if path.is_file())
    assert sorted([*manifest["files"], MANIFEST]) == there
    assert [name for name in there if "/" not in name and name != MANIFEST] == FILES
    assert manifest["files"]["plan.json"]["bytes"] == (finished.path / "plan.json").stat().st_size


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte(copied: Path, name: str) -> None:
    path = copied / name
    content = bytearray(path.read_bytes())
    if not content:
        pytest.skip("the file is empty")
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(copied, f"{name} was changed · restore it from a copy")


@pytest.mark.parametrize("name", [*FILES, "checkpoint/0/step-000000012.safetensors"])
def test_a_lost_file(copied: Path, name: str) -> None:
    (copied / name).unlink()
    refused(copied, f"{name} is lost")


@pytest.mark.parametrize("name", ["notes.txt", "checkpoint/0/new.bin", ".hidden", "deeper/and/deeper.json"])
def test_an_added_file(copied: Path, name: str) -> None:
    (copied / name).parent.mkdir(parents=True, exist_ok=True)
    (copied / name).write_text("")
    refused(copied, f"{name} was added")


def test_a_longer_file(copied: Path) -> None:
    with (copied / "report.html").open("a") as file:
        file.write(" ")
    refused(copied, "report.html has another size")


@pytest.mark.parametrize("name", ["weights.safetensors", MANIFEST, "checkpoint"])
def test_a_link(copied: Path, tmp_path: Path, name: str) -> None:
    """Even to the very same content: what lies elsewhere can change tomorrow."""
    elsewhere = tmp_path / "elsewhere"
    shutil.move(copied / name, elsewhere)
    (copied / name).symlink_to(elsewhere)
    refused(copied, f"{name} is a link")


def test_a_folder_in_the_place_of_a_file(copied: Path) -> None:
    (copied / "report.html").unlink()
    (copied / "report.html").mkdir()
    refused(copied, r"report\.html")


def test_all_faults_are_counted(copied: Path) -> None:
    for name in FILES[:8]:
        (copied / name).unlink()
    refused(copied, r"features\.json is lost, history\.jsonl is lost, .* and 3 more")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = read_json(folder / MANIFEST)
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_later_version(copied: Path) -> None:
    edit(copied, lambda manifest: manifest.update(format=FORMAT + 1))
    refused(copied, rf"later version of Lamina · got format {FORMAT + 1} · allowed: up to {FORMAT}", LaterVersionError)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.update(files=["plan.json"]),
        lambda manifest: manifest.update(files={"plan.json": "a sum"}),
        lambda manifest: manifest["files"]["plan.json"].pop("sha256"),
        lambda manifest: manifest["files"]["plan.json"].pop("bytes"),
    ],
)
def test_a_manifest_that_is_none(copied: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit(copied, change)
    refused(copied, "manifest.json is not a run's manifest", NotARunError)


@pytest.mark.parametrize("text", ["", "{", '{"format": 1, "format": 1}', '{"format": NaN}', "\x00\xff", "[" * 100_000])
def test_a_manifest_that_is_not_json(copied: Path, text: str) -> None:
    (copied / MANIFEST).write_bytes(text.encode("latin-1"))
    refused(copied, "manifest.json is not valid JSON", RunError)


def test_a_manifest_that_names_a_file_outside_of_the_run(copied: Path) -> None:
    (copied.parent / "outside.txt").write_text("x")
    edit(copied, lambda manifest: manifest["files"].update({"../outside.txt": {"bytes": 1, "sha256": "0" * 64}}))
    refused(copied, r"\.\./outside\.txt is lost")


def test_what_is_no_run(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "no such folder", NotARunError)
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "got a file", NotARunError)
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"no manifest\.json in it · name a folder that lamina train made", NotARunError)


def test_a_run_that_is_not_finished(copied: Path) -> None:
    (copied / MANIFEST).unlink()
    refused(copied, "is not a complete run .* lamina resume", NotARunError)


def test_a_manifest_can_be_written_again(copied: Path) -> None:
    before = read_json(copied / MANIFEST)
    write_manifest(copied)
    assert read_json(copied / MANIFEST) == before


def test_data_only(train: Callable[..., lamina.Run]) -> None:
    """No pickle in any file, by name or by content, and nothing that can be run."""
    run = train(train__tensorboard=True, name="with events")
    suffixes = {path.suffix for path in run.path.rglob("*") if path.is_file() and path.parent.name != "tensorboard"}
    assert suffixes == {".json", ".jsonl", ".parquet", ".html", ".safetensors"}
    for path in run.path.rglob("*"):
        if path.is_file():
            assert not os.access(path, os.X_OK), path
            assert not zipfile.is_zipfile(path), f"{path} may be a file of torch.save"
            assert not is_pickle(path.read_bytes()), path


def is_pickle(content: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is no pickle may be taken for a strange text
            list(pickletools.genops(content))
    except (ValueError, UnicodeDecodeError, IndexError):
        return False
    return True


def test_the_test_for_pickles_finds_one() -> None:
    assert is_pickle(b"\x80\x04N.") and not is_pickle(b"{}\n")


def test_weights_of_another_plan_are_refused(copied: Path) -> None:
    plan = read_json(copied / "plan.json")
    plan["model"]["width"] = 9
    write_json(copied / "plan.json", plan)
    write_manifest(copied)
    with pytest.raises(DamagedRunError, match="the weights do not fit the plan"):
        _ = lamina.load(copied).predictor
