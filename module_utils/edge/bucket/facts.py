# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the buckets of the edges: each distinct bucket once, however many edges export to it.

An edge's facts, each value None where it does not exist and ``$unread`` where it could not be read:
    {"bucket", "prefix", "observed": ISO time, "owner": {"account": "123456789012", "owned": bool | None},
     "location": {"exists": bool, "region": "eu-west-2" | None, "moved": bool},
     "versioning": "Enabled" | "Suspended" | None, "mfa_delete": "Enabled" | "Disabled" | None,
     "object_lock": {"enabled": bool, "mode", "days", "years"}, "lifecycle": {"Rules": [...], ...},
     "replication": {"Rules": [...]}, "encryption": {"algorithm", "key_id"}, "key": {"KeyState", ...},
     "public_access_block": {"bucket": {...}, "account": {...}}, "bucket_policy": document,
     "request_payment": {"payer", "exempt": account | None}, "sample": digest, "keys": [...], "export_config",
     "recorded": {"captured": ISO time, "facts": [names]} of what came from AWS Config, else None}
A feature that S3-compatible storage does not have is ``{"$not_implemented": "s3:GetBucketReplication"}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..aws import Account, AccountKey, account_key, account_of
from ..finding import EdgepathError, Unread, unread
from ..iam.recorded import FLEET
from ..run import Run, plain
from ..settings import format_of, lookup, parse_settings
from ..targets import Edge
from ..timeouts.node import gather_node
from .keys import KeyReader
from .reader import BucketReader, Owner

# What the iam step may have read of a bucket: it asks for these to plan the export's calls.
_FROM_IAM = ("principal_arn", "bucket_policy", "encryption", "key", "recorded")


@dataclass
class _Handle:
    """One identity and endpoint, and the edges that are read through it; edges of several regions share it."""

    account: Account
    endpoint_url: str | None
    edges: list[Edge] = field(default_factory=list)


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """The facts of every edge's bucket, and the calls made. EdgepathError where boto3 is missing."""
    facts: dict[str, Any] = {}
    handles: dict[tuple[AccountKey, str | None], _Handle] = {}
    for edge in edges:
        if edge.bucket is None:
            message = f"edge {edge.name}: edge_bucket is not set; name the bucket of the recordings"
            facts[edge.name] = Unread("not_collected", "edge_bucket", edge.name, message)
            continue
        key = account_key(edge)
        # The controller may know the storage by another name than the edge does.
        endpoint = (edge.aws_endpoint_url or edge.storage_url) if edge.storage_kind == "s3_compatible" else None
        identity = AccountKey(key.profile, key.role_arn, key.endpoint_url, "")
        handle = handles.setdefault((identity, endpoint), _Handle(account_of(run, key), endpoint))
        handle.edges.append(edge)
    calls: Counter[str] = Counter()
    for handle in handles.values():
        facts.update(_read_handle(handle, run, calls))
    return facts, dict(calls)


def _read_handle(handle: _Handle, run: Run, calls: Counter[str]) -> dict[str, Any]:
    by_bucket: dict[str, list[Edge]] = {}
    for edge in handle.edges:
        by_bucket.setdefault(str(edge.bucket), []).append(edge)
    owner = Owner.read(handle.account, handle.endpoint_url)
    keys = KeyReader(handle.account, run)
    readers = [
        BucketReader(
            handle.account,
            handle.endpoint_url,
            owner,
            keys,
            bucket,
            sharing,
            _upstream(run, sharing),
            fleet=len(by_bucket) >= FLEET,
        )
        for bucket, sharing in by_bucket.items()
    ]
    answers = handle.account.read_all([reader.read for reader in readers])
    calls.update(handle.account.calls)
    calls.update(keys.calls)
    observed = datetime.now(timezone.utc).replace(microsecond=0).isoformat()
    facts: dict[str, Any] = {}
    for reader, (shared, by_edge) in zip(readers, answers):
        for edge in reader.edges:
            facts[edge.name] = plain(
                {
                    **shared,
                    **by_edge[edge.name],
                    "bucket": edge.bucket,
                    "prefix": edge.prefix,
                    "observed": observed,
                    "export_config": _export_config(edge, run),
                }
            )
    return facts


def _upstream(run: Run, edges: Sequence[Edge]) -> dict[str, Any]:
    """What the iam step has read of this bucket already, from whichever of its edges."""
    known: dict[str, Any] = {}
    for edge in edges:
        above = run.upstream("iam", edge.name)
        if unread(above) is None and isinstance(above, dict):
            read = {name: above[name] for name in _FROM_IAM if name in above and unread(above[name]) is None}
            known = {**read, **known}
    return known


def _export_config(edge: Edge, run: Run) -> Any:
    """{"path", "key", "value"} of the export's version setting as the visit to the edge read it; None: not asked for.

    The file's text goes no further than here.
    """
    key = edge.export_config_keys.get("versions")
    if edge.export_config_path is None or key is None:
        return None
    # An ad-hoc call has no visit to the edge behind it: the module reads where it runs.
    section = gather_node(edge) if run.directory is None else run.edge_facts(edge.name, "timeouts")
    if unread(section) is not None:
        return section
    config = section.get("export_config") if isinstance(section, dict) else None
    if unread(config) is not None:
        return config
    if not isinstance(config, dict) or not isinstance(config.get("text"), str):
        message = f"edge {edge.name}: the export configuration is not among the facts that came back"
        return Unread("not_collected", "read", edge.export_config_path, message)
    path = str(config.get("path") or edge.export_config_path)
    try:
        value = lookup(parse_settings(config["text"], format_of(path, edge.export_config_format), path), key)
    except EdgepathError as error:
        return Unread("error", "read", path, f"edge {edge.name}: {error}")
    scalar = value is None or isinstance(value, (str, int, float))
    return {"path": path, "key": key, "value": value if scalar else f"a {type(value).__name__}"}
