# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads who exports and what decides about it: each role, policy, bucket and key once, however many edges use it.

An edge's facts, each value None where it does not exist and ``$unread`` where it could not be read:
    {"observed": ISO time, "caller": {"account", "arn"},
     "principal_arn": ARN, "principal_from": "edge_role_arn" | "instance_profile" | None,
     "principal": {...} (read_principal), "organisation": {...} (read_organisation),
     "bucket_account": account that owns the bucket, "bucket_policy": document, "encryption": {"Rules": [...]},
     "recorded": {"captured": ISO time, ...} (recorded),
     "key": {"Arn", "KeyState", ...}, "key_policy": document, "key_grants": [...] (read_storage),
     "asks": {"versions": bool, "legal_hold": bool, "retention": bool}, "static_keys": [...],
     "denials": [lines] (read_node)}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ..aws import Account, AccountKey, account_key, account_of
from ..finding import Unread, unread
from ..log.node import gather_node as gather_log
from ..run import Run, plain
from ..targets import Edge
from ..timeouts.node import gather_node
from .keyring import key_ids
from .read_node import denials_of, from_node
from .read_organisation import read_organisation
from .read_principal import PrincipalReader
from .read_storage import read_bucket, read_keys, read_owned
from .recorded import read_recorded


@dataclass
class _Handle:
    """One identity, its account handles by region, and the edges that are read through it."""

    key: AccountKey
    run: Run
    edges: list[Edge] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)

    def account(self, region: str = "") -> Account:
        """The handle of a region; of the first edge's where none is given."""
        region = region or self.key.region
        if region not in self.accounts:
            self.accounts[region] = account_of(self.run, replace(self.key, region=region))
        return self.accounts[region]


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """The facts of every edge, and the calls made. EdgepathError where boto3 is missing."""
    facts: dict[str, Any] = {}
    handles: dict[AccountKey, _Handle] = {}
    for edge in edges:
        key = account_key(edge)
        handles.setdefault(replace(key, region=""), _Handle(key, run)).edges.append(edge)
    calls: Counter[str] = Counter()
    for handle in handles.values():
        facts.update(_read_handle(handle, run))
        for account in handle.accounts.values():
            calls.update(account.calls)
    return facts, dict(calls)


def _read_handle(handle: _Handle, run: Run) -> dict[str, Any]:
    principals = {edge.name: _principal_arn(edge, run) for edge in handle.edges}
    arns = [arn for arn, _ in principals.values() if isinstance(arn, str)]
    for edge in handle.edges:
        handle.account(edge.region or "")  # before several threads ask for it
    account = handle.account()
    (buckets, keys), shared = account.read_all([lambda: _stored(handle), lambda: _account_facts(handle, arns)])
    observed = datetime.now(timezone.utc).replace(microsecond=0).isoformat()
    facts: dict[str, Any] = {}
    for edge in handle.edges:
        arn, origin = principals[edge.name]
        bucket = buckets.get(_bucket_id(edge), _no_bucket(edge))
        facts[edge.name] = {
            "observed": observed,
            "caller": shared["caller"],
            "principal_arn": arn,
            "principal_from": origin,
            "principal": shared["principals"].get(arn, arn) if isinstance(arn, str) else arn,
            "organisation": shared["organisation"],
            "bucket_account": _owner(edge, shared),
            **bucket,
            **_key_of(edge, bucket, keys),
            **from_node(edge, _section(edge, run)),
            "denials": denials_of(_log_section(edge, run)),
        }
    return {name: _marked(held) for name, held in facts.items()}


def _section(edge: Edge, run: Run) -> Any:
    # An ad-hoc call has no visit to the edge behind it: the module reads where it runs.
    return gather_node(edge) if run.directory is None else run.edge_facts(edge.name, "timeouts")


def _log_section(edge: Edge, run: Run) -> Any:
    """What the visit to the edge read of its log; it comes before all steps, so nothing is asked of a later one."""
    if edge.log_path is None and edge.export_service is None:
        return None
    return gather_log(edge) if run.directory is None else run.edge_facts(edge.name, "log")


def _principal_arn(edge: Edge, run: Run) -> tuple[Any, str | None]:
    """Who exports: edge_role_arn, else the role of the instance profile; None where there is neither."""
    if edge.role_arn:
        return edge.role_arn, "edge_role_arn"
    above = run.upstream("egress", edge.name)
    gone = unread(above)
    if gone is not None:
        message = (
            f"edge {edge.name}: set edge_role_arn, or let edge_egress_audit find the instance profile: {gone.message}"
        )
        return replace(gone, message=message), None
    role = above.get("role_arn")
    return (role, "instance_profile") if isinstance(role, str) else (role, None)


def _account_facts(handle: _Handle, arns: Iterable[str]) -> dict[str, Any]:
    """What is asked once an identity: who reads, the principals, the organisation, whose the buckets are."""
    if not _in_aws(handle.edges) and not any(True for _ in arns):
        message = "the storage is not in AWS, and no role is named: there is no account to ask"
        because = Unread("not_collected", "sts:GetCallerIdentity", "caller", message)
        return {"caller": because, "principals": {}, "organisation": None, "owned": {}}
    account = handle.account()
    identity = account.identity()
    if isinstance(identity, Mapping):
        caller: Any = {"account": identity.get("Account"), "arn": identity.get("Arn")}
        account_id = identity.get("Account")
    else:
        caller = identity or Unread("error", "sts:GetCallerIdentity", "caller", "sts:GetCallerIdentity gave no answer")
        account_id = None
    storages = list(dict.fromkeys(_storage(edge) for edge in handle.edges))
    principals, organisation, *owned = account.read_all(
        [
            lambda: PrincipalReader(account, account_id).read(arns),
            lambda: _organisation(handle, account_id, caller),
            *(lambda url=url: read_owned(account, url) for url in storages),
        ]
    )
    return {
        "caller": caller,
        "principals": principals,
        "organisation": organisation,
        "owned": dict(zip(storages, owned)),
    }


def _organisation(handle: _Handle, account_id: str | None, caller: Any) -> Any:
    if not _in_aws(handle.edges):
        return None
    return read_organisation(handle.account(), account_id) if account_id is not None else caller


def _in_aws(edges: Iterable[Edge]) -> bool:
    return any(edge.storage_kind == "aws" for edge in edges)


# Buckets and keys.


def _storage(edge: Edge) -> str | None:
    """Where S3 is asked, None for AWS's own."""
    return edge.storage_url if edge.storage_kind == "s3_compatible" else None


def _bucket_id(edge: Edge) -> tuple[str, str | None]:
    return str(edge.bucket), _storage(edge)


def _stored(handle: _Handle) -> tuple[dict[tuple[str, str | None], dict[str, Any]], dict[str, dict[str, Any]]]:
    """The buckets by name and storage, and their keys by id."""
    buckets = _buckets(handle)
    return buckets, _keys(handle, buckets)


def _buckets(handle: _Handle) -> dict[tuple[str, str | None], dict[str, Any]]:
    wanted = {_bucket_id(edge): edge.region or "" for edge in reversed(handle.edges) if edge.bucket is not None}
    recorded = _recorded(handle, wanted)
    reads = [
        lambda held=held, region=region: read_bucket(handle.account(region), held[0], held[1], recorded.get(held))
        for held, region in wanted.items()
    ]
    return dict(zip(wanted, handle.account().read_all(reads)))


def _recorded(handle: _Handle, wanted: Mapping[tuple[str, str | None], str]) -> dict[tuple[str, str | None], Any]:
    """What AWS Config holds of the buckets, region by region; it knows nothing of storage outside AWS."""
    by_region: dict[str, list[str]] = {}
    for (bucket, url), region in wanted.items():
        handle.account(region)
        if url is None:
            by_region.setdefault(region, []).append(bucket)
    return {
        (bucket, None): held
        for region, buckets in by_region.items()
        for bucket, held in read_recorded(handle.account(region), buckets).items()
    }


def _keys(handle: _Handle, buckets: Mapping[tuple[str, str | None], Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    # Storage that is not Amazon's keeps its own keys: there is no KMS to ask.
    wanted = {name for (_, url), held in buckets.items() if url is None for name in key_ids(held["encryption"])}
    return read_keys(handle.account, wanted) if wanted else {}


def _key_of(edge: Edge, bucket: Mapping[str, Any], keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    gone = unread(bucket["encryption"])
    names = key_ids(bucket["encryption"])
    if gone is None and names and edge.storage_kind == "s3_compatible":
        gone = Unread("not_collected", "kms:DescribeKey", names[0], "the storage keeps its own keys, and shows none")
    if gone is not None:
        return {"key": gone, "key_policy": gone, "key_grants": gone}
    return dict(keys[names[0]]) if names else {"key": None, "key_policy": None, "key_grants": None}


def _no_bucket(edge: Edge) -> dict[str, Any]:
    message = f"edge {edge.name}: edge_bucket is not set; name the bucket of the recordings"
    because = Unread("not_collected", "edge_bucket", edge.name, message)
    return {"bucket_policy": because, "encryption": because, "recorded": None}


def _owner(edge: Edge, shared: Mapping[str, Any]) -> Any:
    """The account that owns the bucket; Unread where it is not the audited one or that cannot be told."""
    owned, caller = shared["owned"].get(_storage(edge)), shared["caller"]
    if isinstance(owned, Unread) or isinstance(caller, Unread):
        return owned if isinstance(owned, Unread) else caller
    if owned is not None and edge.bucket in owned:
        return caller["account"]
    message = f"which account owns the bucket {edge.bucket} is not known: it is not among those of the audited account"
    return Unread("not_collected", "s3:ListAllMyBuckets", str(edge.bucket), message)


def _marked(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts in JSON's own types, the larger parts still shared between edges."""
    return {
        name: plain(held) if isinstance(held, (Unread, list, tuple)) else _inner(held) for name, held in facts.items()
    }


def _inner(held: Any) -> Any:
    if isinstance(held, dict) and any(isinstance(value, Unread) for value in held.values()):
        return {name: value.to_fact() if isinstance(value, Unread) else value for name, value in held.items()}
    return held
