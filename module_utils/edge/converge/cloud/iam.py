# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of roles and users, trust policies, lengths of sessions; and who converges.

States:
    inline_policy (ARN of the role or user/policy name)   a document, None where there is none
    managed_policy (ARN)                                  the document of the default version
    trust_policy (ARN of the role)                        a document
    max_session_duration (ARN of the role)                seconds
    inline_policy_sizes (ARN; only read)                  {policy name: characters}
    caller ("caller"; only read)                          {"arn", "account"}
Source: AWS IAM API Reference; AWS IAM User Guide, "Versioning IAM policies" (five versions, one of them in use).
"""

from __future__ import annotations

from typing import Any

from ...finding import EdgepathError, Unread
from ..confirm import same
from ..model import State
from . import documents
from .api import Cloud, Unreadable, odd, told
from .kind import Kind

_VERSIONS = 5


def _owner(arn: str) -> tuple[str, dict[str, str]]:
    """("role", {"RoleName": ...}) of an ARN."""
    resource = arn.split(":", 5)[-1]
    kind = resource.partition("/")[0]
    if kind not in ("role", "user") or "/" not in resource:
        because = Unread("error", "iam:GetRole", arn, f"{arn} is not the ARN of a role or user")
        raise Unreadable(because)
    return kind, {f"{kind.capitalize()}Name": resource.rpartition("/")[2]}


def _inline(name: str) -> tuple[str, dict[str, str], str]:
    arn, _, policy = name.rpartition("/")
    kind, owner = _owner(arn)
    return kind, {**owner, "PolicyName": policy}, f"policy {policy} of {arn.rpartition(':')[2]}"


def _read_inline(cloud: Cloud, name: str) -> State:
    kind, given, what = _inline(name)
    return documents.normal(cloud.get("iam", f"get_{kind}_policy", "PolicyDocument", resource=what, **given))


def _write_inline(cloud: Cloud, name: str, _before: State, after: State) -> None:
    kind, given, what = _inline(name)
    if not (after or {}).get("Statement"):  # AWS takes no policy without a statement
        cloud.put("iam", f"delete_{kind}_policy", resource=what, **given)
    else:
        cloud.put("iam", f"put_{kind}_policy", resource=what, PolicyDocument=documents.compact(after), **given)


def _read_sizes(cloud: Cloud, name: str) -> State:
    kind, owner = _owner(name)
    names = cloud.get("iam", f"list_{kind}_policies", "PolicyNames", resource=f"inline policies of {name}", **owner)
    found = {policy: _read_inline(cloud, f"{name}/{policy}") for policy in names or ()}
    return {policy: documents.size(document) for policy, document in found.items() if document is not None}


def _version(cloud: Cloud, arn: str, version: str) -> State:
    given = {"PolicyArn": arn, "VersionId": version}
    held = cloud.get("iam", "get_policy_version", "PolicyVersion", resource=f"policy {arn}", **given)
    return None if held is None else documents.normal(told(held, "Document", f"policy {arn}"))


def _read_managed(cloud: Cloud, name: str) -> State:
    policy = cloud.get("iam", "get_policy", "Policy", resource=f"policy {name}", PolicyArn=name)
    if policy is None:
        return None
    document = _version(cloud, name, policy["DefaultVersionId"])
    if document is None:
        raise odd(f"policy {name}", "the version that is its default is not there")
    return document


def _write_managed(cloud: Cloud, name: str, _before: State, after: State) -> None:
    """A version that says this already is made the default again; else it is written as one more, if there is room."""
    what = f"policy {name}"
    versions = cloud.get("iam", "list_policy_versions", "Versions", resource=what, PolicyArn=name) or []
    if not versions:
        raise odd(what, "none of its versions is told")
    for item in versions:
        if same("managed_policy", _version(cloud, name, item["VersionId"]), after):
            given: dict[str, Any] = {"PolicyArn": name, "VersionId": item["VersionId"]}
            cloud.put("iam", "set_default_policy_version", resource=what, **given)
            return
    if len(versions) >= _VERSIONS:
        spare = ", ".join(item["VersionId"] for item in versions if not item.get("IsDefaultVersion"))
        raise EdgepathError(
            f"edge {cloud.edge.name}: cannot change {what}: it has {_VERSIONS} versions, as many as AWS keeps; "
            f"delete one of {spare} that nobody needs any more"
        )
    text = documents.compact(after)
    cloud.put("iam", "create_policy_version", resource=what, PolicyArn=name, PolicyDocument=text, SetAsDefault=True)


def _role(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    _, owner = _owner(arn)
    held: dict[str, Any] | None = cloud.get("iam", "get_role", "Role", resource=arn, **owner)
    return held


def _read_trust(cloud: Cloud, name: str) -> State:
    held = _role(cloud, name)
    return None if held is None else documents.normal(told(held, "AssumeRolePolicyDocument", f"trust policy of {name}"))


def _write_trust(cloud: Cloud, name: str, _before: State, after: State) -> None:
    _, owner = _owner(name)
    text = documents.compact(after)
    cloud.put("iam", "update_assume_role_policy", resource=f"trust policy of {name}", PolicyDocument=text, **owner)


def _read_session(cloud: Cloud, name: str) -> State:
    # An hour where nothing is told (AWS STS API Reference, AssumeRole: DurationSeconds).
    held = _role(cloud, name)
    if held is None:
        return None
    told(held, "RoleName", name)
    return int(held.get("MaxSessionDuration") or 3600)


def _write_session(cloud: Cloud, name: str, _before: State, after: State) -> None:
    _, owner = _owner(name)
    # Without it, some implementations take the description away.
    role = _role(cloud, name) or {}
    told(role, "RoleName", name)
    more = {"Description": role["Description"]} if role.get("Description") else {}
    cloud.put("iam", "update_role", resource=f"sessions of {name}", MaxSessionDuration=after, **more, **owner)


def _read_caller(cloud: Cloud, _name: str) -> State:
    answer = cloud.identity()
    if isinstance(answer, Unread):
        raise Unreadable(answer)
    return {"arn": answer["Arn"], "account": answer["Account"]}


KINDS = {
    "inline_policy": Kind(_read_inline, _write_inline, documents.merge),
    "managed_policy": Kind(_read_managed, _write_managed, documents.merge),
    "trust_policy": Kind(_read_trust, _write_trust, documents.merge),
    "max_session_duration": Kind(_read_session, _write_session),
    "inline_policy_sizes": Kind(_read_sizes),
    "caller": Kind(_read_caller),
}
