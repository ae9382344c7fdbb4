# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs edge_recording_retrieve with the storage of the host's variables, and shows its plan and its progress.

A module cannot do this: it neither sees the host's variables, nor can it say anything before it has ended, which here
may be hours.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.announce import PROGRESS_FILE, plan_lines
from ansible.module_utils.edge.retrieve.request import storage_of
from ansible.module_utils.edge.screen import is_document
from ansible.module_utils.edge.targets import Edge, from_variables

_LOOK_SECONDS = 0.5
_PROGRESS_SECONDS = 10.0
_IN_FILES = ("plan", "plan_lines", "records", "reconciliation", "diff", "invocation")


class ActionModule(ActionBase):
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        given = {name: value for name, value in self._task.args.items() if value is not None}
        name = variables["inventory_hostname"]
        try:
            every = _seconds(given.get("progress_seconds", _PROGRESS_SECONDS))
            arguments = {**self._storage(name, variables), **given}
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}

        beside = is_document()

        def tell(text: str) -> None:
            self._display.display(f"{name}: {text}", stderr=beside)

        follower = Follower(str(arguments.get("dest", "")), every, tell)
        # Elsewhere there is no file to follow, and in check mode none is written.
        follows = self._connection.transport == "local" and not self._task.check_mode and "dest" in arguments
        if follows:
            follower.start()
        try:
            result: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=variables)
        finally:
            if follows:
                follower.stop()
        if not follower.planned:
            for line in result.get("plan_lines", ()):
                tell(line)
        # A failure is shown with all that the task returns: what is in the folder anyway would bury its message.
        return {name: value for name, value in result.items() if not result.get("failed") or name not in _IN_FILES}

    def _storage(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The host's storage; nothing for a host that is no edge."""
        own = {key: value for key, value in variables.items() if key.startswith("edge_")}
        try:
            return storage_of(Edge.from_mapping(from_variables(name, self._templar.template(own))))
        except AnsibleError as error:
            raise EdgepathError(f"edge {name}: its variables cannot be resolved: {error.message}") from None


class Follower:
    """Follows the files of a retrieval in a folder of this machine and tells what they say.

    planned: whether the plan was told.  every: seconds between two lines about the progress; 0: none.
    """

    def __init__(self, folder: str, every: float, tell: Callable[[str], Any]) -> None:
        self.planned = False
        self._plan = os.path.join(os.path.expanduser(folder), "plan.json")
        self._progress = os.path.join(os.path.expanduser(folder), PROGRESS_FILE)
        self._every = every
        self._tell = tell
        self._told: tuple[float, str] = (float("-inf"), "")
        self._stale = _written(self._progress)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.look(monotonic())

    def look(self, now: float) -> None:
        state = _read(self._progress)
        # A run that was killed leaves its file behind.
        if state is None or _written(self._progress) == self._stale:
            return
        if not self.planned:
            # Once there is progress, the plan is the one of this run and not of an earlier one.
            plan = _read(self._plan)
            self.planned = plan is not None
            for line in plan_lines(plan) if plan is not None else ():
                self._tell(line)
        last, text = self._told
        if self._every > 0 and now - last >= self._every and state["line"] != text:
            self._told = (now, state["line"])
            self._tell(state["line"])


def _read(path: str) -> dict[str, Any] | None:
    """A file that is replaced as a whole, or None where it is not there."""
    try:
        with open(path, encoding="utf-8") as stream:
            found: dict[str, Any] = json.load(stream)
            return found
    except FileNotFoundError:
        return None


def _written(path: str) -> tuple[int, int] | None:
    """What tells one writing of a file from another; None where there is no file."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise EdgepathError(f"progress_seconds: {value!r} is no number of seconds") from None
