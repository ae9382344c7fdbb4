# SPDX-License-Identifier: GPL-3.0-or-later
"""Buckets and recordings: in the control plane for AWS, in the object store for the S3-compatible edge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from . import policies
from .seed_identity import REPLICATION_ROLE
from .world import OBJECT_STORE_BUCKET, ORGANISATION, REGION, LabEdge, role_arn

COPIES = "euw2-copies-of-recordings"
_PART = 5 * 1024 * 1024  # the least that S3 takes for a part but the last
_CONVERSATION = "c8b8f8a4-1f0e-4f65-9e0b-2a64f3b0d7aa"
_RECORDING = "5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1"
_KEY = f"{policies.PREFIX}{ORGANISATION}/year=2026/month=11/day=20/hour=02/conversation_id={_CONVERSATION}/{_RECORDING}"


def buckets(s3: Any, edges: Sequence[LabEdge], key_arn: str, endpoint_id: str) -> None:
    """A bucket for each edge. The bucket policy comes last: moto judges objects by it without its conditions."""
    _copies(s3)
    for edge in edges:
        _bucket(s3, edge, key_arn)
        s3.put_object(Bucket=edge.bucket, Key=f"{_KEY}.opus", Body=b"OggS")
        s3.put_object(Bucket=edge.bucket, Key=f"{_KEY}_metadata.json", Body=_metadata())
        s3.put_bucket_policy(Bucket=edge.bucket, Policy=policies.bucket(edge.bucket, endpoint_id))


def object_store(s3: Any) -> None:
    """A versioned bucket with a recording in several parts, and one that was written twice."""
    bucket = OBJECT_STORE_BUCKET
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for text in (b"OggS first", b"OggS second"):
        s3.put_object(Bucket=bucket, Key=f"{_KEY}.opus", Body=text)
    s3.put_object(Bucket=bucket, Key=f"{_KEY}_metadata.json", Body=_metadata())
    _in_parts(s3, bucket, f"{_KEY}-long.wav")


def _bucket(s3: Any, edge: LabEdge, key_arn: str) -> None:
    name = edge.bucket
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectLockEnabledForBucket=edge.versioned,
    )
    if edge.versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}},
            },
        )
        _replicated(s3, name)
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn},
                    "BucketKeyEnabled": True,
                }
            ]
        },
    )
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [_TIDY]})
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )


# Deletes no recording: it clears away the parts of uploads that nobody finished.
_TIDY = {
    "ID": "unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def _copies(s3: Any) -> None:
    s3.create_bucket(Bucket=COPIES, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=COPIES, VersioningConfiguration={"Status": "Enabled"})


def _replicated(s3: Any, name: str) -> None:
    rule = {
        "ID": "copy-of-every-recording",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": policies.bucket_arn(COPIES)},
    }
    configuration = {"Role": role_arn(REPLICATION_ROLE), "Rules": [rule]}
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=configuration)


def _in_parts(s3: Any, bucket: str, key: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
    parts = []
    for number, body in enumerate((bytes(_PART), bytes(_PART), b"the last part"), start=1):
        tag = s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


def _metadata() -> bytes:
    return json.dumps({"conversationId": _CONVERSATION, "recordingId": _RECORDING, "durationMs": 3_600_000}).encode()
