# SPDX-License-Identifier: GPL-3.0-or-later
"""What a principal may do on S3 beyond the export plan, after all layers are intersected, each with a witness. Pure.

A witness is an action and an ARN that the engine allows and the plan does not ask for. Absence of witnesses is told of
the actions and ARNs that were tried, which is why these are taken from the policies' own patterns as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .decision import StatementRef
from .documents import Documents, Named
from .plan import Ask
from .s3_calls import BUCKET, KEY, OBJECT
from .scene import ALLOWED, OPEN, Answer, Scene

# What destroys, opens or redirects recordings comes first; Service Authorization Reference, "Actions for Amazon S3".
ON_BUCKET = (
    "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutLifecycleConfiguration",
    "s3:PutBucketVersioning", "s3:PutBucketObjectLockConfiguration", "s3:PutEncryptionConfiguration",
    "s3:PutBucketPublicAccessBlock", "s3:PutBucketAcl", "s3:PutReplicationConfiguration",
    "s3:PutBucketOwnershipControls", "s3:PutBucketNotification", "s3:PutBucketLogging", "s3:PutBucketCORS",
    "s3:PutBucketWebsite", "s3:PutInventoryConfiguration",
)  # fmt: skip
ON_OBJECT = (
    "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention",
    "s3:PutObjectLegalHold", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:RestoreObject",
    "s3:ReplicateDelete", "s3:ReplicateObject",
)  # fmt: skip
# Service Authorization Reference, "Actions for AWS Key Management Service".
ON_KEY = ("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy")
# What the plan's own actions would mean outside the prefix, or in another bucket.
OF_THE_PLAN = (
    "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"
)  # fmt: skip
ELSEWHERE = (
    "s3:ListBucket",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
)
_ON_BUCKETS = frozenset(("s3:ListBucket", *ON_BUCKET))
# Names that stand for "any other": no bucket or key of anybody's.
OTHER_BUCKET = "edgepath-witness-bucket"
OTHER_KEY = "edgepath-witness"
_MOST_BUCKETS = 12
_WILD = re.compile(r"\*+|\?|\$\{[^}]*\}")


@dataclass(frozen=True)
class Witness:
    """An action and an ARN that the principal may use and the export does not. statement: which allows it."""

    action: str
    resource: str
    by: str
    statement: StatementRef | None = None

    def to_dict(self) -> dict[str, str]:
        return {"action": self.action, "on": self.resource, "allowed_by": self.by}


@dataclass(frozen=True)
class Scope:
    """witnesses: certain ones. open: answers that hang on what is not known."""

    witnesses: tuple[Witness, ...]
    open: tuple[Answer, ...]


def beyond(scene: Scene, bucket_arn: str, prefix: str, planned: frozenset[str], key_arn: str | None) -> Scope:
    """What the principal may do to the export's own bucket, and to its key, beyond the plan.

    planned: the actions of the plan, which are the export's own on the bucket and below the prefix.
    """
    asks = [(action, bucket_arn) for action in ON_BUCKET]
    asks += [(action, f"{bucket_arn}/{prefix}{OTHER_KEY}") for action in ON_OBJECT if action not in planned]
    if prefix:
        asks += [(action, f"{bucket_arn}/{OTHER_KEY}") for action in OF_THE_PLAN]
    if key_arn is not None:
        asks += [(action, key_arn) for action in ON_KEY]
    return _ask(scene, asks)


def elsewhere(scene: Scene, bucket_arn: str) -> Scope:
    """What the principal may do to other buckets: to one of no particular name, and to those the policies name."""
    names = [*_named_buckets(scene.documents, bucket_arn.rpartition(":")[2])][:_MOST_BUCKETS]
    start = bucket_arn.rpartition(":")[0]
    asks = [(action, _on(action, f"{start}:{name}")) for name in names for action in ELSEWHERE]
    return _ask(scene, asks)


def _on(action: str, bucket_arn: str) -> str:
    return bucket_arn if action in _ON_BUCKETS else f"{bucket_arn}/{OTHER_KEY}"


def _ask(scene: Scene, asks: Sequence[tuple[str, str]]) -> Scope:
    witnesses: list[Witness] = []
    doubtful: list[Answer] = []
    for action, resource in asks:
        target = KEY if action in ON_KEY else BUCKET if action in _ON_BUCKETS else OBJECT
        answer = scene.ask(Ask(action, target, resource))
        if answer.state == ALLOWED and answer.decision is not None:
            statement = answer.decision.statement
            witnesses.append(Witness(action, resource, str(statement or answer.decision.layer), statement))
        elif answer.state == OPEN:
            doubtful.append(answer)
    return Scope(tuple(witnesses), tuple(doubtful))


def _named_buckets(documents: Documents, own: str) -> Iterator[str]:
    """Names of other buckets that the principal's own policies speak of, wildcards filled in; always one of no name."""
    seen = {own}
    for name in (OTHER_BUCKET, *_patterns(documents.identity)):
        filled = _WILD.sub("x", name)
        if filled and filled not in seen:
            seen.add(filled)
            yield filled


def _patterns(identity: Sequence[Named]) -> Iterator[str]:
    for item in identity:
        held = item.document if isinstance(item.document, Mapping) and item.gone is None else {}
        statements = held.get("Statement")
        for statement in statements if isinstance(statements, list) else [statements]:
            if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
                yield from _buckets_of(statement.get("Resource"))


def _buckets_of(resources: Any) -> Iterator[str]:
    for resource in resources if isinstance(resources, (list, tuple)) else [resources]:
        parts = str(resource).split(":", 5)
        if len(parts) == 6 and parts[2] == "s3" and not parts[4]:
            yield parts[5].partition("/")[0]
