# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio report of a package: every recording walked, and reconciled with its metadata and the job."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..audio.decode import deepen
from ..audio.model import Options
from ..audio.reconcile import pauses, reconcile, stated_seconds
from ..audio.walk import walk
from ..finding import EdgepathError
from ..retrieve.keys import belongs, is_metadata

# Metadata of one recording are some kilobytes.
_MAX_METADATA = 16 << 20
# Of a saved document, and of edge_export_job_info.
_JOB_LISTS = ("failedRecordings", "recordings", "failed_recordings")
_JOB_IDS = ("recordingId", "id", "recording")


def listen(
    root: str, objects: Sequence[Mapping[str, Any]], job: Mapping[str, Any] | None, options: Options, decode: bool
) -> dict[str, Any]:
    """{"recordings": [{"key", "path", "walk": ..., "reconciliation": ...}], "statuses": {status: count}, ...}.

    objects: of evidence/objects.json, with `key` and `path` below root.
    """
    recordings = [
        _one(root, item, objects, job, options, decode) for item in objects if not is_metadata(str(item["key"]))
    ]
    statuses = Counter(item["reconciliation"]["status"] for item in recordings)
    return {
        "says": "This report is about the source: whether each recording, as the storage gave it, is whole. "
        "That the copies in data/ equal what the storage gave is shown by the hashes, not here.",
        "recordings": recordings,
        "statuses": dict(sorted(statuses.items())),
    }


def _one(
    root: str,
    item: Mapping[str, Any],
    objects: Iterable[Mapping[str, Any]],
    job: Mapping[str, Any] | None,
    options: Options,
    decode: bool,
) -> dict[str, Any]:
    key, path = str(item["key"]), os.path.join(root, str(item["path"]))
    try:
        with open(path, "rb") as stream:
            report = walk(stream, options)
    except OSError as error:
        raise EdgepathError(f"cannot read {path}: {error.strerror}") from None
    if decode:
        deepen(path, report)
    metadata, problems = _metadata(root, key, objects)
    in_job = of_job(job, key)
    annotations = metadata.get("annotations")
    lawful, unread = pauses(annotations if isinstance(annotations, list) else [])
    stated = {"metadata": stated_seconds(metadata), "job": stated_seconds(in_job)}
    channels = in_job.get("channels", metadata.get("channels"))
    known = channels if isinstance(channels, int) and not isinstance(channels, bool) else None
    return {
        "key": key,
        "path": str(item["path"]),
        "walk": report.to_dict(),
        "reconciliation": reconcile(report, stated, lawful, known),
        "unread": problems + unread,
    }


def _metadata(root: str, key: str, objects: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], list[str]]:
    for other in objects:
        if not belongs(str(other["key"]), key):
            continue
        try:
            with open(os.path.join(root, str(other["path"])), "rb") as stream:
                data = json.loads(stream.read(_MAX_METADATA))
        except (OSError, ValueError, RecursionError) as error:
            return {}, [f"the metadata {other['key']} cannot be read: {error}"]
        return (data, []) if isinstance(data, dict) else ({}, [f"the metadata {other['key']} is no JSON object"])
    return {}, ["there is no metadata file beside this recording"]


def of_job(job: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    """What a job document says about a recording, by the id in its key; {} where it says nothing.

    A document of several jobs has them in the list ``jobs``.
    """
    document = job or {}
    jobs = document.get("jobs")
    for each in [document, *(jobs if isinstance(jobs, list) else [])]:
        for name in _JOB_LISTS:
            listed = each.get(name) if isinstance(each, Mapping) else None
            for entry in listed if isinstance(listed, list) else []:
                if isinstance(entry, Mapping) and _names(entry, key):
                    return dict(entry)
    return {}


def _names(entry: Mapping[str, Any], key: str) -> bool:
    found = (entry.get(name) for name in _JOB_IDS)
    identity = next((value for value in found if value), None)
    if isinstance(identity, Mapping):
        identity = identity.get("id")
    return isinstance(identity, str) and identity in key.rpartition("/")[2]
