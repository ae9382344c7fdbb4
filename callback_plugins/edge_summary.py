# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far the audit is, and at its end the summary of the report.

A callback, since no module can write to the terminal while a play runs.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import ANSIBLE_COLOR

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.converge.words import outcome
from ansible.module_utils.edge.screen import is_document
from ansible.module_utils.edge.summary import lines
from ansible.module_utils.edge.visible import visible_line

DOCUMENTATION = r"""
name: edge_summary
type: aggregate
short_description: The summary of an audit, after the play recap
description:
  - While edges are visited, says how many have answered. Where M(edge_report) wrote a report, prints its summary.
  - Prints what M(edge_history_info) read.
  - Needs not be enabled. Beside the playbooks Ansible finds it, whatever E(ANSIBLE_CALLBACKS_ENABLED) names.
  - Where the callback for standard output writes no lines for people, such as P(ansible.posix.json#callback), prints to
    standard error.
author:
  - edgepath maintainers
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "edge_summary"
    CALLBACK_NEEDS_ENABLED = False  # whoever enables another callback must not lose the verdict

    def __init__(self) -> None:
        super().__init__()
        self._report: Path | None = None
        self._hosts = 0
        self._answered = 0
        self._announced = 0.0
        self._changes: dict[str, dict[str, list[str]]] = {}
        self._check = False
        self._purpose = "converge"
        self._stderr = is_document()
        self._begun = False
        self._hidden = False

    def _show(self, text: str, color: str | None = None) -> None:
        self._display.display(text, color=color, stderr=self._stderr)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._hosts = len(play.get_variable_manager()._inventory.get_hosts(play.hosts, order=play.order))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begun = self._begun or task.action in ("edge_run", "edge_report", "edge_report_merge")
        self._answered = 0
        self._announced = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._progress(result)
        self._converged(result)
        if result.task.action in ("edge_report", "edge_report_merge"):
            self._hidden = "censored" in result.result
            if "report" in result.result:
                self._report = Path(result.result["report"])
        if result.task.action == "edge_history_info" and "text" in result.result:
            self._show("\n".join(["", *map(visible_line, result.result["text"])]))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._progress(result)
        self._converged(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._progress(result)

    def _progress(self, result: Any) -> None:
        """A line every two seconds at most, and none for what is done at once."""
        self._answered += 1
        now = time.monotonic()
        if result.task.action == "edge_facts" and self._hosts > 1 and now - self._announced >= 2.0:
            self._announced = now
            self._show(f"... {self._answered} of {self._hosts} edges have answered", "bright gray")

    def _converged(self, result: Any) -> None:
        if result.task.action not in ("edge_converge", "edge_rollback"):
            return
        self._check = bool(result.task.check_mode)
        self._purpose = result.task.action.removeprefix("edge_")
        answer = result.result
        told = self._changes.setdefault(result.host.get_name(), {"changed": [], "held": [], "lost": []})
        told["changed"] += [f"{item['object']} [{', '.join(item['why'])}]" for item in answer.get("changes", ())]
        told["held"] += list(answer.get("held", ()))
        told["lost"] += list(answer.get("lost", ()))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._show_report()
        if self._changes:
            told = outcome(self._changes, self._check, self._purpose)
            self._show("\n".join(["", *map(visible_line, told)]))

    def _show_report(self) -> None:
        if self._report is None:
            if self._hidden:
                self._show("\nedgepath: no_log hides the verdicts; they stand in the report of the run")
            elif self._begun:
                self._show("\nedgepath: no verdict: this run ended before it had a report; the error above says why")
            return
        try:
            report = json.loads(self._report.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self._display.error(visible_line(f"cannot read {self._report}: {error}"))
            return
        colour = bool(ANSIBLE_COLOR) and not constants.ANSIBLE_NOCOLOR
        self._show("\n".join(lines(report, colour)))
