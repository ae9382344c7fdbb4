# SPDX-License-Identifier: GPL-3.0-or-later
"""The walkers on whole recordings, on cut, holed and changed ones, and on noise."""

from __future__ import annotations

import io
import json
import struct
import sys
import tracemalloc
from pathlib import Path

import pytest
from ansible.module_utils.edge.audio import crc, ogg
from ansible.module_utils.edge.audio.model import MAX_DEFECTS, Options
from ansible.module_utils.edge.audio.source import Source, runs
from ansible.module_utils.edge.audio.walk import walk
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from recordings import CHECKSUMMED, CUT, NAMES, RATE, SECONDS, flipped, recording, removed, walked, zeroed

pytestmark = pytest.mark.xdist_group("audio")

EDITS = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), min_size=1, max_size=6)
somewhere = st.floats(0.02, 0.98)
ALL = pytest.mark.parametrize("name", NAMES)


def kinds(data: bytes) -> set[str]:
    return {defect.kind for defect in walked(data).defects}


@ALL
def test_a_whole_recording_is_continuous(name):
    report = walked(recording(name))
    assert report.defects == []
    assert report.status == "continuous"
    assert report.channels == 2
    # MP3 pads to whole frames, Opus in Matroska begins before zero.
    assert report.structural_seconds == pytest.approx(SECONDS, abs=0.1)
    if not name.startswith("ogg"):
        assert report.container_seconds == pytest.approx(SECONDS, abs=0.1)


@ALL
def test_truncated(name):
    data = recording(name)
    report = walked(data[: len(data) * 2 // 3])
    assert {"truncated"} <= {defect.kind for defect in report.defects}
    assert report.structural_seconds == pytest.approx(SECONDS * 2 / 3, abs=1.5)


@ALL
def test_64_kib_removed(name):
    data = recording(name)
    found = kinds(removed(data, len(data) // 2))
    assert found & {"truncated", "missing", "lost_sync", "bad_checksum"}


@ALL
def test_64_kib_zeroed(name):
    data = recording(name)
    report = walked(zeroed(data, len(data) // 2))
    assert "zero_run" in {defect.kind for defect in report.defects}
    hole = next(defect for defect in report.defects if defect.kind == "zero_run")
    assert abs(hole.at_byte - len(data) // 2) < 16
    assert report.status == ("doubtful" if name in ("wav", "rf64", "wav-ulaw", "wav-alaw-extensible") else "defective")


@pytest.mark.parametrize("name", CHECKSUMMED)
def test_one_bit_flipped(name):
    data = recording(name)
    report = walked(flipped(data, len(data) // 2))
    assert "bad_checksum" in {defect.kind for defect in report.defects}
    place = next(defect for defect in report.defects if defect.kind == "bad_checksum")
    if name != "mp3":  # one checksum over the whole file tells no place
        assert place.at_seconds == pytest.approx(SECONDS / 2, abs=1.5)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(CHECKSUMMED)))
def test_what_cannot_be_seen_is_said(name):
    report = walked(recording(name))
    assert any("cannot be seen" in note or "no checksums" in note for note in report.notes)


@ALL
@settings(max_examples=12)
@given(share=somewhere)
def test_no_cut_passes(name, share):
    data = recording(name)
    at = int(len(data) * share)
    assert walked(data[:at]).status == "defective"
    assert walked(removed(data, min(at, len(data) - CUT - 1))).status == "defective"
    assert walked(zeroed(data, min(at, len(data) - CUT - 1))).status in ("defective", "doubtful")


@pytest.mark.parametrize("name", ["flac", "ogg-vorbis", "ogg-opus", "ogg-opus-ffmpeg"])
@settings(max_examples=12)
@given(share=somewhere, bit=st.integers(0, 7))
def test_no_flipped_bit_passes(name, share, bit):
    data = recording(name)
    assert walked(flipped(data, int(len(data) * share), bit)).status == "defective"


@ALL
@settings(max_examples=15)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), min_size=1, max_size=6),
    size=st.integers(0, 3000),
)
def test_damage_is_reported_never_raised(name, edits, size):
    """Headers hit by anything: a report comes, JSON can hold it, and its defects are bounded."""
    data = bytearray(recording(name)[: 2000 + size])
    for share, text in edits:
        at = int(share * share * len(data))
        data[at : at + len(text)] = text
    report = walked(bytes(data))
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.status in ("defective", "doubtful", "unknown")
    assert len(report.defects) <= MAX_DEFECTS


@settings(max_examples=60)
@given(
    magic=st.sampled_from([b"RIFF", b"RF64", b"BW64", b"OggS", b"fLaC", b"\x1aE\xdf\xa3", b"\xff\xfb\x90\x64", b"ID3"]),
    rest=st.binary(max_size=400),
)
def test_noise_is_never_a_recording(magic, rest):
    report = walked(magic + rest)
    assert report.status in ("defective", "unknown")
    json.dumps(report.to_dict(), allow_nan=False)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_report(data):
    assert walked(data).status != "continuous"


def test_the_empty_file():
    assert [defect.kind for defect in walked(b"").defects] == ["empty"]


@pytest.mark.parametrize(
    "unit",
    [
        b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255,
        b"OggS",
        b"\xff\xfb\x90\x64",
        b"\xff\xf8\xc9\x18\x00",
        b"\x1f\x43\xb6\x75\x80",
    ],
)
def test_hostile_files_end(unit):
    """Files made to send a walk in circles: the work for each of their bytes is bounded."""
    for magic in (b"", b"fLaC\x80\0\0\x22" + bytes(8), b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\xff"):
        assert walked(magic + unit * (400_000 // len(unit))).status != "continuous"


class Virtual(io.RawIOBase):
    """A WAV file of any size that nobody holds in memory."""

    def __init__(self, size: int) -> None:
        self.size, self.position = size, 0
        self.head = (
            b"RIFF"
            + struct.pack("<I", size - 8)
            + b"WAVEfmt "
            + struct.pack("<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16)
        )
        self.head += b"data" + struct.pack("<I", size - 44)

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset + (self.size if whence == 2 else 0)
        return self.position

    def read(self, length: int = -1) -> bytes:
        length = max(0, min(length, self.size - self.position))
        if self.position >= len(self.head):
            body = b"\x01\x02\x03\x04" * (length // 4 + 1)
        else:
            body = self.head[self.position :] + b"\x01\x02\x03\x04" * (length // 4 + 1)
        self.position += length
        return body[:length]


def test_memory_does_not_grow_with_the_file():
    tracemalloc.start()
    report = walk(Virtual(400_000_044))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.status == "continuous"
    assert peak < 16 << 20


def wav(
    data: bytes, *, riff: int | None = None, size: int | None = None, tail: bytes = b"", fmt: tuple[int, ...] = ()
) -> bytes:
    form = struct.pack("<HHIIHH", *(fmt or (1, 1, 8000, 16000, 2, 16)))
    body = (
        b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", len(data) if size is None else size)
        + data
    )
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body + tail


VOICE = b"\x01\x02" * 80_000
WAV_CASES = {
    "good": (wav(VOICE), set()),
    "sizes never filled in": (wav(VOICE, riff=0, size=0), {"unfinished"}),
    "streamed": (wav(VOICE, riff=0xFFFFFFFF, size=0xFFFFFFFF), {"unfinished"}),
    "something appended": (wav(VOICE, tail=b"after"), {"trailing_data"}),
    "odd byte": (wav(VOICE + b"\1"), {"truncated"}),
    "fields that contradict": (wav(VOICE, fmt=(1, 2, 8000, 16000, 2, 16)), {"malformed"}),
    "no channels": (wav(VOICE, fmt=(1, 0, 8000, 16000, 2, 16)), {"malformed"}),
    "no data chunk": (wav(b"")[:36], {"truncated"}),
    "empty data chunk": (wav(b""), {"truncated"}),
    "other form": (b"RIFF\4\0\0\0AVI ", {"malformed"}),
    "short silence": (wav(VOICE + bytes(3000) + VOICE), set()),
    "long silence": (wav(VOICE + bytes(4100) + VOICE), {"zero_run"}),
}


@pytest.mark.parametrize("name", WAV_CASES)
def test_wav_headers(name):
    data, expected = WAV_CASES[name]
    assert kinds(data) == expected


def test_a_silence_is_placed():
    (defect,) = walked(wav(VOICE + bytes(16000) + VOICE)).defects
    assert (defect.at_seconds, defect.at_byte, defect.length) == (10.0, 44 + len(VOICE), 1.0)


def test_zero_bytes_are_no_silence_in_g711():
    voice = b"\x55\x12" * 8000
    for tag, silence in ((6, b"\xd5"), (7, b"\xff")):
        details = [
            walked(wav(voice + fill * 8000 + voice, fmt=(tag, 1, 8000, 8000, 1, 8))).defects[0].detail
            for fill in (silence, b"\0")
        ]
        assert "no silence" not in details[0]
        assert "no silence" in details[1]


def rewritten(data: bytes, drop: range) -> bytes:
    """An Ogg file without some pages, the rest numbered anew with right checksums: as if nothing had been removed."""
    out, number, position = b"", 0, 0
    while position < len(data):
        count = data[position + 26]
        length = 27 + count + sum(data[position + 27 : position + 27 + count])
        page = data[position : position + length]
        position += length
        if struct.unpack_from("<I", page, 18)[0] in drop:
            continue
        page = page[:18] + struct.pack("<I", number) + bytes(4) + page[26:]
        out += page[:22] + struct.pack("<I", crc.ogg(page)) + page[26:]
        number += 1
    return out


@pytest.mark.parametrize("name", ["ogg-opus", "ogg-opus-ffmpeg"])
def test_opus_pages_removed_and_the_rest_renumbered(name):
    report = walked(rewritten(recording(name), range(20, 25)))
    (defect,) = report.defects
    assert (defect.kind, defect.length) == ("gap", pytest.approx(5, abs=0.5))
    assert walked(rewritten(recording(name), range(0))).defects == []


def test_ogg_checksum_is_the_one_of_the_format():
    page = recording("ogg-opus")[:47]
    assert crc.ogg(page[:22] + bytes(4) + page[26:]) == struct.unpack_from("<I", page, 22)[0]
    assert ogg.walk.__module__.endswith("ogg")


@given(
    pieces=st.lists(st.tuples(st.sampled_from([0, 1, 255]), st.integers(1, 60)), min_size=1, max_size=12),
    least=st.integers(1, 40),
)
def test_runs_are_those_that_a_plain_search_finds(pieces, least):
    data = b"".join(bytes([byte]) * count for byte, count in pieces)
    expected, position = [], 0
    while position < len(data):
        end = position
        while end < len(data) and data[end] == data[position]:
            end += 1
        if end - position >= least and data[position] in (0, 255):
            expected.append((position, end - position, data[position]))
        position = end
    assert list(runs(Source(io.BytesIO(data)), 0, len(data), (0, 255), least)) == expected


def test_matroska_blocks_removed_leave_a_gap():
    """A cluster of WebM voided, so that the structure stays whole: time is missing all the same."""
    data = recording("webm")
    first = data.find(bytes.fromhex("1f43b675"), len(data) // 2)
    second = data.find(bytes.fromhex("1f43b675"), first + 4)
    void = b"\xec\x01" + (second - first - 9).to_bytes(7, "big")
    report = walk(io.BytesIO(data[:first] + void.ljust(second - first, b"\x55") + data[second:]), Options())
    assert [defect.kind for defect in report.defects] == ["gap"]
    assert report.defects[0].length == pytest.approx(5, abs=0.2)
    assert RATE


@ALL
def test_an_honest_file_is_far_from_being_given_up(name, monkeypatch):
    monkeypatch.setattr("ansible.module_utils.edge.audio.source._ASKED_ANYWAY", 0)
    monkeypatch.setattr("ansible.module_utils.edge.audio.source._ASKED_PER_BYTE", 32)
    assert walked(recording(name)).status == "continuous"


def test_neither_is_one_of_silence_where_frames_are_smallest(monkeypatch):
    monkeypatch.setattr("ansible.module_utils.edge.audio.source._ASKED_ANYWAY", 0)
    import numpy as np
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((8000 * 600, 2), np.int16), 8000, format="FLAC")
    report = walked(stream.getvalue())
    assert (report.status, report.structural_seconds) == ("continuous", 600)


def test_a_walk_that_asks_for_too_much_is_given_up(monkeypatch):
    monkeypatch.setattr("ansible.module_utils.edge.audio.source._ASKED_PER_BYTE", 0)
    monkeypatch.setattr("ansible.module_utils.edge.audio.source._ASKED_ANYWAY", 100_000)
    report = walked(recording("ogg-opus"))
    assert report.status == "defective"
    assert "too damaged" in report.defects[-1].detail
