# SPDX-License-Identifier: GPL-3.0-or-later
"""Part checksums as Amazon S3 sends them, over SeaweedFS, which keeps none of parts.

The bytes, the versions and the composite are SeaweedFS's. GetObjectAttributes, and HeadObject with a part's number, are
answered in the form of the API Reference ("GetObjectAttributes", "HeadObject": response syntax), and read by botocore.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.awsrequest
import pytest
from ansible.module_utils.edge.retrieve.retrieval import Retrieved

from lab.fault_proxy import Fault, FaultProxy
from tests.unit.retrieve.storage import MIB, Storage, content, events, same, session

pytestmark = pytest.mark.xdist_group("retrieve")
KEY = "calls/in-parts.wav"
PART = 5 * MIB
BODY = content(3 * PART + 77, seed=31)
PIECES = [memoryview(BODY)[at : at + PART] for at in range(0, len(BODY), PART)]
SUMS = [base64.b64encode(hashlib.sha256(piece).digest()).decode() for piece in PIECES]
TAG = hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in PIECES)).hexdigest() + f"-{len(PIECES)}"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def attributes(marker: int, at_once: int) -> bytes:
    """One page of the answer, with at most so many parts."""
    numbers = range(marker + 1, min(marker + at_once, len(PIECES)) + 1)
    more = "true" if numbers[-1] < len(PIECES) else "false"
    parts = "".join(
        f"<Part><ChecksumSHA256>{SUMS[number - 1]}</ChecksumSHA256><PartNumber>{number}</PartNumber>"
        f"<Size>{len(PIECES[number - 1])}</Size></Part>"
        for number in numbers
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><GetObjectAttributesOutput xmlns="{NAMESPACE}"><ETag>{TAG}</ETag>'
        f"<ObjectParts><IsTruncated>{more}</IsTruncated><MaxParts>{at_once}</MaxParts>"
        f"<NextPartNumberMarker>{numbers[-1]}</NextPartNumberMarker><PartNumberMarker>{marker}</PartNumberMarker>{parts}"
        f"<PartsCount>{len(PIECES)}</PartsCount></ObjectParts><StorageClass>STANDARD</StorageClass>"
        f"<ObjectSize>{len(BODY)}</ObjectSize></GetObjectAttributesOutput>"
    ).encode()


def like_s3(at_once: int = 1000, allowed: bool = True) -> Callable[[], Any]:
    """Sessions that S3 answers about parts. allowed: whether GetObjectAttributes is."""

    def answered(request: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
        answer = botocore.awsrequest.AWSResponse(request.url, status, headers, None)
        answer._content = body
        return answer

    def on_attributes(request: Any, **_: Any) -> Any:
        if not allowed:
            return answered(request, 403, {}, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
        marker = request.headers.get("x-amz-part-number-marker", "0")
        text = marker.decode() if isinstance(marker, bytes) else str(marker)
        return answered(request, 200, {}, attributes(int(text), at_once))

    def on_head(request: Any, **_: Any) -> Any:
        number = parse_qs(urlsplit(request.url).query).get("partNumber")
        if number is None:
            return None
        piece = int(number[0]) - 1
        headers = {
            "content-length": str(len(PIECES[piece])), "etag": f'"{TAG}"', "x-amz-mp-parts-count": str(len(PIECES)),
            "x-amz-checksum-sha256": SUMS[piece], "x-amz-checksum-type": "COMPOSITE",
        }  # fmt: skip
        return answered(request, 206, headers, b"")

    def make() -> Any:
        made = session()
        made.events.register("before-send.s3.GetObjectAttributes", on_attributes)
        made.events.register("before-send.s3.HeadObject", on_head)
        return made

    return make


@pytest.fixture(autouse=True)
def stored(storage: Storage) -> None:
    storage.put_parts(KEY, BODY, PART, "SHA256")


@pytest.mark.parametrize("ask", [like_s3(), like_s3(at_once=2), like_s3(allowed=False)])
def test_each_part_and_the_whole_are_compared(
    storage: Storage, fetch: Callable[..., Retrieved], dest: Path, ask: Callable[[], Any]
) -> None:
    done = fetch(storage.url, KEY, session=ask)
    assert done.reconciliation["complete"], done.failures
    assert same(dest / "objects" / KEY, BODY)
    (result,) = done.results
    assert [part["stated"] for part in result["parts"]] == [{"SHA256": text} for text in SUMS]
    assert [part["computed"]["SHA256"] for part in result["parts"]] == SUMS
    assert {"what": "parts", "result": "4 of 4 have a checksum of their own, and agree"} in result["verification"]
    assert result["service_checksums"]["agree"] == ["ChecksumSHA256"]


def test_of_a_flipped_bit_its_part_alone_is_fetched_again(
    storage: Storage, fetch: Callable[..., Retrieved], dest: Path
) -> None:
    flip = Fault("flip", after_bytes=PART + 1000, request=f"^GET .*{KEY}", times=1)
    with FaultProxy(storage.host, [flip]) as proxy:
        done = fetch(proxy.url, KEY, session=like_s3(), options={"concurrency": 1})
        assert len(proxy.events("flip")) == 1
    assert done.reconciliation["complete"], done.failures
    assert same(dest / "objects" / KEY, BODY)
    assert [event["part"] for event in events(dest, "part_corrupt")] == [2]
    assert done.results[0]["received"] == len(BODY) + PART


def test_a_part_that_the_storage_itself_has_wrong_leaves_nothing(
    storage: Storage, fetch: Callable[..., Retrieved], dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "SUMS", [SUMS[0], SUMS[0], *SUMS[2:]])
    done = fetch(storage.url, KEY, session=like_s3())
    assert not done.reconciliation["complete"]
    assert "part 2 has the SHA256" in done.failures[KEY]
    assert [path for path in (dest / "objects").rglob("*") if path.is_file()] == []
