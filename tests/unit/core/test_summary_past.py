# SPDX-License-Identifier: GPL-3.0-or-later
"""What the terminal says of waivers and of the run before."""

from __future__ import annotations

from ansible.module_utils.edge.summary import lines

from tests.unit.writers import reports


def test_waivers_and_changes_end_the_summary() -> None:
    report = reports.raw("london", rich=True)
    report["waivers"] = [
        {**reports.WAIVER, "state": "active", "findings": 2},
        {**reports.WAIVER, "state": "expired", "findings": 1},
    ]
    text = lines(report)
    assert [line for line in text if line.startswith("waiver ")] == [
        "waiver SEC-1042: 2 findings accepted, BUCKET-07, until 2026-12-02"
    ]
    assert "since 20261122T031500Z-000000: 2 new, 3 fixed, 2 changed, 2 unchanged" in text
    assert "    waiver    SEC-1042 expired after 2026-11-01" in text


def test_a_first_run_and_one_without_a_history_say_nothing_of_changes() -> None:
    report = reports.raw("london")
    assert not any(line.startswith("since ") for line in lines(report))
    report["history"] = {"since": None, "trend": [], "gone": []}
    assert not any(line.startswith("since ") for line in lines(report))
