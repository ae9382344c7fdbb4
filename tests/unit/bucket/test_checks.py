# SPDX-License-Identifier: GPL-3.0-or-later
"""What each check says of each state of its facts; the good facts, with one thing changed."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.edge.bucket.checks import CATALOGUE
from ansible.module_utils.edge.finding import Finding, Unread

from tests.unit.bucket.builders import ACCOUNT, ENTRY, FACTS, KEY, KEY_ARN, facts, findings


def lifecycle(**elements: Any) -> dict[str, Any]:
    return {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **elements}]}


def given(**changes: Any) -> dict[str, Any]:
    return facts(keys=[{**FACTS["keys"][0], **changes}])


def sample(**changes: Any) -> dict[str, Any]:
    return facts(sample={**FACTS["sample"], **changes})


ONE = {"count": 1, "first": [{"key": KEY, "version_id": "v1", "storage_class": "GLACIER", "created": "2026-01-01"}]}
MARKER = {**ENTRY, "marker": True, "version_id": "m1"}
OLD = {**ENTRY, "current": False, "noncurrent_since": "2026-11-10T00:00:00+00:00"}
HUGE = 10**12
NO_LOCK = {"enabled": False, "mode": None, "days": None, "years": None}
LOCK_ONLY = {**NO_LOCK, "enabled": True}
NOT_IMPLEMENTED = {"$not_implemented": "s3:GetX"}

# check, the facts, edge variables, status, a word of what is observed
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("BUCKET-01", facts(location={"exists": False, "region": None, "moved": False}), {}, "fail", "no bucket"),
    ("BUCKET-02", facts(location={"exists": True, "region": "us-east-1", "moved": False}), {}, "fail", "us-east-1"),
    ("BUCKET-02", facts(location={"exists": True, "region": None, "moved": True}), {}, "fail", "redirects"),
    ("BUCKET-02", facts(location={"exists": True, "region": None, "moved": False}), {}, "unknown", "region"),
    (
        "BUCKET-02",
        facts(location={"exists": True, "region": "eu-west-1", "moved": False}),
        {"storage_endpoint": "https://s3.eu-west-1.amazonaws.com"},
        "pass",
        "eu-west-1",
    ),
    ("BUCKET-03", facts(owner={"account": ACCOUNT, "owned": False}), {}, "fail", "another account"),
    ("BUCKET-03", facts(owner={"account": ACCOUNT, "owned": None}), {}, "unknown", "not listed"),
    ("BUCKET-04", facts(), {"storage_endpoint": "http://s3.eu-west-2.amazonaws.com"}, "fail", "TLS"),
    ("BUCKET-04", facts(), {"storage_endpoint": "s3.amazonaws.com"}, "fail", "global"),
    ("BUCKET-04", facts(), {"bucket": "acme.recordings"}, "fail", "dots"),
    ("BUCKET-04", facts(), {"storage_endpoint": "bucket.vpce-1.s3.eu-west-2.vpce.amazonaws.com"}, "pass", "fits"),
    ("BUCKET-05", facts(versioning=None), {}, "fail", "never"),
    ("BUCKET-05", facts(versioning="Suspended"), {}, "fail", "suspended"),
    ("BUCKET-05", facts(versioning=NOT_IMPLEMENTED), {}, "not_applicable", "does not implement"),
    ("BUCKET-06", facts(object_lock=LOCK_ONLY), {}, "fail", "one set of credentials"),
    ("BUCKET-06", facts(object_lock=LOCK_ONLY, mfa_delete="Enabled"), {}, "pass", "MFA"),
    ("BUCKET-06", facts(object_lock=None, versioning=None), {}, "not_applicable", "no versions"),
    ("BUCKET-07", facts(object_lock=None), {}, "fail", "not enabled"),
    ("BUCKET-07", facts(object_lock=NO_LOCK), {}, "fail", "not enabled"),
    ("BUCKET-08", facts(object_lock=LOCK_ONLY), {}, "fail", "only where the export asks"),
    ("BUCKET-08", facts(object_lock=None), {}, "not_applicable", "not enabled"),
    ("BUCKET-09", given(legal_hold=False), {}, "fail", KEY),
    ("BUCKET-09", given(legal_hold=NOT_IMPLEMENTED), {}, "not_applicable", "implement"),
    ("BUCKET-09", facts(keys=[]), {"recording_keys": []}, "not_applicable", "no recordings were given"),
    ("BUCKET-10", facts(lifecycle=lifecycle(Expiration={"Days": 30})), {}, "fail", "hidden by a delete marker"),
    ("BUCKET-10", facts(lifecycle=lifecycle(Expiration={"Days": 30}), versioning=None), {}, "fail", "deleted for good"),
    ("BUCKET-10", facts(lifecycle=lifecycle(Status="Disabled", Expiration={"Days": 1})), {}, "pass", "none of 0"),
    ("BUCKET-10", facts(lifecycle=None), {}, "pass", "no lifecycle"),
    ("BUCKET-10", facts(lifecycle=lifecycle(Filter={"Prefix": "logs/"}, Expiration={"Days": 1})), {}, "pass", "none"),
    (
        "BUCKET-10",
        facts(lifecycle=lifecycle(Filter={"Prefix": "calls/old/"}, Expiration={"Days": 1})),
        {},
        "fail",
        "below calls/old/",
    ),
    (
        "BUCKET-10",
        facts(lifecycle=lifecycle(Filter={"Prefix": "logs/"}, Expiration={"Days": 1})),
        {"prefix": ""},
        "unknown",
        "set edge_prefix",
    ),
    (
        "BUCKET-10",
        facts(lifecycle=lifecycle(Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"Days": 1})),
        {},
        "unknown",
        "k=v",
    ),
    (
        "BUCKET-10",
        facts(
            lifecycle=lifecycle(Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"Days": 1}),
            keys=[{**FACTS["keys"][0], "tags": {"k": "v"}}],
        ),
        {},
        "fail",
        KEY,
    ),
    ("BUCKET-10", facts(lifecycle=lifecycle(Erase={})), {}, "unknown", "Erase"),
    (
        "BUCKET-10",
        facts(
            lifecycle=lifecycle(Filter={"Prefix": "other/"}, Expiration={"Days": 1}),
            keys=[{**FACTS["keys"][0], "key": "other/x.wav", "versions": [{**ENTRY, "key": "other/x.wav"}]}],
        ),
        {},
        "fail",
        "other/x.wav",
    ),
    (
        "BUCKET-10",
        facts(
            lifecycle=lifecycle(Filter={"ObjectSizeGreaterThan": HUGE}, Expiration={"Days": 1}),
            sample={**FACTS["sample"], "oldest": [{**ENTRY, "key": "calls/huge.wav", "size": HUGE + 1}]},
        ),
        {},
        "fail",
        "calls/huge.wav",
    ),
    (
        "BUCKET-10",
        facts(lifecycle=lifecycle(Filter={"ObjectSizeGreaterThan": HUGE}, Expiration={"Days": 1})),
        {},
        "pass",
        "none",
    ),
    ("BUCKET-10", facts(lifecycle=NOT_IMPLEMENTED), {}, "not_applicable", "implement"),
    (
        "BUCKET-11",
        facts(lifecycle=lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 3}), object_lock=None),
        {},
        "fail",
        "2026-11-26",
    ),
    (
        "BUCKET-11",
        facts(lifecycle=lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 3})),
        {},
        "fail",
        "2027-11-23",
    ),
    (
        "BUCKET-11",
        facts(
            lifecycle=lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}),
            object_lock=None,
        ),
        {},
        "fail",
        "beyond the newest 2",
    ),
    ("BUCKET-11", facts(lifecycle=lifecycle(Expiration={"Days": 3}), object_lock=None), {}, "pass", "none"),
    (
        "BUCKET-12",
        facts(lifecycle=lifecycle(Expiration={"ExpiredObjectDeleteMarker": True})),
        {},
        "fail",
        "a delete marker set now",
    ),
    ("BUCKET-12", facts(), {}, "pass", "none"),
    ("BUCKET-13", facts(lifecycle=None), {}, "fail", "no enabled rule"),
    ("BUCKET-13", facts(lifecycle=None, mfa_delete="Enabled"), {}, "not_applicable", "MFA"),
    ("BUCKET-13", facts(lifecycle=lifecycle(Erase={})), {}, "unknown", "Erase"),
    ("BUCKET-14", facts(), {}, "pass", "7 days"),
    ("BUCKET-14", facts(lifecycle=None), {}, "pass", "no rule aborts"),
    (
        "BUCKET-14",
        facts(lifecycle=lifecycle(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})),
        {"payload": {"longest_minutes": 600, "pace": 0.25}},
        "fail",
        "takes 40 h",
    ),
    (
        "BUCKET-15",
        facts(lifecycle=lifecycle(Transitions=[{"Days": 90, "StorageClass": "GLACIER"}])),
        {},
        "fail",
        "moves to GLACIER from 2027-01-31",
    ),
    (
        "BUCKET-15",
        facts(lifecycle=lifecycle(Transitions=[{"Days": 90, "StorageClass": "GLACIER_IR"}])),
        {},
        "pass",
        "none",
    ),
    ("BUCKET-16", sample(archived=ONE), {}, "fail", "0 given and 1 sampled"),
    ("BUCKET-16", given(head={"StorageClass": "DEEP_ARCHIVE"}), {}, "fail", "1 given"),
    (
        "BUCKET-16",
        given(head={"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}),
        {},
        "fail",
        KEY,
    ),
    (
        "BUCKET-16",
        given(head={"StorageClass": "GLACIER", "Restore": 'ongoing-request="false", expiry-date="x"'}),
        {},
        "pass",
        "nothing archived",
    ),
    ("BUCKET-16", given(head={"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}), {}, "fail", KEY),
    ("BUCKET-16", sample(truncated=True), {}, "pass", "the first 1 entries"),
    ("BUCKET-17", sample(hidden=ONE), {}, "fail", "1 sampled"),
    ("BUCKET-17", given(versions=[MARKER, OLD]), {}, "fail", "1 given"),
    ("BUCKET-18", given(versions=[ENTRY, {**OLD, "version_id": "v0"}]), {}, "fail", "2 versions"),
    ("BUCKET-18", given(versions=[]), {}, "fail", "no versions"),
    ("BUCKET-19", facts(replication=None), {}, "fail", "no copy"),
    (
        "BUCKET-19",
        facts(replication={"Rules": [{"Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Destination": {}}]}),
        {},
        "fail",
        "no enabled rule covers",
    ),
    (
        "BUCKET-19",
        facts(replication={"Rules": [{"Status": "Disabled", "Filter": {}, "Destination": {}}]}),
        {},
        "fail",
        "no copy",
    ),
    ("BUCKET-20", facts(encryption=None), {}, "fail", "no default"),
    (
        "BUCKET-21",
        facts(encryption={"algorithm": "AES256", "key_id": None}),
        {},
        "not_applicable",
        "not encrypted with",
    ),
    ("BUCKET-21", facts(encryption={"algorithm": "aws:kms", "key_id": None}, key=None), {}, "pass", "aws/s3"),
    ("BUCKET-21", facts(key=None), {}, "fail", "no such key"),
    ("BUCKET-21", facts(key={**FACTS["key"], "KeyState": "Disabled"}), {}, "fail", "Disabled"),
    (
        "BUCKET-21",
        facts(key={**FACTS["key"], "KeyState": "PendingDeletion", "DeletionDate": "2026-12-01T00:00:00+00:00"}),
        {},
        "fail",
        "2026-12-01",
    ),
    ("BUCKET-21", facts(key={**FACTS["key"], "KeyState": "Updating"}), {}, "pass", "Updating"),
    ("BUCKET-21", facts(key={**FACTS["key"], "KeyState": None}), {}, "unknown", "no state"),
    ("BUCKET-22", facts(public_access_block={"bucket": None, "account": None}), {}, "fail", "BlockPublicAcls"),
    (
        "BUCKET-22",
        facts(public_access_block={"bucket": None, "account": FACTS["public_access_block"]["bucket"]}),
        {},
        "pass",
        "all four",
    ),
    (
        "BUCKET-22",
        facts(public_access_block={"bucket": NOT_IMPLEMENTED, "account": None}),
        {},
        "not_applicable",
        "impl",
    ),
    ("BUCKET-23", facts(bucket_policy=None), {}, "fail", "s3:PutObject"),
    ("BUCKET-23", facts(bucket_policy={"Version": "2012-10-17"}), {}, "unknown", "no list of statements"),
    ("BUCKET-24", facts(bucket_policy=None), {}, "fail", "no statement denies"),
    ("BUCKET-25", facts(request_payment={"payer": None, "exempt": ACCOUNT}), {}, "pass", "owns the bucket"),
    (
        "BUCKET-25",
        facts(request_payment={"payer": "Requester", "exempt": None}, owner={"account": ACCOUNT, "owned": False}),
        {},
        "fail",
        "x-amz-request-payer",
    ),
    (
        "BUCKET-25",
        facts(request_payment={"payer": "Requester", "exempt": None}, export_account=None),
        {},
        "unknown",
        "edge_role_arn",
    ),
    ("BUCKET-26", facts(export_config={**FACTS["export_config"], "value": None}), {}, "fail", "not set"),
    ("BUCKET-26", facts(export_config={**FACTS["export_config"], "value": False}), {}, "fail", "False"),
    ("BUCKET-26", facts(export_config={**FACTS["export_config"], "value": "Yes"}), {}, "pass", "Yes"),
    ("BUCKET-26", facts(export_config=None), {"export_config_path": None}, "not_applicable", "edge_export_config_path"),
    ("BUCKET-26", facts(export_config=None), {"export_config_keys": {}}, "not_applicable", "config_keys.versions"),
    ("BUCKET-26", facts(versioning=None), {}, "not_applicable", "no versions"),
]


@pytest.mark.parametrize(
    ("check", "of", "variables", "status", "word"), CASES, ids=[f"{row[0]}-{row[3]}-{row[4]}" for row in CASES]
)
def test_each_state(check: str, of: dict[str, Any], variables: dict[str, Any], status: str, word: str) -> None:
    found = findings(of, **variables)[check]
    assert found.status == status
    assert word in found.observed
    if status == "fail":
        assert found.fix is not None
        assert set(found.fix) >= {"action", "summary", "bucket"}
        assert found.evidence


def test_every_check_has_a_case_that_fails() -> None:
    assert {row[0] for row in CASES if row[3] == "fail"} == set(CATALOGUE)


def test_the_good_bucket_passes_everything() -> None:
    assert {found.status for found in findings(facts()).values()} == {"pass"}
    assert set(findings(facts())) == set(CATALOGUE)


def test_where_there_is_no_bucket_nothing_else_is_asked() -> None:
    found = findings({"location": {"exists": False, "region": None, "moved": False}})
    assert found.pop("BUCKET-01").status == "fail"
    assert {each.status for each in found.values()} == {"not_applicable"}
    assert set(found) == set(CATALOGUE) - {"BUCKET-01"}


def test_outside_aws_regions_and_accounts_are_not_judged() -> None:
    variables = {"storage_kind": "s3_compatible", "storage_endpoint": "https://s3.example.org", "region": None}
    found = findings(facts(owner={"account": None, "owned": None}), **variables)
    assert [found[check].status for check in ("BUCKET-02", "BUCKET-03")] == ["not_applicable"] * 2


def test_an_abort_that_comes_too_soon_is_a_bound_on_the_transfer() -> None:
    one_day = lifecycle(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    found = findings(facts(lifecycle=one_day), payload={"longest_minutes": 600, "pace": 0.25})["BUCKET-14"]
    assert found.longest_minutes == 24 * 60 * 0.25
    assert found.bound is not None
    assert (found.bound.kind, found.bound.seconds) == ("total", 86400.0)
    assert found.fix is not None
    assert found.fix["days"] == 2


def test_missing_protection_blocks_nothing() -> None:
    blocking = {check.id for check in CATALOGUE.values() if check.effect != "none"}
    assert blocking == {"BUCKET-01", "BUCKET-02", "BUCKET-14", "BUCKET-21", "BUCKET-25"}


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of the facts that could have been unread: mappings' values and, of the keys, their parts."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        if prefix + (name,) not in (("bucket",), ("prefix",), ("observed",)):
            yield (*prefix, name)
            if prefix + (name,) in (("owner",), ("public_access_block",), ("keys",), ("keys", 0)):
                yield from paths(inner, (*prefix, name))


UNREAD_AT = [path for path in paths(FACTS) if path not in (("keys", 0), ("keys", 0, "key"))]
BAD = [(row[1], row[2]) for row in CASES] + [(facts(), {})]


@functools.cache
def of_bad() -> list[dict[str, Finding]]:
    """What each of BAD is found to be, judged once."""
    return [findings(of, **variables) for of, variables in BAD]


@pytest.mark.parametrize("path", UNREAD_AT, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("form", ["object", "fact"])
def test_a_fact_that_was_not_read_turns_nothing_green(path: tuple[Any, ...], form: str) -> None:
    denied = Unread("denied", "s3:GetX", "acme-recordings", "AccessDenied (needs s3:GetX)", ("s3:GetX",))
    for (of, variables), before in zip(BAD, of_bad(), strict=True):
        blind = copy.deepcopy(of)
        holder: Any = blind
        for name in path[:-1]:
            holder = holder[name] if isinstance(holder, list) and len(holder) > 0 or isinstance(holder, dict) else None
            if holder is None:
                break
        if holder is None or (isinstance(holder, dict) and path[-1] not in holder):
            continue
        holder[path[-1]] = denied if form == "object" else denied.to_fact()
        after = findings(blind, **variables)
        if before["BUCKET-01"].status == "fail":
            assert after["BUCKET-01"].status != "pass"
            continue
        assert {check for check in before if before[check].status != "pass" and after[check].status == "pass"} == set()


def test_a_denied_fact_names_the_permission() -> None:
    denied = Unread("denied", "s3:GetBucketVersioning", "b", "AccessDenied", ("s3:GetBucketVersioning",))
    found = findings(facts(versioning=denied.to_fact()))["BUCKET-05"]
    assert (found.status, found.reason, found.permissions) == ("unknown", "denied", ("s3:GetBucketVersioning",))


@pytest.mark.parametrize("missing", [name for name in FACTS if name not in ("bucket", "prefix", "observed")])
def test_a_fact_that_is_missing_altogether_is_unknown_not_absent(missing: str) -> None:
    without = facts()
    del without[missing]
    before, after = findings(facts()), findings(without)
    changed = {check for check in before if after[check].status != before[check].status}
    assert {after[check].status for check in changed} <= {"unknown"}


def test_the_key_of_the_finding_is_the_key() -> None:
    assert findings(facts(key={**FACTS["key"], "KeyState": "Disabled"}))["BUCKET-21"].resource == KEY_ARN
