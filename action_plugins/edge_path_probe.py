# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends edge_path_probe to an edge with its variables and its ladder, and judges on the controller what comes back.

A module cannot do this: it neither sees the host's variables, nor the files of a run on the controller.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.finding import EdgepathError, unread
from ansible.module_utils.edge.module import judge_edge
from ansible.module_utils.edge.probe import observe
from ansible.module_utils.edge.probe.checks import CATALOGUE, judge, ladder_of
from ansible.module_utils.edge.probe.predict import bounds_of
from ansible.module_utils.edge.run import Run, Step, facts_path, write_json
from ansible.module_utils.edge.targets import Edge, from_variables

DOMAIN = "probe"


class ActionModule(ActionBase):
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        run_dir = arguments.pop("run_dir", None)
        name = variables["inventory_hostname"]
        if run_dir is not None and not os.path.exists(os.path.join(run_dir, "run.json")):
            return {"failed": True, "msg": f"{run_dir} holds no run; audit the edges first, or leave run_dir out"}
        run = Run(run_dir)
        above = {"timeouts": run.upstream("timeouts", name)}
        try:
            given = arguments.pop("edge", None) or self._edge(name, run, variables)
            edge = Edge.from_mapping(given)
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}
        if arguments.get("bounds") is None:
            arguments["bounds"] = _ladder(above)
        arguments["edge"] = given
        result = self._execute_module(module_name="edge_path_probe", module_args=arguments, task_vars=variables)
        if result.get("failed") or "edge_facts" not in result:
            return result
        return {**result, **_judged(edge, result["edge_facts"], above, run_dir)}

    def _edge(self, name: str, run: Run, variables: dict[str, Any]) -> dict[str, Any]:
        """The edge's options as the run validated them, else from the host's variables."""
        if run.directory is not None:
            known = next((edge for edge in run.targets() if edge.get("name") == name), None)
            if known is not None:
                return known
        own = {key: value for key, value in variables.items() if key.startswith("edge_")}
        try:
            return from_variables(name, _without_own(self._templar.template(own)))
        except AnsibleError as error:
            raise EdgepathError(f"edge {name}: its variables cannot be resolved: {error.message}") from None


def _without_own(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables of the role edge_probe speak to the probe, not to the edge."""
    return {key: value for key, value in variables.items() if not key.startswith("edge_probe_")}


def _ladder(above: dict[str, Any]) -> list[dict[str, Any]]:
    judged = above["timeouts"]
    if judged is None or unread(judged) is not None:
        return []
    return list(judged.get("ladder") or [])


def _judged(edge: Edge, facts: dict[str, Any], above: dict[str, Any], run_dir: str | None) -> dict[str, Any]:
    """The findings, the comparison and the causes; kept in the run where there is one."""
    ladder = ladder_of(facts, above)
    facts["comparison"] = observe.side_by_side(facts, bounds_of(ladder or ()))
    facts["causes"] = observe.causes(facts, ladder)
    findings = judge_edge(edge, facts, above, CATALOGUE, judge)
    if run_dir is not None:
        step = Step(DOMAIN, {edge.name: facts}, findings)
        write_json(os.path.join(run_dir, DOMAIN, os.path.basename(facts_path(run_dir, edge.name))), step.to_dict())
    return {
        "findings": [finding.to_dict() for finding in findings],
        "failed_because": [f"{item.check}: {item.observed}" for item in findings if item.status == "fail"],
        "comparison": facts.pop("comparison"),
        "causes": facts.pop("causes"),
    }
