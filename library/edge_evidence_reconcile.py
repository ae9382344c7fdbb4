#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconciles what was asked for with what an evidence package holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_evidence_reconcile
short_description: Reconcile what was asked for with what a package holds
description:
  - Goes from the plan of M(edge_recording_retrieve#module) over its results to the package of
    M(edge_evidence_package#module), and says of each thing that was asked for how far it came and why no further.
  - Fails unless everything that was asked for was fetched, verified, and is in the package with the same bytes.
  - Reads the package's list of objects. That the files are those of the list is what M(edge_evidence_verify#module)
    checks.
  - Runs on the controller.
options:
  files:
    description: The folder of the retrieval, with C(plan.json) and C(results).
    type: path
    required: true
  package:
    description: The package. Where nothing is there, nothing is in it.
    type: path
    required: true
  failures:
    description: Why objects were not fetched, by key, as the retrieval returned it.
    type: dict
    default: {}
  report:
    description: A file to write the reconciliation to, JSON.
    type: path
author:
  - edgepath maintainers
attributes:
  check_mode:
    description: Reconciles, and writes no report.
    support: full
seealso:
  - module: edge_recording_retrieve
  - module: edge_evidence_package
  - module: edge_evidence_verify
"""

EXAMPLES = r"""
- name: Is everything that the job left out in the package?
  edge_evidence_reconcile:
    files: /srv/retrieved/case-4711
    package: /srv/evidence/case-4711
    report: /srv/evidence/case-4711.reconciliation.json
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
complete:
  description: Whether everything that was asked for is in the package, verified.
  returned: when there is a plan
  type: bool
  sample: true
reconciliation:
  description: As M(edge_recording_retrieve#module) returns it, with C(packaged), the count of what the package holds.
  returned: when there is a plan
  type: dict
  sample: {asked: 1, found: 1, fetched: 1, verified: 1, packaged: 1, missing: 0, duplicate: 0, complete: true}
lines:
  description: The same for people.
  returned: when there is a plan
  type: list
  elements: str
  sample:
    - "asked 1, found 1, fetched 1, verified 1, packaged 1, missing 0, duplicate 0: complete"
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.announce import account_lines
from ansible.module_utils.edge.retrieve.reconcile import reconcile
from ansible.module_utils.edge.run import read_json, write_json


def results(folder: str) -> list[dict[str, Any]]:
    if not os.path.isdir(folder):
        raise EdgepathError(f"{folder} is not there; name the folder of a retrieval")
    return [read_json(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".json")]


def packaged(package: str) -> dict[str, str]:
    """key -> SHA-256 of what a package says that it holds; nothing where there is no package."""
    if not os.path.lexists(package):
        return {}
    path = os.path.join(package, "evidence", "objects.json")
    try:
        return {str(item["key"]): str(item["sha256"]) for item in read_json(path)}
    except (KeyError, TypeError):
        raise EdgepathError(f"{path} is no list of objects; is {package} an evidence package?") from None


def run(module: AnsibleModule) -> None:
    given = module.params
    plan = read_json(os.path.join(given["files"], "plan.json"))
    failures = {str(key): str(value) for key, value in given["failures"].items()}
    found = reconcile(plan, results(os.path.join(given["files"], "results")), failures, packaged(given["package"]))
    report = None if given["report"] is None else os.path.abspath(given["report"])
    changed = report is not None and not (os.path.exists(report) and read_json(report) == found)
    if changed and not module.check_mode:
        write_json(str(report), found)
    result = {"changed": changed, "complete": found["complete"], "reconciliation": found, "lines": account_lines(found)}
    if not found["complete"]:
        module.fail_json(msg="; ".join(result["lines"]), **result)
    module.exit_json(**result)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "path", "required": True},
            "package": {"type": "path", "required": True},
            "failures": {"type": "dict", "default": {}},
            "report": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        run(module)
    except EdgepathError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
