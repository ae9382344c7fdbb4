# SPDX-License-Identifier: GPL-3.0-or-later
"""What an S3 answer, or the lack of one, means for a transfer.

Source: Amazon S3 API Reference, "Error responses"; botocore.exceptions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from .errors import TransferError

with contextlib.suppress(ImportError):  # reported by require_boto3
    import botocore.exceptions

# Error codes, and HTTP statuses where an answer has no code.
_KINDS: dict[str, set[str]] = {
    "credentials": {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"},
    "skew": {"RequestTimeTooSkewed"},
    "archived": {"InvalidObjectState"},
    "changed": {"PreconditionFailed", "412", "InvalidRange", "416"},
    "gone": {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404", "NotFound", "MethodNotAllowed", "405"},
    "denied": {
        "AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled",
        "InvalidToken", "InvalidClientTokenId", "UnauthorizedAccess", "KMS.DisabledException", "401", "AccountProblem",
    },
    "throttled": {
        "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "429",
        "BandwidthLimitExceeded", "ServiceUnavailable", "503", "KMS.ThrottlingException",
    },
    "protocol": {"NotImplemented", "501"},
    "server": {"InternalError", "RequestTimeout", "500", "502", "504", "OperationAborted"},
}  # fmt: skip
_CURES = {
    "credentials": "renew the credentials",
    "changed": "another object is there now; make a new plan",
    "gone": "look for it among the versions and make a new plan",
    "archived": "restore it first (s3:RestoreObject)",
}
# What each call needs (Amazon S3 API Reference, the permissions of each); a key of AWS KMS has its own.
_PERMISSIONS = {
    "list_object_versions": "s3:ListBucketVersions",
    "head_object": "s3:GetObjectVersion",
    "get_object": "s3:GetObjectVersion, and kms:Decrypt where a key encrypts it",
    "get_object_attributes": "s3:GetObjectVersionAttributes and s3:GetObjectAttributes",
}
_MESSAGE_LIMIT = 300


def classify(error: Any, operation: str, what: str, offset: float | None) -> TransferError:
    """From a botocore exception. offset: seconds by which the storage's clock is ahead, where it is known."""
    if isinstance(error, botocore.exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        kind = kind_of(code, status)
        text = f"{code or status}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
        if kind == "skew":
            ahead = (
                "by more than the storage allows" if offset is None else f"by {-offset:+.0f} s against the storage's"
            )
            return TransferError(kind, f"cannot read {what}: this machine's clock is off {ahead}; set it and run again")
        cure = f"; {_CURES[kind]}" if kind in _CURES else ""
        if kind == "denied" and operation in _PERMISSIONS:
            cure = f" (needs {_PERMISSIONS[operation]})"
        return TransferError(kind, f"cannot read {what}: {operation}: {_short(text)}{cure}")
    kind = _without_answer(error)
    return TransferError(kind, f"cannot read {what}: {operation}: {_short(str(error))}")


def kind_of(code: str, status: str) -> str:
    """The kind of failure; an error code that is not known is judged by its HTTP status."""
    for word in (code, status):
        for kind, words in _KINDS.items():
            if word in words:
                return kind
    if status.startswith("5"):
        return "server"
    return "denied" if status == "403" else "protocol"


def network_error(error: BaseException, what: str, idle: float) -> TransferError:
    """From what urllib3 or the socket raises while a body is read."""
    if "timed out" in str(error).lower() or "timeout" in type(error).__name__.lower():
        return TransferError("stall", f"{what}: nothing came for {idle:g} s")
    return TransferError("reset", f"{what}: the connection broke: {_short(str(error))}")


def answered(metadata: Mapping[str, Any], offset: float | None) -> dict[str, Any]:
    """What a journal keeps of an answer."""
    kept = {
        "status": metadata.get("HTTPStatusCode"),
        "request_id": metadata.get("RequestId"),
        "host_id": metadata.get("HostId"),
        "clock_offset_seconds": offset,
    }
    return {name: value for name, value in kept.items() if value not in (None, "")}


def _without_answer(error: Any) -> str:
    exceptions = botocore.exceptions
    if isinstance(error, exceptions.ReadTimeoutError):
        return "stall"
    if isinstance(error, exceptions.ConnectionClosedError):
        return "reset"
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return "unreachable"
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError,
                          exceptions.CredentialRetrievalError, exceptions.ProfileNotFound)):  # fmt: skip
        return "denied"
    return "protocol"


def _short(text: str) -> str:
    return " ".join(text.split())[:_MESSAGE_LIMIT]
