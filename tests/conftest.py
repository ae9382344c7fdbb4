# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the project's module_utils and library where Ansible will find them, under the names that they have there."""

from __future__ import annotations

import sys
from pathlib import Path

import ansible.module_utils
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

ansible.module_utils.__path__.append(str(ROOT / "module_utils"))
sys.path[:0] = [str(ROOT / "library"), str(ROOT)]

from tests.skips import (  # noqa: E402  pytest finds hooks by their names here
    pytest_make_collect_report as pytest_make_collect_report,
)
from tests.skips import (  # noqa: E402
    pytest_runtest_makereport as pytest_runtest_makereport,
)

# A busy machine draws examples slowly; that says nothing about the code.
settings.register_profile("edgepath", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgepath")
