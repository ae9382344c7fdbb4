# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies hold words that are shared as secrets; everything else in them is what the audit is about."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.edge.redaction.documents import redact_document, without_shared_words

S = "swordfish"
STATEMENT = {
    "Sid": "A1", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:role/x"},
    "Action": ["s3:PutObject", "s3:*"],
    "Resource": "arn:aws:s3:::b/*", "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-0a1b2c3d4e5f67890"]}},
}  # fmt: skip


@pytest.mark.parametrize("key", ["aws:Referer", "aws:userAgent", "sts:ExternalId"])
@pytest.mark.parametrize("value", [S, [S, S]])
@pytest.mark.parametrize("show", [redact_document, without_shared_words])
def test_a_word_by_which_a_policy_knows_its_callers(show, key, value):
    policy = {"Statement": [{**STATEMENT, "Condition": {"StringEquals": {key: value}}}]}
    for document in (policy, json.dumps(policy), {"policy": json.dumps(policy)}):
        shown = json.dumps(show(document))
        assert S not in shown and key in shown and "s3:PutObject" in shown


@pytest.mark.parametrize("show", [redact_document, without_shared_words])
def test_an_ordinary_policy_stays(show):
    policy = {"Version": "2012-10-17", "Statement": [STATEMENT]}
    assert show(policy) == policy
    assert json.loads(show(json.dumps(policy))) == policy
    rules = {
        "Rules": [{"ID": "keep", "Status": "Enabled", "Expiration": {"Days": 30}, "Filter": {"Prefix": "exports/"}}]
    }
    assert show(rules) == rules


def test_text_that_only_looks_like_a_document():
    assert without_shared_words("{a") == "{a" and redact_document('{"aws:Referer": x') != '{"aws:Referer": x y'
