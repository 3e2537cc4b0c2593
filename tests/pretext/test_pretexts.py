"""Every pretext, over every kind of backbone that it can train."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.backbones.base import Backbone
from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.features.tokens import FIRST, MASK
from lamina.pretext import PRETEXTS
from lamina.pretext.base import Pretext, shared_out
from lamina.pretext.contrastive import Contrastive
from lamina.pretext.masked_frames import MaskedFrames
from lamina.pretext.masked_patches import MaskedPatches
from lamina.pretext.masked_tokens import MaskedTokens
from lamina.pretext.rotation import Rotation

Make = Callable[[str, Slot], Backbone]
Rows = Callable[[str, int], tuple[Tensor, Tensor]]

PAIRS = [
    ("contrastive", "image", "cnn"),
    ("contrastive", "image", "vit"),
    ("masked_patches", "image", "cnn"),
    ("masked_patches", "image", "vit"),
    ("rotation", "image", "cnn"),
    ("masked_tokens", "tokens", "bag"),
    ("masked_tokens", "tokens", "textcnn"),
    ("masked_tokens", "tokens", "transformer"),
    ("masked_tokens", "tokens", "gru"),
    ("masked_frames", "frames", "transformer"),
    ("masked_frames", "frames", "tcn"),
    ("masked_frames", "frames", "cnn"),
]
EVERY = pytest.mark.parametrize(("name", "group", "backbone"), PAIRS)


def made(name: str, backbone: Backbone, slot: Slot, **settings: object) -> Pretext:
    torch.manual_seed(0)
    cls = PRETEXTS[name]
    pretext: Pretext = cls(backbone, slot, check(cls.Settings, settings))
    return pretext


def test_every_pretext_is_tried() -> None:
    assert {name for name, _, _ in PAIRS} == set(PRETEXTS)


@EVERY
def test_a_loss_a_row_and_none_where_the_cell_is_missing(
    name: str, group: str, backbone: str, slots: dict[str, Slot], make_backbone: Make, rows: Rows
) -> None:
    network = make_backbone(backbone, slots[group])
    losses = made(name, network, slots[group])(network, *rows(group, 6))
    assert losses.shape == (6,) and bool(torch.isfinite(losses).all())
    assert losses[-1] == 0 and losses[:-1].sum() > 0


@EVERY
def test_every_weight_of_the_sequence_learns_and_the_loss_falls(
    name: str, group: str, backbone: str, slots: dict[str, Slot], make_backbone: Make, rows: Rows
) -> None:
    network = make_backbone(backbone, slots[group])
    pretext = made(name, network, slots[group])
    optimiser = torch.optim.Adam([*network.parameters(), *pretext.parameters()], lr=1e-2)
    values, lengths = rows(group, 8)
    found = []
    for _ in range(25):
        torch.manual_seed(3)  # the same question again
        loss = pretext(network, values, lengths).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    assert found[-1] < 0.9 * found[0]
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@EVERY
def test_chance_comes_from_torch_in_training_and_is_fixed_in_evaluation(
    name: str, group: str, backbone: str, slots: dict[str, Slot], make_backbone: Make, rows: Rows
) -> None:
    network = make_backbone(backbone, slots[group])
    pretext = made(name, network, slots[group])
    values, lengths = rows(group, 6)

    def losses(seed: int) -> Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return pretext(network, values, lengths)

    network.eval()
    assert torch.equal(losses(1), losses(1))
    assert not torch.equal(losses(1), losses(2))
    pretext.eval()
    assert torch.equal(losses(1), losses(2))


@EVERY
def test_a_single_row_and_rows_that_are_all_missing_do(
    name: str, group: str, backbone: str, slots: dict[str, Slot], make_backbone: Make, rows: Rows
) -> None:
    network = make_backbone(backbone, slots[group])
    pretext = made(name, network, slots[group])
    values, lengths = rows(group, 4)
    for places in ([0], [3, 3]):
        loss = pretext(network, values[places], lengths[places]).sum()
        loss.backward()
        assert math.isfinite(loss.item())


def test_hidden_tokens_are_masked_exchanged_or_left_in_the_papers_shares(
    slots: dict[str, Slot], make_backbone: Make
) -> None:
    pretext = made("masked_tokens", make_backbone("bag", slots["tokens"]), slots["tokens"])
    assert isinstance(pretext, MaskedTokens)
    values = torch.randint(FIRST, 40, (400, 100), generator=torch.Generator().manual_seed(0))
    values[:, 90:] = 0
    asked, shown = pretext.masked(values, torch.full((400,), 90))
    assert not asked[:, 90:].any() and torch.equal(shown[~asked], values[~asked])
    assert abs(asked[:, :90].float().mean() - 0.15) < 0.01
    assert abs((shown[asked] == MASK).float().mean() - 0.8) < 0.02
    # One exchange in so many hits the same token.
    assert abs((shown[asked] == values[asked]).float().mean() - 0.1 - 0.1 / 36) < 0.015
    assert shown[:, :90].min() >= MASK


def test_what_is_unknown_is_never_asked_for(slots: dict[str, Slot], make_backbone: Make) -> None:
    pretext = made("masked_tokens", make_backbone("bag", slots["tokens"]), slots["tokens"], share=0.9)
    assert isinstance(pretext, MaskedTokens)
    asked, _ = pretext.masked(torch.ones(3, 8, dtype=torch.int64), torch.full((3,), 8))
    assert not asked.any()


def test_in_training_a_token_is_guessed_among_candidates(slots: dict[str, Slot], make_backbone: Make) -> None:
    """Those asked for and some others; in evaluation among all."""
    pretext = made("masked_tokens", make_backbone("bag", slots["tokens"]), slots["tokens"], candidates=3)
    assert isinstance(pretext, MaskedTokens)
    hidden, wanted = torch.randn(5, 8), torch.tensor([7, 9, 7, 30, 4])
    few = pretext.guessed(hidden, wanted)
    few.sum().backward()
    moved = set(pretext.words.weight.grad.abs().sum(1).nonzero()[:, 0].tolist())
    assert {4, 7, 9, 30} <= moved and len(moved) <= 7
    pretext.eval()
    assert bool((pretext.guessed(hidden, wanted) > few).all())


def test_contrastive_loss_is_that_of_the_paper(slots: dict[str, Slot], make_backbone: Make, rows: Rows) -> None:
    """Term by term, as the formula has it."""
    network = make_backbone("cnn", slots["image"])
    pretext = made("contrastive", network, slots["image"], crop=1.0, colour=0.0, flip="none", temperature=0.5)
    assert isinstance(pretext, Contrastive)
    network.eval()
    pretext.eval()
    values, lengths = rows("image", 3)
    lengths[-1] = 1
    with torch.no_grad():
        losses = pretext(network, values, lengths)
        one = F.normalize(pretext.project(network(values, lengths)), dim=1)
    vectors = torch.cat([one, one])  # nothing was changed, so both views are the same
    alike = (vectors @ vectors.T / 0.5).exp()
    for row in range(3):
        others = sum(alike[row, other] for other in range(6) if other != row)
        assert torch.isclose(losses[row], -(alike[row, row + 3] / others).log(), atol=1e-5)


def test_only_hidden_pixels_are_judged(slots: dict[str, Slot], make_backbone: Make, rows: Rows) -> None:
    network = make_backbone("cnn", slots["image"])
    pretext = made("masked_patches", network, slots["image"], cells=4)
    assert isinstance(pretext, MaskedPatches)
    network.eval()
    pretext.eval()
    values, lengths = rows("image", 4)
    hidden = pretext.hidden(values)
    assert hidden.shape == (4, 12, 12) and bool((hidden[:, ::3, ::3] == hidden[:, 2::3, 2::3]).all())
    other = torch.where(hidden[..., None], values, values)
    assert torch.equal(pretext(network, other, lengths), pretext(network, values, lengths))
    with torch.no_grad():
        shown = torch.where(hidden[..., None], pretext.pixels.centre, values.float())
        assert not torch.equal(pretext(network, values, lengths), pretext(network, shown, lengths))


def test_frames_are_hidden_in_stretches_and_only_where_they_are(
    slots: dict[str, Slot], make_backbone: Make, rows: Rows
) -> None:
    pretext = made("masked_frames", make_backbone("tcn", slots["frames"]), slots["frames"], stretch=5)
    assert isinstance(pretext, MaskedFrames)
    values, lengths = torch.zeros(200, 50, 6), torch.full((200,), 40)
    hidden = pretext.hidden(values, lengths)
    assert not hidden[:, 40:].any() and abs(hidden[:, :40].float().mean() - 0.3) < 0.03
    changes = (hidden[:, 1:40] != hidden[:, :39]).float().mean()
    assert changes < 2 * 0.3 * 0.7 / 5 + 0.02


def test_rotation_tells_quarters_apart_and_needs_squares(make_backbone: Make) -> None:
    slot = Slot("photo", "value", "image", shape=(8, 6, 1))
    with pytest.raises(SettingError, match="square pictures · got 8 x 6"):
        made("rotation", make_backbone("cnn", slot), slot)
    square = Slot("photo", "value", "image", shape=(8, 8, 1))
    assert isinstance(made("rotation", make_backbone("cnn", square), square), Rotation)


def test_shares_have_the_mean_of_what_counts() -> None:
    losses, counted = torch.rand(5, 7), torch.rand(5, 7) < 0.4
    assert torch.isclose(shared_out(losses, counted).mean(), losses[counted].mean())
    assert shared_out(losses, torch.zeros(5, 7, dtype=torch.bool)).tolist() == [0.0] * 5
