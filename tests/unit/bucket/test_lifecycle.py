# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator against the examples and tables of the Amazon S3 User Guide, section by section."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.bucket.lifecycle import StoredObject, abort_rule, next_midnight, simulate
from ansible.module_utils.edge.bucket.rules import parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def rule(name: str = "r", **elements: Any) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": ""}, **elements}


def stored(key: str = "logs/a", created: str = "2014-01-15T10:30", **fields: Any) -> StoredObject:
    return StoredObject(key, at(created), **{"size": 1_000_000, **fields})


def story(rules: list[dict[str, Any]], item: StoredObject, versioning: str | None = None) -> list[str]:
    """The certain events as short text."""
    events = simulate(parse({"Rules": rules}), item, versioning).certain.events
    return [f"{event.when:%Y-%m-%d} {event.storage_class or event.kind}" for event in events]


def transition(days: int, storage_class: str) -> dict[str, Any]:
    return {"Days": days, "StorageClass": storage_class}


EXPIRE = {"Expiration": {"Days": 365}}


# "Lifecycle rules: Based on an object's age"
@pytest.mark.parametrize(
    ("created", "days", "due"),
    [
        ("2014-01-15T10:30", 3, "2014-01-19"),
        ("2014-01-15T23:59:59", 1, "2014-01-17"),
        ("2014-01-15T00:00:01", 1, "2014-01-17"),
        ("2014-01-15T00:00", 3, "2014-01-18"),
        ("2024-02-28T10:00", 1, "2024-03-01"),
        ("2014-12-31T23:00", 1, "2015-01-02"),
    ],
)
def test_an_age_in_days_is_rounded_up_to_midnight_utc(created: str, days: int, due: str) -> None:
    assert story([rule(Expiration={"Days": days})], stored(created=created)) == [f"{due} deleted"]


def test_midnight_is_utc_whatever_the_zone_of_the_timestamp() -> None:
    item = StoredObject("a", datetime.fromisoformat("2014-01-15T23:30:00-05:00"), size=1)
    assert story([rule(Expiration={"Days": 1})], item) == ["2014-01-18 deleted"]


# "NoncurrentVersionExpiration action element": photo.gif, deleted on 1/2/2014 11:30, five days
def test_noncurrent_days_count_from_the_successor() -> None:
    rules = [rule(NoncurrentVersionExpiration={"NoncurrentDays": 5})]
    item = stored("photo.gif", "2014-01-01T10:30", noncurrent_since=at("2014-01-02T11:30"))
    assert story(rules, item, "Enabled") == ["2014-01-08 deleted"]


def test_noncurrent_transition_counts_from_the_successor() -> None:
    rules = [rule(NoncurrentVersionTransition={"NoncurrentDays": 3, "StorageClass": "GLACIER"})]
    item = stored(created="2014-01-01T10:30", noncurrent_since=at("2014-01-15T10:30"))
    assert story(rules, item, "Enabled") == ["2014-01-19 GLACIER"]


# "Lifecycle actions and bucket versioning state", row by row
ALL_ACTIONS = [
    rule(
        "all",
        Expiration={"Days": 10},
        NoncurrentVersionExpiration={"NoncurrentDays": 10},
        NoncurrentVersionTransitions=[{"NoncurrentDays": 5, "StorageClass": "GLACIER"}],
    )
]


@pytest.mark.parametrize(
    ("versioning", "version_id", "expected"),
    [
        (None, None, ["2014-01-26 deleted"]),
        (
            "Enabled",
            "v1",
            ["2014-01-26 hidden", "2014-01-31 GLACIER", "2014-02-05 deleted", "2014-02-05 marker_removed"],
        ),
        ("Suspended", "null", ["2014-01-26 deleted"]),
        (
            "Suspended",
            "v1",
            ["2014-01-26 hidden", "2014-01-31 GLACIER", "2014-02-05 deleted", "2014-02-05 marker_removed"],
        ),
    ],
)
def test_expiration_by_versioning_state(versioning: str | None, version_id: str | None, expected: list[str]) -> None:
    assert story(ALL_ACTIONS, stored(version_id=version_id), versioning) == expected


@pytest.mark.parametrize(
    ("versioning", "expected"),
    [
        (None, []),
        ("Enabled", ["2014-01-21 GLACIER", "2014-01-26 deleted"]),
        ("Suspended", ["2014-01-21 GLACIER", "2014-01-26 deleted"]),
    ],
)
def test_noncurrent_actions_by_versioning_state(versioning: str | None, expected: list[str]) -> None:
    item = stored(created="2014-01-01T00:00", noncurrent_since=at("2014-01-15T10:30"))
    assert story(ALL_ACTIONS, item, versioning) == expected


def test_a_suspended_bucket_with_an_unknown_version_id_is_possible_not_certain() -> None:
    fate = simulate(parse({"Rules": ALL_ACTIONS}), stored(), "Suspended")
    assert fate.certain.deleted is not None and fate.possible.deleted is not None
    assert fate.possible.deleted.when < fate.certain.deleted.when


# "Expiration action element": delete markers
@pytest.mark.parametrize(
    ("elements", "only", "expected"),
    [
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, True, ["2014-01-16 marker_removed"]),
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, False, []),
        ({"Expiration": {"ExpiredObjectDeleteMarker": False}}, True, []),
        ({"Expiration": {"Days": 60}}, True, ["2014-03-17 marker_removed"]),
        ({"Expiration": {"Days": 60}}, False, []),
    ],
)
def test_delete_markers(elements: dict[str, Any], only: bool, expected: list[str]) -> None:
    item = stored(delete_marker=True, only_version=only, size=None)
    assert story([rule(**elements)], item, "Enabled") == expected


def test_a_bucket_without_versions_has_no_delete_markers() -> None:
    item = stored(delete_marker=True, only_version=True, size=None)
    assert story([rule(Expiration={"ExpiredObjectDeleteMarker": True})], item, None) == []


# "Examples of S3 Lifecycle configuration", example 7
def test_example_7_objects_are_gone_90_days_after_creation() -> None:
    rules = [rule(Expiration={"Days": 60}, NoncurrentVersionExpiration={"NoncurrentDays": 30})]
    item = stored(created="2014-01-01T00:00", version_id="v1")
    assert story(rules, item, "Enabled") == ["2014-03-02 hidden", "2014-04-01 deleted", "2014-05-01 marker_removed"]


@pytest.mark.parametrize(
    ("newer", "expected"), [(0, []), (4, []), (5, ["2015-01-16 deleted"]), (9, ["2015-01-16 deleted"])]
)
def test_newer_noncurrent_versions_keep_the_newest(newer: int, expected: list[str]) -> None:
    rules = [rule(NoncurrentVersionExpiration={"NoncurrentDays": 365, "NewerNoncurrentVersions": 5})]
    item = stored(noncurrent_since=at("2014-01-15T10:30"), newer_noncurrent=newer)
    assert story(rules, item, "Enabled") == expected


# "How Amazon S3 handles conflicts in lifecycle configurations", examples 1 to 4
CONFLICTS = [
    (
        "1 overlapping prefixes, no conflict",
        [
            rule(Filter={}, Expiration={"Days": 365}),
            rule(Filter={"Prefix": "logs/"}, Transitions=[transition(30, "STANDARD_IA")]),
        ],
        {},
        ["2014-02-15 STANDARD_IA", "2015-01-16 deleted"],
    ),
    (
        "2 expiration and transition on one day: only the expiration",
        [
            rule(Filter={"Prefix": "logs/"}, Expiration={"Days": 365}),
            rule(Filter={"Prefix": "logs/"}, Transitions=[transition(365, "STANDARD_IA")]),
        ],
        {},
        ["2015-01-16 deleted"],
    ),
    (
        "3 two transitions to one class: the earlier",
        [
            rule(Transitions=[transition(10, "STANDARD_IA")]),
            rule(Filter={"Prefix": "logs/"}, Transitions=[transition(365, "STANDARD_IA")]),
        ],
        {},
        ["2014-01-26 STANDARD_IA"],
    ),
    (
        "4 tags: the object expires before its transition",
        [
            rule(Filter={"Tag": {"Key": "tag1", "Value": "value1"}}, Transitions=[transition(365, "GLACIER")]),
            rule(Filter={"Tag": {"Key": "tag2", "Value": "value2"}}, Expiration={"Days": 14}),
        ],
        {"tags": {"tag1": "value1", "tag2": "value2"}},
        ["2014-01-30 deleted"],
    ),
    (
        "the shorter expiration",
        [rule("a", Expiration={"Days": 30}), rule("b", Expiration={"Days": 14})],
        {},
        ["2014-01-30 deleted"],
    ),
    (
        "glacier before infrequent access on one day",
        [rule(Transitions=[transition(30, "STANDARD_IA")]), rule(Transitions=[transition(30, "GLACIER")])],
        {},
        ["2014-02-15 GLACIER"],
    ),
    (
        "intelligent tiering before all but the archives",
        [
            rule(
                Transitions=[
                    transition(30, "GLACIER_IR"),
                    transition(30, "INTELLIGENT_TIERING"),
                    transition(30, "STANDARD_IA"),
                ]
            )
        ],
        {},
        ["2014-02-15 INTELLIGENT_TIERING"],
    ),
]


@pytest.mark.parametrize(
    ("rules", "fields", "expected"), [row[1:] for row in CONFLICTS], ids=[row[0] for row in CONFLICTS]
)
def test_conflicts(rules: list[dict[str, Any]], fields: dict[str, Any], expected: list[str]) -> None:
    assert story(rules, stored(**fields)) == expected


def test_transition_goes_before_a_delete_marker_on_one_day() -> None:
    rules = [rule(Expiration={"Days": 30}), rule(Transitions=[transition(30, "GLACIER")])]
    assert story(rules, stored(version_id="v1"), "Enabled") == ["2014-02-15 GLACIER", "2014-02-15 hidden"]


def test_a_noncurrent_version_that_goes_for_good_is_not_moved_on_that_day() -> None:
    rules = [
        rule(
            NoncurrentVersionTransitions=[{"NoncurrentDays": 3, "StorageClass": "GLACIER"}],
            NoncurrentVersionExpiration={"NoncurrentDays": 3},
        )
    ]
    item = stored(noncurrent_since=at("2014-01-15T10:30"))
    assert story(rules, item, "Enabled") == ["2014-01-19 deleted"]


# "Supported transitions and related constraints"
@pytest.mark.parametrize(
    ("start", "target", "moves"),
    [
        ("STANDARD", "GLACIER_IR", True),
        ("STANDARD_IA", "INTELLIGENT_TIERING", True),
        ("STANDARD_IA", "STANDARD", False),
        ("INTELLIGENT_TIERING", "STANDARD_IA", False),
        ("INTELLIGENT_TIERING", "ONEZONE_IA", True),
        ("ONEZONE_IA", "GLACIER_IR", False),
        ("ONEZONE_IA", "GLACIER", True),
        ("GLACIER_IR", "DEEP_ARCHIVE", True),
        ("GLACIER", "DEEP_ARCHIVE", True),
        ("DEEP_ARCHIVE", "GLACIER", False),
        ("GLACIER", "STANDARD_IA", False),
    ],
)
def test_the_waterfall(start: str, target: str, moves: bool) -> None:
    assert bool(story([rule(Transitions=[transition(1, target)])], stored(storage_class=start))) is moves


@pytest.mark.parametrize(
    ("size", "filter_", "minimum", "target", "moves"),
    [
        (131_072, {}, None, "GLACIER", True),
        (131_071, {}, None, "GLACIER", False),
        (131_071, {}, "varies_by_storage_class", "GLACIER", True),
        (131_071, {}, "varies_by_storage_class", "STANDARD_IA", False),
        (131_071, {"ObjectSizeGreaterThan": 500}, None, "GLACIER", True),
        (500, {"ObjectSizeGreaterThan": 500}, None, "GLACIER", False),
    ],
)
def test_objects_under_128_kb(
    size: int, filter_: dict[str, Any], minimum: str | None, target: str, moves: bool
) -> None:
    document = {"Rules": [rule(Filter=filter_, Transitions=[transition(1, target)])]}
    document |= {"TransitionDefaultMinimumObjectSize": minimum} if minimum else {}
    assert bool(simulate(parse(document), stored(size=size), None).certain.events) is moves


def test_no_days_archives_at_the_next_midnight() -> None:
    assert story([rule(Transitions=[transition(0, "GLACIER")])], stored()) == ["2014-01-16 GLACIER"]


# "Filter element"
FILTERS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"Filter": {"Prefix": "logs/"}}, {}, True),
    ({"Filter": {"Prefix": "log/"}}, {}, False),
    ({"Filter": {"Prefix": "LOGS/"}}, {}, False),
    ({"Filter": {}}, {}, True),
    ({"Filter": None, "Prefix": "logs/"}, {}, True),
    ({"Filter": None, "Prefix": "documents/"}, {}, False),
    ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}}, {"tags": {"k": "v", "more": "1"}}, True),
    ({"Filter": {"Tag": {"Key": "k", "Value": "v"}}}, {"tags": {"k": "V"}}, False),
    (
        {"Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]}}},
        {"tags": {"k": "v"}},
        False,
    ),
    (
        {"Filter": {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64000}}},
        {"size": 500},
        False,
    ),
    (
        {"Filter": {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64000}}},
        {"size": 501},
        True,
    ),
    (
        {"Filter": {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64000}}},
        {"size": 64000},
        False,
    ),
]


@pytest.mark.parametrize(("elements", "fields", "applies"), FILTERS)
def test_filters(elements: dict[str, Any], fields: dict[str, Any], applies: bool) -> None:
    assert bool(story([rule(**{**EXPIRE, **elements})], stored(**fields))) is applies


def test_unknown_tags_and_size_are_possible_not_certain() -> None:
    for filter_ in ({"Tag": {"Key": "k", "Value": "v"}}, {"ObjectSizeGreaterThan": 5}):
        fate = simulate(parse({"Rules": [rule(Filter=filter_, Expiration={"Days": 1})]}), stored(size=None), None)
        assert fate.certain.deleted is None
        assert fate.possible.deleted is not None


def test_a_disabled_rule_does_nothing() -> None:
    assert story([rule(Status="Disabled", **EXPIRE)], stored()) == []


# "Lifecycle rules: Based on a specific date"
@pytest.mark.parametrize(
    ("date", "due"),
    [("2014-06-01T00:00:00Z", "2014-06-01"), ("2014-06-01", "2014-06-01"), ("2010-01-01T00:00:00+00:00", "2014-01-16")],
)
def test_a_date_goes_on_acting_on_new_objects(date: str, due: str) -> None:
    assert story([rule(Expiration={"Date": date})], stored()) == [f"{due} deleted"]


# "Managing delete markers and object lifecycles"
RULES = [rule(Expiration={"Days": 1}, NoncurrentVersionExpiration={"NoncurrentDays": 1})]


def test_a_legal_hold_keeps_the_version_and_not_from_being_hidden() -> None:
    assert story(RULES, stored(version_id="v1", legal_hold=True), "Enabled") == ["2014-01-17 hidden"]


def test_a_retention_defers_deletion_to_its_end() -> None:
    item = stored(version_id="v1", retain_until=at("2014-05-05T08:00"))
    assert story(RULES, item, "Enabled")[:2] == ["2014-01-17 hidden", "2014-05-06 deleted"]


def test_an_unknown_hold_is_possible_not_certain() -> None:
    fate = simulate(parse({"Rules": RULES}), stored(version_id="v1", legal_hold=None), "Enabled")
    assert fate.certain.deleted is None
    assert fate.possible.deleted is not None


def test_days_beyond_the_calendar_never_come() -> None:
    assert story([rule(Expiration={"Days": 2**31 - 1})], stored()) == []
    assert next_midnight(datetime.max) == datetime.max.replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=timezone.utc
    )


def test_the_first_abort_wins() -> None:
    abort = [
        rule("week", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}),
        rule("logs", Filter={"Prefix": "logs/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}),
    ]
    assert getattr(abort_rule(parse({"Rules": abort}), "logs/a"), "name", None) == "logs"
    assert getattr(abort_rule(parse({"Rules": abort}), "calls/a"), "name", None) == "week"
    assert abort_rule(parse({"Rules": abort[1:]}), "calls/a") is None
