# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS Config has recorded of buckets: what is taken from it, and what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.aws import permission_of
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.iam.recorded import FLEET, PAGE, read_item, read_recorded

NAMES = [f"bucket-{number}" for number in range(FLEET)]
RUNNING = [{"name": "default", "recording": True, "lastStatus": "SUCCESS"}]


def item(name: str = "bucket-0", **parts: Any) -> dict[str, Any]:
    return {
        "resourceId": name,
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": datetime(2026, 11, 20, 2, tzinfo=timezone.utc),
        "supplementaryConfiguration": {
            part: value if isinstance(value, str) else json.dumps(value) for part, value in parts.items()
        },
    }


class Config:
    """Stands in for an account whose recorder is as told."""

    def __init__(self, states: Any = RUNNING, items: Any = None) -> None:
        self.states, self.items = states, items
        self.asked: list[tuple[str, Any]] = []

    def read(self, service: str, operation: str, result_key: str, *, resource: str, **given: Any) -> Any:
        self.asked.append((permission_of(service, operation), given))
        if operation == "describe_configuration_recorder_status":
            return self.states
        names: Sequence[str] = [key["resourceId"] for key in given["resourceKeys"]]
        return [item(name, IsRequesterPaysEnabled="false") for name in names] if self.items is None else self.items


def read(config: Config, names: Sequence[str] = NAMES) -> dict[str, dict[str, Any]]:
    return read_recorded(config, names)  # type: ignore[arg-type]


def test_few_buckets_are_read_from_s3_alone() -> None:
    config = Config()
    assert read(config, NAMES[:-1]) == {}
    assert not config.asked


def test_a_fleet_costs_one_call_for_each_hundred_buckets_and_one_for_the_recorder() -> None:
    config = Config()
    names = [f"b-{number}" for number in range(PAGE + 1)]
    assert set(read(config, names)) == set(names)
    assert [name for name, _ in config.asked] == [
        "config:DescribeConfigurationRecorderStatus",
        "config:BatchGetResourceConfig",
        "config:BatchGetResourceConfig",
    ]


DENIED = Unread("denied", "config:BatchGetResourceConfig", "buckets", "AccessDenied")


@pytest.mark.parametrize(
    "config",
    [
        Config(states=[]),
        Config(states=None),
        Config(states=DENIED),
        Config(states=[{"recording": False, "lastStatus": "SUCCESS"}]),
        Config(states=[{"recording": True, "lastStatus": "FAILURE"}]),
        Config(states=[{"recording": True}]),
        Config(items=DENIED),
        Config(items=[]),
        Config(items=[{**item(), "configurationItemStatus": "ResourceDeleted"}]),
        Config(items=[{**item(), "configurationItemStatus": "ResourceNotRecorded"}]),
        Config(items=[{**item(), "recordingFrequency": "DAILY"}]),
    ],
)
def test_what_is_not_recorded_continuously_is_left_to_s3(config: Config) -> None:
    assert read(config) == {}


RETENTION = {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}}
SSE = {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyID": "k"},
                  "bucketKeyEnabled": True}]}  # fmt: skip
BLOCK = {"blockPublicAcls": True, "ignorePublicAcls": True, "blockPublicPolicy": False, "restrictPublicBuckets": True}


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        ("BucketVersioningConfiguration", {"status": "Enabled", "isMfaDeleteEnabled": True},
         {"versioning": "Enabled", "mfa_delete": "Enabled"}),
        ("BucketVersioningConfiguration", {"status": "Suspended", "isMfaDeleteEnabled": False},
         {"versioning": "Suspended", "mfa_delete": "Disabled"}),
        ("BucketVersioningConfiguration", {"status": "Off", "isMfaDeleteEnabled": None},
         {"versioning": None, "mfa_delete": None}),
        ("BucketVersioningConfiguration", json.dumps(json.dumps({"status": "Off"})),
         {"versioning": None, "mfa_delete": None}),
        ("BucketVersioningConfiguration", {"status": "Sideways"}, {}),
        ("BucketVersioningConfiguration", {}, {}),
        ("BucketVersioningConfiguration", "{", {}),
        ("BucketVersioningConfiguration", [], {}),
        ("ServerSideEncryptionConfiguration", SSE,
         {"encryption": {"Rules": [{"ApplyServerSideEncryptionByDefault":
                                    {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}, "BucketKeyEnabled": True}]}}),
        ("ServerSideEncryptionConfiguration", {"rules": []}, {}),
        ("ServerSideEncryptionConfiguration", {"rules": [{"bucketKeyEnabled": True}]}, {}),
        ("ObjectLockConfiguration", {"objectLockEnabled": "Enabled", "rule": RETENTION},
         {"object_lock": {"enabled": True, "mode": "COMPLIANCE", "days": 365, "years": None}}),
        ("ObjectLockConfiguration", {"objectLockEnabled": "Enabled", "rule": None},
         {"object_lock": {"enabled": True, "mode": None, "days": None, "years": None}}),
        ("ObjectLockConfiguration", {}, {}),
        ("PublicAccessBlockConfiguration", BLOCK,
         {"public_access_block": {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
                                  "RestrictPublicBuckets": True}}),
        ("PublicAccessBlockConfiguration", {"blockPublicAcls": True}, {}),
        ("IsRequesterPaysEnabled", "true", {"payer": "Requester"}),
        ("IsRequesterPaysEnabled", '"false"', {"payer": "BucketOwner"}),
        ("IsRequesterPaysEnabled", "null", {}),
        ("BucketPolicy", {"policyText": None}, {}),
    ],
)  # fmt: skip
def test_only_what_a_record_states_is_taken(part: str, value: Any, expected: dict[str, Any]) -> None:
    assert read_item(item(**{part: value})) == {"captured": "2026-11-20T02:00:00+00:00", **expected}
