#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of the bounds in time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_timeouts_audit
short_description: Judges what ends a long transfer of an edge, and at which second
description:
  - Puts together the ladder, all bounds in time along the path in their order. These are the export's own timeouts, the
    limits of its systemd unit, the proxies that it really goes through (Squid, nginx, HAProxy, Envoy, with their
    defaults), the idle timers of gateways and endpoints against the keepalive of the leg that reaches the storage, and
    connection tracking.
  - Says how long a recording survives all of them, which bound cuts first, and what a change of that one alone brings.
  - Judges effective values. A running sysctl, what systemd itself shows, the running service's environment and open
    sockets come before files, and run-time values are compared with those of the next boot.
  - Changes nothing, and asks nothing of AWS. The files are those that were read on the edge; without O(run_dir) they
    are read where the module runs.
author: edgepath maintainers
extends_documentation_fragment: [edge_targets]
notes:
  - Values that are not known to be harmless are masked on the edge (docs/security.md).
  - The bounds of gateways, endpoints and tracking are those that M(edge_egress_audit) found in the same run; without it
    they are unknown.
"""

EXAMPLES = r"""
- name: Judge the timeouts of this machine
  edge_timeouts_audit:
    edges:
      - name: london-1
        region: eu-west-2
        export_service: edge-export.service
        export_config_path: /etc/edge/export.yaml
        export_config_keys:
          read_timeout: storage.read_timeout
        payload:
          longest_minutes: 240
          pace: 3

- name: Judge all edges of a run
  edge_timeouts_audit:
    run_dir: runs/20261122T101500Z

# ansible localhost -m edge_timeouts_audit -a '{"edges": [{"name": "london-1", "root": "/srv/copies/london-1"}]}'
"""

RETURN = r"""
summary:
  description: How many findings have which status.
  returned: always
  type: dict
  sample: {"pass": 14, "fail": 1, "not_applicable": 7}
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
  description: The findings, check by check. With O(run_dir) they are in the run's C(timeouts.json) instead.
  returned: without O(run_dir)
  type: list
  elements: dict
  sample:
    - check: TIMEOUTS-04
      status: fail
      edge: london-1
      hop: proxy
      resource: /etc/squid/squid.conf
      expected: lets recordings of 240 min through
      observed: "read_timeout 900 s (default of Squid): recordings over 45 min are cut"
      bound: {"kind": "idle", "hop": "proxy", "setting": "read_timeout", "origin": "default of Squid", "seconds": 900.0}
      longest_minutes: 45.0
      fix:
        action: set_squid_timeout
        path: /etc/squid/squid.conf
        key: read_timeout
        from: 15 minutes
        to: 100 minutes
        seconds: 6000.0
        summary: >-
          set read_timeout and write_timeout to 100 minutes in /etc/squid/squid.conf: alone it raises the longest
          recording from 45 min to 300 min
edge_facts:
  description: What was read, by edge, and what follows. With O(run_dir) it is in the run's C(timeouts.json) instead.
  returned: without O(run_dir)
  type: dict
  contains:
    ladder:
      description: The bounds in order along the path, with kind, seconds, origin, source and the longest recording.
      type: list
      elements: dict
    longest_minutes:
      description: The longest recording that survives, in minutes; null where nothing is known to cut.
      type: float
      sample: 45.0
    longest_minutes_at_worst:
      description: The same where everything that could not be read is as bad as it may be.
      type: float
      sample: 45.0
    longest_by_codec:
      description: The longest recording of each codec, in minutes. Only bounds on the rate tell codecs apart.
      type: dict
      sample: {"g711": 45.0, "pcm16_8k": 45.0}
"""

from ansible.module_utils.edge.module import audit
from ansible.module_utils.edge.timeouts.domain import DOMAIN


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
