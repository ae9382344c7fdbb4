#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of the witnesses: log, journal, counters, and the job that failed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_log_audit
short_description: Judges what an edge's log, journal and counters say of an export that failed
description:
  - Says for the window of the failed export what the edge's log tells, by class (refused connections, denied access,
    timeouts, resets, TLS, DNS, throttling), with counts, times and redacted samples.
  - That the log is silent in a failing window is a finding of its own.
  - Looks at what stands beside the log. The kernel's counters of TCP and of connection tracking, the driver's counter
    of dropped link-local packets, and the journal of the export's service.
  - Ranks what may have ended the transfer, from the job's own duration and words and the ladder of
    M(edge_timeouts_audit), each with what speaks for and against it.
  - A witness never decides the path. Nothing here has an effect on the verdict.
  - Changes nothing, and asks nothing of AWS. The log is read on the edge, streamed, rotations and packed ones too.
author: edgepath maintainers
extends_documentation_fragment: [edge_targets]
notes:
  - The window is that of O(edges[].window), else of the job in O(edges[].job_path). Without either the newest log file
    is read as a whole, and findings say so.
  - Samples are redacted on the edge. What may be a key, a token, a password or a telephone number is masked.
  - Reading ends after 60 seconds; what was not read by then is unknown.
"""

EXAMPLES = r"""
- name: Judge what this machine's log says of the export that failed
  edge_log_audit:
    edges:
      - name: london-1
        log_path: /var/log/genesys/edge.log
        log_timezone: Europe/London
        job_path: jobs/9b2f61c4.json
        export_service: edge-export.service

- name: Judge all edges of a run
  edge_log_audit:
    run_dir: runs/20261122T101500Z

# ansible localhost -m edge_log_audit -a '{"edges": [{"name": "london-1", "log_path": "/var/log/genesys/edge.log"}]}'
"""

RETURN = r"""
summary:
  description: How many findings have which status.
  returned: always
  type: dict
  sample: {"pass": 11, "fail": 1, "not_applicable": 1}
calls:
  description: Always empty; nothing is asked of AWS.
  returned: always
  type: dict
  sample: {}
errors:
  description: What kept an edge from being judged, by edge.
  returned: always
  type: dict
  sample: {}
findings:
  description: The findings, check by check. With O(run_dir) they are in the run's C(log.json) instead.
  returned: without O(run_dir)
  type: list
  elements: dict
  sample:
    - check: LOG-08
      status: fail
      edge: london-1
      hop: export
      resource: /var/log/genesys/edge.log
      expected: The log says something of the export that failed
      observed: >-
        the export failed from 2026-11-20T02:03:41.225Z to 2026-11-20T02:18:41.231Z, and the log holds 2 lines, none of
        a failure; it is silent for 900.006 s from 2026-11-20T02:03:41.225Z
edge_facts:
  description: What was read, by edge, and what follows. With O(run_dir) it is in the run's C(log.json) instead.
  returned: without O(run_dir)
  type: dict
  contains:
    window:
      description: The window that the log was read for, null where none was given.
      type: dict
      sample: {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}
    log:
      description: Files, lines, silence, clock jumps, and per class the count, first, last and samples.
      type: dict
    job:
      description: The job, as M(edge_export_job_info) tells it.
      type: dict
    observed:
      description: How the transfer died, keys C(duration_seconds), C(error_text) and C(code).
      type: dict
      sample: {"duration_seconds": 900.006, "code": 502}
    culprits:
      description: What may have ended it, the likeliest first, with C(for) and C(against).
      type: list
      elements: dict
      sample:
        - rank: 1
          check: TIMEOUTS-04
          title: A proxy's 15-minute timer over silence (Squid read_timeout, write_timeout)
          seconds: 900.0
          for: ["it ended after 900.006 s, which fits 900 s of silence from the start"]
          against: []
"""

from ansible.module_utils.edge.log.domain import DOMAIN
from ansible.module_utils.edge.module import audit


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
