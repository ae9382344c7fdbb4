# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a finding from one run of its edge to the next. Pure.

    before            now               word
    absent or sound   open              new
    open              open, the same    unchanged
    open              open, different   changed
    open              sound or gone     fixed
    absent or sound   sound             (none)
Open are fail, waived and unknown: a waiver accepts a finding and does not mend it. Sound are pass and not_applicable.

A finding that is no longer among the answers of its edge is *gone* only where its check was answered in full: while any
answer of that check on that edge is unknown, nobody has looked, and the finding stays as it was.

A finding *flips* where it goes between broken (fail, waived) and sound; what is unknown in between does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GONE = "gone"
OPEN = frozenset({"fail", "waived", "unknown"})
_SETTLED = {"fail": "broken", "waived": "broken", "pass": "sound", "not_applicable": "sound", GONE: "sound"}
_TOLD = ("reason", "observed", "share", "longest_minutes", "permissions")
_BOUND = ("kind", "setting", "seconds", "bytes_per_second")


@dataclass(frozen=True)
class State:
    """A finding as it stood. mark: what it said, where it is open.  settled: `broken`, `sound`, or neither yet."""

    status: str
    mark: str = ""
    settled: str = ""


@dataclass(frozen=True)
class Step:
    """From one state to the next. word: None where there is nothing to say.  moved: whether the state differs."""

    now: State
    word: str | None
    moved: bool
    flip: bool


def step(before: State | None, status: str, mark: str = "") -> Step:
    """What becomes of a finding that stands so now. before: None where it was never seen.  status: or GONE."""
    settled = _SETTLED.get(status) or (before.settled if before else "")
    now = State(status, mark if status in OPEN else "", settled)
    was_open = before is not None and before.status in OPEN
    moved = before is None or (before.status, before.mark) != (now.status, now.mark)
    flip = before is not None and bool(before.settled) and before.settled != settled
    word: str | None
    if status in OPEN:
        word = ("changed" if moved else "unchanged") if was_open else "new"
    else:
        word = "fixed" if was_open else None
    return Step(now, word, moved, flip)


def mark(finding: Mapping[str, Any]) -> str:
    """A hash of what a finding of report.json tells a person; evidence, which differs from call to call, left out."""
    bound = finding.get("bound") or {}
    told = [finding.get(key) for key in _TOLD] + [bound.get(key) for key in _BOUND]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
