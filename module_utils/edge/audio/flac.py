# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAC (RFC 9639): STREAMINFO and every frame, its two checksums and its number. Pure.

A frame does not say how long it is: it ends where the next frame's header stands and the checksum agrees.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import crc
from .model import AudioReport, Options
from .source import Source, runs

_MAX_BLOCKS = 1000
_RATES = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_SYNC = (b"\xff\xf8", b"\xff\xf9")
_LONGEST_HEADER = 16
# Above the largest frame that the format allows at the usual block sizes (65535 samples, 8 channels, 32 bits).
_LARGEST = 65535 * 8 * 4 + 64
_FIRST_LOOK = 256


@dataclass(frozen=True)
class StreamInfo:
    """STREAMINFO. total: samples a channel, 0 unknown; md5: of the decoded samples, zeros unknown."""

    block: int
    variable: bool
    rate: int
    channels: int
    bits: int
    total: int
    md5: bytes


@dataclass(frozen=True)
class _Frame:
    number: int
    samples: int
    header: int


def walk(source: Source, report: AudioReport, options: Options) -> None:
    report.format, report.codec = "FLAC", "flac"
    report.checked += ["frame header checksums", "frame checksums", "frame numbers", "sample count", "zero runs"]
    info, start = read_info(source, report)
    if info is None:
        return
    report.channels, report.sample_rate = info.channels, info.rate
    if info.total:
        report.container_seconds = info.total / info.rate
    else:
        report.add("unfinished", "STREAMINFO does not say how many samples there are")
    samples = _Walk(source, report, info).frames(start)
    report.structural_seconds = samples / info.rate
    if info.total and samples != info.total and not report.defects:
        kind = "truncated" if samples < info.total else "count_mismatch"
        report.add(kind, f"{samples} samples are there, STREAMINFO says {info.total}", samples / info.rate, source.size)
    for position, length, _ in runs(source, start, source.size, (0,), options.zero_run_bytes):
        report.add("zero_run", f"{length} zero bytes in compressed audio", byte=position)


def read_info(source: Source, report: AudioReport) -> tuple[StreamInfo | None, int]:
    """STREAMINFO, and where the first frame stands."""
    position, info = 4, None
    for _ in range(_MAX_BLOCKS):
        head = source.at(position, 4)
        if len(head) < 4:
            report.add("truncated", "the file ends inside the metadata", byte=position)
            return None, position
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 0 and info is None:
            info = _stream_info(source.at(position + 4, length), report)
            if info is None:
                return None, position
        position += 4 + length
        if head[0] & 0x80:
            break
    if info is None:
        report.add("malformed", "there is no STREAMINFO")
    return info, position


def _stream_info(raw: bytes, report: AudioReport) -> StreamInfo | None:
    if len(raw) < 34:
        report.add("truncated", "STREAMINFO is too short")
        return None
    least, most = struct.unpack(">HH", raw[:4])
    packed = int.from_bytes(raw[10:18], "big")
    rate, channels = packed >> 44, (packed >> 41 & 7) + 1
    if not rate or least < 16 or most < least:
        report.add("malformed", f"STREAMINFO says {rate} Hz and blocks of {least} to {most} samples")
        return None
    bits, total = (packed >> 36 & 31) + 1, packed & (1 << 36) - 1
    return StreamInfo(most, least != most, rate, channels, bits, total, raw[18:34])


class _Walk:
    """The frames from the first to the last."""

    def __init__(self, source: Source, report: AudioReport, info: StreamInfo) -> None:
        self.source, self.report, self.info = source, report, info
        bound = info.block * info.channels * (info.bits + 1) // 8 + 1024
        self.limit = min(bound, _LARGEST)
        self.end = source.size - 128 if source.at(source.size - 128, 3) == b"TAG" else source.size

    def frames(self, position: int) -> int:
        """Walks all frames; returns the samples a channel up to the end of the last one."""
        done = expected = 0
        while position < self.end:
            frame = self.header(self.source.at(position, _LONGEST_HEADER))
            if frame is None:
                position = self.resync(position, done, expected)
                continue
            start = self.start_of(frame)
            self.number(frame, start, done, expected, position)
            done, expected = start + frame.samples, self.after(frame)
            position = self.next(position, frame, start)
        return done

    def start_of(self, frame: _Frame) -> int:
        return frame.number if self.info.variable else frame.number * self.info.block

    def after(self, frame: _Frame) -> int:
        return frame.number + (frame.samples if self.info.variable else 1)

    def number(self, frame: _Frame, start: int, done: int, expected: int, position: int) -> None:
        if frame.number > expected:
            length = (start - done) / self.info.rate
            text = f"frame {frame.number} follows, {expected} was expected"
            self.report.add("missing", text, done / self.info.rate, position, length)
        elif frame.number < expected:
            self.report.add("overlap", f"frame {frame.number} comes again", start / self.info.rate, position)

    def next(self, position: int, frame: _Frame, start: int) -> int:
        """Where this frame ends; tells where its checksum is wrong. Most end soon, so little is read at first."""
        size, left = _FIRST_LOOK, self.end - position
        while True:
            body = self.source.at(position, min(size, self.limit, left))
            for offset, following in self.candidates(body, frame.header + 2):
                good = _checks(body[:offset])
                if good or following.number == self.after(frame):
                    if not good:
                        self.bad(frame, start, position)
                    return position + offset
            if len(body) >= min(self.limit, left):
                return self.last(position, frame, start, body)
            size *= 4

    def last(self, position: int, frame: _Frame, start: int, body: bytes) -> int:
        """Where a frame ends that no good one follows: the end of the file, or before what looks like the next."""
        later = [offset for offset, other in self.candidates(body, frame.header + 2) if other.number > frame.number]
        if position + len(body) >= self.end and (not later or _checks(body)):
            if not _checks(body):
                self.cut(frame, start, position)
            return self.end
        self.bad(frame, start, position)
        return position + (later[0] if later else len(body))

    def candidates(self, body: bytes, offset: int) -> list[tuple[int, _Frame]]:
        found = []
        for sync in _SYNC[self.info.variable :][:1]:
            at = body.find(sync, offset)
            while at >= 0:
                frame = self.header(body[at : at + _LONGEST_HEADER])
                if frame is not None:
                    found.append((at, frame))
                at = body.find(sync, at + 1)
        return found

    def bad(self, frame: _Frame, start: int, position: int) -> None:
        text = f"frame {frame.number} is not as it was written"
        self.report.add("bad_checksum", text, start / self.info.rate, position, frame.samples / self.info.rate)

    def cut(self, frame: _Frame, start: int, position: int) -> None:
        self.report.add(
            "truncated",
            f"the last frame ({frame.number}) is cut or damaged",
            start / self.info.rate,
            position,
            max(0, self.info.total - start) / self.info.rate if self.info.total else None,
        )

    def resync(self, position: int, done: int, expected: int) -> int:
        """The next position with a frame of a number not yet seen; the end where there is none."""
        sync, at = _SYNC[self.info.variable], position
        while True:
            at = self.source.find(sync, at + 1, self.end)
            frame = None if at < 0 else self.header(self.source.at(at, _LONGEST_HEADER))
            if at < 0 or (frame is not None and frame.number >= expected):
                break
        found = self.end if at < 0 else at
        self.report.add("lost_sync", f"{found - position} bytes belong to no frame", done / self.info.rate, position)
        return found

    def header(self, raw: bytes) -> _Frame | None:
        """The frame header at the start of raw, if its checksum and its fields agree with STREAMINFO."""
        if len(raw) < 6 or raw[:2] != _SYNC[self.info.variable] or raw[3] & 1:
            return None
        block, rate, layout = raw[2] >> 4, raw[2] & 15, raw[3] >> 4
        channels = layout + 1 if layout < 8 else 2
        if not block or rate == 15 or layout > 10 or channels != self.info.channels:
            return None
        number, offset = _coded(raw, 4)
        extra = {6: 1, 7: 2}.get(block, 0)
        size = offset + extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
        if offset == 0 or len(raw) <= size or crc.flac8(raw[:size]) != raw[size]:
            return None
        if rate < len(_RATES) and rate and _RATES[rate] != self.info.rate:
            return None
        samples = int.from_bytes(raw[offset : offset + extra], "big") + 1 if extra else _block(block)
        return _Frame(number, samples, size + 1) if samples <= self.info.block else None


def _block(code: int) -> int:
    if code == 1:
        return 192
    return 576 << code - 2 if code < 6 else 256 << code - 8


def _coded(raw: bytes, offset: int) -> tuple[int, int]:
    """(number, offset after it) of the coded number, spelt as UTF-8 spells code points; offset 0 where it is none."""
    first = raw[offset]
    if first < 0x80:
        return first, offset + 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(raw) < offset + length:
        return 0, 0
    value = first & (0x7F >> length)
    for byte in raw[offset + 1 : offset + length]:
        if byte & 0xC0 != 0x80:
            return 0, 0
        value = value << 6 | byte & 0x3F
    return value, offset + length


def _checks(frame: bytes) -> bool:
    return len(frame) > 2 and crc.flac16(frame) == 0
