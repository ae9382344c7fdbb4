# SPDX-License-Identifier: GPL-3.0-or-later
"""How these tests are run: what belongs together stays together, and what fails says so on less than a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import failures, scheduling
from tests.examples import examples

FILES = sorted((scheduling.ROOT / "tests").rglob("test_*.py"))
MARKED = [path for path in FILES if "mark.xdist_group(" in path.read_text(encoding="utf-8") and path != Path(__file__)]


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.name)
def test_a_group_is_found_wherever_one_is_marked(path: Path) -> None:
    assert scheduling.group_of(str(path.relative_to(scheduling.ROOT)))


def test_files_are_handed_out_by_group_file_or_test() -> None:
    split = scheduling.GroupedFiles._split_scope
    assert split(None, "tests/playbooks/test_audit.py::test_verdicts") == "playbooks"
    assert split(None, "tests/unit/core/test_run.py::test_x[a::b]") == "tests/unit/core/test_run.py"
    assert split(None, "tests/real/test_certificate.py::test_x[1]") == "tests/real/test_certificate.py::test_x[1]"


def test_what_takes_longest_begins_first() -> None:
    paths = ["tests/unit/a.py", "tests/modules/a.py", "tests/playbooks/a.py", "tests/unit/b.py"]
    assert sorted(paths, key=scheduling.longest_first) == [paths[2], paths[1], paths[0], paths[3]]


def failed(text: str, name: str = "tests/unit/test_a.py::test_b[x/y]") -> pytest.TestReport:
    report = pytest.TestReport(name, ("tests/unit/test_a.py", 1, "test_b"), {}, "failed", text, "call")
    report.sections.append(("Captured stdout call", "noise\n" * 1000))
    return report


LONG = "\n".join(
    ["[gw0] linux", *(f"a.py:{at}: in deep" for at in range(90)), *(f"E   {at} {'x' * 999}" for at in range(900))]
)


def test_a_failure_takes_less_than_a_screen_and_is_kept_whole(tmp_path: Path) -> None:
    report = failed(LONG)
    failures.Short(tmp_path).pytest_runtest_logreport(report)
    lines = str(report.longrepr).splitlines()
    assert len(lines) < 24 and all(len(line) < 200 for line in lines) and report.sections == []
    assert "a.py:89: in deep" in lines and any(line.startswith("E   0 x") for line in lines)
    (kept,) = tmp_path.iterdir()
    text = kept.read_text(encoding="utf-8")
    assert lines[-1] == f"all of it: {kept}" and LONG in text and text.count("noise") == 1000


def test_of_many_failures_the_later_are_a_line_each(tmp_path: Path) -> None:
    short = failures.Short(tmp_path)
    reports = [failed(LONG, f"tests/unit/test_a.py::test_{number}") for number in range(5)]
    for report in reports:
        short.pytest_runtest_logreport(report)
    assert [len(str(report.longrepr).splitlines()) > 2 for report in reports] == [True] * failures.SHOWN + [False] * 2
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("text", ["", "E   one", "no traceback", "x" * 5000])
def test_what_is_short_stays(text: str) -> None:
    assert failures.shortened(text) == ([failures.cut(text)] if text else [])


def test_where_nothing_can_be_kept_the_reason_is_still_shown(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    report = failed("E   the reason")
    failures.Short(tmp_path / "file").pytest_runtest_logreport(report)
    assert str(report.longrepr).startswith("E   the reason\nall of it: not kept (")


def test_a_third_of_the_examples_is_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.examples.ALL", False)
    assert (examples(1), examples(100)) == (1, 34)
    monkeypatch.setattr("tests.examples.ALL", True)
    assert examples(100) == 100
