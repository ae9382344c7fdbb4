# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's own firewall and its security group pin the storage's ranges of 2019: no recording gets through."""

from __future__ import annotations

import json
from typing import Any

from lab.world import S3_ADDRESSES


def test_no_storage_address_is_reached(node: Any) -> None:
    for address in S3_ADDRESSES:
        assert node.host.run(f"curl --silent --insecure --connect-timeout 1 https://{address}/").rc == 28


def test_no_recording_gets_through(node: Any) -> None:
    assert node.export(11)["state"] == "FAILED"


def test_security_group_does_not_admit_the_prefix_list(account: dict[str, Any]) -> None:
    groups = {rule["GroupId"] for rule in account["SecurityGroupRules"] if "52.95.148.0/23" in json.dumps(rule)}
    assert groups
    pinned = [rule for rule in account["SecurityGroupRules"] if rule["GroupId"] in groups]
    assert not any("PrefixListId" in rule for rule in pinned)
