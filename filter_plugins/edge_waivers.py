# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the waivers of the inventory: no module can read the variables of all hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError
from jinja2 import Undefined, UndefinedError

DOCUMENTATION = r"""
name: edge_waivers
short_description: The waivers of the inventory, as edge_run takes them
description:
  - Collects C(edge_waivers) and C(edge_waivers_file) of each host, each distinct value once with the hosts that have
    it, and the groups of each host.
  - A host whose waivers cannot be resolved is an error, since an audit without them would say something else.
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
  inventory:
    description: Names of all edges of the inventory; where there are more than those of the input, the run is partial.
    type: list
    elements: str
    default: []
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- edge_run:
    waivers: "{{ ansible_play_hosts_all | edge_waivers(hostvars, groups['edges']) }}"
"""

RETURN = r"""
_value:
  description: >-
    Keys C(sources), a list of C(waivers) or C(file) with their C(hosts); C(groups), the groups of each host; and
    C(partial), whether the inventory holds more edges.
  type: dict
"""


def edge_waivers(
    hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], inventory: Iterable[str] = ()
) -> dict[str, Any]:
    """The distinct waivers with their hosts; a fleet's group has one list, not one a host."""
    names = list(hosts)
    distinct: dict[str, dict[str, Any]] = {}
    for host in names:
        for variable, key in (("edge_waivers", "waivers"), ("edge_waivers_file", "file")):
            value = _resolved(host, variable, hostvars[host])
            if value not in (None, "", []):
                identity = variable + json.dumps(value, sort_keys=True, default=str)
                distinct.setdefault(identity, {key: value, "hosts": []})["hosts"].append(host)
    groups = {host: list(hostvars[host].get("group_names", ())) for host in names} if distinct else {}
    return {"sources": list(distinct.values()), "groups": groups, "partial": bool(set(inventory) - set(names))}


def _resolved(host: str, variable: str, variables: Mapping[str, Any]) -> Any:
    if variable not in variables:
        return None
    try:
        return _plain(variables[variable])
    except (AnsibleError, UndefinedError) as error:
        message = getattr(error, "message", error)
        raise AnsibleFilterError(f"edge {host}: {variable} cannot be resolved: {message}") from None


def _plain(value: Any) -> Any:
    """The value with nothing left to template: Ansible resolves containers only as they are looked into."""
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"edge_waivers": edge_waivers}
