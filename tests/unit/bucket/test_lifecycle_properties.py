# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the simulator over drawn rules and objects."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.module_utils.edge.bucket.lifecycle import DELETED, MOVED, Event, StoredObject, simulate
from ansible.module_utils.edge.bucket.rules import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

DAYS = st.integers(1, 4000)
KEYS = st.sampled_from(["calls/a", "calls/2026/b", "logs/a", ""])
PREFIXES = st.sampled_from(["", "calls/", "calls/2026/", "logs/"])
TAGS = st.dictionaries(st.sampled_from("kl"), st.sampled_from("vw"), max_size=2)
CLASSES = st.sampled_from(["STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(timezone.utc))
VERSIONING = st.sampled_from([None, "Enabled", "Suspended"])


@st.composite
def filters(draw: Any) -> dict[str, Any]:
    inner: dict[str, Any] = {"Prefix": draw(PREFIXES)}
    tags = draw(TAGS)
    if tags:
        inner["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if draw(st.booleans()):
        inner["ObjectSizeGreaterThan"] = draw(st.sampled_from([0, 500, 200_000]))
    return {"And": inner} if len(inner) > 1 else inner


@st.composite
def timers(draw: Any) -> dict[str, Any]:
    return {"Days": draw(DAYS)} if draw(st.booleans()) else {"Date": draw(MOMENTS).isoformat()}


@st.composite
def rules(draw: Any) -> dict[str, Any]:
    rule: dict[str, Any] = {"Status": draw(st.sampled_from(["Enabled", "Disabled"])), "Filter": draw(filters())}
    if draw(st.booleans()):
        rule["Expiration"] = draw(timers())
    if draw(st.booleans()):
        rule["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": draw(DAYS),
            "NewerNoncurrentVersions": draw(st.integers(0, 3)),
        }
    if draw(st.booleans()):
        rule["Transitions"] = [
            {**draw(timers()), "StorageClass": draw(CLASSES)} for _ in range(draw(st.integers(1, 3)))
        ]
    return rule


@st.composite
def expirations(draw: Any) -> dict[str, Any]:
    action = draw(
        st.one_of(
            timers().map(lambda timer: {"Expiration": timer}),
            st.builds(
                lambda days, newer: {
                    "NoncurrentVersionExpiration": {"NoncurrentDays": days, "NewerNoncurrentVersions": newer}
                },
                DAYS,
                st.integers(0, 3),
            ),
        )
    )
    return {"Status": "Enabled", "Filter": draw(filters()), **action}


@st.composite
def objects(draw: Any) -> StoredObject:
    created = draw(MOMENTS)
    noncurrent = draw(st.booleans())
    return StoredObject(
        key=draw(KEYS),
        created=created,
        size=draw(st.sampled_from([None, 0, 501, 10_000_000])),
        tags=draw(st.one_of(st.none(), TAGS)),
        version_id=draw(st.sampled_from([None, "null", "v1"])),
        noncurrent_since=created + timedelta(days=draw(st.integers(0, 100))) if noncurrent else None,
        newer_noncurrent=draw(st.sampled_from([None, 0, 2, 5])) if noncurrent else 0,
        retain_until=draw(st.one_of(st.none(), MOMENTS)),
        legal_hold=draw(st.sampled_from([None, True, False])),
    )


def _no_later(one: Event | None, other: Event | None) -> bool:
    """Whether the first is at or before the second, None being never."""
    return other is None or (one is not None and one.when <= other.when)


@given(st.lists(rules(), max_size=4), expirations(), objects(), VERSIONING)
def test_an_added_expiration_never_makes_an_object_live_longer(
    others: list[dict[str, Any]], added: dict[str, Any], item: StoredObject, versioning: str | None
) -> None:
    before = simulate(parse({"Rules": others}), item, versioning)
    after = simulate(parse({"Rules": [*others, added]}), item, versioning)
    for old, new in ((before.certain, after.certain), (before.possible, after.possible)):
        assert _no_later(new.unavailable, old.unavailable)
        assert _no_later(new.deleted, old.deleted)


@given(st.lists(rules(), max_size=4), objects(), VERSIONING)
def test_the_order_of_rules_decides_no_date(
    drawn: list[dict[str, Any]], item: StoredObject, versioning: str | None
) -> None:
    def dates(order: list[dict[str, Any]]) -> list[Any]:
        events = simulate(parse({"Rules": order}), item, versioning).certain.events
        return [(event.kind, event.when, event.storage_class) for event in events]

    assert dates(drawn) == dates(drawn[::-1])


@given(st.lists(rules(), max_size=4), objects(), VERSIONING)
def test_what_is_certain_is_possible_and_no_earlier(
    drawn: list[dict[str, Any]], item: StoredObject, versioning: str | None
) -> None:
    fate = simulate(parse({"Rules": drawn}), item, versioning)
    assert _no_later(fate.possible.unavailable, fate.certain.unavailable)
    assert _no_later(fate.possible.deleted, fate.certain.deleted)


@given(st.lists(rules(), max_size=4), objects(), VERSIONING)
def test_nothing_moves_after_deletion_and_all_is_at_midnight(
    drawn: list[dict[str, Any]], item: StoredObject, versioning: str | None
) -> None:
    for line in simulate(parse({"Rules": drawn}), item, versioning).__dict__.values():
        gone = line.first(DELETED)
        assert all(event.when < gone.when for event in line.events if gone is not None and event.kind == MOVED)
        assert all(event.when.time() == datetime.min.time() for event in line.events)
        assert list(line.events) == sorted(line.events, key=lambda event: event.when)


@given(st.lists(rules(), max_size=4), objects(), VERSIONING)
def test_a_hold_keeps_a_versioned_object(
    drawn: list[dict[str, Any]], item: StoredObject, versioning: str | None
) -> None:
    held = StoredObject(**{**item.__dict__, "legal_hold": True})
    assert simulate(parse({"Rules": drawn}), held, "Enabled").possible.deleted is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = st.sampled_from(
    ["ID", "Status", "Filter", "Prefix", "Expiration", "Transitions", "Transition", "NoncurrentVersionExpiration",
     "NoncurrentVersionTransitions", "AbortIncompleteMultipartUpload", "And", "Tag", "Tags", "Days", "Date",
     "NoncurrentDays", "StorageClass", "Key", "Value", "ObjectSizeGreaterThan", "Rules"]
)  # fmt: skip
RULE_LIKE = st.recursive(
    JSON | st.sampled_from(["Enabled", "Disabled", "GLACIER", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ELEMENTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(300))
@given(RULE_LIKE, objects(), VERSIONING)
def test_arbitrary_json_never_raises(document: Any, item: StoredObject, versioning: str | None) -> None:
    rules_ = {"Rules": [{"Status": "Enabled", **document} if isinstance(document, dict) else document]}
    for whole in (document, rules_):
        simulate(parse(whole), item, versioning)
    read = parse(rules_)
    assert len(read.rules) + len(read.malformed) <= 1
