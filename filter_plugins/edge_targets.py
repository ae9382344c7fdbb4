# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the list of edges of the inventory's variables: no module can read the variables of all hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleError
from jinja2 import Undefined, UndefinedError

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.targets import from_variables

DOCUMENTATION = r"""
name: edge_targets
short_description: The edges of the inventory, as the audit modules take them
description:
  - Collects the variables with the prefix C(edge_) of each host, the prefix taken off.
  - A host whose variables cannot be resolved becomes an element with the key C(invalid) and the reason.
positional: hostvars
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts, C(hostvars).
    type: dict
    required: true
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- ansible.builtin.set_fact:
    targets: "{{ groups['edges'] | edge_targets(hostvars) }}"
"""

RETURN = r"""
_value:
  description: One mapping an edge.
  type: list
  elements: dict
"""


def edge_targets(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One mapping a host; variables that do not resolve make that host invalid, never the others."""
    return [_target(host, hostvars[host]) for host in hosts]


def _target(host: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = {}
    for key in variables:
        if key.startswith("edge_"):
            try:
                resolved[key] = _resolved(variables[key])
            except (AnsibleError, UndefinedError) as error:
                return {"name": host, "invalid": f"{key} cannot be resolved: {getattr(error, 'message', error)}"}
    return from_variables(host, resolved)


def _resolved(value: Any) -> Any:
    """The value with nothing left to template: Ansible resolves containers only as they are looked into."""
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if isinstance(value, Mapping):
        return {key: _resolved(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolved(item) for item in value]
    return value


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"edge_targets": edge_targets}
