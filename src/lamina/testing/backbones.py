"""The contract of a backbone."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from lamina.backbones.base import Backbone
from lamina.config import check, schema
from lamina.features.base import Slot
from lamina.nn.start import start
from lamina.testing.common import check_bounds, choices

__all__ = [
    "BACKBONE_CHECKS",
    "backbone_agrees_in_bfloat16",
    "backbone_answers_each_row_alone",
    "backbone_gives_its_shape",
    "backbone_goes_through_safetensors",
    "backbone_is_documented",
    "backbone_learns_everywhere",
    "backbone_refuses_settings",
    "backbone_runs_with_every_choice",
    "backbone_starts_from_its_seed",
    "check_backbone",
    "sample_slots",
    "sample_values",
]

SMALL = {"width": 8, "depth": 2, "heads": 2}
SLOTS = {
    "image": [
        Slot("photo", "value", "image", shape=(12, 10, 3), centre=(120.0, 110.0, 100.0), scale=(60.0, 50.0, 70.0)),
        Slot("scan", "value", "image", shape=(5, 7, 1)),
    ],
    "tokens": [Slot("text", "value", "tokens", size=40, length=9)],
    "frames": [
        Slot("sound", "value", "frames", shape=(6,), length=11),
        Slot("beat", "value", "frames", shape=(1,), length=3),
    ],
    "clip": [Slot("film", "value", "clip", shape=(8, 9, 3), length=3, centre=(127.5,) * 3, scale=(64.0,) * 3)],
}


def check_backbone(cls: type[Backbone], slots: Iterable[Slot] | None = None) -> None:
    """Run every check of :data:`BACKBONE_CHECKS` over a backbone class.

    Args:
        cls: the class.
        slots: what it is built for; those of :func:`sample_slots` for each of its groups if None.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.backbones.cnn import CNN
        >>> check_backbone(CNN, sample_slots("image")[1:])
    """
    slots = _slots(cls) if slots is None else list(slots)
    for one in BACKBONE_CHECKS:
        one(cls, slots)


def sample_slots(group: str) -> list[Slot]:
    """Small slots of a wide group: pictures in colour and in grey, frames of many channels and of one ..."""
    return list(SLOTS[group])


def sample_values(slot: Slot, rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random cells of a slot, as a batch holds them: values, filled up with zeros, and lengths (B,) int64.

    Of several rows the first is as long as any, the second of one item, the last is missing.
    """
    generator = torch.Generator().manual_seed(seed)
    places = 1 if slot.group == "image" else slot.length + 2
    lengths = torch.randint(1, places + 1, (rows,), generator=generator)
    lengths[0] = places
    if rows > 2:
        lengths[1], lengths[-1] = 1, 0
    shape = (rows, places, *slot.shape)
    if slot.group == "tokens":
        values = torch.randint(1, slot.size, shape, generator=generator)
    elif slot.group == "frames":
        values = torch.randn(shape, generator=generator)
    else:
        values = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    there = torch.arange(places) < lengths[:, None]
    values[~there] = 0
    return (values[:, 0] if slot.group == "image" else values), lengths


def _slots(cls: type[Backbone]) -> list[Slot]:
    return [slot for group in cls.groups for slot in sample_slots(group)]


def _backbone(cls: type[Backbone], slot: Slot, seed: int = 0, **values: Any) -> Backbone:
    """A small backbone with its starting weights."""
    known = schema(cls.Settings)["properties"]
    small = {name: value for name, value in SMALL.items() if name in known}
    backbone = cls(slot, check(cls.Settings, small | values))
    start(backbone, seed)
    return backbone


def _cut(slot: Slot, values: Tensor, lengths: Tensor, row: int) -> tuple[Tensor, Tensor]:
    """One row, no longer than it needs to be."""
    alone = values[row : row + 1]
    if slot.group != "image":
        alone = alone[:, : max(1, int(lengths[row]))]
    return alone, lengths[row : row + 1]


def _filled_up(slot: Slot, values: Tensor, more: int = 5) -> Tensor:
    """The same rows, as if a longer one stood beside them."""
    if slot.group == "image":
        return values
    return torch.cat([values, values.new_zeros(len(values), more, *values.shape[2:])], 1)


def _forms(slot: Slot, values: Tensor) -> Iterator[Tensor]:
    """The same cells in every dtype in which they may come: pictures are floats once they are augmented."""
    yield values
    if slot.group in ("image", "clip"):
        yield values.float()


def backbone_gives_its_shape(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """(B, width) float32 and finite, for one row and for seven, from every dtype; a sequence is of the same width.

    A row of length 0 gives finite numbers too, beside others and alone, filled up or not.
    """
    for slot in slots:
        assert slot.group in cls.groups
        backbone = _backbone(cls, slot)
        for rows in (1, 7):
            values, lengths = sample_values(slot, rows)
            for training in (True, False):
                backbone.train(training)
                for form in _forms(slot, values):
                    kept = form.clone()
                    out = backbone(form, lengths)
                    assert out.dtype == torch.float32
                    assert out.shape == (rows, backbone.width), tuple(out.shape)
                    assert torch.isfinite(out).all()
                    assert torch.equal(form, kept), "the input was written to"
                    sequence, there = backbone.sequence(form, lengths)
                    assert there.dtype == torch.bool
                    assert sequence.shape == (*there.shape, backbone.width), tuple(sequence.shape)
                    assert len(there) == rows
                    assert torch.isfinite(sequence).all()
        one, other = ([*backbone.eval()(form, lengths)] for form in ([*_forms(slot, values)] * 2)[:2])
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one, other, strict=True)), "dtypes differ"
        values, lengths = _cut(slot, values, lengths, 6)
        for form in [values] if slot.group == "image" else [values, values[:, :0]]:
            assert not lengths.any() and torch.isfinite(backbone(form, lengths)).all()


def backbone_starts_from_its_seed(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """The starting weights are a function of the seed, not of what was drawn before."""
    for slot in slots:
        torch.manual_seed(1)
        one = _backbone(cls, slot).state_dict()
        torch.manual_seed(2)
        other = _backbone(cls, slot).state_dict()
        assert all(torch.equal(one[name], value) for name, value in other.items())
        moved = _backbone(cls, slot, seed=1).state_dict()
        assert any(not torch.equal(one[name], value) for name, value in moved.items())


def backbone_answers_each_row_alone(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """In evaluation a row's answer hangs neither on the rows beside it nor on how far they fill it up."""
    for slot in slots:
        backbone = _moved(cls, slot).eval()
        values, lengths = sample_values(slot, 7, seed=3)
        with torch.no_grad():
            whole, (sequence, there) = backbone(values, lengths), backbone.sequence(values, lengths)
            assert torch.equal(whole, backbone(values, lengths))
            wider = backbone(_filled_up(slot, values), lengths)
            assert torch.allclose(wider, whole, atol=1e-5), f"{slot.column}: what fills up rows changes them"
            for row in range(3):  # as long as any, of one item, of a length in between
                alone = _cut(slot, values, lengths, row)
                place = f"{slot.column}, row {row} of length {int(lengths[row])}"
                assert torch.allclose(backbone(*alone)[0], whole[row], atol=1e-5), place
                places, there_alone = backbone.sequence(*alone)
                assert int(there_alone.sum()) == int(there[row].sum()), place
                assert torch.allclose(places[there_alone], sequence[row][there[row]], atol=1e-5), place


def backbone_learns_everywhere(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """The gradient reaches every parameter within three steps."""
    for slot in slots:
        backbone = _backbone(cls, slot)
        reached = dict.fromkeys(dict(backbone.named_parameters()), False)
        for _ in _steps(backbone, slot, 3):
            for name, parameter in backbone.named_parameters():
                reached[name] |= parameter.grad is not None and bool((parameter.grad != 0).any())
        assert all(reached.values()), f"no gradient reached {[name for name, yes in reached.items() if not yes]}"


def backbone_goes_through_safetensors(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """Weights written as safetensors and loaded into a backbone that started elsewhere give the same answers."""
    for slot in slots:
        backbone, other = _moved(cls, slot), _backbone(cls, slot, seed=9)
        other.load_state_dict(load(save(backbone.state_dict())))
        values, lengths = sample_values(slot, 5)
        assert torch.equal(backbone.eval()(values, lengths), other.eval()(values, lengths))


def backbone_refuses_settings(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """Unknown settings, values of another kind, and values past every bound are refused."""
    check_bounds(cls.Settings)


def backbone_is_documented(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """The docstring has a Shape block, and it or the module's names a source with its year."""
    text = inspect.getdoc(cls) or ""
    assert "Shape:" in text
    module = inspect.getdoc(inspect.getmodule(cls)) or ""
    assert re.search(r"\([A-Z][^()]*\d{4}[^()]*\)", text + module), "no source such as (Vaswani et al. 2017)"


def backbone_runs_with_every_choice(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """Every choice of every setting, and the least that each allows, trains; the least on a single row too."""
    least = {name: entry["minimum"] for name, entry in schema(cls.Settings)["properties"].items() if "minimum" in entry}
    first = {slot.group: slot for slot in reversed(list(slots))}
    for slot in first.values():
        for values in [{}, least, *({name: value} for name, value in choices(cls.Settings))]:
            backbone = _backbone(cls, slot, **values)
            for rows in (1, 7) if values == least else (7,):
                out = backbone(*sample_values(slot, rows))
                out.square().mean().backward()
                gradients = [parameter.grad for parameter in backbone.parameters() if parameter.grad is not None]
                assert torch.isfinite(out).all() and gradients, values
                assert all(torch.isfinite(gradient).all() for gradient in gradients), values


def backbone_agrees_in_bfloat16(cls: type[Backbone], slots: Iterable[Slot]) -> None:
    """Under autocast to bfloat16 the answers are those of float32 within its rounding, and the gradient is finite."""
    for slot in slots:
        backbone = _backbone(cls, slot).eval()
        values, lengths = sample_values(slot, 12)
        full = backbone(values, lengths)
        with torch.autocast("cpu", torch.bfloat16):
            reduced = backbone(values, lengths)
            reduced.float().square().mean().backward()
        assert (reduced.float() - full).abs().max() <= 0.05 * full.abs().max().clamp(min=1)
        gradients = [parameter.grad for parameter in backbone.parameters() if parameter.grad is not None]
        assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)


def _steps(backbone: Backbone, slot: Slot, count: int) -> Iterator[None]:
    """Steps of plain descent towards random answers; each yields between the gradient and the update."""
    optimiser = torch.optim.SGD(backbone.parameters(), lr=0.1)
    for step in range(count):
        out = backbone(*sample_values(slot, 16, seed=step))
        wanted = torch.randn(out.shape, generator=torch.Generator().manual_seed(step))
        (out - wanted).square().mean().backward()
        yield
        optimiser.step()
        optimiser.zero_grad()


def _moved(cls: type[Backbone], slot: Slot) -> Backbone:
    """A backbone after two steps: layers that start at zero, and what is kept beside the weights, have moved."""
    backbone = _backbone(cls, slot)
    for _ in _steps(backbone, slot, 2):
        continue
    return backbone


BACKBONE_CHECKS: tuple[Callable[[type[Backbone], Iterable[Slot]], None], ...] = (
    backbone_gives_its_shape,
    backbone_starts_from_its_seed,
    backbone_answers_each_row_alone,
    backbone_learns_everywhere,
    backbone_goes_through_safetensors,
    backbone_refuses_settings,
    backbone_is_documented,
    backbone_runs_with_every_choice,
    backbone_agrees_in_bfloat16,
)
