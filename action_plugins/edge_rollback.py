# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts back on one edge what runs of converge changed, from their journals.

A module cannot do this: the journals are files on the controller, the objects are on the edge and behind APIs.
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

from ansible.module_utils.edge.converge import execute, journal, lock
from ansible.module_utils.edge.converge.diff import diff
from ansible.module_utils.edge.converge.model import NODE, ORDER, ObjectChange
from ansible.module_utils.edge.converge.node import Node
from ansible.module_utils.edge.converge.options import ROLLBACK
from ansible.module_utils.edge.converge.work import Undoing, as_found, undo
from ansible.module_utils.edge.converge.world import MERGE, EdgeWorld, alone
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
        _, given = self.validate_argument_spec(ROLLBACK)
        name = variables["inventory_hostname"]
        try:
            return self._rollback(name, given, variables)
        except EdgepathError as error:
            return {"failed": True, "msg": f"edge {name}: {error}"}

    def _rollback(self, name: str, given: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        runs = journal.newest_first(given["runs"])[::-1]
        entries = journal.of_domain(runs, name, given["domain"], given["only"])
        if not entries:
            self._ended(runs, name, given)
            return {"changed": False, "changes": [], "lost": []}
        options = {**_options(runs, name), **self._identity(variables)}
        edge = Edge.from_mapping(options)
        changes = [entry.change for entry in entries]
        world = EdgeWorld(edge, runs[-1], lambda: Node(self, variables, edge, options))
        refs = list({change.ref.key: change.ref for change in changes}.values())
        check = bool(self._task.check_mode)
        with lock.working(os.path.dirname(runs[-1].rstrip("/"))), alone(runs[-1], refs):
            states, transfers = world.read(refs)
            begun = [place for place, entry in enumerate(entries) if entry.state == "begun"]
            undoing = undo(as_found(changes, begun, states), states, MERGE)
            # What a killed rollback had put back already: programs were not told, perhaps.
            left = {change.ref.key for change, _ in undoing.lost} - {change.ref.key for change in undoing.changes}
            reloading = [change for change in changes if change.reloads and change.ref.key not in left]
            disturbing = [change for change in (*undoing.changes, *reloading) if change.disruptive]
            if disturbing and not any(ref.place == NODE for ref in refs):
                transfers = world.transfers()
            stopped = None if given["during_transfer"] else execute.stopped_by(disturbing, transfers)
            if stopped and not check:
                raise EdgepathError(stopped)
            messages = [stopped] if stopped else []
            if not check:
                messages += _restore(world, undoing, [unit for change in reloading for unit in change.reloads])
        lost = {change.ref.key for change, _ in undoing.lost}
        if not check:
            journal.forget(entry for entry in entries if entry.change.ref.key not in lost)
            self._ended(runs, name, given)
        for message in messages:
            self._display.warning(visible_line(f"edge {name}, {given['domain']}: {message}"))
        return self._result(name, given["domain"], undoing)

    def _ended(self, runs: list[str], name: str, given: dict[str, Any]) -> None:
        """After its last domain an edge's rollback is none that was killed, whatever could not be put back."""
        if given["domain"] == ORDER[0] and not given["only"] and not self._task.check_mode:
            journal.end_undoing(runs, name)

    def _identity(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Who changes the account, where the inventory says so now: the run's own may be gone, or may lack a right."""
        names = ("converge_profile", "converge_role_arn")
        given = {name: self._templar.template(variables.get(f"edge_{name}")) or None for name in names}
        return given if any(given.values()) else {}

    def _result(self, name: str, domain: str, undoing: Undoing) -> dict[str, Any]:
        lost = [f"{change.ref.key}: {why}" for change, why in undoing.lost]
        for line in lost:
            self._display.warning(visible_line(f"edge {name}, {domain}: not put back: {line}"))
        result: dict[str, Any] = {
            "changed": bool(undoing.changes),
            "changes": [{"object": change.ref.key, "why": list(change.because)} for change in undoing.changes],
            "lost": lost,
        }
        if self._task.diff:
            result["diff"] = [diff(change) for change in undoing.changes]
        return result


def _restore(world: EdgeWorld, undoing: Undoing, units: list[str]) -> list[str]:
    """Put everything back that can be; what fails is told beside the rest, which is put back all the same.

    units: every program that uses what was changed. They are told even where a killed rollback put the objects back.
    """
    failed: list[tuple[ObjectChange, str]] = []
    for change in undoing.changes:
        try:
            world.write(change)
            execute.seen(world, change)
        except EdgepathError as error:
            failed.append((change, str(error)))
    try:
        messages = world.reload(list(dict.fromkeys(units))) if units else []
    except EdgepathError as error:
        also = "; ".join(f"not put back: {change.ref.key}: {why}" for change, why in failed)
        raise EdgepathError(f"{error}; {also}" if also else str(error)) from None
    undoing.lost += failed
    broken = {change.ref.key for change, _ in failed}
    undoing.changes = [change for change in undoing.changes if change.ref.key not in broken]
    return messages


def _options(runs: list[str], name: str) -> dict[str, Any]:
    """The edge's options as the newest run that changed it knew it."""
    for run_dir in reversed(runs):
        found = next((edge for edge in Run(run_dir).targets() if edge["name"] == name), None)
        if found is not None:
            return found
    raise EdgepathError("no run that changed it knows its variables")
