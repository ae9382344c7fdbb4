# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads roles and users with their policies: each once, however many edges use it.

Few principals are read one by one. Many are read with GetAccountAuthorizationDetails, some pages for a whole account;
where that is denied they are read one by one after all. A policy whose text was refused stays in the list, marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..aws import Account
from ..finding import Unread
from .arn import Arn, is_account, parse_arn

# From so many principals on, the pages of a whole account cost less than six calls each.
DETAILS_FROM = 5
_PAGE = 1000
_FILTER = ["Role", "LocalManagedPolicy", "AWSManagedPolicy"]


@dataclass
class _Raw:
    """What was read of one principal, its managed policies still by ARN. `entity` is GetRole's or GetUser's answer."""

    kind: str
    entity: Any
    inline: list[tuple[str, Any]] = field(default_factory=list)
    attached: list[tuple[str, str]] = field(default_factory=list)
    unread: list[tuple[str, Unread]] = field(default_factory=list)
    access_keys: Any = None


class PrincipalReader:
    """Reads the principals of one account. account_id: the audited account, None where that is not known."""

    def __init__(self, account: Account, account_id: str | None) -> None:
        self._account = account
        self._account_id = account_id
        self._managed: dict[str, Any] = {}

    def read(self, arns: Iterable[str]) -> dict[str, Any]:
        """The fact of each principal: a mapping (see `_fact`), None where it does not exist, or Unread."""
        facts: dict[str, Any] = {}
        wanted: dict[str, Arn] = {}
        for arn in dict.fromkeys(arns):
            parsed = self._readable(arn)
            if isinstance(parsed, Arn):
                wanted[arn] = parsed
            else:
                facts[arn] = parsed
        raws = self._raws(wanted)
        self._read_managed(raws.values())
        facts.update({arn: self._fact(wanted[arn], raw) for arn, raw in raws.items()})
        return facts

    def _readable(self, arn: str) -> Arn | Unread:
        parsed = parse_arn(arn)
        if parsed is None or parsed.service not in ("iam", "sts") or not is_account(parsed.account):
            message = f"{arn} is not the ARN of a role or user; correct edge_role_arn"
            return Unread("error", "edge_role_arn", arn, message)
        if self._account_id is not None and parsed.account != self._account_id:
            message = (
                f"{arn} belongs to account {parsed.account}, and the audit reads account {self._account_id}; "
                "set edge_aws_profile or edge_audit_role_arn to one of that account"
            )
            return Unread("not_collected", "iam:GetRole", arn, message)
        if _kind(parsed) is None:
            return Unread("not_collected", "edge_role_arn", arn, f"{arn} is neither a role nor a user")
        return parsed

    def _raws(self, wanted: Mapping[str, Arn]) -> dict[str, _Raw]:
        raws: dict[str, _Raw] = {}
        if len(wanted) >= DETAILS_FROM:
            raws = self._from_details(wanted)
        rest = [arn for arn in wanted if arn not in raws]
        answers = self._account.read_all([_later(self._one, wanted[arn]) for arn in rest])
        return {**raws, **dict(zip(rest, answers))}

    # One by one.

    def _one(self, arn: Arn) -> _Raw:
        kind = str(_kind(arn))
        if kind == "root":
            return _Raw("root", {"Arn": f"arn:{arn.partition}:iam::{arn.account}:root"})
        name = _name(arn)
        entity = self._read(f"get_{kind}", f"{kind} {name}", kind.capitalize(), **_named(kind, name))
        if not isinstance(entity, dict):
            return _Raw(kind, entity)
        raw = _Raw(kind, entity)
        self._policies(raw, kind, name)
        if kind == "user":
            raw.access_keys = self._read(
                "list_access_keys", f"access keys of {name}", "AccessKeyMetadata", UserName=name
            )
            groups = self._read("list_groups_for_user", f"groups of user {name}", "Groups", UserName=name)
            if isinstance(groups, Unread):
                raw.unread.append((f"groups of user {name}", groups))
            for group in groups if isinstance(groups, list) else ():
                self._policies(raw, "group", group["GroupName"])
        return raw

    def _policies(self, raw: _Raw, kind: str, name: str) -> None:
        """Adds the inline and attached policies of a role, user or group."""
        label = f"{kind} {name}"
        inline = self._read(f"list_{kind}_policies", f"inline policies of {label}", "PolicyNames", **_named(kind, name))
        if not isinstance(inline, list):
            raw.unread.append((f"inline policies of {label}", _gone(inline, f"iam:List{kind.capitalize()}Policies")))
        for policy in inline if isinstance(inline, list) else ():
            answer = self._read(
                f"get_{kind}_policy",
                f"policy {policy} of {label}",
                "PolicyDocument",
                PolicyName=policy,
                **_named(kind, name),
            )
            raw.inline.append((policy, answer))
        operation = f"list_attached_{kind}_policies"
        attached = self._read(operation, f"attached policies of {label}", "AttachedPolicies", **_named(kind, name))
        if not isinstance(attached, list):
            missing = _gone(attached, f"iam:ListAttached{kind.capitalize()}Policies")
            raw.unread.append((f"attached policies of {label}", missing))
        for item in attached if isinstance(attached, list) else ():
            raw.attached.append((item["PolicyName"], item["PolicyArn"]))

    def _read(self, operation: str, resource: str, key: str, **parameters: Any) -> Any:
        return self._account.read("iam", operation, key, resource=resource, **parameters)

    # The whole account in pages.

    def _from_details(self, wanted: Mapping[str, Arn]) -> dict[str, _Raw]:
        """The raws of the roles found in the account's details; {} where these cannot be read.

        Users are left to be read one by one: the details do not tell of their access keys.
        """
        details = self._details()
        if details is None:
            return {}
        for policy in details["Policies"]:
            versions = policy.get("PolicyVersionList") or []
            chosen = [item for item in versions if item.get("VersionId") == policy.get("DefaultVersionId")]
            if chosen and chosen[0].get("Document") is not None:
                self._managed[policy["Arn"]] = chosen[0]["Document"]
        lengths = self._session_lengths()
        roles = {item["RoleName"]: item for item in details["RoleDetailList"]}
        raws: dict[str, _Raw] = {}
        for arn, parsed in wanted.items():
            if _kind(parsed) == "role" and _name(parsed) in roles:
                raws[arn] = _role_of(roles[_name(parsed)], lengths)
        return raws

    def _details(self) -> dict[str, list[Any]] | None:
        keys = ("RoleDetailList", "Policies")
        found: dict[str, list[Any]] = {key: [] for key in keys}
        marker: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            page = self._account.read(
                "iam", "get_account_authorization_details", resource="roles and policies", Filter=_FILTER,
                MaxItems=_PAGE, **marker,
            )  # fmt: skip
            if not isinstance(page, dict) or any(not isinstance(page.get(key), list) for key in keys):
                return None
            for key in keys:
                found[key].extend(page[key])
            if not page.get("IsTruncated"):
                return found
            if not page.get("Marker") or page["Marker"] in seen:
                return None
            seen.add(page["Marker"])
            marker = {"Marker": page["Marker"]}

    def _session_lengths(self) -> Any:
        """MaxSessionDuration by role name, which the details leave out, or Unread."""
        roles = self._account.read("iam", "list_roles", "Roles", resource="roles")
        if not isinstance(roles, list):
            return _gone(roles, "iam:ListRoles")
        return {item["RoleName"]: item.get("MaxSessionDuration") for item in roles}

    # Managed policies, and the fact itself.

    def _read_managed(self, raws: Iterable[_Raw]) -> None:
        arns = {arn for raw in raws for _, arn in raw.attached}
        arns |= {arn for arn in map(_boundary_arn, raws) if isinstance(arn, str)}
        missing = sorted(arn for arn in arns if arn not in self._managed)
        self._managed.update(zip(missing, self._account.read_all([_later(self._document, arn) for arn in missing])))

    def _document(self, arn: str) -> Any:
        policy = self._read("get_policy", f"policy {arn}", "Policy", PolicyArn=arn)
        if not isinstance(policy, dict):
            return _gone(policy, "iam:GetPolicy", arn)
        version = policy.get("DefaultVersionId")
        if not isinstance(version, str):
            return Unread(
                "error", "iam:GetPolicy", arn, f"cannot read policy {arn}: the answer names no default version"
            )
        answer = self._read("get_policy_version", f"policy {arn}", "PolicyVersion", PolicyArn=arn, VersionId=version)
        if not isinstance(answer, dict):
            return _gone(answer, "iam:GetPolicyVersion", arn)
        return answer.get("Document")

    def _fact(self, arn: Arn, raw: _Raw) -> Any:
        """{"kind", "arn", "id", "policies": [{"name", "arn", "document": {...} | unread}], "boundary": the same or
        None, "trust": document | None, "max_session_seconds", "tags": {...}, "access_keys": [...] | None}."""
        entity = raw.entity
        if not isinstance(entity, dict):
            return entity
        actual = parse_arn(str(entity.get("Arn")))
        if actual is None or actual.account != arn.account:
            message = f"the audited account has another {raw.kind} of the name {_name(arn)}, {entity.get('Arn')}"
            return Unread("not_collected", f"iam:Get{raw.kind.capitalize()}", str(arn), message)
        policies = [_policy(name, None, document) for name, document in raw.inline]
        policies += [_policy(name, where, self._managed.get(where)) for name, where in raw.attached]
        policies += [{"name": name, "arn": None, "document": because.to_fact()} for name, because in raw.unread]
        limit = _boundary_arn(raw)
        return {
            "kind": raw.kind,
            "arn": entity["Arn"],
            "id": entity.get("RoleId") or entity.get("UserId"),
            "policies": policies,
            "boundary": None if limit is None else _policy(limit.rpartition("/")[2], limit, self._managed.get(limit)),
            "trust": entity.get("AssumeRolePolicyDocument"),
            "max_session_seconds": entity.get("MaxSessionDuration"),
            "tags": {item["Key"]: item["Value"] for item in entity.get("Tags") or ()},
            "access_keys": _keys(raw.access_keys),
        }


def _role_of(item: Mapping[str, Any], lengths: Any) -> _Raw:
    raw = _Raw("role", dict(item))
    raw.entity["MaxSessionDuration"] = lengths if isinstance(lengths, Unread) else lengths.get(item["RoleName"])
    raw.inline = [(policy["PolicyName"], policy.get("PolicyDocument")) for policy in item.get("RolePolicyList") or ()]
    raw.attached = [(policy["PolicyName"], policy["PolicyArn"]) for policy in item.get("AttachedManagedPolicies") or ()]
    return raw


def _policy(name: str, arn: str | None, document: Any) -> dict[str, Any]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError as error:
            document = Unread("error", "iam:GetPolicy", name, f"cannot read policy {name}: it is not JSON ({error})")
    if document is None:
        document = Unread("error", "iam:GetPolicy", name, f"cannot read policy {name}: it was not there any more")
    return {"name": name, "arn": arn, "document": document.to_fact() if isinstance(document, Unread) else document}


def _keys(answer: Any) -> Any:
    """Presence and age of a user's access keys; the ids are cut to their last four characters."""
    if not isinstance(answer, list):
        return answer
    return [
        {"ends_with": str(item.get("AccessKeyId"))[-4:], "status": item.get("Status"), "created": _iso(item)}
        for item in answer
    ]


def _iso(item: Mapping[str, Any]) -> str | None:
    created = item.get("CreateDate")
    return created.isoformat() if isinstance(created, datetime) else created


def _boundary_arn(raw: _Raw) -> str | None:
    held = raw.entity.get("PermissionsBoundary") if isinstance(raw.entity, dict) else None
    return str(held["PermissionsBoundaryArn"]) if held else None


def _kind(arn: Arn) -> str | None:
    first = arn.resource.partition("/")[0]
    if arn.service == "iam":
        return first if first in ("role", "user", "root") else None
    return "role" if first == "assumed-role" and arn.resource.count("/") == 2 else None


def _name(arn: Arn) -> str:
    parts = arn.resource.split("/")
    return parts[1] if arn.service == "sts" else parts[-1]


def _named(kind: str | None, name: str) -> dict[str, str]:
    return {f"{str(kind).capitalize()}Name": name}


def _gone(answer: Any, operation: str, resource: str = "") -> Unread:
    """What stands for an answer that should have been a list: it was refused, or the thing vanished meanwhile."""
    if isinstance(answer, Unread):
        return answer
    return Unread("error", operation, resource, f"cannot read {resource or operation}: it was not there any more")


def _later(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)
