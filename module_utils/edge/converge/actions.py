# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action that a fix may name, from all domains; a test compares it with what the checks propose."""

from __future__ import annotations

from . import actions_bucket, actions_dns, actions_egress, actions_iam, actions_node, actions_timeouts, actions_vpc
from .model import Action

ACTIONS: dict[str, Action] = {
    action.name: action
    for module in (
        actions_dns,
        actions_vpc,
        actions_egress,
        actions_iam,
        actions_bucket,
        actions_node,
        actions_timeouts,
    )
    for action in module.ACTIONS
}
