# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the changes that the plan of a run holds for one edge in one domain.

A module cannot do this: the plan and the former states are files on the controller, the objects are on the edge and
behind APIs, and an edge's objects are changed one after the other over its own connection.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.converge import execute, lock, plan
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.diff import diff
from ansible.module_utils.edge.converge.journal import Journal, interrupted
from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Planned
from ansible.module_utils.edge.converge.node import Node
from ansible.module_utils.edge.converge.options import CONVERGE
from ansible.module_utils.edge.converge.words import parted
from ansible.module_utils.edge.converge.work import refs_of, work_out
from ansible.module_utils.edge.converge.world import EdgeWorld, alone
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import Run
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.visible import visible_line


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _, given = self.validate_argument_spec(CONVERGE)
        name = variables["inventory_hostname"]
        try:
            options = next((edge for edge in Run(given["run_dir"]).targets() if edge["name"] == name), None)
            if options is None:
                return {"changed": False, "changes": [], "held": [], "msg": f"edge {name} is not part of the run"}
            return self._converge(Edge.from_mapping(options), options, given, variables)
        except execute.Stopped as error:
            told = {"failed": True, "msg": f"edge {name}, {given['domain']}: {error}"}
            return {**_result(error.done.changes, [_left(*left) for left in error.done.left]), **told}
        except EdgepathError as error:
            return {"failed": True, "msg": f"edge {name}, {given['domain']}: {error}"}
        except AnsibleConnectionFailure as error:
            # Ansible counts no unreachable host for max_fail_percentage, and would go on with the next edges.
            if self._task.check_mode:
                raise
            return {"failed": True, "msg": f"edge {name}, {given['domain']}: cannot be reached any more: {error}"}

    def _converge(
        self, edge: Edge, options: dict[str, Any], given: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        run_dir, domain = given["run_dir"], given["domain"]
        world = EdgeWorld(edge, run_dir, lambda: Node(self, variables, edge, options))
        check = bool(self._task.check_mode)
        runs_dir = os.path.dirname(run_dir.rstrip("/"))
        items = plan.load(run_dir, edge.name, domain)
        open_items = [item for item in items if not item.held]
        refs = refs_of(edge, open_items, ACTIONS)
        with lock.working(runs_dir), alone(run_dir, refs):
            pending = [entry for entry in interrupted(runs_dir, run_dir, edge.name, domain) if entry.change.reloads]
            states, transfers = world.read(refs)
            outcome = work_out(edge, open_items, ACTIONS, world.predicted(states, refs) if check else states)
            changes = outcome.changes
            disturbing = [change for change in (*changes, *(entry.change for entry in pending)) if change.disruptive]
            if disturbing and not any(ref.place == NODE for ref in refs):
                transfers = world.transfers()
            stopped = None if given["during_transfer"] else execute.stopped_by(disturbing, transfers)
            if stopped and not check:
                raise EdgepathError(stopped)
            told = execute.finish(world, pending, check)
            messages = [*parted(changes), *([stopped] if stopped else []), *told.messages]
            left: list[tuple[ObjectChange, str]] = []
            if check:
                world.predict(changes)
            else:
                done = execute.perform(world, Journal(run_dir, edge.name), domain, changes)
                changes, left = done.changes, done.left
                messages += done.messages
        for message in messages:
            self._display.warning(visible_line(f"edge {edge.name}, {domain}: {message}"))
        held = [(item, item.held) for item in items if item.held] + outcome.refused
        result = _result(changes, [*(_told(item, why) for item, why in held), *(_left(*each) for each in left)])
        result["changed"] = result["changed"] or bool(told.changes)
        result["told"] = [change.ref.key for change in told.changes]
        if self._task.diff:
            result["diff"] = [diff(change) for change in changes]
        return result


def _result(changes: list[ObjectChange], held: list[str]) -> dict[str, Any]:
    made = [{"object": change.ref.key, "why": list(change.because)} for change in changes]
    return {"changed": bool(changes), "changes": made, "held": held}


def _told(item: Planned, why: str) -> str:
    return f"{item.check} {item.action}: {why}"


def _left(change: ObjectChange, why: str) -> str:
    return f"{', '.join(change.because)} {change.ref.key}: {why}"
