"""The contract of what leaves as a graph: the same outputs for any number of rows and of places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check, schema
from lamina.exporting.graph import onnx_of
from lamina.features.base import Slot, field_of
from lamina.features.layout import Layout
from lamina.features.number import Number
from lamina.models.base import Model
from lamina.models.mixed import Mixed, MixedSettings
from lamina.nn.start import start
from lamina.runtime.session import Session
from lamina.tasks.regression import Regression, RegressionSettings
from lamina.testing.backbones import sample_values
from lamina.testing.models import sample_inputs
from lamina.training.objective import Objective

__all__ = ["backbone_exports", "graph_agrees", "model_exports"]

SMALL = {"width": 16, "depth": 2, "heads": 2, "members": 3, "bins": 8, "number_width": 4, "category_width": 3}
CLOSE = 1e-5


def model_exports(cls: type[Model], layouts: Sequence[Layout], **values: Any) -> None:
    """A model of plain columns gives the same as a graph, for each layout.

    Args:
        cls: the class.
        layouts: what it is built for, as :func:`lamina.testing.models.sample_layouts` gives them.
        values: settings, where they are not the small ones.

    Raises:
        AssertionError: where the graph differs.
    """
    for layout in layouts:
        model = start(cls(layout, 2, check(cls.Settings, _small(cls) | values)), 0)
        if cls.remembers:
            answers = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
            model.remember(sample_inputs(layout, 30, seed=77), answers)  # type: ignore[operator]
        model(sample_inputs(layout, 20))  # what training keeps beside the weights has moved
        graph_agrees(model.eval(), layout, (sample_inputs(layout, rows, seed=rows) for rows in (1, 2, 33)))


def backbone_exports(cls: type[Backbone], slots: Iterable[Slot], **values: Any) -> None:
    """A backbone in a network of its own gives the same as a graph, for each slot.

    Args:
        cls: the class.
        slots: what it is built for, as :func:`lamina.testing.backbones.sample_slots` gives them.
        values: settings, where they are not the small ones.

    Raises:
        AssertionError: where the graph differs.
    """
    name = next(name for name in BACKBONES if BACKBONES[name] is cls)
    for slot in slots:
        layout = Layout.of([slot])
        chosen = {"name": name, **_small(cls), **values}
        model = start(Mixed(layout, 2, check(MixedSettings, {field_of(slot.group): chosen})), 0)
        model(_cells(slot, 9, seed=1))
        graph_agrees(model.eval(), layout, _batches(slot))


def graph_agrees(model: nn.Module, layout: Layout, batches: Iterable[dict[str, Tensor]]) -> None:
    """A network of two raw outputs and its graph say the same of each batch.

    Raises:
        AssertionError: where they differ by more than 1e-5.
    """
    task = Regression(Number("y").fit(pl.Series([0.0, 1.0])), check(RegressionSettings, {"loss": "gaussian"}))
    objective = Objective([task])
    session = Session(onnx_of(model, objective, layout))
    for inputs in batches:
        with torch.inference_mode():
            wanted = objective.outputs(model, inputs)
        given = session.run({name: array.numpy() for name, array in inputs.items()})
        assert given.dtype == np.float32 and given.shape == wanted.shape, (given.shape, wanted.shape)
        shapes = {name: tuple(array.shape) for name, array in inputs.items()}
        assert np.abs(given - wanted).max() <= CLOSE, f"{np.abs(given - wanted).max()} for {shapes}"


def _small(cls: Any) -> dict[str, Any]:
    known = schema(cls.Settings)["properties"]
    return {name: value for name, value in SMALL.items() if name in known}


def _batches(slot: Slot) -> Iterator[dict[str, Tensor]]:
    """One row and many, long ones and short ones, missing ones among others and alone."""
    yield from (_cells(slot, rows, seed=rows) for rows in (1, 2, 17))
    if slot.group != "image":
        yield _cells(slot, 1, seed=3, places=1)
        yield _cells(slot, 5, seed=4, places=2)
        yield _cells(slot, 1, seed=5, places=0)


def _cells(slot: Slot, rows: int, seed: int, places: int | None = None) -> dict[str, Tensor]:
    """Rows of a table with this one column; of at most so many places."""
    values, lengths = sample_values(slot, rows, seed)
    if places is not None:
        lengths = lengths.clamp(max=places)
        values = values[:, : max(1, places)] * (places > 0)
    (name,) = Layout.of([slot]).wide_by_name
    plain = sample_inputs(Layout.of([]), rows)
    return {**plain, name: values, f"{name}.length": lengths}
