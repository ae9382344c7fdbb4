# SPDX-License-Identifier: GPL-3.0-or-later
"""SARIF 2.1.0 (OASIS Standard): a rule a check, a result a finding. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from .model import Report, Row, to_json
from .wording import EFFECT_WORDS, REASON_WORDS, accepted

# Section 3.27.9: `open` is a result for which there was not enough information to decide.
_KINDS = {"pass": "pass", "fail": "fail", "unknown": "open", "waived": "fail", "not_applicable": "notApplicable"}
# Section 3.27.10.
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
_BASELINE = {"new": "new", "changed": "updated", "unchanged": "unchanged", "fixed": "updated"}
_NO_RESULTS = '"results":[]'


def write(report: Report) -> Iterator[str]:
    """The file in pieces."""
    rules = {name: number for number, name in enumerate(report.checks)}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{**_run(report), "results": []}],
    }
    # A quotation mark inside a JSON string is escaped, so the text can only be the empty list itself.
    before, after = to_json(document).rsplit(_NO_RESULTS, 1)
    yield f'{before}"results":['
    separator = "\n"
    for row in report.rows:
        yield separator + to_json(_result(row, rules[row.id]))
        separator = ",\n"
    yield f"\n]{after}\n"


def _run(report: Report) -> dict[str, Any]:
    driver = {
        "name": "edgepath",
        "version": report.run["version"],
        "rules": [_rule(name, check) for name, check in report.checks.items()],
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"edgepath/{report.run['id']}"},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {"EDGE": {"description": {"text": "The root directory of the edge's file system"}}},
        "columnKind": "unicodeCodePoints",
        "properties": {
            "verdicts": {name: edge["verdict"] for name, edge in report.edges.items()},
            "answersExpected": report.coverage["expected"],
            "answersJudged": report.coverage["judged"],
        },
    }


def _invocation(report: Report) -> dict[str, Any]:
    missing = [
        {
            "level": "warning",
            "message": {"text": f"missing {item['permission']} on {item['resource']} for {', '.join(item['edges'])}"},
        }
        for item in report.coverage["missing_permissions"]
    ]
    return {
        "executionSuccessful": True,
        "startTimeUtc": _utc(report.started),
        "endTimeUtc": _utc(report.finished),
        "toolExecutionNotifications": missing,
    }


def _rule(name: str, check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": check["title"]},
        "fullDescription": {"text": f"{check['title']}. A fail means: {EFFECT_WORDS[check['effect']]}."},
        "help": {"text": f"{check['remediation']}\nSource: {check['source']}"},
        "defaultConfiguration": {"level": _LEVELS[check["severity"]]},
        "properties": {"severity": check["severity"], "tags": [check["hop"], check["effect"]]},
    }


def _result(row: Row, rule: int) -> dict[str, Any]:
    finding = row.finding
    kind = _KINDS[row.status]
    result: dict[str, Any] = {
        "ruleId": row.id,
        "ruleIndex": rule,
        "kind": kind,
        "level": _LEVELS[row.check["severity"]] if kind == "fail" else "none",
        "message": {"text": _message(row)},
        "locations": [_location(finding)],
        "partialFingerprints": {"edgepath/v1": row.uid},
        "properties": {key: finding[key] for key in _PROPERTIES if finding.get(key)},
    }
    if row.accepted:
        result["suppressions"] = [_suppression(finding.get("waiver") or {})]
    if finding.get("change"):
        result["baselineState"] = _BASELINE[finding["change"]]
    return result


_PROPERTIES = ("edge", "expected", "observed", "reason", "bound", "fix", "share", "longest_minutes", "permissions",
               "evidence", "waiver", "first_seen", "flapping")  # fmt: skip


def _message(row: Row) -> str:
    finding = row.finding
    text = f"{finding['edge']}: {finding['observed'] or row.check['title']}"
    if row.status in ("fail", "waived"):
        text += f". Expected: {finding['expected']}. Cure: {row.cure}"
    if row.status == "unknown":
        text += f" ({REASON_WORDS[finding['reason']]})"
    if row.reopened:
        text += f". The waiver has expired: {accepted(finding['waiver'])}"
    return text


def _location(finding: Mapping[str, Any]) -> dict[str, Any]:
    resource = finding["resource"]
    names = (finding["edge"], finding["hop"], resource)
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": resource, "fullyQualifiedName": "/".join(names), "kind": "resource"},
        ]
    }
    if resource.startswith("/"):
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": quote(resource.lstrip("/"), safe="/"), "uriBaseId": "EDGE"}
        }
        line = next((item["line"] for item in finding.get("evidence") or () if _is_line(item.get("line"))), None)
        if line is not None:
            physical["region"] = {"startLine": line}
        location["physicalLocation"] = physical
    return location


def _is_line(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _suppression(waiver: Mapping[str, Any]) -> dict[str, Any]:
    justification = "; ".join(f"{key}: {waiver[key]}" for key in ("reason", "approver", "ticket", "expires")
                              if waiver.get(key))  # fmt: skip
    return {"kind": "external", "status": "accepted", **({"justification": justification} if justification else {})}


def _utc(value: datetime) -> str:
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
