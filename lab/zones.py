# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's name server answers: Amazon's names of the region as they really answer, and the lab's own."""

from __future__ import annotations

from typing import Any

from .world import NAME_SERVERS, OBJECT_STORE_NAME, REGION, S3_ADDRESSES, S3_ADDRESSES_V6

_S3 = f"s3.{REGION}.amazonaws.com"
_DUALSTACK = f"s3.dualstack.{REGION}.amazonaws.com"
_BUCKETS = f"s3-r-w.{REGION}.amazonaws.com"
# Addresses of AMAZON in eu-west-2 and of S3 in us-east-1 (ip-ranges.json), and of RFC 5737 for the vendor.
_STS, _KMS, _GLOBAL, _VENDOR = "52.94.48.17", "52.94.48.33", "52.216.41.120", "198.51.100.20"

ZONES: dict[str, dict[str, Any]] = {
    _S3: {"A": list(S3_ADDRESSES), "ttl": 5},
    # Every label below the endpoint is the name of some bucket, and resolves.
    f"*.{_S3}": {"CNAME": _BUCKETS, "ttl": 5},
    _BUCKETS: {"A": list(S3_ADDRESSES), "ttl": 5},
    _DUALSTACK: {"A": list(S3_ADDRESSES), "AAAA": list(S3_ADDRESSES_V6), "ttl": 5},
    f"*.{_DUALSTACK}": {"CNAME": _DUALSTACK, "ttl": 5},
    f"sts.{REGION}.amazonaws.com": {"A": [_STS], "ttl": 60},
    f"kms.{REGION}.amazonaws.com": {"A": [_KMS], "ttl": 60},
    "s3.amazonaws.com": {"A": [_GLOBAL], "ttl": 5},
    "api.euw2.pure.cloud": {"A": [_VENDOR], "ttl": 60},
    OBJECT_STORE_NAME: {"A": ["127.0.0.1"], "ttl": 30},
}


def configuration(port: int) -> dict[str, Any]:
    """For `python -m lab.nameserver --config`: the same answers on each address."""
    listen = [{"address": address, "port": port, "view": "region"} for address in NAME_SERVERS]
    return {"listen": listen, "views": {"region": ZONES}}
