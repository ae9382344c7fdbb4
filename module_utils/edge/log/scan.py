# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over a log: what it says in the window, how long it was silent, and where its clock jumped.

Lines are not read one by one. A piece of a block whose lines all have one key (stamps.py) is counted; only where the
key changes, and at the edges of the window, is each timestamp read. Shapes that were seen to be
harmless (classes.py) are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from .classes import CLASSES, CODE, CODES, SHAPE, by_words, candidates, code_places
from .redact import sample_text
from .stamps import Clock, Format
from .window import Window, iso

# Below this neither a silence nor a step back of the clock is told: lines of several threads are out of order, and
# pieces of one minute are not looked into.
FLOOR_SECONDS = 60.0
# The clocks of the platform and of the edge differ: lines so near to the window belong to it.
SLACK_SECONDS = 10.0
MAX_SAMPLES = 5
MAX_JUMPS = 20
_FEW_LINES = 32
_SHAPES_BYTES = 16 * 1024 * 1024
_LONGEST_SHAPE = 2048


class _Verdict(NamedTuple):
    """What a shape tells: the class of its words, and where its lines hold a status code."""

    name: str | None
    places: tuple[int, ...]


@dataclass
class Seen:
    """How often lines of one class were seen, when, and what they look like."""

    count: int = 0
    first: float | None = None
    last: float | None = None
    samples: list[dict[str, Any]] = field(default_factory=list)
    shapes: set[bytes] = field(default_factory=set)

    def to_fact(self) -> dict[str, Any]:
        return {"count": self.count, "first": _iso(self.first), "last": _iso(self.last), "samples": self.samples}


class _Lines:
    """The lines of a piece by their number, from 1. ends: sums of their lengths, of the empty text before them on."""

    def __init__(self, piece: bytes, ends: list[int]) -> None:
        self.piece = piece
        self._ends = ends

    def start(self, number: int) -> int:
        return self._ends[number - 1] + number

    def __getitem__(self, number: int) -> bytes:
        return self.piece[self._ends[number - 1] + number : self._ends[number] + number]


class Scan:
    """What was seen so far. window: None takes every line."""

    def __init__(self, window: Window | None) -> None:
        self.window = window
        self._wide = window.wider(SLACK_SECONDS) if window is not None else None
        self.lines = self.lines_in_window = self.unstamped = self.jumps_count = 0
        self.first: float | None = None
        self.last: float | None = None
        self.classes = {name: Seen() for name in CLASSES}
        self.jumps: list[dict[str, Any]] = []
        self.silence: tuple[float, float] | None = None
        self._previous: float | None = None
        self._path = ""
        self._line = 0
        self._joint = True  # the next line is the first of its file
        self._harmless: set[bytes] = set()
        self._telling: dict[bytes, _Verdict] = {}
        self._kept_bytes = 0

    def start(self, path: str, format_: Format, clock: Clock) -> None:
        """The blocks that follow are of this file."""
        self._path, self._format, self._clock = path, format_, clock
        self._line = 0
        self._joint = True

    def feed(self, block: bytes) -> None:
        """One block of whole lines, in order."""
        stack = [block]
        while stack:
            piece = stack.pop()
            lines = piece.count(b"\n")
            if not self._uniform(piece, lines):
                cut = piece.find(b"\n", len(piece) // 2) if lines > _FEW_LINES else 0
                if cut > 0:
                    stack += [piece[cut:], piece[:cut]]
                else:
                    self._each(piece)

    def finish(self, until: float) -> None:
        """The end of the log. until: the latest moment that the log could tell of; silence lasts to it."""
        if self.window is not None and self._previous is not None:
            self._gap(self._previous, min(until, self.window.end))

    def _uniform(self, piece: bytes, lines: int) -> bool:
        """Take a piece whose lines all have one key; False where it has to be looked at more closely."""
        stamp = self._format.stamp
        head = stamp.match(piece)
        if head is None:
            return False
        tail = stamp.match(piece, piece.rfind(b"\n")) if lines > 1 else head
        if tail is None or tail["key"] != head["key"]:
            return False
        prefix = piece[: head.end("key")]
        found = piece.count(prefix)
        if found != lines and found != len(self._format.key.findall(piece)):
            return False
        began, ended = self._clock.read(head, self._previous), self._clock.read(tail, self._previous)
        if began is None or ended is None or abs(ended - began) > self._format.span:
            return False
        # The key does not hold the offset from UTC, nor which of two equal hours it is; the piece's own times do.
        low, high = min(began, ended) - self._format.span, max(began, ended) + self._format.span
        wide = self._wide
        inside = wide is None or (wide.holds(low) and wide.holds(high))
        if not inside and wide is not None and wide.meets(low, high):
            return False
        self._moment(began)
        self._previous = self.last = ended
        self._take(piece, lines, inside, began)
        return True

    def _each(self, piece: bytes) -> None:
        """Every timestamp of a piece; what has none belongs to the line before."""
        begin, inside, at = 0, self._holds(self._previous), self._previous
        for match in self._format.stamp.finditer(piece):
            now = self._clock.read(match, self._previous)
            if now is None:
                continue
            if self._previous is None and match.start() > 0:
                self.unstamped += piece.count(b"\n", 0, match.start())
            self._moment(now)
            if self._holds(now) != inside:
                if match.start() > begin:
                    self._take(piece[begin : match.start()], None, inside, at)
                begin, inside, at = match.start(), not inside, now
            elif match.start() == begin:
                at = now
        if self._previous is None:
            self.unstamped += piece.count(b"\n")
        self._take(piece[begin:], None, inside, at)

    def _holds(self, at: float | None) -> bool:
        return self._wide is None or (at is not None and self._wide.holds(at))

    def _moment(self, now: float) -> None:
        """A line was written now: how long was it silent before, and did the clock go back?"""
        previous = self._previous
        if previous is None:
            self.first = now
        elif now >= previous - FLOOR_SECONDS:
            self._gap(previous, now)
        elif not self._joint:  # two files may overlap; within one, only a clock goes back
            self._jump(previous, now)
        self._joint = False
        self._previous = self.last = now

    def _jump(self, previous: float, now: float) -> None:
        if self._wide is not None and not self._wide.meets(now, previous):
            return
        self.jumps_count += 1
        if len(self.jumps) < MAX_JUMPS:
            told = {"from": iso(previous), "to": iso(now), "seconds": round(now - previous, 3), "path": self._path}
            self.jumps.append(told)

    def _gap(self, began: float, ended: float) -> None:
        if self.window is not None:
            began, ended = self.window.overlap(began, ended)
        longest = FLOOR_SECONDS if self.silence is None else self.silence[1] - self.silence[0]
        if ended - began > longest or (self.silence is None and ended - began >= longest):
            self.silence = (began, ended)

    def _take(self, piece: bytes, lines: int | None, inside: bool, at: float | None) -> None:
        """Count a piece that lies in the window, or out of it, as a whole. at: the time of its first line."""
        lines = piece.count(b"\n") if lines is None else lines
        self.lines += lines
        if inside:
            self.lines_in_window += lines
            self._look(piece, at)
        self._line += lines

    def _look(self, piece: bytes, at: float | None) -> None:
        """Find the lines of a class in a piece."""
        shapes = piece.translate(SHAPE).split(b"\n")
        harmless = self._harmless
        numbers = [number for number, shape in enumerate(shapes) if shape not in harmless]
        if not numbers:
            return
        # A shape is as long as its line: the ends of the lines, less a line feed for each.
        ends = list(accumulate(map(len, shapes)))
        lines = _Lines(piece, ends)
        known = self._telling
        new = {shapes[number]: number for number in numbers if shapes[number] not in known}
        found = self._judge(new, lines) if new else {}
        for number in numbers:
            verdict = known.get(shapes[number]) or found.get(shapes[number])
            if verdict is None:
                continue
            name = verdict.name
            for place in verdict.places if name is None else ():
                begin = ends[number - 1] + number + place
                name = name or CODES.get(piece[begin : begin + 3])
            if name is not None:
                self._record(name, lines, number, shapes[number], at)

    def _judge(self, new: dict[bytes, int], lines: _Lines) -> dict[bytes, _Verdict]:
        """What lines of shapes that were not seen before tell. new: with the number of a line of each."""
        found: dict[bytes, _Verdict] = {}
        shapes, examples = list(new), [lines[number] for number in new.values()]
        for place, names in candidates(examples).items():
            places = code_places(shapes[place]) if CODE in names else ()
            verdict = _Verdict(by_words(examples[place], names), places)
            if verdict.name or verdict.places:
                found[shapes[place]] = verdict
        for shape in new:
            # A log of ever new shapes is slower to read, but takes no more memory.
            if len(shape) <= _LONGEST_SHAPE and self._kept_bytes < _SHAPES_BYTES:
                self._kept_bytes += len(shape) + 100
                if shape in found:
                    self._telling[shape] = found[shape]
                else:
                    self._harmless.add(shape)
        return found

    def _record(self, name: str, lines: _Lines, number: int, shape: bytes, at: float | None) -> None:
        seen = self.classes[name]
        seen.count += 1
        when = self._when(lines, number, at)
        if when is not None:
            seen.first = when if seen.first is None else min(seen.first, when)
            seen.last = when if seen.last is None else max(seen.last, when)
        if len(seen.samples) < MAX_SAMPLES and shape not in seen.shapes:
            seen.shapes.add(shape)
            told = {"time": _iso(when), "path": self._path, "line": self._line + number}
            seen.samples.append({**told, "text": sample_text(lines[number])})

    def _when(self, lines: _Lines, number: int, at: float | None) -> float | None:
        """The time of a line: its own, or that of the last line before it that has one."""
        for place in range(number, max(0, number - 200), -1):
            match = self._format.stamp.match(lines.piece, lines.start(place) - 1)
            if match is not None:
                return self._clock.read(match, at)
        return at


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)
