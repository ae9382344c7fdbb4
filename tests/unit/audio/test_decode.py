# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding in a child process: lengths, FLAC's MD5, and decoders that fail or die."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import pytest
from ansible.module_utils.edge.audio import crc, decode

sys.path.insert(0, str(Path(__file__).parent))
from recordings import RATE, SECONDS, recording, samples, walked

pytestmark = pytest.mark.xdist_group("audio")


def deepened(tmp_path: Path, data: bytes):
    path = tmp_path / "recording"
    path.write_bytes(data)
    report = walked(data)
    decode.deepen(str(path), report)
    return report


@pytest.mark.parametrize("name", ["flac", "ogg-opus", "ogg-vorbis", "mp3", "webm"])
def test_a_whole_recording_decodes_to_its_length(tmp_path, name):
    report = deepened(tmp_path, recording(name))
    assert report.defects == []
    assert report.decoded_seconds == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_flac_md5_holds_for_every_width(tmp_path, subtype):
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, samples()[: RATE * 2], RATE, format="FLAC", subtype=subtype)
    assert "MD5 of the decoded samples" in deepened(tmp_path, stream.getvalue()).checked


def test_flac_md5_sees_what_right_checksums_hide(tmp_path):
    """A frame changed and its checksum mended: the walk cannot see it."""
    data = bytearray(recording("flac"))
    start = data.find(b"\xff\xf8", len(data) // 2)
    end = data.find(b"\xff\xf8", start + 8)
    while crc.flac16(bytes(data[start:end])):
        end = data.find(b"\xff\xf8", end + 1)
    data[(start + end) // 2] ^= 1
    data[end - 2 : end] = crc.flac16(bytes(data[start : end - 2])).to_bytes(2, "big")
    assert walked(bytes(data)).defects == []
    assert {item.kind for item in deepened(tmp_path, bytes(data)).defects} & {"bad_checksum", "decode"}


def test_a_decoder_that_dies_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_soundfile", lambda path: os.kill(os.getpid(), signal.SIGKILL))
    report = deepened(tmp_path, recording("flac"))
    assert "died" in report.defects[0].detail


def test_a_decoder_that_hangs_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_BASE_SECONDS", 0.2)
    monkeypatch.setattr(decode, "_SECONDS_PER_MIB", 0)
    monkeypatch.setattr(decode, "_soundfile", lambda path: os.read(os.pipe()[0], 1))
    assert "gave up" in deepened(tmp_path, recording("flac")).defects[0].detail


def test_a_decoder_that_refuses_is_told(tmp_path):
    data = recording("ogg-vorbis")
    report = deepened(tmp_path, data[:100])
    assert "decode" in {item.kind for item in report.defects}


def test_a_missing_decoder_is_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_LIBRARY", {"FLAC": "no_such_library"})
    report = deepened(tmp_path, recording("flac"))
    assert report.status == "continuous"
    assert "not decoded: no_such_library is not installed" in report.notes
