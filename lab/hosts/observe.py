# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node and the lab's account look like, in full: two of these are compared to see what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab import seed

# Content, owner and mode of every file that makes a node what it is; then what is in force.
_FILES = (
    "find /etc /opt/edge /usr/local /root -xdev -not -path '/etc/.pwd.lock' -not -path '*/__pycache__*' "
    "\\( -type f -printf '%p %U:%G %m ' -exec sh -c 'sha256sum < \"$1\"' - {} \\; -o -type l -printf '%p -> %l\\n' "
    "-o -type d -printf '%p/ %U:%G %m\\n' \\) | sort"
)
_SYSCTLS = (
    "sysctl --all --ignore 2>/dev/null | grep -E '^net\\.(ipv4\\.tcp_|core\\.[rw]mem)' | grep -v fastopen_key | sort"
)
_COMMANDS = {
    "sysctls": _SYSCTLS,
    "nftables": "nft --stateless list ruleset",
    "resolved": "resolvectl dns; resolvectl domain",
    "units": "systemctl list-unit-files --state=enabled --no-legend --plain; systemctl --failed --no-legend --plain",
    "routes": "ip route; ip rule",
}


def node_state(run: Callable[[str], str]) -> dict[str, Any]:
    """{"files": {path: owner, mode and digest}, "sysctls": text, ...}. run: a shell command's output on the node."""
    lines = (line.partition(" ") for line in run(_FILES).splitlines())
    state: dict[str, Any] = {"files": {path: rest for path, _, rest in lines}}
    return {**state, **{name: run(command) for name, command in _COMMANDS.items()}}


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The parts of two states that differ, files by their path."""
    found = [name for name in sorted({*before, *after} - {"files"}) if before.get(name) != after.get(name)]
    one, other = before.get("files", {}), after.get("files", {})
    return found + [path for path in sorted({*one, *other}) if one.get(path) != other.get(path)]


def account_state(lab: Mapping[str, Any], roles: Iterable[str], buckets: Iterable[str]) -> dict[str, Any]:
    """The network, and these roles and buckets. lab: what is in lab.json."""
    url, keys = lab["endpoints"]["aws"], lab["credentials"]["operator"]
    ec2, iam, s3 = (seed.client(service, url, keys) for service in ("ec2", "iam", "s3"))
    state: dict[str, Any] = {}
    for operation, name in (
        ("describe_security_group_rules", "SecurityGroupRules"),
        ("describe_network_acls", "NetworkAcls"),
        ("describe_route_tables", "RouteTables"),
        ("describe_vpc_endpoints", "VpcEndpoints"),
    ):
        state[name] = _sorted(getattr(ec2, operation)()[name])
    for role in roles:
        state[f"role {role}"] = _role(iam, role)
    for bucket in buckets:
        state[f"bucket {bucket}"] = {operation: _asked(s3, operation, bucket) for operation in _OF_BUCKET}
    return state


_OF_BUCKET = (
    "get_bucket_versioning", "get_bucket_policy", "get_bucket_lifecycle_configuration", "get_bucket_encryption",
    "get_object_lock_configuration", "get_public_access_block", "get_bucket_replication",
)  # fmt: skip


def _role(iam: Any, role: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]):
        found[name] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found[arn] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return found


def _asked(s3: Any, operation: str, bucket: str) -> Any:
    """The answer, or the code of the error: a bucket without a policy is told by one."""
    try:
        answer = getattr(s3, operation)(Bucket=bucket)
    except ClientError as error:
        return error.response["Error"]["Code"]
    told = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    # A bucket that once had versions can only suspend them (Amazon S3 User Guide, Using versioning).
    return {} if operation == "get_bucket_versioning" and told.get("Status") == "Suspended" else told


def _sorted(value: Any) -> Any:
    """Without an order where AWS promises none, and without the ids that a rule gets anew each time."""
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in sorted(value.items()) if key != "SecurityGroupRuleId"}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True, default=str))
    return value
