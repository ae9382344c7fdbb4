# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of name resolution."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_dns_audit
short_description: Judges how an edge resolves its storage's names
description:
  - Judges the resolver's configuration, each nameserver by itself, and what the names of the storage, of STS, KMS and
    the platform resolve to, as the edge sees it. Hands the storage's addresses to the next audits.
  - Changes nothing. The files and the nameservers' answers are those that were read on the edge; without
    O(run_dir) they are read where the module runs.
  - Reads the VPC's side (attributes, DHCP options, private zones, interface endpoints) once an account, where an edge
    names its instance or interface. Needs C(ec2:DescribeInstances), C(ec2:DescribeNetworkInterfaces),
    C(ec2:DescribeVpcs), C(ec2:DescribeVpcAttribute), C(ec2:DescribeDhcpOptions), C(ec2:DescribeVpcEndpoints) and
    C(route53:ListHostedZonesByVPC); what is denied makes the checks that need it unknown, and no other.
author: edgepath maintainers
extends_documentation_fragment: [edge_targets]
notes:
  - A nameserver is waited for 2 seconds, a silent one in the end for 5.5; all queries of an edge end after 40 seconds.
"""

EXAMPLES = r"""
- name: Judge the name resolution of this machine
  edge_dns_audit:
    edges:
      - name: london-1
        region: eu-west-2
        bucket: recordings-london

- name: Judge all edges of a run
  edge_dns_audit:
    run_dir: runs/20261122T101500Z

# ansible localhost -m edge_dns_audit -a '{"edges": [{"name": "london-1", "region": "eu-west-2"}]}'
"""

RETURN = r"""
summary:
  description: How many findings have which status.
  returned: always
  type: dict
  sample: {"pass": 14, "fail": 1, "not_applicable": 3}
calls:
  description: The AWS permissions that were used, and how often.
  returned: always
  type: dict
  sample: {"ec2:DescribeVpcs": 1}
errors:
  description: What kept an edge from being judged, by edge.
  returned: always
  type: dict
  sample: {}
findings:
  description: The findings, check by check. With O(run_dir) they are in the run's C(dns.json) instead.
  returned: without O(run_dir)
  type: list
  elements: dict
  sample:
    - check: DNS-04
      status: fail
      edge: london-1
      hop: name
      resource: 10.0.0.3
      expected: Each nameserver answers, and all give the same kind of answer
      observed: 10.0.0.3 does not answer (timeout); lookups that come to it wait 5 s
      fix: {"action": "remove_nameserver", "address": "10.0.0.3", "path": "/etc/resolv.conf"}
edge_facts:
  description: What was read, by edge. With O(run_dir) it is in the run's C(dns.json) instead.
  returned: without O(run_dir)
  type: dict
  contains:
    storage_addresses:
      description: All addresses that the edge's own resolution gives for the storage.
      type: list
      elements: str
      sample: ["52.95.148.10", "52.95.149.34"]
    storage_names:
      description: The names that the export connects to.
      type: list
      elements: str
      sample: ["s3.eu-west-2.amazonaws.com", "recordings-london.s3.eu-west-2.amazonaws.com"]
    names:
      description: Each name with its purpose, source, addresses and their classes.
      type: dict
"""

from ansible.module_utils.edge.dns.domain import DOMAIN
from ansible.module_utils.edge.module import audit


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
