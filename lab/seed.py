# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling the lab's servers through their own APIs, in an order in which each thing finds what it needs."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from . import seed_identity, seed_network, seed_storage
from .world import AWS_EDGES, EDGES, REGION, LabEdge, role_arn


def client(
    service: str, endpoint_url: str, keys: dict[str, str] | None = None, attempts: int = 3, seconds: float = 30
) -> Any:
    """A client that never leaves loopback and never looks for credentials or a proxy of the user's own."""
    given = keys or {"access_key_id": "lab", "secret_access_key": "lab"}
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id=given["access_key_id"],
        aws_secret_access_key=given["secret_access_key"],
        config=Config(
            connect_timeout=5,
            read_timeout=seconds,
            retries={"total_max_attempts": attempts},
            proxies={},
            s3={"addressing_style": "path"},
        ),
    )


def credentials(endpoint_url: str) -> dict[str, dict[str, str]]:
    """The users and their keys; before anything is authorised."""
    return seed_identity.users(client("iam", endpoint_url))


def control_plane(endpoint_url: str, fleet: Sequence[LabEdge]) -> dict[str, Any]:
    """Everything of AWS. Returns ``{"edges": {name: {"instance_id"|"interface_id"}}, "network": {...}, "key_arn"}``."""
    ec2, iam, kms, s3 = (client(service, endpoint_url) for service in ("ec2", "iam", "kms", "s3"))
    seed_identity.audit_roles(iam)
    seed_identity.replication_role(iam, seed_storage.COPIES)
    key_arn = seed_identity.key(kms, AWS_EDGES)
    seed_identity.edge_roles(iam, AWS_EDGES, key_arn)
    built = seed_network.network(ec2)
    interfaces = seed_network.edge_interfaces(ec2, AWS_EDGES, built)
    found = seed_network.instances(ec2, AWS_EDGES, interfaces)
    copies = seed_network.fleet_interfaces(ec2, fleet, built, first=len(EDGES))
    seed_storage.buckets(s3, AWS_EDGES, key_arn, built.endpoint)
    edges: dict[str, dict[str, str]] = {name: {"instance_id": identifier} for name, identifier in found.items()}
    for edge in fleet:
        edges[edge.name] = {"interface_id": copies[edge.name], "role_arn": role_arn(edge.role)}
    return {"edges": edges, "network": vars(built), "key_arn": key_arn}


def answers(s3: Any) -> bool:
    """Whether an object store takes a request; it does so some time after it listens."""
    try:
        s3.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True


def object_store(endpoint_url: str, keys: dict[str, str]) -> None:
    seed_storage.object_store(client("s3", endpoint_url, keys))


def authorise(endpoint_url: str) -> None:
    """From here on the control plane asks every request for its permission."""
    request = urllib.request.Request(
        f"{endpoint_url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
