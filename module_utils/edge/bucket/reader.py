# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one bucket with few calls: nothing twice, and nothing that an earlier answer has settled.

A bucket that was never versioned has no object lock and no replication (both need versioning); a bucket that this
account owns needs no HeadBucket where ListBuckets told its region; who owns the bucket never needs the requester-pays
header (S3 API Reference, x-amz-request-payer). What the iam step had from AWS Config of a fleet is not read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..aws import Account
from ..finding import Unread, unread
from ..targets import Edge
from .keys import KEPT, KeyReader
from .objects import read_key
from .rules import acts, parse
from .sample import PAGE, SKIPPED, digest

# Error codes by which storage says that it does not have a feature (S3 API Reference, "Error responses").
_NOT_IMPLEMENTED = ("NotImplemented", "MethodNotAllowed", "NotSupported", "UnsupportedOperation", "501", "405")
_MOVED = ("301", "PermanentRedirect", "TemporaryRedirect", "307", "AuthorizationHeaderMalformed")
_CODE = re.compile(r"^cannot read .*?: (?P<code>[A-Za-z0-9.]+)(?:[: ]|$)")
# What each call reads, as messages name it.
_WHAT = {
    "head_bucket": "the existence and region",
    "get_bucket_versioning": "the versioning",
    "get_object_lock_configuration": "the object lock",
    "get_bucket_lifecycle_configuration": "the lifecycle",
    "get_bucket_replication": "the replication",
    "get_bucket_policy": "the policy",
    "get_public_access_block": "the public access block",
    "get_bucket_request_payment": "the payer",
    "get_bucket_encryption": "the encryption",
    "list_object_versions": "the versions",
    "head_object": "a recording",
    "get_object_legal_hold": "a recording's legal hold",
    "get_object_retention": "a recording's retention",
    "get_object_tagging": "a recording's tags",
}
# S3 Control's operation has a permission of S3 (Service Authorization Reference, "Actions for Amazon S3").
ACCOUNT_BLOCK = "s3:GetAccountPublicAccessBlock"

_SHARED = ("versioning", "mfa_delete", "object_lock", "lifecycle", "replication", "bucket_policy",
           "public_access_block", "request_payment", "encryption", "key")  # fmt: skip
_OF_AN_EDGE = ("sample", "keys")


def code_of(fact: Unread) -> str:
    """The error code at the head of the message of a failed read."""
    match = _CODE.match(fact.message)
    return match.group("code") if match else ""


@dataclass(frozen=True)
class Owner:
    """What is read once an identity: who asks, which buckets are this account's, and the account's access block.

    buckets: name -> region (None where the answer has none), or Unread.
    """

    account_id: Any = None
    buckets: Any = None
    access_block: Any = None

    @classmethod
    def read(cls, account: Account, endpoint_url: str | None) -> Owner:
        if endpoint_url is not None:
            return cls()
        page = {"PageSize": PAGE}
        listed, identity = account.read_all(
            [
                lambda: account.read("s3", "list_buckets", "Buckets", resource="buckets", PaginationConfig=page),
                account.identity,
            ]
        )
        if not isinstance(listed, Unread):
            listed = {item["Name"]: item.get("BucketRegion") for item in listed or []}
        account_id = identity if isinstance(identity, Unread) or identity is None else identity.get("Account")
        return cls(account_id, listed, cls._access_block(account, account_id))

    @staticmethod
    def _access_block(account: Account, account_id: Any) -> Any:
        # Only AWS itself has blocks of a whole account; elsewhere the bucket's own block is all there is.
        if account.key.endpoint_url is not None:
            return None
        if not isinstance(account_id, str):
            return replace(account_id, operation=ACCOUNT_BLOCK) if isinstance(account_id, Unread) else None
        return account.read(
            "s3control",
            "get_public_access_block",
            "PublicAccessBlockConfiguration",
            resource=f"the public access block of account {account_id}",
            AccountId=account_id,
        )


class BucketReader:
    """Reads one bucket for all edges that share it. upstream: what the iam step has read already.

    fleet: whether it is one of so many that it is sampled only where a rule of its lifecycle, or a recording that was
    named, asks for that.
    """

    def __init__(
        self,
        account: Account,
        endpoint_url: str | None,
        owner: Owner,
        keys: KeyReader,
        bucket: str,
        edges: Sequence[Edge],
        upstream: Mapping[str, Any],
        fleet: bool = False,
    ) -> None:
        self.account = account
        self.endpoint_url = endpoint_url
        self.owner = owner
        self.keys = keys
        self.bucket = bucket
        self.edges = edges
        self.upstream = upstream
        self.fleet = fleet
        self._recorded: Mapping[str, Any] = upstream.get("recorded") or {}
        self._taken: set[str] = set()

    def read(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The facts that all edges share, and those of each edge (its sample and keys)."""
        shared: dict[str, Any] = {
            "owner": self._owned(),
            "export_account": self._exporting_account(),
            "location": self._location(),
        }
        location = shared["location"]
        if isinstance(location, Unread) and location.state == "unreachable":
            return {**shared, **dict.fromkeys(_SHARED, location)}, {
                edge.name: dict.fromkeys(_OF_AN_EDGE, location) for edge in self.edges
            }
        if not isinstance(location, Unread) and not location["exists"]:
            return shared, {edge.name: {} for edge in self.edges}
        versions = self._versions()
        if versions is None:
            shared["location"] = {"exists": False, "region": None, "moved": False}
            return shared, {edge.name: {} for edge in self.edges}
        readable = unread(versions) is None and "$not_implemented" not in versions
        shared["versioning"] = versions.get("Status") if readable else versions
        shared["mfa_delete"] = versions.get("MFADelete") if readable else versions
        shared["object_lock"] = self._object_lock(shared["versioning"])
        shared["lifecycle"] = self._s3("get_bucket_lifecycle_configuration")
        shared["replication"] = self._replication(shared["versioning"])
        shared["bucket_policy"] = self._policy()
        shared["public_access_block"] = self._access_block()
        shared["request_payment"] = self._payment()
        shared["encryption"] = self._encryption()
        shared["key"] = self._key(shared["encryption"])
        taken = sorted(self._taken)
        shared["recorded"] = {"captured": self._recorded.get("captured"), "facts": taken} if taken else None
        return shared, self._by_edge(shared)

    def _of_record(self, name: str) -> Any:
        """A fact that AWS Config has recorded."""
        self._taken.add(name)
        return self._recorded[name]

    def _versions(self) -> Any:
        if "versioning" not in self._recorded:
            return self._s3("get_bucket_versioning")
        status, mfa = self._of_record("versioning"), self._of_record("mfa_delete")
        return {name: value for name, value in (("Status", status), ("MFADelete", mfa)) if value}

    def _s3(self, operation: str, result_key: str | None = None, **parameters: Any) -> Any:
        answer = self.account.read(
            "s3",
            operation,
            result_key,
            resource=f"{_WHAT.get(operation, operation)} of bucket {self.bucket}",
            endpoint_url=self.endpoint_url,
            Bucket=self.bucket,
            **parameters,
        )
        if isinstance(answer, dict):
            answer.pop("ResponseMetadata", None)
        if self.endpoint_url is not None and isinstance(answer, Unread) and code_of(answer) in _NOT_IMPLEMENTED:
            return {"$not_implemented": answer.operation}
        return answer

    def _owned(self) -> dict[str, Any]:
        buckets = self.owner.buckets
        owned = self.bucket in buckets if isinstance(buckets, dict) else buckets
        return {"account": self.owner.account_id, "owned": owned}

    def _location(self) -> Any:
        if isinstance(self.owner.buckets, dict) and self.owner.buckets.get(self.bucket):
            return {"exists": True, "region": self.owner.buckets[self.bucket], "moved": False}
        if isinstance(self.owner.buckets, Unread) and self.owner.buckets.state == "unreachable":
            return self.owner.buckets
        answer = self._s3("head_bucket")
        if answer is None:
            return {"exists": False, "region": None, "moved": False}
        if isinstance(answer, Unread):
            if code_of(answer) in _MOVED:
                return {"exists": True, "region": None, "moved": True}
            return answer
        return {"exists": True, "region": answer.get("BucketRegion"), "moved": False}

    def _object_lock(self, versioning: Any) -> Any:
        if versioning in (None, "Suspended"):
            return None
        if "object_lock" in self._recorded:
            return self._of_record("object_lock")
        answer = self._s3("get_object_lock_configuration")
        if not isinstance(answer, dict) or "$not_implemented" in answer:
            return answer
        configuration = answer.get("ObjectLockConfiguration") or {}
        retention = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
        return {
            "enabled": configuration.get("ObjectLockEnabled") == "Enabled",
            "mode": retention.get("Mode"),
            "days": retention.get("Days"),
            "years": retention.get("Years"),
        }

    def _replication(self, versioning: Any) -> Any:
        if versioning is None:
            return None
        answer = self._s3("get_bucket_replication")
        if isinstance(answer, dict) and "$not_implemented" not in answer:
            return answer.get("ReplicationConfiguration")
        return answer

    def _policy(self) -> Any:
        if "bucket_policy" in self.upstream:
            return self.upstream["bucket_policy"]
        answer = self._s3("get_bucket_policy")
        if not isinstance(answer, dict) or "$not_implemented" in answer:
            return answer
        try:
            return json.loads(answer["Policy"])
        except (KeyError, TypeError, ValueError) as error:
            message = f"cannot read the policy of bucket {self.bucket}: it is not JSON ({error})"
            return Unread("error", "s3:GetBucketPolicy", self.bucket, message)

    def _access_block(self) -> dict[str, Any]:
        account = self.owner.access_block
        if isinstance(account, dict) and account and all(account.values()):
            return {"bucket": None, "account": account}
        if "public_access_block" in self._recorded:
            return {"bucket": self._of_record("public_access_block"), "account": account}
        answer = self._s3("get_public_access_block")
        if isinstance(answer, dict) and "$not_implemented" not in answer:
            answer = answer.get("PublicAccessBlockConfiguration")
        return {"bucket": answer, "account": account}

    def _payment(self) -> Any:
        account = self._exporting_account()
        if account is not None and self._owned()["owned"] is True and account == self.owner.account_id:
            return {"payer": None, "exempt": account}
        if "payer" in self._recorded:
            self._taken.add("request_payment")
            return {"payer": self._recorded["payer"], "exempt": None}
        answer = self._s3("get_bucket_request_payment")
        if isinstance(answer, dict) and "$not_implemented" not in answer:
            return {"payer": answer.get("Payer") or "BucketOwner", "exempt": None}
        return answer

    def _exporting_account(self) -> str | None:
        """The one account that all edges of this bucket export with, or None where that is not known."""
        arns = {edge.role_arn or self.upstream.get("principal_arn") for edge in self.edges}
        accounts = {arn.split(":")[4] if isinstance(arn, str) and arn.count(":") >= 5 else "" for arn in arns}
        return next(iter(accounts)) or None if len(accounts) == 1 else None

    def _encryption(self) -> Any:
        answer = self.upstream.get("encryption")
        if "encryption" not in self.upstream or not (answer is None or "Rules" in answer):
            answer = self._s3("get_bucket_encryption", "ServerSideEncryptionConfiguration")
        if answer is not None and answer == self._recorded.get("encryption"):
            self._taken.add("encryption")
        if not isinstance(answer, dict) or "$not_implemented" in answer:
            return answer
        rules = answer.get("Rules") or []
        default = next((rule["ApplyServerSideEncryptionByDefault"] for rule in rules
                        if rule.get("ApplyServerSideEncryptionByDefault")), None)  # fmt: skip
        if default is None:
            return None
        return {"algorithm": default.get("SSEAlgorithm"), "key_id": default.get("KMSMasterKeyID")}

    def _key(self, encryption: Any) -> Any:
        if not isinstance(encryption, dict) or not encryption.get("key_id"):
            return None
        if self.endpoint_url is not None:
            message = f"the storage of bucket {self.bucket} keeps its own keys; their state cannot be asked for"
            return Unread("not_collected", "kms:DescribeKey", str(encryption["key_id"]), message)
        known = self.upstream.get("key")
        if isinstance(known, dict) and known.get("KeyState") and str(encryption["key_id"]) == known.get("Arn"):
            return {name: known.get(name) for name in KEPT}
        return self.keys.read(str(encryption["key_id"]))

    def _by_edge(self, shared: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        lifecycle = shared["lifecycle"]
        configuration = parse(lifecycle if unread(lifecycle) is None else None)
        rules = configuration.rules
        quiet = unread(lifecycle) is None and not configuration.malformed and not any(map(acts, rules))
        prefixes = [rule.filter.prefix for rule in rules]
        tagged = any(rule.filter.tags for rule in rules)
        locked = isinstance(shared["object_lock"], dict) and shared["object_lock"].get("enabled") is not False
        listings: dict[str, Any] = {}
        keys: dict[str, Any] = {}
        by_edge: dict[str, dict[str, Any]] = {}
        for edge in self.edges:
            if self.fleet and quiet and not edge.recording_keys:
                by_edge[edge.name] = {"sample": dict(SKIPPED), "keys": []}
                continue
            if edge.prefix not in listings:
                listings[edge.prefix] = self._listing(edge.prefix)
            listing = listings[edge.prefix]
            listed = isinstance(listing, dict) and "$not_implemented" not in listing
            sample = digest(listing, prefixes) if listed else listing
            for key in edge.recording_keys:
                if key not in keys:
                    whole = listed and listing.get("IsTruncated") is False
                    found = listing if whole and key.startswith(edge.prefix) else self._listing(key)
                    keys[key] = read_key(self._s3, found, key, locked, tagged)
            by_edge[edge.name] = {
                "sample": sample,
                "keys": [keys[key] for key in edge.recording_keys],
            }
        return by_edge

    def _listing(self, prefix: str) -> Any:
        """One page of versions, never more: a bucket may hold millions."""
        extra: dict[str, Any] = {} if self.endpoint_url else {"OptionalObjectAttributes": ["RestoreStatus"]}
        return self._s3("list_object_versions", Prefix=prefix, MaxKeys=PAGE, **extra)
