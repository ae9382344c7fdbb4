# SPDX-License-Identifier: GPL-3.0-or-later
"""One bucket through boto3: every request once, pinned to a version and an ETag, and written down.

Retries are the engine's, where they are counted and recorded; botocore's own are switched off. record() takes one
event for each request, when it is over: {"type": "request", "operation", "key", "version_id", "range", "status",
"request_id", "host_id", "clock_offset_seconds", "asked": time, "bytes": of a body, "outcome": "complete" or why not}
or, where it was refused or not answered, {"type": "request_failed", ..., "kind", "message"}.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ..aws import CONNECT_TIMEOUT, require_boto3
from ..evidence.clock import Dates
from ..finding import EdgepathError
from .answers import answered, classify, network_error
from .errors import TransferError
from .plan import Entry
from .watchdog import IDLE_SECONDS

with contextlib.suppress(ImportError):  # reported by require_boto3
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.parsers
    import urllib3.exceptions

Record = Callable[[Mapping[str, Any]], Any]
_ATTRIBUTES = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
_READ_BYTES = 1 << 19


@dataclass(frozen=True)
class Source:
    """The bucket, and who reads it. endpoint_url: of S3-compatible storage; None is AWS."""

    bucket: str
    region: str = "us-east-1"
    endpoint_url: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    connections: int = 4
    idle_seconds: float = IDLE_SECONDS


class Store:
    """Thread-safe. Every method makes one attempt and raises TransferError."""

    def __init__(self, source: Source, record: Record, session: Callable[[], Any] | None = None) -> None:
        require_boto3()
        self.source = source
        self.dates = Dates()
        self.requests = 0
        self._record = record
        self._session = session or (lambda: _session(source))
        self._lock = threading.Lock()
        self._client: Any = None
        self.generation = 0

    def caller(self) -> dict[str, Any]:
        """Who makes the requests, as STS says: {"Account", "Arn", "UserId"}; {} where the storage has no STS."""
        if self.source.endpoint_url is not None:
            return {}
        try:
            client = self._session().client("sts", region_name=self.source.region, config=_config(self.source))
            answer = client.get_caller_identity()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise classify(error, "sts:GetCallerIdentity", self.source.bucket, None) from None
        return {name: answer[name] for name in ("Account", "Arn", "UserId")}

    def renew(self, generation: int) -> None:
        """Read the credentials anew, unless another thread has done so since this generation."""
        with self._lock:
            if generation == self.generation:
                self._client = None
                self.generation += 1
                self._record({"type": "credentials_renewed", "generation": self.generation})

    def entries(self, prefix: str) -> Iterator[Entry]:
        """All versions and delete markers below a prefix."""
        more: dict[str, Any] = {}
        while True:
            page = self._call("list_object_versions", {"Prefix": prefix, **more}, f"the versions below {prefix!r}")
            for marker, name in ((False, "Versions"), (True, "DeleteMarkers")):
                for item in page.get(name, []):
                    yield _entry(item, marker)
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page.get("NextKeyMarker", ""), "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def head(self, key: str, version_id: str, etag: str | None = None, part: int | None = None) -> dict[str, Any]:
        """HeadObject with the storage's checksums."""
        more: dict[str, Any] = {} if part is None else {"PartNumber": part}
        pinned = {**_pinned(key, version_id, etag), "ChecksumMode": "ENABLED", **more}
        return self._call("head_object", pinned, key)

    def attributes(self, key: str, version_id: str) -> dict[str, Any]:
        """GetObjectAttributes, all pages of its parts."""
        answer: dict[str, Any] = {}
        parts: list[Any] = []
        marker: dict[str, Any] = {}
        while True:
            wanted = {"Key": key, **_version(version_id), "ObjectAttributes": _ATTRIBUTES, **marker}
            page = self._call("get_object_attributes", wanted, key)
            answer = answer or page
            listed = page.get("ObjectParts") or {}
            parts += listed.get("Parts") or []
            if not listed.get("IsTruncated"):
                break
            marker = {"PartNumberMarker": int(listed["NextPartNumberMarker"])}
        if parts:
            answer["ObjectParts"] = {**answer["ObjectParts"], "Parts": parts, "IsTruncated": False}
        return answer

    @contextmanager
    def open(self, key: str, version_id: str, etag: str, start: int, end: int) -> Iterator[Callable[[], bytes]]:
        """A ranged GET of exactly this version and ETag: a function that returns what has come, b"" at the end.

        Leaving before the end drops the connection; an answer to another range or of another object is refused.
        """
        wanted = {**_pinned(key, version_id, etag), "Range": f"bytes={start}-{end - 1}"}
        answer, note = self._ask("get_object", wanted, key, {"range": [start, end]})
        received, outcome = 0, "left"
        try:
            with answer["Body"] as raw:
                _check_answer(answer, key, version_id, etag, start, end)
                read = getattr(raw, "read1", None) or raw.read  # urllib3 before 2.1 fills what it is asked for
                size = _READ_BYTES if hasattr(raw, "read1") else 8192

                def receive() -> bytes:
                    nonlocal received
                    try:
                        data = bytes(read(size))
                    except (urllib3.exceptions.HTTPError, OSError) as error:
                        raise network_error(error, key, self.source.idle_seconds) from None
                    received += len(data)
                    return data

                yield receive
            outcome = "complete" if received == end - start else outcome
        except TransferError as error:
            outcome = error.kind
            raise
        finally:
            self._record({**note, "bytes": received, "outcome": outcome})

    def _call(self, operation: str, wanted: Mapping[str, Any], what: str) -> dict[str, Any]:
        answer, note = self._ask(operation, wanted, what, {})
        self._record(note)
        return answer

    def _ask(
        self, operation: str, wanted: Mapping[str, Any], what: str, more: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer, and what is to be recorded of it."""
        asked = datetime.now(timezone.utc)
        note = {"type": "request", "operation": operation, **_noted(wanted), **more, "asked": asked.isoformat()}
        client = self._current()
        try:
            answer: dict[str, Any] = getattr(client, operation)(Bucket=self.source.bucket, **wanted)
        except (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            botocore.parsers.ResponseParserError,
        ) as error:
            metadata = (getattr(error, "response", None) or {}).get("ResponseMetadata", {})
            offset = self._offset(metadata, asked)
            failure = classify(error, operation, what, offset)
            failed = {"type": "request_failed", "kind": failure.kind, "message": str(failure)}
            self._record({**note, **failed, **answered(metadata, offset)})
            raise failure from None
        metadata = answer.pop("ResponseMetadata", {})
        return answer, {**note, **answered(metadata, self._offset(metadata, asked))}

    def _current(self) -> Any:
        with self._lock:
            self.requests += 1
            if self._client is None:
                self._client = self._open()
            return self._client

    def _offset(self, metadata: Mapping[str, Any], asked: datetime) -> float | None:
        """Seconds by which the storage's clock is ahead of this machine's; its header counts whole seconds."""
        text = metadata.get("HTTPHeaders", {}).get("date")
        now = datetime.now(timezone.utc)
        try:
            served = parsedate_to_datetime(text) if text else None
        except (TypeError, ValueError):
            served = None
        if served is None:
            return None
        with self._lock:
            self.dates.add(text, asked.timestamp(), now.timestamp(), self.source.bucket)
        return round((served - asked - (now - asked) / 2).total_seconds() + 0.5, 1)

    def _open(self) -> Any:
        try:
            return self._session().client(
                "s3",
                region_name=self.source.region,
                endpoint_url=self.source.endpoint_url,
                config=_config(self.source),
            )
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise classify(error, "credentials", self.source.bucket, None) from None


def _check_answer(answer: Mapping[str, Any], key: str, version_id: str, etag: str, start: int, end: int) -> None:
    """The storage, or something before it, may ignore what it was asked: never mix two objects in one file."""
    span = str(answer.get("ContentRange", "")).partition("/")[0]
    whole = not span and start == 0 and answer.get("ContentLength") == end
    if span != f"bytes {start}-{end - 1}" and not whole:
        raise TransferError("protocol", f"{key}: asked for bytes {start}-{end - 1}, the answer is for {span or 'all'}")
    if str(answer.get("ETag", "")).strip('"') != etag.strip('"'):
        raise TransferError("changed", f"{key}: the answer has the ETag {answer.get('ETag')}, the plan says {etag}")
    given = answer.get("VersionId")
    if given is not None and given != version_id:
        raise TransferError("changed", f"{key}: the answer is version {given}, the plan says {version_id}")


def _pinned(key: str, version_id: str, etag: str | None) -> dict[str, Any]:
    return {"Key": key, **_version(version_id), **({"IfMatch": etag} if etag else {})}


def _version(version_id: str) -> dict[str, Any]:
    return {"VersionId": version_id} if version_id else {}


def _noted(wanted: Mapping[str, Any]) -> dict[str, Any]:
    names = {"Key": "key", "VersionId": "version_id", "Prefix": "prefix", "PartNumber": "part"}
    return {name: wanted[member] for member, name in names.items() if member in wanted}


def _entry(item: Mapping[str, Any], marker: bool) -> Entry:
    return Entry(
        key=item["Key"],
        version_id=item.get("VersionId") or "null",
        last_modified=item["LastModified"].astimezone(timezone.utc),
        size=int(item.get("Size", 0)),
        etag=str(item.get("ETag", "")),
        storage_class=item.get("StorageClass", "STANDARD"),
        is_latest=bool(item.get("IsLatest")),
        marker=marker,
    )


def _config(source: Source) -> Any:
    return botocore.config.Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=source.idle_seconds,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=source.connections + 2,
        user_agent_extra="edgepath",
        # The engine compares checksums itself, over what has reached the disk.
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if source.endpoint_url else {},
    )


def _session(source: Source) -> Any:
    """A session with the credentials as they are now: a profile's file or an assumed role is read anew each time."""
    base = boto3.session.Session(profile_name=source.profile, region_name=source.region)
    if source.role_arn is None:
        return base
    sts = base.client("sts", config=_config(source))
    try:
        given = sts.assume_role(RoleArn=source.role_arn, RoleSessionName="edgepath-retrieve")["Credentials"]
    except KeyError:
        raise EdgepathError(f"sts:AssumeRole of {source.role_arn}: the answer holds no credentials") from None
    return boto3.session.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=source.region,
    )
