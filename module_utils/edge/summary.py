# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a tired operator reads it in a terminal: a line an edge, then the failing hops in order. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .verdict import VERDICTS

# Select Graphic Rendition codes (ECMA-48). The word itself always stands beside the colour.
_COLOURS = {"blocked": "31;1", "truncates": "31", "unreliable": "33", "unknown": "35", "clear": "32"}
_WIDTH = 118


def lines(report: Mapping[str, Any], colour: bool = False) -> list[str]:
    """The summary of report.json. colour: whether the terminal shows colours."""
    edges = sorted(report["edges"].items(), key=lambda item: (VERDICTS.index(item[1]["verdict"]), item[0]))
    width = max((len(name) for name, _ in edges), default=0)
    text = [f"edgepath: {len(edges)} export path{'' if len(edges) == 1 else 's'} judged", ""]
    for name, edge in edges:
        word = edge["verdict"].upper()
        painted = f"\033[{_COLOURS[edge['verdict']]}m{word:<10}\033[0m" if colour else f"{word:<10}"
        text.append(f"  {painted}  {name:<{width}}  {edge['sentence']}")
    for name, edge in edges:
        text += list(_detail(name, edge, report["checks"]))
    text += ["", *_coverage(report)]
    return text


def _detail(name: str, edge: Mapping[str, Any], checks: Mapping[str, Any]) -> Iterator[str]:
    failing = [finding for finding in edge["findings"] if finding["status"] == "fail"]
    unknown = [finding for finding in edge["findings"] if finding["status"] == "unknown"]
    if not failing and not unknown:
        return
    yield ""
    yield f"{name}: {edge['verdict']}"
    for finding in failing:
        yield f"  {finding['hop'].replace('_', ' ')}: {checks[finding['check']]['title']} [{finding['check']}]"
        yield from _field("where", finding["resource"])
        yield from _field("expected", finding["expected"])
        yield from _field("observed", finding["observed"])
        if finding.get("fix"):
            yield from _field("fix", finding["fix"].get("summary", finding["fix"].get("action", "")))
    yield from _unknowns(unknown)


def _unknowns(unknown: list[Mapping[str, Any]]) -> Iterator[str]:
    """Unknown answers, those of one cause together."""
    by_cause: dict[str, list[str]] = {}
    for finding in unknown:
        by_cause.setdefault(finding["observed"], []).append(finding["check"])
    for cause, ids in by_cause.items():
        yield from _field("unknown", f"{cause} [{', '.join(dict.fromkeys(ids))}]")


def _field(label: str, value: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(str(value), _WIDTH - 14, break_on_hyphens=False) or [""]
    yield f"    {label:<9} {first}"
    for line in rest:
        yield f"    {'':<9} {line}"


def _coverage(report: Mapping[str, Any]) -> Iterator[str]:
    ledger = report["coverage"]
    yield f"coverage: {ledger['judged']} of {ledger['expected']} answers"
    for missing in ledger["missing_permissions"]:
        yield f"  missing {missing['permission']} on {missing['resource']} (for {', '.join(missing['edges'])})"
    if report["run"].get("report"):
        yield f"report: {report['run']['report']}"
