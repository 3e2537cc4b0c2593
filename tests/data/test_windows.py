"""Windows over long texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lamina.codecs.ragged import Ragged
from lamina.data import windows
from lamina.data.batches import Batch
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.data.windows import Windows, few, in_windows
from lamina.features.tokens import START


def texts(lengths: list[int]) -> Ragged:
    """Texts whose tokens are all different."""
    ends = np.cumsum(lengths)
    return Ragged(np.arange(4, 4 + ends[-1], dtype=np.int32), ends)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    with StoreWriter(tmp_path / "s") as writer:
        writer.append({"target000": texts([30, 1, 50, 0, 7, 64])})
    return Rows(Store(tmp_path / "s"), np.array([0, 1, 2, 3, 5]))


def pairs(batches: list[Batch]) -> list[tuple[int, int]]:
    """What is read, and wanted after it."""
    found = []
    for batch in batches:
        reads, wants = batch.inputs["tokens"].numpy(), batch.targets[0].numpy()
        assert ((reads == 0) == (wants == 0)).all()
        found += list(zip(reads[wants > 0].tolist(), wants[wants > 0].tolist(), strict=True))
    return found


def truth(rows: Rows) -> list[tuple[int, int]]:
    found = []
    for place in rows.places:
        text = rows.store.arrays["target000"][int(place) : int(place) + 1].values.tolist()
        found += list(zip([START, *text], [*text, START], strict=True))
    return found


@pytest.mark.parametrize("apart", [False, True])
def test_a_pass_wants_every_token_once(rows: Rows, apart: bool) -> None:
    # 145 tokens and 5 ends in windows of 10, three at a time.
    found = Windows(rows, 3, 10, seed=1, apart=apart)
    made = pairs(list(found.epoch(0)))
    wanted = Counter(truth(rows))
    assert not Counter(made) - wanted, "nothing twice, and nothing that is not there"
    assert len(made) == 150 if not apart else len(made) > 120
    assert set(pairs(list(found.epoch(1)))) <= set(wanted)


def test_batches_are_a_function_of_seed_and_step(rows: Rows) -> None:
    one, again, other = (Windows(rows, 2, 8, seed=seed) for seed in (3, 3, 4))
    whole = list(one.epoch(2))
    later = list(again.epoch(2, first=3))
    assert len(whole) == one.steps
    for first, second in zip(whole[3:], later, strict=True):
        assert (first.targets[0] == second.targets[0]).all()
    assert not all((a.targets[0] == b.targets[0]).all() for a, b in zip(whole, other.epoch(2), strict=True))
    assert not all((a.targets[0] == b.targets[0]).all() for a, b in zip(whole, one.epoch(3), strict=True))


def test_segments_change_where_a_text_begins(rows: Rows) -> None:
    seen = 0
    for batch in Windows(rows, 2, 40, seed=0, before=12).epoch(0):
        tokens, segments = batch.inputs["tokens"], batch.inputs.get("segments")
        begins = (tokens == START).long()
        begins[:, 0] = 0  # the text that a window begins in is 0
        if segments is None:
            assert not begins.any()
        else:
            assert (segments == begins.cumsum(1)).all()
            seen += 1
        before, length = batch.inputs["before"], batch.inputs["before.length"]
        for row in range(len(tokens)):
            count = int(length[row])
            kept = before[row, 12 - count :].tolist()
            assert START not in kept[1:] and (count == 0) == (int(tokens[row, 0]) == START)
            assert count == 12 or count == 0 or kept[0] == START
            if count and kept[-1] != START:
                assert kept[-1] + 1 == int(tokens[row, 0]), "the tokens right before the window"
    assert seen


def test_a_long_text_has_several_epochs_in_a_pass(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Windows(rows, 3, 10, seed=1)
    monkeypatch.setattr(windows, "MOST", 60)
    parts = Windows(rows, 3, 10, seed=1)
    assert (whole.steps, parts.steps) == (5, 2)
    made = [batch for epoch in range(3) for batch in parts.epoch(epoch)]
    wanted = [*whole.epoch(0), *whole.epoch(1)]
    for one, other in zip(made, wanted, strict=False):
        assert (one.targets[0] == other.targets[0]).all()


def test_few_tokens_make_one_short_window(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        writer.append({"target000": texts([3, 2])})
    found = Windows(Rows.all(Store(tmp_path / "s")), 8, 100, seed=0)
    (batch,) = found.epoch(5)
    assert batch.inputs["tokens"].shape == (1, 7) and found.steps == 1


@pytest.mark.parametrize(("context", "step"), [(8, 4), (8, 8), (8, 1), (200, 100)])
def test_every_token_is_judged_once_with_as_much_before_it_as_is_promised(context: int, step: int) -> None:
    given = texts([30, 1, 0, 50, 7])
    wanted: Counter[tuple[int, int]] = Counter()
    for batch in in_windows(given, context, step, tokens=40):
        reads, wants = batch.inputs["tokens"].numpy(), batch.targets[0].numpy()
        assert reads.shape[1] <= context and (reads.size <= 40 or len(reads) == 1)
        for row, (read, want) in enumerate(zip(reads, wants, strict=True)):
            places = np.flatnonzero(want)
            wanted.update((int(batch.rows[row]), int(want[place])) for place in places)
            assert read[0] == START or places[0] >= context - step
            inside = read[read > 0]
            assert (np.diff(inside[inside != START]) == 1).all()
    text = np.repeat(np.arange(5), given.lengths).tolist()
    told = [*zip(text, given.values.tolist(), strict=True), *((row, START) for row in range(5))]
    assert wanted == Counter(told)


def test_few_texts_are_picked_evenly(rows: Rows) -> None:
    assert few(rows, 10**6).places.tolist() == rows.places.tolist()
    assert few(rows, 80).places.tolist() == [0, 2, 5]
    assert few(rows, 1).places.tolist() == [0]
