# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a bucket: every check of the catalogue, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..finding import Finding, unread
from ..targets import Edge
from . import access, place, protection, recordings, retention, uploads
from .case import Case
from .catalogue import CATALOGUE

__all__ = ["CATALOGUE", "judge"]

_JUDGES: dict[str, Callable[[Case], Finding]] = {
    "BUCKET-01": place.exists,
    "BUCKET-02": place.region,
    "BUCKET-03": place.account,
    "BUCKET-04": place.endpoint_style,
    "BUCKET-05": protection.versioning,
    "BUCKET-06": protection.second_factor,
    "BUCKET-07": protection.object_lock,
    "BUCKET-08": protection.default_retention,
    "BUCKET-09": protection.legal_hold,
    "BUCKET-10": retention.current,
    "BUCKET-11": retention.noncurrent,
    "BUCKET-12": retention.markers,
    "BUCKET-13": uploads.abort_missing,
    "BUCKET-14": uploads.abort_too_soon,
    "BUCKET-15": retention.archiving,
    "BUCKET-16": recordings.archived,
    "BUCKET-17": recordings.hidden,
    "BUCKET-18": recordings.ambiguous,
    "BUCKET-19": protection.replication,
    "BUCKET-20": access.encryption,
    "BUCKET-21": access.key,
    "BUCKET-22": access.public_access,
    "BUCKET-23": access.tls_only,
    "BUCKET-24": access.perimeter,
    "BUCKET-25": access.requester_pays,
    "BUCKET-26": protection.export_versions,
}

# The fact that a check stands on, where AWS Config may have told it.
_FACT_OF = {
    "BUCKET-05": "versioning",
    "BUCKET-06": "mfa_delete",
    "BUCKET-07": "object_lock",
    "BUCKET-08": "object_lock",
    "BUCKET-20": "encryption",
    "BUCKET-21": "encryption",
    "BUCKET-22": "public_access_block",
    "BUCKET-25": "request_payment",
}


def judge(edge: Edge, facts: Mapping[str, Any], _upstream: Mapping[str, Any]) -> list[Finding]:
    """One finding for each check of the catalogue. facts: as facts.gather leaves them for this edge."""
    case = Case.of(edge, facts)
    location = facts.get("location")
    if unread(location) is None and isinstance(location, Mapping) and not location["exists"]:
        return [place.exists(case), *(
            case.not_applicable(check, "there is no such bucket") for check in CATALOGUE if check != "BUCKET-01"
        )]  # fmt: skip
    return [_labelled(facts, judgement(case)) for judgement in _JUDGES.values()]


def _labelled(facts: Mapping[str, Any], finding: Finding) -> Finding:
    """A finding on what AWS Config recorded says so, and of when the record is."""
    recorded = facts.get("recorded")
    name = _FACT_OF.get(finding.check)
    if not isinstance(recorded, Mapping) or name not in recorded["facts"] or finding.status not in ("pass", "fail"):
        return finding
    captured = recorded["captured"]
    source = {"operation": "config:BatchGetResourceConfig", "fact": name, "captured": captured}
    observed = f"{finding.observed} (as AWS Config recorded it, {captured})"
    return replace(finding, observed=observed, evidence=(*finding.evidence, source))
