# SPDX-License-Identifier: GPL-3.0-or-later
"""SeaweedFS once a session, and the table of what was predicted and what was seen, at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real import storage as real

_LINE = "measured"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real: real servers (SeaweedFS, nginx, HAProxy, Squid) on loopback")


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of SeaweedFS's S3 interface, with a bucket and an object."""
    with real.storage(tmp_path_factory.mktemp("seaweed")) as where:
        yield where


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str, str, str, str], None]:
    """Note one line of the table: what, predicted, observed, byte."""
    return lambda *line: record_property(_LINE, line)


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """A directory of its own for each server of a test, which a server that drops its rights can enter."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.mkdir()
        for each in (path, *path.parents):
            if each.owner() == path.owner() and str(each) not in ("/", "/tmp"):
                each.chmod(each.stat().st_mode | 0o011)
        return path

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Of the reports, since with several workers the tests are run in other processes.
    ended = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, ())]
    lines = [line for report in ended for name, line in report.user_properties if name == _LINE]
    if not lines:
        return
    terminalreporter.section("predicted and observed")
    for what, predicted, seen, offset in sorted(lines):
        terminalreporter.write_line(f"{what:58} {predicted:>34} {seen:>24} {offset:>20}")
