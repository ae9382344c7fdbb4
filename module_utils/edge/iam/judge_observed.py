# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges refused requests that were observed against what the policies say. Pure."""

from __future__ import annotations

from ..finding import Finding
from .case import Case


def observed(case: Case) -> Finding:
    return case.ask.not_applicable("IAM-24", case.subject, "no refused request was observed")
