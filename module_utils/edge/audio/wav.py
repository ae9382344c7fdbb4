# SPDX-License-Identifier: GPL-3.0-or-later
"""WAV: RIFF, RF64 and BW64 (RFC 2361; EBU Tech 3306; ITU-R BS.2088). Pure.

The sizes in the headers against the bytes that are there, and runs of silence in the samples.  PCM has no checksums:
a changed sample can only be found by comparing with another copy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .model import AudioReport, Options
from .source import Source, runs

_UNFINISHED = 0xFFFFFFFF
_MAX_CHUNKS = 10_000
_TAGS = {1: "pcm", 3: "float", 6: "alaw", 7: "mulaw"}
# The last 14 bytes of the sub-format GUIDs that WAVE_FORMAT_EXTENSIBLE makes of a tag.
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
# What silence is as a byte (ITU-T G.711: +0 in A-law is D5, in mu-law FF; 8-bit PCM is unsigned).
_SILENCE = {"alaw": 0xD5, "mulaw": 0xFF}


@dataclass
class _Format:
    codec: str | None
    channels: int
    rate: int
    bytes_per_second: int
    align: int
    bits: int


def walk(source: Source, report: AudioReport, options: Options) -> None:
    head = source.at(0, 12)
    report.format = head[:4].decode("ascii", "replace")
    report.checked += ["chunk sizes", "format fields", "zero runs"]
    if head[8:12] != b"WAVE":
        report.add("malformed", f"the RIFF form is {head[8:12]!r}, not WAVE", byte=8)
        return
    promised: int = struct.unpack("<I", head[4:8])[0]
    wide = _ds64(source) if head[:4] != b"RIFF" else None
    if head[:4] != b"RIFF":
        if wide is None:
            report.add("malformed", "the ds64 chunk with the 64-bit sizes is missing", byte=12)
        else:
            promised = wide[0]
    _whole(source, report, promised)
    report.note("the format holds no checksums: a changed sample can be found only by comparing with another copy")
    end = source.size if promised in (0, _UNFINISHED) else min(source.size, promised + 8)
    form, data = _chunks(source, report, wide[1] if wide else None, end)
    if form is None:
        report.add("malformed", "there is no fmt chunk before the data")
    if data is None:
        report.add("truncated", "there is no data chunk: no audio")
    if form is not None and data is not None:
        _data(source, report, options, form, data)


def _ds64(source: Source) -> tuple[int, int] | None:
    raw = source.at(12, 36)
    if len(raw) < 32 or raw[:4] != b"ds64":
        return None
    riff, data = struct.unpack("<QQ", raw[8:24])
    return riff, data


def _whole(source: Source, report: AudioReport, promised: int) -> None:
    if promised in (0, _UNFINISHED):
        report.add("unfinished", f"the RIFF size was never filled in (it is {promised})", byte=4)
    elif promised + 8 > source.size:
        missing = promised + 8 - source.size
        report.add(
            "truncated",
            f"the RIFF header promises {promised + 8} bytes and {source.size} are there: {missing} are missing, "
            "from the end or from within",
            byte=source.size,
        )
    elif promised + 8 + (promised & 1) < source.size:
        report.add("trailing_data", f"{source.size - promised - 8} bytes follow the RIFF chunk", byte=promised + 8)


def _chunks(
    source: Source, report: AudioReport, wide_data: int | None, end: int
) -> tuple[_Format | None, tuple[int, int] | None]:
    """The format, and (position, promised length) of the data."""
    form: _Format | None = None
    data: tuple[int, int] | None = None
    position = 12
    for _ in range(_MAX_CHUNKS):
        raw = source.at(position, min(8, end - position))
        if len(raw) < 8:
            if raw.strip(b"\0"):
                report.add("truncated", "the file ends inside a chunk header", byte=position)
            return form, data
        name, length = raw[:4], struct.unpack("<I", raw[4:])[0]
        if name == b"data" and length == _UNFINISHED and wide_data is not None:
            length = wide_data
        if not all(32 <= byte < 127 for byte in name):
            report.add("lost_sync", f"no chunk begins here ({name.hex()})", byte=position)
            return form, data
        if name == b"fmt ":
            form = _fmt(source.at(position + 8, min(length, 64)), report, position)
        elif name == b"data":
            if data is not None:
                report.add("malformed", "a second data chunk", byte=position)
                return form, data
            data = (position + 8, length)
            if length in (0, _UNFINISHED):
                return form, data
        position += 8 + length + (length & 1)
    report.add("malformed", f"more than {_MAX_CHUNKS} chunks", byte=position)
    return form, data


def _fmt(raw: bytes, report: AudioReport, position: int) -> _Format | None:
    if len(raw) < 16:
        report.add("truncated", "the fmt chunk is too short", byte=position)
        return None
    tag, channels, rate, per_second, align, bits = struct.unpack("<HHIIHH", raw[:16])
    if tag == 0xFFFE and len(raw) >= 40:
        tag = struct.unpack("<H", raw[24:26])[0] if raw[26:40] == _SUBFORMAT else tag
    codec = _TAGS.get(tag)
    report.codec = codec or f"wave format 0x{tag:04x}"
    report.channels, report.sample_rate = channels, rate
    if not channels or not rate or not align:
        report.add("malformed", f"{channels} channels, {rate} Hz, {align} bytes a frame", byte=position)
        return None
    if codec and (align != channels * ((bits + 7) // 8) or per_second != rate * align):
        report.add(
            "malformed",
            f"the format contradicts itself: {channels} channels of {bits} bits at {rate} Hz, {align} bytes a frame, "
            f"{per_second} bytes/s",
            byte=position,
        )
    if codec is None:
        report.note(f"{report.codec} is compressed: lengths are reckoned from its stated bytes/s")
        if not per_second:
            report.add("malformed", "the stated bytes/s are 0", byte=position)
            return None
    return _Format(codec, channels, rate, per_second, align, bits)


def _data(source: Source, report: AudioReport, options: Options, form: _Format, data: tuple[int, int]) -> None:
    start, promised = data
    rate = form.rate * form.align if form.codec else form.bytes_per_second
    there = min(promised, source.size - start)
    if promised in (0, _UNFINISHED):
        there = source.size - start
        if there > 0 or promised:
            report.add("unfinished", f"the data size was never filled in (it is {promised})", byte=start - 4)
        else:
            report.add("truncated", "the data chunk is empty: no audio", byte=start - 4)
    else:
        report.container_seconds = promised / rate
        if there < promised:
            report.add(
                "truncated",
                f"the data chunk promises {promised} bytes and {there} are there",
                there / rate,
                start + there,
                (promised - there) / rate,
            )
    report.structural_seconds = there / rate
    if there % form.align:
        report.add("truncated", "the samples end inside a frame", there / rate, start + there)
    _silence(source, report, options, form, (start, start + there, rate))


def _silence(source: Source, report: AudioReport, options: Options, form: _Format, where: tuple[int, int, int]) -> None:
    start, end, rate = where
    silence = _SILENCE.get(form.codec or "", 0x80 if form.codec == "pcm" and form.bits == 8 else 0)
    least = max(1, int(options.zero_run_seconds * rate)) if form.codec else options.zero_run_bytes
    for position, length, byte in runs(source, start, end, (0, silence), least):
        what = "silence" if byte == silence else "zero bytes, which are no silence in this coding"
        report.add(
            "zero_run",
            f"{length} bytes of {what} ({byte:02x})",
            (position - start) / rate,
            position,
            length / rate,
        )
