# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: edge_egress_audit
short_description: Decide the network path from each edge to every storage address
description:
  - For each storage address that the edge resolved, and for each range of the storage provider, decides whether a TCP
    connection leaves the edge's interface, arrives, and whether the answers come back; and if not, at which hop and by
    which rule.
  - The hops are the edge's own firewall, the security groups, the network ACLs (out and back, also of the subnet of a
    NAT gateway), the route table, and the gateway or endpoint behind it.
  - Reads each account and region once for the whole list of edges. Changes nothing, in check mode or without.
  - What could not be read makes a finding unknown and names the permission that was missing.
extends_documentation_fragment:
  - edge_targets
notes:
  - Runs on the controller and needs boto3 there, for edges in AWS.
  - The addresses come from M(edge_dns_audit) of the same run. Without them the checks on addresses are unknown, and
    the ranges of the storage provider are judged.
  - The edge's own firewall and ephemeral ports come from M(edge_facts) of the same run; in an ad-hoc call they are read
    on the machine where the module runs.
  - Permissions C(ec2:Describe*) of instances, instance types, network interfaces, security groups and their rules,
    managed prefix lists, subnets, network ACLs, route tables, gateways, endpoints, VPCs and their attributes and DHCP
    options; C(ec2:GetManagedPrefixListEntries); C(iam:GetInstanceProfile); C(sts:GetCallerIdentity).
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
# ansible localhost -m edge_egress_audit -a '{"edges": [{"name": "london-1", "region": "eu-west-2",
#   "interface_id": "eni-0f3c2b1a09d8e7f65"}]}'
- name: Decide the network path of every edge of the run
  edge_egress_audit:
    run_dir: "{{ edge_run_dir }}"
  delegate_to: localhost
  run_once: true

- name: Decide the path of one edge, without a run
  edge_egress_audit:
    edges:
      - name: london-1
        region: eu-west-2
        instance_id: i-0a1b2c3d4e5f60718
  delegate_to: localhost
  register: egress
"""

RETURN = r"""
summary:
  description: The number of findings of each status.
  type: dict
  returned: always
  sample: {"fail": 2, "not_applicable": 3, "pass": 14, "unknown": 0}
calls:
  description: The number of calls of each API operation, pages included.
  type: dict
  returned: always
  sample: {"ec2:DescribeNetworkInterfaces": 1, "ec2:DescribeSecurityGroupRules": 1}
errors:
  description: The message of each edge that was not valid.
  type: dict
  returned: always
  sample: {}
findings:
  description: The findings; in a run they are left in the run's directory instead.
  type: list
  elements: dict
  returned: without O(run_dir)
  sample:
    - check: EGRESS-20
      status: fail
      edge: london-1
      hop: security_group
      resource: sg-0123456789abcdef0
      observed: "none of the 4 addresses gets through: no rule of sg-0123456789abcdef0 admits it"
edge_facts:
  description: The facts of each edge; in a run they are left in the run's directory instead.
  type: dict
  returned: without O(run_dir)
  sample: {"london-1": {"route": {"kind": "gateway_endpoint", "id": "vpce-0a1b2c3d4e5f60718", "source_ip": null}}}
"""

from ansible.module_utils.edge.egress.domain import DOMAIN
from ansible.module_utils.edge.module import audit


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
