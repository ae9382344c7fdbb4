# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles, the boundary and the key of the lab's account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import policies
from .world import ACCOUNT, LabEdge

BOUNDARY = "recording-export-boundary"
REPLICATION_ROLE = "recording-replication"
KEY_ALIAS = "alias/recordings"


def users(iam: Any) -> dict[str, dict[str, str]]:
    """The two users of the lab: ``{"auditor": {"access_key_id", "secret_access_key"}, "operator": {...}}``."""
    documents = {"auditor": policies.auditor(), "operator": policies.operator()}
    keys = {}
    for name, text in documents.items():
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    return keys


def audit_roles(iam: Any) -> None:
    """The roles that the auditor takes on, and the one with which it converges."""
    held = {
        policies.AUDIT_ROLE: policies.audit(),
        policies.BLIND_AUDIT_ROLE: policies.audit_blind(),
        policies.CONVERGE_ROLE: policies.converge(),
    }
    for role, text in held.items():
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=policies.trust_user("auditor"))
        iam.put_role_policy(RoleName=role, PolicyName="read-the-path", PolicyDocument=text)


def replication_role(iam: Any, copies: str) -> None:
    """The role with which S3 copies recordings to another bucket."""
    iam.create_role(RoleName=REPLICATION_ROLE, AssumeRolePolicyDocument=policies.trust_service("s3.amazonaws.com"))
    text = policies.replication(copies)
    iam.put_role_policy(RoleName=REPLICATION_ROLE, PolicyName="copy", PolicyDocument=text)


def key(kms: Any, edges: Sequence[LabEdge]) -> str:
    """The ARN of the key that encrypts all recordings."""
    text = policies.key([edge.role for edge in edges])
    arn = kms.create_key(Description="Recordings", Policy=text)["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=arn)
    return str(arn)


def edge_roles(iam: Any, edges: Sequence[LabEdge], key_arn: str) -> None:
    """A role, with instance profile and boundary, for each edge."""
    iam.create_policy(PolicyName=BOUNDARY, PolicyDocument=policies.boundary(key_arn))
    limit = f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"
    for edge in edges:
        iam.create_role(
            RoleName=edge.role,
            AssumeRolePolicyDocument=policies.trust_service("ec2.amazonaws.com"),
            PermissionsBoundary=limit,
        )
        text = getattr(policies, edge.policy)(edge.bucket, key_arn)
        made = iam.create_policy(PolicyName=f"recording-export-{edge.name}", PolicyDocument=text)
        iam.attach_role_policy(RoleName=edge.role, PolicyArn=made["Policy"]["Arn"])
        iam.create_instance_profile(InstanceProfileName=edge.role)
        iam.add_role_to_instance_profile(InstanceProfileName=edge.role, RoleName=edge.role)
