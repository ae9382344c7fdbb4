# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed test prints: its reason on less than a screen, and where the rest is. With -v, everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WIDTH = 160
# Of the way to the failure, and of its reason: the first lines and the last.
WAY, FIRST, LAST = 6, 5, 7
# So many failures are shown with their reasons; of more, one line each.
SHOWN = 3


def shortened(text: str) -> list[str]:
    """The end of a traceback, and the beginning and end of what its exception says."""
    # pytest-xdist's line on the worker says nothing of the failure.
    lines = [line for line in text.splitlines() if line.strip(" E") and not line.startswith("[gw")]
    at = next((number for number, line in enumerate(lines) if line.startswith("E  ")), len(lines))
    way, reason = lines[:at], lines[at:]
    if len(way) > WAY:
        way = [f"... {len(way) - WAY} lines", *way[-WAY:]]
    if len(reason) > FIRST + LAST:
        reason = [*reason[:FIRST], f"... {len(reason) - FIRST - LAST} lines", *reason[-LAST:]]
    return [cut(line) for line in way + reason]


def cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[:WIDTH]} ... {len(line) - WIDTH} characters"


def whole(report: pytest.TestReport | pytest.CollectReport) -> str:
    """All that is known of it, what it printed among it."""
    parts = [report.nodeid, report.longreprtext, *(f"-- {name}\n{content}" for name, content in report.sections)]
    return "\n\n".join(parts) + "\n"


class Short:
    """Shortens the reports of failed tests as they come in, and keeps each whole in a file of this directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.failed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        self.failed += 1
        kept = self._keep(report)
        lines = shortened(report.longreprtext)
        if self.failed > SHOWN:
            lines = [next((line for line in lines if line.startswith("E  ")), lines[-1] if lines else "")]
        report.longrepr = "\n".join([*lines, f"all of it: {kept}"])
        report.sections.clear()

    def _keep(self, report: pytest.TestReport) -> str:
        name = re.sub(r"[^\w.-]+", "-", report.nodeid.removeprefix("tests/"))[:120]
        path = self.directory / f"{name}-{report.when}.txt"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            path.write_text(whole(report), encoding="utf-8")
        except OSError as error:
            return f"not kept ({error})"
        return str(path)
