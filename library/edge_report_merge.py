#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges the reports of shards into the report of a fleet."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_report_merge
short_description: Merge the reports of shards into one report of the fleet
description:
  - Reads the C(report.json) of each shard, takes every edge from the newest one that holds it, and writes the report of
    the whole fleet as a run of its own. Nothing is judged again.
  - An edge of O(expected) that is in no report is unknown, with all of its checks. A report that cannot be read is
    warned about, and its edges are unknown.
  - C(runs/latest) then leads to the merged run, unless it covers less than the run that is there.
  - Runs on the controller.
options:
  runs_dir:
    description: The directory that holds all runs; the merged run is written to it.
    type: path
    required: true
  reports:
    description:
      - What to merge. Each is a C(report.json), the directory of a run, or a directory of several runs.
    type: list
    elements: path
    required: true
  expected:
    description: The names of all edges of the inventory.
    type: list
    elements: str
    required: true
  max_age_hours:
    description: Reports that ended longer ago are left out, and their edges are unknown. 0 for no limit.
    type: float
    default: 24
  allow_unknown:
    description: Whether a host passes of which no report tells anything.
    type: bool
    default: false
author:
  - edgepath maintainers
notes:
  - The report is the record of the audit and is written in check mode too. Nothing else is.
"""

EXAMPLES = r"""
- name: Merge the shards
  edge_report_merge:
    runs_dir: /srv/edgepath/runs
    reports: [/srv/edgepath/shards]
    expected: "{{ groups['edges'] }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
run_dir:
  description: The directory of the merged run.
  returned: success
  type: str
  sample: /srv/edgepath/runs/20261123T031500Z-5f0c1d
report:
  description: The path of the merged report.json.
  returned: success
  type: str
  sample: /srv/edgepath/runs/20261123T031500Z-5f0c1d/report.json
edges:
  description: The verdict on each edge, whether its host fails, and why.
  returned: success
  type: dict
  sample:
    london-1: {verdict: clear, sentence: recordings of up to 240 minutes get through, failed: false, failed_because: []}
coverage:
  description: Answers expected and given, and the permissions that were missing.
  returned: success
  type: dict
  sample: {expected: 60, judged: 60, missing_permissions: [], missing_policies: []}
merged:
  description: The runs that were merged, and how many edges were taken of each.
  returned: success
  type: list
  elements: dict
  sample: [{"id": "20261123T031000Z-aa11bb", "finished": "2026-11-23T03:12:00+00:00", "edges": 250}]
"""

import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.latest import WHOLE, chosen
from ansible.module_utils.edge.merge import Shards, age_limit, merged, warnings
from ansible.module_utils.edge.report import Gate
from ansible.module_utils.edge.run import read_json, user_name, write_json
from ansible.module_utils.edge.version import VERSION
from ansible.module_utils.edge.visible import shown, visible_line

REPORT = "report.json"


def sources(given: Iterable[str]) -> Iterator[str]:
    """The reports that the paths stand for; EdgepathError where a path stands for none."""
    for path in given:
        if os.path.isfile(path):
            yield path
            continue
        if os.path.isfile(os.path.join(path, REPORT)):
            yield os.path.join(path, REPORT)
            continue
        found = list(_below(path))
        if not found:
            raise EdgepathError(f"{path} holds no {REPORT}; name a report, a run, or a directory of runs")
        yield from found


def _below(directory: str) -> Iterator[str]:
    """The reports at any depth, links left out: `latest` names a run that is there by its own name."""
    for where, names, files in os.walk(directory):
        names.sort()
        if REPORT in files:
            yield os.path.join(where, REPORT)


def collect(reports: Iterable[str], hours: float, now: datetime) -> Shards:
    """The shards, read one at a time; one that cannot be read is said, and keeps no other from being merged.

    So is one whose run is not whole: that it failed must not look like an answer.
    """
    shards = Shards(oldest=age_limit(now, hours))
    for path in sources(reports):
        unfinished = ended.unfinished(os.path.dirname(os.path.abspath(path)))
        if unfinished is not None:
            shards.said.append(f"{path}: left out, since {unfinished}")
            continue
        try:
            shards.add(read_json(path), path)
        except EdgepathError as error:
            shards.said.append(str(error))
    return shards


def merge(params: dict[str, object]) -> dict[str, object]:
    """Write the merged run; returns the module's result."""
    now = datetime.now(timezone.utc)
    shards = collect(params["reports"], params["max_age_hours"], now)
    if not shards.runs:
        raise EdgepathError(f"there is nothing to merge: {'; '.join(shards.said)}")
    expected = list(params["expected"])
    identifier = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    run_dir = os.path.join(os.path.normpath(str(params["runs_dir"])), identifier)
    stamp = now.isoformat(timespec="seconds")
    about = {
        "id": identifier,
        "started": min(str(run["started"]) for run in shards.runs),
        "finished": stamp,
        "version": VERSION,
        "commit": None,
        "caller": f"{user_name()}@{socket.gethostname()}",
        "report": os.path.join(run_dir, REPORT),
    }
    content = merged(shards, about, expected, Gate(allow_unknown=bool(params["allow_unknown"])))
    scope = content["run"]["scope"]
    begun = {
        **about,
        "purpose": "merge",
        "inventory": sorted(expected),
        "edges": [{"name": name} for name in sorted(shards.edges)],
        "errors": {},
        "steps_left_out": scope["steps_left_out"],
    }
    try:
        ended.begin(run_dir)
        write_json(os.path.join(run_dir, "run.json"), begun)
        write_json(os.path.join(run_dir, REPORT), content)
    except OSError as error:
        ended.fail(run_dir, f"cannot write: {error.strerror}")
        raise EdgepathError(f"cannot write the run to {run_dir}: {error.strerror}; set edge_runs_dir") from None
    said = warnings(shards, expected)
    name = chosen(run_dir, begun, scope)
    if name != WHOLE:
        said.append(f"{name} leads to this run; {WHOLE} stays with one that covers more")
    told = ("verdict", "sentence", "failed", "failed_because")
    return {
        "run_dir": run_dir,
        "report": about["report"],
        "edges": {
            name: shown({key: edge[key] for key in told}, visible_line) for name, edge in content["edges"].items()
        },
        "coverage": shown(content["coverage"], visible_line),
        "merged": shown(content["run"]["merged"], visible_line),
        "warnings": shown(said, visible_line),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "runs_dir": {"type": "path", "required": True},
            "reports": {"type": "list", "elements": "path", "required": True},
            "expected": {"type": "list", "elements": "str", "required": True},
            "max_age_hours": {"type": "float", "default": 24},
            "allow_unknown": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = merge(module.params)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    for message in result.pop("warnings"):
        module.warn(message)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
