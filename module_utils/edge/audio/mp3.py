# SPDX-License-Identifier: GPL-3.0-or-later
"""MP3 (ISO/IEC 11172-3 and 13818-3, layer III): every frame header, and the counts of the Xing, Info, LAME or VBRI tag.

Pure. Frames have no numbers: a loss shows as bytes that are no frame, as a wrong count, or as a wrong checksum of LAME.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import crc
from .model import AudioReport, Options
from .source import Source, runs

_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class _Header:
    version: int
    rate: int
    channels: int
    length: int
    protected: bool

    @property
    def samples(self) -> int:
        return 1152 if self.version == 3 else 576

    def like(self, other: _Header) -> bool:
        return (self.version, self.rate) == (other.version, other.rate)


@dataclass(frozen=True)
class _Tag:
    """The counts of the tag frame; None is not stated. crc: of the frames after it (LAME)."""

    frames: int | None = None
    size: int | None = None
    crc: int | None = None


def parse(raw: bytes) -> _Header | None:
    """The frame header at the start of raw; None where none stands there."""
    if len(raw) < 4 or raw[0] != 0xFF or raw[1] & 0xE6 != 0xE2:
        return None
    version, rate, kbits = raw[1] >> 3 & 3, raw[2] >> 2 & 3, raw[2] >> 4
    if version == 1 or rate == 3 or kbits in (0, 15):
        return None
    hertz = _RATES[version][rate]
    bits = (_KBITS_1 if version == 3 else _KBITS_2)[kbits] * 1000
    length = (144 if version == 3 else 72) * bits // hertz + (raw[2] >> 1 & 1)
    return _Header(version, hertz, 1 if raw[3] >> 6 == 3 else 2, length, not raw[1] & 1)


def walk(source: Source, report: AudioReport, options: Options) -> None:
    report.format, report.codec = "MP3", "mp3"
    report.checked += ["frame headers", "frame count", "zero runs"]
    start, end = after_id3(source), _before_tags(source)
    if start > end:
        report.add("truncated", "the file ends inside its ID3 tag", byte=source.size)
        return
    first = _sync(source, start, end, None)
    if first is None:
        report.add("lost_sync", "there is no frame")
        return
    position, header = first
    if position > start:
        report.add("lost_sync", f"{position - start} bytes before the first frame", 0.0, start)
    report.channels, report.sample_rate = header.channels, header.rate
    tag = _tag(source.at(position, header.length), header)
    begin = position
    if tag is None or tag.crc is None:
        report.note("no checksum covers the frames: changed bytes inside them cannot be seen without decoding")
    if tag is None:
        report.note("no Xing, Info or VBRI tag: how many frames there should be is not known")
    else:
        position += header.length
    frames, value, size = _frames(source, report, position, end, header)
    report.structural_seconds = frames * header.samples / header.rate
    if tag is not None:
        _compare(report, tag, header, frames, (value, size + position - begin, end))
    for at, length, _ in runs(source, begin, end, (0,), options.zero_run_bytes):
        report.add("zero_run", f"{length} zero bytes in compressed audio", byte=at)


def _frames(source: Source, report: AudioReport, position: int, end: int, like: _Header) -> tuple[int, int, int]:
    """(frames, LAME's checksum over them, their bytes)."""
    count = value = size = 0
    while position < end:
        header = parse(source.at(position, 4))
        at = count * like.samples / like.rate
        if header is not None and header.like(like):
            body = source.at(position, min(header.length, end - position))
            if len(body) < header.length:
                text = f"the last frame is cut: {len(body)} of {header.length} bytes"
                report.add("truncated", text, at, position)
            else:
                count, value, size = count + 1, crc.lame16(body, value), size + len(body)
            position += header.length
            continue
        found = _sync(source, position + 1, end, like)
        reached = end if found is None else found[0]
        rest = source.at(position, min(reached - position, 4096))
        if found is None and not rest.strip(b"\0") and end - position <= 4096:
            report.note(f"{end - position} zero bytes after the last frame")
        else:
            report.add("lost_sync", f"{reached - position} bytes belong to no frame", at, position)
        position = reached
    return count, value, size


def _sync(source: Source, position: int, end: int, like: _Header | None) -> tuple[int, _Header] | None:
    """The next frame header that another one (or the end) follows where the first says."""
    while True:
        position = source.find(b"\xff", position, end)
        if position < 0:
            return None
        header = parse(source.at(position, 4))
        if header is not None and (like is None or header.like(like)):
            following = position + header.length
            after = parse(source.at(following, 4))
            if following == end or (after is not None and after.like(header)):
                return position, header
        position += 1


def after_id3(source: Source) -> int:
    """Where the audio begins: after an ID3v2 tag (id3.org, ID3v2.4, section 3.1)."""
    raw = source.at(0, 10)
    if len(raw) < 10 or raw[:3] != b"ID3":
        return 0
    length = 0
    for byte in raw[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if raw[5] & 0x10 else 0)


def _before_tags(source: Source) -> int:
    end = source.size
    if source.at(end - 128, 3) == b"TAG" and end >= 128:
        end -= 128
    footer = source.at(end - 32, 32) if end >= 32 else b""
    if footer[:8] == b"APETAGEX":
        length, _, flags = struct.unpack("<III", footer[12:24])
        end = max(0, end - length - (32 if flags >> 31 else 0))
    return end


def _tag(frame: bytes, header: _Header) -> _Tag | None:
    vbri = frame[36:62]
    if vbri[:4] == b"VBRI" and len(vbri) >= 18:
        size, frames = struct.unpack(">II", vbri[10:18])
        return _Tag(frames, size)
    side = (32 if header.channels == 2 else 17) if header.version == 3 else (17 if header.channels == 2 else 9)
    raw = frame[4 + (2 if header.protected else 0) + side :]
    if raw[:4] not in (b"Xing", b"Info") or len(raw) < 8:
        return None
    flags, offset = struct.unpack(">I", raw[4:8])[0], 8
    values: list[int | None] = [None, None]
    for index in (0, 1):
        if flags & 1 << index and len(raw) >= offset + 4:
            values[index] = struct.unpack(">I", raw[offset : offset + 4])[0]
            offset += 4
    offset += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = raw[offset : offset + 36]
    whole = len(lame) == 36 and lame[:4] in (b"LAME", b"Lavc") and any(lame[28:34])
    return _Tag(values[0], values[1], struct.unpack(">H", lame[32:34])[0] if whole and lame[:4] == b"LAME" else None)


def _compare(report: AudioReport, tag: _Tag, header: _Header, frames: int, seen: tuple[int, int, int]) -> None:
    value, size, end = seen
    each = header.samples / header.rate
    if tag.frames is not None:
        report.container_seconds = tag.frames * each
        if frames != tag.frames:
            kind = "truncated" if frames < tag.frames else "count_mismatch"
            text = f"{frames} frames are there, the tag says {tag.frames}"
            report.add(kind, text, frames * each, end, abs(tag.frames - frames) * each)
    if tag.size is not None and size != tag.size:
        report.add("count_mismatch", f"{size} bytes of frames are there, the tag says {tag.size}", byte=end)
    if tag.crc is not None:
        report.checked.append("LAME's checksum")
        if tag.crc != value:
            report.add("bad_checksum", "the frames are not as LAME wrote them: its checksum over all of them differs")
