# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends edge_path_probe to an edge with its variables and its ladder, and judges on the controller what comes back.

A module cannot do this: it neither sees the host's variables, nor the files of a run on the controller.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.catalogue import all_checks
from ansible.module_utils.edge.finding import EdgepathError, Finding, unread
from ansible.module_utils.edge.module import judge_edge
from ansible.module_utils.edge.probe import observe, witness
from ansible.module_utils.edge.probe.checks import CATALOGUE, judge, ladder_of
from ansible.module_utils.edge.probe.predict import bounds_of
from ansible.module_utils.edge.report import Gate
from ansible.module_utils.edge.run import Run, read_json
from ansible.module_utils.edge.targets import Edge, from_variables
from ansible.module_utils.edge.visible import shown, visible_line
from ansible.module_utils.edge.waivers import Waiver
from ansible.module_utils.edge.waivers_apply import apply


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
        above = {step: run.upstream(step, name) for step in ("timeouts", "iam", "egress")}
        try:
            gate = Gate(arguments.get("fail_on") or "high", boolean(arguments.get("allow_unknown") or False))
            given = arguments.pop("edge", None) or self._edge(name, run, variables)
            edge = Edge.from_mapping(given)
        except EdgepathError as error:
            return {"failed": True, "msg": str(error)}
        if arguments.get("bounds") is None:
            arguments["bounds"] = _ladder(above)
        arguments["edge"] = given
        arguments["proxy"], announced = observe.way(arguments.get("proxy"), above["timeouts"])
        result = self._execute_module(module_name="edge_path_probe", module_args=arguments, task_vars=variables)
        if "plan" in result:
            result["plan"]["lines"] = shown([*result["plan"]["lines"], announced], visible_line)
        if result.get("failed") or "edge_facts" not in result:
            return result
        return {**result, **_judged(edge, result["edge_facts"], above, run_dir, gate)}

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


def _judged(
    edge: Edge, facts: dict[str, Any], above: Mapping[str, Any], run_dir: str | None, gate: Gate
) -> dict[str, Any]:
    """The findings, the comparison and the causes; kept in the run where there is one."""
    ladder = ladder_of(facts, above)
    facts["comparison"] = observe.side_by_side(facts, bounds_of(ladder or ()))
    facts["causes"] = observe.causes(facts, ladder)
    findings = judge_edge(edge, facts, above, CATALOGUE, judge)
    findings += witness.judge_refusals(edge, facts, above)
    if run_dir is not None:
        witness.keep(run_dir, edge.name, facts, findings)
    counted = _waived(findings, edge.name, run_dir)
    reasons = gate.reasons(counted, all_checks())
    failing = [f"{item.check}: {item.observed}" for item in counted if item.status == "fail"]
    if not gate.allow_unknown:
        missing = [item for item in counted if item.status == "unknown" and not item.accepted]
        failing += [f"{item.check}: unknown: {item.observed}" for item in missing]
    return {
        "findings": [finding.to_dict() for finding in findings],
        "failed_because": shown([*failing, *reasons], visible_line) if reasons else [],
        "comparison": shown(facts.pop("comparison")),
        "causes": facts.pop("causes"),
    }


def _waived(findings: list[Finding], edge: str, run_dir: str | None) -> list[Finding]:
    """The findings as the run's waivers leave them, for the gate; the report applies them to what is kept itself."""
    begun = {} if run_dir is None else read_json(os.path.join(run_dir, "run.json"))
    declared = [Waiver.from_dict(item) for item in (begun.get("waivers") or {}).get("list", ())]
    return apply({edge: findings}, declared, datetime.now(timezone.utc), partial=True)[0][edge]
