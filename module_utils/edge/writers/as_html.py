# SPDX-License-Identifier: GPL-3.0-or-later
"""The report that a person opens: one HTML file that loads nothing and runs no script but its own. Pure.

The template says what is shown; the pictures' geometry comes from picture.py; the findings travel as a JSON block that
the page's script shows in portions, so that a report of 100,000 findings opens as fast as one of a hundred.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError
from markupsafe import Markup

from ..converge.words import turned
from ..finding import EdgepathError
from ..verdict import VERDICTS
from . import page_past, picture, witnesses
from .model import Report, Row, count, days_left, to_json
from .page_data import data
from .wording import EFFECT_WORDS, REASON_WORDS, STATUS_WORDS, commands, playing, plural, policy, spaced

# How many edges are drawn, how many of them stand open when the page opens, and how many causes an edge shows before
# the list of findings. A browser opens a page of a thousand drawn paths in seconds; of ten thousand, in minutes.
_DRAWN_EDGES = 1000
_OPEN_EDGES = 3
_CAUSES = 6


@dataclass(frozen=True)
class Parts:
    """The files that the page is made of. template: Jinja; style: CSS; script: JavaScript."""

    template: str
    style: str
    script: str


def write(report: Report, parts: Parts, playbooks: Collection[str], inventory: Sequence[str] = ()) -> Iterator[str]:
    """The file in pieces. playbooks: those of which the report may show commands; inventory: that of the run."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["spaced"] = spaced
    style, script = parts.style.replace("\r\n", "\n"), parts.script.replace("\r\n", "\n")
    if "</style" in style.lower() or "</script" in script.lower():
        raise EdgepathError("the report's style or script holds its own end tag")
    try:
        yield from environment.from_string(parts.template).generate(
            **content(report, playbooks, inventory),
            style=Markup(style),
            script=Markup(script),
            csp=content_security_policy(style, script),
            data=Markup(data(report, playbooks, inventory)),
        )
    except TemplateError as error:
        raise EdgepathError(f"the report's template cannot be rendered: {error}") from None


def content_security_policy(style: str, script: str) -> str:
    """Nothing is loaded, nothing runs but these two, and no text becomes markup (CSP Level 3, Trusted Types)."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def content(report: Report, playbooks: Collection[str], inventory: Sequence[str] = ()) -> dict[str, Any]:
    """What the template shows."""
    by_edge: dict[str, list[Row]] = {name: [] for name in report.edges}
    for row in report.rows:
        by_edge[row.finding["edge"]].append(row)
    counts = report.counts()
    allow = policy(report.coverage["missing_permissions"])
    edges = [_line(number, name, report.edges[name], rows) for number, (name, rows) in enumerate(by_edge.items())]
    return {
        "title": f"edgepath: {plural(len(report.edges), 'export path')}, {report.finished:%Y-%m-%d %H:%M} UTC",
        "headline": headline(report),
        "summary": summary(report, counts),
        "run": report.run,
        "finished": report.finished,
        "counts": counts,
        "coverage": report.coverage,
        "bar": picture.bar(counts),
        "policy": to_json(allow, indent=2) if allow else "",
        "edges": edges,
        "drawn": [_drawn(line, report, by_edge[line["name"]], playbooks, inventory) for line in edges[:_DRAWN_EDGES]],
        "words": STATUS_WORDS,
        "waivers": [page_past.waiver(each, report.finished.date()) for each in report.waivers],
        "history": page_past.history(report),
        "converged": _converged(report),
        "rollback": playing("rollback.yml", inventory),
    }


def _converged(report: Report) -> dict[str, Any] | None:
    """What a converge made of the edges, where the audit follows one."""
    if report.converge is None:
        return None
    told = report.converge["edges"]
    edges = [
        {
            "name": name,
            "was": told[name],
            "now": now,
            "turned": list(turned(told[name]["path"], now["path"])),
        }
        for name, now in report.edges.items()
        if name in told
    ]
    return {"run": report.converge["run"], "edges": edges}


def headline(report: Report) -> str:
    """The answer in one line: the verdict of a single edge, or how many edges have which."""
    if len(report.edges) == 1:
        ((name, edge),) = report.edges.items()
        return f"Export path of {name}: {edge['sentence']}"
    words = [edge["verdict"] for edge in report.edges.values()]
    parts = [f"{words.count(word)} {word}" for word in VERDICTS if word in words]
    return f"{plural(len(words), 'export path')}: {', '.join(parts) or 'nothing was judged'}"


def summary(report: Report, counts: Mapping[str, int]) -> str:
    """The counts behind the verdict, and the waiver that ends first."""
    parts = [f"{counts['fail']:,} fail", f"{counts['unknown']:,} unknown"]
    if counts["waived"]:
        parts.append(f"{counts['waived']:,} waived")
    left = [days_left(waiver, report.finished.date()) for waiver in report.waivers]
    coming = sorted(days for days in left if days is not None and days >= 0)
    if coming:
        parts.append(f"the first waiver ends in {plural(coming[0], 'day')}")
    expired = sum(1 for days in left if days is not None and days < 0)
    if expired:
        parts.append(f"{plural(expired, 'waiver')} expired")
    return ", ".join(parts)


def _line(number: int, name: str, edge: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """An edge as it stands in the table of all."""
    return {
        "number": number,
        "name": name,
        "verdict": edge["verdict"],
        "sentence": edge["sentence"],
        "failed": bool(edge.get("failed")),
        "counts": count(rows),
    }


def _drawn(
    line: Mapping[str, Any],
    report: Report,
    rows: Sequence[Row],
    playbooks: Collection[str],
    inventory: Sequence[str],
) -> dict[str, Any]:
    """An edge with its pictures, causes and commands."""
    edge = report.edges[line["name"]]
    failing = [row for row in rows if row.status in ("fail", "waived")]
    return {
        **line,
        "open": line["number"] < _OPEN_EDGES and edge["verdict"] != "clear",
        "failed_because": edge.get("failed_because") or [],
        "path": picture.path(edge["path"]),
        "ladder": picture.ladder([row.finding for row in rows], edge.get("payload")),
        "causes": [_cause(row) for row in _ranked(failing, edge)[:_CAUSES]],
        "more": max(0, len(failing) - _CAUSES),
        "unknowns": _unknowns(rows),
        "past": picture.past(_verdicts(report, line["name"])),
        "culprits": witnesses.culprits(edge),
        "probe": witnesses.probe(edge),
        "commands": commands(
            line["name"], playbooks if any(row.finding.get("fix") for row in failing) else ["audit.yml"], inventory
        ),
    }


def _ranked(rows: Sequence[Row], edge: Mapping[str, Any]) -> list[Row]:
    """Failing findings: those that the verdict names first, in its order."""
    order = [cause["check"] for cause in edge.get("causes") or ()]
    return sorted(rows, key=lambda row: order.index(row.id) if row.id in order else len(order))


def _cause(row: Row) -> dict[str, Any]:
    return {
        "status": row.status,
        "id": row.id,
        "title": row.check["title"],
        "severity": row.check["severity"],
        "effect": EFFECT_WORDS[row.check["effect"]],
        "resource": row.finding["resource"],
        "observed": row.finding["observed"],
        "cure": row.cure,
    }


def _unknowns(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Unknown answers, those of one cause together: one denied call may leave twenty checks without an answer."""
    causes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.status == "unknown":
            causes.setdefault((row.finding["observed"], row.finding["reason"]), []).append(row.id)
    return [
        {"observed": observed, "why": REASON_WORDS[reason], "checks": list(dict.fromkeys(ids))}
        for (observed, reason), ids in causes.items()
    ]


def _verdicts(report: Report, edge: str) -> Sequence[Sequence[str]]:
    of_edges = (report.history or {}).get("edges") or {}
    return (of_edges.get(edge) or {}).get("verdicts") or ()
