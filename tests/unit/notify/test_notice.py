# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth telling: a table of what was and is, and nothing where nothing changed."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

import pytest
from ansible.module_utils.edge.notify import text
from ansible.module_utils.edge.notify.mail import Mail
from ansible.module_utils.edge.notify.notice import KINDS, MOST_FINDINGS, notice
from ansible.module_utils.edge.notify.sign import by_secret
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.writers.model import parse
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.history import made

WAIVER = {"check": "X-1", "scope": {"hosts": "all"}, "reason": "r", "approver": "ann", "ticket": "T-1",
          "expires": "2026-11-12", "state": "active"}  # fmt: skip


def report(
    findings: list[tuple[str, str, str | None]], verdicts: dict[str, list[str]] | None = None, **further: Any
) -> Any:
    """Of london. findings: (check, status, change).  verdicts: those of the runs of each edge, the newest last."""
    data = made.raw(1, {"london": [(check, "a", status) for check, status, _ in findings]})
    for finding, (_, _, change) in zip(data["edges"]["london"]["findings"], findings, strict=True):
        if change:
            finding["change"] = change
    now = data["edges"]["london"]["verdict"]
    lines = verdicts or {"london": [now, now]}
    data["history"] = {"since": "run-0000", "trend": [], "gone": [],
                       "edges": {edge: {"verdicts": [["2026", word] for word in said]}
                                 for edge, said in lines.items()}}  # fmt: skip
    data.update(further)
    return parse(data, "report.json")


def told(made_report: Any, on: Any = KINDS, severity: str = "info", days: int = 0, before: Any = ()) -> Any:
    return notice(made_report, on, severity, days, before)


@pytest.mark.parametrize(
    ("findings", "verdicts", "summary"),
    [
        ([("X-1", "fail", "unchanged")], ["blocked", "blocked"], None),
        ([("X-1", "pass", None)], ["clear", "clear"], None),
        ([("X-1", "fail", "new")], ["blocked", "blocked"], "1 finding new"),
        ([("X-1", "fail", "new")], ["clear", "blocked"], "london is blocked, was clear; 1 finding new"),
        ([("X-1", "fail", "unchanged")], ["clear", "blocked"], "london is blocked, was clear"),
        ([("X-1", "pass", "fixed"), ("X-2", "unknown", "changed")], ["unknown", "unknown"],
         "1 finding changed; 1 finding fixed"),
        ([("X-1", "fail", None)], ["blocked"], "1 edge judged for the first time"),
        # It was blocked long ago: what counts is the run before.
        ([("X-1", "fail", "unchanged")], ["clear", "blocked", "blocked"], None),
    ],
)  # fmt: skip
def test_what_changed_is_told(findings: Any, verdicts: list[str], summary: str | None) -> None:
    found = told(report(findings, {"london": verdicts}))
    assert (found and found["summary"]) == summary


@pytest.mark.parametrize("kind", ["new", "changed", "fixed"])
def test_each_kind_can_be_left_out(kind: str) -> None:
    status = "pass" if kind == "fixed" else "fail"
    given_report = report([("X-1", status, kind)])
    assert told(given_report)["counts"][kind] == 1
    assert told(given_report, on=[each for each in KINDS if each != kind]) is None


def test_the_severity_bounds_findings_and_no_verdicts() -> None:
    assert told(report([("X-1", "fail", "new")]), severity="critical") is None
    found = told(report([("X-1", "fail", "new")], {"london": ["clear", "blocked"]}), severity="critical")
    assert (found["findings"], len(found["verdicts"])) == ([], 1)


def test_what_is_gone_is_fixed() -> None:
    data = report([("X-1", "pass", None)])
    data.history["gone"].append({"edge": "london", "check": "X-2", "resource": "b", "was": "fail", "observed": "x"})
    found = told(data)
    assert [(item["change"], item["check"], item["status"]) for item in found["findings"]] == [("fixed", "X-2", "gone")]


def test_without_a_history_somebody_is_told_that_nobody_knows() -> None:
    found = told(report([("X-1", "fail", None)], history=None))
    assert "nobody knows what changed" in found["summary"]


@pytest.mark.parametrize(
    ("waiver", "days", "is_told"),
    [
        ({}, 0, False),
        ({}, 9, False),   # the run is of 2026-11-02
        ({}, 10, True),
        ({"state": "expired", "expires": "2026-10-01"}, 1, True),
        ({"state": "unneeded"}, 30, False),
    ],
)  # fmt: skip
def test_a_waiver_is_told_of_once_before_it_ends(waiver: dict[str, str], days: int, is_told: bool) -> None:
    data = report([("X-1", "pass", None)], waivers=[{**WAIVER, **waiver}])
    found = told(data, days=days)
    assert (found is not None) == is_told
    if found:
        assert told(data, days=days, before=[found["waivers"][0]["key"]]) is None


def test_a_waiver_that_ended_since_is_told_of_anew() -> None:
    first = told(report([("X-1", "pass", None)], waivers=[WAIVER]), days=14)
    ended = report([("X-1", "pass", None)], waivers=[{**WAIVER, "state": "expired"}])
    assert told(ended, days=14, before=[first["waivers"][0]["key"]])["waivers"][0]["state"] == "expired"


def test_a_notice_of_many_changes_stays_small() -> None:
    data = made.raw(1, {"london": [("X-1", f"r{number}", "fail", "y" * 9000) for number in range(500)]})
    for finding in data["edges"]["london"]["findings"]:
        finding["change"] = "new"
    data["history"] = {"since": "x", "trend": [], "gone": [], "edges": {}}
    found = told(parse(data, "report.json"))
    assert (len(found["findings"]), found["left_out"], found["counts"]["new"]) == (MOST_FINDINGS, 450, 500)
    assert len(json.dumps(found)) < 64 * 1024


@given(st.text(max_size=60))
def test_whatever_a_report_holds_no_header_and_no_markup_is_made_of_it(said: str) -> None:
    data = made.raw(1, {f"e{said}": [("X-1", said or "r", "fail", f"<script>{said}")]})
    [finding] = next(iter(data["edges"].values()))["findings"]
    finding["change"] = "new"
    data["history"] = {"since": "x", "trend": [], "gone": [],
                       "edges": {f"e{said}": {"verdicts": [["a", "clear"], ["b", "blocked"]]}}}  # fmt: skip
    found = told(parse(data, "report.json"))
    assert text.subject(found) == visible_line(text.subject(found))
    assert len(text.subject(found).splitlines()) == 1
    assert "<script" not in text.as_html(found)
    mail = Mail("localhost", 25, "none", "a@example.net", ("b@example.net",), lambda *_: [])
    message = email.message_from_bytes(mail.message(found, 0).as_bytes(), policy=email.policy.default)
    assert set(message.keys()) == {
        "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Edgepath-Id", "X-Edgepath-Timestamp",
        "MIME-Version", "Content-Type",
    }  # fmt: skip


def test_text_keeps_to_its_width() -> None:
    found = told(report([("X-1", "fail", "new")], {"london": ["clear", "blocked"]}))
    assert max(map(len, text.plain(found).splitlines())) <= 78
    assert "BLOCKED london (was clear)" in text.plain(found)


def test_a_signature_is_the_one_of_the_specification() -> None:
    # The example that the libraries of Standard Webhooks test themselves with.
    import base64

    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = by_secret(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
