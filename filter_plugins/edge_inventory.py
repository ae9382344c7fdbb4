# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all sources of the inventory were read, for a run in which nothing else asks that."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecretsContext

DOCUMENTATION = r"""
name: edge_inventory_problem
short_description: What is wrong with the sources of an inventory
description:
  - Ansible passes over a source of several that it cannot read, and goes on with a smaller fleet. The project's
    C(ansible.cfg) forbids that; this asks where that file is not in force.
  - Reads the sources once more, unless they are read that strictly already.
options:
  _input:
    description: The sources, as C(ansible_inventory_sources) has them.
    type: list
    elements: str
    required: true
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- ansible.builtin.assert:
    that: (ansible_inventory_sources | edge_inventory_problem) == ''
"""

RETURN = r"""
_value:
  description: A sentence; empty where all were read.
  type: str
"""


def edge_inventory_problem(sources: list[str]) -> str:
    """A sentence, or an empty text."""
    if constants.INVENTORY_ANY_UNPARSED_IS_FAILED:
        return ""
    constants.INVENTORY_ANY_UNPARSED_IS_FAILED = True  # in this worker alone
    loader = DataLoader()
    vault = VaultSecretsContext.current(optional=True)
    if vault is not None:
        loader.set_vault_secrets(vault.secrets)
    try:
        InventoryManager(loader=loader, sources=list(sources))
    except AnsibleError as error:
        return f"{error.message}; an audit of what is left would be taken for one of the fleet"
    finally:
        constants.INVENTORY_ANY_UNPARSED_IS_FAILED = False
    return ""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"edge_inventory_problem": edge_inventory_problem}
