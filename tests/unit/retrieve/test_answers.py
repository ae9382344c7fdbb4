# SPDX-License-Identifier: GPL-3.0-or-later
"""What S3's answers mean, and that no answer to another question is taken."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest
import urllib3.exceptions
from ansible.module_utils.edge.retrieve.answers import classify, kind_of, network_error
from ansible.module_utils.edge.retrieve.errors import FATAL, RETRIED, TransferError
from ansible.module_utils.edge.retrieve.store import Source, Store, _check_answer
from hypothesis import given
from hypothesis import strategies as st

KINDS = [
    ("SlowDown", "503", "throttled"),
    ("", "503", "throttled"),
    ("InternalError", "500", "server"),
    ("", "502", "server"),
    ("", "599", "server"),
    ("RequestTimeout", "400", "server"),
    ("ExpiredToken", "400", "credentials"),
    ("RequestTimeTooSkewed", "403", "skew"),
    ("AccessDenied", "403", "denied"),
    ("Unheard", "403", "denied"),
    ("InvalidObjectState", "403", "archived"),
    ("PreconditionFailed", "412", "changed"),
    ("InvalidRange", "416", "changed"),
    ("NoSuchVersion", "404", "gone"),
    ("MethodNotAllowed", "405", "gone"),
    ("NotImplemented", "501", "protocol"),
    ("Unheard", "400", "protocol"),
    ("", "", "protocol"),
]


@pytest.mark.parametrize(("code", "status", "kind"), KINDS)
def test_error_codes(code: str, status: str, kind: str) -> None:
    assert kind_of(code, status) == kind
    assert kind in RETRIED or kind in FATAL


def client_error(code: str, status: int) -> botocore.exceptions.ClientError:
    answer = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(answer, "GetObject")


def test_messages_say_what_where_and_what_to_do() -> None:
    denied = classify(client_error("AccessDenied", 403), "get_object", "a.wav", None)
    assert str(denied).startswith(
        "cannot read a.wav: get_object: AccessDenied: words (needs s3:GetObjectVersion, and kms:Decrypt"
    )
    skew = classify(client_error("RequestTimeTooSkewed", 403), "head_object", "a.wav", 3600.4)
    assert "this machine's clock is off by -3600 s against the storage's" in str(skew)
    assert "by more than the storage allows" in str(classify(client_error("RequestTimeTooSkewed", 403), "x", "y", None))


ERRORS = [
    (botocore.exceptions.ReadTimeoutError(endpoint_url="u"), "stall"),
    (botocore.exceptions.ConnectionClosedError(endpoint_url="u"), "reset"),
    (botocore.exceptions.EndpointConnectionError(endpoint_url="u"), "unreachable"),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="u"), "unreachable"),
    (botocore.exceptions.SSLError(endpoint_url="u", error="e"), "unreachable"),
    (botocore.exceptions.NoCredentialsError(), "denied"),
    (botocore.exceptions.ProfileNotFound(profile="p"), "denied"),
    (botocore.exceptions.ParamValidationError(report="r"), "protocol"),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_no_answer(error: Exception, kind: str) -> None:
    assert classify(error, "get_object", "a.wav", None).kind == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (urllib3.exceptions.ReadTimeoutError(None, "u", "Read timed out."), "stall"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "stall"),
        (urllib3.exceptions.ProtocolError("Connection broken"), "reset"),
        (ConnectionResetError(104, "reset"), "reset"),
    ],
)
def test_a_body_that_breaks_off(error: Exception, kind: str) -> None:
    assert network_error(error, "a.wav", 20.0).kind == kind


@given(st.text(), st.text())
def test_every_code_has_a_kind(code: str, status: str) -> None:
    assert kind_of(code, status) in {**RETRIED, **FATAL}


GOOD: dict[str, Any] = {"ContentRange": "bytes 5-9/20", "ContentLength": 5, "ETag": '"e"', "VersionId": "v"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, None),
        ({"VersionId": None}, None),
        ({"ContentRange": "bytes 0-9/20"}, "protocol"),
        ({"ContentRange": "bytes 5-8/20"}, "protocol"),
        ({"ContentRange": None, "ContentLength": 20}, "protocol"),
        ({"ContentRange": ""}, "protocol"),
        ({"ETag": '"f"'}, "changed"),
        ({"VersionId": "w"}, "changed"),
    ],
)
def test_an_answer_to_another_question_is_refused(change: dict[str, Any], kind: str | None) -> None:
    answer = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    if kind is None:
        _check_answer(answer, "k", "v", "e", 5, 10)
        return
    with pytest.raises(TransferError) as refused:
        _check_answer(answer, "k", "v", '"e"', 5, 10)
    assert refused.value.kind == kind


def test_the_whole_object_is_an_answer_where_the_whole_was_asked_for() -> None:
    _check_answer({"ContentLength": 10, "ETag": "e"}, "k", "v", "e", 0, 10)


class Pages:
    """GetObjectAttributes and ListObjectVersions in pages, as AWS gives them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def client(self, *_: Any, **__: Any) -> Pages:
        return self

    def get_object_attributes(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(wanted)
        number = wanted.get("PartNumberMarker", 0) + 1
        part = {"PartNumber": number, "Size": 5}
        more = {"IsTruncated": number < 3, "NextPartNumberMarker": number}
        return {"ETag": "e", "ObjectParts": {"TotalPartsCount": 3, "Parts": [part], **more}}


def test_all_pages_of_the_parts_are_read() -> None:
    pages, events = Pages(), []
    store = Store(Source("b"), events.append, lambda: pages)
    answer = store.attributes("k", "v")
    assert [part["PartNumber"] for part in answer["ObjectParts"]["Parts"]] == [1, 2, 3]
    assert [wanted["VersionId"] for wanted in pages.asked] == ["v"] * 3
    assert [event["operation"] for event in events] == ["get_object_attributes"] * 3
    assert store.requests == 3
