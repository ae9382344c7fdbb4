# SPDX-License-Identifier: GPL-3.0-or-later
"""Name resolution as one domain of the audit."""

from __future__ import annotations

from ..module import Domain
from .checks import CATALOGUE, judge
from .facts import gather

DOMAIN = Domain("dns", CATALOGUE, gather, judge)
