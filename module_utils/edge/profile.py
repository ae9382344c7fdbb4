# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile: the configuration known to carry large exports, each value with its reason and source, in one table.

What depends on the recordings is derived from the payload: a bound must outlast the longest recording on its way
(its minutes / pace), times `timeout_margin`. An inventory overrides any value by `edge_profile`. docs/profile.md is
made of this table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .finding import EdgepathError


@dataclass(frozen=True)
class Value:
    """default: None where only the operator can say.  kind: number | whole | word | words.  choices: of a word."""

    default: Any
    kind: str
    unit: str
    reason: str
    source: str
    least: float = 0.0
    choices: tuple[str, ...] = ()


VALUES: dict[str, Value] = {
    "timeout_margin": Value(
        1.25, "number", "times the longest transfer",
        "A pipeline that is a fifth slower than measured on one bad night still gets through.",
        "own choice; the bound itself is the longest recording's minutes / pace", least=1.0,
    ),
    "keepalive_seconds": Value(
        60, "whole", "seconds",
        "Several probes within the shortest packet-counting timers on the way, 350 s of NAT gateways and interface "
        "endpoints and 300 to 350 s of connection tracking; one lost probe must not matter.",
        "Amazon VPC User Guide, NAT gateways, troubleshooting; tcp(7), tcp_keepalive_time", least=1.0,
    ),
    "resolver_timeout": Value(
        2, "whole", "seconds",
        "The default of 5 s makes a lookup with one dead name server as long as a connect timeout.",
        "resolv.conf(5), options timeout:n", least=1.0,
    ),
    "resolver_attempts": Value(
        2, "whole", "attempts",
        "Every server is asked once more; a third round only makes a failing lookup longer.",
        "resolv.conf(5), options attempts:n", least=1.0,
    ),
    "abort_days": Value(
        7, "whole", "days",
        "An upload that is a week old is dead; its parts are paid for and hide in no listing.",
        "Amazon S3 User Guide, aborting incomplete multipart uploads", least=1.0,
    ),
    "retention_mode": Value(
        None, "word", "", "How long evidence is held is a decision of law, not of this program.",
        "Amazon S3 User Guide, object lock retention modes", choices=("GOVERNANCE", "COMPLIANCE"),
    ),
    "retention_days": Value(
        None, "whole", "days", "How long evidence is held is a decision of law, not of this program.",
        "Amazon S3 User Guide, object lock retention periods", least=1.0,
    ),
    "perimeter_vpc_endpoint_ids": Value(
        [], "words", "ids", "Only their owner knows from which networks the recordings may be read.",
        "IAM User Guide, data perimeters, aws:SourceVpce",
    ),
    "perimeter_org_id": Value(
        None, "word", "id", "Only its owner knows whose principals may read the recordings.",
        "IAM User Guide, global condition keys, aws:PrincipalOrgID",
    ),
    "security_group_rules": Value(
        60, "whole", "rules", "A rule without room for it is refused beforehand; AWS raises the quota on request.",
        "Amazon VPC User Guide, Amazon VPC quotas, inbound or outbound rules per security group", least=1.0,
    ),
    "network_acl_entries": Value(
        20, "whole", "entries", "An entry without room for it is refused beforehand; AWS raises the quota to 40.",
        "Amazon VPC User Guide, Amazon VPC quotas, rules per network ACL", least=1.0,
    ),
    "kms_key_id": Value(
        None, "word", "ARN or id", "Which key encrypts is its owner's choice; without one SSE-S3 is proposed.",
        "Amazon S3 User Guide, default encryption",
    ),
}  # fmt: skip


def defaults() -> dict[str, Any]:
    return {name: value.default for name, value in VALUES.items()}


def profile_from(data: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole profile, with what `edge_profile` overrides; EdgepathError names a wrong key or value."""
    given = dict(data or {})
    wrong = sorted(set(given) - set(VALUES))
    if wrong:
        raise EdgepathError(f"edge_profile: unknown key {', '.join(wrong)}; known are {', '.join(VALUES)}")
    return {**defaults(), **{name: _checked(name, value) for name, value in given.items()}}


def _checked(name: str, given: Any) -> Any:
    value = VALUES[name]
    label = f"edge_profile.{name}"
    if given is None:
        return value.default
    if value.kind == "words":
        if isinstance(given, str) or not isinstance(given, (list, tuple)) or not all(isinstance(x, str) for x in given):
            raise EdgepathError(f"{label} must be a list of {value.unit}, not {given!r}")
        return [str(item) for item in given]
    if value.kind == "word":
        if not isinstance(given, str) or (value.choices and given not in value.choices):
            raise EdgepathError(f"{label} must be {' or '.join(value.choices) or 'text'}, not {given!r}")
        return str(given)
    return _number(label, value, given)


def _number(label: str, value: Value, given: Any) -> Any:
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise EdgepathError(f"{label} must be a number of {value.unit}, not {given!r}") from None
    whole = value.kind == "whole"
    if isinstance(given, bool) or not math.isfinite(number) or number < value.least or (whole and number % 1):
        kind = "a whole number" if whole else "a number"
        raise EdgepathError(f"{label} must be {kind} of {value.unit}, {value.least:g} or more, not {given!r}")
    return int(number) if whole else number
