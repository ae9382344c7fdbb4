# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of storage endpoints."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.bucket.endpoint import read, regional_host


@pytest.mark.parametrize(
    ("host", "aws", "region", "virtual"),
    [
        ("s3.eu-west-2.amazonaws.com", True, "eu-west-2", False),
        ("s3-eu-west-1.amazonaws.com", True, "eu-west-1", False),
        ("s3.dualstack.eu-west-2.amazonaws.com", True, "eu-west-2", False),
        ("s3-fips.us-gov-west-1.amazonaws.com", True, "us-gov-west-1", False),
        ("s3-fips.dualstack.us-east-1.amazonaws.com", True, "us-east-1", False),
        ("acme.s3.eu-west-2.amazonaws.com", True, "eu-west-2", True),
        ("acme.s3.eu-west-2.amazonaws.com.", True, "eu-west-2", True),
        ("other.s3.eu-west-2.amazonaws.com", True, "eu-west-2", False),
        ("bucket.vpce-0a1b-2c3d.s3.eu-west-2.vpce.amazonaws.com", True, "eu-west-2", False),
        ("s3.cn-north-1.amazonaws.com.cn", True, "cn-north-1", False),
        ("s3.amazonaws.com", True, None, False),
        ("acme.s3.amazonaws.com", True, None, True),
        ("s3.example.org", False, None, False),
        ("127.0.0.1", False, None, False),
        ("amazonaws.com.evil.org", False, None, False),
    ],
)
def test_what_a_name_says(host: str, aws: bool, region: str | None, virtual: bool) -> None:
    found = read(host, "acme")
    assert (found.aws, found.region, found.virtual_hosted) == (aws, region, virtual)
    assert found.is_global is (aws and region is None)


@pytest.mark.parametrize("region", ["eu-west-2", "cn-north-1", "us-gov-west-1"])
def test_the_regional_name_says_its_region(region: str) -> None:
    assert read(regional_host(region)).region == region
