# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing: every defect is told with its JSON path, and nothing but PolicyError comes out, whatever goes in."""

from __future__ import annotations

import json
import sys
from urllib.parse import quote

import pytest
from ansible.module_utils.edge.iam.engine import Policy, PolicyError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.iam.builders import allow, policy

GOOD = {"Version": "2012-10-17", "Id": "x", "Statement": [allow()]}


def broken(**changes: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{**allow(), **changes}]}


S = "$.Statement[0]"


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ([], "$", "JSON object, not an array"),
        (None, "$", "not null"),
        ("{", "$", "not JSON"),
        ("[1]", "$", "not an array"),
        ('{"Statement": NaN}', "$", "not JSON"),
        (b"\xff", "$", "UTF-8"),
        ({}, "$", "Statement is missing"),
        ({**GOOD, "Version": "2012-10-18"}, "$.Version", "must be one of"),
        ({**GOOD, "Version": ["2012-10-17"]}, "$.Version", "must be one of"),
        ({**GOOD, "version": "2012-10-17"}, "$", "unknown element 'version'"),
        ({**GOOD, 1: "x"}, "$", "an element name is a string"),
        ({**GOOD, "Id": 7}, "$.Id", "expected a string"),
        ({"Statement": "x"}, "$.Statement", "an object or an array"),
        ({"Statement": []}, "$.Statement", "empty"),
        ({"Statement": [None]}, S, "a statement is an object"),
        (broken(Sid=1), f"{S}.Sid", "expected a string"),
        (broken(Effect="allow"), f"{S}.Effect", "Allow or Deny"),
        (broken(Effect=["Allow"]), f"{S}.Effect", "Allow or Deny"),
        (broken(NotAction="s3:*"), S, "Action and NotAction exclude"),
        (broken(NotResource="*"), S, "Resource and NotResource exclude"),
        (broken(Principal="*", NotPrincipal="*"), S, "Principal and NotPrincipal exclude"),
        (broken(Actions="s3:*"), S, "unknown element 'Actions'"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "$.Statement", "Action (or NotAction) is missing"),
        (broken(Action="s?:Get*"), f"{S}.Action", "takes no wildcard"),
        (broken(Action=["s3:Get*", "s*:Get*"]), f"{S}.Action[1]", "takes no wildcard"),
        (broken(Action="*:GetObject"), f"{S}.Action", "takes no wildcard"),
        (broken(Action="GetObject"), f"{S}.Action", "SERVICE:NAME"),
        (broken(Action="s3:"), f"{S}.Action", "name is missing"),
        (broken(Action="s3:Get Object"), f"{S}.Action", "not a service prefix"),
        (broken(Action="s3:${aws:username}"), f"{S}.Action", "not a service prefix"),
        (broken(Action=7), f"{S}.Action", "expected a string, not a number"),
        (broken(Action=[["s3:*"]]), f"{S}.Action[0]", "expected a string, not an array"),
        (broken(Action=None), f"{S}.Action", "expected a string, not null"),
        (broken(Resource="recordings/*"), f"{S}.Resource", "neither * nor an ARN"),
        (broken(Principal="*", Resource="arn:aws:s3:recordings"), f"{S}.Resource", "six segments"),
        (broken(Resource="arn:aws:*:::x"), f"{S}.Resource", "wildcard for its service"),
        (broken(Resource=[]), f"{S}.Resource", "empty"),
        (broken(Principal="arn:aws:iam::111122223333:user/x"), f"{S}.Principal", 'stands in {"AWS"'),
        (broken(Principal={"aws": "*"}), f"{S}.Principal", "unknown element"),
        (broken(Principal={"AWS": "arn:aws:iam::111122223333:user/*"}), f"{S}.Principal.AWS", "no principal"),
        (broken(Principal={"AWS": "arn:aws:iam::111122223333:group/g"}), f"{S}.Principal.AWS", "no principal"),
        (broken(Principal={"AWS": "11112222333"}), f"{S}.Principal.AWS", "no principal"),
        (broken(Principal={"AWS": "arn:aws:sts::111122223333:assumed-role/R/*"}), f"{S}.Principal.AWS", "no principal"),
        (broken(Principal={"Service": "arn:aws:x"}), f"{S}.Principal.Service", "no principal"),
        (broken(Principal=["*"]), f"{S}.Principal", "must be * or an object"),
        (broken(Condition=[]), f"{S}.Condition", "expected an object"),
        (broken(Condition={"StringIs": {"aws:a": "b"}}), f"{S}.Condition", "unknown condition operator 'StringIs'"),
        (broken(Condition={"NullIfExists": {"aws:a": "b"}}), f"{S}.Condition", "unknown condition operator"),
        (broken(Condition={"ForSome:StringLike": {"aws:a": "b"}}), f"{S}.Condition", "unknown condition operator"),
        (broken(Condition={"Bool": "x"}), f"{S}.Condition.Bool", "expected an object"),
        (broken(Condition={"Bool": {"secure": "true"}}), f"{S}.Condition.Bool", "no prefix"),
        (broken(Condition={"Bool": {"aws:x": None}}), f"{S}.Condition.Bool.aws:x", "not null"),
        (broken(Condition={"Bool": {"aws:x": {}}}), f"{S}.Condition.Bool.aws:x", "not an object"),
        (broken(Condition={"Bool": {"aws:x": "yes"}}), f"{S}.Condition.Bool.aws:x", "no boolean"),
        (broken(Condition={"Null": {"aws:x": "yes"}}), f"{S}.Condition.Null.aws:x", "neither true nor false"),
        (broken(Condition={"NumericEquals": {"aws:x": "NaN"}}), f"{S}.Condition.NumericEquals.aws:x", "no number"),
        (broken(Condition={"DateEquals": {"aws:x": "2026-13-01"}}), f"{S}.Condition.DateEquals.aws:x", "no date"),
        (broken(Condition={"IpAddress": {"aws:x": "1.2.3.4/40"}}), f"{S}.Condition.IpAddress.aws:x", "no IP address"),
        (broken(Condition={"ArnLike": {"aws:x": "arn:aws:s3"}}), f"{S}.Condition.ArnLike.aws:x", "no ARN"),
        (
            broken(Condition={"NumericEquals": {"aws:x": 10**5000}}),
            f"{S}.Condition.NumericEquals.aws:x",
            "not a number",
        ),
    ],
)
def test_defects_have_a_path(document, path, words):
    with pytest.raises(PolicyError) as caught:
        Policy.parse(document, "p")
    assert any(defect.path == path and words in defect.message for defect in caught.value.defects), str(caught.value)
    assert "policy p" in str(caught.value)


def test_every_defect_is_listed():
    with pytest.raises(PolicyError) as caught:
        Policy.parse({"Version": "1", "Statement": [broken(Effect="no", Action="x")["Statement"][0], 7]})
    assert [defect.path for defect in caught.value.defects] == [
        "$.Version",
        f"{S}.Effect",
        f"{S}.Action",
        "$.Statement[1]",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [], "Statement": []}',
        '{"Statement": {"Effect": "Allow", "Effect": "Deny", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",'
        ' "Condition": {"Bool": {"aws:a": "true"}, "Bool": {"aws:a": "true"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",'
        ' "Condition": {"Bool": {"aws:a": "true", "aws:a": "false"}}}}',
    ],
)
def test_an_element_given_twice_is_a_defect(text):
    with pytest.raises(PolicyError, match="more than once"):
        Policy.parse(text)


@pytest.mark.parametrize(
    "encode", [lambda text: text, lambda text: text.encode(), quote], ids=["str", "bytes", "quoted"]
)
def test_text_in_every_form(encode):
    assert Policy.parse(encode(json.dumps(GOOD))).statements[0].allows


def test_a_missing_version_is_the_old_one():
    assert Policy.parse({"Statement": allow()}).version == "2008-10-17"


@pytest.mark.parametrize(
    "document",
    [
        {"Statement": []},
        broken(Action=[]),
        broken(Resource=[]),
        broken(Resource="arn:aws:*:::x"),
        broken(Principal={}),
        broken(Condition={"Bool": {"aws:x": "yes"}}),
        broken(Condition={"StringEquals": {"aws:x": []}}),
    ],
)
def test_lenient_turns_what_aws_stores_into_a_warning(document):
    with pytest.raises(PolicyError):
        Policy.parse(document)
    assert Policy.parse(document, lenient=True).warnings


def test_lenient_still_refuses_what_aws_refuses():
    for document in (broken(Action="s?:Get*"), broken(Principal="123456789012"), broken(Effect="allow")):
        with pytest.raises(PolicyError):
            Policy.parse(document, lenient=True)


def test_deeply_nested_text_is_a_defect():
    depth = sys.getrecursionlimit() * 50
    with pytest.raises(PolicyError, match="nested too deeply"):
        Policy.parse('{"Statement":' + "[" * depth + "]" * depth + "}")


def test_a_deeply_nested_object_is_a_defect():
    nest: object = "x"
    for _ in range(100_000):
        nest = [nest]
    for document in ({"Statement": nest}, broken(Action=nest), broken(Condition=nest), broken(Principal={"AWS": nest})):
        with pytest.raises(PolicyError):
            Policy.parse(document)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["*", "Allow", "s3:*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["AWS", "StringEquals", "Bool", "aws:x", "Service", "x"]) | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
ELEMENTS = [
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "Oops"
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(["Version", "Statement", "Id"]), JSON, max_size=3) | JSON)
def test_nothing_but_policy_error_comes_out(document):
    try:
        Policy.parse(document)
    except PolicyError as error:
        assert error.defects


@given(st.lists(st.dictionaries(st.sampled_from(ELEMENTS), JSON), max_size=2), st.booleans())
def test_nothing_but_policy_error_comes_out_of_statements(statements, lenient):
    try:
        parsed = Policy.parse({"Version": "2012-10-17", "Statement": statements}, lenient=lenient)
    except PolicyError as error:
        assert all(defect.path.startswith("$") and defect.message for defect in error.defects)
    else:
        assert len(parsed.statements) == len(statements)


def test_a_policy_keeps_its_name_for_the_reports():
    assert policy(allow(Sid="Read"), name="ExportRole").statements[0].policy == "ExportRole"
