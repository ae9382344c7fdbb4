# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(): the files it leaves, and what it says where it cannot."""

from __future__ import annotations

import importlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.unit.writers import reports

MODULE = importlib.import_module("edge_report_write")
FILES = {
    "html": "report.html",
    "junit": "report.junit.xml",
    "sarif": "report.sarif",
    "ocsf": "findings.ocsf.json",
    "prometheus": "metrics.prom",
    "csv": "findings.csv",
}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "report.json").write_text(json.dumps(reports.raw(rich=True)), encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        MODULE.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def write(capsys: pytest.CaptureFixture[str], run_dir: Path, **arguments: Any) -> dict[str, Any]:
    return run(capsys, run_dir=str(run_dir), template_dir=str(reports.TEMPLATES), **arguments)


def test_all_formats_are_written_beside_the_report(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = write(capsys, run_dir)
    assert result["changed"] is False
    assert result["files"] == {kind: str(run_dir / name) for kind, name in FILES.items()}
    assert {path.name for path in run_dir.iterdir()} == {"report.json", *FILES.values()}
    for name in FILES.values():
        assert stat.S_IMODE((run_dir / name).stat().st_mode) == 0o600
        assert (run_dir / name).read_text(encoding="utf-8").endswith("\n")


def texts(run_dir: Path) -> dict[str, str]:
    return {name: (run_dir / name).read_text(encoding="utf-8") for name in FILES.values()}


def test_a_second_process_writes_the_same(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = write(capsys, run_dir)
    expected = texts(run_dir)
    for name in FILES.values():
        (run_dir / name).unlink()
    monkeypatch.setattr(MODULE, "MANY_ROWS", 1)
    assert write(capsys, run_dir)["files"] == alone["files"]
    assert texts(run_dir) == expected


def test_what_fails_in_the_second_process_is_told(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "MANY_ROWS", 1)
    (run_dir / FILES["html"]).mkdir()
    told = write(capsys, run_dir)
    assert told["failed"] and f"cannot write {run_dir / FILES['html']}" in told["msg"]
    monkeypatch.setattr(MODULE, "written", lambda *_: os._exit(9))
    told = write(capsys, run_dir, formats=["html"])
    assert told["failed"] and "the process for writing html ended early" in told["msg"]


def test_check_mode_writes_the_record_too(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(capsys, run_dir, formats=["junit"], _ansible_check_mode=True)
    assert (run_dir / FILES["junit"]).exists()


def test_only_the_formats_asked_for_are_written(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, report=str(run_dir / "report.json"), formats=["csv", "junit", "csv"])
    assert list(result["files"]) == ["csv", "junit"]
    assert {path.name for path in run_dir.iterdir()} == {"report.json", "findings.csv", "report.junit.xml"}


def test_csv_keeps_the_line_ends_of_its_standard(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(capsys, run_dir, formats=["csv"])
    text = (run_dir / "findings.csv").read_bytes()
    assert text.count(b"\r\n") == 17
    assert b"\r\r\n" not in text


def test_commands_follow_the_playbooks_of_the_project(run_dir: Path, tmp_path_factory: Any, capsys: Any) -> None:
    project = tmp_path_factory.mktemp("project")
    write(capsys, run_dir, formats=["html"], project_dir=str(project))
    assert "converge.yml" not in (run_dir / "report.html").read_text(encoding="utf-8")
    (project / "converge.yml").touch()
    write(capsys, run_dir, formats=["html"], project_dir=str(project))
    text = (run_dir / "report.html").read_text(encoding="utf-8")
    assert "converge.yml --limit london --check --diff" in text
    assert "rollback.yml" not in text


def test_commands_name_the_inventory_as_it_is_typed_in_the_project(run_dir: Path, tmp_path: Path, capsys: Any) -> None:
    sources = [str(tmp_path / "inventories" / "production"), "/etc/ansible/hosts"]
    write(capsys, run_dir, formats=["html"], project_dir=str(tmp_path), inventory=sources)
    shown = (run_dir / "report.html").read_text(encoding="utf-8")
    assert "ansible-playbook -i inventories/production -i /etc/ansible/hosts audit.yml --limit" in shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("", "cannot read"),
        (json.dumps(reports.raw())[:-200], "cannot read"),
        ("[]", "not a mapping"),
        (json.dumps({**reports.raw(), "schema": 7}), "schema 7 is not known; this edgepath reads schema 1"),
        (json.dumps({**reports.raw(), "checks": {}}), "is not among the report's checks"),
    ],
    ids=["absent", "empty", "cut", "other", "newer", "checks"],
)
def test_a_bad_report_is_one_message_and_leaves_nothing(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "report.json").write_text(content, encoding="utf-8")
    before = set(tmp_path.iterdir())
    result = write(capsys, tmp_path)
    assert result["failed"] is True
    assert message in result["msg"]
    assert str(tmp_path / "report.json") in result["msg"]
    assert set(tmp_path.iterdir()) == before


def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    run_dir: Path, tmp_path_factory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    templates = tmp_path_factory.mktemp("templates")
    for name in ("report.css", "report.js"):
        (templates / name).touch()
    (templates / "report.html.j2").write_text("begun {{ nothing_of_the_kind }}", encoding="utf-8")
    (run_dir / "report.html").write_text("the old report", encoding="utf-8")
    result = run(capsys, run_dir=str(run_dir), formats=["html"], template_dir=str(templates))
    assert "template cannot be rendered" in result["msg"]
    assert (run_dir / "report.html").read_text(encoding="utf-8") == "the old report"
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".tmp-")]


def test_a_template_that_is_not_there_is_named(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, run_dir=str(run_dir), formats=["html"], template_dir=str(run_dir))
    assert f"cannot read {run_dir}/report.html.j2" in result["msg"]


def test_html_needs_its_templates(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "template_dir is needed" in run(capsys, run_dir=str(run_dir))["msg"]


def test_a_directory_in_the_place_of_a_file_is_one_message(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir / "metrics.prom").mkdir()
    result = write(capsys, run_dir, formats=["prometheus"])
    assert f"cannot write {run_dir}/metrics.prom" in result["msg"]
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".tmp-")]


def test_a_library_that_is_missing_is_named(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "MISSING", "prometheus_client")
    assert "prometheus_client" in write(capsys, run_dir)["msg"]


def test_a_report_given_by_a_relative_path(run_dir: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_dir)
    result = run(capsys, report="report.json", formats=["junit"])
    assert os.path.exists(result["files"]["junit"])
