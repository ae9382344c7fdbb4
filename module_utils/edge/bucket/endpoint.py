# SPDX-License-Identifier: GPL-3.0-or-later
"""What a storage endpoint's name says: its region, its style, and whether a certificate can match it.

Source: Amazon S3 User Guide, "Amazon Simple Storage Service endpoints", "Virtual hosting of buckets" and
"Bucket naming rules" (dots); AWS PrivateLink for Amazon S3 (names of interface endpoints).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d+"
_AWS_HOST = re.compile(
    r"^(?:(?P<before>.+?)\.)?"
    r"(?P<service>s3(?:-fips)?)"
    rf"(?:[.-](?P<dualstack>dualstack\.)?(?P<region>{_REGION}))?"
    r"(?:\.vpce)?\.(?P<domain>amazonaws\.com(?:\.cn)?)$"
)


@dataclass(frozen=True)
class Endpoint:
    """What the name says. region: None for the global endpoint and for names that are not of AWS."""

    aws: bool
    region: str | None = None
    virtual_hosted: bool = False

    @property
    def is_global(self) -> bool:
        return self.aws and self.region is None


def read(host: str, bucket: str | None = None) -> Endpoint:
    """Read the host name of a storage endpoint, as ``Edge.storage_host`` gives it."""
    match = _AWS_HOST.match(host.rstrip(".").lower())
    if match is None:
        return Endpoint(aws=False)
    before = match.group("before") or ""
    return Endpoint(True, match.group("region"), bucket is not None and before == bucket)


def regional_host(region: str) -> str:
    """The regional S3 endpoint of AWS."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"s3.{region}.amazonaws.com{suffix}"
