# SPDX-License-Identifier: GPL-3.0-or-later
"""The role may not write, and may not list the bucket."""

from __future__ import annotations

import json
from typing import Any


def test_role_may_not_write(account: dict[str, Any]) -> None:
    text = json.dumps(account["role edge-denied"])
    assert "s3:GetObject" in text
    assert "s3:PutObject" not in text
