# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that was left out is no test that passed: with EDGEPATH_NO_SKIPS=1 in the environment it fails.

At a desk, a test whose program is not installed is skipped, and says by name what it needs. CI installs all of them,
and sets the variable: there, a missing one is a defect. What no installation cures (no root, no namespaces, a kernel
without the feature) begins its reason with the words below, and stays a skip.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

VARIABLE = "EDGEPATH_NO_SKIPS"
CANNOT = "cannot run here because"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_where_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_where_skipped((yield))


def failed_where_skipped(report: Report) -> Report:
    """The report, as a failure where the test was skipped for a reason that an installation cures."""
    if os.environ.get(VARIABLE, "") in ("", "0") or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return report
    told = report.longrepr
    reason = (told[2] if isinstance(told, tuple) else str(told)).removeprefix("Skipped: ")
    if not reason.startswith(CANNOT):
        report.outcome = "failed"
        report.longrepr = f"skipped, where {VARIABLE} lets no test be skipped: {reason}"
    return report
