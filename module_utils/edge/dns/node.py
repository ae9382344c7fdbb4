# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge itself knows of its name resolution: section ``dns`` of the facts that are read on it.

Runs on the edge with the standard library and, where it can be imported, dnspython. Changes nothing.
"""

from __future__ import annotations

import secrets
from typing import Any

from ..finding import Unread
from ..redaction.resolver_text import resolved as shown_settings
from ..targets import Edge
from . import live
from .addresses import is_ip
from .names import MAX_NAMES, names_of, storage_domain, virtual_host
from .nss import parse_hosts, parse_nsswitch
from .plan import plan
from .query import Limits, ask_all
from .resolvconf import MAX_NAMESERVERS, STUBS, is_address, parse, parse_resolved
from .rootfile import listing, read_text

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH_CONF = "/etc/nsswitch.conf"
HOSTS = "/etc/hosts"
RESOLVED_CONF = "/etc/systemd/resolved.conf"
UPLINK_CONF = "/run/systemd/resolve/resolv.conf"
# Drop-ins, least first (resolved.conf(5)).
RESOLVED_DIRECTORIES = tuple(f"{base}/systemd/resolved.conf.d" for base in ("/usr/lib", "/run", "/etc"))


def gather_node(edge: Edge, limits: Limits | None = None) -> dict[str, Any]:
    """The facts, JSON-able but for Unread values:

    resolv_conf   {"path", "link", "nameservers", "ignored", "search", "options", "problems"} | None (absent) | Unread
    resolved      {"settings", "uplinks"} | Unread;   nsswitch, hosts   as nss.py parses them | None | Unread
    asked         names.names_of(), those that were asked;   left_out   names beyond the most that are asked
    made_up       {"storage": name, "own": name}
    servers       [{"address", "role": "resolver|uplink", "responds": bool | Unread, "seconds"}]
    answers       [{"server", "name", "type", "transport", "edns", "kind", "sample", "result"}] | Unread
    getaddrinfo   {name: {"addresses", "error"} | Unread} | None (a copy of a node has none)
    ipv6_route    bool | Unread;   allowance   {interface: packets} | Unread;   tls   {"matches"} | None | Unread
    """
    limits = limits or Limits()
    resolv_conf = _resolv_conf(edge)
    resolved = _resolved(edge)
    names = names_of(edge)
    asked = names[:MAX_NAMES]
    made_up = _made_up(edge, resolv_conf)
    servers = _servers(resolv_conf, resolved)
    queries = plan(asked, sorted(made_up.values()), _transport(resolv_conf))
    states: list[dict[str, Any]] = []
    answers: Any = resolv_conf
    if not isinstance(resolv_conf, Unread):
        states, answers = ask_all(servers, edge.dns_port, queries, limits)
        if states and isinstance(states[0]["responds"], Unread) and not answers:
            answers = states[0]["responds"]
    return {
        "resolv_conf": resolv_conf,
        "resolved": resolved,
        "nsswitch": _parsed(edge, NSSWITCH_CONF, parse_nsswitch),
        "hosts": _parsed(edge, HOSTS, parse_hosts),
        "asked": asked,
        "left_out": [item["name"] for item in names[MAX_NAMES:]],
        "made_up": made_up,
        "servers": states,
        "answers": answers,
        "getaddrinfo": live.getaddrinfo([item["name"] for item in asked], limits) if live.is_live(edge) else None,
        "ipv6_route": live.ipv6_default_route(edge),
        "allowance": live.allowance(edge),
        "tls": _tls(edge, answers, limits),
    }


def _resolv_conf(edge: Edge) -> Any:
    found = read_text(edge.root, RESOLV_CONF)
    if isinstance(found, Unread):
        return found
    if found.text is None and found.link is None:
        return None
    return {"path": RESOLV_CONF, "link": found.link, "absent": found.text is None, **parse(found.text or "")}


def _resolved(edge: Edge) -> Any:
    texts: list[str] = []
    paths: list[str] = []
    for directory in RESOLVED_DIRECTORIES:
        found = listing(edge.root, directory, ".conf")
        if isinstance(found, Unread):
            return found
        paths += found
    for path in [RESOLVED_CONF, *paths]:
        file = read_text(edge.root, path)
        if isinstance(file, Unread):
            return file
        texts.append(file.text or "")
    uplink = read_text(edge.root, UPLINK_CONF)
    if isinstance(uplink, Unread):
        return uplink
    uplinks = parse(uplink.text)["nameservers"] if uplink.text is not None else []
    return {"settings": shown_settings(parse_resolved(texts)), "uplinks": uplinks}


def _parsed(edge: Edge, path: str, parser: Any) -> Any:
    found = read_text(edge.root, path)
    if isinstance(found, Unread):
        return found
    return None if found.text is None else parser(found.text)


def _servers(resolv_conf: Any, resolved: Any) -> list[dict[str, Any]]:
    """The nameservers that the C library asks, and behind a stub of systemd-resolved those that the stub asks.

    Without any, glibc asks the local machine (resolv.conf(5)).
    """
    if isinstance(resolv_conf, Unread):
        return []
    own = list(dict.fromkeys((resolv_conf or {}).get("nameservers") or ["127.0.0.1"]))
    servers = [{"address": address, "role": "resolver"} for address in own]
    if isinstance(resolved, Unread) or not any(address in STUBS for address in own):
        return servers
    uplinks = [address for address in dict.fromkeys(resolved["uplinks"]) if is_address(address) and address not in own]
    return servers + [{"address": address, "role": "uplink"} for address in uplinks[:MAX_NAMESERVERS]]


def _made_up(edge: Edge, resolv_conf: Any) -> dict[str, str]:
    label = f"edgepath-{secrets.token_hex(8)}"
    search = [] if isinstance(resolv_conf, Unread) or resolv_conf is None else resolv_conf["search"]
    # The top-level domain `invalid` exists nowhere (RFC 6761, 6.4).
    own = next((domain for domain in search if domain and len(domain) < 200), "invalid")
    domain = storage_domain(edge)
    names = {"own": f"{label}.{own}"}
    if domain is not None and domain != own:
        names["storage"] = f"{label}.{domain}"
    return names


def _transport(resolv_conf: Any) -> str:
    if isinstance(resolv_conf, Unread) or resolv_conf is None:
        return "udp"
    return "tcp" if "use-vc" in resolv_conf["options"]["flags"] else "udp"


def _tls(edge: Edge, answers: Any, limits: Limits) -> Any:
    """The handshake with a bucket's own host name, where dots in it make that doubtful; None where it has none."""
    if edge.bucket is None or virtual_host(edge) or is_ip(edge.storage_host):
        return None
    host = f"{edge.bucket}.{edge.storage_host}"
    if edge.root != "/":
        return Unread("not_collected", "TLS handshake", host, "no handshake is made for a copy of a node")
    given = [] if isinstance(answers, Unread) else answers
    addresses = [
        address
        for item in given
        if item["name"] == host and item["type"] == "A" and not isinstance(item["result"], Unread)
        for address in item["result"].get("answers", [])
    ]
    if not addresses:
        return Unread("not_collected", "TLS handshake", host, f"{host} has no address to make a handshake with")
    return live.handshake(host, addresses[0], edge.storage_port, limits.patient_seconds)
