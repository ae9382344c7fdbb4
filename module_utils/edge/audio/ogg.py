# SPDX-License-Identifier: GPL-3.0-or-later
"""Ogg Opus and Ogg Vorbis (RFC 3533, RFC 7845, Vorbis I): the pages walked. Pure.

Each page's checksum, number, flags and granule position; for Opus also the length of every packet, so that time that
is missing shows even where somebody numbered the pages anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import crc, opus
from .model import AudioReport, Options
from .source import Source, runs

_HEADER = struct.Struct("<4sBBqIIIB")
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_MAX_STREAMS = 64


@dataclass(frozen=True)
class _Page:
    position: int
    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: bytes

    def packets(self) -> list[tuple[bytes, bool]]:
        """(first bytes, whether it ends here) of every packet on this page, a continued one first."""
        found, start, end = [], 0, 0
        for value in self.lacing:
            end += value
            if value < 255:
                found.append((self.body[start : min(end, start + 2)], True))
                start = end
        if self.lacing and self.lacing[-1] == 255:
            found.append((self.body[start : start + 2], False))
        return found


@dataclass
class _Stream:
    """One logical stream.

    pending: samples of packets that ended on pages without a granule position.  carried: samples of the packet that
    goes on over the page's end.  broken: pages are missing here, which is told already.
    """

    serial: int
    codec: str | None = None
    rate: int = 0
    preskip: int = 0
    next_number: int = 0
    granule: int = 0
    first: int | None = None
    pages: int = 0
    open_packet: bool = False
    ended: bool = False
    pending: int = 0
    carried: int = 0
    broken: bool = False
    headers_left: int = field(default=1)

    def seconds(self, granule: int | None = None) -> float | None:
        if not self.rate:
            return None
        value = self.granule if granule is None else granule
        return max(0, value - self.preskip - (self.first or 0)) / self.rate


def walk(source: Source, report: AudioReport, options: Options) -> None:
    report.format = "Ogg"
    report.checked += ["page checksums", "page numbers", "granule positions", "end of stream", "zero runs"]
    streams: dict[int, _Stream] = {}
    for page in _pages(source, report, streams):
        stream = streams.get(page.serial)
        if stream is None:
            if len(streams) >= _MAX_STREAMS:
                report.add("malformed", f"more than {_MAX_STREAMS} streams", byte=page.position)
                break
            stream = streams[page.serial] = _Stream(page.serial)
            _begin(stream, page, report)
        _sequence(stream, page, report)
        _time(stream, page, report, options)
    _end(source, report, streams)
    for position, length, _ in runs(source, 0, source.size, (0,), options.zero_run_bytes):
        report.add("zero_run", f"{length} zero bytes in compressed audio", byte=position)


def _pages(source: Source, report: AudioReport, streams: dict[int, _Stream]) -> Iterator[_Page]:
    position = 0
    while position < source.size:
        raw = _read(source, position)
        page = _parse(raw, position)
        if page is None:
            found = source.find(b"OggS", position + 1)
            _unreadable(source, report, position, found, _latest(streams), raw)
            if found < 0:
                return
            position = found
            continue
        length = 27 + len(page.lacing) + len(page.body)
        stated = struct.unpack_from("<I", raw, 22)[0]
        if crc.ogg(raw[:22] + b"\0\0\0\0" + raw[26:length]) != stated:
            report.add("bad_checksum", f"page {page.number} is not as it was written", _latest(streams), position)
            # Its length cannot be trusted either: look for the next page from within.
            found = source.find(b"OggS", position + 1, position + length)
            if page.serial in streams:
                streams[page.serial].broken = True
            position = found if found >= 0 else position + length
            continue
        yield page
        position += length


def _read(source: Source, position: int) -> bytes:
    """The page at this position, as far as it is there."""
    raw = source.at(position, 27)
    if len(raw) < 27 or raw[:4] != b"OggS":
        return raw
    lacing = source.at(position + 27, raw[26])
    return raw + lacing + source.at(position + 27 + len(lacing), sum(lacing))


def _parse(raw: bytes, position: int) -> _Page | None:
    if len(raw) < 27 or raw[:4] != b"OggS":
        return None
    _, version, flags, granule, serial, number, _, segments = _HEADER.unpack_from(raw)
    lacing = raw[27 : 27 + segments]
    body = raw[27 + segments : 27 + segments + sum(lacing)]
    if version or len(lacing) < segments or len(body) < sum(lacing):
        return None
    return _Page(position, flags, granule, serial, number, lacing, body)


def _unreadable(
    source: Source, report: AudioReport, position: int, found: int, seconds: float | None, raw: bytes
) -> None:
    if found < 0 and raw[:4] == b"OggS"[: len(raw)]:
        report.add(
            "truncated", f"the last page is cut: {source.size - position} bytes of it are there", seconds, position
        )
        return
    end = source.size if found < 0 else found
    report.add("lost_sync", f"{end - position} bytes belong to no page", seconds, position)


def _latest(streams: dict[int, _Stream]) -> float | None:
    for stream in reversed(list(streams.values())):
        return stream.seconds()
    return None


def _begin(stream: _Stream, page: _Page, report: AudioReport) -> None:
    if not page.flags & _FIRST:
        report.add("missing", f"the first page of stream {page.serial:08x} is missing", byte=page.position)
        stream.next_number = page.number
        stream.broken = True
    body = page.body
    if body.startswith(b"OpusHead") and len(body) >= 19:
        stream.codec, stream.rate, stream.headers_left = "opus", 48000, 2
        stream.preskip = struct.unpack_from("<H", body, 10)[0]
        report.channels, report.sample_rate = body[9], struct.unpack_from("<I", body, 12)[0]
    elif body.startswith(b"\x01vorbis") and len(body) >= 30:
        stream.codec, stream.headers_left = "vorbis", 3
        report.channels, stream.rate = body[11], struct.unpack_from("<I", body, 12)[0]
        report.sample_rate = stream.rate
    elif page.flags & _FIRST:
        report.add("malformed", f"stream {page.serial:08x} is neither Opus nor Vorbis", byte=page.position)
    report.codec = report.codec or stream.codec


def _sequence(stream: _Stream, page: _Page, report: AudioReport) -> None:
    if stream.ended:
        report.add("malformed", f"page {page.number} follows the last page of its stream", byte=page.position)
    missing = page.number - stream.next_number
    if missing:
        report.add(
            "missing",
            f"page {page.number} follows page {stream.next_number - 1}: {missing} are missing"
            if missing > 0
            else f"page {page.number} comes again, or late",
            stream.seconds(),
            page.position,
        )
        stream.broken = True
    elif bool(page.flags & _CONTINUED) != stream.open_packet and not stream.broken:
        report.add("malformed", f"page {page.number} does not continue the packet before it", byte=page.position)
    stream.next_number = page.number + 1
    stream.open_packet = bool(page.lacing) and page.lacing[-1] == 255
    stream.ended = bool(page.flags & _LAST)
    stream.pages += 1


def _time(stream: _Stream, page: _Page, report: AudioReport, options: Options) -> None:
    if stream.headers_left > 0:
        # Header packets stand on pages of their own, with granule position 0.
        stream.headers_left -= sum(value < 255 for value in page.lacing)
        if page.granule == 0:
            return
    length = _length(stream, page)
    if page.granule < 0:
        if page.granule != -1:
            report.add("malformed", f"granule position {page.granule}", byte=page.position)
        stream.pending += length or 0
        return
    before = stream.granule if stream.first is not None else 0
    if stream.first is None:
        stream.first = max(0, page.granule - (length or 0)) if length is not None and not stream.ended else 0
        before = stream.first
    _compare(stream, page, report, options, before, length)
    stream.granule, stream.pending, stream.broken = page.granule, 0, False


def _length(stream: _Stream, page: _Page) -> int | None:
    """Samples of the packets that end on this page; None where the codec's packets are not read."""
    if stream.codec != "opus":
        return None
    total = 0
    for index, (start, ends) in enumerate(page.packets()):
        goes_on = index == 0 and bool(page.flags & _CONTINUED)
        length = stream.carried if goes_on else opus.samples(start)
        stream.carried = 0 if ends else length
        total += length if ends else 0
    return total


def _compare(
    stream: _Stream, page: _Page, report: AudioReport, options: Options, before: int, length: int | None
) -> None:
    advance = page.granule - before
    at = stream.seconds(before)
    if advance < 0:
        report.add("overlap", f"the granule position goes back by {-advance}", at, page.position)
    elif length is not None and stream.rate:
        missing = (advance - length - stream.pending) / stream.rate
        if missing > options.gap_seconds:
            report.add("gap", f"page {page.number}: time without packets", at, page.position, missing)
        elif missing < -options.gap_seconds and not stream.ended and not stream.broken:
            report.add("overlap", f"page {page.number}: more packets than time", at, page.position, -missing)


def _end(source: Source, report: AudioReport, streams: dict[int, _Stream]) -> None:
    known = [stream for stream in streams.values() if stream.rate]
    if not known:
        report.add("truncated", "there is no page with audio headers")
        return
    for stream in known:
        if not stream.ended:
            report.add("unfinished", f"stream {stream.serial:08x} has no last page", stream.seconds(), source.size)
    report.structural_seconds = sum(stream.seconds() or 0.0 for stream in known)
    if len(known) > 1:
        report.note(f"{len(known)} streams, one after another or side by side: their lengths are added")
