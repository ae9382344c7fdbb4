# SPDX-License-Identifier: GPL-3.0-or-later
"""WebM and Matroska (RFC 9559): the segment's elements walked, and the time stamps of the audio blocks. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from . import ebml, opus
from .model import AudioReport, Options
from .source import Source, runs

_HEADER, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_INFO, _TRACKS, _TRACK, _AUDIO = 0x1549A966, 0x1654AE6B, 0xAE, 0xE1
_SEEK, _CUES, _TAGS, _CHAPTERS, _ATTACHMENTS = 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469
_TOP = {_CLUSTER, _INFO, _TRACKS, _SEEK, _CUES, _TAGS, _CHAPTERS, _ATTACHMENTS}
_TIMESTAMP, _SIMPLE, _GROUP, _BLOCK, _LASTS = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
_IN_CLUSTER = {_TIMESTAMP, _SIMPLE, _GROUP, 0xAB, 0xA7, 0x5854, 0xAF}
_ANYWHERE = {0xEC, ebml.CRC32}
# Headers and small masters are read whole; a damaged size must not make that the whole file.
_MAX_HEADER = 16 << 20
_MAX_TRACKS = 64
# Where the codec does not say how long a block is, neighbours further apart than this are a gap.
_USUAL_SECONDS = 0.25


@dataclass
class _Track:
    number: int = 0
    audio: bool = False
    codec: str = ""
    rate: int = 0
    channels: int = 1
    block_seconds: float | None = None
    first: float | None = None
    end: float = 0.0
    last: float = 0.0
    step: float | None = None


@dataclass
class _State:
    scale: float = 1e-3
    cluster: float = 0.0
    tracks: dict[int, _Track] = field(default_factory=dict)
    clusters: int = 0
    checked: int = 0


def walk(source: Source, report: AudioReport, options: Options) -> None:
    report.format = "Matroska"
    report.checked += ["element structure", "time stamps of blocks", "CRC-32 elements where there are any", "zero runs"]
    state = _State()
    header = ebml.read(source, 0)
    position = header.end(source.size) if header else source.size
    segment = ebml.read(source, position)
    if header is None or segment is None or segment.id != _SEGMENT:
        kind = "truncated" if position >= source.size else "malformed"
        report.add(kind, "there is no segment after the EBML header", byte=min(position, source.size))
        return
    end = _bounds(source, report, segment)
    _Segment(source, report, options, state).walk(segment.data, end)
    _finish(source, report, state, options, segment.data)


def _bounds(source: Source, report: AudioReport, segment: ebml.Element) -> int:
    if segment.size is None:
        report.note("the segment's size was left open, as live recorders do: its end cannot be told from a cut")
    end = segment.end(source.size)
    if end > source.size:
        text = f"the segment promises {end - source.size} bytes more than are there, at its end or within"
        report.add("truncated", text, byte=source.size)
    elif end < source.size:
        report.add("trailing_data", f"{source.size - end} bytes follow the segment", byte=end)
    return min(end, source.size)


class _Segment:
    def __init__(self, source: Source, report: AudioReport, options: Options, state: _State) -> None:
        self.source, self.report, self.options, self.state = source, report, options, state

    def walk(self, position: int, end: int) -> None:
        inside = False
        while position < end:
            element = ebml.read(self.source, position)
            known = element is not None and self.known(element, inside)
            if element is None or not known or (element.end(end) > end):
                position = self.lost(position, end, element if known else None)
                inside = False
                continue
            self.crc(element)
            if element.id == _CLUSTER:
                self.state.clusters += 1
                position, inside = element.data, True
                continue
            inside = inside and element.id not in _TOP
            position = self.element(element, end)

    def known(self, element: ebml.Element, inside: bool) -> bool:
        ours = element.id in _TOP or element.id in _ANYWHERE or (inside and element.id in _IN_CLUSTER)
        return ours and (element.size is not None or element.id == _CLUSTER)

    def crc(self, element: ebml.Element) -> None:
        good = ebml.checksum(self.source, element) if element.id in _TOP else None
        if good is not None:
            self.state.checked += 1
        if good is False:
            self.report.add(
                "bad_checksum", f"element {element.id:X} is not as it was written", self.now(), element.position
            )

    def lost(self, position: int, end: int, cut: ebml.Element | None) -> int:
        """Looks for the next cluster after bytes that make no sense; the position to go on from."""
        found = self.source.find(_CLUSTER.to_bytes(4, "big"), position + 1, end)
        if found >= 0:
            self.report.add("lost_sync", f"{found - position} bytes belong to no element", self.now(), position)
            return found
        if cut is not None:
            text = f"element {cut.id:X} is cut: it promises {cut.size} bytes, {end - cut.data} are there"
            self.report.add("truncated", text, self.now(), position)
        else:
            self.report.add("lost_sync", f"{end - position} bytes belong to no element", self.now(), position)
        return end

    def now(self) -> float | None:
        ends = [track.end - (track.first or 0) for track in self.state.tracks.values() if track.audio]
        return max(ends) if ends else None

    def element(self, element: ebml.Element, end: int) -> int:
        size = element.size or 0
        if element.id == _TIMESTAMP:
            self.state.cluster = ebml.number(self.source.at(element.data, min(size, 8))) * self.state.scale
        elif element.id == _SIMPLE:
            self.block(element, None)
        elif element.id == _GROUP:
            self.group(element)
        elif element.id == _INFO:
            self.info(element)
        elif element.id == _TRACKS:
            self.tracks(element)
        return element.end(end)

    def children(self, parent: ebml.Element) -> list[ebml.Element]:
        found: list[ebml.Element] = []
        position, end = parent.data, parent.data + min(parent.size or 0, _MAX_HEADER)
        while position < end and len(found) < 1000:
            child = ebml.read(self.source, position)
            if child is None or child.size is None or child.data + child.size > end:
                self.report.add("malformed", f"element {parent.id:X} holds what is no element", self.now(), position)
                break
            found.append(child)
            position = child.data + child.size
        return found

    def raw(self, element: ebml.Element) -> bytes:
        return self.source.at(element.data, min(element.size or 0, 4096))

    def info(self, parent: ebml.Element) -> None:
        duration = None
        for child in self.children(parent):
            if child.id == 0x2AD7B1:
                self.state.scale = ebml.number(self.raw(child)) / 1e9 or 1e-3
            elif child.id == 0x4489:
                duration = ebml.real(self.raw(child))
        if duration is not None and math.isfinite(duration) and duration > 0:
            self.report.container_seconds = duration * self.state.scale

    def tracks(self, parent: ebml.Element) -> None:
        for entry in self.children(parent)[:_MAX_TRACKS]:
            if entry.id != _TRACK:
                continue
            track = _Track()
            for child in self.children(entry):
                self.track_field(track, child)
            self.state.tracks.setdefault(track.number, track)
            if track.audio and self.report.codec is None:
                self.report.codec = track.codec
                self.report.channels, self.report.sample_rate = track.channels, track.rate or None
            elif not track.audio:
                self.report.note(f"track {track.number} ({track.codec}) is no audio and was not looked at")

    def track_field(self, track: _Track, child: ebml.Element) -> None:
        raw = self.raw(child)
        if child.id == 0xD7:
            track.number = ebml.number(raw)
        elif child.id == 0x83:
            track.audio = ebml.number(raw) == 2
        elif child.id == 0x86:
            track.codec = raw.rstrip(b"\0").decode("ascii", "replace")
        elif child.id == 0x23E383:
            track.block_seconds = ebml.number(raw) / 1e9
        elif child.id == _AUDIO:
            for field_ in self.children(child):
                if field_.id == 0xB5:
                    rate = ebml.real(self.raw(field_))
                    track.rate = int(rate) if math.isfinite(rate) else 0
                elif field_.id == 0x9F:
                    track.channels = ebml.number(self.raw(field_))

    def group(self, parent: ebml.Element) -> None:
        children = self.children(parent)
        lasts = [ebml.number(self.raw(child)) * self.state.scale for child in children if child.id == _LASTS]
        for child in children:
            if child.id == _BLOCK:
                self.block(child, lasts[0] if lasts else None)

    def block(self, element: ebml.Element, lasts: float | None) -> None:
        raw = self.source.at(element.data, min(element.size or 0, 16))
        width = 9 - raw[0].bit_length() if raw and raw[0] else 9
        if len(raw) < width + 3:
            self.report.add("malformed", "a block without its header", self.now(), element.position)
            return
        track = self.state.tracks.get(ebml.number(raw[:width]) & (1 << 7 * width) - 1)
        if track is None:
            self.report.add("malformed", "a block of a track that is not declared", self.now(), element.position)
        elif track.audio:
            at = self.state.cluster + int.from_bytes(raw[width : width + 2], "big", signed=True) * self.state.scale
            laced = raw[width + 2] & 0x06
            if lasts is None and track.codec == "A_OPUS" and not laced:
                lasts = opus.samples(raw[width + 3 :]) / opus.RATE
            self.place(track, at, lasts if lasts is not None else track.block_seconds, element.position)

    def place(self, track: _Track, at: float, lasts: float | None, position: int) -> None:
        """Compares a block's time with the end of the block before it on its track."""
        if track.first is None:
            track.first = track.end = at
            if at > self.options.gap_seconds + _USUAL_SECONDS:
                self.report.note(f"the audio begins at {at:.3f} s of the file's time")
        else:
            step = at - track.last
            allowed = self.options.gap_seconds if lasts is not None else max(_USUAL_SECONDS, 4 * (track.step or 0))
            missing = at - track.end if lasts is not None else step - allowed
            if missing > allowed:
                self.report.add("gap", "no block for this time", track.end - track.first, position, at - track.end)
            elif step < 0:
                self.report.add("overlap", "a block's time goes back", at - track.first, position, -step)
            track.step = step if track.step is None else min(max(step, track.step / 2), track.step * 2)
        track.last, track.end = at, max(track.end, at + (lasts or 0.0))


def _finish(source: Source, report: AudioReport, state: _State, options: Options, start: int) -> None:
    audio = [track for track in state.tracks.values() if track.audio]
    if not audio:
        report.add("malformed", "no audio track is declared")
    heard = [track for track in audio if track.first is not None]
    if audio and not heard:
        report.add("truncated", "there is no audio block")
    if heard:
        report.structural_seconds = max(track.end - (track.first or 0.0) for track in heard)
    if report.container_seconds is None:
        report.note("the file does not state its duration")
    if not state.checked:
        report.note("there are no CRC-32 elements: changed bytes inside blocks cannot be seen without decoding")
    for position, length, _ in runs(source, start, source.size, (0,), options.zero_run_bytes):
        report.add("zero_run", f"{length} zero bytes in compressed audio", byte=position)
