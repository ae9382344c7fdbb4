# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab holds: the edges and where each differs. One place for names, so that no other file repeats them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"
PREFIXES_FILE = DATA / "s3-eu-west-2.json"
PREFIXES = json.loads(PREFIXES_FILE.read_text())
REGION = "eu-west-2"
ACCOUNT = "123456789012"
ORGANISATION = "0b5c6f4e-7a52-4d8e-9d0f-5d1a6c2e8f31"

# S3 answers with up to 8 addresses. Six lie in prefixes that the edition of May 2025 already had, two in prefixes added
# since, none in those of 2019.
S3_ADDRESSES = (
    "3.5.244.18",
    "16.12.15.34",
    "16.12.16.82",
    "52.95.142.10",
    "52.95.191.70",
    "52.219.219.46",
    "1.178.94.26",
    "3.2.72.58",
)
S3_ADDRESSES_V6 = ("2a05:d050:c000::3405:f412", "2a05:d050:c000::345f:8e0a")
# An address of 52.92.88.0/22, which was S3 in this region until October 2020 and is Amazon's no more than a memory.
FORMER_S3_ADDRESS = "52.92.88.10"

# Addresses of loopback on which the lab's name server answers; the port is found when it starts.
NAME_SERVERS = ("127.0.53.1", "127.0.53.2")
OBJECT_STORE_NAME = "objects.harbour.test"
OBJECT_STORE_BUCKET = "harbour-recordings"


@dataclass(frozen=True)
class LabEdge:
    """One edge of the lab.

    egress: ``list`` (the AWS-managed prefix list), or the edition of the address ranges that its rules were copied
    from.  policy: the function of policies.py that makes its identity policy.  bucket_of: the edge whose bucket and
    role it shares.
    """

    name: str
    egress: str = "list"
    policy: str = "export"
    versioned: bool = True
    bucket_of: str = ""
    on_aws: bool = True

    @property
    def bucket(self) -> str:
        return f"euw2-recordings-{self.bucket_of or self.name}" if self.on_aws else OBJECT_STORE_BUCKET

    @property
    def role(self) -> str:
        return f"edge-{self.bucket_of or self.name}"


EDGES = (
    LabEdge("healthy"),
    LabEdge("london"),
    LabEdge("walled", egress="2019-05-31-21-59-04"),
    LabEdge("patchy", egress="2025-05-30-07-13-17"),
    LabEdge("denied", policy="export_denied"),
    LabEdge("stale", versioned=False),
    LabEdge("blind"),
    LabEdge("harbour", on_aws=False),
)
AWS_EDGES = tuple(edge for edge in EDGES if edge.on_aws)


def fleet(count: int) -> tuple[LabEdge, ...]:
    """Copies of the first edge that share its bucket and its role."""
    return tuple(LabEdge(f"fleet-{number:03d}", bucket_of=EDGES[0].name) for number in range(1, count + 1))


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"
