"""Layers in their graph form give the same numbers, and the network that they are taken from stays as it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamina.config import check
from lamina.exporting.forms import CommitteeForm, ModernNCAForm, RecurrenceForm, in_graph_form
from lamina.models.committee import Committee
from lamina.models.linear import Linear, LinearSettings
from lamina.models.modern_nca import ModernNCA, ModernNCASettings
from lamina.nn.recurrent import Recurrence
from lamina.nn.start import start
from lamina.testing.models import sample_inputs, sample_layouts


def kinds(module: nn.Module) -> list[type]:
    return [type(one) for one in module.modules()]


def test_a_committee_with_votes_says_the_same() -> None:
    layout = sample_layouts()[0]
    nca = start(ModernNCA(layout, 2, check(ModernNCASettings, {"width": 8})), 0)
    nca.remember(sample_inputs(layout, 40, seed=1), torch.randn(40, 2, generator=torch.Generator().manual_seed(0)))
    committee = Committee([start(Linear(layout, 2, LinearSettings()), 1), nca], votes=[3, 1]).eval()
    before = kinds(committee)
    form = in_graph_form(committee).eval()
    assert CommitteeForm in kinds(form) and ModernNCAForm in kinds(form) and ModernNCA not in kinds(form)
    assert kinds(committee) == before
    with torch.no_grad():
        remembered = sample_inputs(layout, 40, seed=1)
        for inputs in (*(sample_inputs(layout, rows, seed=rows) for rows in (2, 9, 30)), remembered):
            torch.testing.assert_close(form(inputs), committee(inputs), atol=1e-5, rtol=1e-5)


def test_weights_are_shared_and_not_copied() -> None:
    layer = nn.Sequential(nn.Linear(3, 4))
    assert in_graph_form(layer)[0].weight is layer[0].weight


@pytest.mark.parametrize("kind", ["tanh", "relu", "lstm", "gru"])
def test_a_recurrent_layer_has_an_onnx_form_only_where_asked_for(kind: str) -> None:
    layer = nn.Sequential(Recurrence(kind, 3, 4, two_way=True))  # type: ignore[arg-type]
    assert RecurrenceForm in kinds(in_graph_form(layer))
    assert RecurrenceForm not in kinds(in_graph_form(layer, onnx=False))
