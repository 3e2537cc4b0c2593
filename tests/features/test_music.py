"""Music: lists of pitches and MIDI files to frames and back, on a grid; odd and broken ones with a reason each."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.midi import DRUMS, Note, Tempo, Tune, read_midi, write_midi
from lamina.config import check
from lamina.errors import DataError, SettingError
from lamina.features.base import Profile
from lamina.features.media import Broken
from lamina.features.music import OFF, ON, Music, MusicSettings, roll_of, tune_of

NESTED = pl.List(pl.List(pl.Int64))
STEPS = [[60, 64, 67], [60], [], [62, 65]]


def midi(*notes: Note, tempo: int = 600_000, division: int = 100) -> bytes:
    """A MIDI file of these notes."""
    return write_midi(Tune(notes, division, (Tempo(0, tempo),)))


def fitted(cells: pl.Series, **settings: Any) -> Music:
    """A feature that has learned from these cells."""
    feature = Music("tune", check(MusicSettings, settings))
    return feature.fit(feature.read(cells))


def steps(roll: np.ndarray) -> list[list[int]]:
    """The pitches of each step."""
    return [np.flatnonzero(step).tolist() for step in roll]


def test_lists_of_pitches_are_frames_and_back() -> None:
    cells = pl.Series([STEPS, None, [[21, 108]]], dtype=NESTED)
    feature = fitted(cells)
    rows = feature.encode(feature.read(cells))["frames"]
    assert rows.lengths.tolist() == [4, 0, 1]
    assert rows.values.dtype == np.float32
    assert rows.values.sum(1).tolist() == [3, 1, 0, 2, 2]
    assert np.flatnonzero(rows.values[4]).tolist() == [0, 87]
    assert feature.decode(rows).to_list() == cells.to_list()
    (slot,) = feature.slots
    assert (slot.group, slot.shape, slot.length) == ("frames", (88,), 3)


def test_what_rests_is_silent_and_pitches_count_once() -> None:
    cells = pl.Series([[[74, 70, 65, 58], [74, -1, -1, 58], [-1, -1, -1, -1]]])
    feature = fitted(cells)
    rows = feature.encode(cells)["frames"]
    assert feature.decode(rows).to_list() == [[[58, 65, 70, 74], [58, 74], []]]
    odd = pl.Series([[[60, None, 60], None, [], [64]]], dtype=NESTED)
    assert feature.decode(feature.encode(odd)["frames"]).to_list() == [[[60], [], [], [64]]]
    whole = pl.Series([[[60.0, float("nan")], [61.0, 62.0]]])
    assert feature.decode(feature.encode(feature.read(whole))["frames"]).to_list() == [[[60], [61, 62]]]


def test_notes_of_files_are_moved_to_the_nearest_step() -> None:
    content = midi(
        Note(3, 97, 60), Note(105, 310, 62), Note(149, 151, 64), Note(150, 151, 65), Note(0, 900, 35, 80, DRUMS)
    )
    feature = fitted(pl.Series([content]))
    rows = feature.encode(pl.Series([content]))["frames"]
    assert feature.decode(rows).to_list() == [[[60], [62, 64], [62, 65]]]
    finer = fitted(pl.Series([content]), step=0.5)
    assert finer.decode(finer.encode(pl.Series([content]))["frames"]).to_list() == [
        [[60], [60], [62], [62, 64, 65], [62], [62]]
    ]


def test_names_archives_and_bytes_are_the_same_tune(tmp_path: Path) -> None:
    tunes = [midi(Note(100 * place, 500, 60 + place)) for place in range(3)]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for place, content in enumerate(tunes):
            (tmp_path / f"{place}.mid").write_bytes(content)
            archive.writestr(f"inside/{place}.mid", content)
    feature = fitted(pl.Series(tunes))
    wanted = feature.encode(pl.Series(tunes))["frames"]
    assert wanted.lengths.tolist() == [5, 5, 5]
    for names in (
        [f"{tmp_path}/{place}.mid" for place in range(3)],
        [f"{tmp_path}/all.zip!/inside/{place}.mid" for place in range(3)],
    ):
        assert np.array_equal(feature.encode(feature.read(pl.Series(names)))["frames"].values, wanted.values)
    records = pl.Series([{"bytes": content, "path": "x.mid"} for content in tunes])
    assert np.array_equal(feature.encode(feature.read(records))["frames"].values, wanted.values)


def test_keys_say_which_pitches_are_kept() -> None:
    cells = pl.Series([[[20, 21, 108, 109], [127]]])
    piano = fitted(cells)
    assert piano.decode(piano.encode(cells)["frames"]).to_list() == [[[21, 108], []]]
    assert piano.summary()["beyond the keys"] == "3 of 5 notes"
    every = fitted(cells, keys="all")
    assert every.slots[0].shape == (128,)
    assert every.decode(every.encode(cells)["frames"]).to_list() == cells.to_list()
    assert "beyond the keys" not in every.summary()


def test_long_tunes_keep_their_beginning() -> None:
    cells = pl.Series([[[60 + place] for place in range(9)], [[60]]])
    feature = fitted(cells, longest=3)
    assert feature.decode(feature.encode(cells)["frames"]).to_list() == [[[60], [61], [62]], [[60]]]
    assert feature.summary()["cut"] == "1 of 2 looked at"
    endless = midi(Note(0, 100, 60), Note(2**28 - 3, 2**28 - 2, 60), division=1)
    assert fitted(pl.Series([endless]), longest=50).encode(pl.Series([endless]))["frames"].lengths.tolist() == [50]


def test_very_many_long_notes_take_no_time() -> None:
    notes = tuple(Note(place, 10**6 + place, place % 128) for place in range(20_000))
    roll, length = roll_of(Tune(notes, 1))
    assert roll.shape == (4096, 128)
    assert length == 10**6 + 19_999
    assert roll[4000].sum() == 128


def test_frames_as_a_tune() -> None:
    feature = fitted(pl.Series([midi(Note(0, 100, 60), tempo=400_000)]), step=0.5)
    frames = feature.load(np.array(STEPS, object)) * 0.8
    tune = feature.tune(frames)
    assert tune.tempos == (Tempo(0, 400_000),)
    assert [note[:3] for note in tune.notes] == [
        *[(0, 240, 64), (0, 240, 67), (0, 480, 60)],
        *[(720, 960, 62), (720, 960, 65)],
    ]
    assert tune.seconds([tune.end]) == [pytest.approx(0.8)]
    struck = tune_of([[60], [60]], tied=False)
    assert [note[:3] for note in struck.notes] == [(0, 480, 60), (480, 960, 60)]
    assert tune_of([]).notes == ()


PITCHES = st.lists(st.sets(st.integers(0, 127), max_size=5).map(sorted), min_size=1, max_size=12)


@given(PITCHES, st.sampled_from([0.25, 1 / 3, 0.5, 1, 1.5]), st.booleans())
def test_steps_go_to_midi_and_back(pitches: list[list[int]], step: float, tied: bool) -> None:
    if not any(pitches):
        return
    tune = read_midi(write_midi(tune_of(pitches, step, 90, tied=tied)))
    roll, length = roll_of(tune, step)
    last = max(place for place, sounding in enumerate(pitches) if sounding) + 1
    assert length == last
    assert steps(roll) == pitches[:last]


def test_what_is_no_tune_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    good, drums = midi(Note(0, 100, 60)), midi(Note(0, 100, 60, 80, DRUMS))
    cells = pl.Series([good, b"", b"hello", good[:20], drums, midi(), None])
    feature = fitted(cells)
    broken: Broken = {}
    rows = feature.encode(feature.read(cells), broken)["frames"]
    assert sorted(broken) == [1, 2, 3, 4, 5]
    assert all(reason.startswith("tune: ") and "\n" not in reason for reason in broken.values())
    for place, says in ((1, "an empty file"), (3, "at byte 14"), (4, "1 of drums"), (5, "no notes")):
        assert says in broken[place]
    assert rows.lengths.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert feature.summary()["cannot be read"] == "5 of 6 looked at"
    with pytest.raises(DataError, match="no such file"):
        feature.encode(pl.Series([f"{tmp_path}/nowhere.mid"]), first_row=71)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ([], "no steps"),
        ([[60], [128]], "no pitch.*got 128"),
        ([[-2]], "no pitch.*got -2"),
        ([[60.5]], "no pitch.*got 60.5"),
        ([[float("inf")], [1.0, 2.0]], "no pitch.*got inf"),
    ],
)
def test_lists_that_hold_no_pitches_say_so(cell: list[Any], says: str) -> None:
    feature = fitted(pl.Series([[[60]]]))
    with pytest.raises(DataError, match=rf"'tune', row 7: .*{says}"):
        feature.encode(feature.read(pl.Series([cell], dtype=pl.List(pl.List(pl.Float64)))), first_row=7)


@pytest.mark.parametrize("cells", [pl.Series([[60, 64]]), pl.Series([60, 64]), pl.Series([[["a"]]])])
def test_other_cells_are_refused_with_their_rows(cells: pl.Series) -> None:
    with pytest.raises(DataError, match=r"'tune'.*row\(s\) 5"):
        Music("tune").read(cells, first_row=5)


def test_nothing_but_broken_tunes_can_still_be_encoded() -> None:
    feature = fitted(pl.Series([b"x", None]))
    assert feature.slots[0].length == 1
    assert feature.encode(pl.Series([midi(Note(0, 100, 60))]))["frames"].lengths.tolist() == [1]
    assert feature.summary()["pitches"] == "none"


def test_the_sample_does_not_depend_on_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.features.music.SAMPLE", 5)
    lists = pl.Series([[[60 + place, 70], [50]][: 1 + place % 2] * (1 + place) for place in range(30)])
    files = pl.Series([midi(Note(0, 100 + 100 * place, 60)) for place in range(30)])
    for cells in (lists, files):
        whole = fitted(cells).to_json()
        pieces = Music("tune")
        for start in range(0, 30, 7):
            pieces.partial_fit(cells[start : start + 7])
        assert pieces.finish().to_json() == whole
        assert whole["state"]["sampled"] == 5
        assert whole["state"]["count"] == 30
        assert fitted(cells.reverse()).to_json() == whole


RAGGED = [STEPS, [[50], [52, 55]]]


@pytest.mark.parametrize(
    ("cells", "is_music"),
    [
        (pl.Series(["a/b.mid", "c.MIDI", None]), True),
        (pl.Series([midi(), b"MThd", None]), True),
        (pl.Series([{"bytes": midi(), "path": None}]), True),
        (pl.Series(RAGGED), True),
        (pl.Series(["https://x.org/a.mid"] * 3), False),
        (pl.Series(["a.wav", "b.mid", "c.txt"]), False),
        (pl.Series([b"RIFF", b"text"]), False),
        (pl.Series(RAGGED, dtype=pl.List(pl.List(pl.Float64))), False),
        (pl.Series([[[60, 64], [62, 65]], [[61, 63]]]), False),  # as well a series of two channels
        (pl.Series([[[60, 200], [62]]]), False),
        (pl.Series([[[60, 60], [62]]]), False),
        (pl.Series([[list(range(30, 60)), [62]]]), False),
        (pl.Series([[60, 61], [62]]), False),
        (pl.Series([[]], dtype=NESTED), False),
        (pl.Series([None, None], dtype=pl.String), False),
        (pl.Series([None, None], dtype=pl.Binary), False),
    ],
)
def test_recognised_by_endings_beginnings_and_chords(cells: pl.Series, is_music: bool) -> None:
    claim = Music.recognise(Profile("c", cells, len(cells), len(cells)))
    assert (claim is not None) == is_music


def test_it_goes_through_json_and_says_what_it_learned() -> None:
    feature = fitted(pl.Series(RAGGED))
    again = Music.from_json(json.loads(json.dumps(feature.to_json())))
    assert again.state == feature.state
    assert feature.summary() == {
        "steps": {"shortest": 2, "middle": 3, "longest": 4},
        "pitches": "50 to 67",
        "notes a step": {"mean": 1.5, "most": 3},
        "beats a minute": 100.0,
    }
    with pytest.raises(SettingError, match="keys"):
        check(MusicSettings, {"keys": "organ"})


@pytest.mark.data
def test_chorales(shared_data: Path) -> None:
    with gzip.open(shared_data / "jsb_chorales" / "jsb-chorales-quarter.json.gz") as file:
        chorales = json.load(file)["train"]
    cells = pl.Series(chorales, dtype=NESTED)
    claim = Music.recognise(Profile("tune", cells, len(cells), len(cells)))
    assert claim is not None
    feature = fitted(cells)
    rows = feature.encode(feature.read(cells))["frames"]
    assert (len(rows), len(rows.values)) == (229, 13_807)
    assert feature.decode(rows).to_list() == chorales
    few = [chorale for chorale in chorales[::20] if chorale[-1]]
    again = feature.encode(pl.Series([write_midi(tune_of(chorale)) for chorale in few]))["frames"]
    assert feature.decode(again).to_list() == few


def test_a_target_is_told_from_what_fills_up() -> None:
    cells = pl.Series("tune", [STEPS, None, [[21, 108]]], dtype=NESTED)
    feature = Music("tune", is_target=True)
    feature.fit(feature.read(cells))
    rows = feature.encode(feature.read(cells))["frames"]
    assert rows.values.dtype == np.uint8 and set(np.unique(rows.values)) == {OFF, ON}
    assert rows.lengths.tolist() == [4, 0, 1] and (rows.values == ON).sum(1).tolist() == [3, 1, 0, 2, 2]
    assert feature.decode(rows).to_list() == cells.to_list()


def test_targets_may_look_like_series() -> None:
    for cells, claims in (
        ([[[60, 64], [62, 65]], [[59, 62]]], True),  # as many voices in each step
        ([[[74, -1], [74, 58]], [[60, 60]]], True),  # one rests, two have one pitch
        ([[[3, 4], [5, 6]], [[7, 8]]], False),
        ([[[-1, -1]]], False),
    ):
        values = pl.Series("tune", cells, dtype=NESTED)
        assert (Music.recognise(Profile("tune", values, 2, 2, is_target=True)) is not None) == claims
        assert Music.recognise(Profile("tune", values, 2, 2)) is None


def test_a_tune_is_read_with_its_tempo() -> None:
    feature = fitted(pl.Series([STEPS], dtype=NESTED))
    frames, tempo = feature.with_tempo(midi(Note(0, 100, 60), tempo=500_000))
    assert frames.shape == (1, 88) and tempo == 120 and feature.lowest == 21
    assert feature.with_tempo(np.array([[60, 64]]))[1] is None
