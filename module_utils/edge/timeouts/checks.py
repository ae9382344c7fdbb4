# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the facts of one edge: does every bound on the path let the longest recording of the profile through?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Asker, Finding, Unread
from ..targets import Edge
from . import assemble, fixes, hygiene
from .assemble import Picture
from .catalogue import CATALOGUE
from .ladder import Rung, facts, spoken, tightest

__all__ = ["CATALOGUE", "judge", "ladder_facts"]


def judge(edge: Edge, facts_: Any, upstream: Mapping[str, Any]) -> list[Finding]:
    """A finding for every check. upstream: {"egress", "dns"}, each facts or Unread."""
    picture = assemble.build(edge, facts_, upstream)
    asker = Asker(edge.name, CATALOGUE)
    findings = [
        _bounded(asker, check, picture) for check, declared in CATALOGUE.items() if declared.effect == "truncates"
    ]
    return findings + hygiene.judge(asker, picture)


def ladder_facts(edge: Edge, facts_: Any, upstream: Mapping[str, Any]) -> dict[str, Any]:
    """What later steps read: the ladder, the longest recording that survives it, the proxies that the export uses."""
    picture = assemble.build(edge, facts_, upstream)
    return {**facts(picture.ladder, edge.payload), "proxies": picture.use.to_dict()}


def _bounded(asker: Asker, check: str, picture: Picture) -> Finding:
    """fail where a bound certainly cuts, unknown where one may, pass where none can."""
    ladder, payload = picture.ladder, picture.edge.payload
    rungs = ladder.of(check)
    wanted = payload.longest_minutes
    cutting = [rung for rung in rungs if rung.range(payload)[1] < wanted]
    expected = f"lets recordings of {spoken(wanted)} through"
    if cutting:
        return _cut(asker, check, cutting, picture, expected)
    doubtful = next((rung for rung in rungs if rung.range(payload)[0] < wanted), None)
    gap = next(iter(ladder.gaps.get(check, ())), None) or (doubtful and _doubt(doubtful))
    resource = _resource(rungs, picture)
    if gap:
        return asker.unknown(check, resource, gap, expected=expected, bound=doubtful.bound if doubtful else None)
    if rungs:
        first = tightest(rungs, payload)
        return asker.passed(
            check, resource, f"{_said(first)}: recordings of {spoken(first.range(payload)[1])} get through",
            expected=expected, bound=first.bound, hop=first.bound.hop, evidence=_evidence(rungs),
        )  # fmt: skip
    note = ladder.notes.get(check, "no bound")
    if check in ladder.absent:
        return asker.not_applicable(check, resource, note)
    return asker.passed(check, resource, note, expected=expected)


def _cut(asker: Asker, check: str, cutting: list[Rung], picture: Picture, expected: str) -> Finding:
    ladder, payload = picture.ladder, picture.edge.payload
    worst = tightest(cutting, payload)
    survives = worst.range(payload)[1]
    by_probes = [rung for rung in cutting if rung.bound.reset_by == "packets" and rung.bound.kind == "idle"]
    if by_probes and not (check == "TIMEOUTS-10" and worst.bound.hop == "host_firewall"):
        fix = fixes.for_keepalive(check, cutting, ladder, worst.keepalive, hygiene.sender(picture), payload)
    else:
        short = [rung for rung in ladder.of(check) if rung.range(payload)[0] < payload.longest_minutes]
        fix = fixes.for_bounds(check, [worst, *(rung for rung in short if rung is not worst)], ladder, payload)
    return asker.failed(
        check, worst.path or worst.bound.origin, f"{_said(worst)}: recordings over {spoken(survives)} are cut",
        expected=expected, hop=worst.bound.hop, bound=worst.bound, longest_minutes=round(survives, 2),
        evidence=_evidence(cutting), fix=fix,
    )  # fmt: skip


def _said(rung: Rung) -> str:
    bound = rung.bound
    said = f"{bound.setting} {bound.seconds:g} s ({bound.origin})"
    if bound.reset_by == "packets" and bound.kind == "idle":
        keepalive = rung.keepalive
        probes = f"every {keepalive.seconds:g} s" if keepalive.on and keepalive.seconds else "unknown"
        said += f", keepalive {'off' if keepalive.on is False else probes} ({keepalive.origin})"
    return said


def _evidence(rungs: list[Rung]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"setting": rung.bound.setting, "origin": rung.bound.origin, "kind": rung.bound.kind,
         "seconds": rung.bound.seconds, "written": rung.raw, "source": rung.bound.source}
        for rung in rungs
    )  # fmt: skip


def _doubt(rung: Rung) -> Unread:
    because = rung.uncertain()
    if because is not None:
        return because
    return Unread("error", "judge", rung.bound.origin, f"{rung.bound.setting}: cannot be judged for certain")


def _resource(rungs: list[Rung], picture: Picture) -> str:
    if rungs:
        first = tightest(rungs, picture.edge.payload)
        return first.path or first.bound.origin
    return picture.edge.name
