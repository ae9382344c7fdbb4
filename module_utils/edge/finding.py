# SPDX-License-Identifier: GPL-3.0-or-later
"""What every domain speaks: checks, findings, bounds, and the mark of a fact that could not be read.

Everything here is pure and JSON-serialisable: facts and findings travel between steps as files of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .visible import visible

STATUSES = ("pass", "fail", "unknown", "not_applicable", "waived")
REASONS = ("denied", "error", "unreachable", "not_collected")
SEVERITIES = ("info", "low", "medium", "high", "critical")

# What a failed check does to the export path.
#   blocks     no transfer gets through             truncates  long transfers are cut
#   partial    some connections fail                none       it stops no transfer, but is wrong
EFFECTS = ("blocks", "truncates", "partial", "none")

# The order in which a connection meets the hops; `export` is the export service on the edge.
HOPS = (
    "export",
    "kernel",
    "name",
    "address",
    "host_firewall",
    "proxy",
    "security_group",
    "network_acl",
    "route",
    "gateway",
    "endpoint_policy",
    "bucket_policy",
    "identity_policy",
    "key",
    "bucket",
)

_UNREAD = "$unread"


class EdgepathError(Exception):
    """An error with one message for the operator: what, where and what to do.

    The message may quote what was read; it goes to terminals and logs, so it is made visible here for all of them.
    """

    def __str__(self) -> str:
        return visible(super().__str__())


@dataclass(frozen=True)
class Check:
    """One question about facts. Declared once, in its domain's checks.py.

    id: ``EGRESS-03``, stable for ever.  effect: one of EFFECTS, what a *fail* means for the path.
    source: where the rule comes from (document and section, RFC, man page).
    """

    id: str
    title: str
    severity: str
    hop: str
    effect: str
    remediation: str
    source: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES or self.effect not in EFFECTS or self.hop not in HOPS:
            raise ValueError(f"check {self.id}: severity, effect or hop is not one of the known words")


@dataclass(frozen=True)
class Bound:
    """A limit in time at one hop.

    kind: ``idle`` (silence), ``total`` (whole transfer), ``rate`` (least throughput).
    seconds: for idle and total.  bytes_per_second: for rate.
    reset_by: what restarts an idle timer: ``packets`` (a TCP keepalive probe will do) or ``data`` (payload alone).
    setting: the setting's own name; program: whose it is, where the hop alone does not tell.
    origin: where its value was read (file and line, ARN) or whose default it is.
    """

    kind: str
    hop: str
    setting: str
    origin: str
    seconds: float | None = None
    bytes_per_second: float | None = None
    reset_by: str = "data"
    source: str = ""
    program: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("idle", "total", "rate") or self.reset_by not in ("packets", "data"):
            raise ValueError(f"bound {self.setting}: kind or reset_by is not one of the known words")
        limit = self.bytes_per_second if self.kind == "rate" else self.seconds
        if limit is None or not limit > 0:
            raise ValueError(f"bound {self.setting}: a {self.kind} bound needs a positive limit, not {limit!r}")

    @property
    def called(self) -> str:
        """The setting as a person names it: ``Squid's read_timeout``."""
        return f"{self.program}'s {self.setting}" if self.program else self.setting

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if value not in (None, "")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bound:
        return cls(**data)


@dataclass(frozen=True)
class Finding:
    """One check's answer for one resource of one edge.

    expected, observed: short text for a person.  evidence: raw, redacted mappings, each with what was asked
    (API operation and request id, file and line, DNS query).  fix: the smallest change as data,
    ``{"action": "...", "summary": "one line", ...}``.  share: for ``partial`` effects, the failing fraction q.
    longest_minutes: for ``truncates`` effects, the longest recording that survives.
    permissions: for ``unknown`` with reason ``denied``, what was missing (``ec2:DescribeSecurityGroups``).
    waiver: what accepts it, or accepted it until it ended (waivers_apply): reason, approver, ticket, expires, state.
    """

    check: str
    status: str
    edge: str
    hop: str
    resource: str
    expected: str
    observed: str
    reason: str | None = None
    message: str = ""
    evidence: tuple[Mapping[str, Any], ...] = ()
    bound: Bound | None = None
    fix: Mapping[str, Any] | None = None
    share: float | None = None
    longest_minutes: float | None = None
    permissions: tuple[str, ...] = ()
    waiver: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"{self.check}: unknown status {self.status!r}")
        if (self.status == "unknown") != (self.reason is not None):
            raise ValueError(f"{self.check}: an unknown finding, and only that, carries a reason")
        if self.reason is not None and self.reason not in REASONS:
            raise ValueError(f"{self.check}: unknown reason {self.reason!r}")

    @property
    def accepted(self) -> bool:
        """Whether a waiver that holds accepts it; it still counts for the verdict."""
        return self.waiver is not None and self.waiver["state"] == "active"

    def to_dict(self) -> dict[str, Any]:
        """As it stands in report.json: absent optional fields are left out."""
        data: dict[str, Any] = {
            key: value for key, value in self.__dict__.items() if value not in (None, "", ()) or key == "observed"
        }
        data["evidence"] = [dict(item) for item in self.evidence]
        data["permissions"] = list(self.permissions)
        if self.bound is not None:
            data["bound"] = self.bound.to_dict()
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        values = dict(data)
        values["evidence"] = tuple(values.get("evidence", ()))
        values["permissions"] = tuple(values.get("permissions", ()))
        if values.get("bound") is not None:
            values["bound"] = Bound.from_dict(values["bound"])
        return cls(**values)


@dataclass(frozen=True)
class Unread:
    """A fact that could not be read: never absent, never a value.

    state: ``denied`` | ``throttled`` | ``unreachable`` | ``error`` | ``not_collected``.
    operation: the API operation or the read that failed (``ec2:DescribeRouteTables``, ``read``).
    resource: what was to be read.  permissions: what the reader lacked, for ``denied``.
    """

    state: str
    operation: str
    resource: str
    message: str
    permissions: tuple[str, ...] = ()

    def to_fact(self) -> dict[str, Any]:
        """The JSON form in which it travels inside facts."""
        return {_UNREAD: {**self.__dict__, "permissions": list(self.permissions)}}

    @property
    def reason(self) -> str:
        """The finding's reason that this state leads to."""
        return self.state if self.state in REASONS else "error"


def unread(fact: Any) -> Unread | None:
    """The Unread that a fact stands for, or None where the fact was read (absent facts are None or empty)."""
    if type(fact) is dict:  # asked a million times for a fleet, and nearly always so
        if _UNREAD not in fact:
            return None
    elif isinstance(fact, Unread):
        return fact
    if isinstance(fact, Mapping) and _UNREAD in fact:
        values = dict(fact[_UNREAD])
        values["permissions"] = tuple(values.get("permissions", ()))
        return Unread(**values)
    return None


@dataclass(frozen=True)
class Asker:
    """Makes the findings of one edge, so that a judge states only what differs.

    Every field that follows from the check itself (hop, expected) is filled in from the catalogue.
    """

    edge: str
    catalogue: Mapping[str, Check]
    expected: Mapping[str, str] = field(default_factory=dict)

    def _make(self, check: str, status: str, resource: str, observed: str, fields: Mapping[str, Any]) -> Finding:
        declared = self.catalogue[check]
        values: dict[str, Any] = {
            "hop": declared.hop,
            "expected": self.expected.get(check, declared.title),
            **fields,
        }
        return Finding(check=check, status=status, edge=self.edge, resource=resource, observed=observed, **values)

    def passed(self, check: str, resource: str, observed: str, **fields: Any) -> Finding:
        return self._make(check, "pass", resource, observed, fields)

    def failed(self, check: str, resource: str, observed: str, **fields: Any) -> Finding:
        return self._make(check, "fail", resource, observed, fields)

    def not_applicable(self, check: str, resource: str, observed: str, **fields: Any) -> Finding:
        return self._make(check, "not_applicable", resource, observed, fields)

    def unknown(self, check: str, resource: str, because: Unread, **fields: Any) -> Finding:
        """The finding that a fact which could not be read leads to."""
        return self._make(
            check,
            "unknown",
            resource,
            because.message,
            {
                "reason": because.reason,
                "permissions": because.permissions,
                "evidence": ({"operation": because.operation, "resource": because.resource, "state": because.state},),
                **fields,
            },
        )


def catalogue(checks: Iterable[Check]) -> dict[str, Check]:
    """The checks by id; two of one id are a programming error."""
    table: dict[str, Check] = {}
    for check in checks:
        if check.id in table:
            raise ValueError(f"check {check.id} is declared twice")
        table[check.id] = check
    return table
