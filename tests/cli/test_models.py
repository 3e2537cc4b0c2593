"""``lamina models``: everything that a plan may name, with size, paper and licence."""

from __future__ import annotations

import pytest

import lamina
from cli.terminal import Lamina
from lamina.backbones import BACKBONES
from lamina.decoders import DECODERS
from lamina.features.layout import Layout
from lamina.models import MODELS


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    """All rows."""
    return lamina.catalogue()


def test_every_name_stands_there_once_with_paper_and_size(rows: list[dict[str, object]]) -> None:
    for part, names in (("model", MODELS), ("backbone", BACKBONES), ("decoder", DECODERS)):
        assert [row["name"] for row in rows if row["part"] == part] == list(names)
    own = [row for row in rows if row["part"] != "weights" and row["name"] != "pretrained"]
    assert [row["name"] for row in own if not row["paper"]] == []
    assert [row["name"] for row in own if not row["parameters"]] == [name for name in MODELS if MODELS[name].reads_wide]
    assert all(row["licence"] for row in rows)
    sizes = {row["name"]: row["parameters"] for row in rows if row["part"] == "backbone"}
    assert sizes["resnet20"]["image"] == pytest.approx(0.27e6, rel=0.03)  # type: ignore[index]
    assert sizes["resnet56"]["image"] == pytest.approx(0.85e6, rel=0.03)  # type: ignore[index]


def test_decoders_stand_for_texts(rows: list[dict[str, object]], lamina_: Lamina) -> None:
    decoders = {row["name"]: row for row in rows if row["part"] == "decoder"}
    assert all(row["reads"] == ["text"] and row["score"] == {} for row in decoders.values())
    assert decoders["gpt2"]["paper"] == "Radford et al. 2019"
    for name, memory in (("gru", 128), ("gpt", None)):  # over a thousand tokens
        made = DECODERS[name](1000, memory, DECODERS[name].Settings())
        assert decoders[name]["parameters"] == {"text": sum(one.numel() for one in made.parameters())}
    assert "Decoders" in lamina_("models", "--for", "text").out
    assert "Decoders" not in lamina_("models", "--for", "image").out


def test_models_that_read_no_columns_stand_for_what_they_learn_from(rows: list[dict[str, object]]) -> None:
    models = {row["name"]: row for row in rows if row["part"] == "model"}
    assert models["talker"]["reads"] == models["language"]["reads"] == ["text"]
    assert models["composer"]["reads"] == ["music"]
    made = MODELS["talker"](Layout.of([]), 1000, MODELS["talker"].Settings())
    assert models["talker"]["parameters"] == {"text": sum(one.numel() for one in made.parameters())}
    # Of the others, those that do not give a vector a row look at columns of their own kinds.
    assert not [name for name in MODELS if MODELS[name].gives != "row" and models[name]["reads"] == ["number"]]


def test_by_kind_of_data(lamina_: Lamina) -> None:
    done = lamina_("models", "--for", "text")
    assert done.code == 0 and done.err == ""
    names = {line.split()[0] for line in done.out.splitlines() if line.startswith("  ")}
    assert {"mixed", "transformer", "lstm", "textcnn"} <= names and not {"cnn", "tabm"} & names
    assert max(map(len, done.out.splitlines())) <= 100
    assert lamina_("models", "--for", "txt").err == (
        "lamina: no such kind of data · got txt · allowed: image, text, frames, clip, number · did you mean text?\n"
    )


def test_programs_get_one_document(lamina_: Lamina) -> None:
    rows = lamina_("models", "--for", "number", "--json").document["models"]
    names = [row["name"] for row in rows]
    assert {"tabm", "mixed", "encoder_decoder"} <= set(names) < set(MODELS) and "transcriber" not in names
