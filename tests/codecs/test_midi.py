"""MIDI files: the examples of the specification, one written by another library, round trips, and damaged ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.midi import Note, Tempo, Tune, is_midi, read_midi, write_midi
from lamina.errors import DataError


def file(*tracks: str, kind: int = 0, division: str = "00 60") -> bytes:
    """A file of tracks in hexadecimal digits; each gets its end."""
    head = "4d 54 68 64 00 00 00 06" + f"{kind:04x} {len(tracks):04x} {division}"
    return bytes.fromhex(head) + b"".join(chunk(track + "00 ff 2f 00") for track in tracks)


def chunk(body: str, name: bytes = b"MTrk") -> bytes:
    """A part of a file."""
    content = bytes.fromhex(body)
    return name + len(content).to_bytes(4, "big") + content


# Both examples of the specification (Standard MIDI Files 1.0, 1988): the same four notes.
ONE_TRACK = file(
    "00 ff 58 04 04 02 18 08  00 ff 51 03 07 a1 20  00 c0 05  00 c1 2e  00 c2 46  00 92 30 60  00 3c 60  60 91 43 40"
    "60 90 4c 20  81 40 82 30 40  00 3c 40  00 81 43 40  00 80 4c 40"
)
FOUR_TRACKS = file(
    "00 ff 58 04 04 02 18 08  00 ff 51 03 07 a1 20  83 00 ff 06 00",
    "00 c0 05  81 40 90 4c 20  81 40 4c 00",
    "00 c1 2e  60 91 43 40  82 20 43 00",
    "00 c2 46  00 92 30 60  00 3c 60  83 00 30 00  00 3c 00",
    kind=1,
)
FOUR_NOTES = (Note(0, 384, 48, 96, 2), Note(0, 384, 60, 96, 2), Note(96, 384, 67, 64, 1), Note(192, 384, 76, 32, 0))


@pytest.mark.parametrize("content", [ONE_TRACK, FOUR_TRACKS], ids=["format 0", "format 1"])
def test_the_examples_of_the_specification(content: bytes) -> None:
    assert is_midi(content)
    assert read_midi(content) == Tune(FOUR_NOTES, 96, (Tempo(0, 500_000),))


def test_a_file_of_another_library() -> None:
    """Written by mido 1.3: a name, two tempos, a program, a pitch wheel, a sysex, and a drum."""
    content = bytes.fromhex(
        "4d546864000000060001000200604d54726b0000001a00ff030372c3a900ff5103"
        "0927c08140ff51030493e000ff2f004d54726b0000002500c3130a933c4605e3644001"
        "f004010203f7822c933c0000997f7f819c20897f0000ff2f00"
    )
    tune = read_midi(content)
    assert tune.notes == (Note(10, 316, 60, 70, 3), Note(316, 20_316, 127, 127, 9))
    assert tune.tempos == (Tempo(0, 600_000), Tempo(192, 300_000))
    assert tune.seconds([tune.end, 0, 96, 288]) == pytest.approx([64.0875, 0, 0.6, 1.5])


def test_what_is_written() -> None:
    tune = Tune((Note(0, 1, 60), Note(1, 300, 60, 127), Note(1, 2, 72, 1)), 480, (Tempo(0, 600_000),))
    assert write_midi(tune).hex(" ") == (
        "4d 54 68 64 00 00 00 06 00 00 00 01 01 e0 "
        "4d 54 72 6b 00 00 00 22 00 ff 51 03 09 27 c0 "
        "00 90 3c 50 01 80 3c 40 00 90 3c 7f 00 48 01 01 80 48 40 82 2a 3c 40 00 ff 2f 00"
    )
    two = write_midi(Tune((Note(0, 1, 60, channel=1), Note(0, 1, 60, channel=15)), tempos=(Tempo(5, 1),)))
    assert two[8:14].hex() == "0001000301e0", "a track of tempos, and one a channel"
    assert read_midi(two).tempos == (Tempo(5, 1),)
    assert read_midi(write_midi(Tune())) == Tune()


NOTES = st.lists(
    st.builds(
        lambda start, length, pitch, velocity, channel: Note(start, start + length, pitch, velocity, channel),
        st.integers(0, 10**5),
        st.integers(1, 10**5),
        st.integers(0, 127),
        st.integers(1, 127),
        st.sampled_from([0, 3, 15]),
    ),
    max_size=10,
    unique_by=lambda note: (note.pitch, note.channel),
)
TEMPOS = st.lists(st.builds(Tempo, st.integers(0, 10**6), st.integers(1, 2**24 - 1)), max_size=3)


@given(NOTES, TEMPOS, st.integers(1, 32_767))
def test_what_is_written_is_read_again(notes: list[Note], tempos: list[Tempo], division: int) -> None:
    tune = Tune(tuple(sorted(notes)), division, tuple(sorted(tempos, key=lambda tempo: tempo.start)))
    assert read_midi(write_midi(tune)) == tune


@pytest.mark.parametrize(
    ("track", "notes"),
    [
        ("00 90 3c 40  0a 90 3c 41  0a 80 3c 00  0a 3c 00", [(0, 20), (10, 30)]),
        ("05 90 3c 40  00 3c 00", [(5, 6)]),
        ("05 90 3c 40  14 ff 01 02 68 69", [(5, 25)]),
        ("05 80 3c 40  00 90 3c 00", []),
        ("00 90 3c 40  01 f0 03 01 02 f7  01 f7 01 f3  01 90 3c 00", [(0, 3)]),
        ("00 90 3c 40  01 a0 3c 7f  00 b0 07 7f  00 d0 01  00 e0 00 40  01 80 3c 40", [(0, 2)]),
        ("ff ff ff 7e 90 3c 40", [(2**28 - 2, 2**28 - 1)]),
    ],
)
def test_notes_begin_and_end(track: str, notes: list[tuple[int, int]]) -> None:
    assert [note[:2] for note in read_midi(file(track)).notes] == notes


def test_other_parts_of_a_file_are_passed_by() -> None:
    longer = ONE_TRACK[:4] + b"\0\0\0\x08" + ONE_TRACK[8:14] + b"\1\2" + ONE_TRACK[14:]
    more = ONE_TRACK[:14] + chunk("", b"a b ") + ONE_TRACK[14:] + chunk("01 02 03", b"XFIH")
    for content in (longer, more):
        assert read_midi(content).notes == FOUR_NOTES


@pytest.mark.parametrize(
    ("division", "seconds"), [("e7 28", 0.001), ("e8 01", 1 / 24), ("e3 04", 1001 / 120_000), ("e2 50", 1 / 2400)]
)
def test_moments_of_a_film(division: str, seconds: float) -> None:
    """Where they are counted, tempos say nothing."""
    tune = read_midi(file("00 ff 51 03 00 00 01  83 68 90 3c 40", division=division))
    assert tune.seconds([1, 488]) == pytest.approx([seconds, 488 * seconds])


def test_time_follows_all_tempos() -> None:
    tune = Tune((Note(0, 10, 60),), 100, (Tempo(100, 1_000_000), Tempo(100, 2_000_000), Tempo(150, 250_000)))
    assert tune.seconds([250, 0, 100, 150, 125]) == [1.75, 0.0, 0.5, 1.5, 1.0]
    assert Tune(division=24).seconds([48]) == [1.0]
    assert (Tune().end, Tune().seconds([])) == (0, [])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a MIDI file.*an empty file"),
        (b"RIFF", "a WAV"),
        (b"MThd" + bytes(5 * 2**20), "too large"),
        (file("", kind=2), "format that is not read at byte 8.*got 2"),
        (file("", "", kind=0), "number of tracks that format 0 cannot have at byte 10.*got 2"),
        (file(kind=1), "number of tracks that format 1 cannot have at byte 10.*got 0"),
        (file("", division="00 00"), "no ticks at byte 12"),
        (file("", division="f0 04"), "that no film has at byte 12.*16 of 4"),
        (file("", division="e7 00"), "that no film has at byte 12"),
        (file("")[:13], "'MThd' is cut off at byte 0"),
        (b"MThd\0\0\0\5" + bytes(5), "cut off at byte 8"),
        (file("")[:14], "other tracks than it says.*got 0.*allowed: 1"),
        (file("") + chunk("00 ff 2f 00"), "other tracks than it says.*got 2"),
        (file("")[:-1], "'MTrk' is cut off at byte 14.*got 3 bytes.*allowed: 4"),
        (file("") + b"rest", "cut off at byte 26"),
        (file("")[:14] + chunk("00 90 3c 40"), "no end at byte 26"),
        (file("")[:14] + chunk(""), "no end at byte 22"),
        (file("00 ff 2f 00"), "goes on after its end at byte 26.*4 more"),
        (file("00 3c 40"), "data come before a status at byte 23.*0x3c"),
        (file("00 90 3c 40  00 ff 01 00  00 3c 00"), "data come before a status at byte 31"),
        (file("00 90 3c 80"), "status stands among the data of a message at byte 23.*0x80"),
        (file("00 f3 01"), "no file may hold at byte 23.*0xf3"),
        (file("00 ff 80 00"), "meta event of no kind at byte 23"),
        (file("00 ff 51 02 01 02"), "0x51 is of the wrong size at byte 23.*got 2.*allowed: 3"),
        (file("00 ff 51 03 00 00 00"), "lasts no time at byte 23"),
        (file("00 ff 01 7f"), "cut off at byte 26.*got 4 bytes.*allowed: 127"),
        (file("80 80 80 80 00 90 3c 40"), "more than four bytes at byte 22"),
        (file("ff ff ff 7f 90 3c 40"), "too long at byte 26"),
        (file("")[:14] + chunk("00 90 3c"), "cut off at byte 24.*got 1 bytes.*allowed: 2"),
    ],
)
def test_what_is_damaged_says_where(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_midi(content)


@pytest.mark.parametrize("cut", range(len(FOUR_TRACKS)))
def test_a_file_cut_anywhere_is_an_error_of_ours(cut: int) -> None:
    with pytest.raises(DataError):
        read_midi(FOUR_TRACKS[:cut])


@given(st.integers(0, len(FOUR_TRACKS) - 1), st.integers(0, 255))
def test_a_wrong_byte_is_read_or_an_error_of_ours(place: int, byte: int) -> None:
    content = bytearray(FOUR_TRACKS)
    content[place] = byte
    try:
        tune = read_midi(bytes(content))
    except DataError:
        return
    assert all(note.start < note.end and 0 <= note.pitch <= 127 for note in tune.notes)


@given(st.binary(max_size=60))
def test_any_bytes_of_a_track_are_read_or_an_error_of_ours(body: bytes) -> None:
    try:
        read_midi(file(body.hex()))
    except DataError as error:
        assert "of the MIDI file" in str(error)


@pytest.mark.parametrize(
    ("tune", "says"),
    [
        (Tune((Note(0, 0, 60),)), "note cannot be written.*end=0"),
        (Tune((Note(-1, 5, 60),)), "note cannot be written"),
        (Tune((Note(0, 2**28, 60),)), "note cannot be written"),
        (Tune((Note(0, 1, 128),)), "pitch=128"),
        (Tune((Note(0, 1, 60, 0),)), "velocity=0"),
        (Tune((Note(0, 1, 60, channel=16),)), "channel=16"),
        (Tune(division=0), "ticks a beat"),
        (Tune(division=2**15), "ticks a beat"),
        (Tune(tempos=(Tempo(0, 0),)), "tempo cannot be written"),
        (Tune(tempos=(Tempo(0, 2**24),)), "tempo cannot be written"),
    ],
)
def test_what_cannot_be_written_says_why(tune: Tune, says: str) -> None:
    with pytest.raises(DataError, match=says):
        write_midi(tune)
