#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put back what converge changed on one edge. An action plugin does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_rollback
short_description: Put back what runs of converge changed on one edge
description:
  - Restores every object that the journals of the given runs name, files bit for bit.
  - What somebody changed since stays where our part can be told from theirs. Else the object is left as it is, and the
    task fails with its name.
options:
  runs:
    description: The runs to undo, as M(edge_converge_session) names them.
    type: list
    elements: path
    required: true
  domain:
    description:
      - The domain to undo. Domains are undone in the reverse of their order.
      - An object that several domains changed goes back whole, with the last of them.
    type: str
    required: true
    choices: [dns, egress, iam, bucket, timeouts]
  only:
    description: Whether this domain's changes alone are undone, though others changed the same object.
    type: bool
    default: false
  during_transfer:
    description: Whether changes that disturb live transfers are made all the same.
    type: bool
    default: false
author:
  - edgepath maintainers
notes:
  - Supports check mode and diff mode.
"""

EXAMPLES = r"""
- name: Put back what was changed in the bounds
  edge_rollback:
    runs: "{{ session.runs }}"
    domain: timeouts
"""

RETURN = r"""
changes:
  description: The objects that were put back, or in check mode would be, and the checks that had asked for the change.
  returned: success
  type: list
  elements: dict
  sample: [{object: "file:/etc/squid/squid.conf", why: [TIMEOUTS-04]}]
lost:
  description: What could not be put back, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.converge.options import ROLLBACK


def main() -> None:
    module = AnsibleModule(argument_spec=ROLLBACK, supports_check_mode=True)
    module.fail_json(msg="edge_rollback is an action plugin; name its directory in action_plugins of ansible.cfg")


if __name__ == "__main__":
    main()
