# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over a log: what it says in the window, how long it was silent, and where its clock jumped.

Lines are not read one by one. A piece of a block whose lines all have one key (stamps.py) is counted; only where the
key changes, and at the edges of the window, is each timestamp read. Shapes that were seen to be
harmless (classes.py) are skipped; where nearly every line has a new one, words are searched for instead (telling.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .classes import CLASSES, SHAPE
from .redact import sample_text
from .stamps import Clock, Format
from .suspects import lowered
from .telling import by_their_words, with_codes
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
# Where so many pieces one after the other hold so large a part of new shapes, so many are looked at for words instead.
_NOVEL_SHARE, _NOVEL_PIECES, _BY_WORDS_PIECES = 0.4, 4, 128


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
        self._harmless = {b""}
        self._telling: dict[bytes, str] = {}
        self._kept_bytes = self._novel = self._by_words = 0

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
        if self._by_words > 0:
            self._by_words -= 1
            low = lowered(piece)
            found = by_their_words(low)
        else:
            low = piece.lower()
            found = self._by_shape(piece)
        for start, name in with_codes(found, low).items():
            self._record(name, piece, start, at)

    def _by_shape(self, piece: bytes) -> dict[int, str]:
        """What telling.by_their_words() finds; of each shape one line is read, and no shape twice."""
        shapes = piece.translate(SHAPE).split(b"\n")
        harmless, known = self._harmless, self._telling
        numbers = [number for number, shape in enumerate(shapes) if shape not in harmless]
        if not numbers:
            return {}
        starts = _starts(shapes, numbers)
        new = {shapes[number]: start for number, start in starts.items() if shapes[number] not in known}
        found = self._judge(new, piece) if new else {}
        self._weigh(len(new), len(shapes))
        names = ((start, known.get(shapes[number]) or found.get(shapes[number])) for number, start in starts.items())
        return {start: name for start, name in names if name is not None}

    def _weigh(self, new: int, lines: int) -> None:
        """Where shape after shape is new, look for words for a while instead."""
        if lines <= _FEW_LINES:
            return
        self._novel = self._novel + 1 if new > _NOVEL_SHARE * lines else 0
        if self._novel >= _NOVEL_PIECES:
            self._by_words, self._novel = _BY_WORDS_PIECES, 0

    def _judge(self, new: dict[bytes, int], piece: bytes) -> dict[bytes, str]:
        """What lines of shapes that were not seen before tell. new: with the start of a line of each."""
        lines = [piece[start : start + 1 + len(shape)] for shape, start in new.items()]
        told = by_their_words(lowered(b"".join(lines)))
        found: dict[bytes, str] = {}
        begin = 0
        for shape in new:
            name = told.get(begin)
            if name is not None:
                found[shape] = name
            begin += 1 + len(shape)
            # A log of ever new shapes takes no more memory.
            if self._kept_bytes < _SHAPES_BYTES and len(shape) <= _LONGEST_SHAPE:
                self._kept_bytes += len(shape) + 100
                if name is None:
                    self._harmless.add(shape)
                else:
                    self._telling[shape] = name
        return found

    def _record(self, name: str, piece: bytes, start: int, at: float | None) -> None:
        """Count a line of a class. start: where its line feed stands."""
        seen = self.classes[name]
        seen.count += 1
        when = self._when(piece, start, at)
        if when is not None:
            seen.first = when if seen.first is None else min(seen.first, when)
            seen.last = when if seen.last is None else max(seen.last, when)
        if len(seen.samples) < MAX_SAMPLES:
            end = piece.find(b"\n", start + 1)
            line = piece[start + 1 : end if end >= 0 else len(piece)]
            shape = line.translate(SHAPE)
            if shape not in seen.shapes:
                seen.shapes.add(shape)
                number = self._line + piece.count(b"\n", 0, start) + 1
                told = {"time": _iso(when), "path": self._path, "line": number}
                seen.samples.append({**told, "text": sample_text(line)})

    def _when(self, piece: bytes, start: int, at: float | None) -> float | None:
        """The time of a line: its own, or that of the last line before it that has one."""
        for _ in range(200):
            match = self._format.stamp.match(piece, start)
            if match is not None:
                return self._clock.read(match, at)
            if start <= 0:
                break
            start = piece.rfind(b"\n", 0, start)
        return at


def _starts(shapes: Sequence[bytes], numbers: Sequence[int]) -> dict[int, int]:
    """{number of a line: where its line feed stands}. A shape is as long as its line; the one of number 0 is empty."""
    found, text, reached = {}, 0, 0
    for number in numbers:
        text += sum(map(len, shapes[reached:number]))
        reached = number
        found[number] = text + number - 1
    return found


def _iso(at: float | None) -> str | None:
    return None if at is None else iso(at)
