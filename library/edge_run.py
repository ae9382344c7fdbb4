#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begins a run: validates the edges, makes its directory, writes run.json."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_run
short_description: Begin a run of edgepath
description:
  - Validates the variables of every edge and makes the directory of the run, to which the later steps write.
  - The document of a failed export job that C(edge_job_path) names becomes the window in which that edge's log is read.
  - An edge whose variables are wrong is reported with one clear message and keeps no other edge from being judged.
  - Runs on the controller.
options:
  runs_dir:
    description: The directory that holds all runs. It is made readable by its owner alone.
    type: path
    required: true
  project_dir:
    description: The checkout of this project, whose commit the report names.
    type: path
  edges:
    description:
      - One mapping an edge, as the filter P(edge_targets#filter) makes them of the inventory.
      - Their keys are those of O(edge_egress_audit#module:edges).
    type: list
    elements: dict
    required: true
  inventory:
    description:
      - The names of all edges of the inventory. A run of fewer is a partial one, and does not take C(runs/latest)
        from a fuller one.
    type: list
    elements: str
    default: []
  tags:
    description:
      - What C(--tags) names, the steps that M(edge_path_audit) walks. One that is no step of the audit ends the run
        before anything is read, since an audit that asked nothing would pass.
    type: list
    elements: str
    default: []
  skip_tags:
    description: What C(--skip-tags) names. One that resembles a step and is none ends the run; any other is not ours.
    type: list
    elements: str
    default: []
  fail_on:
    description: The least severity that will fail an edge. Here it is only checked, so that a wrong one ends the run.
    type: str
    default: high
  waivers:
    description:
      - The waivers of the inventory, as the filter P(edge_waivers#filter) collects them. Keys C(sources), a list of
        C(waivers) or C(file) (an absolute path on this controller) with their C(hosts), C(groups) and C(partial).
      - One that is wrong ends the run before anything is read, with all that is wrong with any of them.
    type: dict
    default: {}
  waivers_timezone:
    description:
      - The time zone in which a waiver's last day ends, where the waiver names none. A name of the IANA database.
    type: str
    default: UTC
  waivers_warn_days:
    description: How many days before its end a waiver is warned about.
    type: int
    default: 30
  purpose:
    description: What the run is for.
    type: str
    choices: [audit]
    default: audit
author:
  - edgepath maintainers
notes:
  - The run directory is the record of the audit and is written in check mode too. Nothing else is.
"""

EXAMPLES = r"""
- name: Begin a run
  edge_run:
    runs_dir: /srv/edgepath/runs
    edges: "{{ ansible_play_hosts_all | edge_targets(hostvars) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
run_dir:
  description: The directory of this run.
  returned: success
  type: str
  sample: /srv/edgepath/runs/20261123T031500Z-5f0c1d
id:
  description: The run's id, its time of start in UTC and a random part.
  returned: success
  type: str
  sample: 20261123T031500Z-5f0c1d
edges:
  description: The names of the edges that will be judged.
  returned: success
  type: list
  elements: str
  sample: [london-1]
errors:
  description: The message of each edge whose variables are wrong, by name.
  returned: success
  type: dict
  sample:
    london-2: "edge london-2: unknown variable edge_buket; did you mean edge_bucket?"
"""

import difflib
import os
import secrets
import socket
import subprocess
from collections.abc import Iterable
from datetime import datetime, timezone

import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.catalogue import DOMAINS, all_checks
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.job.choose import with_window
from ansible.module_utils.edge.regions import listed, unlisted
from ansible.module_utils.edge.report import Gate
from ansible.module_utils.edge.run import make_private, user_name, write_json
from ansible.module_utils.edge.targets import edges_from
from ansible.module_utils.edge.version import VERSION
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.waivers import Source, validated

# What Ansible itself understands by a tag.
SPECIAL_TAGS = ("all", "always", "never", "tagged", "untagged")
EVERY_STEP = ("all", "tagged")


def asked_of(edges: list[dict[str, object]], tags: Iterable[str], skipped: Iterable[str]) -> list[str]:
    """The steps of the audit; EdgepathError where nothing would be audited: no edge, or a tag that is no step's."""
    if not edges:
        raise EdgepathError("the inventory has no edge: name the edges in its group edges, and the inventory with -i")
    for tag in (*tags, *skipped):
        if tag not in (*DOMAINS, *SPECIAL_TAGS):
            near = difflib.get_close_matches(tag, DOMAINS, n=1)
            if tag in skipped and not near:
                continue  # another playbook's: an audit that skips nothing for it is a fuller one
            hint = f"; did you mean {near[0]}?" if near else ""
            raise EdgepathError(f"no step has the tag {tag!r}{hint} (the steps are {', '.join(DOMAINS)})")
    every = not tags or bool(set(EVERY_STEP) & set(tags))
    none = bool(set(EVERY_STEP) & set(skipped))
    return [name for name in DOMAINS if (every or name in tags) and not none and name not in skipped]


def commit_of(directory: str) -> str | None:
    """The git commit that the project stands at, None where it is no checkout."""
    command = ["git", "-C", directory, "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def in_windows(edges: list[dict[str, object]]) -> tuple[list[dict[str, object]], list[str]]:
    """The edges with the windows that their job documents tell, and what is wrong with documents that tell none.

    A bad document does not keep an edge from being judged: edge_log_audit names it in a finding of its own.
    """
    resolved, wrong = [], []
    for edge in edges:
        try:
            resolved.append(with_window(edge))
        except EdgepathError as error:
            resolved.append(edge)
            wrong.append(str(error))
    return resolved, wrong


def waivers_of(collected: dict[str, object], zone: str, warn_days: int) -> dict[str, object]:
    """The inventory's waivers, validated, as run.json holds them; EdgepathError with all that is wrong."""
    sources = []
    for source in collected.get("sources", []):
        hosts = tuple(source["hosts"])
        if "file" in source:
            sources.append(Source(str(source["file"]), waivers_file(source["file"]), hosts))
        else:
            more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
            sources.append(Source(f"edge_waivers of {hosts[0]}{more}", source["waivers"], hosts))
    found = validated(sources, all_checks(), collected.get("groups", {}), zone)
    partial = bool(collected.get("partial"))
    return {"list": [waiver.to_dict() for waiver in found], "partial": partial, "warn_days": warn_days}


def waivers_file(path: object) -> object:
    """What a file of waivers holds."""
    if not isinstance(path, str) or not os.path.isabs(path):
        raise EdgepathError(
            f"edge_waivers_file must be an absolute path, such as one that begins with inventory_dir, not {path!r}"
        )
    try:
        with open(path, encoding="utf-8") as stream:
            return yaml.safe_load(stream)
    except OSError as error:
        raise EdgepathError(f"cannot read edge_waivers_file {path}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise EdgepathError(f"edge_waivers_file {path} is not YAML: {' '.join(str(error).split())}") from None


def begin(
    runs_dir: str,
    given: list[dict[str, object]],
    purpose: str,
    project_dir: str | None = None,
    waivers: dict[str, object] | None = None,
    inventory: Iterable[str] = (),
    steps: Iterable[str] = tuple(DOMAINS),
) -> dict[str, object]:
    """Make the run's directory and its run.json; returns the module's result."""
    runs_dir = os.path.normpath(runs_dir)
    edges, errors = edges_from(given, complete=True)
    valid = {edge.name for edge in edges}
    targets, warnings = in_windows([item for item in given if item.get("name") in valid])
    warnings += unlisted(edges, listed())
    started = datetime.now(timezone.utc)
    identifier = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    run_dir = os.path.join(runs_dir, identifier)
    try:
        ended.begin(run_dir)
        make_private(os.path.join(run_dir, "facts"))
        write_json(
            os.path.join(run_dir, "run.json"),
            {
                "id": identifier,
                "purpose": purpose,
                "started": started.isoformat(timespec="seconds"),
                "version": VERSION,
                "commit": commit_of(project_dir) if project_dir else None,
                "caller": f"{user_name()}@{socket.gethostname()}",
                "inventory": sorted(inventory),
                "steps": list(steps),
                "edges": targets,
                "errors": errors,
                "waivers": waivers or waivers_of({}, "UTC", 0),
            },
        )
    except OSError as error:
        raise EdgepathError(f"cannot write the run to {run_dir}: {error.strerror}; set edge_runs_dir") from None
    return {"run_dir": run_dir, "id": identifier, "edges": sorted(valid), "errors": errors, "warnings": warnings}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "runs_dir": {"type": "path", "required": True},
            "project_dir": {"type": "path"},
            "edges": {"type": "list", "elements": "dict", "required": True},
            "inventory": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "list", "elements": "str", "default": []},
            "skip_tags": {"type": "list", "elements": "str", "default": []},
            "fail_on": {"type": "str", "default": "high"},
            "waivers": {"type": "dict", "default": {}},
            "waivers_timezone": {"type": "str", "default": "UTC"},
            "waivers_warn_days": {"type": "int", "default": 30},
            "purpose": {"type": "str", "choices": ["audit"], "default": "audit"},
        },
        supports_check_mode=True,
    )
    try:
        given = module.params
        steps = asked_of(given["edges"], given["tags"], given["skip_tags"])
        Gate(given["fail_on"])
        waivers = waivers_of(given["waivers"], given["waivers_timezone"], given["waivers_warn_days"])
        names = ("runs_dir", "edges", "purpose", "project_dir")
        result = begin(*(given[name] for name in names), waivers, given["inventory"], steps)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    for message in (*result["errors"].values(), *result.pop("warnings")):
        module.warn(visible_line(message))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
