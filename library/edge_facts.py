#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads on an edge all that the audit needs of it, in one visit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_facts
short_description: Read on an edge all that the audit needs of it
description:
  - Runs on the edge, needs nothing but Python there, changes nothing and leaves nothing behind.
  - Has no opinion. The audit modules judge what it returns, on the controller.
  - Secrets are redacted before they leave the edge.
  - An action plugin of the same name takes the edge's variables from the inventory, sends dnspython along in memory,
    and writes the facts to O(run_dir) on the controller.
options:
  run_dir:
    description: The directory of the run on the controller. Without it the facts are in the module's result.
    type: path
  edge:
    description:
      - The edge, as one element of O(edge_egress_audit#module:edges). Taken from the host's variables by default.
    type: dict
  sections:
    description: What to read.
    type: list
    elements: str
    choices: [dns, host, timeouts, log]
    default: [dns, host, timeouts, log]
  libraries:
    description: Packed libraries that travel with the run. Filled in by the action plugin.
    type: str
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Read the edge
  edge_facts:
    run_dir: "{{ edge_run_dir }}"

# From a shell, with the facts on the screen:
#   ansible london-1 -m edge_facts
"""

RETURN = r"""
edge_facts:
  description: The facts by section. A section or part that could not be read is C($unread), with the reason.
  returned: when O(run_dir) is not set
  type: dict
  sample:
    dns:
      resolv_conf:
        nameservers: [10.40.0.2]
unread:
  description: The sections that could not be read, each with its reason.
  returned: always
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge import travel
from ansible.module_utils.edge.dns.node import gather_node as dns_node
from ansible.module_utils.edge.egress.node import gather_node as host_node
from ansible.module_utils.edge.finding import EdgepathError, Unread
from ansible.module_utils.edge.log.node import gather_node as log_node
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts.node import gather_node as timeouts_node

GATHERERS = {"dns": dns_node, "host": host_node, "timeouts": timeouts_node, "log": log_node}


def gather(edge: Edge, sections: list[str]) -> dict[str, object]:
    """The facts by section; a section that breaks is unread, and the others are read all the same."""
    facts: dict[str, object] = {}
    for section in sections:
        try:
            facts[section] = GATHERERS[section](edge)
        except Exception as error:  # noqa: BLE001 - whatever broke, it is told as a fact of this edge, not as a traceback
            message = f"edge {edge.name}: reading {section} broke: {type(error).__name__}: {error}"
            facts[section] = Unread("error", f"edge_facts:{section}", edge.name, message)
    return facts


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run_dir": {"type": "path"},
            "edge": {"type": "dict"},
            "sections": {
                "type": "list",
                "elements": "str",
                "choices": list(GATHERERS),
                "default": list(GATHERERS),
            },
            "libraries": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        if module.params["libraries"]:
            travel.unpack(module.params["libraries"])
        edge = Edge.from_mapping(module.params["edge"] or {"name": "localhost"})
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    facts = gather(edge, module.params["sections"])
    unread = {section: fact.message for section, fact in facts.items() if isinstance(fact, Unread)}
    module.exit_json(changed=False, edge_facts=plain(facts), unread=unread)


if __name__ == "__main__":
    main()
