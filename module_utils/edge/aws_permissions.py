# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IAM action an SDK operation needs."""

from __future__ import annotations

# Where the permission is not named like the operation (Service Authorization Reference, "Actions for Amazon S3").
_S3_PERMISSIONS = {
    "list_objects_v2": "s3:ListBucket",
    "head_bucket": "s3:ListBucket",
    "head_object": "s3:GetObject",
    "list_object_versions": "s3:ListBucketVersions",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "get_public_access_block": "s3:GetBucketPublicAccessBlock",
    "get_bucket_replication": "s3:GetReplicationConfiguration",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_buckets": "s3:ListAllMyBuckets",
}
# Likewise elsewhere: S3 Control's operations have permissions of S3, and Route 53 writes VPC in capitals.
_OTHER_PERMISSIONS = {
    ("s3control", "get_public_access_block"): "s3:GetAccountPublicAccessBlock",
    ("route53", "list_hosted_zones_by_vpc"): "route53:ListHostedZonesByVPC",
}


def permission_of(service: str, operation: str) -> str:
    """The IAM action that an SDK operation needs: ``("ec2", "describe_subnets")`` -> ``ec2:DescribeSubnets``."""
    if service == "s3" and operation in _S3_PERMISSIONS:
        return _S3_PERMISSIONS[operation]
    if (service, operation) in _OTHER_PERMISSIONS:
        return _OTHER_PERMISSIONS[service, operation]
    return f"{service}:{''.join(part.capitalize() for part in operation.split('_'))}"
