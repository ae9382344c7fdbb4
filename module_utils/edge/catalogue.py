# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of every domain, in the order of the flow."""

from __future__ import annotations

from collections.abc import Mapping

from .bucket.checks import CATALOGUE as BUCKET
from .dns.checks import CATALOGUE as DNS
from .egress.checks import CATALOGUE as EGRESS
from .finding import Check
from .iam.checks import CATALOGUE as IAM
from .log.checks import CATALOGUE as LOG
from .probe.catalogue import CATALOGUE as PROBE
from .timeouts.checks import CATALOGUE as TIMEOUTS

DOMAINS: Mapping[str, Mapping[str, Check]] = {
    "dns": DNS,
    "egress": EGRESS,
    "iam": IAM,
    "bucket": BUCKET,
    "timeouts": TIMEOUTS,
    "log": LOG,
}
# What is asked on request alone: these answer where it was.
ON_REQUEST: Mapping[str, Mapping[str, Check]] = {"probe": PROBE}


def asked() -> dict[str, Check]:
    """The checks that every edge answers in every audit, by id."""
    return {name: check for domain in DOMAINS.values() for name, check in domain.items()}


def all_checks() -> dict[str, Check]:
    """The whole catalogue by id."""
    return {**asked(), **{name: check for domain in ON_REQUEST.values() for name, check in domain.items()}}
