"""The contract of a model."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from lamina.config import check, schema
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.start import start
from lamina.testing.common import check_bounds, choices

__all__ = [
    "MODEL_CHECKS",
    "agrees_in_bfloat16",
    "answers_each_row_alone",
    "check_model",
    "gives_its_shape",
    "goes_through_safetensors",
    "is_documented",
    "learns_everywhere",
    "refuses_settings",
    "runs_with_every_choice",
    "sample_inputs",
    "sample_layouts",
    "starts_from_its_seed",
]

SMALL = {"width": 16, "depth": 2, "heads": 2, "members": 3, "bins": 8, "number_width": 4, "category_width": 3}


def check_model(cls: type[Model], layouts: Iterable[Layout] | None = None) -> None:
    """Run every check of :data:`MODEL_CHECKS` over a model class.

    Args:
        cls: the class.
        layouts: what it is built for; those of :func:`sample_layouts` if None. The first must have all three groups.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.models.linear import Linear
        >>> check_model(Linear)
    """
    layouts = sample_layouts() if layouts is None else list(layouts)
    for one in MODEL_CHECKS:
        one(cls, layouts)


def sample_layouts() -> list[Layout]:
    """Layouts with all groups, with one group alone, and with a number that never varied in training."""
    knots = tuple(np.linspace(-2, 2, 257).tolist())
    numbers = [Slot(f"n{place}", "value", "number", knots=knots) for place in range(3)]
    flags = [Slot(f"f{place}", "value", "flag") for place in range(2)]
    categories = [Slot(f"c{size}", "value", "category", size=size) for size in (3, 40)]
    still = Slot("still", "value", "number", knots=(0.0,) * 257)
    whole = [*numbers, *flags, *categories]
    return [Layout.of(slots) for slots in (whole, numbers, flags, categories, [still, *numbers[:1]])]


def sample_inputs(layout: Layout, rows: int, seed: int = 0) -> dict[str, Tensor]:
    """Random rows for a layout: number and flag (B, slots) float32, category (B, slots) int64."""
    generator = torch.Generator().manual_seed(seed)
    codes = [torch.randint(size, (rows, 1), generator=generator) for size in layout.sizes]
    return {
        "number": torch.randn(rows, len(layout.numbers), generator=generator),
        "flag": torch.randint(2, (rows, len(layout.flags)), generator=generator).float(),
        "category": torch.cat([torch.empty(rows, 0, dtype=torch.int64), *codes], 1),
    }


def _model(cls: type[Model], layout: Layout, outputs: int = 2, seed: int = 0, **values: Any) -> nn.Module:
    """A small model with its starting weights."""
    known = schema(cls.Settings)["properties"]
    small = {name: value for name, value in SMALL.items() if name in known}
    model = start(cls(layout, outputs, check(cls.Settings, small | values)), seed)
    if cls.remembers:
        answers = torch.randn(30, outputs, generator=torch.Generator().manual_seed(seed))
        model.remember(sample_inputs(layout, 30, seed=77), answers)  # type: ignore[operator]
    return model


def gives_its_shape(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """(B, K, outputs) float32 and finite, for one row and for seven, in training and evaluation; K is always the same.

    A layout may lack any group.
    """
    members = set()
    for layout in layouts:
        for outputs in (1, 3):
            model = _model(cls, layout, outputs)
            for rows in (1, 7):
                for training in (True, False):
                    out = model.train(training)(sample_inputs(layout, rows))
                    assert out.dtype == torch.float32
                    assert (out.ndim, out.shape[0], out.shape[2]) == (3, rows, outputs), tuple(out.shape)
                    assert torch.isfinite(out).all()
                    members.add(out.shape[1])
    assert len(members) == 1


def starts_from_its_seed(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The starting weights are a function of the seed, not of what was drawn before; drawing them disturbs nobody."""
    torch.manual_seed(1)
    one = _model(cls, layouts[0]).state_dict()
    torch.manual_seed(2)
    other = _model(cls, layouts[0])
    assert all(torch.equal(one[name], value) for name, value in other.state_dict().items())
    before = torch.random.get_rng_state()
    start(other, 0)
    assert torch.equal(torch.random.get_rng_state(), before), "start draws from the generator of everybody"
    moved = _model(cls, layouts[0], seed=1).state_dict()
    assert any(not torch.equal(one[name], value) for name, value in moved.items())


def answers_each_row_alone(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """In evaluation the same rows give the same outputs, whichever rows stand beside them; inputs stay as they were."""
    model, inputs = _model(cls, layouts[0]).eval(), sample_inputs(layouts[0], 6)
    kept = {name: value.clone() for name, value in inputs.items()}
    with torch.no_grad():
        whole = model(inputs)
        assert torch.equal(whole, model(inputs))
        for row in range(6):
            alone = model({name: value[row : row + 1] for name, value in inputs.items()})
            assert torch.allclose(alone, whole[row : row + 1], atol=1e-5), f"row {row}"
    assert all(torch.equal(inputs[name], value) for name, value in kept.items())


def learns_everywhere(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The gradient reaches every parameter within three steps, and no other tensor is learned."""
    for layout in layouts:
        model = _model(cls, layout)
        reached = dict.fromkeys(dict(model.named_parameters()), False)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(3):
            out = model(sample_inputs(layout, 64, seed=step))
            wanted = torch.randn(out.shape, generator=torch.Generator().manual_seed(step))
            (out - wanted).square().mean().backward()
            for name, parameter in model.named_parameters():
                grown = parameter.grad is not None and bool((parameter.grad != 0).any())
                reached[name] |= grown or not parameter.numel()
            optimiser.step()
            optimiser.zero_grad()
        assert all(reached.values()), f"no gradient reached {[name for name, yes in reached.items() if not yes]}"


def goes_through_safetensors(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Weights written as safetensors and loaded into a model that started elsewhere give the same outputs."""
    for layout in layouts:
        model, other = _model(cls, layout), _model(cls, layout, seed=9)
        model(sample_inputs(layout, 20))  # whatever training keeps beside the weights has moved
        other.load_state_dict(load(save(model.state_dict())))
        inputs = sample_inputs(layout, 5)
        assert torch.equal(model.eval()(inputs), other.eval()(inputs))


def refuses_settings(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Unknown settings, values of another kind, and values past every bound are refused."""
    check_bounds(cls.Settings)


def is_documented(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """The docstring has a Shape block, and it or the module's names a source with its year."""
    text = inspect.getdoc(cls) or ""
    assert "Shape:" in text
    module = inspect.getdoc(inspect.getmodule(cls)) or ""
    assert re.search(r"\([A-Z][^()]*\d{4}[^()]*\)", text + module), "no source such as (Vaswani et al. 2017)"


def runs_with_every_choice(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Every choice of every setting, and the least that each allows, trains on one row and on many."""
    least = {name: entry["minimum"] for name, entry in schema(cls.Settings)["properties"].items() if "minimum" in entry}
    for values in [{}, least, *({name: value} for name, value in choices(cls.Settings))]:
        model = _model(cls, layouts[0], **values)
        for rows in (1, 7):
            out = model(sample_inputs(layouts[0], rows))
            out.square().mean().backward()
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            assert torch.isfinite(out).all() and gradients, values
            assert all(torch.isfinite(gradient).all() for gradient in gradients), values


def agrees_in_bfloat16(cls: type[Model], layouts: Sequence[Layout]) -> None:
    """Under autocast to bfloat16 the outputs are those of float32 within its rounding, and the gradient is finite."""
    model, inputs = _model(cls, layouts[0]).eval(), sample_inputs(layouts[0], 50)
    full = model(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = model(inputs)
        reduced.float().square().mean().backward()
    assert (reduced.float() - full).abs().max() <= 0.04 * full.abs().max().clamp(min=1)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


MODEL_CHECKS: tuple[Callable[[type[Model], Sequence[Layout]], None], ...] = (
    gives_its_shape,
    starts_from_its_seed,
    answers_each_row_alone,
    learns_everywhere,
    goes_through_safetensors,
    refuses_settings,
    is_documented,
    runs_with_every_choice,
    agrees_in_bfloat16,
)
