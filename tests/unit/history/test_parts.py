# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of some steps says nothing of what the others found."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.edge.history import query
from ansible.module_utils.edge.history.record import record
from ansible.module_utils.edge.history.schema import metadata
from sqlalchemy import create_engine

from tests.unit.history import made


def test_a_step_that_was_left_out_is_neither_new_nor_fixed_nor_a_dip(monkeypatch: Any) -> None:
    monkeypatch.setattr(made, "CHECKS", ("DNS-01", "IAM-01"))
    whole = {"london": [("DNS-01", "a", "fail"), ("IAM-01", "role", "fail"), ("IAM-01", "b", "pass")]}
    part = {"london": [("DNS-01", "a", "fail"), ("IAM-01", "london", "unknown")]}
    scope = {"steps_left_out": ["iam"], "partial": True}
    with create_engine("sqlite://").begin() as connection:
        metadata.create_all(connection)
        record(connection, made.report(0, whole))
        told = record(connection, made.report(1, part, scope=scope))
        assert list(told.changes.values()) == ["unchanged"]
        assert told.gone == []
        told = record(connection, made.report(2, whole))
        assert sorted(told.changes.values()) == ["unchanged", "unchanged"]
        assert told.gone == []
        points = query.trend(connection, ["london"], 9)
        assert [(point["fail"], point["unknown"]) for point in points] == [(2, 0)] * 3
        lives = query.of_edge(connection, "london", None, 9)["findings"]
        assert {finding["last_seen"] for finding in lives} == {made.report(2, {}).run["started"]}
