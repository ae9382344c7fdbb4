# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends edge_facts to an edge with its variables and its program, and keeps what comes back in the run's directory.

A module cannot do this: it neither sees the host's variables, nor can it write on the controller what was read on the
edge, nor note that the edge could not be reached.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge import packing
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import Run, facts_path, write_json
from ansible.module_utils.edge.targets import Edge, from_variables
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.visit import ARGUMENT_SPEC


class ActionModule(ActionBase):
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            arguments = _validated(self._task.args)
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}
        run_dir = arguments.pop("run_dir", None)
        name = variables["inventory_hostname"]
        try:
            edge = self._edge(name, run_dir, arguments.pop("edge", None), variables)
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}
        if edge is None:
            return {"changed": False, "unread": {}, "msg": f"edge {name}: not read: its variables are wrong"}
        arguments["edge"] = edge
        arguments["program"], problem = _packed()
        if problem is not None:
            # The files of the node are read all the same; what only dnspython can ask is then unknown, by name.
            self._display.warning(visible_line(f"edge {name}: {problem}"))
        try:
            result = self._visit(name, run_dir, arguments, variables)
        except OSError as error:
            return {"failed": True, "msg": f"edge {name}: cannot write its facts to {run_dir}: {error.strerror}"}
        if run_dir is None:
            return result
        return {key: result[key] for key in ("changed", "failed", "msg", "unread", "warnings") if key in result}

    def _edge(
        self, name: str, run_dir: str | None, given: dict[str, Any] | None, variables: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The edge's options: as the run validated them, as given, or from the host's variables; None: not valid."""
        if run_dir is not None:
            return next((edge for edge in Run(run_dir).targets() if edge["name"] == name), None)
        if given is None:
            own = {key: value for key, value in variables.items() if key.startswith("edge_")}
            try:
                given = from_variables(name, self._templar.template(own))
            except AnsibleError as error:
                raise EdgepathError(f"edge {name}: its variables cannot be resolved: {error.message}") from None
        Edge.from_mapping(given)
        return given

    def _visit(
        self, name: str, run_dir: str | None, arguments: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        """Run the module on the edge; what came back, or why nothing did, is kept as the edge's facts."""
        try:
            result = self._execute_module(module_name="edge_facts", module_args=arguments, task_vars=variables)
        except AnsibleConnectionFailure as error:
            _keep(run_dir, name, {"unreachable": str(error)})
            raise
        if result.get("failed") or "edge_facts" not in result:
            _keep(run_dir, name, {"failed": result.get("module_stderr") or result.get("msg") or "no answer"})
        else:
            _keep(run_dir, name, result["edge_facts"])
        return result


def _keep(run_dir: str | None, name: str, facts: dict[str, Any]) -> None:
    if run_dir is not None:
        write_json(facts_path(run_dir, name), facts)


def _validated(given: dict[str, Any]) -> dict[str, Any]:
    """The options, held to their specification; EdgepathError says which is wrong."""
    result = ArgumentSpecValidator(ARGUMENT_SPEC).validate(given)
    if result.error_messages:
        raise EdgepathError(f"edge_facts: {'; '.join(result.error_messages)}")
    return {key: value for key, value in result.validated_parameters.items() if value is not None}


def _packed() -> tuple[str, str | None]:
    """The visit's program, packed once a run: the temporary directory of this ansible process is its workers' too."""
    path = Path(constants.DEFAULT_LOCAL_TMP) / "edgepath-program"
    try:
        with path.with_suffix(".lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the first of the workers packs it, the others wait for that
            if not path.exists():
                partial = path.with_suffix(f".{os.getpid()}")
                partial.write_text(json.dumps(packing.pack()), encoding="ascii")
                partial.replace(path)
        program, problem = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # a full disk, or one without locks: each worker for itself then
        return packing.pack()
    return program, problem
