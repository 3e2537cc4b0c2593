"""The contract of augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina.augment.base import Augment, make_augment
from lamina.augment.settings import AugmentSettings, FramesSettings, PictureSettings, TextSettings
from lamina.config import check, defaults
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.testing.common import check_bounds

__all__ = [
    "AUGMENT_CHECKS",
    "check_augmentation",
    "gives_each_row_its_own",
    "is_a_function_of_its_seed",
    "keeps_shapes",
    "keeps_the_filling",
    "leaves_what_it_is_given",
    "refuses_bounds",
    "sample_augmentations",
    "sample_batch",
    "sample_wide_layout",
    "takes_any_batch",
]

OFF: dict[str, Any] = {"flip": "none", "crop": 0.0, "erase": 0.0}
QUIET: dict[str, Any] = {"noise": 0.0, "shift": 0.0, "time_masks": 0, "band_masks": 0}


def check_augmentation(settings: AugmentSettings) -> None:
    """Run every check of :data:`AUGMENT_CHECKS` over settings that change something in every group or in one.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> check_augmentation(AugmentSettings(image={"rotate": 15}))
    """
    for one in AUGMENT_CHECKS:
        one(settings)


def sample_augmentations() -> dict[str, AugmentSettings]:
    """Settings by name: what auto does, and each operation alone."""
    pictures: dict[str, dict[str, Any]] = {
        "flip sideways": {"flip": "horizontal"},
        "flip upside": {"flip": "vertical"},
        "flip both": {"flip": "both", "rotate": 5},
        "crop": {"crop": 0.25},
        "crop on black": {"crop": 0.5, "edges": "black"},
        "erase": {"erase": 1.0},
        "operations": {"operations": 3, "strength": 0.6, "edges": "black"},
        "resized crop": {"resized_crop": 0.4},
        **{name: {name: 0.4} for name in ("zoom", "shift", "brightness", "contrast", "saturation", "hue")},
        "rotate": {"rotate": 40},
    }
    texts: dict[str, dict[str, Any]] = {
        "drop": {"dropout": 0.3},
        "remove": {"dropout": 0.9, "dropped": "removed"},
        "swap": {"dropout": 0.0, "swap": 0.5},
    }
    frames: dict[str, dict[str, Any]] = {
        **{name: {name: 0.3} for name in ("gain", "noise", "scale", "shift", "warp", "window")},
        "time masks": {"time_masks": 2, "time_share": 0.5},
        "band masks": {"band_masks": 2, "band_share": 0.7},
    }
    none = {"image": "none", "text": "none", "frames": "none", "clip": "none"}

    def alone(group: str, values: dict[str, Any]) -> AugmentSettings:
        return check(AugmentSettings, none | {group: values})

    return {
        "auto": defaults(AugmentSettings),
        **{f"image: {name}": alone("image", OFF | values) for name, values in pictures.items()},
        **{f"clip: {name}": alone("clip", OFF | values) for name, values in pictures.items()},
        **{f"text: {name}": alone("text", values) for name, values in texts.items()},
        **{f"frames: {name}": alone("frames", QUIET | values) for name, values in frames.items()},
    }


def sample_wide_layout() -> Layout:
    """A plain number, and columns of every wide group: two pictures, a text, a sound, a series, a film."""
    return Layout.of(
        [
            Slot("age", "value", "number"),
            Slot("photo", "value", "image", shape=(12, 10, 3)),
            Slot("scan", "value", "image", shape=(9, 9, 1)),
            Slot("note", "value", "tokens", size=50, length=12),
            Slot("voice", "bands", "frames", shape=(10,), length=14),
            Slot("sensors", "value", "frames", shape=(2,), length=16),
            Slot("film", "value", "clip", shape=(8, 8, 3), length=3),
        ]
    )


def sample_batch(layout: Layout, rows: int, seed: int = 0, lengths: Tensor | None = None) -> dict[str, Tensor]:
    """Random rows for a layout, as a batch has them: short ones filled up with zeros, every third one missing.

    Args:
        layout: of any columns.
        rows: how many.
        seed: of the values.
        lengths: (rows,) of each row, in every column; drawn if None.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = {"number": torch.randn(rows, len(layout.numbers), generator=generator)}
    for name, slot in layout.wide_by_name.items():
        longest = 1 if slot.group == "image" else slot.length
        length = torch.randint(longest, (rows,), generator=generator) + 1
        length[2::3] = 0
        if lengths is not None:
            length = lengths.clamp(max=longest)
        count = int(length.max()) if slot.group != "image" else 1
        shape = (rows, count, *slot.shape)
        if slot.group == "tokens":
            values = torch.randint(1, slot.size, shape, generator=generator)
        elif slot.group == "frames":
            values = torch.randn(shape, generator=generator)
        else:
            values = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        there = (torch.arange(count) < length[:, None]).view(rows, count, *[1] * len(slot.shape))
        values = values * there
        inputs[name] = values[:, 0] if slot.group == "image" else values
        inputs[f"{name}.length"] = length
    return inputs


def _augment(settings: AugmentSettings) -> Augment:
    layout = sample_wide_layout()
    augment = make_augment(layout, settings, dict.fromkeys(layout.wide_by_name, (True, True)))
    assert augment is not None, "these settings change nothing"
    return augment


def _of_seed(augment: Augment, inputs: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    return augment(inputs, torch.Generator().manual_seed(seed))


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


# --- the checks ---------------------------------------------------------------------------------------------------


def keeps_shapes(settings: AugmentSettings) -> None:
    """Names, shapes and types stay; bytes of pictures may become numbers from 0 to 255; plain columns are untouched."""
    inputs = sample_batch(sample_wide_layout(), 12)
    out = _of_seed(_augment(settings), inputs, 0)
    assert list(out) == list(inputs)
    assert out["number"] is inputs["number"]
    for name, value in out.items():
        assert value.shape == inputs[name].shape, name
        is_picture = inputs[name].dtype == torch.uint8
        assert value.dtype == inputs[name].dtype or (is_picture and value.dtype == torch.float32), name
        assert not is_picture or 0 <= float(value.min()) <= float(value.max()) <= 255, name
        assert bool(torch.isfinite(value).all()), name


def is_a_function_of_its_seed(settings: AugmentSettings) -> None:
    """The same seed gives the same bytes, whatever was drawn before; another seed gives others."""
    inputs = sample_batch(sample_wide_layout(), 12)
    torch.manual_seed(1)
    one = _of_seed(_augment(settings), inputs, 3)
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    assert _same(one, _of_seed(_augment(settings), inputs, 3))
    assert torch.equal(torch.random.get_rng_state(), before), "it draws from the generator of everybody"
    assert not all(_same(one, _of_seed(_augment(settings), inputs, seed)) for seed in (4, 5))


def leaves_what_it_is_given(settings: AugmentSettings) -> None:
    """The tensors that come in stay as they were."""
    inputs = sample_batch(sample_wide_layout(), 12)
    kept = {name: value.clone() for name, value in inputs.items()}
    _of_seed(_augment(settings), inputs, 0)
    assert _same(inputs, kept)


def keeps_the_filling(settings: AugmentSettings) -> None:
    """Missing rows stay missing, others keep an item, none gets longer; what is not there is zero, a token never is."""
    inputs = sample_batch(sample_wide_layout(), 12)
    for seed in range(3):
        out = _of_seed(_augment(settings), inputs, seed)
        for name in _augment(settings).columns:
            before, after = inputs[f"{name}.length"], out[f"{name}.length"]
            assert torch.equal(before > 0, after > 0) and bool((after <= before).all()), name
            values = out[name][:, None] if name.startswith("image") else out[name]
            there = torch.arange(values.shape[1]) < after[:, None]
            assert not bool(values[~there].any()), f"{name}: what fills up is not zero"
            assert not name.startswith("tokens") or bool(values[there].all()), f"{name}: a zero within a text"


def takes_any_batch(settings: AugmentSettings) -> None:
    """A batch of one row, of missing rows only, of rows of one item, and of no row at all."""
    augment = _augment(settings)
    for lengths in ([3], [1], [0], [0, 0], [1, 1, 0], []):
        inputs = sample_batch(sample_wide_layout(), max(1, len(lengths)), lengths=torch.tensor(lengths or [0]).long())
        if not lengths:
            inputs = {name: value[:0] for name, value in inputs.items()}
        out = _of_seed(augment, inputs, 0)
        assert all(out[name].shape == value.shape for name, value in inputs.items())
        assert all(bool(torch.isfinite(value).all()) for value in out.values())


def gives_each_row_its_own(settings: AugmentSettings) -> None:
    """Rows that are the same do not all meet the same fate."""
    one = sample_batch(sample_wide_layout(), 1, lengths=torch.tensor([20]))
    inputs = {name: value.expand(24, *value.shape[1:]).contiguous() for name, value in one.items()}
    augment = _augment(settings)
    out = _of_seed(augment, inputs, 0)
    for group in {slot.group for name, slot in sample_wide_layout().wide_by_name.items() if name in augment.columns}:
        # A grey picture has no hue to change; one in colour stands beside it.
        found = [value for name, value in out.items() if name.startswith(group) and "length" not in name]
        assert not all(torch.equal(value, value[:1].expand_as(value)) for value in found), group


def refuses_bounds(settings: AugmentSettings) -> None:
    """Unknown settings, values of another kind, and values past every bound are refused."""
    for cls in (PictureSettings, TextSettings, FramesSettings, AugmentSettings):
        check_bounds(cls)


AUGMENT_CHECKS: tuple[Callable[[AugmentSettings], None], ...] = (
    keeps_shapes,
    is_a_function_of_its_seed,
    leaves_what_it_is_given,
    keeps_the_filling,
    takes_any_batch,
    gives_each_row_its_own,
    refuses_bounds,
)
