# SPDX-License-Identifier: GPL-3.0-or-later
"""Which format a recording has, and its walk. Pure but for the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from . import flac, matroska, mp3, ogg, wav
from .model import AudioReport, Options
from .source import GivenUp, Source

_Walker = Callable[[Source, AudioReport, Options], None]
_MAGIC: tuple[tuple[bytes, _Walker], ...] = (
    (b"RIFF", wav.walk),
    (b"RF64", wav.walk),
    (b"BW64", wav.walk),
    (b"OggS", ogg.walk),
    (b"fLaC", flac.walk),
    (b"\x1a\x45\xdf\xa3", matroska.walk),
)
# Rounding of stated durations; more is told.
_AGREE_SECONDS = 0.1


def walk(stream: BinaryIO, options: Options = Options()) -> AudioReport:  # noqa: B008  (frozen)
    """Walk a recording. Any bytes give a report: damage is reported, what is no known format is `unknown`.

    stream: seekable; constant memory, time linear in its size.  OSError of the stream itself is raised.
    """
    source = Source(stream)
    report = AudioReport(size=source.size)
    if not source.size:
        report.add("empty", "the file has no bytes", byte=0)
        return report
    walker = _walker(source)
    if walker is None:
        report.add(
            "unrecognised", f"it begins with {source.at(0, 8).hex()}: WAV, Ogg, FLAC, MP3 and WebM are walked", byte=0
        )
        return report
    try:
        walker(source, report, options)
    except GivenUp:
        report.add("malformed", "too damaged to be walked to its end")
    _agree(report)
    return report


def _walker(source: Source) -> _Walker | None:
    head = source.at(0, 4)
    for magic, walker in _MAGIC:
        if head == magic:
            return walker
    if head[:3] == b"ID3" or mp3.parse(head) is not None:
        return mp3.walk
    return None


def _agree(report: AudioReport) -> None:
    """Header and structure differ and nothing else has said so: that is a defect of its own."""
    container, structural = report.container_seconds, report.structural_seconds
    if container is None or structural is None or abs(container - structural) <= _AGREE_SECONDS:
        return
    if not any(defect.kind in ("truncated", "count_mismatch") for defect in report.defects):
        kind = "truncated" if structural < container else "count_mismatch"
        text = f"the headers say {container:.3f} s, the audio adds up to {structural:.3f} s"
        report.add(kind, text, min(structural, container), length=abs(container - structural))
