# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the addresses are that the edge resolves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible.module_utils.edge.egress import checks
from ansible.module_utils.edge.egress.catalogue import CATALOGUE
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.verdict import decide

from tests.unit.egress.builders import EDGE, NEW, OLD, findings, healthy

STRAY = "52.92.88.10"  # of S3 in 2017, of its list no more


def pair(found):
    return [found[check].status for check in ("EGRESS-05", "EGRESS-06")]


@pytest.mark.parametrize(
    ("addresses", "statuses"),
    [
        ([OLD], ["pass", "pass"]),
        ([OLD, NEW], ["pass", "pass"]),
        ([STRAY], ["fail", "not_applicable"]),
        ([STRAY, "1.1.1.1"], ["fail", "not_applicable"]),
        ([OLD, STRAY], ["pass", "fail"]),
        # An interface endpoint: of the VPC, of RFC 1918, of RFC 6598.
        (["10.0.1.20"], ["not_applicable", "not_applicable"]),
        (["192.168.7.7", "100.64.1.1"], ["not_applicable", "not_applicable"]),
        (["10.0.1.20", STRAY], ["pass", "fail"]),
    ],
)
def test_whose_the_addresses_are(addresses, statuses):
    assert pair(findings(healthy(), addresses)) == statuses


def test_a_vpc_may_have_public_ranges():
    facts = healthy()
    facts["network"]["vpc"]["cidrs"].append("52.92.88.0/24")
    assert pair(findings(facts, [STRAY])) == ["not_applicable", "not_applicable"]


def test_the_share_and_the_verdict():
    found = findings(healthy(), [OLD, NEW, "52.95.142.10", STRAY])
    assert found["EGRESS-06"].share == 0.25
    assert STRAY in found["EGRESS-06"].observed
    assert decide(EDGE.name, found.values(), CATALOGUE, Payload()).verdict == "unreliable"
    assert decide(EDGE.name, findings(healthy(), [STRAY]).values(), CATALOGUE, Payload()).verdict == "blocked"


def test_ranges_that_were_not_read_make_it_unknown():
    facts = healthy()
    facts["storage"]["prefixes"] = {"unread": {
        "reason": "denied", "operation": "ec2:DescribeManagedPrefixLists", "resource": "*", "message": "denied",
    }}  # fmt: skip
    assert pair(findings(facts, [STRAY])) == ["unknown", "unknown"]


def test_another_providers_ranges_are_not_known():
    edge = replace(EDGE, storage_kind="s3_compatible", storage_endpoint="https://storage.example")
    assert pair(findings(healthy(), [STRAY], edge=edge)) == ["not_applicable", "not_applicable"]


@pytest.mark.parametrize(("source", "told"), [("files", "pins s3.example: take the pins out (DNS-02)"), ("dns", "")])
def test_who_gives_the_address(source, told):
    names = {"s3.example": {"addresses": [STRAY], "source": source}, "sts.example": {"addresses": [OLD]}}
    found = checks.judge(EDGE, healthy(), {"dns": {"storage_addresses": [STRAY], "names": names}})
    (message,) = (item.message for item in found if item.check == "EGRESS-05")
    assert message.endswith(told) and bool(message) == bool(told)
