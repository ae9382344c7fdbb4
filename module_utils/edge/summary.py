# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a tired operator reads it in a terminal: a line an edge, then the failing hops in order. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .converge.words import before_and_after
from .finding import SEVERITIES
from .verdict import VERDICTS
from .visible import MOST_IN_A_TERMINAL, visible_line

# Select Graphic Rendition codes (ECMA-48). The word itself always stands beside the colour.
_COLOURS = {"blocked": "31;1", "truncates": "31", "unreliable": "33", "unknown": "35", "clear": "32"}
_WIDTH = 118
_LONGEST_CAUSE = 240
_MOST_IDS = 6


def lines(report: Mapping[str, Any], colour: bool = False) -> list[str]:
    """The summary of report.json. colour: whether the terminal shows colours.

    What a report quotes comes from outside: each line is made visible before anything is painted.
    """
    verdicts = _verdicts(report)
    text = [visible_line(line) for line in (*(line for line, _ in verdicts), *_rest(report))]
    if colour:
        for number, (_, verdict) in enumerate(verdicts):
            text[number] = _painted(text[number], verdict)
    return text


def _verdicts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The heading and a line an edge, or several; each with the verdict that it begins with, if any."""
    edges = _edges(report)
    names = [visible_line(name) for name, _ in edges]
    width = max(map(len, names), default=0)
    told = [(f"edgepath: {len(edges)} export path{'' if len(edges) == 1 else 's'} judged", ""), ("", "")]
    for name, (_, edge) in zip(names, edges):
        first, *more = _hanging(f"  {edge['verdict'].upper():<10}  {name:<{width}}  ", 16 + width, edge["sentence"])
        told += [(first, edge["verdict"]), *((line, "") for line in more)]
    return told


def _painted(line: str, verdict: str) -> str:
    word = f"{verdict.upper():<10}"
    return line.replace(word, f"\033[{_COLOURS[verdict]}m{word}\033[0m", 1) if verdict else line


def _edges(report: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The edges, worst first."""
    return sorted(report["edges"].items(), key=lambda item: (VERDICTS.index(item[1]["verdict"]), item[0]))


def _rest(report: Mapping[str, Any]) -> list[str]:
    text: list[str] = []
    for name, edge in _edges(report):
        text += list(_detail(name, edge, report["checks"]))
    text += ["", *_coverage(report), *_waivers(report), *_changes(report)]
    if "converge" in report:
        text.append("")
        for line in before_and_after(report):
            text += [line] if isinstance(line, str) else list(_field(*line))
    return text


def _detail(name: str, edge: Mapping[str, Any], checks: Mapping[str, Any]) -> Iterator[str]:
    failing = [finding for finding in edge["findings"] if finding["status"] == "fail"]
    unknown = [finding for finding in edge["findings"] if finding["status"] == "unknown"]
    if not failing and not unknown:
        return
    deciding = [finding for finding in failing if checks[finding["check"]]["effect"] != "none"]
    beside = [finding for finding in failing if checks[finding["check"]]["effect"] == "none"]
    yield ""
    yield f"{name}: {edge['verdict']}"
    for finding in deciding:
        yield f"  {_hop(finding)} [{finding['check']}, {checks[finding['check']]['severity']}]"
        yield from _field("where", finding["resource"])
        yield from _field("expected", finding["expected"])
        yield from _field("observed", finding["observed"])
        if finding.get("waiver"):
            yield from _field("waiver", f"{finding['waiver']['ticket']} expired after {finding['waiver']['expires']}")
        yield from _field("fix", _fix(finding) or finding.get("message") or checks[finding["check"]]["remediation"])
    if unknown:
        yield "  1 answer is unknown" if len(unknown) == 1 else f"  {len(unknown)} answers are unknown"
        yield from _unknowns(unknown)
    if beside:
        yield "  wrong as well, though it stops no transfer"
        for finding in sorted(beside, key=lambda item: -SEVERITIES.index(checks[item["check"]]["severity"])):
            yield from _beside(finding, checks[finding["check"]])


def _beside(finding: Mapping[str, Any], check: Mapping[str, Any]) -> Iterator[str]:
    """What does not decide the verdict: in brief, with where to read on."""
    yield from _field(check["severity"], f"{_hop(finding)} [{finding['check']}]: {finding['observed']}")
    if _fix(finding):
        yield from _field("", f"fix: {_fix(finding)}")


def _hop(finding: Mapping[str, Any]) -> str:
    return str(finding["hop"]).replace("_", " ")


def _fix(finding: Mapping[str, Any]) -> str:
    fix = finding.get("fix") or {}
    return str(fix.get("summary", fix.get("action", "")))


def _unknowns(unknown: list[Mapping[str, Any]]) -> Iterator[str]:
    """Unknown answers, those of one cause together: the permissions that were missing, else what was said."""
    by_cause: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for finding in unknown:
        by_cause.setdefault(tuple(finding["permissions"]) or (finding["observed"],), []).append(finding)
    for findings in sorted(by_cause.values(), key=len, reverse=True):
        hops = ", ".join(dict.fromkeys(_hop(finding) for finding in findings))
        said = min((str(finding["observed"]) for finding in findings), key=len)
        yield from _field("unknown", f"{hops}: {_short(said)} [{_some(findings)}]")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE].rsplit(' ', 1)[0]} ..."


def _some(findings: list[Mapping[str, Any]]) -> str:
    """The first ids; the report has them all."""
    ids = list(dict.fromkeys(str(finding["check"]) for finding in findings))
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return ", ".join(ids[:_MOST_IDS]) + more


def _waivers(report: Mapping[str, Any]) -> Iterator[str]:
    for waiver in report.get("waivers") or ():
        if waiver["findings"] and waiver["state"] == "active":
            accepted = f"{waiver['findings']} finding{'' if waiver['findings'] == 1 else 's'} accepted"
            yield f"waiver {waiver['ticket']}: {accepted}, {waiver['check']}, until {waiver['expires']}"


def _changes(report: Mapping[str, Any]) -> Iterator[str]:
    """What changed since the run before, where a history is kept and there was one."""
    history = report.get("history") or {}
    if not history.get("since"):
        return
    words = [finding.get("change") for edge in report["edges"].values() for finding in edge["findings"]]
    counted = {word: words.count(word) for word in ("new", "fixed", "changed", "unchanged")}
    counted["fixed"] += len(history["gone"])
    yield f"since {history['since']}: {', '.join(f'{number} {word}' for word, number in counted.items())}"


def _field(label: str, value: str) -> Iterator[str]:
    first, *rest = _wrapped(value, _WIDTH - 14)
    yield f"    {label:<9} {first}"
    for line in rest:
        yield f"    {'':<9} {line}"


def _hanging(first: str, indent: int, text: str) -> list[str]:
    lines_of = _wrapped(text, max(40, _WIDTH - indent))
    return [first + lines_of[0], *(" " * indent + line for line in lines_of[1:])]


def _wrapped(value: Any, width: int) -> list[str]:
    """At most a screenful, and visible before it is broken: white space of any kind is one space."""
    told = visible_line(" ".join(str(value).split()), MOST_IN_A_TERMINAL)
    return textwrap.wrap(told, width, break_on_hyphens=False) or [""]


def _coverage(report: Mapping[str, Any]) -> Iterator[str]:
    ledger = report["coverage"]
    yield f"coverage: {ledger['judged']} of {ledger['expected']} answers"
    for missing in ledger["missing_permissions"]:
        yield f"  missing {missing['permission']} on {missing['resource']} (for {', '.join(missing['edges'])})"
    for ready in ledger.get("missing_policies", ()):
        yield f"  what {ready['reader']} lacks is ready to paste: report.json, coverage.missing_policies"
    yield from _scope(report["run"].get("scope") or {})
    if report["run"].get("report"):
        yield f"report: {report['run']['report']}"


def _scope(scope: Mapping[str, Any]) -> Iterator[str]:
    """That a run is of a part alone: its report replaces no fuller one."""
    if scope.get("partial"):
        steps = f", without {', '.join(scope['steps_left_out'])}" if scope["steps_left_out"] else ""
        share = f"{scope['edges']} of {scope['inventory']} edges{steps}"
        yield f"partial run: {share}; it takes runs/latest from no fuller run"
