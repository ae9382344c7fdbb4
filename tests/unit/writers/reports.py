# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for the tests of the writers: made by the project's own build(), with every status and optional part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.finding import Bound, Check, Finding, catalogue
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.report import Gate, build
from ansible.module_utils.edge.writers.as_html import Parts
from ansible.module_utils.edge.writers.model import Report, parse

TEMPLATES = Path(__file__).resolve().parents[3] / "roles" / "edge_report" / "templates"
PLAYBOOKS = ["audit.yml", "converge.yml", "rollback.yml"]

# Ends every context that text could stand in: elements, attributes, comments, script, JSON, CDATA, SVG; then a control
# character, a line end that only JavaScript knows, and a mark that turns the direction of writing.
HOSTILE = (
    "</script></style></title></pre><script>window.broken = 1</script><!--<script>"
    "<img src=x onerror=\"window.broken = 1\">' onfocus='window.broken = 1' ]]>{{ 7 * 7 }}&lt;\\u003c\x01\u2028\u202e"
)

CHECKS = catalogue(
    [
        Check("EGRESS-20", "the security groups let through", "critical", "security_group", "blocks", "Add a rule.",
              "Amazon VPC User Guide, Security group rules"),
        Check("TIMEOUTS-04", "Squid waits long enough", "high", "proxy", "truncates", "Raise read_timeout.", "Squid"),
        Check("EGRESS-21", "every address is let through", "high", "security_group", "partial", "Add a rule.", "EC2"),
        Check("BUCKET-05", "Versioning is enabled", "medium", "bucket", "none", "Enable it.", "Amazon S3 User Guide"),
        Check("BUCKET-07", "Object lock is enabled", "low", "bucket", "none", "Enable it.", "Amazon S3 User Guide"),
        Check("DNS-01", "The resolver answers", "info", "name", "blocks", "Cure the resolver.", "RFC 1035"),
        Check("IAM-01", "The export may write", "critical", "identity_policy", "blocks", "Allow s3:PutObject.", "IAM"),
    ]
)  # fmt: skip

WAIVER = {
    "check": "BUCKET-07",
    "scope": "london",
    "reason": "the retention project ends in March",
    "approver": "A. Auditor",
    "ticket": "SEC-1042",
    "expires": "2026-12-02",
}


def findings(edge: str) -> list[Finding]:
    """One finding of each status, and one that is a bound."""
    bound = Bound("idle", "proxy", "read_timeout", "default of Squid", seconds=900.0, source="Squid src/cf.data.pre")
    rate = Bound("rate", "export", "AWS_MIN_RATE", "/etc/export.conf:3", bytes_per_second=1024.0)
    calm = Bound("idle", "name", "max_idle", "/etc/export.conf:9", seconds=432000.0, reset_by="packets")
    return [
        Finding(
            "TIMEOUTS-04", "fail", edge, "proxy", "/etc/squid/squid.conf", "lets 240 min through",
            "read_timeout 900 s: recordings over 45 min are cut", bound=bound, longest_minutes=45.0,
            evidence=({"operation": "read", "file": "/etc/squid/squid.conf", "line": 12},),
            fix={"action": "set", "summary": "set read_timeout to 100 minutes"},
        ),
        Finding("EGRESS-20", "pass", edge, "security_group", "sg-1", "let through", "every address is let through",
                evidence=({"operation": "ec2:DescribeSecurityGroupRules", "request_id": "r-1"},)),
        Finding("EGRESS-21", "fail", edge, "security_group", "sg-1", CHECKS["EGRESS-21"].title, "2 of 8 do not",
                share=0.25),
        Finding("BUCKET-05", "not_applicable", edge, "bucket", "arn:aws:s3:::b", "enabled", "not versioned storage"),
        Finding("BUCKET-07", "waived", edge, "bucket", "arn:aws:s3:::b", "enabled", "not enabled"),
        Finding("DNS-01", "pass", edge, "name", "resolver", "answers", "answers", bound=calm),
        Finding("DNS-01", "pass", edge, "name", "other resolver", "answers", "answers", bound=rate),
        Finding("IAM-01", "unknown", edge, "identity_policy", "arn:aws:iam::1:role/edge", "allowed",
                "cannot read the role: AccessDenied", reason="denied", permissions=("iam:GetRole",),
                evidence=({"operation": "iam:GetRole", "resource": "arn:aws:iam::1:role/edge", "state": "denied"},)),
    ]  # fmt: skip


def raw(*edges: str, rich: bool = False) -> dict[str, Any]:
    """report.json as edge_report writes it. rich: with waivers, history, payload and a timing."""
    names = edges or ("london", "patchy")
    run = {
        "id": "20261123T031500Z-5f0c1d",
        "started": "2026-11-23T03:15:00+00:00",
        "finished": "2026-11-23T03:15:42+00:00",
        "version": "0.1.0",
        "commit": None,
        "caller": "arn:aws:iam::1:role/auditor",
        "inputs_sha256": "0" * 64,
    }
    report = build(run, {name: findings(name) for name in names}, {name: Payload() for name in names}, CHECKS, Gate())
    report = json.loads(json.dumps(report))
    if rich:
        enrich(report)
    return report


def enrich(report: dict[str, Any]) -> None:
    report["waivers"] = [
        dict(WAIVER),
        {**WAIVER, "check": "BUCKET-05", "expires": "2026-11-01"},
        {**WAIVER, "scope": {"edges": ["london-*", "paris"], "resource": "arn:*"}, "timezone": "Europe/London",
         "state": "unmatched", "days_left": 300, "expires": "2027-09-30", "ending": False},
    ]  # fmt: skip
    trend = [{"started": f"2026-11-{day:02}", "fail": 30 - day, "unknown": day % 4} for day in range(1, 23)]
    gone = {"edge": "london", "check": "EGRESS-20", "resource": "sg-gone", "was": "fail", "first_seen": "2026-11-02"}
    words = ["clear"] * 4 + ["unreliable"] + ["truncates"] * 15
    report["history"] = {
        "since": "20261122T031500Z-000000",
        "trend": trend,
        "gone": [gone],
        "edges": {
            name: {"verdicts": [[f"2026-11-{day:02}T03:15:00+00:00", word] for day, word in enumerate(words, 1)]}
            for name in report["edges"]
        },
    }
    for edge in report["edges"].values():
        edge["payload"] = {"longest_minutes": 240.0, "transfer_seconds": 4800.0}
        edge["path"][0]["timing"] = {"seconds": 0.25}
        for finding, change in zip(edge["findings"], ("new", "changed", "unchanged", "fixed") * 2):
            finding["change"] = change
            if finding["status"] in ("fail", "waived", "unknown"):
                finding["first_seen"] = "2026-11-05T03:15:00+00:00"
            if finding["check"] == "EGRESS-21":
                finding["flapping"] = 5
                finding["waiver"] = {**WAIVER, "expires": "2026-11-01", "state": "expired"}
            if finding["status"] == "waived":
                finding["waiver"] = dict(WAIVER)


def hostile() -> dict[str, Any]:
    """A report in which every text that comes from outside is HOSTILE, in the name of the edge too."""
    report = raw(f"edge {HOSTILE}", rich=True)
    (edge,) = report["edges"].values()
    edge["sentence"] = HOSTILE
    edge["failed_because"] = [HOSTILE]
    for finding in edge["findings"]:
        finding.update(resource=f"/{HOSTILE}", expected=HOSTILE, observed=HOSTILE)
        finding["evidence"] = [{"operation": HOSTILE, HOSTILE: HOSTILE}]
        if "fix" in finding:
            finding["fix"] = {"summary": HOSTILE, "action": HOSTILE}
        if "bound" in finding:
            finding["bound"].update(setting=HOSTILE, origin=HOSTILE, source=HOSTILE)
    for check in report["checks"].values():
        check.update(title=HOSTILE, remediation=HOSTILE, source=HOSTILE)
    report["history"]["gone"][0].update(edge=HOSTILE, check=HOSTILE, resource=HOSTILE)
    report["history"]["since"] = HOSTILE
    for waiver in report["waivers"]:
        waiver.update(reason=HOSTILE, approver=HOSTILE, ticket=HOSTILE, scope=HOSTILE)
    report["run"].update(caller=HOSTILE, commit=HOSTILE)
    report["coverage"]["missing_permissions"] = [{"permission": HOSTILE, "resource": HOSTILE, "edges": [HOSTILE]}]
    return report


def many(number: int, per_edge: int = 8) -> dict[str, Any]:
    """A report of this many findings, as they are in a fleet: texts much alike, resources of their own."""
    names = [f"edge-{place:05}" for place in range(-(-number // per_edge))]
    report = raw(*names)
    left = number
    for name, edge in report["edges"].items():
        few, wanted = edge["findings"], min(per_edge, left)
        edge["findings"] = [
            {**few[place % len(few)], "resource": f"{few[place % len(few)]['resource']}.{place // len(few)} of {name}"}
            for place in range(wanted)
        ]
        left -= wanted
    return report


def parsed(data: dict[str, Any]) -> Report:
    return parse(data, "report.json")


def parts() -> Parts:
    return Parts(
        *((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.html.j2", "report.css", "report.js"))
    )
