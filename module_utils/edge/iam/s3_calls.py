# SPDX-License-Identifier: GPL-3.0-or-later
"""Which permissions each S3 API call asks for, on which resource, and which of the key behind SSE-KMS.

Sources: Amazon S3 User Guide, "Required permissions for Amazon S3 API operations"; Amazon S3 API Reference, HeadObject
and GetObject (404 and 403); Amazon S3 User Guide, "Multipart upload API and permissions" and "Using SSE-KMS".
"""

from __future__ import annotations

from dataclasses import dataclass

BUCKET = "bucket"
OBJECT = "object"
KEY = "key"


@dataclass(frozen=True)
class Permission:
    """An action and what it is judged on: `target` is BUCKET (the bucket's ARN), OBJECT (the object's) or KEY."""

    action: str
    target: str


_BUCKET_CALLS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "GetBucketLocation": "s3:GetBucketLocation",
}
_OBJECT_CALLS = {
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutObjectLegalHold": "s3:PutObjectLegalHold",
    "GetObjectLegalHold": "s3:GetObjectLegalHold",
    "PutObjectRetention": "s3:PutObjectRetention",
    "GetObjectRetention": "s3:GetObjectRetention",
    "RestoreObject": "s3:RestoreObject",
}
# A request that names a version asks for the second permission instead of the first.
_VERSIONED_CALLS = {
    "GetObject": ("s3:GetObject", "s3:GetObjectVersion"),
    "HeadObject": ("s3:GetObject", "s3:GetObjectVersion"),
    "GetObjectTagging": ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "PutObjectTagging": ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    "DeleteObject": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
}
_KEY_CALLS = {
    "PutObject": "kms:GenerateDataKey",
    "CreateMultipartUpload": "kms:GenerateDataKey",
    "UploadPart": "kms:Decrypt",
    "UploadPartCopy": "kms:Decrypt",
    "CompleteMultipartUpload": "kms:Decrypt",
    "ListParts": "kms:Decrypt",
    # HeadObject reads no data, and needs the key only where it asks for the checksum of the object.
    "GetObject": "kms:Decrypt",
}
CALLS = frozenset(_BUCKET_CALLS) | frozenset(_OBJECT_CALLS) | frozenset(_VERSIONED_CALLS)


def permissions_for(call: str, version: bool = False, encrypted: bool = False) -> tuple[Permission, ...]:
    """The permissions of an S3 API call, in the order in which they fail.

    version: the request carries a versionId. encrypted: the object is encrypted with a KMS key (SSE-KMS).
    Raises KeyError for a call that is not in CALLS.
    """
    if call in _BUCKET_CALLS:
        return (Permission(_BUCKET_CALLS[call], BUCKET),)
    if call in _VERSIONED_CALLS:
        action = _VERSIONED_CALLS[call][1 if version else 0]
    else:
        action = _OBJECT_CALLS[call]
    found = [Permission(action, OBJECT)]
    if encrypted and call in _KEY_CALLS:
        found.append(Permission(_KEY_CALLS[call], KEY))
    return tuple(found)


def status_of_missing_object(may_list: bool) -> int:
    """The HTTP status of GetObject or HeadObject on a key that does not exist: who may not list is told 403."""
    return 404 if may_list else 403
