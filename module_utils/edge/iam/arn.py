# SPDX-License-Identifier: GPL-3.0-or-later
"""Amazon Resource Names: arn:partition:service:region:account:resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN; region and account may be empty."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn | None:
    """The parts of `text`, or None where it is no ARN of six segments."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])


@lru_cache(maxsize=4096)
def is_account(text: str) -> bool:
    """Whether `text` is an account id of twelve digits."""
    return ACCOUNT.fullmatch(text) is not None


def resource_account(resource: str) -> str | None:
    """The owner's account where the ARN names it (S3 bucket and object ARNs do not)."""
    arn = parse_arn(resource)
    return arn.account if arn is not None and is_account(arn.account) else None
