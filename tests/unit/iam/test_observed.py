# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals in the words of AWS (IAM User Guide, "Troubleshoot access denied error messages"), reconciled."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.iam.checks import judge
from ansible.module_utils.edge.iam.judge_observed import reconcile
from ansible.module_utils.edge.iam.observed import Denial, parse_denial, parse_denials
from ansible.module_utils.edge.iam.read_node import denials_of

from tests.unit.iam.edges import (
    ACCOUNT,
    ARN,
    IDENTITY,
    INSTANCE,
    KEY,
    PERIMETER,
    document,
    edge,
    egress,
    facts,
    identity,
    nat,
    without,
)

SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/edge-export/{INSTANCE}"
OBJECT = f"{ARN}/calls/recording"
USER = "arn:aws:iam::777788889999:user/JohnDoe"


def message(action: str, resource: str, reason: str, who: str = SESSION) -> str:
    return f'User: {who} is not authorized to perform: {action} on resource: "{resource}" {reason}'


@pytest.mark.parametrize(
    ("reason", "explicit", "layer"),
    [
        ("because no identity-based policy allows the s3:PutObject action", False, "identity"),
        ("because no resource-based policy allows the s3:PutObject action", False, "resource"),
        ("because no permissions boundary allows the s3:PutObject action", False, "boundary"),
        ("because no session policy allows the s3:PutObject action", False, "session"),
        ("because no service control policy allows the s3:PutObject action", False, "scp"),
        ("because no resource control policy allows the s3:PutObject action", False, "rcp"),
        ("because no VPC endpoint policy allows the s3:PutObject action", False, "endpoint"),
        ("with an explicit deny in an identity-based policy", True, "identity"),
        ("with an explicit deny in a resource-based policy", True, "resource"),
        ("with an explicit deny in a permissions boundary", True, "boundary"),
        ("with an explicit deny in a session policy", True, "session"),
        ("with an explicit deny in a service control policy", True, "scp"),
        ("with an explicit deny in a resource control policy", True, "rcp"),
        ("with an explicit deny in a VPC endpoint policy", True, "endpoint"),
        ("with an explicit deny", True, None),
        ("", None, None),
    ],
)
def test_every_form_of_the_message(reason: str, explicit: Any, layer: Any) -> None:
    found = parse_denial(message("s3:PutObject", OBJECT, reason))
    assert found == Denial(SESSION, "s3:PutObject", OBJECT, None, explicit, layer)


def test_the_policy_is_taken_where_the_message_names_it() -> None:
    policy = "arn:aws:organizations::777788889999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid"
    found = parse_denial(
        message("s3:GetObject", OBJECT, f"with an explicit deny in a service control policy: {policy}")
    )
    assert found is not None and (found.layer, found.policy) == ("scp", policy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the UploadPart operation: "
            f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} because no identity-based "
            "policy allows the kms:Decrypt action",
            Denial(SESSION, "kms:Decrypt", KEY, "UploadPart", False, "identity"),
        ),
        (
            f"User: {SESSION} is not authorized to perform: kms:GenerateDataKey on resource: {KEY} with an explicit "
            "deny in a resource-based policy",
            Denial(SESSION, "kms:GenerateDataKey", KEY, None, True, "key_policy"),
        ),
        (
            f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} because the resource does "
            "not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly "
            "denies access",
            Denial(SESSION, "kms:Decrypt", KEY, None, None, "key_policy"),
        ),
        (
            "An error occurred (403) when calling the HeadObject operation: Forbidden",
            Denial(call="HeadObject"),
        ),
        (
            "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; "
            "Request ID: 7A1B2C3D4E5F6A7B; S3 Extended Request ID: x=)",
            Denial(request_id="7A1B2C3D4E5F6A7B"),
        ),
        ("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", Denial()),
        (f"User: {USER} is not authorized to perform: s3:ListBucket", Denial(USER, "s3:ListBucket")),
        ("SIP/2.0 403 Forbidden", None),
        ("GET /health HTTP/1.1 200", None),
        ("recording 403 exported", None),
        ("", None),
    ],
)
def test_what_sdks_and_logs_make_of_it(text: str, expected: Denial | None) -> None:
    assert parse_denial(text) == expected


def test_a_key_with_blanks_is_taken_whole() -> None:
    found = parse_denial(
        message("s3:GetObject", f"{ARN}/calls/a b, c.wav", "because no identity-based policy allows it")
    )
    assert found is not None and found.resource == f"{ARN}/calls/a b, c.wav"


def test_the_same_refusal_is_one() -> None:
    line = "Access Denied (Service: Amazon S3; Error Code: AccessDenied; Request ID: {})"
    assert len(parse_denials(line.format(f"{number:016X}") for number in range(50))) == 1


@pytest.mark.parametrize("text", ["User: arn: ", "with an explicit deny in a ", '"', "403 ", "when calling the "])
def test_no_more_of_a_line_is_read_than_a_refusal_can_take(text: str) -> None:
    line = message("s3:PutObject", OBJECT, "")
    assert parse_denial(text * 200_000 + line) is None
    found = parse_denial(line + text * 200_000)
    assert found is not None and (found.action, found.resource) == ("s3:PutObject", OBJECT)


# Reconciled.


def one(line: str, held: Any = None, way: Any = None) -> Any:
    (found,) = reconcile(
        edge(), facts() if held is None else held, {"egress": egress() if way is None else way}, [line]
    )
    return found


def test_a_refusal_as_predicted_passes() -> None:
    line = message("s3:PutObject", OBJECT, "because no identity-based policy allows the s3:PutObject action")
    finding = one(line, identity(without(IDENTITY, "s3:PutObject")))
    assert finding.status == "pass" and "as the policies say" in finding.observed


def test_a_refusal_that_the_policies_do_not_show_is_a_finding() -> None:
    line = message("s3:PutObject", OBJECT, "with an explicit deny in a service control policy")
    hidden = Unread("denied", "organizations:ListParents", "o", "AccessDenied")
    finding = one(line, facts(organisation=hidden.to_fact()))
    assert (finding.status, finding.hop) == ("fail", "identity_policy")
    assert "the organisation's policies were not read" in finding.observed


def test_another_layer_than_predicted_is_a_finding() -> None:
    line = message("s3:PutObject", OBJECT, "because no permissions boundary allows the s3:PutObject action")
    finding = one(line, identity(without(IDENTITY, "s3:PutObject")))
    assert finding.status == "fail" and "that layer does not" in finding.observed


def test_where_two_layers_refuse_aws_names_one() -> None:
    line = message("s3:PutObject", OBJECT, "with an explicit deny in a resource-based policy")
    finding = one(line, identity(without(IDENTITY, "s3:PutObject")), nat())
    assert finding.status == "pass"
    implicit = message("s3:PutObject", OBJECT, "because no identity-based policy allows the s3:PutObject action")
    assert one(implicit, identity(without(IDENTITY, "s3:PutObject")), nat()).status == "pass"


def test_a_deny_where_the_layer_only_fails_to_allow_is_a_finding() -> None:
    line = message("s3:PutObject", OBJECT, "with an explicit deny in an identity-based policy")
    assert one(line, identity(without(IDENTITY, "s3:PutObject"))).status == "fail"


def test_a_403_that_is_really_a_404() -> None:
    listing = without(IDENTITY, "s3:ListBucket", "s3:ListBucketVersions")
    line = "An error occurred (403) when calling the HeadObject operation: Forbidden"
    finding = one(line, identity(listing))
    assert finding.status == "fail" and finding.observed.startswith("403 that is really 404")
    assert one(line).observed.startswith("HeadObject answered 403, and by the policies as they were read it is allowed")


def test_a_bare_403_on_a_call_that_the_policies_refuse_is_as_predicted() -> None:
    line = "An error occurred (AccessDenied) when calling the CreateMultipartUpload operation: Access Denied"
    finding = one(line, identity(without(IDENTITY, "kms:GenerateDataKey")))
    assert finding.status == "pass" and "kms:GenerateDataKey is not granted" in finding.observed


def test_somebody_elses_credentials_are_a_finding() -> None:
    line = message("s3:PutObject", OBJECT, "because no identity-based policy allows it", USER)
    assert "does not sign as" in one(line).observed
    other = message(
        "s3:PutObject",
        OBJECT,
        "because no identity-based policy allows it",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/s",
    )
    assert "does not sign as" in one(other).observed


def test_what_is_unknown_stays_unknown() -> None:
    hidden = Unread("denied", "s3:GetBucketPolicy", "b", "AccessDenied", ("s3:GetBucketPolicy",))
    line = message("s3:PutObject", OBJECT, "with an explicit deny in a resource-based policy")
    finding = one(line, facts(bucket_policy=hidden.to_fact()))
    assert (finding.status, finding.permissions) == ("unknown", ("s3:GetBucketPolicy",))


@pytest.mark.parametrize(
    "line", ["Access Denied", "An error occurred (AccessDenied) when calling the PutBucketAcl operation: Access Denied"]
)
def test_a_refusal_of_no_call_of_the_plan_is_open(line: str) -> None:
    assert one(line).status == "unknown"


def test_an_action_outside_the_plan_is_decided_all_the_same() -> None:
    line = message("s3:DeleteObject", OBJECT, "because no identity-based policy allows the s3:DeleteObject action")
    assert one(line).status == "pass"


def test_a_403_may_be_a_404_where_it_is_not_known_whether_the_export_may_list() -> None:
    hidden = Unread("denied", "iam:GetPolicyVersion", "p", "AccessDenied", ("iam:GetPolicyVersion",))
    reading = without(IDENTITY, "s3:ListBucket", "s3:ListBucketVersions")
    held = identity(reading)
    held["principal"]["policies"].append({"name": "hidden", "document": hidden.to_fact()})
    line = "An error occurred (403) when calling the HeadObject operation: Forbidden"
    finding = one(line, held)
    assert finding.status == "unknown" and finding.permissions == ("iam:GetPolicyVersion",)


# From the edge's log.

REFUSED = message("s3:PutObject", OBJECT, "because no session policy allows the s3:PutObject action")


def log(*texts: str, **more: Any) -> dict[str, Any]:
    seen = {"count": len(texts), "samples": [{"text": text} for text in texts]}
    return {"log": {"classes": {"access_denied": seen}}, "journal": None, **more}


GONE = Unread("denied", "read", "/var/log/edge.log", "permission denied").to_fact()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (None, None),
        ({"log": None, "journal": None}, None),
        (log(), []),
        (log(REFUSED, "SIP/2.0 403 Forbidden", "Access Denied"), [REFUSED]),
        (log("<Code>AccessDenied</Code><Message>Access Denied</Message>"),
         ["<Code>AccessDenied</Code><Message>Access Denied</Message>"]),
        ({"log": GONE, "journal": {"classes": {"access_denied": {"samples": [{"text": REFUSED}]}}}}, [REFUSED]),
    ],
)  # fmt: skip
def test_the_lines_that_are_of_the_storage(section: Any, expected: Any) -> None:
    assert denials_of(section) == expected


@pytest.mark.parametrize("section", [GONE, {"log": GONE, "journal": None}, {"log": GONE, "journal": {"classes": {}}}])
def test_a_log_that_was_not_read_leaves_it_open(section: Any) -> None:
    found = denials_of(section)
    assert isinstance(found, Unread) and found.state == "denied"
    (finding,) = [item for item in judge(edge(), facts(denials=found.to_fact()), {"egress": egress()})
                  if item.check == "IAM-24"]  # fmt: skip
    assert finding.status == "unknown"


def test_each_refusal_in_the_log_is_a_finding_of_the_audit() -> None:
    listing = without(IDENTITY, "s3:ListBucket", "s3:ListBucketVersions")
    lines = [REFUSED, "An error occurred (403) when calling the HeadObject operation: Forbidden"]
    found = judge(edge(), {**identity(listing), "denials": lines}, {"egress": egress()})
    told = [item for item in found if item.check == "IAM-24"]
    assert [item.status for item in told] == ["fail", "fail"]
    assert any(item.observed.startswith("403 that is really 404") for item in told)
    assert [item.check for item in found] == sorted(item.check for item in found)


def test_nobody_known_leaves_every_refusal_open() -> None:
    gone = Unread("denied", "iam:GetRole", "r", "AccessDenied", ("iam:GetRole",))
    assert one("Access Denied", facts(principal=gone.to_fact())).status == "unknown"


def test_disagreement_comes_first() -> None:
    lines = [
        message("s3:DeleteObject", OBJECT, "because no identity-based policy allows it"),
        message("s3:PutObject", OBJECT, "with an explicit deny in a session policy"),
    ]
    found = reconcile(edge(), facts(), {"egress": egress()}, lines)
    assert [finding.status for finding in found] == ["fail", "pass"]


def test_the_perimeter_explains_a_refusal_off_the_endpoint() -> None:
    line = message("s3:GetObjectVersion", OBJECT, "with an explicit deny in a resource-based policy")
    assert one(line, facts(bucket_policy=document(PERIMETER)), nat()).status == "pass"
    assert one(line).status == "fail"
