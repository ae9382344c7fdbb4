# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxies the export goes through: those that it is told to use, and the configurations that belong to them.

A proxy that is merely installed is not on the path.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..finding import Unread, unread
from ..redaction.shapes import REDACTED
from ..settings import lookup
from ..targets import Edge
from . import envoy, haproxy, nginx, squid
from .export_side import Document, Found, Service
from .unread_parts import first_unread
from .values import ConfigError, Proxy

KINDS = {"squid": "TIMEOUTS-04", "nginx": "TIMEOUTS-05", "haproxy": "TIMEOUTS-06", "envoy": "TIMEOUTS-07"}
_SETTINGS = ("proxy", "https_proxy", "proxy_url", "http_proxy")
_DIRECT = ("", "none", "direct", "false", "off", "no", "null")


@dataclass(frozen=True)
class Told:
    """A proxy that the export is told to use. url: without credentials. host, port: None where it names no port."""

    host: str
    port: int | None
    origin: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


@dataclass
class Use:
    """told: where the export is sent; gaps: what could not be read, so that it may be sent elsewhere as well."""

    told: list[Told] = field(default_factory=list)
    gaps: list[Unread] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What later steps read: {"told": [{"url", "origin"}], "gaps": [why it may be sent elsewhere]}."""
        return {
            "told": [{"url": f"http://{_bracketed(told)}", "origin": told.origin} for told in self.told],
            "gaps": [gap.message for gap in self.gaps],
        }


def _bracketed(told: Told) -> str:
    return str(told) if ":" not in told.host else f"[{told.host}]:{told.port}" if told.port else f"[{told.host}]"


@dataclass(frozen=True)
class Placed:
    """A configuration and whether the export goes through it: True, False, or None (not certain; because says why)."""

    kind: str | None
    path: str
    proxy: Proxy | None
    on_path: bool | None
    explicit: bool
    because: Unread | None = None
    problem: Unread | None = None


def use(edge: Edge, export: Document, storage: Document, service: Any) -> Use:
    """From the export's configuration, the recording-storage settings and the service's environment."""
    result = Use()
    for document, mapped in ((export, edge.export_config_keys.get("proxy")), (storage, None)):
        if document.problem is not None:
            result.gaps.append(document.problem)
        elif document.named:
            _from_document(edge, document, mapped, result)
    if service is None:
        message = "edge_export_service is not set, so the environment of the export, and a proxy in it, are not known"
        result.gaps.append(Unread("not_collected", "systemctl show", edge.name, message))
    elif isinstance(service, Unread):
        result.gaps.append(service)
    else:
        result.gaps += service.gaps
        _from_environment(edge, service, result)
    return result


def _from_document(edge: Edge, document: Document, mapped: str | None, result: Use) -> None:
    for name in _SETTINGS:
        found = document.find(name, mapped if name == "proxy" else None)
        if isinstance(found, Unread):
            result.gaps.append(found)
        elif found is not None and not _bypassed(edge, str(lookup(document.tree, "no_proxy", ""))):
            _add(result, _url(found), found.origin)
            return


def _url(found: Found) -> str:
    value = found.value
    if not isinstance(value, Mapping):
        return str(value)
    if str(value.get("enabled", True)).lower() in ("false", "no", "off", "0"):
        return ""
    host, port = value.get("url") or value.get("host") or "", value.get("port")
    return f"{host}:{port}" if port and "://" not in str(host) else str(host)


def _from_environment(edge: Edge, service: Service, result: Use) -> None:
    """curl's and Python's rules: lower case first, by the scheme of the storage; NO_PROXY exempts hosts."""
    scheme = urlsplit(edge.storage_url).scheme
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if name in service.environment:
            exempt = service.environment.get("no_proxy", service.environment.get("NO_PROXY", ""))
            if not _bypassed(edge, exempt):
                _add(result, service.environment[name], f"{name} in {service.origins.get(name, service.name)}")
            return


def _add(result: Use, url: str, origin: str) -> None:
    if url.strip().lower() in _DIRECT:
        return
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port = "", None
    if REDACTED.lower() in host:
        message = f"{origin}: was redacted on the edge, so which proxy it names is not known"
        result.gaps.append(Unread("error", "parse", origin, message))
        return
    if not host:
        result.gaps.append(Unread("error", "parse", origin, f"{origin}: {url[:60]!r} is no proxy address"))
        return
    told = Told(host, port, origin)
    if all((known.host, known.port) != (host, port) for known in result.told):
        result.told.append(told)


def _bypassed(edge: Edge, exempt: str) -> bool:
    host = edge.storage_host.lower()
    for item in exempt.replace(",", " ").split():
        name = item.lower().partition(":")[0].lstrip("*").lstrip(".")
        if item == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def place(edge: Edge, configs: Any, use_: Use, local_names: Iterable[str]) -> list[Placed] | Unread:
    """Every configuration that was found, parsed, with whether it is on the path."""
    problem = unread(configs)
    if problem is not None:
        return problem
    local = {"localhost", edge.name.lower(), *(name.lower() for name in local_names)}
    placed = []
    for config in configs or ():
        unreadable = unread(config)
        if unreadable is not None:
            placed.append(Placed(None, unreadable.resource, None, None, False, unreadable, unreadable))
            continue
        proxy, trouble = _parsed(config, edge.storage_host)
        on_path, because = _on_path(edge, config, proxy, use_, local)
        placed.append(
            Placed(config.get("kind"), config["path"], proxy, on_path, bool(config.get("explicit")), because, trouble)
        )
    return placed


def _on_path(
    edge: Edge, config: Mapping[str, Any], proxy: Proxy | None, use_: Use, local: set[str]
) -> tuple[bool | None, Unread | None]:
    if config.get("explicit"):
        return True, None
    if proxy is not None and not proxy.forwards:
        return False, None
    here = [told for told in use_.told if _is_local(told.host, local)]
    if proxy is not None and any(told.port in proxy.ports for told in here):
        return True, None
    if proxy is not None and _is_local(edge.storage_host, local) and edge.storage_port in proxy.ports:
        return True, None
    if use_.gaps:
        return None, use_.gaps[0]
    if proxy is None and here:
        message = f"{config['path']}: could not be read, so whether it is the proxy at {here[0]} is not known"
        return None, Unread("error", "parse", config["path"], message)
    return False, None


def _is_local(host: str, local: set[str]) -> bool:
    try:
        return host in local or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parsed(config: Mapping[str, Any], host: str) -> tuple[Proxy | None, Unread | None]:
    path, kind, text = config["path"], config.get("kind"), config["text"]
    problem = unread(text) or first_unread(config.get("problems")) or first_unread(config.get("files"))
    if problem is not None:
        return None, problem
    files = config.get("files") or {}
    try:
        proxy = _read(str(kind), text, path, files, host)
    except ConfigError as error:
        return None, Unread("error", "parse", path, str(error))
    except RecursionError:
        return None, Unread("error", "parse", path, f"{path}: nested too deeply")
    if proxy is None:
        message = f"{path}: is not recognisable as the configuration of Squid, nginx, HAProxy or Envoy"
        return None, Unread("error", "parse", path, message)
    if config.get("explicit") and not proxy.forwards:
        message = f"{path}: forwards nothing, so it is not all of the proxy's configuration; name the rest as well"
        return None, Unread("error", "parse", path, message)
    return proxy, None


def _read(kind: str, text: str, path: str, files: Mapping[str, str], host: str) -> Proxy | None:
    if kind == "squid":
        return squid.parse(text, path, files)
    if kind == "nginx":
        return nginx.parse(text, path, files, host)
    if kind == "haproxy":
        return haproxy.parse(text, path, host)
    return envoy.parse(text, path) if kind == "envoy" else None


def unmatched(use_: Use, placed: Iterable[Placed]) -> list[Told]:
    """The proxies that the export is told to use and whose configuration is not among those that were read."""
    on_path = [item for item in placed if item.on_path]
    ports = {port for item in on_path if item.proxy is not None for port in item.proxy.ports}
    explicit = any(item.explicit for item in on_path)
    return [told for told in use_.told if told.port not in ports and not explicit]
