#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads on an edge the objects that converge is about to change, and the transfers that a change would disturb."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_node_objects
short_description: Read on an edge the objects that converge changes, and its live transfers
description:
  - Runs on the edge, needs nothing but Python there, changes nothing and leaves nothing behind.
  - The states are complete, so that what is changed can be put back bit for bit. They may hold secrets; converge
    keeps them in files that only its user can read.
options:
  edge:
    description: The edge, as one element of O(edge_egress_audit#module:edges).
    type: dict
    required: true
  refs:
    description:
      - The objects, each with C(kind) (V(file), V(sysctl), V(firewall_rules), V(service), V(program)) and C(name).
      - Below an C(edge_root) other than V(/) only files exist; all else is C($unread).
    type: list
    elements: dict
    default: []
  addresses:
    description: Addresses of the storage that are known. Without any, its name is resolved on the edge.
    type: list
    elements: str
    default: []
  transfers:
    description: Whether to look for live transfers.
    type: bool
    default: true
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Read a file and a sysctl
  edge_node_objects:
    edge:
      name: london-1
    refs:
      - kind: file
        name: /etc/squid/squid.conf
      - kind: sysctl
        name: net.ipv4.tcp_keepalive_time
"""

RETURN = r"""
states:
  description: The state of each object by C(kind:name). V(none) where it is absent, C($unread) where it cannot be read.
  returned: always
  type: dict
  sample:
    "sysctl:net.ipv4.tcp_keepalive_time": "60"
transfers:
  description: Established connections that carry recordings, or C($unread).
  returned: when O(transfers) is true
  type: raw
  sample:
    - peer: 52.95.142.10:443
      process: squid
      pid: 812
      unit: squid.service
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.converge import on_node, transfers
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.targets import Edge


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "edge": {"type": "dict", "required": True},
            "refs": {"type": "list", "elements": "dict", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "transfers": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        edge = Edge.from_mapping(module.params["edge"])
        refs = [{"kind": str(ref["kind"]), "name": str(ref["name"])} for ref in module.params["refs"]]
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    except KeyError as error:
        module.fail_json(msg=f"edge {module.params['edge'].get('name')}: an element of refs has no {error}")
    result = {"states": on_node.gather(edge, refs)}
    if module.params["transfers"]:
        result["transfers"] = transfers.gather(edge, module.params["addresses"])
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
