# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile input: nothing takes time out of proportion to its size, and nothing but the engine's own errors comes out.

No clock is read: work is counted in executed lines, which a pattern that backtracks would drive out of all bounds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.edge.iam.engine import Policy, PolicyError, PolicySet, Request, RequestError, decide
from ansible.module_utils.edge.iam.glob import compile_glob
from ansible.module_utils.edge.iam.template import parse_glob

from tests.unit.iam.builders import HOME, OBJECT, USER, allow, outcome, policy


def lines_of(work: Callable[[], Any]) -> int:
    """How many lines of Python `work` executes."""
    count = 0

    def trace(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 500 + "b", "a" * 1000),
        ("*a" * 500, "a" * 1000 + "b"),
        ("*?" * 400 + "b", "a" * 1000),
        ("*a?" * 300 + "c", "ab" * 500),
        ("?" * 1000 + "*b", "a" * 1024),
        ("*" * 5000 + "b", "a" * 1000),
    ],
)
def test_wildcards_do_not_backtrack(pattern, text):
    matches = compile_glob(pattern)
    assert matches(text) is False
    # A handful of lines for each character of the text and each run of the pattern, not for each pair of them.
    assert lines_of(lambda: matches(text)) < 10 * (len(text) + len(pattern))


@pytest.mark.parametrize(
    "unit", ["${", "${a", "${a,", "${a, '", "${a,     ", "${a, 'b'", "}", "${a}", "$", "${*", "' "]
)
def test_reading_variables_takes_time_in_proportion(unit):
    short = lines_of(lambda: parse_glob(unit * 200, True))
    long = lines_of(lambda: parse_glob(unit * 2000, True))
    assert long < 12 * short


def test_a_policy_of_megabytes():
    statements = [
        allow([f"s3:Get{index}*", "s3:GetObject"], [f"arn:aws:s3:::b{index}/{'x' * 400}*a*b*c"])
        for index in range(4000)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    assert len(text) > 2_000_000
    large = Policy.parse(text, "large")
    assert outcome(USER, identity=large) == "implicit_deny"
    assert outcome(USER, identity=[large, policy(allow())]) == "allow"


def test_an_action_pattern_and_a_resource_of_a_megabyte():
    stars = policy(allow("s3:" + "*a" * 300_000, "arn:aws:s3:::" + "*a" * 300_000))
    assert outcome(USER, identity=stars) == "implicit_deny"
    assert outcome(USER, "s3:GetObject", "arn:aws:s3:::b/" + "a" * 1_000_000, identity=policy(allow())) == "allow"


@pytest.mark.parametrize(
    "arguments",
    [
        {"principal": ""},
        {"principal": "dana"},
        {"principal": None},
        {"principal": 7},
        {"principal": "arn:aws:iam::1:user/x"},
        {"principal": f"arn:aws:iam::{HOME}:group/g"},
        {"principal": f"arn:aws:iam::{HOME}:user/"},
        {"principal": f"arn:aws:sts::{HOME}:assumed-role/R"},
        {"principal": f"arn:aws:sts::{HOME}:assumed-role/"},
        {"principal": f"arn:aws:s3:::{HOME}"},
        {"principal": f"arn:aws:sts::{HOME}:assumed-role/R/s", "issuer": f"arn:aws:iam::{HOME}:role/Q"},
        {"action": "GetObject"},
        {"action": "s3:*"},
        {"action": None},
        {"action": 10**5000},
        {"resource": ""},
        {"resource": None},
        {"resource_account": "123"},
        {"resource_account": 123456789012},
        {"context": []},
        {"context": ["aws:x"], "issuer": f"arn:aws:iam::{HOME}:role/R"},
        {"issuer": 7},
        {"principal": []},
        {"context": {1: "x"}},
        {"context": {"aws:x": {"a": 1}}},
        {"context": {"aws:x": [None]}},
        {"context": {"aws:x": object()}},
    ],
)
def test_a_request_that_makes_no_sense(arguments):
    with pytest.raises(RequestError) as caught:
        Request(**{"principal": USER, "action": "s3:GetObject", "resource": OBJECT, **arguments})
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "key", ["line\nbreak", "*", "?", "${aws:username}", "\x00", "\ud800", "日本", "a" * 1024, "[a-z", "\\"]
)
def test_keys_are_literal(key):
    resource = f"arn:aws:s3:::b/{key}"
    exact = {"Version": "2008-10-17", "Statement": [allow(resource="arn:aws:s3:::b/other")]}
    assert outcome(USER, "s3:GetObject", resource, identity=Policy.parse(exact)) == "implicit_deny"
    assert outcome(USER, "s3:GetObject", resource, identity=policy(allow(resource="arn:aws:s3:::b/*"))) == "allow"


def test_a_request_can_be_changed_into_another():
    request = Request(USER, "s3:GetObject", OBJECT, HOME, {"aws:SourceVpce": "v"})
    other = replace(request, action="S3:PutObject", context={})
    assert (other.lowered, other.caller, other.context) == ("s3:putobject", request.caller, {})
    assert other != request == replace(other, action="s3:GetObject", context={"aws:SourceVpce": "v"})


def test_wrong_things_in_a_policy_set():
    with pytest.raises(TypeError, match="identity: expected a Policy"):
        PolicySet(identity=[{"Statement": []}])
    with pytest.raises(ValueError, match="endpoint_type"):
        PolicySet(endpoint_type="nat")
    with pytest.raises(ValueError, match="unset_variable"):
        PolicySet(unset_variable="maybe")


def test_caches_stay_bounded():
    policies = PolicySet(identity=policy(allow("s3:*", "arn:aws:s3:::b/*")))
    for index in range(9000):
        decide(Request(USER, f"s3:Get{index}", "arn:aws:s3:::b/x", HOME), policies)
    assert len(policies.plans) <= 8192


def test_messages_are_short_for_long_input():
    with pytest.raises(PolicyError) as caught:
        Policy.parse({"Statement": [allow("x" * 1_000_000)]})
    assert len(str(caught.value)) < 500
