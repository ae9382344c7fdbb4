# SPDX-License-Identifier: GPL-3.0-or-later
"""The two modules through their main(): what the report is told, and that it survives a history that cannot be kept."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.run import write_json
from ansible.module_utils.edge.writers.model import parse
from ansible.module_utils.testing import patch_module_args

from tests.unit.history import made

RECORD = importlib.import_module("edge_history")
SHOW = importlib.import_module("edge_history_info")


@pytest.fixture
def history(tmp_path: Path) -> str:
    return str(tmp_path / "history.sqlite")


def run(module: Any, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def record(capsys: Any, tmp_path: Path, url: str, number: int, edges: Any, **options: Any) -> tuple[Any, Any]:
    """Records a run; returns the module's result, and the report as it is then."""
    path = tmp_path / f"run-{number}" / "report.json"
    write_json(str(path), made.raw(number, edges))
    result = run(RECORD, capsys, run_dir=str(path.parent), url=url, migrations_dir=made.MIGRATIONS, **options)
    return result, json.loads(path.read_text(encoding="utf-8"))


def test_a_report_is_told_what_changed(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {"london": [("X-1", "a", "fail"), ("X-1", "b", "fail"), ("X-2", "a", "fail", "900 s")], "paris": []}
    result, report = record(capsys, tmp_path, history, 0, before)
    assert (result["recorded"], result["changed"], result["since"]) == (True, False, None)
    assert all("change" not in finding for finding in report["edges"]["london"]["findings"])
    now = {"london": [("X-1", "a", "pass"), ("X-2", "a", "fail", "600 s"), ("X-3", "a", "unknown")]}
    result, report = record(capsys, tmp_path, history, 1, now)
    assert (result["since"], result["counts"]) == ("run-0000", {"new": 1, "changed": 1, "unchanged": 0, "fixed": 2})
    told = {finding["check"]: finding for finding in report["edges"]["london"]["findings"]}
    assert [told[name]["change"] for name in made.CHECKS] == ["fixed", "changed", "new"]
    assert [told[name].get("first_seen") for name in made.CHECKS] == [
        None, "2026-11-01T03:00:00+00:00", "2026-11-02T03:00:00+00:00",
    ]  # fmt: skip
    [gone] = report["history"]["gone"]
    assert (gone["resource"], gone["was"]) == ("b", "fail")
    assert [point["fail"] for point in report["history"]["trend"]] == [3, 1]
    assert [word for _, word in report["history"]["edges"]["london"]["verdicts"]] == ["blocked", "blocked"]
    parse(report, "report.json")


def test_what_comes_and_goes_is_told(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        said = [("X-1", "a", "fail" if number % 2 else "pass")]
        _, report = record(capsys, tmp_path, history, number, {"london": said}, flap_transitions=3, flap_runs=4)
        [finding] = report["edges"]["london"]["findings"]
        assert finding.get("flapping") == (3 if number == 3 else None)


def test_a_run_is_recorded_once(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(capsys, tmp_path, history, 0, {"london": []})
    _, first = record(capsys, tmp_path, history, 1, {"london": [("X-1", "a", "fail")]})
    path = tmp_path / "run-1"
    result = run(RECORD, capsys, run_dir=str(path), url=history, migrations_dir=made.MIGRATIONS)
    assert result["recorded"] is True
    assert json.loads((path / "report.json").read_text(encoding="utf-8")) == first
    assert len(run(SHOW, capsys, url=history)["runs"]) == 2


def test_no_history_is_kept_where_none_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, report = record(capsys, tmp_path, "", 0, {"london": []})
    assert result["recorded"] is True
    assert "history" not in report


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{path}/absent\0/h.sqlite", "holds a null character"),
        ("{path}/run-0/report.json", "may name another file by mistake"),
        ("{path}/run-0/report.json/h.sqlite", "File exists; set edge_history_url"),
        ("postgresql://user:hunter2@host/base", "holds a password"),
        ("postgresql://nobody@127.0.0.1:1/none", "connection"),
        ("history.sqlite", "no URL of a database"),
    ],
)
def test_the_report_stays_where_the_run_cannot_be_recorded(
    url: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(RECORD.AnsibleModule, "warn", lambda self, message: warnings.append(message))
    result, report = record(capsys, tmp_path, url.format(path=tmp_path), 0, {"london": [("X-1", "a", "fail")]})
    if "\0" in url and result.get("failed"):
        assert "null character" in json.dumps(result)  # ansible-core 2.21 refuses to log it
        return
    assert result["recorded"] is False
    assert result.get("failed") is not True
    assert said in result["msg"]
    assert warnings == [f"the run is not in the history: {result['msg']}"]
    assert report == made.raw(0, {"london": [("X-1", "a", "fail")]})
    assert "hunter2" not in json.dumps({key: value for key, value in result.items() if key != "invocation"})


def test_old_runs_are_forgotten(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        record(capsys, tmp_path, history, number, {"london": [("X-1", "a", "fail")]}, keep_days=0)
    result, _ = record(capsys, tmp_path, history, 3, {"london": [("X-1", "a", "fail")]}, keep_days=0, keep_runs=2)
    assert result["forgotten"] == 2
    assert [item["id"] for item in run(SHOW, capsys, url=history)["runs"]] == ["run-0003", "run-0002"]


def shown(capsys: pytest.CaptureFixture[str], **arguments: Any) -> str:
    return "\n".join(run(SHOW, capsys, **arguments)["text"])


def test_views_are_readable(history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lives = [("fail", "900 s"), ("fail", "600 s"), ("pass", ""), ("fail", "600 s")]
    for number, (status, observed) in enumerate(lives):
        edges = {"london": [("X-1", "a", status, observed)]}
        record(capsys, tmp_path, history, number, edges if number else {**edges, "paris": []})
    text = shown(capsys, url=history)
    assert text.splitlines()[3].split() == ["2026-11-04", "03:00Z", "run-0003", "1", "1", "0", "0", "1", "0", "0",
                                            "1", "blocked"]  # fmt: skip
    text = shown(capsys, url=history, edge="london", check="X-1")
    assert "X-1 (high): fail since 2026-11-04 03:00Z, it came and went 2 times" in text
    assert "seen      first 2026-11-01 03:00Z, last 2026-11-04 03:00Z" in text
    assert [line.split()[2:4] for line in text.splitlines() if line.endswith(("00 s", "pass"))] == [
        ["fail:", "900"], ["fail:", "600"], ["pass"], ["fail:", "600"],
    ]  # fmt: skip
    text = shown(capsys, url=history, diff_from="run-0000", diff_to="run-0001")
    assert "1 edge in both: 0 new, 0 fixed, 1 changed, 0 unchanged" in text
    assert "only in the older, not compared: paris" in text
    assert "was       900 s" in text
    text = shown(capsys, url=history, diff_to="run-0002")
    assert "from run-0001" in text
    assert "london: blocked -> clear" in text
    assert "london: X-1 (high), fail -> pass" in text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"edge": "tokyo"}, "the history holds no edge 'tokyo'; there is london"),
        ({"diff_from": "run-9"}, "the history holds no run 'run-9'; there is run-0000, run-0001"),
        ({"diff_from": "run-"}, "'run-' is the beginning of several runs: run-0001, run-0000"),
        ({"diff_to": "run-0000"}, "no run before run-0000 shares an edge with it"),
        ({"diff_to": "run%"}, "no run 'run%'"),
        ({"url": ""}, "no history is kept"),
    ],
)
def test_a_question_without_an_answer(
    asked: dict[str, Any], said: str, history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        record(capsys, tmp_path, history, number, {"london": []})
    result = run(SHOW, capsys, **{"url": history, **asked})
    assert result["failed"] is True
    assert said in result["msg"]
