#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes report.json of what the steps of a run found, and the verdict on each edge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_report
short_description: Decide the verdict on each edge and write the report of a run
description:
  - Reads what the audit modules left in the directory of the run, decides the verdict on every edge, and writes
    C(report.json) there. M(edge_report_write) ends the run, and lets C(latest) lead to it.
  - Waivers that were declared when the run began are applied. What they accept counts for the verdict and does not fail
    the host; what a waiver accepted until it expired counts again.
  - A step that did not run, an edge that could not be reached, a permission that was missing. All are unknown answers,
    never silence.
  - Runs on the controller.
options:
  run_dir:
    description: The directory of the run, as RV(edge_run#module:run_dir) names it.
    type: path
    required: true
  fail_on:
    description: The least severity of a failed check that fails the edge's host. V(never) only reports.
    type: str
    choices: [info, low, medium, high, critical, never]
    default: high
  allow_unknown:
    description: Whether a host passes though answers are missing.
    type: bool
    default: false
  before:
    description:
      - The directory of the run to compare with, which a converge began with.
      - The report then tells every edge as it was, and what was changed.
    type: path
author:
  - edgepath maintainers
notes:
  - The report is the record of the audit and is written in check mode too. Nothing else is.
"""

EXAMPLES = r"""
- name: Write the report
  edge_report:
    run_dir: "{{ edge_run_dir }}"
    fail_on: high
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
report:
  description: The path of report.json.
  returned: success
  type: str
  sample: /srv/edgepath/runs/20261123T031500Z-5f0c1d/report.json
edges:
  description: The verdict on each edge, whether its host fails, and why.
  returned: success
  type: dict
  sample:
    london-1:
      verdict: truncates
      sentence: recordings over 45 min are cut at 900 s by Squid read_timeout (proxy)
      failed: true
      failed_because: ["TIMEOUTS-03 failed (edge_fail_on is high)"]
coverage:
  description: Answers expected and given, and the permissions that were missing.
  returned: success
  type: dict
  sample: {expected: 60, judged: 60, missing_permissions: [], missing_policies: []}
"""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.catalogue import DOMAINS, all_checks, asked
from ansible.module_utils.edge.converge.story import tell
from ansible.module_utils.edge.finding import EdgepathError, Finding, Unread
from ansible.module_utils.edge.latest import scope
from ansible.module_utils.edge.missing import policies, reader
from ansible.module_utils.edge.module import unjudged
from ansible.module_utils.edge.probe.witness import added, heard, side_by_side
from ansible.module_utils.edge.report import Gate, build
from ansible.module_utils.edge.run import Run, facts_path, read_json, uncollected, write_json
from ansible.module_utils.edge.targets import edges_from
from ansible.module_utils.edge.visible import shown, visible_line
from ansible.module_utils.edge.waivers import Waiver
from ansible.module_utils.edge.waivers_apply import apply, warnings


def collect(run: Run, edges: list[str], errors: dict[str, str]) -> dict[str, list[Finding]]:
    """All findings by edge, complete: what a step did not answer is unknown."""
    table: dict[str, list[Finding]] = {name: [] for name in edges}
    for domain, catalogue in DOMAINS.items():
        stored = run.step(domain)
        answered: dict[str, list[Finding]] = {}
        if not isinstance(stored, Unread):
            for item in stored["findings"]:
                answered.setdefault(item["edge"], []).append(Finding.from_dict(item))
        for name in edges:
            because = stored if isinstance(stored, Unread) else run.upstream(domain, name)
            if not isinstance(because, Unread):
                because = Unread("not_collected", f"edge_{domain}_audit", name, "the check gave no answer")
            found = answered.get(name, [])
            missing = {check: catalogue[check] for check in catalogue if check not in {item.check for item in found}}
            table[name] += found + unjudged(name, missing, because)
    for name in edges:
        table[name] = added(table[name], name, heard(run, name))
    for name, message in errors.items():
        table[name] = unjudged(name, asked(), Unread("error", "inventory", name, message))
    return table


def culprits(run: Run, edges: Iterable[str]) -> dict[str, list[dict[str, object]]]:
    """The likely causes of an observed failure, by edge; none where no failed export was shown to the audit."""
    told = {name: run.upstream("log", name) for name in edges}
    found = {name: facts.get("culprits") for name, facts in told.items() if not isinstance(facts, Unread)}
    return {name: ranked for name, ranked in found.items() if isinstance(ranked, list)}


def digest(run: Run, begun: dict[str, object]) -> str:
    """SHA-256 over all that was judged by: the edges' variables and waivers, what was read, what the steps gathered."""
    summed = hashlib.sha256(json.dumps(begun["edges"], sort_keys=True).encode())
    if begun.get("waivers", {}).get("list"):
        summed.update(json.dumps(begun["waivers"]["list"], sort_keys=True).encode())
    for edge in begun["edges"]:
        path = facts_path(run.directory, edge["name"])
        summed.update(json.dumps(read_json(path) if os.path.exists(path) else None, sort_keys=True).encode())
    for domain in DOMAINS:
        stored = run.step(domain)
        facts = None if isinstance(stored, Unread) else stored["facts"]
        summed.update(json.dumps(facts, sort_keys=True).encode())
    for edge in begun["edges"]:
        probe = side_by_side(heard(run, edge["name"]))
        if probe is not None:
            summed.update(json.dumps(probe, sort_keys=True).encode())
    return summed.hexdigest()


def waived(
    begun: dict[str, object], findings: dict[str, list[Finding]]
) -> tuple[dict[str, list[Finding]], list[dict[str, object]]]:
    """The findings with the waivers of the run applied, and the register; a run without waivers has none."""
    declared = begun.get("waivers") or {"list": [], "partial": False, "warn_days": 0}
    waivers = [Waiver.from_dict(item) for item in declared["list"]]
    return apply(findings, waivers, datetime.now(timezone.utc), declared["partial"], declared["warn_days"])


def report(run_dir: str, gate: Gate, before: str | None = None) -> dict[str, object]:
    """Build and write the report; returns the module's result."""
    run = Run(run_dir)
    begun = read_json(os.path.join(run_dir, "run.json"))
    edges, errors = edges_from(begun["edges"])
    errors.update(begun["errors"])
    findings, register = waived(begun, collect(run, [edge.name for edge in edges], errors))
    path = os.path.join(run_dir, "report.json")
    about = {key: begun[key] for key in ("id", "started", "version", "commit", "caller")}
    about["finished"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    about["inputs_sha256"] = digest(run, begun)
    about["report"] = path
    about["scope"] = scope(run_dir, begun)
    payloads = {edge.name: edge.payload for edge in edges}
    content = build(about, findings, payloads, all_checks(), gate, culprits(run, findings), register)
    for name, edge in content["edges"].items():
        probe = side_by_side(heard(run, name))
        if probe is not None:
            edge["probe"] = probe
    if before is not None:
        content["converge"] = tell(before)
    content["coverage"]["missing_policies"] = policies(findings, {edge.name: reader(edge) for edge in edges})
    try:
        if os.path.exists(path):
            ended.rewrite(run_dir)  # a probe adds to the report of a run, which need not be the newest
        write_json(path, content)
    except OSError as error:
        raise EdgepathError(f"cannot write {path}: {error.strerror}") from None
    told = ("verdict", "sentence", "failed", "failed_because")
    # Ansible shows these in a terminal; what it looks edges up by stays as the inventory has it.
    return {
        "report": path,
        "edges": {
            name: shown({key: edge[key] for key in told}, visible_line) for name, edge in content["edges"].items()
        },
        "coverage": shown(content["coverage"], visible_line),
        "warnings": shown(warnings(register), visible_line),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run_dir": {"type": "path", "required": True},
            "fail_on": {
                "type": "str",
                "choices": ["info", "low", "medium", "high", "critical", "never"],
                "default": "high",
            },
            "allow_unknown": {"type": "bool", "default": False},
            "before": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        gate = Gate(module.params["fail_on"], module.params["allow_unknown"])
        with uncollected():
            result = report(module.params["run_dir"], gate, module.params["before"])
    except EdgepathError as error:
        ended.fail(module.params["run_dir"], str(error))
        module.fail_json(msg=str(error))
    for message in result.pop("warnings"):
        module.warn(message)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
