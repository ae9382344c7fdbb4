# SPDX-License-Identifier: GPL-3.0-or-later
"""A notice as a person reads it, as text and as HTML without anything from elsewhere. Pure."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ..visible import shown, visible_line

_WIDTH = 78  # RFC 5322, 2.1.1: a line should have no more characters
_COLOURS = {
    "blocked": "#b00020", "truncates": "#b00020", "unreliable": "#8a5300", "unknown": "#5b3a8c", "clear": "#1b6e3c",
}  # fmt: skip
_STYLE = "font-family:system-ui,sans-serif;color:#1a1a1a;background:#ffffff;max-width:46em;line-height:1.4"


def subject(notice: Mapping[str, Any]) -> str:
    """One line, nothing in it but text."""
    line = visible_line(" ".join(f"edgepath: {notice['summary']}".split()))
    return line if len(line) <= 150 else line[:146] + " ..."


def plain(notice: Mapping[str, Any]) -> str:
    """The notice as text of lines of 78 characters."""
    notice = shown(notice, visible_line)
    lines = [*textwrap.wrap(str(notice["summary"]), _WIDTH), ""]
    for title, items in _sections(notice):
        lines += [title, ""]
        for head, details in items:
            lines += textwrap.wrap(head, _WIDTH, initial_indent="  ", subsequent_indent="    ")
            for detail in details:
                lines += textwrap.wrap(detail, _WIDTH, initial_indent="      ", subsequent_indent="      ")
        lines.append("")
    return "\n".join([*lines, *_foot(notice), ""])


def as_html(notice: Mapping[str, Any]) -> str:
    """The notice as an HTML document. What comes from a report is escaped."""
    notice = shown(notice, visible_line)
    title = html.escape(subject(notice))
    parts = [
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>',
        f'<body style="{_STYLE}"><h1 style="font-size:1.2em">{html.escape(str(notice["summary"]))}</h1>',
    ]
    for heading, items in _sections(notice):
        parts.append(f'<h2 style="font-size:1em">{html.escape(heading)}</h2><ul>')
        for head, details in items:
            said = "".join(f"<br>{html.escape(detail)}" for detail in details)
            parts.append(f"<li>{_coloured(head)}{said}</li>")
        parts.append("</ul>")
    foot = "<br>".join(html.escape(line) for line in _foot(notice))
    return "\n".join([*parts, f'<p style="color:#555555">{foot}</p></body></html>', ""])


def _coloured(head: str) -> str:
    word, space, rest = head.partition(" ")
    colour = _COLOURS.get(word.lower())
    said = f'<strong style="color:{colour}">{html.escape(word)}</strong>' if colour else html.escape(word)
    return said + html.escape(space + rest)


def _sections(notice: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    if notice["unknown"]:
        yield "Not known", [(str(notice["unknown"]), [])]
    if notice["verdicts"]:
        yield "Verdicts", [_verdict(item) for item in notice["verdicts"]]
    for word, title in (("new", "New"), ("changed", "Changed"), ("fixed", "Fixed")):
        items = [_finding(item) for item in notice["findings"] if item["change"] == word]
        if items:
            yield title, items
    if notice["waivers"]:
        yield "Waivers", [_waiver(item) for item in notice["waivers"]]


def _verdict(item: Mapping[str, Any]) -> tuple[str, list[str]]:
    before = f"was {item['was']}" if item["was"] else "for the first time"
    return f"{item['now'].upper()} {item['edge']} ({before})", [str(item["sentence"])]


def _finding(item: Mapping[str, Any]) -> tuple[str, list[str]]:
    details = [f"{item['status']}: {item['observed']}"]
    if item["cure"]:
        details.append(f"cure: {item['cure']}")
    return f"{item['edge']} [{item['check']}, {item['severity']}] {item['resource']}", details


def _waiver(item: Mapping[str, Any]) -> tuple[str, list[str]]:
    ends = "ended" if item["state"] == "expired" else "ends"
    return f"{item['check']} {ends} on {item['expires'][:10]}", [f"{item['ticket']}, approved by {item['approver']}"]


def _foot(notice: Mapping[str, Any]) -> list[str]:
    run = notice["run"]
    lines = [f"run {run['id']}, finished {run['finished']}, compared with {run['since'] or 'nothing before it'}"]
    if run["partial"]:
        lines.append("the run is of a part of the inventory")
    if notice["left_out"]:
        lines.append(f"{notice['left_out']} more in the report")
    return [*lines, f"report: {run['report']}"]
