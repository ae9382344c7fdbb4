# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary as HTML and as PDF.

PDF by fpdf2: pure Python with three small dependencies; weasyprint would need Pango on the controller.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Any

from ..visible import shown, visible
from .summary import Section

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { border: 1px solid #999; padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #eee; }
@media print {
  body { margin: 0; max-width: none; font-size: 9pt; }
  thead { display: table-header-group; } tr { break-inside: avoid; } h2 { break-after: avoid; }
  @page { size: A4 landscape; margin: 15mm; }
}
"""


def html(title: str, parts: Sequence[Section]) -> bytes:
    """One file without scripts and without anything from elsewhere; the policy in it says so to the browser."""
    title, parts = visible(title), [_seen(part) for part in parts]
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = "".join(_section(part, first=index == 0) for index, part in enumerate(parts))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    ).encode("utf-8", "backslashreplace")


def _seen(part: Section) -> Section:
    """Keys of objects, and what audio files say of themselves, come from outside: as they may be shown."""
    told = {name: shown(getattr(part, name)) for name in ("title", "text", "head", "rows")}
    return replace(part, **told)


def _section(part: Section, first: bool) -> str:
    level = "h1" if first else "h2"
    text = f"<{level}>{escape(part.title)}</{level}>\n"
    text += "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in part.text)
    if not part.rows:
        return text
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in part.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in part.rows)
    headed = f"<thead><tr>{head}</tr></thead>\n" if any(part.head) else ""
    return f"{text}<table>\n{headed}<tbody>\n{rows}</tbody>\n</table>\n"


def pdf(title: str, parts: Sequence[Section], made: datetime) -> bytes | None:
    """The same as a PDF; None where fpdf2 is not installed. Letters that the standard fonts lack are escaped."""
    if importlib.util.find_spec("fpdf") is None:
        return None
    fpdf = importlib.import_module("fpdf")
    title, parts = visible(title), [_seen(part) for part in parts]
    paper = fpdf.FPDF(orientation="landscape", format="A4")
    paper.set_creation_date(made)
    paper.set_title(_latin(title))
    paper.set_auto_page_break(True, margin=15)
    paper.add_page()
    for index, part in enumerate(parts):
        paper.set_font("Helvetica", "B", 16 if index == 0 else 12)
        paper.multi_cell(0, 8, _latin(part.title), new_x="LMARGIN", new_y="NEXT")
        paper.set_font("Helvetica", "", 9)
        for paragraph in part.text:
            paper.multi_cell(0, 5, _latin(paragraph), new_x="LMARGIN", new_y="NEXT")
            paper.ln(1)
        if part.rows:
            _table(paper, part)
        paper.ln(3)
    return bytes(paper.output())


def _table(paper: Any, part: Section) -> None:
    paper.set_font("Helvetica", "", 7)
    headed = any(part.head)
    with paper.table(
        col_widths=tuple(part.widths), line_height=4, text_align="LEFT", wrapmode="CHAR", first_row_as_headings=headed
    ) as table:
        for cells in [part.head, *part.rows] if headed else part.rows:
            row = table.row()
            for cell in cells:
                row.cell(_latin(cell))


def _latin(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("latin-1")
