#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads export jobs: what failed, when, and for how long it had run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_export_job_info
short_description: Read failed export jobs of a saved document or from Genesys Cloud
description:
  - Tells of each job its state, window, duration and the class of its failure, and the recordings that it failed for.
  - Speaks both vocabularies, that of the public interface (PENDING, READY, PROCESSING, FULFILLED, FAILED, CANCELLED)
    and that of operators (IN_PROGRESS, STREAM_TERMINATION_ERROR), and answers in the words of the public interface.
  - The public interface names failed recordings without times or reasons. A saved document may hold them.
  - Runs on the controller and changes nothing.
options:
  path:
    description: A saved job document, JSON. One job, a list of jobs, or a listing with C(entities).
    type: path
  host:
    description:
      - Where the platform's API is served. A region (V(eu-west-2)), a host (V(api.euw2.pure.cloud)) or a URL.
      - One of O(path) and O(host) is needed.
    type: str
  client_id:
    description: The OAuth client (client credentials) to read with. The environment's C(GENESYS_CLIENT_ID) by default.
    type: str
  client_secret:
    description: Its secret. The environment's C(GENESYS_CLIENT_SECRET) by default, which keeps it out of playbooks.
    type: str
  job_id:
    description: Only this job.
    type: str
  state:
    description: Only jobs in this state. Jobs that lack recordings though they are V(FULFILLED) are failed too.
    type: str
    choices: [PENDING, READY, PROCESSING, FULFILLED, FAILED, CANCELLED]
  failed_recordings:
    description: Whether to ask the platform for each failed job's recordings, one request a job or more.
    type: bool
    default: true
requirements:
  - PureCloudPlatformClientV2, on the controller, for O(host) alone. Nothing else of the project needs it.
author:
  - edgepath maintainers
notes:
  - Every request is bounded in time (10 s to connect, 30 s to read) and in tries (4).
  - The OAuth client's role needs C(recording:job:view).
"""

EXAMPLES = r"""
- name: Read the job that failed last night
  edge_export_job_info:
    path: jobs/9b2f61c4.json
  delegate_to: localhost
  register: saved

- name: Ask the platform for failed jobs
  edge_export_job_info:
    host: eu-west-2
    state: FAILED
  delegate_to: localhost
  environment:
    GENESYS_CLIENT_ID: "{{ vault_genesys_client_id }}"
    GENESYS_CLIENT_SECRET: "{{ vault_genesys_client_secret }}"

# ansible localhost -m edge_export_job_info -a 'path=jobs/9b2f61c4.json'
"""

RETURN = r"""
jobs:
  description: The jobs, with times in UTC. What a source does not tell is null.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 9b2f61c4-6d1c-4f0e-9a53-0f2d7be4c1aa
      state: FAILED
      failed: true
      started: "2026-11-20T02:00:00.381Z"
      ended: "2026-11-20T02:18:41.237Z"
      duration_seconds: 1120.856
      error: STREAM_TERMINATION_ERROR
      code: 502
      message: connection reset by peer
      failure: reset
      window: {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}
      observed: {"duration_seconds": 900.006, "code": 502, "failure": "reset"}
      failed_recordings:
        - recording: 5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1
          conversation: c8b8f8a4-1f0e-4f65-9e0b-2a64f3b0d7aa
          audio_seconds: 3720.0
          transfer_seconds: 900.006
          window: {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}
windows:
  description: The windows of the failed jobs, as O(edge_log_audit#module:edges[].window) takes them.
  returned: success
  type: list
  elements: dict
  sample: [{"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.job.api import Access, JobsApi
from ansible.module_utils.edge.job.model import Job, JobState
from ansible.module_utils.edge.job.saved import read_document


def saved(path: str, job_id: str | None, state: str | None) -> list[Job]:
    """The jobs of a document, all or those that are asked for."""
    jobs = [job for job in read_document(path) if job_id in (None, job.id)]
    if not jobs:
        raise EdgepathError(f"{path}: holds no job {job_id}")
    return [job for job in jobs if state in (None, job.state.value)]


def asked(access: Access, job_id: str | None, state: str | None, recordings: bool) -> list[Job]:
    """The jobs that the platform tells, failed ones with their recordings."""
    api = JobsApi(access)
    jobs = [api.job(job_id)] if job_id else api.jobs(state)
    if not recordings:
        return jobs
    ended = (JobState.FAILED, JobState.FULFILLED, JobState.CANCELLED)
    return [api.with_recordings(job) if job.state in ended else job for job in jobs]


def credentials(module: AnsibleModule) -> Access:
    """The host and the OAuth client; an error names what is missing."""
    found = {}
    for name in ("client_id", "client_secret"):
        variable = f"GENESYS_{name.upper()}"
        found[name] = module.params[name] or os.environ.get(variable, "")
        if not found[name]:
            raise EdgepathError(f"{name} is not set; give it, or the environment variable {variable}")
    return Access(module.params["host"], found["client_id"], found["client_secret"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "host": {"type": "str"},
            "client_id": {"type": "str"},
            "client_secret": {"type": "str", "no_log": True},
            "job_id": {"type": "str"},
            "state": {"type": "str", "choices": [state.value for state in JobState]},
            "failed_recordings": {"type": "bool", "default": True},
        },
        required_one_of=[["path", "host"]],
        mutually_exclusive=[["path", "host"]],
        supports_check_mode=True,
    )
    given = module.params
    try:
        if given["path"]:
            jobs = saved(given["path"], given["job_id"], given["state"])
        else:
            jobs = asked(credentials(module), given["job_id"], given["state"], given["failed_recordings"])
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    windows = [job.window.to_dict() for job in jobs if job.failed and job.window is not None]
    module.exit_json(changed=False, jobs=[job.to_dict() for job in jobs], windows=windows)


if __name__ == "__main__":
    main()
