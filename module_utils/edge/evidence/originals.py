# SPDX-License-Identifier: GPL-3.0-or-later
"""The originals of a package: copied from where they were retrieved, and compared with the retrieval's own records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import EdgepathError
from . import bag, names

_NEEDED = ("key", "version_id", "etag", "size", "path", "sha256", "sha512")


def copy(
    records: Sequence[Mapping[str, Any]], files: str, root: str
) -> tuple[dict[str, bag.Sums], list[dict[str, Any]]]:
    """Copy every object into data/ below root; returns the payload's sums and the objects with their new paths.

    A file that is not, byte for byte, the one that was retrieved is an EdgepathError.
    """
    versions = [_version(item) for item in records]
    if not versions or len(set(versions)) != len(versions):
        raise EdgepathError("there are no objects to pack" if not versions else "an object version stands twice")
    paths = names.data_paths(versions)
    payload: dict[str, bag.Sums] = {}
    objects = []
    for item, version in zip(records, versions):
        path = paths[version]
        payload[path] = bag.copy(_source(item, files), os.path.join(root, path))
        _same(item, payload[path])
        objects.append({**item, "path": path, "retrieved_as": str(item["path"])})
    return payload, sorted(objects, key=lambda item: str(item["path"]))


def _version(item: Mapping[str, Any]) -> tuple[str, str]:
    missing = [name for name in _NEEDED if name not in item]
    if missing:
        raise EdgepathError(f"the record of {item.get('key', 'an object')} lacks {', '.join(missing)}")
    return str(item["key"]), str(item["version_id"])


def _source(item: Mapping[str, Any], files: str) -> str:
    base = os.path.realpath(files)
    path = os.path.join(base, str(item["path"]))
    if os.path.islink(path) or os.path.commonpath([base, os.path.realpath(path)]) != base:
        raise EdgepathError(f"{item['key']}: {item['path']} is no file below {files}")
    return path


def _same(item: Mapping[str, Any], found: bag.Sums) -> None:
    for name in ("size", "sha256", "sha512"):
        if item[name] != getattr(found, name):
            raise EdgepathError(
                f"{item['key']}: the file {item['path']} is not the one that was retrieved: its {name} is "
                f"{getattr(found, name)}, the record says {item[name]}"
            )
