"""Every model and backbone that gives a vector a row leaves as a graph; a new one joins by being in its table."""

from __future__ import annotations

import pytest
from torch import Tensor

from lamina.backbones import BACKBONES
from lamina.config import check
from lamina.features.layout import Layout
from lamina.models import MODELS
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.testing.backbones import sample_slots, sample_values
from lamina.testing.exporting import backbone_exports, graph_agrees, model_exports
from lamina.testing.models import sample_inputs, sample_layouts

PLAIN = [name for name in MODELS if MODELS[name].gives == "row" and not MODELS[name].reads_wide]

# Large graphs of parts that others have too: seconds each to write, and nothing that a smaller one would not show.
LARGE = (
    *("resnet20", "resnet32", "resnet56", "wideresnet", "resnet18", "resnet34", "resnet50"),
    *("mobilenet", "convnext", "squeezenet", "vit", "conformer", "crnn", "tcn", "rnn", "gru"),
)
# From elsewhere, in whatever operators its authors chose.
FOREIGN = ("pretrained",)


@pytest.mark.parametrize("name", PLAIN)
def test_models(name: str) -> None:
    model_exports(MODELS[name], sample_layouts()[:1])


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_models_of_every_layout(name: str) -> None:
    model_exports(MODELS[name], sample_layouts()[1:])


@pytest.mark.slow
@pytest.mark.parametrize("values", [{"numbers": "plain"}, {"numbers": "periodic"}, {"one_hot": 0}], ids=str)
def test_columns(values: dict[str, object]) -> None:
    model_exports(MODELS["mlp"], sample_layouts()[:1], **values)


@pytest.mark.slow
@pytest.mark.parametrize("values", [{"pooling": "last"}, {"pooling": "attention", "two_way": False}], ids=str)
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_recurrent_layers(name: str, values: dict[str, object]) -> None:
    backbone_exports(BACKBONES[name], sample_slots("tokens"), **values)


@pytest.mark.slow
@pytest.mark.parametrize(
    "values", [{"positions": "learned", "longest": 4}, {"positions": "rotary"}, {"pooling": "first", "norm": "after"}],
    ids=str,
)  # fmt: skip
def test_transformers(values: dict[str, object]) -> None:
    backbone_exports(BACKBONES["transformer"], sample_slots("tokens"), **values)


@pytest.mark.slow
@pytest.mark.parametrize("fusion", ["concat", "gate", "attention"])
def test_several_wide_columns_beside_plain_ones(fusion: str) -> None:
    slots = [*sample_slots("tokens"), *sample_slots("image")[:1], *sample_slots("frames")[:1]]
    plain = sample_layouts()[0]
    layout = Layout.of([*plain.numbers, *plain.flags, *plain.categories, *slots])
    small = {"text": {"name": "bag", "width": 8}, "image": {"name": "cnn", "width": 8}}
    settings = check(MixedSettings, {**small, "frames": {"name": "gru", "width": 8}, "fusion": fusion, "width": 8})
    model = start(Mixed(layout, 2, settings), 0).eval()
    graph_agrees(model, layout, (cells(layout, rows) for rows in (1, 2, 9)))


def cells(layout: Layout, rows: int) -> dict[str, Tensor]:
    inputs = sample_inputs(layout, rows)
    for name, slot in layout.wide_by_name.items():
        inputs[name], inputs[f"{name}.length"] = sample_values(slot, rows)
    return inputs


@pytest.mark.parametrize(
    ("name", "group"),
    [
        pytest.param(name, group, marks=pytest.mark.slow if name in LARGE or place else ())
        for name in BACKBONES
        if name not in FOREIGN
        for place, group in enumerate(BACKBONES[name].groups)
    ],
)
def test_backbones(name: str, group: str) -> None:
    backbone_exports(BACKBONES[name], sample_slots(group)[:1])
