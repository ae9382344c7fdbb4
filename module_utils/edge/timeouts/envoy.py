# SPDX-License-Identifier: GPL-3.0-or-later
"""Envoy's static configuration: route, stream and TCP idle timeouts with Envoy's own defaults.

Defaults: Envoy documentation, "How do I configure timeouts?". The route timeout covers the whole response; an idle
timeout of 0 disables it, and so does a route timeout of 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..finding import Bound
from ..settings import SettingsError, line_of, lookup, parse_settings
from .values import ConfigError, Proxy, Setting

ROUTE_TIMEOUT = 15.0
STREAM_IDLE_TIMEOUT = 300.0
TCP_IDLE_TIMEOUT = 3600.0
SOURCE = "Envoy documentation: How do I configure timeouts?"
_MANAGER, _TCP = "HttpConnectionManager", "TcpProxy"
MAX_NODES = 100_000


def parse(text: str, path: str = "envoy.yaml") -> Proxy:
    """The tightest effective timeouts of all listeners. ConfigError where Envoy would not start with it."""
    try:
        tree = parse_settings(text, "json" if path.endswith(".json") else "yaml", path)
    except SettingsError as error:
        raise ConfigError(str(error)) from None
    if tree.get("dynamic_resources"):
        raise ConfigError(f"{path}: dynamic_resources: routes come from a control plane; ask Envoy's /config_dump")
    settings: list[Setting] = []
    reader = _Reader(path, text)
    ports: set[int] = set()
    for node in _walk(tree.get("static_resources"), path):
        type_name = str(node.get("@type", ""))
        if type_name.endswith(_MANAGER):
            settings += reader.manager(node)
        elif type_name.endswith(_TCP):
            settings += reader.tcp(node)
        if "filter_chains" in node:
            port = lookup(node, "address.socket_address.port_value")
            ports |= {port} if isinstance(port, int) else set()
    kinds = {"route timeout": "total", "max_stream_duration": "total", "max_connection_duration": "total"}
    return Proxy(
        "envoy",
        path,
        _bounds(settings, kinds),
        tuple(settings),
        frozenset(ports),
        server_keepalive=_keepalive(tree),
        forwards=bool(settings),
    )


def _bounds(settings: list[Setting], kinds: Mapping[str, str]) -> tuple[Bound, ...]:
    tightest: dict[str, Setting] = {}
    for setting in settings:
        known = tightest.get(setting.name)
        if setting.seconds < math.inf and (known is None or setting.seconds < known.seconds):
            tightest[setting.name] = setting
    return tuple(
        Bound(
            kinds.get(item.name, "idle"), "proxy", item.name, item.origin, item.seconds, source=SOURCE, program="Envoy"
        )
        for item in tightest.values()
    )


class _Reader:
    """Reads the filters of one file. Lines are those of the first key of that name: YAML keeps no more of them."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def manager(self, node: Mapping[str, Any]) -> Iterator[Setting]:
        if "rds" in node:
            raise ConfigError(f"{self.path}: rds: the routes come from a control plane; ask Envoy's /config_dump")
        yield self.value(node, "stream_idle_timeout", STREAM_IDLE_TIMEOUT, "stream_idle_timeout")
        options = node.get("common_http_protocol_options")
        for name in ("max_stream_duration", "max_connection_duration"):
            if isinstance(options, Mapping) and name in options:
                yield self.value(options, name, math.inf, name)
        for virtual_host in _mappings(lookup(node, "route_config.virtual_hosts")):
            for route in _mappings(virtual_host.get("routes")):
                action = route.get("route")
                if isinstance(action, Mapping):
                    yield self.value(action, "timeout", ROUTE_TIMEOUT, "route timeout")
                    if "idle_timeout" in action:
                        yield self.value(action, "idle_timeout", math.inf, "stream_idle_timeout")

    def tcp(self, node: Mapping[str, Any]) -> Iterator[Setting]:
        yield self.value(node, "idle_timeout", TCP_IDLE_TIMEOUT, "tcp idle_timeout")
        if "max_downstream_connection_duration" in node:
            yield self.value(node, "max_downstream_connection_duration", math.inf, "max_connection_duration")

    def value(self, node: Mapping[str, Any], key: str, default: float, name: str) -> Setting:
        if node.get(key) is None:
            return Setting(name, default, "default of Envoy", f"{default:g}s")
        line = line_of(self.text, key)
        origin = f"{self.path}:{line}" if line else self.path
        return Setting(name, seconds(node[key], key, origin), origin, str(node[key])[:60])


def seconds(value: Any, key: str, origin: str) -> float:
    """A protobuf duration in its JSON form, `900s`; math.inf for 0, which disables the timeout."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s", value) if isinstance(value, str) else None
    if match is None:
        raise ConfigError(
            f"{origin}: {key}: {str(value)[:60]!r} is no duration of Envoy's (a number of seconds and s: 900s)"
        )
    return float(match.group(1)) or math.inf


def _keepalive(tree: Mapping[str, Any]) -> bool | None:
    """Whether clusters set SO_KEEPALIVE: all, none, or (None) some."""
    clusters = _mappings(lookup(tree, "static_resources.clusters"))
    answers = {lookup(cluster, "upstream_connection_options.tcp_keepalive") is not None for cluster in clusters}
    return answers.pop() if len(answers) == 1 else (None if answers else False)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _walk(tree: Any, path: str) -> Iterator[Mapping[str, Any]]:
    """Every mapping below, in bounds: a YAML file can alias itself to millions of nodes."""
    stack, visited = [tree], 0
    while stack:
        node = stack.pop()
        visited += 1
        if visited > MAX_NODES:
            raise ConfigError(f"{path}: more than {MAX_NODES} nodes")
        if isinstance(node, Mapping):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
