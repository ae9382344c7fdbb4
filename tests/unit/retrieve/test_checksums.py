# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums against published values, and what is compared with what."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from ansible.module_utils.edge.retrieve import checksums
from ansible.module_utils.edge.retrieve.checksums import COMPOSITE, FULL_OBJECT, Expected, comparison, composite, new

CHECK = b"123456789"
# CRC RevEng catalogue: the check values of CRC-32/ISO-HDLC, CRC-32/ISCSI and CRC-64/NVME; FIPS 180-2 for the others.
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(CHECK).hexdigest(),
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
}


@pytest.mark.parametrize(("algorithm", "expected"), KNOWN.items())
def test_known_values_in_any_pieces(algorithm: str, expected: str) -> None:
    assert checksums.computable(algorithm)
    digest = new(algorithm)
    digest.update(memoryview(CHECK)[:4])
    other = digest.copy()
    digest.update(CHECK[4:])
    assert digest.digest().hex() == expected
    other.update(b"x")
    assert other.digest().hex() != expected


def test_a_composite_is_over_the_parts_digests() -> None:
    parts = [hashlib.sha256(text).digest() for text in (b"a", b"b")]
    over = base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode()
    assert composite("SHA256", parts) == f"{over}-2"


# Amazon S3 User Guide, "Tutorial: Upload an object through multipart upload and verify its data integrity", steps 8, 9:
# what S3 itself answered for an object of three parts.
PUBLISHED = {
    "ContentLength": 16106127360,
    "ETag": '"f453c6dccca969c457efdf9b1361e291-3"',
    "ServerSideEncryption": "AES256",
    "ChecksumSHA256": "aI8EoktCdotjU8Bq46DrPCxQCGuGcPIhJ51noWs6hvk=-3",
}
PUBLISHED_SHA256 = [
    base64.b64decode(text)
    for text in (
        "QLl8R4i4+SaJlrl8ZIcutc5TbZtwt2NwB8lTXkd3GH0=",
        "xCdgs1K5Bm4jWETYw/CmGYr+m6O2DcGfpckx5NVokvE=",
        "f5wsfsa5bB+yXuwzqG1Bst91uYneqGD3CCidpb54mAo=",
    )
]
PUBLISHED_MD5 = [
    bytes.fromhex(text)
    for text in (
        "e611693805e812ef37f96c9937605e69",
        "63d2d5da159178785bfd6b6a5c635854",
        "95b87c7db852451bb38b3b44a4e6d310",
    )
]


def test_what_s3_answered_for_an_object_in_parts() -> None:
    (strongest,) = comparison(PUBLISHED, None, 3).expected
    assert (strongest.algorithm, strongest.kind) == ("SHA256", COMPOSITE)
    assert strongest.matches(None, PUBLISHED_SHA256)
    assert not strongest.matches(None, PUBLISHED_SHA256[:2])
    (tag,) = comparison({**PUBLISHED, "ChecksumSHA256": None}, None, 3).expected
    assert (tag.source, tag.kind) == ("ETag", COMPOSITE)
    assert tag.matches(None, PUBLISHED_MD5)
    assert not tag.matches(None, PUBLISHED_MD5[::-1])


PARTS = [hashlib.md5(text).digest() for text in (b"a", b"b")]
OVER = hashlib.md5(b"".join(PARTS)).hexdigest()
TAG = "d41d8cd98f00b204e9800998ecf8427e"
NO_CRT = "this machine cannot compute it"


def head(**members: Any) -> dict[str, Any]:
    return {"ETag": f'"{TAG}"', **members}


def test_expected_values_match_what_they_stand_for() -> None:
    assert Expected("MD5", COMPOSITE, f"{OVER}-2", "ETag").matches(None, PARTS)
    assert not Expected("MD5", COMPOSITE, f"{OVER}-2", "ETag").matches(None, PARTS[::-1])
    assert Expected("MD5", FULL_OBJECT, TAG, "ETag").matches(hashlib.md5(b"").digest(), [])
    assert Expected("CRC32", FULL_OBJECT, "y/Q5Jg==", "ChecksumCRC32").matches(bytes.fromhex("cbf43926"), [])
    assert not Expected("CRC32", FULL_OBJECT, "y/Q5Jg==", "ChecksumCRC32").matches(None, [])


CASES: list[tuple[dict[str, Any], dict[str, Any] | None, int, list[tuple[str, str, str]], str]] = [
    (head(), None, 1, [("MD5", FULL_OBJECT, TAG)], ""),
    (head(ETag=f'"{TAG}-2"'), None, 2, [("MD5", COMPOSITE, f"{TAG}-2")], ""),
    (head(ETag=f'"{TAG}-2"'), None, 0, [], "their borders are not known"),
    (head(ETag=f'"{TAG}-2"'), None, 3, [], "stands for 2 parts"),
    (head(ETag='"made up"'), None, 1, [], "it is no MD5"),
    (head(ServerSideEncryption="aws:kms"), None, 1, [], "no MD5 under aws:kms"),
    (head(ServerSideEncryption="aws:kms:dsse"), None, 1, [], "no MD5 under aws:kms:dsse"),
    (head(SSECustomerAlgorithm="AES256"), None, 1, [], "no MD5 under SSE-C"),
    (head(ServerSideEncryption="AES256"), None, 1, [("MD5", FULL_OBJECT, TAG)], ""),
    (head(ChecksumSHA256="abc="), None, 1, [("SHA256", FULL_OBJECT, "abc=")], "a stronger checksum is compared"),
    (head(ChecksumSHA256="abc=-2", ChecksumType=COMPOSITE), None, 2, [("SHA256", COMPOSITE, "abc=-2")], ""),
    (head(ChecksumSHA256="abc=-2", ChecksumType=COMPOSITE), None, 0, [("MD5", FULL_OBJECT, TAG)], "borders"),
    (head(), {"Checksum": {"ChecksumSHA1": "abc=", "ChecksumType": COMPOSITE}}, 2, [("SHA1", COMPOSITE, "abc=-2")], ""),
    (head(ChecksumCRC64NVME="abc=", ChecksumType=FULL_OBJECT), None, 9, [("CRC64NVME", FULL_OBJECT, "abc=")], ""),
    (head(ChecksumXXHASH64="abc="), None, 1, [("MD5", FULL_OBJECT, TAG)], NO_CRT),
    (head(ChecksumCRC32="a=", ChecksumSHA1="b="), None, 1, [("SHA1", FULL_OBJECT, "b=")], "a stronger"),
]


@pytest.mark.parametrize(("answer", "attributes", "parts", "expected", "left_out"), CASES)
def test_what_is_compared(
    answer: dict[str, Any],
    attributes: dict[str, Any] | None,
    parts: int,
    expected: list[tuple[str, str, str]],
    left_out: str,
) -> None:
    found = comparison(answer, attributes, parts)
    assert [(item.algorithm, item.kind, item.value) for item in found.expected] == expected
    assert left_out in " ".join(why for _, why in found.left_out)


def test_without_awscrt_its_checksums_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "_crt", None)
    found = comparison(head(ChecksumCRC64NVME="abc=", ServerSideEncryption="aws:kms"), None, 1)
    assert found.expected == ()
    assert dict(found.left_out)["ChecksumCRC64NVME"].startswith(NO_CRT)
