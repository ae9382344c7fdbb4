# SPDX-License-Identifier: GPL-3.0-or-later
"""What waivers do to findings, and the register that says what became of each waiver. Pure.

A failing finding becomes `waived`, which the verdict still counts as failing and the gate does not. An unknown finding
stays unknown, with the waiver beside it: that nobody knows may be accepted, but it cannot become knowledge. Where a
waiver has ended the finding counts again, with the waiver beside it as a note.

    state of a waiver   meaning
    active              it accepts at least one finding of this run
    expired             its end has passed; what it accepted counts again
    unneeded            what it is about is there and does not fail
    unjudged            what it is about could not be judged in this run
    elsewhere           this run is of a part of the inventory, and what it is about is not in it
    unmatched           nothing in the whole inventory is what it is about
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .finding import Finding
from .iam.glob import compile_glob
from .waivers import Waiver

STATES = ("active", "expired", "unneeded", "unjudged", "elsewhere", "unmatched")
_NOTE = ("reason", "approver", "ticket", "expires", "timezone")


@dataclass(frozen=True)
class _Prepared:
    number: int
    waiver: Waiver
    hosts: frozenset[str]
    matches: Callable[[str], bool]
    expired: bool


def apply(
    findings: Mapping[str, Sequence[Finding]],
    waivers: Sequence[Waiver],
    now: datetime,
    partial: bool = False,
    warn_days: int = 30,
) -> tuple[dict[str, list[Finding]], list[dict[str, Any]]]:
    """The findings by edge with the waivers applied, and the register, in the order of the waivers.

    partial: whether the run is of a part of the inventory's edges.  warn_days: from how many days before its end a
    waiver is said to be ending.
    """
    by_check: dict[str, list[_Prepared]] = {}
    for number, waiver in enumerate(waivers):
        glob = compile_glob(waiver.scope.get("resource", "*"))
        item = _Prepared(number, waiver, frozenset(waiver.hosts), glob, waiver.end <= now)
        by_check.setdefault(waiver.check, []).append(item)
    for items in by_check.values():
        # The one that holds longest decides where several match.
        items.sort(key=lambda item: (item.expired, -item.waiver.end.timestamp(), item.number))
    touched: Counter[int] = Counter()
    seen: set[tuple[int, str]] = set()
    applied = {
        edge: [_waived(finding, by_check.get(finding.check, ()), touched, seen) for finding in of_edge]
        for edge, of_edge in findings.items()
    }
    register = [
        _entry(number, waiver, now, touched[number], seen, partial, warn_days) for number, waiver in enumerate(waivers)
    ]
    return applied, register


def _waived(
    finding: Finding, candidates: Sequence[_Prepared], touched: Counter[int], seen: set[tuple[int, str]]
) -> Finding:
    chosen = None
    for item in candidates:
        if finding.edge not in item.hosts:
            continue
        if finding.status == "unknown":
            seen.add((item.number, "unknown"))
        if not item.matches(finding.resource):
            continue
        seen.add((item.number, "there"))
        if finding.status in item.waiver.accepts:
            touched[item.number] += 1
            chosen = chosen or item
    if chosen is None:
        return finding
    note = {key: getattr(chosen.waiver, key) for key in _NOTE}
    note["state"] = "expired" if chosen.expired else "active"
    status = "waived" if finding.status == "fail" and not chosen.expired else finding.status
    return dataclasses.replace(finding, status=status, waiver=note)


def _entry(
    number: int, waiver: Waiver, now: datetime, touched: int, seen: set[tuple[int, str]], partial: bool, warn_days: int
) -> dict[str, Any]:
    if waiver.end <= now:
        state = "expired"
    elif touched:
        state = "active"
    elif (number, "there") in seen and (number, "unknown") not in seen:
        state = "unneeded"
    elif (number, "unknown") in seen:
        state = "unjudged"
    else:
        state = "elsewhere" if partial else "unmatched"
    left = waiver.days_left(now)
    entry = waiver.to_dict()
    del entry["hosts"]
    return {
        **entry,
        "state": state,
        "findings": touched,
        "days_left": left,
        "ending": state != "expired" and left <= warn_days,
    }


def warnings(register: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person must do about the waivers, a sentence each."""
    return [text for text in map(_warning, register) if text]


def _warning(entry: Mapping[str, Any]) -> str:
    name = f"waiver {entry['ticket']} of {entry['check']} ({entry['origin']})"
    until = f"{entry['expires']} ({entry['timezone']})"
    number = entry["findings"]
    if entry["state"] == "expired":
        effect = f"{_again(number, 'counts', 'count')} again" if number else "nothing fails for want of it"
        return f"{name} expired after {until}: {effect}; cure, renew it, or take it out"
    if entry["state"] == "unmatched":
        return f"{name} matches nothing that this inventory has; correct its scope or take it out"
    if entry["ending"]:
        days = entry["days_left"]
        when = "today" if days < 1 else "in 1 day" if days == 1 else f"in {days} days"
        return f"{name} ends {when}, after {until}; {_again(number, 'will count', 'will count')} again"
    return ""


def _again(number: int, one: str, several: str) -> str:
    return f"1 finding {one}" if number == 1 else f"{number or 'no'} findings {several}"
