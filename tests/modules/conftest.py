# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ansible.module_utils._internal as ansible_internal
import pytest


@pytest.fixture(autouse=True)
def as_on_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module tells its warnings in its result, as on a target, whatever plugins other tests have loaded."""
    monkeypatch.setattr(ansible_internal, "is_controller", False)
