# SPDX-License-Identifier: GPL-3.0-or-later
"""What --check predicted is what converge changed, object for object."""

from __future__ import annotations

from typing import Any


def test_check_predicted_what_converge_changed(plays: list[dict[str, Any]]) -> None:
    predicted = next(play for play in plays if play["check"])
    changed = next(play for play in plays if not play["check"])
    assert predicted["action"] == changed["action"] == "edge_converge"
    assert changed["objects"]
    assert predicted["objects"] == changed["objects"]
