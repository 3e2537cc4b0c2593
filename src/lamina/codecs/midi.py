"""Tunes as Standard MIDI Files 1.0: read strictly, and written."""

from __future__ import annotations

import dataclasses
import itertools
import struct
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from lamina.codecs.content import what_it_is
from lamina.errors import DataError

__all__ = ["DRUMS", "ENDINGS", "USUAL_TEMPO", "Note", "Tempo", "Tune", "is_midi", "read_midi", "write_midi"]

ENDINGS = ("mid", "midi")
DRUMS = 9  # the channel whose notes are not pitches but drums
USUAL_TEMPO = 500_000  # microseconds a beat where a file does not say: 120 beats a minute

LARGEST = 4 * 2**20  # bytes of a file: hundreds of thousands of notes
LONGEST = 2**28 - 1  # ticks of a tune: what one number of a file can say
MOST_TICKS = 2**15 - 1  # a beat
MOST_MICROS = 2**24 - 1  # a beat

NOTE_OFF, NOTE_ON, META = 0x80, 0x90, 0xFF
END, TEMPO = 0x2F, 0x51  # kinds of meta event
SIZES = {END: 0, TEMPO: 3, 0x54: 5, 0x58: 4, 0x59: 2}  # of meta events that have one size only
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}  # of each kind of channel message


class Note(NamedTuple):
    """One note: start and end in ticks, the end after the start; pitch 0 to 127 (60 is middle C); velocity 1 to 127;
    channel 0 to 15."""

    start: int
    end: int
    pitch: int
    velocity: int = 80
    channel: int = 0


class Tempo(NamedTuple):
    """From a tick on, so many microseconds a beat."""

    start: int
    micros: int


@dataclasses.dataclass(frozen=True)
class Tune:
    """What sounds when.

    Attributes:
        notes: by their starts.
        division: ticks a beat. A file that counts in moments of a film has beats of one second.
        tempos: by their starts; before the first it is 120 beats a minute.

    Example:
        >>> tune = Tune((Note(0, 480, 60), Note(480, 1440, 64)), tempos=(Tempo(0, 1_000_000), Tempo(960, 500_000)))
        >>> tune.end, tune.seconds([0, 960, 1440])
        (1440, [0.0, 2.0, 2.5])
    """

    notes: tuple[Note, ...] = ()
    division: int = 480
    tempos: tuple[Tempo, ...] = ()

    @property
    def end(self) -> int:
        """The tick at which the last note ends."""
        return max((note.end for note in self.notes), default=0)

    def seconds(self, ticks: Iterable[int]) -> list[float]:
        """When each of these ticks comes, by all tempos before it."""
        tempos = [Tempo(0, USUAL_TEMPO), *self.tempos]
        starts = [0.0]  # of each tempo, in microseconds times ticks a beat
        for before, after in itertools.pairwise(tempos):
            starts.append(starts[-1] + (after.start - before.start) * before.micros)
        found, place = {}, 0
        wanted = list(ticks)
        for tick in sorted(set(wanted)):
            while place + 1 < len(tempos) and tempos[place + 1].start <= tick:
                place += 1
            since = starts[place] + (tick - tempos[place].start) * tempos[place].micros
            found[tick] = since / self.division / 1e6
        return [found[tick] for tick in wanted]


def is_midi(head: bytes) -> bool:
    """Whether a file that begins so is a MIDI file.

    Example:
        >>> is_midi(b"MThd\\0\\0\\0\\6")
        True
    """
    return head[:4] == b"MThd"


# --- reading ------------------------------------------------------------------------------------------------------


def read_midi(content: bytes) -> Tune:
    """Read a file of format 0 or 1, all tracks together.

    A note that is struck again before it ends is two notes, of which the earlier ends first. One that ends where it
    starts gets a tick; one that never ends lasts as long as its track. Everything but notes and tempos is left out.

    Args:
        content: the file's bytes.

    Raises:
        DataError: if it is no such file or is damaged; it says at which byte.

    Example:
        >>> read_midi(write_midi(Tune((Note(0, 240, 60),)))).notes
        (Note(start=0, end=240, pitch=60, velocity=80, channel=0),)
    """
    if not is_midi(content):
        raise DataError("it is not a MIDI file", got=what_it_is(content), allowed=", ".join(ENDINGS))
    if len(content) > LARGEST:
        raise DataError("the MIDI file is too large", got=f"{len(content):,} bytes", allowed=f"{LARGEST:,}")
    chunks = _chunks(content)
    tracks, division, micros = _header(chunks[0])
    bodies = [chunk for chunk in chunks[1:] if chunk.name == b"MTrk"]  # other kinds are to be passed by
    if len(bodies) != tracks:
        raise DataError("the MIDI file has other tracks than it says", got=f"{len(bodies)}", allowed=f"{tracks}")
    read = [_Track(chunk) for chunk in bodies]
    notes = sorted(note for track in read for note in track.notes)
    tempos = sorted((tempo for track in read for tempo in track.tempos), key=lambda tempo: tempo.start)
    if micros is not None:  # where moments are counted, tempos say nothing
        tempos = [Tempo(0, micros)]
    return Tune(tuple(notes), division, tuple(tempos))


class _Bytes:
    """Bytes from one place of a file to another, taken one after another.

    Args:
        content: of the whole file.
        place, end: where they begin and end.
        name: of the chunk.
    """

    def __init__(self, content: bytes, place: int, end: int, name: bytes = b"") -> None:
        self.content, self.place, self.end, self.name = content, place, end, name

    def fault(self, what: str, at: int | None = None, got: object = None, allowed: object = None) -> DataError:
        """What is wrong, and at which byte of the file."""
        place = self.place if at is None else at
        return DataError(f"{what} at byte {place} of the MIDI file", got=got, allowed=allowed)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if self.place + count > self.end:
            raise self.fault("what follows is cut off", got=f"{self.end - self.place} bytes", allowed=f"{count}")
        self.place += count
        return self.content[self.place - count : self.place]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def length(self) -> int:
        """A number of up to four bytes, of which all but the last have their upper bit set."""
        start, value = self.place, 0
        for _ in range(4):
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise self.fault("a number has more than four bytes", start)


def _chunks(content: bytes) -> list[_Bytes]:
    """The parts of a file, each with its name."""
    file, found = _Bytes(content, 0, len(content)), []
    while file.place < file.end:
        start = file.place
        name, size = struct.unpack(">4sI", file.take(8))
        if size > file.end - file.place:
            said = f"{file.end - file.place} bytes"
            raise file.fault(f"the part {name.decode('latin-1')!r} is cut off", start, said, size)
        found.append(_Bytes(content, file.place, file.place + size, name))
        file.take(size)
    return found


def _header(chunk: _Bytes) -> tuple[int, int, int | None]:
    """How many tracks there are; ticks a beat; and microseconds a beat, if the file counts in moments of a film."""
    kind, tracks, division = struct.unpack(">HHH", chunk.take(6))
    if kind > 1:
        allowed = "0 (one track), 1 (tracks played together)"
        raise chunk.fault("there is a format that is not read", chunk.place - 6, kind, allowed)
    if tracks == 0 or (kind == 0 and tracks != 1):
        raise chunk.fault(f"there is a number of tracks that format {kind} cannot have", chunk.place - 4, tracks)
    if division < 0x8000:
        if not division:
            raise chunk.fault("a beat has no ticks", chunk.place - 2)
        return tracks, division, None
    pictures, parts = 256 - (division >> 8), division & 0xFF
    if pictures not in (24, 25, 29, 30) or not parts:
        got = f"{pictures} of {parts} parts"
        raise chunk.fault("there are pictures a second that no film has", chunk.place - 2, got)
    if pictures == 29:  # 30 a second, slowed down by a thousandth for colour television
        return tracks, 30 * parts, 1_001_000
    return tracks, pictures * parts, 1_000_000


class _Track:
    """The notes and tempos of one track."""

    def __init__(self, chunk: _Bytes) -> None:
        self.notes: list[Note] = []
        self.tempos: list[Tempo] = []
        # Of each channel and pitch, starts and velocities of the notes that have not ended.
        self._sounding: dict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
        self._now = 0
        self._status = 0  # of the last channel message: the next may leave it out
        while not self._event(chunk):
            pass
        if chunk.place < chunk.end:
            raise chunk.fault("a track goes on after its end", got=f"{chunk.end - chunk.place} more bytes")
        for (channel, pitch), open_notes in self._sounding.items():
            for start, velocity in open_notes:
                self._add(start, pitch, velocity, channel)

    def _event(self, chunk: _Bytes) -> bool:
        """Read one event; return whether it ends the track."""
        if chunk.place == chunk.end:
            raise chunk.fault("a track has no end")
        self._now += chunk.length()
        if self._now >= LONGEST:
            raise chunk.fault("the tune is too long", got=f"{self._now} ticks", allowed=f"below {LONGEST}")
        start, status = chunk.place, chunk.byte()
        if status >= 0xF0:
            self._status = 0
            return self._other(chunk, start, status)
        if status < 0x80:  # it is data already, of another message of the same status
            if not self._status:
                raise chunk.fault("data come before a status", start, f"0x{status:02x}")
            chunk.place, status = start, self._status
        self._status = status
        kind, channel = status & 0xF0, status & 0x0F
        data = chunk.take(DATA_BYTES[kind])
        if max(data) > 0x7F:
            raise chunk.fault("a status stands among the data of a message", start, f"0x{max(data):02x}", "0 to 127")
        if kind == NOTE_ON and data[1]:
            self._sounding[channel, data[0]].append((self._now, data[1]))
        elif kind in (NOTE_ON, NOTE_OFF) and self._sounding[channel, data[0]]:  # velocity 0 ends a note too
            struck, velocity = self._sounding[channel, data[0]].popleft()
            self._add(struck, data[0], velocity, channel)
        return False

    def _add(self, start: int, pitch: int, velocity: int, channel: int) -> None:
        self.notes.append(Note(start, max(self._now, start + 1), pitch, velocity, channel))

    def _other(self, chunk: _Bytes, start: int, status: int) -> bool:
        """Read an event that is no channel message; return whether it ends the track."""
        if status in (0xF0, 0xF7):  # for one maker's machines
            chunk.take(chunk.length())
            return False
        if status != META:
            raise chunk.fault("there is a message that no file may hold", start, f"0x{status:02x}")
        kind = chunk.byte()
        if kind > 0x7F:
            raise chunk.fault("there is a meta event of no kind", start, f"0x{kind:02x}", "0 to 127")
        data = chunk.take(chunk.length())
        if kind in SIZES and len(data) != SIZES[kind]:
            raise chunk.fault(f"a meta event 0x{kind:02x} is of the wrong size", start, len(data), SIZES[kind])
        if kind == TEMPO:
            micros = int.from_bytes(data, "big")
            if not micros:
                raise chunk.fault("a beat lasts no time", start)
            self.tempos.append(Tempo(self._now, micros))
        return kind == END


# --- writing ------------------------------------------------------------------------------------------------------


def write_midi(tune: Tune) -> bytes:
    """A tune as a file: of format 0 if all notes are of one channel, else of format 1 with a track for each.

    Read again, it is the same tune, its notes in order; but where a note of a channel lies within another of the same
    pitch, the earlier one ends first.

    Raises:
        DataError: if a number is out of its range, or a note does not end after its start.

    Example:
        >>> write_midi(Tune((Note(0, 1, 60), Note(0, 1, 64)), division=1))[22:].hex(" ")
        '00 90 3c 50 00 40 50 01 80 3c 40 00 40 40 00 ff 2f 00'
    """
    _check(tune)
    tempos = [(tempo.start, 0, bytes([META, TEMPO, 3]) + tempo.micros.to_bytes(3, "big")) for tempo in tune.tempos]
    channels = sorted({note.channel for note in tune.notes})
    parts = [[one for note in tune.notes if note.channel == channel for one in _messages(note)] for channel in channels]
    tracks = [tempos + (parts[0] if parts else [])] if len(channels) < 2 else [tempos, *parts]
    head = struct.pack(">4sIHHH", b"MThd", 6, len(tracks) > 1, len(tracks), tune.division)
    return head + b"".join(map(_track, tracks))


def _check(tune: Tune) -> None:
    if not 1 <= tune.division <= MOST_TICKS:
        raise DataError("ticks a beat cannot be written", got=tune.division, allowed=f"1 to {MOST_TICKS}")
    for tempo in tune.tempos:
        if not (0 <= tempo.start < LONGEST and 1 <= tempo.micros <= MOST_MICROS):
            allowed = f"starts below {LONGEST}, 1 to {MOST_MICROS} microseconds a beat"
            raise DataError("a tempo cannot be written", got=tempo, allowed=allowed)
    for note in tune.notes:
        spans = 0 <= note.start < note.end <= LONGEST
        if not (spans and 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 and 0 <= note.channel <= 15):
            allowed = f"0 <= start < end <= {LONGEST}, pitch 0 to 127, velocity 1 to 127, channel 0 to 15"
            raise DataError("a note cannot be written", got=note, allowed=allowed)


def _messages(note: Note) -> list[tuple[int, int, bytes]]:
    """Both ends of a note: ticks, rank at that tick (notes end before others start), and the message."""
    struck = bytes([NOTE_ON | note.channel, note.pitch, note.velocity])
    return [(note.start, 2, struck), (note.end, 1, bytes([NOTE_OFF | note.channel, note.pitch, 64]))]


def _track(events: list[tuple[int, int, bytes]]) -> bytes:
    """Events in their order as a track, a status left out where it is that of the message before."""
    body, now, status = bytearray(), 0, -1
    for start, _, message in sorted(events, key=lambda event: event[:2]):
        body += _length(start - now)
        body += message[1:] if message[0] == status else message
        now, status = start, message[0] if message[0] != META else -1
    body += bytes([0, META, END, 0])
    return struct.pack(">4sI", b"MTrk", len(body)) + body


def _length(value: int) -> bytes:
    """A number in seven bits a byte, all but the last with their upper bit set."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.insert(0, value & 0x7F | 0x80)
    return bytes(found)
