# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's options to a request, and from what became of it to a line for whoever has to act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from ..finding import EdgepathError
from ..job.document import jobs_from
from ..job.saved import read_document
from ..log.window import parse_time
from ..targets import Edge
from .asked import Asked, from_jobs, unique
from .fetching import Options
from .plan import Rule
from .retrieval import Request, Retrieved
from .store import Source

LISTED = ("recordings", "conversations", "keys")
ASKING = ("jobs", "job_path", *LISTED, "since", "until")
POSITIVE = ("concurrency", "idle_seconds", "least_bytes_per_second", "window_seconds", "attempts")
_SHOWN = 5


def moment(params: Mapping[str, Any], name: str) -> datetime | None:
    """An option that is a time; UTC where it names no zone."""
    if params[name] is None:
        return None
    try:
        return datetime.fromtimestamp(parse_time(params[name]), timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise EdgepathError(
            f"{name}: {params[name]!r} is not a time in ISO 8601, such as 2026-11-20T02:00:00Z"
        ) from None


def asked_for(params: Mapping[str, Any]) -> list[Asked]:
    """Everything that the options ask for, each thing once."""
    asked: list[Asked] = []
    if params["jobs"]:
        asked += from_jobs(jobs_from(params["jobs"], "jobs"))
    if params["job_path"] is not None:
        asked += from_jobs(read_document(params["job_path"]))
    for name in LISTED:
        asked += [Asked(name[:-1], value) for value in params[name]]
    since, until = moment(params, "since"), moment(params, "until")
    if since is not None or until is not None:
        asked.append(Asked("prefix", params["prefix"], since=since, until=until))
    if not asked:
        raise EdgepathError(f"nothing is asked for; give one of {', '.join(ASKING)}")
    return unique(asked)


def request_from(params: Mapping[str, Any]) -> Request:
    """The options of edge_recording_retrieve; EdgepathError names the one that cannot be."""
    for name in POSITIVE:
        if not params[name] > 0:
            raise EdgepathError(f"{name} must be more than 0, not {params[name]}")
    if "@" in urlsplit(params["endpoint_url"] or "").netloc:
        # It is written into the plan and the journal.
        raise EdgepathError("endpoint_url holds a user name or a password; give credentials by profile or environment")
    return Request(
        source=Source(
            bucket=params["bucket"],
            region=params["region"],
            endpoint_url=params["endpoint_url"],
            profile=params["aws_profile"],
            role_arn=params["role_arn"],
            connections=params["concurrency"],
            idle_seconds=params["idle_seconds"],
        ),
        asked=asked_for(params),
        destination=params["dest"],
        rule=Rule(params["rule"], moment(params, "as_of"), params["delete_markers"]),
        options=Options(
            **{name: params[name] for name in ("concurrency", "attempts", "window_seconds", "unverifiable")},
            least_bytes_per_second=params["least_bytes_per_second"],
        ),
        **{name: params[name] for name in ("prefix", "metadata", "fetch_incomplete", "replan", "sntp_server")},
    )


def storage_of(edge: Edge) -> dict[str, Any]:
    """What an edge's own variables say of its storage, as options of edge_recording_retrieve."""
    other = edge.storage_url if edge.storage_kind == "s3_compatible" else None
    said = {
        "bucket": edge.bucket,
        "prefix": edge.prefix,
        "region": edge.region,
        "endpoint_url": edge.aws_endpoint_url or other,
        "aws_profile": edge.aws_profile,
    }
    return {name: value for name, value in said.items() if value}


def difference(done: Retrieved) -> dict[str, str]:
    """For --diff: the objects in dest, before and after."""
    lines = {
        item["key"]: f"{item['key']} version {item['version_id']}, {item['size']} bytes\n"
        for item in done.plan["objects"]
    }
    return {
        "before_header": "fetched before",
        "after_header": "fetched",
        "before": "".join(lines[key] for key in sorted(done.before)),
        "after": "".join(lines[key] for key in sorted(done.before | done.added)),
    }


def message(done: Retrieved) -> str:
    """How many are not complete, and why the first of them; what is not there at all comes first."""
    short = [item for item in done.reconciliation["items"] if item["state"] != "verified"]
    short.sort(key=lambda item: (item["state"] != "missing", "not fetched" in item["reason"]))
    reasons = "; ".join(f"{item['asked']} is {item['state']}: {item['reason']}" for item in short[:_SHOWN])
    more = f"; and {len(short) - _SHOWN} more, see reconciliation" if len(short) > _SHOWN else ""
    return f"{len(short)} of {done.reconciliation['asked']} are not complete and verified: {reasons}{more}"
