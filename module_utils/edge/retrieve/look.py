# SPDX-License-Identifier: GPL-3.0-or-later
"""What the storage says of an object version before a byte of it is fetched: its size, parts and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from . import checksums
from .checksums import Comparison
from .errors import TransferError
from .fetching import Fetcher
from .parts import MAX_PARTS, Part, checksums_of, from_attributes, layout, whole
from .plan import archived

# What a storage that does not have an operation, or does not allow it, answers with.
_NOT_THERE = ("denied", "protocol", "gone")


@dataclass(frozen=True)
class Look:
    """head, attributes: the storage's answers; attributes is empty where they could not be read.  parts: with their
    borders, or one part where those are not known.  compared: what the bytes can be compared with.
    """

    head: Mapping[str, Any]
    attributes: Mapping[str, Any]
    parts: tuple[Part, ...]
    compared: Comparison


def look(fetcher: Fetcher, size: int) -> Look:
    """TransferError where it is not the version of the plan, cannot be read, or must not be fetched unverified."""
    key, version_id, etag = fetcher.pin
    head = fetcher.attempted(lambda: fetcher.store.head(key, version_id, etag))
    if int(head["ContentLength"]) != size or str(head.get("ETag", "")).strip('"') != etag.strip('"'):
        message = f"{key}: the storage has {head['ContentLength']} bytes with the ETag {head.get('ETag')}"
        raise TransferError("changed", f"{message}, the plan says {size} and {etag}")
    why = archived(head.get("StorageClass"), head.get("ArchiveStatus"), head.get("Restore"))
    if why is not None:
        raise TransferError("archived", f"{key}: {why}")
    attributes = _attributes(fetcher)
    parts, known = _layout(fetcher, size, attributes)
    compared = checksums.comparison(head, attributes, len(parts) if known else 0)
    if not compared.expected and fetcher.options.unverifiable == "fail":
        reasons = "; ".join(f"{name}: {why}" for name, why in compared.left_out)
        raise TransferError("unverifiable", f"{key}: the storage has no checksum to compare with ({reasons})")
    return Look(head, attributes, tuple(parts), compared)


def _attributes(fetcher: Fetcher) -> dict[str, Any]:
    key, version_id, _ = fetcher.pin
    try:
        return fetcher.attempted(lambda: fetcher.store.attributes(key, version_id))
    except TransferError as error:
        if error.kind not in _NOT_THERE:
            raise
        fetcher.record({"type": "attributes_unread", "key": key, "kind": error.kind, "message": str(error)})
        return {}


def _layout(fetcher: Fetcher, size: int, attributes: Mapping[str, Any]) -> tuple[list[Part], bool]:
    """The parts, and whether their borders are known. An ETag that ends in -N was made of N parts."""
    _, dash, count = fetcher.pin[2].strip('"').rpartition("-")
    if not dash:
        return whole(size), True
    sizes: Any = from_attributes(attributes)
    try:
        if sizes is None and count.isdigit() and int(count) <= MAX_PARTS:
            sizes = _ask_parts(fetcher, int(count))
        if sizes is not None:
            return layout(size, sizes), True
    except TransferError as error:
        if error.kind not in _NOT_THERE:
            raise
        fetcher.record({"type": "layout_unknown", "key": fetcher.pin[0], "message": str(error)})
    except EdgepathError as error:
        fetcher.record({"type": "layout_unknown", "key": fetcher.pin[0], "message": str(error)})
    return whole(size), False


def _ask_parts(fetcher: Fetcher, count: int) -> list[tuple[int, int, dict[str, str]]]:
    """Each part's size by HeadObject with its number, where GetObjectAttributes did not say."""

    def ask(number: int) -> tuple[int, int, dict[str, str]]:
        answer = fetcher.attempted(lambda: fetcher.store.head(*fetcher.pin, part=number))
        own = {name: value for name, value in checksums_of(answer).items() if "-" not in value}
        return number, int(answer["ContentLength"]), own

    with ThreadPoolExecutor(fetcher.options.concurrency) as pool:
        return list(pool.map(ask, range(1, count + 1)))
