# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a page of versions."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.module_utils.edge.bucket.sample import FIRST, OLDEST, digest, entries

DAY = datetime(2026, 11, 1, 10, 30, tzinfo=timezone.utc)


def version(key: str, day: int, latest: bool = False, **fields: Any) -> dict[str, Any]:
    created = DAY + timedelta(days=day)
    return {"Key": key, "VersionId": f"{key}-{day}", "LastModified": created, "IsLatest": latest, "Size": 5, **fields}


def marker(key: str, day: int, latest: bool = False) -> dict[str, Any]:
    return {"Key": key, "VersionId": f"{key}-m{day}", "LastModified": DAY + timedelta(days=day), "IsLatest": latest}


LISTING: dict[str, Any] = {
    "IsTruncated": False,
    "Versions": [
        version("a", 3, latest=True),
        version("a", 1),
        version("a", 0),
        version("b", 0),
        version("c", 0, latest=True, StorageClass="GLACIER"),
        version("d", 0, latest=True, StorageClass="GLACIER", RestoreStatus={"RestoreExpiryDate": DAY}),
    ],
    "DeleteMarkers": [marker("a", 2), marker("b", 1, latest=True), marker("e", 0, latest=True)],
}


def test_what_stands_above_each_version() -> None:
    found = {entry["version_id"]: entry for entry in entries(LISTING)}
    assert [entry["version_id"] for entry in found.values() if entry["key"] == "a"] == ["a-3", "a-m2", "a-1", "a-0"]
    assert found["a-3"]["current"] and found["a-3"]["noncurrent_since"] is None
    assert found["a-1"]["noncurrent_since"] == "2026-11-03T10:30:00+00:00"
    # Delete markers are not counted among the newer versions.
    assert [found[name]["newer_noncurrent"] for name in ("a-1", "a-0")] == [0, 1]
    assert found["e-m0"]["only_version"] is True
    assert found["b-m1"]["only_version"] is False


def test_the_digest_counts_and_names() -> None:
    found = digest(LISTING, ["a", "zz"])
    assert (found["versions"], found["markers"], found["keys"], found["truncated"]) == (6, 3, 5, False)
    assert found["storage_classes"] == {"GLACIER": 2, "STANDARD": 4}
    assert [entry["key"] for entry in found["archived"]["first"]] == ["c"]
    assert [entry["key"] for entry in found["hidden"]["first"]] == ["b", "e"]
    assert found["several"] == {"count": 1, "first": [{"key": "a", "versions": 3}]}
    assert found["below"] == {"a": 4, "zz": 0}


def test_an_empty_listing() -> None:
    found = digest({"IsTruncated": False})
    assert (found["versions"], found["oldest"], found["hidden"]["count"]) == (0, [], 0)


def test_the_last_key_of_a_cut_listing_may_have_more() -> None:
    cut = {"IsTruncated": True, "DeleteMarkers": [marker("a", 0, latest=True), marker("b", 0, latest=True)]}
    assert [entry["only_version"] for entry in entries(cut)] == [True, None]


def test_the_digest_of_a_full_page_stays_small() -> None:
    page = {"IsTruncated": True, "Versions": [version(f"k{number:04}", -number, latest=True) for number in range(1000)]}
    found = digest(page)
    assert len(found["oldest"]) == OLDEST
    assert found["oldest"][0]["key"] == "k0999"
    assert len(digest({**page, "Versions": [{**item, "StorageClass": "GLACIER"} for item in page["Versions"]]})
               ["archived"]["first"]) == FIRST  # fmt: skip
