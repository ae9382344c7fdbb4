# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits Envoy's static configuration: timeouts of the connection managers, routes and TCP proxies. Pure.

Fields: Envoy documentation, HttpConnectionManager, RouteAction, TcpProxy, Cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...settings import ABSENT, SettingsError, lookup, parse_settings
from ...timeouts.envoy import MAX_NODES
from ..model import Refused
from .keypath import set_path
from .texts import Path

_DURATION = re.compile(r"[0-9]{1,10}s")


def set_timeout(text: str, path: str, name: str, seconds: float, to: str) -> str:
    """The text with every timeout of a name (as timeouts.envoy calls it) that is shorter raised; absent ones, whose
    default cuts, are written. seconds: the time that is needed; to: the value."""
    if not _DURATION.fullmatch(to):
        raise Refused(f"{path}: {name} {to} is no duration of Envoy's")
    # A longest duration of 0 is not documented to be none.
    written = f"{int(seconds)}s" if name.startswith("max_") else to
    format_ = "json" if path.endswith(".json") else "yaml"
    found = list(_places(_tree(text, format_, path), name))
    if not found:
        raise Refused(f"{path}: holds nothing that {name} belongs to; audit again")
    for keys, value in found:
        if _too_short(value, seconds):
            text = set_path(text, format_, path, keys, written)
    return text


def set_keepalive(text: str, path: str) -> str:
    """The text with TCP keepalive towards the servers of every cluster that says nothing of it."""
    format_ = "json" if path.endswith(".json") else "yaml"
    tree = _tree(text, format_, path)
    for at, cluster in enumerate(lookup(tree, "static_resources.clusters") or []):
        options = cluster.get("upstream_connection_options") if isinstance(cluster, Mapping) else None
        if isinstance(options, Mapping) and "tcp_keepalive" in options:
            continue
        keys: Path = ("static_resources", "clusters", at, "upstream_connection_options")
        value: Any = {"tcp_keepalive": {}}
        if isinstance(options, Mapping):
            keys, value = (*keys, "tcp_keepalive"), {}
        text = set_path(text, format_, path, keys, value)
    return text


def _tree(text: str, format_: str, path: str) -> dict[str, Any]:
    try:
        return parse_settings(text, format_, path)
    except SettingsError as error:
        raise Refused(f"{error}; it is not edited") from None


def _too_short(value: Any, seconds: float) -> bool:
    if value is ABSENT or value is None:
        return True
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s", str(value))
    return match is not None and 0 < float(match.group(1)) < seconds


def _places(tree: Any, name: str) -> Iterator[tuple[Path, Any]]:
    for keys, node in _walk(tree.get("static_resources")):
        type_name = str(node.get("@type", ""))
        at: Path = ("static_resources", *keys)
        if type_name.endswith("HttpConnectionManager"):
            yield from _of_manager(node, at, name)
        elif type_name.endswith("TcpProxy"):
            yield from _of_tcp(node, at, name)


def _of_manager(node: Mapping[str, Any], at: Path, name: str) -> Iterator[tuple[Path, Any]]:
    if name == "stream_idle_timeout":
        yield (*at, name), node.get(name, ABSENT)
    options = node.get("common_http_protocol_options")
    if isinstance(options, Mapping) and name in options:
        yield (*at, "common_http_protocol_options", name), options[name]
    for host_at, host in enumerate(lookup(node, "route_config.virtual_hosts") or []):
        for route_at, route in enumerate(host.get("routes") or []):
            action = route.get("route")
            keys: Path = (*at, "route_config", "virtual_hosts", host_at, "routes", route_at, "route")
            if isinstance(action, Mapping) and name == "route timeout":
                yield (*keys, "timeout"), action.get("timeout", ABSENT)
            if isinstance(action, Mapping) and name == "stream_idle_timeout" and "idle_timeout" in action:
                yield (*keys, "idle_timeout"), action["idle_timeout"]


def _of_tcp(node: Mapping[str, Any], at: Path, name: str) -> Iterator[tuple[Path, Any]]:
    if name == "tcp idle_timeout":
        yield (*at, "idle_timeout"), node.get("idle_timeout", ABSENT)
    if name == "max_connection_duration" and "max_downstream_connection_duration" in node:
        yield (*at, "max_downstream_connection_duration"), node["max_downstream_connection_duration"]


def _walk(tree: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    stack: list[tuple[Path, Any]] = [((), tree)]
    for _ in range(MAX_NODES):
        if not stack:
            return
        keys, node = stack.pop()
        if isinstance(node, Mapping):
            yield keys, node
            stack.extend(((*keys, str(key)), child) for key, child in node.items())
        elif isinstance(node, list):
            stack.extend(((*keys, at), child) for at, child in enumerate(node))
