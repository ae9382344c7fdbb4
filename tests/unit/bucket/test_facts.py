# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read, how often, and what becomes of each refusal; against answers in the form of the AWS API."""

from __future__ import annotations

import functools
import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from ansible.module_utils.edge.aws import Account, permission_of
from ansible.module_utils.edge.bucket import facts as bucket_facts
from ansible.module_utils.edge.bucket import keys as bucket_keys
from ansible.module_utils.edge.bucket.checks import judge
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.iam.recorded import FLEET
from ansible.module_utils.edge.run import Run, Step, write_json
from ansible.module_utils.edge.targets import Edge

from tests.unit.bucket.builders import ACCOUNT, EDGE, KEY, KEY_ARN, POLICY

DAY = datetime(2026, 11, 1, 10, 30, tzinfo=timezone.utc)
ABSENT = object()

GOOD: dict[str, Any] = {
    "list_buckets": {"Buckets": [{"Name": "acme-recordings", "BucketRegion": "eu-west-2"}]},
    "get_caller_identity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/audit", "UserId": "AIDA"},
    "s3control.get_public_access_block": "NoSuchPublicAccessBlockConfiguration",
    "head_bucket": {"BucketRegion": "eu-west-2"},
    "get_bucket_versioning": {"Status": "Enabled", "ResponseMetadata": {}},
    "get_object_lock_configuration": {
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}},
        }
    },
    "get_bucket_lifecycle_configuration": {
        "Rules": [
            {
                "ID": "tidy",
                "Status": "Enabled",
                "Filter": {},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    },
    "get_bucket_replication": {
        "ReplicationConfiguration": {
            "Role": "arn:aws:iam::1:role/copies",
            "Rules": [{"Status": "Enabled", "Filter": {}, "Destination": {"Bucket": "x"}}],
        }
    },
    "get_bucket_policy": {"Policy": json.dumps(POLICY)},
    "get_public_access_block": {
        "PublicAccessBlockConfiguration": dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
    },
    "get_bucket_request_payment": {"Payer": "BucketOwner"},
    "get_bucket_encryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN}}]
        }
    },
    "describe_key": {"KeyMetadata": {"KeyId": "1", "Arn": KEY_ARN, "KeyState": "Enabled", "Enabled": True}},
    "list_object_versions": {
        "IsTruncated": False,
        "Name": "acme-recordings",
        "MaxKeys": 1000,
        "Versions": [{"Key": KEY, "VersionId": "v1", "IsLatest": True, "LastModified": DAY, "Size": 10_000_000}],
    },
    "head_object": {"VersionId": "v1", "ContentLength": 10_000_000, "ETag": '"1"', "LastModified": DAY},
    "get_object_legal_hold": {"LegalHold": {"Status": "ON"}},
    "get_object_retention": {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": DAY}},
    "get_object_tagging": {"TagSet": []},
}


@functools.cache
def meta(service: str) -> Any:
    """What a client knows of its service."""
    return boto3.session.Session("key", "secret", region_name="eu-west-2").client(service).meta


class Client:
    """Answers as boto3 does: a mapping is returned, a text is raised as the error code."""

    def __init__(self, service: str, answers: dict[str, Any], asked: Counter[str], region: str) -> None:
        self.meta = meta(service)
        self._service, self._answers, self._asked, self._region = service, answers, asked, region

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            answer = self._answers.get(f"{self._service}.{operation}", self._answers.get(operation))
            suffix = {"kms": f"@{self._region}", "s3control": "@account"}.get(self._service, "")
            self._asked[operation + suffix] += 1
            if isinstance(answer, str):
                error = {"Error": {"Code": answer, "Message": "as told"}}
                name = self.meta.method_to_api_mapping[operation]
                raise botocore.exceptions.ClientError(error, name)  # type: ignore[arg-type]
            return dict(answer)

        return call

    def can_paginate(self, operation: str) -> bool:
        return operation == "list_buckets"

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **parameters: Any) -> Any:
                yield getattr(client, operation)(**parameters)

        return Paginator()


class Session:
    def __init__(self, answers: dict[str, Any], asked: Counter[str]) -> None:
        self._answers, self._asked = answers, asked

    def client(self, service: str, region_name: str, **options: Any) -> Client:
        return Client(service, self._answers, self._asked, region_name)


class World:
    """gather() against a table of answers; asked counts the requests by operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = dict(GOOD)
        self.asked: Counter[str] = Counter()

        def account(key: Any) -> Account:
            return Account(key, session=Session(self.answers, self.asked))

        monkeypatch.setattr(bucket_facts, "account_of", lambda _run, key: account(key))
        monkeypatch.setattr(bucket_keys, "account_of", lambda _run, key: account(key))

    def gather(self, *edges: dict[str, Any], run: Run | None = None) -> dict[str, Any]:
        chosen = [Edge.from_mapping(edge) for edge in edges or (EDGE,)]
        self.asked.clear()
        facts, calls = bucket_facts.gather(chosen, run or Run(None))
        # Of a list that is refused at once, no page is counted.
        refused_lists = isinstance(self.answers["list_buckets"], str) * self.asked["list_buckets"]
        assert sum(calls.values()) == sum(self.asked.values()) - refused_lists
        json.dumps({name: value for name, value in facts.items() if not isinstance(value, Unread)})
        return facts

    def statuses(self, edge: dict[str, Any] = EDGE) -> dict[str, str]:
        facts = self.gather(edge)
        found = judge(Edge.from_mapping(edge), facts[edge["name"]], {})
        return {finding.check: finding.status for finding in found}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    config = {"path": "/etc/export.yml", "text": "export: {versions: true}"}
    monkeypatch.setattr(bucket_facts, "gather_node", lambda edge: {"export_config": config})
    return World(monkeypatch)


def test_the_good_bucket(world: World) -> None:
    statuses = world.statuses()
    assert set(statuses.values()) == {"pass"}


def test_a_bucket_is_read_once_for_all_its_edges_in_all_regions(world: World) -> None:
    edges = [{**EDGE, "name": f"e{number}", "region": region} for number, region in
             enumerate(["eu-west-2"] * 3 + ["eu-west-1"] * 2)]  # fmt: skip
    facts = world.gather(*edges)
    assert set(world.asked.values()) == {1}
    assert {len(value["keys"]) for value in facts.values()} == {1}


def test_one_sample_for_each_prefix(world: World) -> None:
    world.gather(EDGE, {**EDGE, "name": "b", "prefix": "other/", "recording_keys": []})
    assert world.asked["list_object_versions"] == 2
    assert world.asked["get_bucket_versioning"] == 1


def test_fifty_buckets_cost_at_most_eight_calls_each(world: World) -> None:
    names = [f"acme-{number}" for number in range(50)]
    world.answers["list_buckets"] = {"Buckets": [{"Name": name, "BucketRegion": "eu-west-2"} for name in names]}
    edges = [{**EDGE, "name": name, "bucket": name, "recording_keys": []} for name in names]
    facts = world.gather(*edges)
    assert len(facts) == 50
    assert sum(world.asked.values()) <= 3 + 1 + 50 * 8
    assert world.asked["describe_key@eu-west-2"] == 1


FLEET_NAMES = [f"acme-{number}" for number in range(FLEET)]


def fleet(world: World, **changes: Any) -> list[dict[str, Any]]:
    world.answers["list_buckets"] = {"Buckets": [{"Name": name, "BucketRegion": "eu-west-2"} for name in FLEET_NAMES]}
    return [{**EDGE, "name": name, "bucket": name, "recording_keys": [], **changes} for name in FLEET_NAMES]


def recorded_run(tmp_path: Path, record: dict[str, Any]) -> Run:
    Run(str(tmp_path)).store(Step("iam", facts={name: {"recorded": record} for name in FLEET_NAMES}))
    return Run(str(tmp_path))


RECORD: dict[str, Any] = {
    "captured": "2026-11-20T02:00:00+00:00",
    "versioning": "Enabled",
    "mfa_delete": None,
    "object_lock": {"enabled": True, "mode": None, "days": None, "years": None},
    "public_access_block": dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    ),
    "payer": "Requester",
}


def test_what_aws_config_recorded_is_not_asked_for_again_and_labelled(world: World, tmp_path: Path) -> None:
    edges = fleet(world, role_arn="arn:aws:iam::999999999999:role/edge")
    facts = world.gather(*edges, run=recorded_run(tmp_path, RECORD))
    spared = ("get_bucket_versioning", "get_object_lock_configuration", "get_public_access_block",
              "get_bucket_request_payment")  # fmt: skip
    assert not any(world.asked[name] for name in spared)
    assert world.asked["get_bucket_replication"] == world.asked["get_bucket_lifecycle_configuration"] == FLEET
    found = {item.check: item for item in judge(Edge.from_mapping(edges[0]), facts["acme-0"], {})}
    labelled = ("BUCKET-05", "BUCKET-06", "BUCKET-07", "BUCKET-08", "BUCKET-22", "BUCKET-25")
    statuses = {check: found[check].status for check in labelled}
    assert list(statuses.values()) == ["pass", "fail", "pass", "fail", "pass", "fail"]
    for check in statuses:
        assert found[check].observed.endswith("(as AWS Config recorded it, 2026-11-20T02:00:00+00:00)")
        assert found[check].evidence[-1]["captured"] == RECORD["captured"]
    assert "AWS Config" not in found["BUCKET-19"].observed + found["BUCKET-13"].observed


def test_what_aws_config_does_not_state_is_asked_of_s3(world: World, tmp_path: Path) -> None:
    facts = world.gather(*fleet(world), run=recorded_run(tmp_path, {"captured": "then", "versioning": "Enabled",
                                                                    "mfa_delete": None}))  # fmt: skip
    assert world.asked["get_object_lock_configuration"] == world.asked["get_public_access_block"] == FLEET
    assert facts["acme-0"]["recorded"]["facts"] == ["mfa_delete", "versioning"]


def test_a_fleet_is_sampled_only_where_something_asks_for_it(world: World) -> None:
    edges = fleet(world)
    facts = world.gather(*edges)
    assert not world.asked["list_object_versions"]
    found = {item.check: item for item in judge(Edge.from_mapping(edges[0]), facts["acme-0"], {})}
    for check in ("BUCKET-16", "BUCKET-17", "BUCKET-18"):
        assert found[check].status == "not_applicable"
        assert "none is sampled" in found[check].observed
    assert {found[check].status for check in ("BUCKET-10", "BUCKET-11", "BUCKET-12", "BUCKET-15")} == {"pass"}


@pytest.mark.parametrize(
    ("lifecycle", "asked"),
    [
        ("AccessDenied", True),
        ({"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}]}, True),
        (
            {"Rules": [{"Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 9, "StorageClass": "GLACIER"}]}]},
            True,
        ),
        ({"Rules": [{"Status": "Enabled", "Filter": {}, "Expiration": {"Days": "soon"}}]}, True),
        ({"Rules": [{"Status": "Disabled", "Filter": {}, "Expiration": {"Days": 9}}]}, False),
        ("NoSuchLifecycleConfiguration", False),
    ],
)
def test_what_makes_a_fleet_be_sampled(world: World, lifecycle: Any, asked: bool) -> None:
    world.answers["get_bucket_lifecycle_configuration"] = lifecycle
    world.gather(*fleet(world))
    assert world.asked["list_object_versions"] == FLEET * asked
    world.gather(*fleet(world, recording_keys=[KEY]))
    assert world.asked["list_object_versions"] >= FLEET


def test_the_account_s_own_block_spares_each_bucket_s(world: World) -> None:
    world.answers["s3control.get_public_access_block"] = GOOD["get_public_access_block"]
    world.answers["get_public_access_block"] = "AccessDenied"
    assert world.statuses()["BUCKET-22"] == "pass"
    assert world.asked["get_public_access_block@account"] == 1
    assert not world.asked["get_public_access_block"]


def test_a_bucket_that_was_never_versioned_is_not_asked_for_locks_and_copies(world: World) -> None:
    world.answers["get_bucket_versioning"] = {}
    world.gather()
    assert not world.asked["get_object_lock_configuration"]
    assert not world.asked["get_bucket_replication"]
    assert not world.asked["get_object_legal_hold"]


@pytest.mark.parametrize(("versioning", "asked"), [({"Status": "Suspended"}, 0), ("AccessDenied", 1)])
def test_locks_are_asked_for_where_versioning_may_be_enabled(world: World, versioning: Any, asked: int) -> None:
    world.answers["get_bucket_versioning"] = versioning
    world.gather()
    assert world.asked["get_object_lock_configuration"] == asked


def test_who_pays_in_a_bucket_of_another_account_is_asked(world: World) -> None:
    world.answers["list_buckets"] = {"Buckets": []}
    world.gather()
    assert world.asked["get_bucket_request_payment"] == 1


def test_the_owner_is_not_asked_who_pays(world: World) -> None:
    world.gather()
    assert not world.asked["get_bucket_request_payment"]
    world.gather({**EDGE, "role_arn": "arn:aws:iam::999999999999:role/edge"})
    assert world.asked["get_bucket_request_payment"] == 1


def test_another_account_s_role_meets_requester_pays(world: World) -> None:
    world.answers["get_bucket_request_payment"] = {"Payer": "Requester"}
    assert world.statuses({**EDGE, "role_arn": "arn:aws:iam::999999999999:role/edge"})["BUCKET-25"] == "fail"


@pytest.mark.parametrize("operation", [name for name in GOOD if name not in ("head_bucket", "get_object_tagging")])
@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "InternalError"])
def test_each_call_refused_in_turn_turns_nothing_green(world: World, operation: str, code: str) -> None:
    bad: dict[str, Any] = {
        # Object lock and suspended versioning exclude each other.
        "get_bucket_versioning": {"Status": "Suspended"},
        "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
        "get_bucket_lifecycle_configuration": {
            "Rules": [
                {
                    "ID": "all",
                    "Status": "Enabled",
                    "Filter": {},
                    "Expiration": {"Days": 9},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
                    "Transitions": [{"Days": 3, "StorageClass": "GLACIER"}],
                }
            ]
        },
        "get_bucket_policy": "NoSuchBucketPolicy",
        "describe_key": {"KeyMetadata": {"Arn": KEY_ARN, "KeyState": "Disabled"}},
        "get_public_access_block": "NoSuchPublicAccessBlockConfiguration",
        "get_object_legal_hold": {"LegalHold": {"Status": "OFF"}},
        "list_buckets": {"Buckets": []},
        "head_bucket": {"BucketRegion": "us-east-1"},
        "get_bucket_request_payment": {"Payer": "Requester"},
    }
    locked = {name: GOOD[name] for name in ("get_bucket_versioning", "get_object_lock_configuration")}
    for table in (GOOD, {**GOOD, **bad}, {**GOOD, **bad, **locked}):
        world.answers = table
        before = world.statuses()
        world.answers = {**table, operation: code}
        after = world.statuses()
        greener = {check for check in before if before[check] != "pass" and after[check] == "pass"}
        assert not greener


def test_a_denied_account_block_is_named_by_its_own_permission(world: World) -> None:
    world.answers["s3control.get_public_access_block"] = "AccessDenied"
    world.answers["get_public_access_block"] = "NoSuchPublicAccessBlockConfiguration"
    facts = world.gather()
    (finding,) = [
        found for found in judge(Edge.from_mapping(EDGE), facts["london-1"], {}) if found.check == "BUCKET-22"
    ]
    assert (finding.status, finding.permissions) == ("unknown", ("s3:GetAccountPublicAccessBlock",))


@pytest.mark.parametrize(
    ("head", "exists", "check", "status"),
    [
        ("404", False, "BUCKET-01", "fail"),
        ("403", None, "BUCKET-01", "unknown"),
        ("301", True, "BUCKET-02", "fail"),
        ({"BucketRegion": "us-east-1"}, True, "BUCKET-02", "fail"),
        ({"BucketRegion": "eu-west-2"}, True, "BUCKET-03", "fail"),
        ("503", None, "BUCKET-01", "unknown"),
    ],
)
def test_absent_foreign_denied_and_moved_stay_apart(
    world: World, head: Any, exists: bool | None, check: str, status: str
) -> None:
    world.answers["list_buckets"] = {"Buckets": []}
    world.answers["head_bucket"] = head
    assert world.statuses()[check] == status
    location = world.gather()["london-1"]["location"]
    assert (None if unread(location) else location["exists"]) is exists


def test_a_bucket_that_vanished_meanwhile_is_absent(world: World) -> None:
    world.answers["get_bucket_versioning"] = "NoSuchBucket"
    assert world.statuses()["BUCKET-01"] == "fail"


def test_a_key_is_asked_for_in_its_own_region(world: World) -> None:
    other = KEY_ARN.replace("eu-west-2", "eu-west-1")
    world.answers["get_bucket_encryption"] = json.loads(
        json.dumps(GOOD["get_bucket_encryption"]).replace(KEY_ARN, other)
    )
    world.gather()
    assert world.asked["describe_key@eu-west-1"] == 1
    assert not world.asked["describe_key@eu-west-2"]


def test_tags_are_read_where_a_rule_asks_for_them(world: World) -> None:
    world.gather()
    assert not world.asked["get_object_tagging"]
    world.answers["get_bucket_lifecycle_configuration"] = {
        "Rules": [
            {"Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"Days": 1}},
        ]
    }
    assert world.gather()["london-1"]["keys"][0]["tags"] == {}
    assert world.asked["get_object_tagging"] == 1


def test_a_hold_that_head_object_shows_is_not_asked_for_again(world: World) -> None:
    world.answers["head_object"] = {
        **GOOD["head_object"],
        "ObjectLockLegalHoldStatus": "OFF",
        "ObjectLockRetainUntilDate": DAY,
    }
    key = world.gather()["london-1"]["keys"][0]
    assert (key["legal_hold"], key["retain_until"]) == (False, DAY.isoformat())
    assert not world.asked["get_object_legal_hold"] + world.asked["get_object_retention"]


def test_a_hold_that_head_object_may_hide_is_unknown_where_it_cannot_be_asked_for(world: World) -> None:
    world.answers["get_object_legal_hold"] = "AccessDenied"
    assert world.statuses()["BUCKET-09"] == "unknown"


@pytest.mark.parametrize("operation", ["get_object_lock_configuration", "get_public_access_block",
                                       "get_bucket_replication", "get_bucket_lifecycle_configuration"])  # fmt: skip
def test_only_storage_outside_aws_may_lack_a_feature(world: World, operation: str) -> None:
    world.answers[operation] = "NotImplemented"
    elsewhere = {**EDGE, "storage_kind": "s3_compatible", "storage_endpoint": "https://s3.example.org"}
    name = permission_of("s3", operation)
    for edge, word in ((elsewhere, "$not_implemented"), (EDGE, "$unread")):
        assert word in json.dumps(world.gather(edge)["london-1"]), (edge, name)


def test_outside_aws_no_account_is_asked_about(world: World) -> None:
    world.gather({**EDGE, "storage_kind": "s3_compatible", "storage_endpoint": "https://s3.example.org"})
    assert not world.asked["list_buckets"] + world.asked["get_caller_identity"]


def test_an_edge_without_a_bucket_keeps_no_other_waiting(world: World) -> None:
    facts = world.gather({"name": "bare", "region": "eu-west-2"}, EDGE)
    assert isinstance(facts["bare"], Unread)
    assert facts["london-1"]["versioning"] == "Enabled"


def test_a_policy_that_is_not_json_is_unread(world: World) -> None:
    world.answers["get_bucket_policy"] = {"Policy": "{"}
    assert unread(world.gather()["london-1"]["bucket_policy"]) is not None


def test_what_iam_has_read_is_not_read_again(world: World, tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    run.store(Step("iam", {"london-1": {"bucket_policy": {"Statement": []}, "principal_arn": None}}))
    facts = world.gather(run=run)["london-1"]
    assert facts["bucket_policy"] == {"Statement": []}
    assert not world.asked["get_bucket_policy"]


def test_what_iam_could_not_read_is_asked_for_again(world: World, tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    blind = Unread("denied", "s3:GetBucketPolicy", "b", "AccessDenied").to_fact()
    run.store(Step("iam", {"london-1": {"bucket_policy": blind}}))
    assert world.gather(run=run)["london-1"]["bucket_policy"] == POLICY


def test_encryption_and_key_that_iam_has_read_are_not_read_again(world: World, tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    encryption = GOOD["get_bucket_encryption"]["ServerSideEncryptionConfiguration"]
    key = {"Arn": KEY_ARN, "KeyState": "PendingDeletion"}
    run.store(Step("iam", {"london-1": {"encryption": encryption, "key": key}}))
    facts = world.gather(run=run)["london-1"]
    assert (facts["encryption"]["key_id"], facts["key"]["KeyState"]) == (KEY_ARN, "PendingDeletion")
    assert not world.asked["get_bucket_encryption"] + world.asked["describe_key@eu-west-2"]


@pytest.mark.parametrize(
    ("text", "value"), [("export: {versions: true}", True), ("export: {}", None), ("export: {versions: [1]}", "a list")]
)
def test_the_export_s_setting_comes_from_the_edge(world: World, tmp_path: Path, text: str, value: Any) -> None:
    section = {"timeouts": {"export_config": {"path": "/etc/export.yml", "text": f"{text}\npassword: hush\n"}}}
    write_json(str(tmp_path / "facts" / "london-1.json"), section)
    facts = world.gather(run=Run(str(tmp_path)))["london-1"]
    assert facts["export_config"] == {"path": "/etc/export.yml", "key": "export.versions", "value": value}
    assert "hush" not in json.dumps(facts)


@pytest.mark.parametrize(
    "config", [None, {"path": "/etc/export.yml", "text": "export: [}"}, {"path": "/etc/export.yml"}]
)
def test_a_configuration_that_is_no_such_thing_is_unread(world: World, tmp_path: Path, config: Any) -> None:
    write_json(str(tmp_path / "facts" / "london-1.json"), {"timeouts": {"export_config": config}})
    assert unread(world.gather(run=Run(str(tmp_path)))["london-1"]["export_config"]) is not None
