# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions are chosen, by which rule, and what is said about it; and how far it all came in the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.asked import Asked
from ansible.module_utils.edge.retrieve.plan import Entry, Rule, archived, choose, fingerprint, make, newest_first
from ansible.module_utils.edge.retrieve.reconcile import reconcile
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
KEY, BESIDE = "calls/a1.opus", "calls/a1_metadata.json"


def at(hour: float) -> datetime:
    return NOON + timedelta(hours=hour - 12)


def version(name: str, hour: float, key: str = KEY, **more: Any) -> Entry:
    return Entry(key, name, at(hour), **{"size": 5, "etag": f'"{name}"', **more})


def marker(hour: float, latest: bool = False) -> Entry:
    return Entry(KEY, "m", at(hour), marker=True, is_latest=latest)


ONE = [version("v1", 8, is_latest=True)]
TWO = [version("v1", 8), version("v2", 10, is_latest=True)]
HIDDEN = [version("v1", 8), marker(10, latest=True)]
BACK = [version("v1", 8), marker(9), version("v2", 10, is_latest=True)]
BELOW = {"delete_markers": "fetch_below"}

CHOICES: list[tuple[Sequence[Entry], Rule, str, str | None, str]] = [
    (ONE, Rule("fail"), "fetch", "v1", "the only version"),
    (ONE, Rule("latest"), "fetch", "v1", "the only version"),
    (TWO, Rule("fail"), "ambiguous", None, "2 versions; the rule is to fail"),
    (TWO, Rule("latest"), "fetch", "v2", "chosen by the rule latest"),
    (TWO, Rule("as_of", at(9)), "fetch", "v1", "as_of 2026-11-20T09:00:00"),
    (TWO, Rule("as_of", at(10)), "fetch", "v2", "as_of"),
    (TWO, Rule("as_of", at(7)), "missing", None, "nothing was there at 2026-11-20T07"),
    (HIDDEN, Rule("fail"), "ambiguous", None, "1 version and 1 delete marker"),
    (HIDDEN, Rule("latest"), "deleted", None, "a delete marker of 2026-11-20T10:00:00+00:00 hides it"),
    (HIDDEN, Rule("latest", **BELOW), "fetch", "v1", "chosen by the rule latest"),
    (HIDDEN, Rule("as_of", at(9)), "fetch", "v1", "as_of"),
    (BACK, Rule("latest"), "fetch", "v2", "latest"),
    (BACK, Rule("as_of", at(9.5)), "deleted", None, "hides it"),
    (BACK, Rule("as_of", at(9.5), **BELOW), "fetch", "v1", "as_of"),
    ([marker(9, latest=True)], Rule("latest", **BELOW), "missing", None, "delete markers are left of it"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "rule", "state", "chosen", "words"), CHOICES)
def test_the_version_that_the_rule_chooses(
    entries: Sequence[Entry], rule: Rule, state: str, chosen: str | None, words: str
) -> None:
    for order in (entries, entries[::-1]):
        choice = choose(newest_first(order), rule)
        assert choice.state == state
        assert (choice.entry.version_id if choice.entry else None) == chosen
        assert words in choice.reason


def test_what_was_passed_over_is_said() -> None:
    assert choose(newest_first(TWO), Rule("latest")).notes == ("2 versions",)
    notes = choose(newest_first(HIDDEN), Rule("latest", **BELOW)).notes
    assert notes[0] == "1 version and 1 delete marker"
    assert notes[1].endswith("the newest version below is taken by rule")


def test_of_two_in_the_same_second_the_latest_is_the_one_that_is_marked() -> None:
    entries = [version("v1", 8), Entry(KEY, "m", at(8), marker=True, is_latest=True)]
    assert choose(newest_first(entries), Rule("latest")).state == "deleted"


@pytest.mark.parametrize("rule", [{"name": "as_of"}, {"name": "latest", "as_of": NOON}, {"name": "newest"}])
def test_rules_that_make_no_sense(rule: dict[str, Any]) -> None:
    with pytest.raises(EdgepathError):
        Rule(**rule)


ENTRIES = st.lists(
    st.builds(
        lambda name, hour, gone: Entry(KEY, f"{name}-{hour}", at(hour), marker=gone),
        st.text("abc", min_size=1, max_size=2), st.integers(0, 23), st.booleans(),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(ENTRIES, st.sampled_from(["latest", "fail"]), st.sampled_from(["fail", "fetch_below"]))
def test_a_choice_is_never_silent(entries: list[Entry], name: str, markers: str) -> None:
    choice = choose(newest_first(entries), Rule(name, delete_markers=markers))
    assert (choice.entry is not None) == (choice.state == "fetch")
    assert choice.reason
    if choice.entry is not None:
        assert not choice.entry.marker
        assert len(entries) == 1 or choice.notes
        newer = [entry for entry in entries if entry.last_modified > choice.entry.last_modified]
        assert all(entry.marker for entry in newer)
        assert not newer or markers == "fetch_below"


def test_a_plan_takes_the_metadata_along() -> None:
    listed = [*ONE, version("m1", 8, BESIDE, size=3), version("x", 8, "calls/a12.opus")]
    plan = make([Asked("recording", "a1")], listed, Rule())
    assert [(item["key"], item["role"], item["version_id"]) for item in plan["objects"]] == [
        (KEY, "recording", "v1"), (BESIDE, "metadata", "m1"),
    ]  # fmt: skip
    assert plan["size"] == 8
    assert plan["objects"][1]["asked"] == ["recording a1"]
    assert plan["objects"][0]["versions"][0]["version_id"] == "v1"
    assert [item["key"] for item in make([Asked("recording", "a1")], listed, Rule(), metadata=False)["objects"]] == [
        KEY
    ]


def test_what_is_not_there_is_missing_and_what_is_there_twice_a_duplicate() -> None:
    listed = [*ONE, version("w", 9, "other/a1.wav"), version("m", 8, "calls/b2_metadata.json")]
    asked = [Asked("recording", "a1"), Asked("recording", "b2"), Asked("key", "calls/none"), Asked("prefix", "empty/")]
    plan = make(asked, listed, Rule())
    assert plan["missing"] == [
        {"asked": "recording b2", "reason": "only metadata is there: calls/b2_metadata.json"},
        {"asked": "key calls/none", "reason": "no object version and no delete marker has it"},
        {"asked": "prefix empty/", "reason": "no object is below this prefix in this window"},
    ]
    assert plan["duplicates"] == [{"asked": "recording a1", "keys": [KEY, "other/a1.wav"]}]


def test_metadata_may_be_asked_for_by_its_key() -> None:
    plan = make([Asked("key", BESIDE)], [version("m1", 8, BESIDE)], Rule())
    assert [item["key"] for item in plan["objects"]] == [BESIDE]
    assert plan["missing"] == []


@pytest.mark.parametrize(
    ("storage_class", "status", "restore", "words"),
    [
        (None, None, None, None),
        ("STANDARD_IA", None, None, None),
        ("GLACIER_IR", None, None, None),
        ("GLACIER", None, None, "restore it first"),
        ("DEEP_ARCHIVE", None, 'ongoing-request="true"', "being restored"),
        ("GLACIER", None, 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"', None),
        ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", None, "it is in ARCHIVE_ACCESS"),
    ],
)
def test_archived_objects(
    storage_class: str | None, status: str | None, restore: str | None, words: str | None
) -> None:
    why = archived(storage_class, status, restore)
    assert why is None if words is None else words in str(why)


def test_a_plan_is_kept_for_the_same_request_alone() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def planned(*asked: Asked, listed: Sequence[Entry] = ()) -> dict[str, Any]:
    rule = Rule("latest")
    return {**make(asked, [*ONE, *listed], rule), "asked": [item.to_dict() for item in asked]}


def result(key: str = KEY, **changes: Any) -> dict[str, Any]:
    return {"key": key, "version_id": "v1", "size": 5, "sha256": "aa", "verified": True, **changes}


RECONCILED = [
    ([result()], {}, None, "verified", ""),
    ([], {KEY: "it broke"}, None, "found", "it broke"),
    ([], {}, None, "found", "it was not fetched"),
    ([result(verified=False)], {}, None, "fetched", "nothing of the storage's"),
    ([result(version_id="v0")], {}, None, "found", "version v0 was fetched, the plan says v1"),
    ([result()], {}, {KEY: "aa"}, "packaged", ""),
    ([result()], {}, {KEY: "bb"}, "verified", "the package does not hold these bytes"),
    ([result()], {}, {}, "verified", "the package lacks it"),
]


@pytest.mark.parametrize(("results", "failures", "packaged", "state", "reason"), RECONCILED)
def test_how_far_one_recording_came(
    results: list[dict[str, Any]], failures: dict[str, str], packaged: dict[str, str] | None, state: str, reason: str
) -> None:
    found = reconcile(planned(Asked("key", KEY)), results, failures, packaged)
    assert found["items"][0]["state"] == state
    assert reason in found["items"][0]["reason"]
    assert found["complete"] is (state == ("verified" if packaged is None else "packaged"))
    assert found.get("packaged") == (None if packaged is None else int(state == "packaged"))


def test_one_of_three_missing_is_not_complete() -> None:
    plan = planned(Asked("key", KEY), Asked("recording", "zz"), Asked("prefix", "calls/"))
    found = reconcile(plan, [result()], {})
    counted = ("asked", "found", "fetched", "verified", "missing", "duplicate", "complete")
    assert {name: found[name] for name in counted} == {
        "asked": 3, "found": 2, "fetched": 2, "verified": 2, "missing": 1, "duplicate": 0, "complete": False,
    }  # fmt: skip
    assert found["metadata_missing"] == [KEY]


def test_a_recording_is_what_its_worst_object_is() -> None:
    plan = planned(Asked("recording", "a1"), listed=[version("v1", 8, BESIDE)])
    found = reconcile(plan, [result()], {BESIDE: "denied"})
    assert found["items"][0] == {
        "asked": "recording a1", "state": "found", "reason": f"{BESIDE}: denied", "keys": [KEY, BESIDE],
    }  # fmt: skip
    assert found["metadata_missing"] == []


def test_the_same_bytes_under_two_keys_are_a_duplicate() -> None:
    plan = planned(Asked("prefix", "calls/"), listed=[version("v1", 8, "calls/b.opus")])
    found = reconcile(plan, [result(), result("calls/b.opus")], {})
    assert found["duplicates"] == [{"same_content": "aa", "keys": [KEY, "calls/b.opus"]}]
    assert found["complete"] is True


def test_nothing_asked_for_is_not_complete() -> None:
    assert reconcile({"objects": [], "missing": [], "duplicates": [], "asked": []}, [], {})["complete"] is False
