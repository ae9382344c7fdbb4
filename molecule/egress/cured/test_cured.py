# SPDX-License-Identifier: GPL-3.0-or-later
"""After converge every storage address is let out to, by the least rule, now and after the next boot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lab.world import S3_ADDRESSES


def test_every_storage_address_is_reached(node: Any) -> None:
    for address in S3_ADDRESSES:
        assert node.host.run(f"curl --silent --insecure --connect-timeout 3 https://{address}/").rc == 0, address


def test_nothing_else_is(node: Any) -> None:
    """192.0.2.0/24 is nobody's (RFC 5737); a rule for everything would let the packet out and count it."""
    rules = json.loads(node.run("nft --json list ruleset"))["nftables"]
    chains = {item["chain"]["name"]: item["chain"] for item in rules if "chain" in item}
    assert chains["output"]["policy"] == "drop"
    text = node.run("nft list ruleset")
    assert "0.0.0.0/0" not in text
    assert "ct state established,related accept" in text
    assert "169.254.169.254" in text


def test_recording_gets_through(node: Any) -> None:
    assert node.export(11)["state"] == "COMPLETED"


def test_rules_survive_a_boot(node: Any) -> None:
    before = node.run("nft --stateless list ruleset")
    node.run("systemctl restart nftables")
    assert node.export(11)["state"] == "COMPLETED"
    assert node.run("nft --stateless list ruleset") == before


def test_security_group_admits_the_prefix_list(account: dict[str, Any], original: Callable[..., Any]) -> None:
    before = original("account", account)["SecurityGroupRules"]
    added = [rule for rule in account["SecurityGroupRules"] if rule not in before]
    assert [rule.get("PrefixListId") for rule in added] == ["pl-7ca54015"]
    assert all(rule.get("CidrIpv4") != "0.0.0.0/0" for rule in added)


def test_report_says_so(node: Any, report: dict[str, Any]) -> None:
    assert report["edges"][node.name]["verdict"] == "clear"
