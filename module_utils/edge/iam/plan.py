# SPDX-License-Identifier: GPL-3.0-or-later
"""The export plan: which API calls an export makes, in order, and what each asks of whom. Pure.

Sources: Amazon S3 API Reference (each operation's permissions); Amazon S3 User Guide, "Multipart upload API and
permissions", "Using SSE-KMS", "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys" (encryption context).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..finding import Unread
from .context import PRESENT, UNKNOWN
from .s3_calls import BUCKET, KEY, OBJECT, Permission, permissions_for

# What a call is for. The first four are what every export does; without the rest it works, less well.
LIST, READ, WRITE, MULTIPART = "list", "read", "write", "multipart"
TIDY, VERIFY, PROBE, LOCK = "tidy", "verify", "probe", "lock"
ESSENTIAL = (LIST, READ, WRITE, MULTIPART)
# An object where the facts name none: what is decided for it holds for the prefix, not for one recording.
SAMPLE = "recording"

_WORDS = {
    LIST: "listing", READ: "reading", WRITE: "a small PutObject", MULTIPART: "a multipart upload", TIDY: "cleaning up",
    VERIFY: "verifying", PROBE: "HeadBucket", LOCK: "locking",
}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """One permission of one call. resource: an ARN; None where the key's ARN is not known."""

    action: str
    target: str
    resource: str | None
    context: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Step:
    """One API call of the plan. doubt: what was not read, where it is therefore not known whether it is made."""

    call: str
    purpose: str
    asks: tuple[Ask, ...]
    doubt: Unread | None = None

    @property
    def essential(self) -> bool:
        return self.purpose in ESSENTIAL


@dataclass(frozen=True)
class Asked:
    """What the export's own configuration asks for: bool, None where nothing says, Unread where that was not read."""

    versions: bool | Unread | None = None
    legal_hold: bool | Unread | None = None
    retention: bool | Unread | None = None


@dataclass(frozen=True)
class Target:
    """Where the export reads and writes. keys: object keys to ask for. key_arn: of the KMS key, None where its ARN is
    not known. encrypted: whether writes are encrypted with a key that has a policy of its own. bucket_key: whether an
    S3 Bucket Key is on. region: of the bucket. account: the principal's."""

    bucket: str
    prefix: str
    keys: Sequence[str]
    region: str
    account: str | None = None
    encrypted: bool = False
    key_arn: str | None = None
    bucket_key: bool = False
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}"


def words(purpose: str) -> str:
    """What a purpose is called in a sentence."""
    return _WORDS[purpose]


def export_plan(target: Target, asked: Asked) -> list[Step]:
    """The calls in the order in which an export makes them."""
    versions = asked.versions
    doubt = versions if isinstance(versions, Unread) else None
    steps = [_step("ListObjectsV2", LIST, target)]
    if versions:
        steps.append(_step("ListObjectVersions", LIST, target, doubt=doubt))
    # Where it is not known whether versions are asked for, both ways of reading are weighed.
    ways = [False, True] if doubt is not None else [bool(versions)]
    steps += [_step(call, READ, target, way, doubt) for way in ways for call in ("HeadObject", "GetObject")]
    steps.append(_step("PutObject", WRITE, target))
    steps += [
        _step(call, MULTIPART, target) for call in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    ]
    steps += [_step(call, TIDY, target) for call in ("AbortMultipartUpload", "ListParts")]
    steps += [_attributes(target, way, doubt) for way in ways]
    steps.append(_step("HeadBucket", PROBE, target))
    for call, wanted in (("PutObjectLegalHold", asked.legal_hold), ("PutObjectRetention", asked.retention)):
        if wanted:
            steps.append(_step(call, LOCK, target, doubt=wanted if isinstance(wanted, Unread) else None))
    return steps


def _step(call: str, purpose: str, target: Target, version: bool = False, doubt: Unread | None = None) -> Step:
    permissions = permissions_for(call, version, target.encrypted)
    return Step(call, purpose, _asks(call, permissions, target, version), doubt)


def _attributes(target: Target, version: bool, doubt: Unread | None) -> Step:
    """GetObjectAttributes asks for two permissions (S3 API Reference, GetObjectAttributes)."""
    suffix = "Version" if version else ""
    names = (f"s3:GetObject{suffix}", f"s3:GetObject{suffix}Attributes")
    permissions = tuple(Permission(name, OBJECT) for name in names)
    return Step("GetObjectAttributes", VERIFY, _asks("GetObjectAttributes", permissions, target, version), doubt)


def _asks(call: str, permissions: Sequence[Permission], target: Target, version: bool) -> tuple[Ask, ...]:
    found: list[Ask] = []
    for permission in permissions:
        if permission.target == BUCKET:
            found.append(Ask(permission.action, BUCKET, target.arn, bucket_context(call, target)))
            continue
        for key in target.keys:
            if permission.target == KEY:
                found.append(Ask(permission.action, KEY, target.key_arn, key_context(target, key)))
            else:
                context = object_context(call, version)
                found.append(Ask(permission.action, OBJECT, f"{target.arn}/{key}", context))
    return tuple(dict.fromkeys(found))


# The keys of each request's context that the call itself brings: Service Authorization Reference, "Actions, resources,
# and condition keys for Amazon S3" and "... for AWS Key Management Service". UNKNOWN marks what only the export knows.


def bucket_context(call: str, target: Target) -> dict[str, Any]:
    if call == "HeadBucket":
        return {}
    return {"s3:prefix": target.prefix or UNKNOWN, "s3:delimiter": UNKNOWN, "s3:max-keys": UNKNOWN}


_WRITTEN = (
    "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-acl", "s3:x-amz-grant-read",
    "s3:x-amz-grant-write", "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write-acp", "s3:x-amz-grant-full-control",
    "s3:x-amz-storage-class", "s3:x-amz-website-redirect-location", "s3:RequestObjectTag/*", "s3:RequestObjectTagKeys",
    "s3:object-lock-mode", "s3:object-lock-retain-until-date", "s3:object-lock-remaining-retention-days",
    "s3:object-lock-legal-hold", "s3:if-none-match", "s3:if-match", "s3:ObjectCreationOperation",
)  # fmt: skip
_WRITES = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")


def object_context(call: str, version: bool) -> dict[str, Any]:
    context: dict[str, Any] = {"s3:x-amz-content-sha256": UNKNOWN}
    if call in _WRITES:
        context.update(dict.fromkeys(_WRITTEN, UNKNOWN))
        if call in ("PutObject", "CreateMultipartUpload"):
            context["s3:ObjectCreationOperation"] = True
    else:
        context["s3:ExistingObjectTag/*"] = UNKNOWN
        if version:
            context["s3:versionid"] = PRESENT
    return context


def key_context(target: Target, key: str) -> dict[str, Any]:
    """S3 asks in the caller's name: kms:ViaService is S3's, the network keys are those of nobody knows whom."""
    named = target.arn if target.bucket_key else f"{target.arn}/{key}"
    context: dict[str, Any] = {
        "kms:ViaService": f"s3.{target.region}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": named,
        "kms:EncryptionContextKeys": ["aws:s3:arn"],
        "aws:ViaAWSService": True,
        "aws:ResourceTag/*": UNKNOWN,
    }
    context.update(
        dict.fromkeys(("kms:ResourceAliases", "kms:RequestAlias", "kms:KeySpec", "kms:MultiRegion"), UNKNOWN)
    )
    if target.account is not None:
        context["kms:CallerAccount"] = target.account
    return context
