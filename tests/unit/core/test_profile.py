# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.profile import VALUES, defaults, profile_from
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts.ladder import needed_seconds


def test_the_shipped_profile_carries_four_hours_in_two_channels() -> None:
    edge = Edge.from_mapping({"name": "e"})
    assert edge.payload.longest_minutes == 240 and edge.payload.channels == 2
    assert edge.payload.survives(bound_of(needed_seconds(edge.payload))) >= 240 * edge.profile["timeout_margin"]


def bound_of(seconds: float) -> Any:
    from ansible.module_utils.edge.finding import Bound

    return Bound("total", "proxy", "t", "o", seconds)


def test_an_inventory_overrides_single_values() -> None:
    edge = Edge.from_mapping({"name": "e", "profile": {"timeout_margin": 2, "abort_days": 3}})
    assert edge.profile == {**defaults(), "timeout_margin": 2.0, "abort_days": 3}
    bare = Edge.from_mapping({"name": "e", "profile": {"timeout_margin": 1}})
    assert needed_seconds(edge.payload) == 2 * needed_seconds(bare.payload)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"margin": 2}, "unknown key margin; known are timeout_margin"),
        ({"timeout_margin": 0.5}, "timeout_margin must be a number of times the longest transfer, 1 or more, not 0.5"),
        ({"timeout_margin": "much"}, "must be a number"),
        ({"keepalive_seconds": 1.5}, "must be a whole number of seconds, 1 or more, not 1.5"),
        ({"keepalive_seconds": True}, "must be a whole number"),
        ({"abort_days": float("inf")}, "must be a whole number"),
        ({"retention_mode": "FOREVER"}, "must be GOVERNANCE or COMPLIANCE, not 'FOREVER'"),
        ({"perimeter_vpc_endpoint_ids": "vpce-1"}, "must be a list of ids"),
        ({"kms_key_id": 7}, "must be text, not 7"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(EdgepathError, match="edge_profile") as raised:
        profile_from(given)
    assert words in str(raised.value)


def test_every_value_tells_its_reason_and_source() -> None:
    for name, value in VALUES.items():
        assert value.reason.endswith(".") and value.source, name
        if value.default is not None:
            assert profile_from({name: value.default})[name] == value.default


def test_margin_is_no_key_of_the_payload() -> None:
    with pytest.raises(EdgepathError, match="unknown key margin"):
        Edge.from_mapping({"name": "e", "payload": {"margin": 2}})
