# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that an edge needs to resolve, and which of them its export connects to. Pure.

Sources: Amazon S3 User Guide, "Virtual hosting of general purpose buckets", "Using dual-stack endpoints"; AWS General
Reference, service endpoints of S3, STS and KMS; Genesys Cloud Developer Center, "Platform API", regions.
"""

from __future__ import annotations

import re
from typing import Any

from ..targets import Edge
from .addresses import is_ip

PURPOSES = ("storage", "storage_bucket", "dualstack", "global", "sts", "kms", "platform", "configured")
MAX_NAMES = 32  # asked of each nameserver; further ones are reported as not asked
GLOBAL_HOST = "s3.amazonaws.com"

# Region: domain of the Genesys Cloud platform; its API is api.DOMAIN.
PLATFORM_DOMAINS = {
    "us-east-1": "mypurecloud.com",
    "us-east-2": "use2.us-gov-pure.cloud",
    "us-west-2": "usw2.pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "me-central-1": "mec1.pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
}

_NAME = re.compile(r"^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$")


def names_of(edge: Edge) -> list[dict[str, Any]]:
    """``[{"name", "purpose", "storage"}]``, the storage's own first, each name once.

    ``storage`` names are those that the export connects to: the endpoint's host, and for AWS the bucket below it, since
    the SDKs use the virtual-host style wherever it is possible.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, purpose, storage in [*_storage(edge), *_beside(edge)]:
        name = name.rstrip(".").lower()
        if name not in found and not is_ip(name) and _NAME.match(name):
            found[name] = {"name": name, "purpose": purpose, "storage": storage}
    return list(found.values())


def _storage(edge: Edge) -> list[tuple[str, str, bool]]:
    host = edge.storage_host
    if not host:
        return []
    names = [(host, "storage", True)]
    if edge.bucket is not None and not is_ip(host) and not host.startswith(f"{edge.bucket}."):
        names.append((f"{edge.bucket}.{host}", "storage_bucket", edge.storage_kind == "aws" and virtual_host(edge)))
    return names


def virtual_host(edge: Edge) -> bool:
    """Whether clients can put the bucket into the host name: over TLS not with dots in it, since a wildcard
    certificate covers one label (RFC 9525, 6.3), and the SDKs then use the path style by themselves."""
    return edge.bucket is not None and not ("." in edge.bucket and edge.storage_url.startswith("https:"))


def _beside(edge: Edge) -> list[tuple[str, str, bool]]:
    names: list[tuple[str, str, bool]] = []
    if edge.storage_kind == "aws" and edge.region is not None:
        suffix = dns_suffix(edge.region)
        names += [
            (f"s3.dualstack.{edge.region}.{suffix}", "dualstack", False),
            (f"sts.{edge.region}.{suffix}", "sts", False),
            (f"kms.{edge.region}.{suffix}", "kms", False),
        ]
        if suffix == "amazonaws.com":
            names.append((GLOBAL_HOST, "global", False))
    platform = PLATFORM_DOMAINS.get(edge.region or "")
    if platform is not None:
        names.append((f"api.{platform}", "platform", False))
    return names + [(name, "configured", False) for name in edge.dns_names]


def dns_suffix(region: str) -> str:
    """The domain of a region's endpoints; China has its own (AWS General Reference)."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def storage_domain(edge: Edge) -> str | None:
    """The domain in which a made-up label must not exist: the parent of the storage endpoint.

    Not below the S3 endpoint itself, where every label is the name of some bucket and resolves.
    """
    host = edge.storage_host.rstrip(".").lower()
    if not host or is_ip(host) or "." not in host:
        return None
    if edge.bucket is not None and host.startswith(f"{edge.bucket}."):
        host = host[len(edge.bucket) + 1 :]
    return host.split(".", 1)[1] if "." in host else None
