# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens and closes a converge or a rollback: the lock, the plan, and what became of it.

A module cannot do this: the lock is held by the ansible-playbook process, which only a plugin knows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.catalogue import all_checks
from ansible.module_utils.edge.converge import journal, lock, plan
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.options import SESSION
from ansible.module_utils.edge.finding import EdgepathError


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(SESSION)
        given["runs_dir"] = os.path.normpath(given["runs_dir"])
        step = getattr(self, f"_{given['purpose']}_{given['state']}")
        try:
            return {"changed": False, **step(given)}
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}

    def _converge_opened(self, given: dict[str, Any]) -> dict[str, Any]:
        run_dir = _required(given["run_dir"])
        wish = plan.Wish(given["allow"], given["skip"])
        wish.check(ACTIONS, all_checks())
        self._take(given, os.path.basename(run_dir))
        items = plan.write(run_dir, ACTIONS, wish)
        if not self._task.check_mode:
            journal.set_state(run_dir, "converging", edges=sorted({item.edge for item in items if not item.held}))
        return {
            "plan": [f"{item.edge}: {item.summary} [{item.check}]" for item in items if not item.held],
            "held": [f"{item.edge}: {item.check} {item.action}: {item.held}" for item in items if item.held],
            "run_dir": run_dir,
        }

    def _converge_closed(self, given: dict[str, Any]) -> dict[str, Any]:
        run_dir = _required(given["run_dir"])
        if not self._task.check_mode:
            journal.close(run_dir)
        lock.release(given["runs_dir"], os.getppid())
        return {}

    def _rollback_opened(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["run_dir"]:
            runs = [os.path.realpath(given["run_dir"])]  # a link leads to a run, and is none
            if journal.state_of(runs[0]) is None:
                raise EdgepathError(f"{runs[0]} is no run that converged anything")
            runs = runs if journal.standing(runs[0], given["edges"] or None) else []
        else:
            held = os.path.isdir(given["runs_dir"])
            runs = list(journal.runs_to_undo(given["runs_dir"], given["edges"] or None)) if held else []
        if not runs:
            whose = " of these edges" if given["edges"] else ""
            raise EdgepathError(f"{given['run_dir'] or given['runs_dir']} holds no converge to undo{whose}")
        self._take(given, os.path.basename(runs[0]))
        if given["edges"] and not self._task.check_mode:
            journal.begin_undoing(runs, given["edges"])
        return {"runs": runs, "missing": [] if given["limited"] else _missing(runs, given["edges"])}

    def _rollback_closed(self, given: dict[str, Any]) -> dict[str, Any]:
        lock.release(given["runs_dir"], os.getppid())
        return {}

    def _take(self, given: dict[str, Any], run: str) -> None:
        # The worker's parent is the ansible-playbook process, which lives as long as the play.
        lock.take(given["runs_dir"], os.getppid(), given["purpose"], run)


def _missing(runs: list[str], edges: list[str]) -> list[str]:
    """What stands of these runs on edges that the inventory does not know, a sentence each."""
    found = {name: run_dir for run_dir in runs for name in journal.edges_of(run_dir)}
    return [
        f"edge {name}: run {os.path.basename(run_dir)} changed it, and the inventory does not know it; nothing of it "
        "is put back"
        for name, run_dir in sorted(found.items())
        if edges and name not in edges
    ]


def _required(run_dir: str | None) -> str:
    if run_dir is None:
        raise EdgepathError("run_dir is needed: the run whose audit found what is to be changed")
    return os.path.normpath(run_dir)
