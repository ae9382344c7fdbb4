# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges as the modules are given them: one table of options, for argument specs, documentation and validation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .finding import EdgepathError
from .payload import Payload
from .profile import defaults, profile_from

# Suboptions of the modules' `edges` list; the inventory variable of each is its name with the prefix edge_.
EDGE_OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "instance_id": {"type": "str"},
    "interface_id": {"type": "str"},
    "region": {"type": "str"},
    "aws_profile": {"type": "str"},
    "audit_role_arn": {"type": "str"},
    "converge_profile": {"type": "str"},
    "converge_role_arn": {"type": "str"},
    "aws_endpoint_url": {"type": "str"},
    "storage_endpoint": {"type": "str"},
    "storage_kind": {"type": "str", "choices": ["aws", "s3_compatible"], "default": "aws"},
    "storage_cidrs": {"type": "list", "elements": "str", "default": []},
    "bucket": {"type": "str"},
    "prefix": {"type": "str", "default": ""},
    "role_arn": {"type": "str"},
    "root": {"type": "str", "default": "/"},
    "dns_names": {"type": "list", "elements": "str", "default": []},
    "dns_port": {"type": "int", "default": 53},
    "export_config_path": {"type": "str"},
    "export_config_format": {"type": "str", "choices": ["yaml", "json", "ini", "properties", "toml"]},
    "export_config_keys": {"type": "dict", "default": {}},
    "export_service": {"type": "str"},
    "recording_storage_path": {"type": "str"},
    "recording_keys": {"type": "list", "elements": "str", "default": []},
    "log_path": {"type": "str"},
    "log_format": {"type": "str"},
    "log_timezone": {"type": "str"},
    "job_path": {"type": "str"},
    "window": {"type": "dict", "default": {}},
    "proxy_config_paths": {"type": "list", "elements": "str", "default": []},
    "service_commands": {"type": "dict", "default": {}},
    "payload": {"type": "dict", "default": {}},
    "profile": {"type": "dict", "default": {}},
}

# Variables with the prefix that speak to the run, not to one edge.
RUN_VARIABLES = (
    "runs_dir", "run_dir", "fail_on", "allow_unknown", "report_formats", "node_visit_timeout",
    "waivers", "waivers_file", "waivers_timezone", "waivers_warn_days",
    "history_url", "history_keep_days", "history_keep_runs", "history_flap_transitions", "history_flap_runs",
    "report_gate", "report_before", "converge_allow", "converge_skip", "converge_serial", "converge_during_transfer",
    "converge_restart", "rollback_run", "rollback_runs", "rollback_only",
    "history_edge", "history_check", "history_limit", "diff_from", "diff_to", "merge_reports", "merge_max_age_hours",
)  # fmt: skip

# All variables that begin so are the run's, or of the node that runs it.
RUN_PREFIXES = ("probe_", "retrieve_", "notify_", "schedule_")

_BUCKET = re.compile(r"^(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_REGION = re.compile(r"^[a-z]{2,5}(-[a-z]+)+-\d+$")
_PREFIX = "edge_"


@dataclass(frozen=True)
class Edge:
    """One edge, validated. Fields are the suboptions of EDGE_OPTIONS; `payload` is parsed, `profile` whole."""

    name: str
    instance_id: str | None = None
    interface_id: str | None = None
    region: str | None = None
    aws_profile: str | None = None
    audit_role_arn: str | None = None
    converge_profile: str | None = None
    converge_role_arn: str | None = None
    aws_endpoint_url: str | None = None
    storage_endpoint: str | None = None
    storage_kind: str = "aws"
    storage_cidrs: tuple[str, ...] = ()
    bucket: str | None = None
    prefix: str = ""
    role_arn: str | None = None
    root: str = "/"
    dns_names: tuple[str, ...] = ()
    dns_port: int = 53
    export_config_path: str | None = None
    export_config_format: str | None = None
    export_config_keys: Mapping[str, str] = field(default_factory=dict)
    export_service: str | None = None
    recording_storage_path: str | None = None
    recording_keys: tuple[str, ...] = ()
    log_path: str | None = None
    log_format: str | None = None
    log_timezone: str | None = None
    job_path: str | None = None
    window: Mapping[str, str] = field(default_factory=dict)
    proxy_config_paths: tuple[str, ...] = ()
    service_commands: Mapping[str, str] = field(default_factory=dict)
    payload: Payload = field(default_factory=Payload)
    profile: Mapping[str, Any] = field(default_factory=defaults)

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Edge:
        """From one element of `edges`; EdgepathError names the edge, the option and the cure."""
        name = data.get("name")
        if not isinstance(name, str) or not name:
            raise EdgepathError("an element of edges has no name")
        values = {key: value for key, value in data.items() if value is not None}
        for key in values:
            if key not in EDGE_OPTIONS:
                raise EdgepathError(_unknown_message(name, key, (*EDGE_OPTIONS, *RUN_VARIABLES)))
        for key, value in list(values.items()):
            values[key] = _typed(name, key, value)
        try:
            values["profile"] = profile_from(values.get("profile"))
            payload = Payload.from_mapping(values.get("payload"))
            values["payload"] = replace(payload, margin=values["profile"]["timeout_margin"])
        except EdgepathError as error:
            raise EdgepathError(f"edge {name}: {error}") from None
        edge = cls(**values)
        edge._check()
        return edge

    def _check(self) -> None:
        if self.region is not None and not _REGION.match(self.region):
            raise EdgepathError(f"edge {self.name}: edge_region {self.region!r} is not a region (such as eu-west-2)")
        if self.bucket is not None and not _BUCKET.match(self.bucket):
            raise EdgepathError(
                f"edge {self.name}: edge_bucket {self.bucket!r} is not a bucket name "
                "(3 to 63 of a-z, 0-9, dot and hyphen; no URL, no path)"
            )
        if not self.root.startswith("/"):
            raise EdgepathError(f"edge {self.name}: edge_root {self.root!r} must be an absolute path")

    def require_complete(self) -> None:
        """Raise EdgepathError where a variable is missing without which the path cannot be judged."""
        if self.bucket is None:
            raise EdgepathError(f"edge {self.name}: edge_bucket is not set; name the bucket of the recordings")
        if self.storage_kind == "aws" and self.region is None:
            raise EdgepathError(f"edge {self.name}: edge_region is not set; name the edge's AWS region")
        if self.storage_kind == "s3_compatible" and self.storage_endpoint is None:
            raise EdgepathError(f"edge {self.name}: edge_storage_endpoint is not set; the storage is not in AWS")

    @property
    def storage_url(self) -> str:
        """The storage endpoint as a URL; by default the region's S3 endpoint."""
        given = self.storage_endpoint or f"s3.{self.region or 'us-east-1'}.amazonaws.com"
        return given if "://" in given else f"https://{given}"

    @property
    def storage_host(self) -> str:
        return urlsplit(self.storage_url).hostname or ""

    @property
    def storage_port(self) -> int:
        parts = urlsplit(self.storage_url)
        return parts.port or (80 if parts.scheme == "http" else 443)


def _unknown_message(edge: str, key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    hint = f"; did you mean {_PREFIX}{close[0]}?" if close else "; see docs/variables.md for the known ones"
    return f"edge {edge}: unknown variable {_PREFIX}{key}{hint}"


def _typed(edge: str, key: str, value: Any) -> Any:
    option = EDGE_OPTIONS[key]
    kind = option["type"]
    label = f"edge {edge}: {_PREFIX}{key}"
    if kind == "str":
        if not isinstance(value, str):
            raise EdgepathError(f"{label} must be text, not {value!r}")
        value = str(value)
    elif kind == "int":
        if isinstance(value, bool) or not str(value).strip().isdigit():
            raise EdgepathError(f"{label} must be a whole number, not {value!r}")
        value = int(value)
    elif kind == "list":
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise EdgepathError(f"{label} must be a list, not {value!r}")
        value = tuple(str(item) for item in value)
    elif kind == "dict":
        if not isinstance(value, Mapping):
            raise EdgepathError(f"{label} must be a mapping, not {value!r}")
        value = dict(value)
    choices = option.get("choices")
    if choices and value not in choices:
        raise EdgepathError(f"{label} must be one of {', '.join(choices)}, not {value!r}")
    return value


def edges_from(data: Iterable[Mapping[str, Any]], complete: bool = False) -> tuple[list[Edge], dict[str, str]]:
    """The valid edges, and the message of each invalid one: a bad edge does not keep the others from being judged.

    complete: whether an edge must have all that the audit of a whole path needs.
    """
    edges: list[Edge] = []
    errors: dict[str, str] = {}
    for number, item in enumerate(data):
        try:
            if "invalid" in item:
                raise EdgepathError(f"edge {item.get('name')}: {item['invalid']}")
            edge = Edge.from_mapping(item)
            if complete:
                edge.require_complete()
            edges.append(edge)
        except EdgepathError as error:
            errors[str(item.get("name") or f"number {number + 1}")] = str(error)
    return edges, errors


def _of_the_run(name: str) -> bool:
    return name in RUN_VARIABLES or name.startswith(RUN_PREFIXES)


def from_variables(host: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """One element of `edges` from the inventory variables of a host: those with the prefix, the prefix taken off."""
    values = {
        key[len(_PREFIX) :]: value
        for key, value in variables.items()
        if key.startswith(_PREFIX) and not _of_the_run(key[len(_PREFIX) :])
    }
    return {**values, "name": host}
