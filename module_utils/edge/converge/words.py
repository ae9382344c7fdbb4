# SPDX-License-Identifier: GPL-3.0-or-later
"""A converge in the terminal: what was planned or done, and each edge before and after. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .model import ObjectChange

Labelled = tuple[str, str]


def outcome(edges: Mapping[str, Mapping[str, Sequence[str]]], check: bool, purpose: str = "converge") -> Iterator[str]:
    """Heading and lines of what converge or rollback did: {edge: {"changed": [...], "held": [...], "lost": [...]}}."""
    count = sum(len(told["changed"]) for told in edges.values())
    what = "1 object" if count == 1 else f"{count} objects"
    done, would = ("put back", "be put back") if purpose == "rollback" else ("changed", "change")
    lost = sum(len(told["lost"]) for told in edges.values())
    not_back = f"; {lost} not put back" if lost else ""
    yield f"edgepath: {what} {f'would {would}; nothing was changed' if check else done}{not_back}"
    for name, told in sorted(edges.items()):
        if any(told.values()):
            yield ""
            yield f"  {name}"
        for label, word in (("changed", "would" if check else done), ("held", "left"), ("lost", "not put back")):
            for line in told[label]:
                yield f"    {word:<12} {line}"


def parted(changes: Iterable[ObjectChange]) -> list[str]:
    """What must be known of files with several names before one of them is changed, a sentence each."""
    return [
        f"{change.ref.name} has {change.before['links']} names (hard links): the change is made under this name alone, "
        "and the others keep the former content"
        for change in changes
        if change.ref.kind == "file" and (change.before or {}).get("links", 1) > 1
    ]


def before_and_after(report: Mapping[str, Any]) -> Iterator[str | Labelled]:
    """Each edge as it was and as it is, the hops that turned, and what was changed: headings, and labelled lines."""
    told = report["converge"]
    yield f"before and after (the converge of run {told['run']})"
    for name, was in sorted(told["edges"].items()):
        now = report["edges"].get(name)
        if now is None:
            continue
        changes = len(was["changes"])
        yield ""
        yield f"  {name}: {changes} object{'' if changes == 1 else 's'} changed"
        yield "before", said(was)
        yield "after", said(now)
        for hop, earlier, later in turned(was["path"], now["path"]):
            yield "hop", f"{hop.replace('_', ' ')}: {earlier} -> {later}"
        for change in was["changes"]:
            yield "changed", f"{change['object']} [{', '.join(change['why'])}]"
        for held in was["held"]:
            yield "left", held


def said(edge: Mapping[str, Any]) -> str:
    longest = edge.get("longest_recording_minutes")
    reach = f"longest recording {longest:g} min; " if longest is not None else ""
    return f"{edge['verdict'].upper()}: {reach}{edge['sentence']}"


def turned(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(hop, before, after) of the hops that are judged otherwise than before, or whose bound is another one."""
    earlier = {hop["hop"]: _stand(hop) for hop in was}
    for hop in now:
        before, after = earlier.get(hop["hop"], "not judged"), _stand(hop)
        if before != after:
            yield str(hop["hop"]), before, after


def _stand(hop: Mapping[str, Any]) -> str:
    bound = hop.get("bound") or {}
    if bound.get("seconds") is None:
        return str(hop["status"])
    return f"{hop['status']} ({bound['kind']} {bound['seconds']:g} s)"
