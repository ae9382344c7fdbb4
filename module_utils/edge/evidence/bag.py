# SPDX-License-Identifier: GPL-3.0-or-later
"""A bag (BagIt 1.0, RFC 8493): payload in data/, manifests over it, tag manifests over everything about it.

Signature and custody record are tag files too, but stand in no manifest: they come after it and speak of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..finding import EdgepathError

ALGORITHMS = ("sha256", "sha512")
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_CHUNK = 1 << 20
_LINE = re.compile(r"([0-9a-f]+)  ([^\r\n%\\]+)")


@dataclass(frozen=True)
class Sums:
    """Both digests (hex) of a file, and its size."""

    sha256: str
    sha512: str
    size: int

    def of(self, algorithm: str) -> str:
        return self.sha256 if algorithm == "sha256" else self.sha512


def sums(path: str) -> Sums:
    """Hash a file in one pass; OSError where it cannot be read."""
    return _pump(path, None)


def copy(source: str, target: str) -> Sums:
    """Copy a file and hash what was read; the copy is on the disk when this returns, and keeps the time of change."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        found = _pump(source, handle)
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.copystat(source, target)
    os.chmod(target, 0o400)
    return found


def _pump(path: str, target: int | None) -> Sums:
    first, second, size = hashlib.sha256(), hashlib.sha512(), 0
    with open(path, "rb") as stream:
        while True:
            piece = stream.read(_CHUNK)
            if not piece:
                return Sums(first.hexdigest(), second.hexdigest(), size)
            first.update(piece)
            second.update(piece)
            size += len(piece)
            rest = memoryview(piece)
            while target is not None and rest:
                rest = rest[os.write(target, rest) :]


def manifest(files: Mapping[str, Sums], algorithm: str) -> bytes:
    """A manifest, as sha256sum -c reads it too."""
    return "".join(f"{files[path].of(algorithm)}  {path}\n" for path in sorted(files)).encode()


def parse_manifest(raw: bytes, name: str) -> dict[str, str]:
    """path -> digest; EdgepathError where a line is none, a path leaves the bag, or one stands twice."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise EdgepathError(f"{name}: is no plain text") from None
    if text and not text.endswith("\n"):
        raise EdgepathError(f"{name}: the last line is cut short")
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found or not inside(match[2]):
            raise EdgepathError(f"{name}: line {number} is no digest and path of its own")
        found[match[2]] = match[1]
    return found


def inside(path: str) -> bool:
    """Whether a path stays below the bag, in its plainest spelling."""
    return not path.startswith("/") and all(part not in ("", ".", "..") for part in path.split("/"))


def bag_info(fields: Iterable[tuple[str, str]], payload: Mapping[str, Sums]) -> bytes:
    """bag-info.txt; line breaks inside values would begin a new field and become spaces."""
    octets = sum(item.size for item in payload.values())
    lines = [*fields, ("Payload-Oxum", f"{octets}.{len(payload)}")]
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in lines).encode()


def listing(root: str) -> tuple[set[str], list[str]]:
    """(regular files, oddities) below root: links, special files and empty folders have no place in a package."""
    files: set[str] = set()
    odd: list[str] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
        if not entries:
            odd.append(f"{folder or '.'} is an empty folder")
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif entry.is_file(follow_symlinks=False):
                files.add(path)
            else:
                odd.append(f"{path} is no regular file")
    return files, odd


def write(root: str, path: str, data: bytes) -> Sums:
    """Write a new file of the bag and force it to the disk."""
    target = os.path.join(root, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return Sums(hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest(), len(data))
