# SPDX-License-Identifier: GPL-3.0-or-later
"""What a waiver must say, and that everything that is wrong is told at once, before an audit begins."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.waivers import Source, Waiver, validated
from hypothesis import given
from hypothesis import strategies as st

CHECKS = {"BUCKET-07", "BUCKET-05", "TIMEOUTS-04"}
GROUPS = {"london-1": ["edges", "emea"], "london-2": ["edges", "emea"], "tokyo": ["edges", "apac"]}
GOOD: dict[str, Any] = {
    "check": "BUCKET-07",
    "scope": {"edges": "*"},
    "reason": "the retention project ends in March",
    "approver": "A. Auditor",
    "ticket": "SEC-1042",
    "expires": "2027-01-31",
}


def load(*items: Any, hosts: tuple[str, ...] = tuple(GROUPS), zone: str = "UTC") -> list[Waiver]:
    return validated([Source("edge_waivers", list(items), hosts)], CHECKS, GROUPS, zone)


def test_a_whole_waiver_is_kept_and_travels_as_json() -> None:
    [waiver] = load({**GOOD, "timezone": "Europe/London", "accepts": ["fail", "unknown"]})
    assert waiver.hosts == ("london-1", "london-2", "tokyo")
    assert waiver.accepts == ("fail", "unknown")
    assert waiver.origin == "edge_waivers[0]"
    assert Waiver.from_dict(waiver.to_dict()) == waiver


WRONG = [
    ({"check": "BUCKET-70"}, "there is no check 'BUCKET-70'; did you mean BUCKET-07?"),
    ({"check": ["BUCKET-07"]}, "there is no check ['BUCKET-07']"),
    ({"check": "*"}, "there is no check '*'"),
    ({"reason": None}, "reason is missing"),
    ({"reason": "", "ticket": ""}, "reason, ticket are missing"),
    ({"reason": "  "}, "reason must be text"),
    ({"approver": ["A", "B"]}, "approver must be text"),
    ({"ticket": True}, "ticket must be text, not True"),
    ({"scope": {}}, "scope is missing"),
    ({"scope": "london"}, "scope must be a mapping"),
    ({"scope": {"edge": "london"}}, "unknown key scope.edge; did you mean scope.edges?"),
    ({"scope": {"edges": []}}, "scope.edges must be a glob or a list of globs"),
    ({"scope": {"edges": [7]}}, "scope.edges must be a glob or a list of globs"),
    ({"scope": {"resource": ["a"]}}, "scope.resource must be a glob"),
    ({"scope": {"groups": None}}, "scope.groups must be a glob"),
    ({"expires": "31.01.2027"}, "expires must be a day such as 2027-01-31, not '31.01.2027'"),
    ({"expires": "2027-02-30"}, "expires must be a day"),
    ({"expires": "20270131"}, "expires must be a day"),
    ({"expires": "2027-01-31T10:00:00Z"}, "expires must be a day"),
    ({"expires": datetime(2027, 1, 31, 10)}, "expires must be a day"),
    ({"expires": "9999-12-31"}, "expires must be a day"),
    ({"expires": "never"}, "expires must be a day"),
    ({"expires": 20270131}, "expires must be a day"),
    ({"timezone": "Mars/Olympus"}, "timezone 'Mars/Olympus' is not in"),
    ({"timezone": "../../etc/passwd"}, "timezone '../../etc/passwd' is not in the controller's IANA database"),
    ({"timezone": "Europe"}, "timezone 'Europe' is not in the controller's IANA database"),
    ({"timezone": 1}, "timezone 1 is not in the controller's IANA database"),
    ({"accepts": "pass"}, "accepts must be fail, unknown or both"),
    ({"accepts": [["fail"]]}, "accepts must be fail, unknown or both"),
    ({"expire": "2027-01-31"}, "unknown key 'expire'; did you mean expires?"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_one_clear_error(damage: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgepathError) as error:
        load(GOOD, {**GOOD, **damage})
    assert f"edge_waivers[1]: {message}" in str(error.value)
    assert "edge_waivers[0]" not in str(error.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(EdgepathError) as error:
        load({"check": "X"}, "text", {**GOOD, "expires": "soon"})
    text = str(error.value)
    assert "[0]: scope, reason, approver, ticket, expires are missing" in text
    assert "[0]: there is no check 'X'" in text
    assert "[1]: a waiver is a mapping, not 'text'" in text
    assert "[2]: expires must be a day" in text


@pytest.mark.parametrize("whole", [{"check": "BUCKET-07"}, "text", 7, {"waivers": "text"}])
def test_what_is_no_list_is_refused(whole: Any) -> None:
    with pytest.raises(EdgepathError, match="must be a list of waivers"):
        validated([Source("/etc/waivers.yml", whole, ("tokyo",))], CHECKS, GROUPS)


@pytest.mark.parametrize("whole", [None, [], {"waivers": []}, {"waivers": None}])
def test_none_at_all_is_none(whole: Any) -> None:
    assert validated([Source("/etc/waivers.yml", whole, ("tokyo",))], CHECKS, GROUPS) == []


SCOPES = [
    ({"edges": "london-*"}, ("london-1", "london-2")),
    ({"edges": ["london-1", "tokyo"]}, ("london-1", "tokyo")),
    ({"edges": "london-?", "groups": "apac"}, ()),
    ({"groups": "em*"}, ("london-1", "london-2")),
    ({"groups": ["apac", "none"]}, ("tokyo",)),
    ({"resource": "arn:*"}, ("london-1", "london-2", "tokyo")),
    ({"edges": "LONDON-1"}, ()),
    ({"edges": "london-[12]"}, ()),
]


@pytest.mark.parametrize(("scope", "hosts"), SCOPES)
def test_the_edges_that_a_scope_reaches(scope: dict[str, Any], hosts: tuple[str, ...]) -> None:
    assert load({**GOOD, "scope": scope})[0].hosts == hosts


def test_a_waiver_reaches_no_further_than_where_it_is_declared() -> None:
    assert load({**GOOD, "scope": {"edges": "*"}}, hosts=("tokyo",))[0].hosts == ("tokyo",)
    assert load({**GOOD, "scope": {"groups": "emea"}}, hosts=("tokyo",))[0].hosts == ()


@pytest.mark.parametrize(
    ("zone", "ends"),
    [
        ("UTC", "2027-02-01T00:00:00+00:00"),
        ("Europe/London", "2027-02-01T00:00:00+00:00"),
        ("America/New_York", "2027-02-01T05:00:00+00:00"),
        ("Asia/Tokyo", "2027-01-31T15:00:00+00:00"),
    ],
)
def test_the_last_day_ends_in_its_time_zone(zone: str, ends: str) -> None:
    assert load({**GOOD, "timezone": zone})[0].ends == ends
    assert load(GOOD, zone=zone)[0].ends == ends


def test_a_day_of_yaml_is_taken_as_it_is() -> None:
    [waiver] = load({**GOOD, "expires": date(2027, 1, 31)})
    assert waiver.expires == "2027-01-31"
    assert waiver.days_left(datetime(2027, 1, 31, 23, 59, tzinfo=timezone.utc)) == 0
    assert waiver.days_left(datetime(2027, 1, 30, 23, 59, tzinfo=timezone.utc)) == 1
    assert waiver.days_left(datetime(2027, 2, 1, 0, 1, tzinfo=timezone.utc)) == -1


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "timezone", "accepts", "other"]), JUNK))
def test_no_value_breaks_the_validation(values: dict[str, Any]) -> None:
    try:
        load({**GOOD, **values})
    except EdgepathError as error:
        assert "edge_waivers[0]" in str(error)
