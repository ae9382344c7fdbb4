#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches recordings straight from the bucket, complete and verified."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_recording_retrieve
short_description: Fetch recordings from the bucket, complete and verified
description:
  - Fetches the recordings that a failed job left out, or that are named otherwise, from the bucket itself. A recording
    is at its final path when all of its bytes are there and agree with the storage's checksums, and not before.
  - Decides on exact object versions before the first byte, by rule, and writes that down as the plan. Several versions,
    delete markers and archived storage classes are shown and never passed over in silence.
  - Goes on where it was after broken connections, and after being killed. What is on the disk is checked before it is
    believed.
  - Notes every request in a journal whose entries are chained by hashes.
  - Fails where anything that was asked for is not complete and verified in the end.
  - Runs on the controller, or on an edge that has boto3.
options:
  dest:
    description:
      - The folder for everything that is left behind. The recordings in C(objects), and beside it C(plan.json),
        C(journal.jsonl), C(results) and C(reconciliation.json).
      - One folder is for one request. Asked again, the same request goes on there; another one is refused.
    type: path
    required: true
  bucket:
    description: The bucket of the recordings. That of the host's variable C(edge_bucket) by default.
    type: str
    required: true
  prefix:
    description:
      - Where in the bucket recordings and conversations are looked for, and what O(since) and O(until) mean.
      - That of C(edge_prefix) by default, where the host has such a variable.
    type: str
    default: ""
  region:
    description: The bucket's region. That of C(edge_region) by default, where the host has such a variable.
    type: str
    default: us-east-1
  endpoint_url:
    description:
      - The address of the storage, where it is not AWS. That of C(edge_aws_endpoint_url) by default, or of
        C(edge_storage_endpoint) where C(edge_storage_kind) is C(s3_compatible).
    type: str
  aws_profile:
    description:
      - The profile of the AWS configuration to read with. That of C(edge_aws_profile) by default, and else the
        environment's credentials.
    type: str
  role_arn:
    description: A role to take on for reading.
    type: str
  jobs:
    description:
      - Failed export jobs, as M(edge_export_job_info#module) returns them or in any shape that it reads. What is
        fetched are their failed recordings.
      - One of O(jobs), O(job_path), O(recordings), O(conversations), O(keys), O(since) and O(until) is needed.
    type: list
    elements: dict
    default: []
  job_path:
    description: A saved job document. What is fetched are its failed recordings.
    type: path
  recordings:
    description: Ids of recordings.
    type: list
    elements: str
    default: []
  conversations:
    description: Ids of conversations. All of their recordings are fetched.
    type: list
    elements: str
    default: []
  keys:
    description: Keys of objects.
    type: list
    elements: str
    default: []
  since:
    description:
      - Everything below O(prefix) from this time on, ISO 8601, in UTC where it names no zone. The hour in the folders
        of a key decides, and where it has none, the time at which the object was written.
    type: str
  until:
    description: Everything below O(prefix) before this time.
    type: str
  rule:
    description:
      - Which version is fetched where a key has several versions or delete markers. V(fail) fetches nothing then,
        V(latest) takes the newest, V(as_of) the newest that was there at O(as_of).
    type: str
    choices: [fail, latest, as_of]
    default: fail
  as_of:
    description: The time for the rule V(as_of), ISO 8601.
    type: str
  delete_markers:
    description:
      - What is done where a delete marker hides the versions below it. V(fail) fetches nothing then, V(fetch_below)
        takes the newest version below.
    type: str
    choices: [fail, fetch_below]
    default: fail
  metadata:
    description: Whether the metadata beside a recording (C(..._metadata.json)) is fetched with it.
    type: bool
    default: true
  fetch_incomplete:
    description:
      - Whether what was found is fetched although something else that was asked for was not. The task fails all the
        same, after that.
    type: bool
    default: false
  replan:
    description: Whether it is decided anew which versions are fetched, although O(dest) has a plan.
    type: bool
    default: false
  unverifiable:
    description:
      - What is done with an object of which the storage has no checksum that can be compared. V(twice) fetches it twice
        and compares, V(fail) does not fetch it, V(accept) keeps it and does not call it verified.
    type: str
    choices: [twice, fail, accept]
    default: twice
  concurrency:
    description: How many ranges of a recording are fetched at a time.
    type: int
    default: 4
  idle_seconds:
    description: A connection over which nothing comes for so long is given up, and the range goes on over another.
    type: float
    default: 20.0
  least_bytes_per_second:
    description: A connection that brings less than this, over O(window_seconds), is given up likewise.
    type: float
    default: 16384.0
  window_seconds:
    description: How long a connection may be slow.
    type: float
    default: 30.0
  attempts:
    description: After so many attempts in a row that brought nothing, a recording is given up.
    type: int
    default: 8
  sntp_server:
    description:
      - A time server, C(host) or C(host:port), that this machine's clock is compared with before and after. The
        comparison with the storage's C(Date) headers is made in any case.
    type: str
  progress_seconds:
    description:
      - After so many seconds the next line about bytes, rate and time left is shown. V(0) shows none. Lines are shown
        where the task runs on the controller.
    type: float
    default: 10.0
requirements:
  - boto3
  - awscrt, for the checksums CRC32C and CRC64NVME. Without it objects that have no other count as unverifiable.
attributes:
  action:
    description: Fills in the storage from the host's variables, and shows the plan and the progress.
    support: full
  check_mode:
    description: Decides what would be fetched, shows the plan, and writes nothing.
    support: full
  diff_mode:
    description: Shows which objects would be, or were, added to those that are there.
    support: full
author:
  - edgepath maintainers
notes:
  - Needs C(s3:ListBucketVersions) on the bucket and C(s3:GetObjectVersion) on its objects, C(s3:GetObject) where it has
    no versions, C(kms:Decrypt) for the key that encrypts them, and C(s3:GetObjectVersionAttributes) with
    C(s3:GetObjectAttributes) to read the parts with one request.
  - The requests that were under way when the program was killed are not in the journal. The bytes that they left are
    named by the next run's event C(resumed).
  - While it runs, C(progress.json) in O(dest) says how far it is, with bytes, rate and time left.
seealso:
  - module: edge_export_job_info
  - module: edge_evidence_package
"""

EXAMPLES = r"""
- name: Read the job that failed last night
  edge_export_job_info:
    path: jobs/9b2f61c4.json
  delegate_to: localhost
  register: saved

- name: Fetch the recordings that it left out
  edge_recording_retrieve:
    dest: /srv/retrieved/case-4711
    bucket: acme-recordings
    region: eu-west-2
    prefix: 0f7d1b1e-8a4f-4f57-8a34-6c5d2f3c9e10/
    jobs: "{{ saved.jobs }}"
  delegate_to: localhost
  run_once: true

- name: Fetch what was recorded in two hours, as it was at midnight, whatever was deleted since
  edge_recording_retrieve:
    dest: /srv/retrieved/case-4712
    bucket: acme-recordings
    region: eu-west-2
    since: "2026-11-20T02:00:00Z"
    until: "2026-11-20T04:00:00Z"
    rule: as_of
    as_of: "2026-11-21T00:00:00Z"
    delete_markers: fetch_below
  delegate_to: localhost
  run_once: true

# What would be fetched, from a shell:
#   ansible localhost --check --diff -m edge_recording_retrieve \
#     -a '{"dest": "/srv/retrieved/x", "bucket": "acme-recordings", "region": "eu-west-2", "keys": ["calls/a.opus"]}'
"""

RETURN = r"""
complete:
  description: Whether everything that was asked for is there and verified.
  returned: when a plan was made
  type: bool
  sample: true
reconciliation:
  description:
    - How far each thing that was asked for came, from C(missing) over C(found) and C(fetched) to C(verified), and why
      it came no further.
  returned: when a plan was made
  type: dict
  sample:
    asked: 1
    found: 1
    fetched: 1
    verified: 1
    missing: 0
    duplicate: 0
    complete: true
    items:
      - {asked: recording 5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1, state: verified, reason: "", keys: [calls/5a1f.opus]}
    duplicates: []
    metadata_missing: []
plan:
  description: The versions that were decided on, and those that were not fetched, with the reasons.
  returned: when a plan was made
  type: dict
  sample:
    rule: latest
    size: 58720256
    missing: []
    objects:
      - key: calls/5a1f.opus
        state: fetch
        reason: the only version
        version_id: 3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY
        etag: '"9b2cf535f27731c974343645a3985328"'
        size: 58720256
plan_lines:
  description: The plan, as a person reads it.
  returned: when a plan was made
  type: list
  elements: str
  sample:
    - "plan: 1 asked for; 1 of 1 objects are to be fetched, 56.0 MiB; rule latest"
    - "  fetch      calls/5a1f.opus, version 3sL4kqtJlcpX, 56.0 MiB: the only version"
records:
  description: What is known of each object that is there, as M(edge_evidence_package#module) takes it.
  returned: when not in check mode
  type: list
  elements: dict
  sample:
    - key: calls/5a1f.opus
      path: /srv/retrieved/case-4711/objects/calls/5a1f.opus
      sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      verified: true
      received: 58720256
      retries: 0
failures:
  description: Why objects of the plan were not fetched, by key.
  returned: when not in check mode
  type: dict
  sample: {}
requests:
  description: How many requests were made to the storage.
  returned: when a plan was made
  type: int
  sample: 12
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.announce import ProgressFile, plan_lines, words
from ansible.module_utils.edge.retrieve.engine import UNVERIFIABLE
from ansible.module_utils.edge.retrieve.plan import MARKER_RULES
from ansible.module_utils.edge.retrieve.request import LISTED, difference, message, request_from
from ansible.module_utils.edge.retrieve.retrieval import Retrieved, plan_only, retrieve

SPEC: dict[str, Any] = {
    "dest": {"type": "path", "required": True},
    "bucket": {"type": "str", "required": True},
    "prefix": {"type": "str", "default": ""},
    "region": {"type": "str", "default": "us-east-1"},
    "endpoint_url": {"type": "str"},
    "aws_profile": {"type": "str"},
    "role_arn": {"type": "str"},
    "jobs": {"type": "list", "elements": "dict", "default": []},
    "job_path": {"type": "path"},
    **{name: {"type": "list", "elements": "str", "default": []} for name in LISTED},
    "since": {"type": "str"},
    "until": {"type": "str"},
    "rule": {"type": "str", "choices": ["fail", "latest", "as_of"], "default": "fail"},
    "as_of": {"type": "str"},
    "delete_markers": {"type": "str", "choices": list(MARKER_RULES), "default": "fail"},
    "metadata": {"type": "bool", "default": True},
    "fetch_incomplete": {"type": "bool", "default": False},
    "replan": {"type": "bool", "default": False},
    "unverifiable": {"type": "str", "choices": list(UNVERIFIABLE), "default": "twice"},
    "concurrency": {"type": "int", "default": 4},
    "idle_seconds": {"type": "float", "default": 20.0},
    "least_bytes_per_second": {"type": "float", "default": 16384.0},
    "window_seconds": {"type": "float", "default": 30.0},
    "attempts": {"type": "int", "default": 8},
    "sntp_server": {"type": "str"},
    "progress_seconds": {"type": "float", "default": 10.0},  # of the action, which tells what the module writes
}


def shown(dest: str) -> tuple[Callable[[Mapping[str, Any]], None], ProgressFile]:
    """Tells the progress file, and a terminal where there is one."""
    file = ProgressFile(dest)

    def show(state: Mapping[str, Any]) -> None:
        file(state)
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{words(state)}")
            sys.stderr.flush()

    return show, file


def done(module: AnsibleModule) -> Retrieved:
    request = request_from(module.params)
    if module.check_mode:
        return plan_only(request)
    show, file = shown(request.destination)
    try:
        return retrieve(request, show)
    finally:
        file.remove()


def run(module: AnsibleModule) -> None:
    what = done(module)
    result: dict[str, Any] = {
        "changed": bool(what.added),
        "complete": what.reconciliation["complete"],
        "plan": what.plan,
        "plan_lines": plan_lines(what.plan),
        "reconciliation": what.reconciliation,
        "requests": what.requests,
        "diff": difference(what),
    }
    planned = not what.plan["missing"] and all(item["state"] == "fetch" for item in what.plan["objects"])
    if not module.check_mode:
        result.update(records=what.results, failures=what.failures)
    if not (planned if module.check_mode else result["complete"]):
        module.fail_json(msg=message(what), **result)
    module.exit_json(**result)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        run(module)
    except EdgepathError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
