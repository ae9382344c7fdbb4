# SPDX-License-Identifier: GPL-3.0-or-later
"""What the summary prints, and where: it needs not be enabled, and a document on standard output stays whole."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import constants
from ansible.module_utils.edge import screen
from ansible.plugins.callback import CallbackBase
from ansible.plugins.callback.default import CallbackModule as Default

ROOT = Path(__file__).resolve().parents[2]
CENSORED = {"censored": "the output has been hidden due to the fact that 'no_log: true' was specified for this result"}


@pytest.fixture(scope="module")
def summary():
    spec = importlib.util.spec_from_file_location("edge_summary", ROOT / "callback_plugins/edge_summary.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def callback(summary, monkeypatch):
    monkeypatch.setattr(summary, "is_document", lambda: False)
    made = summary.CallbackModule()
    made.shown = []
    made._display = SimpleNamespace(
        display=lambda text, color=None, stderr=False: made.shown.append((text.strip(), stderr)),
        error=lambda text: made.shown.append((text, True)),
    )
    return made


def ended(callback, action, result=None):
    task = SimpleNamespace(action=action, check_mode=False)
    callback.v2_playbook_on_task_start(task, False)
    if result is not None:
        callback.v2_runner_on_ok(SimpleNamespace(task=task, result=result))


def test_it_needs_not_be_enabled(summary):
    assert summary.CallbackModule.CALLBACK_NEEDS_ENABLED is False


@pytest.mark.parametrize("document", [False, True])
def test_the_history_is_shown_beside_a_document(callback, document):
    callback._stderr = document
    ended(callback, "edge_history_info", {"text": ["2 runs"]})
    assert callback.shown == [("2 runs", document)]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            [("edge_run", {}), ("edge_report", CENSORED)],
            "no_log hides the verdicts; they stand in the report of the run",
        ),
        ([("edge_run", {}), ("edge_path_audit", None)], "no verdict: this run ended before it had a report"),
        ([("edge_run", None)], "no verdict: this run ended before it had a report"),
        ([("edge_history_info", CENSORED)], None),
        ([("ansible.builtin.assert", {})], None),
        ([], None),
    ],
    ids=["hidden", "broken off", "never begun", "hidden history", "another playbook", "nothing"],
)
def test_a_run_without_a_report_says_so(callback, steps, said):
    for action, result in steps:
        ended(callback, action, result)
    callback.v2_playbook_on_stats(None)
    assert len(callback.shown) == (said is not None)
    assert said is None or said in callback.shown[0][0]


def test_a_report_is_shown_and_one_that_is_gone_is_told(callback, tmp_path, monkeypatch, summary):
    report = tmp_path / "report.json"
    report.write_text(json.dumps({}), encoding="utf-8")
    monkeypatch.setattr(summary, "lines", lambda report, colour: ["CLEAR healthy"])
    ended(callback, "edge_report", {"report": str(report)})
    callback.v2_playbook_on_stats(None)
    assert callback.shown == [("CLEAR healthy", False)]
    report.unlink()
    callback.v2_playbook_on_stats(None)
    assert callback.shown[1][0].startswith(f"cannot read {report}")


class Lines(Default):
    ansible_name = "acme.tools.fancy"


class Document(CallbackBase):
    ansible_name = "ansible.posix.json"


@pytest.mark.parametrize(
    ("chosen", "document"),
    [("default", False), ("minimal", False), ("oneline", False), (Lines, False), (Document, True), (None, True)],
)
def test_a_callback_that_is_not_known_to_write_lines_has_standard_output_for_itself(monkeypatch, chosen, document):
    if isinstance(chosen, str):
        monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", chosen)
    else:
        monkeypatch.setattr(screen, "callback_loader", SimpleNamespace(get=lambda name, class_only: chosen))
    assert screen.is_document() is document
