"""Networks that compose: chances that sum to 1, steps that know nothing of later ones, draws with what is held."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from lamina.config import check
from lamina.features.layout import Layout
from lamina.features.music import OFF, ON
from lamina.models.composer import Composer, ComposerSettings
from lamina.models.improvise import improvise
from lamina.models.notes import FREE, Notes
from lamina.nn.start import start
from lamina.testing.common import check_bounds

KEYS = 4
CHORDS = torch.tensor(list(itertools.product((0.0, 1.0), repeat=KEYS)))  # (16, KEYS)


def composer(past: str = "gru", notes: str = "together", keys: int = KEYS, **settings: object) -> Composer:
    """A network with weights large enough that steps differ."""
    values = {"past": past, "notes": notes, "width": 6, "hidden": 5, "depth": 2, "kernel": 2, **settings}
    model = Composer(Layout.of([]), keys, check(ComposerSettings, values))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            size = 0.05 if "usual" in name else 0.4 if past == "tcn" else 0.7
            weight.copy_(torch.randn(weight.shape, generator=draw) * size)
    return model.eval()


def pieces(rows: int, steps: int, seed: int = 0, keys: int = KEYS) -> Tensor:
    """Random pieces of one length."""
    draw = torch.Generator().manual_seed(seed)
    return torch.where(torch.rand(rows, steps, keys, generator=draw) < 0.4, ON, OFF)


EVERY = pytest.mark.parametrize(
    ("past", "notes"), [("gru", "together"), ("lstm", "apart"), ("tcn", "together"), ("gru", "apart")]
)
BOTH = pytest.mark.parametrize("notes", ["together", "apart"])


def parts(notes: str) -> tuple[Notes, Tensor, Tensor]:
    """The notes of a network, what it was told and the step before, of one row."""
    draw = torch.Generator().manual_seed(2)
    return composer(notes=notes).notes, torch.randn(1, 6, generator=draw), torch.tensor([[1.0, 0.0, 0.0, 1.0]])


def chances(notes: Notes, told: Tensor, before: Tensor) -> Tensor:
    """The probability of each chord, (16,)."""
    with torch.no_grad():
        return notes(told.expand(16, -1), before.expand(16, -1), CHORDS).exp()


@BOTH
def test_the_chances_of_all_chords_sum_to_1(notes: str) -> None:
    found = chances(*parts(notes))
    assert found.sum().item() == pytest.approx(1, abs=1e-5)
    assert found.max() < 0.9 and found.min() > 0


def test_each_key_by_itself_is_a_logistic_regression() -> None:
    notes, told, before = parts("apart")
    share = notes.logits(told, before).sigmoid()[0]  # type: ignore[operator]
    by_hand = torch.where(CHORDS == 1, share, 1 - share).prod(1)
    assert torch.allclose(chances(notes, told, before), by_hand, atol=1e-6)


@EVERY
def test_a_step_is_told_of_those_before_it_alone(past: str, notes: str) -> None:
    model, piece = composer(past, notes), pieces(1, 9)
    other = piece.clone()
    other[0, 5] = ON + OFF - other[0, 5]
    with torch.no_grad():
        one, two = model({}, piece)[0], model({}, other)[0]
    assert torch.equal(one[:5], two[:5])
    assert ((one[5:] - two[5:]).abs().sum(1) > 1e-6).any()
    assert one[5, 1] != two[5, 1], "whether it ends there may hang on the step itself"


@EVERY
def test_step_by_step_is_as_at_once(past: str, notes: str) -> None:
    model, piece = composer(past, notes), pieces(2, 7)
    frames = (piece == ON).float()
    with torch.no_grad():
        whole = model({}, piece)
        told, state = model.begin(2)
        before = torch.zeros(2, KEYS)
        for place in range(7):
            assert torch.allclose(model.notes(told, before, frames[:, place]), whole[:, place, 0], atol=1e-5)
            before = frames[:, place]
            told, state = model.read(before[:, None], state)
            assert torch.allclose(model.end(told)[:, 0], whole[:, place, 1], atol=1e-5)
        some, after = model.read(frames[:, :5], model.begin(2)[1])
        again, _ = model.read(frames[:, 5:], after)
        assert torch.allclose(again, told, atol=1e-5) and not torch.allclose(some, told)


@EVERY
def test_filling_up_changes_nothing(past: str, notes: str) -> None:
    model, piece = composer(past, notes), pieces(2, 6)
    piece[1, 4:] = 0
    with torch.no_grad():
        both, alone = model({}, piece), model({}, piece[1:, :4])
    assert torch.allclose(both[1, :4], alone[0], atol=1e-5)
    assert (both[1, 4:, 0] == 0).all(), "what fills up has no notes"


def test_it_learns_and_its_gradient_is_finite() -> None:
    piece = torch.full((1, 12, KEYS), OFF)
    piece[0, ::2, 0] = piece[0, 1::2, 2] = piece[0, 1::2, 3] = ON
    for notes in ("together", "apart"):
        settings = check(ComposerSettings, {"notes": notes, "width": 16, "hidden": 16, "dropout": 0.0, "hide": 0.0})
        model = Composer(Layout.of([]), KEYS, settings)
        start(model, 0)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
        losses = []
        for _ in range(40):
            optimiser.zero_grad()
            loss = -model({}, piece)[..., 0].mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.1 < losses[0]
        expected = model.eval().likeliest(piece)
        assert torch.equal(expected, (piece == ON).float())


# --- draws ------------------------------------------------------------------------------------------------------------


def drawn_often(notes: Notes, told: Tensor, before: Tensor, held: Tensor, rows: int = 20_000) -> tuple[Tensor, Tensor]:
    """The share of each chord among many draws, and the logarithms that came with them."""
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        frames, logs = notes.draw(told.expand(rows, -1), before.expand(rows, -1), held.expand(rows, -1), chance)
    assert ((frames == held) | (held == FREE)).all()
    places = (frames @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long()
    return torch.bincount(places, minlength=16) / rows, logs


@BOTH
def test_draws_follow_the_chances(notes: str) -> None:
    network, told, before = parts(notes)
    shares, logs = drawn_often(network, told, before, torch.full((1, KEYS), FREE, dtype=torch.int8))
    assert (shares - chances(network, told, before)).abs().max() < 0.015
    assert torch.allclose(logs, torch.zeros(1), atol=1e-5), "nothing is held, so nothing could go against it"


@BOTH
@pytest.mark.parametrize(
    "held", [[FREE, 1, FREE, 0], [1, FREE, FREE, FREE], [FREE, FREE, 1, 0], [0, 0, FREE, 0]], ids=str
)
def test_draws_keep_what_is_held_and_know_its_chance(notes: str, held: list[int]) -> None:
    network, told, before = parts(notes)
    wanted = torch.tensor([held], dtype=torch.int8)
    shares, logs = drawn_often(network, told, before, wanted)
    allowed = ((wanted == CHORDS) | (wanted == FREE)).all(1)
    whole = (chances(network, told, before) * allowed).sum().item()
    assert logs.exp().mean().item() == pytest.approx(whole, rel=0.03)
    assert shares[~allowed].sum() == 0


@BOTH
def test_a_step_that_is_held_whole_has_its_own_chance(notes: str) -> None:
    network, told, before = parts(notes)
    chance = torch.Generator()
    with torch.no_grad():
        found, logs = network.draw(told.expand(16, -1), before.expand(16, -1), CHORDS.to(torch.int8), chance)
    assert torch.equal(found, CHORDS)
    assert torch.allclose(logs.exp(), chances(network, told, before), atol=1e-5)


@BOTH
def test_cold_draws_are_the_likeliest(notes: str) -> None:
    network, told, before = parts(notes)
    cold = network.likeliest(told, before)
    assert cold.shape == (1, KEYS)
    if notes == "apart":
        assert torch.equal(cold[0], CHORDS[chances(network, told, before).argmax()])
    narrow, _ = network.draw(
        told, before, torch.full((1, KEYS), FREE, dtype=torch.int8), torch.Generator().manual_seed(3), share=1e-6
    )
    assert notes == "apart" or torch.equal(narrow, cold)


# --- pieces -----------------------------------------------------------------------------------------------------------


def free(steps: int) -> Tensor:
    return torch.full((steps, KEYS), FREE, dtype=torch.int8)


@EVERY
def test_a_piece_is_a_function_of_its_seed(past: str, notes: str) -> None:
    model = composer(past, notes)
    one, again, other = (improvise(model, free(12), seed=seed, tries=4) for seed in (5, 5, 6))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert one.shape == (12, KEYS) and ((one == 0) | (one == 1)).all()


@EVERY
def test_what_is_held_stays(past: str, notes: str) -> None:
    model = composer(past, notes)
    given = (pieces(1, 10, seed=4)[0] == ON).to(torch.int8)
    begun, melody, outline = free(14), given.clone(), free(10)
    begun[:10] = given
    melody[:, :3] = FREE
    outline[::3] = given[::3]
    assert torch.equal(improvise(model, begun, seed=0, tries=4)[:10], given.float())
    assert torch.equal(improvise(model, melody, seed=0, tries=4)[:, 3], given[:, 3].float())
    assert torch.equal(improvise(model, outline, seed=0, tries=4)[::3], given[::3].float())
    assert torch.equal(improvise(model, given, seed=0, tries=4), given.float()), "all of it is held"


def test_one_who_goes_on_goes_on_as_any_other_beginning() -> None:
    """A beginning that is read at once leaves the network as one that is read step by step."""
    model = composer("tcn", "together", kernel=3, depth=2)
    given = (pieces(1, 30, seed=4)[0] == ON).to(torch.int8)
    held = torch.cat([given, free(1)])
    with torch.no_grad():
        before, told, _ = model._read(torch.cat([given.float(), torch.zeros(1, KEYS)])[None])
        wanted = chances(model.notes, told[:, -1], before[:, -1])
    found = torch.zeros(16)
    for seed in range(250):
        frame = improvise(model, held, seed=seed, tries=1, ends=False)[-1]
        found[int(frame @ torch.tensor([8.0, 4.0, 2.0, 1.0]))] += 1 / 250
    assert (found - wanted).abs().sum() / 2 < 0.12


@BOTH
def test_what_is_free_knows_of_what_is_held_behind_it(notes: str) -> None:
    """The first of two steps, the second held: as often as by Bayes' rule, whose sums are few."""
    model = composer("gru", notes)
    held = free(2)
    held[1] = torch.tensor([0, 1, 0, 1], dtype=torch.int8)
    with torch.no_grad():
        whole = torch.stack([CHORDS, held[1].float().expand(16, -1)], 1)
        joint = model({}, torch.where(whole == 1, ON, OFF))[..., 0].sum(1).exp()
        first = model({}, torch.where(whole == 1, ON, OFF))[:, 0, 0].exp()
    wanted, alone = joint / joint.sum(), first / first.sum()
    found = torch.zeros(16)
    for seed in range(250):
        frame = improvise(model, held, seed=seed, tries=24, ends=False)[0]
        found[int(frame @ torch.tensor([8.0, 4.0, 2.0, 1.0]))] += 1 / 250

    def apart(other: Tensor) -> float:
        return float((found - other).abs().sum() / 2)

    assert apart(wanted) < 0.12 < apart(alone)


def test_the_last_step_is_one_that_ends() -> None:
    model = composer()
    with torch.no_grad():
        model.end.weight.mul_(40)

    def ending(wanted: bool) -> Tensor:
        """How likely pieces end with their last step, as logits."""
        drawn = [improvise(model, free(4), seed=seed, tries=16, ends=wanted) for seed in range(30)]
        with torch.no_grad():
            return model({}, torch.where(torch.stack(drawn) == 1, ON, OFF))[:, -1, 1]

    with torch.no_grad():
        model.end.bias.sub_(ending(False).median())  # half of them do, and half do not
    assert ending(True).sigmoid().mean() > ending(False).sigmoid().mean() + 0.1


def test_its_settings_have_bounds() -> None:
    check_bounds(ComposerSettings)
