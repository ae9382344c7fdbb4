# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer against Amazon's published examples, and against botocore's signer on whatever Hypothesis finds."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from unittest import mock

import pytest
from ansible.module_utils.edge.probe.sigv4 import EMPTY_SHA256, Credentials, encode_path, encode_query, sign
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs
from hypothesis import given
from hypothesis import strategies as st

# Amazon S3 API Reference, "Signature Calculations for the Authorization Header", the examples there.
EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
WHEN = datetime(2013, 5, 24, tzinfo=timezone.utc)
HOST = {"Host": "examplebucket.s3.amazonaws.com"}
PUT = {**HOST, "Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
WELCOME = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "payload", "signature"),
    [
        ("GET", "/test.txt", [], {**HOST, "Range": "bytes=0-9"}, EMPTY_SHA256,
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("PUT", "/test$file.text", [], PUT, WELCOME,
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        ("GET", "/", [("lifecycle", "")], HOST, EMPTY_SHA256,
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/", [("max-keys", "2"), ("prefix", "J")], HOST, EMPTY_SHA256,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_amazons_examples(method, path, query, headers, payload, signature):
    signed = sign(method, path, query, headers, EXAMPLE, "us-east-1", WHEN, payload)
    assert signed["Authorization"].endswith(f"Signature={signature}")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@given(TEXT.filter(lambda key: key.strip("/.") == key), st.dictionaries(TEXT, TEXT, max_size=3), st.booleans())
def test_as_botocore_signs(key, query, with_token):
    token = "TOKEN/with+signs=" if with_token else None
    ours = Credentials(EXAMPLE.access_key_id, EXAMPLE.secret_access_key, token)
    pairs = sorted(query.items())
    url = f"https://b.s3.eu-west-2.amazonaws.com{encode_path('/' + key)}" + (f"?{encode_query(pairs)}" if pairs else "")
    request = AWSRequest("GET", url, headers={"X-Amz-Content-SHA256": EMPTY_SHA256})
    theirs = S3SigV4Auth(Theirs(ours.access_key_id, ours.secret_access_key, token), "s3", "eu-west-2")
    request.context["client_config"] = None
    with mock.patch("botocore.auth.get_current_datetime", lambda: WHEN.replace(tzinfo=None)):
        theirs.add_auth(request)
    signed = sign("GET", "/" + key, pairs, {"Host": "b.s3.eu-west-2.amazonaws.com"}, ours, "eu-west-2", WHEN)
    assert signed["Authorization"] == request.headers["Authorization"]


def test_credentials_do_not_show_themselves():
    secret = Credentials("AKIA1", "very-secret", "a-token", "somewhere")
    assert all(word not in repr(secret) for word in ("AKIA1", "very-secret", "a-token"))
