# SPDX-License-Identifier: GPL-3.0-or-later
"""File names inside a package: a recording's key as a path that every tool reads alike. Pure.

BagIt percent-encodes some letters in manifests and sha256sum escapes others; a name of plain letters needs neither, so
that both check the same line.  The key itself stands in evidence/objects.json.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^A-Za-z0-9._=+@-]")
# Linux allows 255 bytes a component; the mark of a changed name and other tools' suffixes want some of it.
_LONGEST = 200


def data_paths(versions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(key, version) -> path below the bag, ``data/...``. Distinct ones get distinct paths, also where case is ignored.

    A name that had to be changed, or that another one has already, ends in ``~`` and eight hex digits.
    """
    plain = {version: "/".join(["data", *map(_component, version[0].split("/"))]) for version in sorted(set(versions))}
    taken = {folder for path in plain.values() for folder in _folders(path.lower())}
    found = {}
    for version, path in plain.items():
        if path != f"data/{version[0]}" or path.lower() in taken:
            path = f"{path}~{_mark(version)}"  # noqa: PLW2901
        found[version] = path
        taken.add(path.lower())
    return found


def _mark(version: tuple[str, str]) -> str:
    return hashlib.sha256("\0".join(version).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _component(part: str) -> str:
    safe = _UNSAFE.sub("_", part)[:_LONGEST]
    return safe if safe.strip(".") else "_" * max(1, len(safe))


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
