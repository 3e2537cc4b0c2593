"""A model that does not fit is refused before it takes the memory."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import lamina
from lamina.errors import MemoryNeedError
from lamina.models.mlp import MLP, MLPSettings
from lamina.testing import sample_layouts
from lamina.training.memory import COPIES, activation_bytes, available, check_batch, within

Fit = Callable[..., lamina.Run]
MIB = 2**20


def peak() -> int:
    """The most resident memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("model", ["mlp", "tabm", "resnet"])
def test_an_absurd_width_is_refused_before_it_is_taken(fit: Fit, tmp_path: Path, model: str) -> None:
    before = peak()
    with pytest.raises(MemoryNeedError, match=r"does not fit in memory .* GiB available · make it smaller") as error:
        fit(model=model, model__width=65_536, model__depth=256)
    assert peak() - before < 200 * MIB
    assert isinstance(error.value, MemoryError)
    assert not (tmp_path / "run").exists(), "nothing half-written stays"


def test_a_batch_that_is_too_large_is_refused(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.training.loop.available", lambda: 5_000)
    with pytest.raises(
        MemoryNeedError, match=r"a training step does not fit .* with batches of .* rows .* train\.batch_size"
    ):
        fit()
    assert not (tmp_path / "run").exists()


def test_what_fits_is_built() -> None:
    with within(available()):
        model = nn.Linear(100, 100)
    need = COPIES * 4 * 100 * 101
    with within(need):
        nn.Linear(100, 100)
    with pytest.raises(MemoryNeedError), within(need - 1):
        nn.Linear(100, 100)
    nn.Linear(100, 100)  # outside, nothing is watched
    assert model.weight.shape == (100, 100)


def test_other_faults_pass_through() -> None:
    with pytest.raises(RuntimeError, match="of its own"), within(available()):
        raise RuntimeError("of its own")


def test_kept_bytes_are_those_of_the_backward_pass() -> None:
    layer = nn.Sequential(nn.Linear(10, 20), nn.Sigmoid())
    x = torch.randn(50, 10)
    # The input of the linear layer and the output of the sigmoid are kept; weights, for the input's gradient, are not.
    assert activation_bytes(lambda: layer(x).sum()) == 4 * 50 * (10 + 20)


def test_the_need_grows_with_the_batch_as_it_does() -> None:
    layout = sample_layouts()[1]
    model = MLP(layout, 1, MLPSettings(width=64, depth=2))

    def forward(rows: int) -> torch.Tensor:
        empty = {"flag": torch.empty(rows, 0), "category": torch.empty(rows, 0, dtype=torch.int64)}
        return model({"number": torch.randn(rows, 3), **empty}).mean()

    needs = [check_batch(model, forward, rows, 2**40) for rows in (64, 128, 256)]
    assert needs[2] - needs[1] == pytest.approx(2 * (needs[1] - needs[0]), rel=0.01)
    weights = COPIES * 4 * sum(parameter.numel() for parameter in model.parameters())
    assert needs[0] > weights
    assert needs[0] - weights == pytest.approx(2 * activation_bytes(lambda: forward(64)), rel=0.1)


def test_there_is_some_memory() -> None:
    assert 16 * MIB < available() < 2**50
