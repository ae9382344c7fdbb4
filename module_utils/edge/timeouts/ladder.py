# SPDX-License-Identifier: GPL-3.0-or-later
"""The ladder: the bounds in time in order along the path, and the longest recording that climbs it.

Pure arithmetic over bounds; what is not known for certain is carried as a range, from the worst that it may be to the
best, so that an answer is given where both ends agree, and is unknown where they do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..finding import HOPS, Bound, Unread
from ..payload import CODEC_BYTES_PER_SECOND, Payload


@dataclass(frozen=True)
class Keepalive:
    """TCP keepalive on one leg. on: whether SO_KEEPALIVE is set (None: not known). seconds: idle time before the first
    probe, and between probes that are answered (None: not known). because: what could not be read."""

    on: bool | None
    seconds: float | None
    origin: str
    because: Unread | None = None

    @property
    def worst(self) -> float | None:
        return self.seconds if self.on else None

    @property
    def best(self) -> float | None:
        if self.on is False:
            return None
        return self.seconds if self.seconds is not None else 1.0


NO_KEEPALIVE = Keepalive(False, None, "none")


@dataclass(frozen=True)
class Place:
    """Where a setting stands. line: None where its program's default holds."""

    path: str
    line: int | None
    seconds: float
    raw: str


@dataclass(frozen=True)
class Rung:
    """One bound with what decides whether it cuts. check: whose finding it is.

    on_path: True, or None where it is not certain that the transfer passes it (because says why).
    path, key, line, raw: where a person or converge changes it; "" where nobody can.
    also: the same setting in other places of the same program, which the tightest of them hides.
    """

    check: str
    bound: Bound
    keepalive: Keepalive = NO_KEEPALIVE
    on_path: bool | None = True
    because: Unread | None = None
    path: str = ""
    key: str = ""
    raw: str = ""
    also: tuple[Place, ...] = ()

    def range(self, payload: Payload) -> tuple[float, float]:
        """Minutes of the longest recording that survives: at worst, at best."""
        worst = payload.survives(self.bound, self.keepalive.worst)
        best = payload.survives(self.bound, self.keepalive.best)
        return min(worst, best), (max(worst, best) if self.on_path else math.inf)

    def uncertain(self) -> Unread | None:
        return self.because if not self.on_path else self.keepalive.because

    def to_dict(self, payload: Payload) -> dict[str, Any]:
        worst, best = self.range(payload)
        return {
            **self.bound.to_dict(),
            "check": self.check,
            "on_path": self.on_path,
            "longest_minutes": minutes(best),
            "longest_minutes_at_worst": minutes(worst),
        }


@dataclass
class Ladder:
    """Rungs in order; gaps: by check, what could not be read; notes: by check, what to say where there is no rung."""

    rungs: list[Rung] = field(default_factory=list)
    gaps: dict[str, list[Unread]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def gap(self, check: str, because: Unread) -> None:
        self.gaps.setdefault(check, []).append(because)

    def note(self, check: str, text: str, applies: bool = True) -> None:
        """applies: False where the question does not arise (not_applicable), True where the answer is a pass."""
        self.notes[check] = text
        if not applies:
            self.absent.add(check)

    def of(self, check: str) -> list[Rung]:
        return [rung for rung in self.rungs if rung.check == check]

    def ordered(self) -> list[Rung]:
        return sorted(self.rungs, key=lambda rung: HOPS.index(rung.bound.hop))


def split_origin(origin: str) -> tuple[str, int | None]:
    """`/etc/squid/squid.conf:12` in its parts; ("", None) of a default."""
    path, _, tail = origin.rpartition(":")
    if origin.startswith("/") and path and tail.isdigit():
        return path, int(tail)
    return (origin, None) if origin.startswith("/") else ("", None)


def longest(rungs: Iterable[Rung], payload: Payload) -> float:
    """The longest recording, in minutes, that every rung lets through for certain knowledge of it; math.inf for any."""
    return min((rung.range(payload)[1] for rung in rungs), default=math.inf)


def longest_at_worst(rungs: Iterable[Rung], payload: Payload) -> float:
    return min((rung.range(payload)[0] for rung in rungs), default=math.inf)


def tightest(rungs: Sequence[Rung], payload: Payload) -> Rung:
    return min(rungs, key=lambda rung: (rung.range(payload)[1], rung.bound.seconds or 0.0))


def by_codec(rungs: Sequence[Rung], payload: Payload) -> dict[str, float | None]:
    """The longest recording of each codec, minutes; None where nothing cuts it. Only rate bounds tell codecs apart."""
    return {codec: minutes(longest(rungs, replace(payload, codec=codec))) for codec in CODEC_BYTES_PER_SECOND}


def needed_seconds(payload: Payload) -> float:
    """What a bound should be so that the longest recording of the profile passes: with margin, in whole minutes."""
    return math.ceil(payload.transfer_seconds * payload.margin / 60.0) * 60.0


def what_if(
    rungs: Sequence[Rung], changed: Sequence[Rung], seconds: float | None, payload: Payload
) -> tuple[float, str | None]:
    """The longest recording once the changed bounds are at seconds (None: gone), and the check that limits it then."""
    others = [rung for rung in rungs if all(rung is not one for one in changed)]
    raised = math.inf
    if seconds is not None:
        raised = payload.survives(Bound("total", "export", "raised", "", seconds))
    rest = longest(others, payload)
    if rest < raised:
        return rest, tightest(others, payload).check
    return raised, None if raised == math.inf or not changed else changed[0].check


def broken_order(pairs: Iterable[tuple[Rung, Rung]]) -> list[tuple[Rung, Rung]]:
    """Of pairs (outer, inner), those in which the outer gives up before the inner may."""
    return [
        (outer, inner)
        for outer, inner in pairs
        if outer.bound.seconds and inner.bound.seconds and outer.bound.seconds < inner.bound.seconds
    ]


def minutes(value: float) -> float | None:
    """For JSON, which has no infinity: None where nothing cuts."""
    return None if math.isinf(value) else round(value, 2)


def spoken(value: float) -> str:
    return "any length" if math.isinf(value) else f"{value:g} min" if value == round(value) else f"{value:.1f} min"


def facts(ladder: Ladder, payload: Payload) -> dict[str, Any]:
    """What later steps and the report read."""
    ordered = ladder.ordered()
    shortest = longest(ordered, payload)
    return {
        "ladder": [rung.to_dict(payload) for rung in ordered],
        "longest_minutes": minutes(shortest),
        "longest_minutes_at_worst": minutes(longest_at_worst(ordered, payload)),
        "limited_by": None if math.isinf(shortest) else tightest(ordered, payload).check,
        "longest_by_codec": by_codec(ordered, payload),
        "unread": sorted(check for check, gaps in ladder.gaps.items() if gaps),
    }
