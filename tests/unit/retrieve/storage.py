# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of retrieval put into the storage, and how they look at what was retrieved."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.config

MIB = 1 << 20
BUCKET = "recordings"
KEYS = {
    name: {"access_key_id": f"{name}-key", "secret_access_key": f"{name}-secret"} for name in ("operator", "auditor")
}


def content(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


@dataclass
class Storage:
    """The running storage. host: as the fault proxy wants it."""

    url: str

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    @property
    def s3(self) -> Any:
        return session().client(
            "s3", endpoint_url=self.url, config=botocore.config.Config(s3={"addressing_style": "path"})
        )

    def put(self, key: str, body: bytes, bucket: str = BUCKET, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return answer

    def put_parts(
        self, key: str, body: bytes, part: int, algorithm: str | None = None, kind: str | None = None
    ) -> None:
        """Upload in parts of this size, with the storage's checksum of this algorithm and kind."""
        s3 = self.s3
        how = {} if algorithm is None else {"ChecksumAlgorithm": algorithm}
        more = {} if kind is None else {"ChecksumType": kind}
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key, **how, **more)["UploadId"]
        named = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
        parts = []
        for number, at in enumerate(range(0, len(body), part), start=1):
            answer = s3.upload_part(**named, PartNumber=number, Body=body[at : at + part], **how)
            kept = {
                name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"
            }
            parts.append({"PartNumber": number, "ETag": answer["ETag"], **(kept if algorithm else {})})
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


def session(token: str | None = None) -> Any:
    keys = KEYS["operator"]
    return boto3.session.Session(keys["access_key_id"], keys["secret_access_key"], token, region_name="eu-west-2")


def events(dest: Path, kind: str) -> list[dict[str, Any]]:
    """The journal's events of one type."""
    lines = (dest / "journal.jsonl").read_text().splitlines()
    return [event for event in (json.loads(line)["event"] for line in lines) if event["type"] == kind]


def same(path: Path, body: bytes) -> bool:
    return hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(body).digest()
