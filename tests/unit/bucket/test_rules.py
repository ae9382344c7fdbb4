# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that cannot be understood are named, and hold up nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.bucket.rules import parse

GOOD = {"ID": "good", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (7, "not a mapping"),
        ({"Status": "On"}, "neither Enabled nor Disabled"),
        ({"Status": "Enabled", "Erase": {}}, "Erase is not known"),
        ({"Status": "Enabled", "Filter": {"Suffix": "x"}}, "Suffix is not known"),
        ({"Status": "Enabled", "Filter": {"And": {}, "Prefix": "x"}}, "Prefix is not known"),
        ({"Status": "Enabled", "Filter": []}, "Filter is not a mapping"),
        ({"Status": "Enabled", "Filter": {"Prefix": 7}}, "not text"),
        ({"Status": "Enabled", "Filter": {"Tag": {"Key": "k"}}}, "no key and value"),
        ({"Status": "Enabled", "Expiration": {"Days": 0}}, "at least 1"),
        ({"Status": "Enabled", "Expiration": {"Days": "30"}}, "not a whole number"),
        ({"Status": "Enabled", "Expiration": {"Days": True}}, "not a whole number"),
        ({"Status": "Enabled", "Expiration": {"Days": 1, "Date": "2026-01-01"}}, "both Days and Date"),
        ({"Status": "Enabled", "Expiration": {"Date": "soon"}}, "not ISO 8601"),
        ({"Status": "Enabled", "Expiration": {"Date": 20260101}}, "not a date"),
        ({"Status": "Enabled", "Expiration": {"Later": 1}}, "neither Days nor Date"),
        ({"Status": "Enabled", "Expiration": {"ExpiredObjectDeleteMarker": "yes"}}, "neither true nor false"),
        ({"Status": "Enabled", "Transitions": [{"Days": 1}]}, "no storage class"),
        ({"Status": "Enabled", "Transitions": [{"StorageClass": "GLACIER"}]}, "Days is None"),
        (
            {"Status": "Enabled", "NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 3}},
            "NoncurrentDays is None",
        ),
        (
            {
                "Status": "Enabled",
                "Filter": {"Tag": {"Key": "k", "Value": "v"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
            "cannot abort uploads",
        ),
    ],
)
def test_a_malformed_rule_is_named_and_the_others_stand(broken: Any, why: str) -> None:
    found = parse({"Rules": [GOOD, broken]})
    assert [rule.name for rule in found.rules] == ["good"]
    ((name, message),) = found.malformed
    assert name == "rule 2"
    assert why in message


def test_a_disabled_rule_need_not_be_understood() -> None:
    found = parse({"Rules": [{"Status": "Disabled", "Erase": 1}]})
    assert (found.rules, found.malformed) == ((), ())


@pytest.mark.parametrize("document", [{}, {"Rules": "all"}, 7, "x", {"Rules": None}])
def test_a_document_without_rules_is_malformed_as_a_whole(document: Any) -> None:
    ((name, _),) = parse(document).malformed
    assert name == "the lifecycle configuration"


def test_no_lifecycle_is_no_rules() -> None:
    assert parse(None).rules == () == parse(None).malformed


def test_the_legacy_form_and_a_single_rule_are_understood() -> None:
    document = {
        "Rule": {
            "Id": "old",
            "Prefix": "documents/",
            "Status": "Enabled",
            "Transition": {"Days": 0, "StorageClass": "GLACIER"},
        }
    }
    (rule,) = parse(document).rules
    assert (rule.name, rule.filter.prefix, rule.transitions[0].storage_class) == ("old", "documents/", "GLACIER")
