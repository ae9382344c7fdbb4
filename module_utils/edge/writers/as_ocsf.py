# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSF 1.5 Compliance Findings (class 2003), a JSON array of one event a finding. Pure.

Numbers are those of the OCSF schema, class compliance_finding and object compliance. What has no place there stands
under `unmapped`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .model import Report, Row, to_json
from .wording import spaced

_CLASS = 2003
_SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_SEVERITY_NAMES = {0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
# compliance.status_id. A waived finding still fails; that it is accepted is the event's own status.
_COMPLIANCE = {"pass": 1, "fail": 3, "waived": 3, "unknown": 0, "not_applicable": 99}
_COMPLIANCE_NAMES = {0: "Unknown", 1: "Pass", 3: "Fail", 99: "Not Applicable"}
_NEW, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_ACTIVITIES = {"new": _CREATE, "changed": _UPDATE, "unchanged": _UPDATE, "fixed": _CLOSE}
_UNMAPPED = ("edge", "hop", "reason", "bound", "fix", "share", "longest_minutes", "permissions", "waiver", "change")


def write(report: Report) -> Iterator[str]:
    """The file in pieces."""
    yield "["
    separator = "\n"
    for row in report.rows:
        yield separator + to_json(_event(report, row))
        separator = ",\n"
    yield "\n]\n"


def _event(report: Report, row: Row) -> dict[str, Any]:
    finding, check = row.finding, row.check
    activity, activity_name = _ACTIVITIES.get(finding.get("change", "new"), _CREATE)
    status, status_name = _state(row)
    time = _milliseconds(report)
    event = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Compliance Finding",
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Compliance Finding: {activity_name}",
        "time": time,
        "severity_id": _SEVERITIES[check["severity"]],
        "severity": _SEVERITY_NAMES[_SEVERITIES[check["severity"]]],
        "status_id": status,
        "status": status_name,
        "status_code": finding.get("reason") or row.status,
        "status_detail": finding["observed"],
        "message": f"{finding['edge']}: {finding['observed'] or check['title']}",
        "metadata": _metadata(report, row),
        "compliance": _compliance(row),
        "finding_info": {
            "uid": row.uid,
            "title": check["title"],
            "desc": finding["expected"],
            "created_time": time,
            "types": [row.id],
        },
        "resources": [{"uid": finding["resource"], "name": finding["resource"], "type": spaced(finding["hop"])}],
        "remediation": {"desc": row.cure, "references": [check["source"]]},
        "unmapped": {"effect": check["effect"], **{key: finding[key] for key in _UNMAPPED if finding.get(key)}},
    }
    evidence = [_evidence(item) for item in finding.get("evidence") or () if item]
    return {**event, "evidences": evidence} if evidence else event


def _state(row: Row) -> tuple[int, str]:
    if row.accepted:
        return _SUPPRESSED
    return _RESOLVED if row.finding.get("change") == "fixed" else _NEW


def _metadata(report: Report, row: Row) -> dict[str, Any]:
    product = {"name": "edgepath", "vendor_name": "edgepath", "version": report.run["version"]}
    return {"version": "1.5.0", "product": product, "correlation_uid": report.run["id"], "event_code": row.id}


def _compliance(row: Row) -> dict[str, Any]:
    status = _COMPLIANCE[row.status]
    check = {
        "uid": row.id,
        "name": row.check["title"],
        "status_id": status,
        "status": _COMPLIANCE_NAMES[status],
        "severity_id": _SEVERITIES[row.check["severity"]],
    }
    return {
        "control": row.id,
        "desc": row.check["title"],
        "standards": ["edgepath"],
        "status_id": status,
        "checks": [check],
    }


def _evidence(item: Mapping[str, Any]) -> dict[str, Any]:
    """An API call as such, with its request id where that is known; all of it as data."""
    shown: dict[str, Any] = {"data": dict(item)}
    operation = item.get("operation")
    if isinstance(operation, str) and ":" in operation:
        shown["api"] = {"operation": operation}
        if item.get("request_id"):
            shown["api"]["request"] = {"uid": str(item["request_id"])}
    return shown


def _milliseconds(report: Report) -> int:
    return int(report.finished.timestamp() * 1000)
