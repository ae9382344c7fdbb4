# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML: a suite an edge, a case a finding. Pure.

A finding that fails is a failure; one that is unknown, for whatever reason, is an error, since CI systems show skipped
cases as harmless; waived and not applicable ones are skipped, and so is an unknown one that a waiver accepts as such.
Attributes and their order of elements are those that
Jenkins' xUnit plugin accepts (junit-10.xsd).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from datetime import timezone

from .model import Report, Row, count
from .wording import REASON_WORDS, accepted, spaced

# What XML 1.0 cannot hold (section 2.2, production Char).
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> Iterator[str]:
    """The file in pieces."""
    total = _counted(report.rows)
    attributes = "".join(f' {name}="{value}"' for name, value in total.items())
    seconds = max(0.0, (report.finished - report.started).total_seconds())
    yield f"<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"edgepath\" time=\"{seconds:g}\"{attributes}>\n"
    by_edge: dict[str, list[Row]] = {name: [] for name in report.edges}
    for row in report.rows:
        by_edge[row.finding["edge"]].append(row)
    for name, rows in by_edge.items():
        yield ElementTree.tostring(_suite(report, name, rows), encoding="unicode") + "\n"
    yield "</testsuites>\n"


def _suite(report: Report, edge: str, rows: list[Row]) -> ElementTree.Element:
    attributes = {
        "name": _clean(edge),
        **{name: str(value) for name, value in _counted(rows).items()},
        "time": "0",
        "timestamp": report.started.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": _clean(edge),
    }
    suite = ElementTree.Element("testsuite", attributes)
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("verdict", "sentence"):
        value = _clean(str(report.edges[edge][name]))
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    for row in rows:
        _case(suite, row)
    return suite


def _case(suite: ElementTree.Element, row: Row) -> None:
    finding = row.finding
    name = f"{row.id} {row.check['title']} [{finding['resource']}]"
    attributes = {"classname": _clean(f"{finding['edge']}.{finding['hop']}"), "name": _clean(name), "time": "0"}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    observed = _clean(finding["observed"])
    if row.status == "fail":
        result = ElementTree.SubElement(case, "failure", {"message": observed, "type": row.check["severity"]})
        result.text = _clean(_text(row))
    elif row.status == "unknown" and not row.accepted:
        result = ElementTree.SubElement(case, "error", {"message": observed, "type": finding["reason"]})
        result.text = _clean(_text(row))
    elif row.accepted or row.status == "not_applicable":
        ElementTree.SubElement(case, "skipped", {"message": _clean(f"{spaced(row.status)}: {_skipped(row)}")})


def _skipped(row: Row) -> str:
    waiver = row.finding.get("waiver")
    return accepted(waiver) if waiver else str(row.finding["observed"])


def _text(row: Row) -> str:
    lines = [
        f"where: {row.finding['resource']}",
        f"expected: {row.finding['expected']}",
        f"observed: {row.finding['observed']}",
    ]
    if row.status == "unknown":
        lines.append(f"why: {REASON_WORDS[row.finding['reason']]}")
        lines += [f"needs: {', '.join(row.finding['permissions'])}"] if row.finding.get("permissions") else []
    else:
        lines.append(f"cure: {row.cure}")
    lines += [f"waiver: {accepted(row.finding['waiver'])}"] if row.reopened else []
    return "\n".join([*lines, f"source: {row.check['source']}"])


def _counted(rows: Sequence[Row]) -> dict[str, int]:
    of_status = count(rows)
    accepted_unknown = sum(row.accepted for row in rows if row.status == "unknown")
    return {
        "tests": len(rows),
        "failures": of_status["fail"],
        "errors": of_status["unknown"] - accepted_unknown,
        "skipped": of_status["waived"] + of_status["not_applicable"] + accepted_unknown,
    }


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
