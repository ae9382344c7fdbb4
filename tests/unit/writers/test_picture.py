# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand in the pictures."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import HOPS
from ansible.module_utils.edge.writers import picture
from hypothesis import given
from hypothesis import strategies as st


def bound(seconds: float, status: str = "pass", hop: str = "proxy", **more: Any) -> dict[str, Any]:
    limit = {"kind": "idle", "hop": hop, "setting": f"t{seconds}", "origin": "default", "seconds": seconds}
    return {"status": status, "hop": hop, "bound": limit, **more}


def test_the_path_reads_like_a_text() -> None:
    drawn = picture.path([{"hop": hop, "status": "pass", "bound": None} for hop in HOPS])
    places = [(node["y"], node["x"]) for node in drawn["nodes"]]
    assert places == sorted(places)
    assert len(set(places)) == len(HOPS)
    assert len(drawn["links"]) == len(HOPS) - 1
    assert all(
        x + drawn["hop_width"] <= drawn["width"] and y + drawn["hop_height"] <= drawn["height"] for y, x in places
    )


def test_a_link_is_broken_where_the_hop_that_it_leaves_fails() -> None:
    statuses = {"name": "fail", "route": "pass", "key": "pass"}
    drawn = picture.path([{"hop": hop, "status": status} for hop, status in statuses.items()])
    assert [link["broken"] for link in drawn["links"]] == ["broken", ""]


def test_an_empty_path_can_be_drawn() -> None:
    assert picture.path([])["nodes"] == []


@given(
    st.lists(st.floats(min_value=0, exclude_min=True, allow_infinity=False), min_size=1, max_size=12, unique=True),
    st.floats(0, 1e308),
)
def test_rungs_grow_with_their_bounds_and_stay_in_the_picture(values: list[float], transfer: float) -> None:
    drawn = picture.ladder([bound(value) for value in values], {"transfer_seconds": transfer})
    assert drawn is not None
    widths = [rung["width"] for rung in drawn["rungs"]]
    assert widths == sorted(widths)
    assert len(widths) == len(values)
    assert all(0 <= width <= drawn["width"] for width in widths)
    assert (drawn["mark"] is None) == (transfer == 0)
    if drawn["mark"]:
        assert 0 <= drawn["mark"]["x"] <= drawn["width"]


def test_the_mark_stands_right_of_what_cuts_and_left_of_what_does_not() -> None:
    drawn = picture.ladder(
        [bound(900.0, "fail", longest_minutes=45.0), bound(7200.0, hop="export")],
        {"longest_minutes": 240.0, "transfer_seconds": 4800.0},
    )
    assert drawn is not None
    short, long = (drawn["left"] + rung["width"] for rung in drawn["rungs"])
    assert short < drawn["mark"]["x"] < long
    assert drawn["mark"]["text"] == "longest recording (240 min): 4,800 s (80 min) on its way"
    assert [rung["note"] for rung in drawn["rungs"]] == ["cuts recordings over 45 min", ""]


def test_a_bound_that_several_findings_name_is_one_rung_with_its_worst_finding() -> None:
    drawn = picture.ladder([bound(900.0, "fail"), bound(900.0), bound(900.0)], None)
    assert drawn is not None
    assert [rung["status"] for rung in drawn["rungs"]] == ["fail"]


def test_a_rate_has_no_place_on_an_axis_of_time() -> None:
    rate = {"status": "pass", "hop": "export", "bound": {
        "kind": "rate", "hop": "export", "setting": "min", "origin": "default", "bytes_per_second": 512.0}}  # fmt: skip
    drawn = picture.ladder([rate], None)
    assert drawn is not None
    assert drawn["rungs"] == []
    assert drawn["rates"] == ["export: min, at least 512 bytes/s, default"]


def test_no_bounds_no_ladder() -> None:
    assert picture.ladder([{"status": "pass", "hop": "name"}], {"transfer_seconds": 1.0}) is None


@given(st.dictionaries(st.sampled_from(["fail", "unknown", "pass"]), st.integers(0, 10**6)))
def test_every_segment_of_the_bar_can_be_seen(parts: dict[str, int]) -> None:
    segments = picture.bar(parts)
    assert {part["status"] for part in segments} == {status for status, number in parts.items() if number}
    assert all(part["width"] >= 3 for part in segments)
    if segments:
        assert segments[-1]["x"] + segments[-1]["width"] == pytest.approx(1000, abs=0.5)


def test_a_trend_needs_two_runs() -> None:
    assert picture.trend([{"started": "a", "fail": 1, "unknown": 0}]) is None
    drawn = picture.trend([{"started": "a", "fail": 4, "unknown": 0}, {"started": "b", "fail": 0, "unknown": 2}])
    assert drawn is not None
    assert (drawn["fail"], drawn["unknown"]) == ("0.0,0.0 1000.0,120.0", "0.0,120.0 1000.0,60.0")
    assert drawn["words"] == "2 runs, a to b: fail from 4 findings to 0, unknown from 0 findings to 2"
