# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksums that S3 keeps of an object and its parts, computed and compared. Pure.

    FULL_OBJECT   over all bytes, whatever the parts: the CRCs
    COMPOSITE     over the parts' own checksums, one after the other, written ``value-N``: SHA1, SHA256, CRC32, CRC32C
    ETag          MD5 of the bytes, or MD5 of the parts' MD5s written ``value-N``; no MD5 at all under SSE-KMS or SSE-C
Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3"; API Reference, "Object", ETag.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .parts import checksums_of

_crt: Any
try:  # CRC32C and CRC64NVME in hardware; the controller has it, an edge need not
    _crt = importlib.import_module("awscrt.checksums")
except ImportError:
    _crt = None

COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"
# The strongest first: where an object has several, the first that can be computed is compared.
ALGORITHMS = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")
_CRC_BYTES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}
_ETAG = re.compile(r"^([0-9a-f]{32})(?:-([1-9][0-9]*))?$")


# What a block on the disk is checked with: chosen for its speed, it guards against a crash, not against forgery.
BLOCK_CHECK: tuple[str, Callable[[Any, int], int]] = ("CRC32", zlib.crc32) if _crt is None else ("CRC32C", _crt.crc32c)


class Digest(Protocol):
    """What hashlib gives: update, digest, copy."""

    def update(self, data: Any, /) -> None: ...
    def digest(self) -> bytes: ...
    def copy(self) -> Any: ...


class Crc:
    """A CRC with the interface of hashlib."""

    def __init__(self, function: Callable[[Any, int], int], size: int, value: int = 0) -> None:
        self._function = function
        self._size = size
        self._value = value

    def update(self, data: Any) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")

    def copy(self) -> Crc:
        return Crc(self._function, self._size, self._value)


def computable(algorithm: str) -> bool:
    """Whether this machine can compute it: CRC32C and CRC64NVME need the library awscrt."""
    if algorithm in ("CRC32C", "CRC64NVME"):
        return _crt is not None and hasattr(_crt, algorithm.lower())
    return algorithm in ("SHA256", "SHA1", "CRC32", "MD5", "SHA512")


def new(algorithm: str) -> Digest:
    """A fresh digest of an algorithm of which computable() is true."""
    if algorithm == "CRC32":
        return Crc(zlib.crc32, _CRC_BYTES[algorithm])
    if algorithm in _CRC_BYTES:
        return Crc(getattr(_crt, algorithm.lower()), _CRC_BYTES[algorithm])
    if algorithm == "MD5":
        return hashlib.md5(usedforsecurity=False)
    if algorithm == "SHA1":
        return hashlib.sha1(usedforsecurity=False)
    return hashlib.new(algorithm.lower())


def encode(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def composite(algorithm: str, digests: Sequence[bytes]) -> str:
    """The checksum over the parts' checksums, as S3 writes it."""
    over = new(algorithm)
    over.update(b"".join(digests))
    return f"{encode(over.digest())}-{len(digests)}"


@dataclass(frozen=True)
class Expected:
    """One value of the storage's that the bytes must agree with.

    algorithm: of ALGORITHMS, or MD5 (the ETag).  kind: COMPOSITE or FULL_OBJECT.  value: base64, or hex for the ETag.
    """

    algorithm: str
    kind: str
    value: str
    source: str

    def matches(self, full: bytes | None, parts: Sequence[bytes]) -> bool:
        """full: the digest over all bytes; parts: those of the parts, in order."""
        return self.value == self.computed(full, parts)

    def computed(self, full: bytes | None, parts: Sequence[bytes]) -> str:
        if self.source == "ETag":
            over = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
            return f"{over}-{len(parts)}" if self.kind == COMPOSITE else (full or b"").hex()
        return composite(self.algorithm, parts) if self.kind == COMPOSITE else encode(full or b"")


@dataclass(frozen=True)
class Comparison:
    """What can be compared with the storage, and what cannot: (name, why)."""

    expected: tuple[Expected, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def comparison(head: Mapping[str, Any], attributes: Mapping[str, Any] | None, parts: int) -> Comparison:
    """From HeadObject (asked with ChecksumMode) and GetObjectAttributes: the strongest checksum, and the ETag where
    there is no other or it costs nothing.

    parts: how many the object has, if their borders are known; 0 where they are not.
    """
    stated = {**checksums_of((attributes or {}).get("Checksum") or {}), **checksums_of(head)}
    kind = head.get("ChecksumType") or ((attributes or {}).get("Checksum") or {}).get("ChecksumType")
    found: list[Expected] = []
    left_out: list[tuple[str, str]] = []
    for algorithm in sorted(stated, key=_rank):
        value = stated[algorithm]
        why = _why_not(algorithm, value, parts)
        if why is None:
            composed = "-" in value if kind is None else kind == COMPOSITE
            found.append(Expected(algorithm, COMPOSITE if composed else FULL_OBJECT, _numbered(value, composed, parts),
                                  f"Checksum{algorithm}"))  # fmt: skip
        else:
            left_out.append((f"Checksum{algorithm}", why))
    tag = str(head.get("ETag", "")).strip('"')
    why = "a stronger checksum is compared" if found else etag_why_not(tag, head, parts)
    if why is None:
        found.append(Expected("MD5", COMPOSITE if "-" in tag else FULL_OBJECT, tag, "ETag"))
    else:
        left_out.append(("ETag", why))
    return Comparison(
        tuple(found[:1]), (*((item.source, "a stronger checksum is compared") for item in found[1:]), *left_out)
    )


def etag_why_not(tag: str, head: Mapping[str, Any], parts: int) -> str | None:
    """Why an ETag says nothing about the bytes; None where it is an MD5, or an MD5 of MD5s with known parts."""
    encryption = str(head.get("ServerSideEncryption") or "")
    if encryption.startswith("aws:kms") or head.get("SSECustomerAlgorithm"):
        return f"it is no MD5 under {encryption or 'SSE-C'}"
    match = _ETAG.match(tag)
    if match is None:
        return "it is no MD5"
    if match.group(2) is not None and int(match.group(2)) != parts:
        return f"it stands for {match.group(2)} parts, and their borders are not known"
    return None


def _rank(algorithm: str) -> int:
    return ALGORITHMS.index(algorithm) if algorithm in ALGORITHMS else len(ALGORITHMS)


def _why_not(algorithm: str, value: str, parts: int) -> str | None:
    if not computable(algorithm) or algorithm not in ALGORITHMS:
        return "this machine cannot compute it; install awscrt for CRC32C and CRC64NVME"
    count = value.rpartition("-")[2] if "-" in value else None
    if count is not None and count != str(parts):
        return f"it stands for {count} parts, and their borders are not known"
    return None


def _numbered(value: str, composed: bool, parts: int) -> str:
    """GetObjectAttributes states a composite without its number of parts."""
    return f"{value}-{parts}" if composed and "-" not in value else value
