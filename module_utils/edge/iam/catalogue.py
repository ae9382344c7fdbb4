# SPDX-License-Identifier: GPL-3.0-or-later
"""The permission domain's checks. What every export needs blocks it where it is missing; hygiene does not."""

from __future__ import annotations

from ..finding import Check, catalogue

_IAM = "AWS IAM User Guide"
_S3 = "Amazon S3 User Guide"

CATALOGUE = catalogue(
    [
        Check(
            "IAM-01", "It is known who exports, and that principal exists", "critical", "identity_policy", "blocks",
            "Give the instance a profile with the export's role, or name the role in edge_role_arn.",
            f"{_IAM}, Using an IAM role to grant permissions to applications running on Amazon EC2 instances",
        ),
        Check(
            "IAM-02", "The export may list the recordings", "critical", "identity_policy", "blocks",
            "Allow s3:ListBucket on the ARN of the bucket (not of its objects).",
            f"{_S3}, Required permissions for Amazon S3 API operations (ListObjectsV2)",
        ),
        Check(
            "IAM-03", "The export may read recordings", "critical", "identity_policy", "blocks",
            "Allow s3:GetObject on the prefix; s3:GetObjectVersion where it asks for versions.",
            f"{_S3}, Required permissions for Amazon S3 API operations (HeadObject, GetObject)",
        ),
        Check(
            "IAM-04", "The export may write recordings", "critical", "identity_policy", "blocks",
            "Allow s3:PutObject on the prefix.",
            f"{_S3}, Required permissions for Amazon S3 API operations (PutObject)",
        ),
        Check(
            "IAM-05", "A recording in several parts can be written to its end", "critical", "identity_policy", "blocks",
            "Allow s3:PutObject on the prefix and, on the key, kms:GenerateDataKey and kms:Decrypt.",
            f"{_S3}, Multipart upload API and permissions; Protecting data using SSE-KMS: multipart uploads",
        ),
        Check(
            "IAM-06", "The key lets the export encrypt and decrypt", "critical", "key", "blocks",
            "Allow kms:GenerateDataKey and kms:Decrypt through S3, in the key's policy or by the account's policies.",
            "AWS KMS Developer Guide, Key policies in AWS KMS; How Amazon S3 uses AWS KMS",
        ),
        Check(
            "IAM-07", "No statement denies the export's calls", "critical", "bucket_policy", "blocks",
            "Except the edge's role, endpoint or address from the statement that denies.",
            f"{_IAM}, Policy evaluation logic: explicit and implicit denies",
        ),
        Check(
            "IAM-08", "The endpoint's policy lets the export's calls through", "critical", "endpoint_policy", "blocks",
            "Allow the export's calls on the bucket in the policy of the VPC endpoint.",
            "AWS PrivateLink Guide, Control access to VPC endpoints using endpoint policies; Gateway endpoints for S3",
        ),
        Check(
            "IAM-09", "The bucket's policy lets the export's calls through", "critical", "bucket_policy", "blocks",
            "Allow the role in the bucket's policy where another account owns the bucket; else take the denial away.",
            f"{_IAM}, Policy evaluation logic; Cross-account policy evaluation logic",
        ),
        Check(
            "IAM-10", "The export may do no more to its bucket than it needs", "medium", "identity_policy", "none",
            "Name the export's actions and its prefix in place of wildcards.",
            f"{_IAM}, Security best practices: apply least-privilege permissions",
        ),
        Check(
            "IAM-11", "The export reaches no other bucket", "medium", "identity_policy", "none",
            "Name the recordings' bucket in place of wildcards.",
            f"{_IAM}, Security best practices: apply least-privilege permissions",
        ),
        Check(
            "IAM-12", "Actions on the bucket are granted on its own ARN", "medium", "identity_policy", "none",
            "Grant s3:ListBucket and the like on arn:aws:s3:::BUCKET; BUCKET/* names its objects alone.",
            f"{_S3}, Bucket policies and user policies: Amazon S3 resources (bucket operations)",
        ),
        Check(
            "IAM-13", "No policy grants anything to a principal that is gone", "low", "bucket_policy", "none",
            "Put the ARN of the role that exists now in place of the id, or take the statement out.",
            f"{_IAM}, AWS JSON policy elements: Principal (unique identifiers of deleted principals)",
        ),
        Check(
            "IAM-14", "The edge's instance can take on the role", "critical", "identity_policy", "blocks",
            "Allow ec2.amazonaws.com to assume the role in its trust policy.",
            f"{_IAM}, Troubleshooting Amazon EC2 instance profiles; IAM roles for Amazon EC2",
        ),
        Check(
            "IAM-15", "Nobody else can take on the role by surprise", "high", "identity_policy", "none",
            "Name the principals that may assume the role, and ask other accounts for an external id.",
            f"{_IAM}, The confused deputy problem; How to use an external ID",
        ),
        Check(
            "IAM-16", "A session of the role outlives the longest export, or is renewed", "medium", "identity_policy",
            "none", "Raise the role's maximum session duration, or let the SDK renew the credentials.",
            f"{_IAM}, Update the maximum session duration for a role; AWS STS API Reference, AssumeRole",
        ),
        Check(
            "IAM-17", "No long-lived access keys stand in the edge's settings", "high", "identity_policy", "none",
            "Take the keys out of the settings, use the instance's role, and deactivate the keys.",
            f"{_IAM}, Security best practices: use temporary credentials; Managing access keys",
        ),
        Check(
            "IAM-18", "The way that requests take does not decide against them", "medium", "bucket_policy", "none",
            "Send the edge's requests the way that the policies ask for, or name the edge's way in them.",
            f"{_IAM}, AWS global condition context keys: aws:SourceVpce, aws:SourceIp",
        ),
        Check(
            "IAM-19", "The organisation's policies over the account can be read", "info", "identity_policy", "none",
            "Audit with a role of the management account or of a delegated administrator to see them.",
            "AWS Organizations User Guide, Service control policies; Delegated administrator for AWS Organizations",
        ),
        Check(
            "IAM-20", "A broken upload can be resumed or cleaned away", "low", "identity_policy", "none",
            "Allow s3:AbortMultipartUpload and s3:ListMultipartUploadParts on the prefix.",
            f"{_S3}, Multipart upload API and permissions",
        ),
        Check(
            "IAM-21", "What was written can be verified", "low", "identity_policy", "none",
            "Allow s3:GetObject on the prefix (HeadObject), or s3:GetObjectAttributes beside it.",
            "Amazon S3 API Reference, HeadObject; GetObjectAttributes",
        ),
        Check(
            "IAM-22", "A missing recording is told from a forbidden one", "low", "identity_policy", "none",
            "Allow s3:ListBucket on the bucket without a condition: without it a missing key answers 403, not 404.",
            "Amazon S3 API Reference, GetObject and HeadObject: Permissions (404 and 403); HeadBucket",
        ),
        Check(
            "IAM-23", "Every policy around the export is valid", "medium", "identity_policy", "none",
            "Correct the document: what AWS cannot evaluate grants nothing, and may deny.",
            f"{_IAM}, Grammar of the IAM JSON policy language; Validating IAM policies",
        ),
        Check(
            "IAM-24", "Refused requests that were observed are those that the policies refuse", "high",
            "identity_policy", "none",
            "Look for what the policies do not show: an organisation's policy, a session policy, a newer version.",
            f"{_IAM}, Troubleshooting access denied error messages",
        ),
        Check(
            "IAM-25", "Recordings can be locked as the export is told to lock them", "medium", "identity_policy",
            "none", "Allow s3:PutObjectLegalHold and s3:PutObjectRetention on the prefix.",
            f"{_S3}, Configuring S3 Object Lock: required permissions",
        ),
    ]
)  # fmt: skip
