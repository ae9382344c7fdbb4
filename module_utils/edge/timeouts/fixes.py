# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest change for a bound that cuts, as data that converge applies, with what it brings in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..payload import Payload
from .ladder import Keepalive, Ladder, Rung, longest, needed_seconds, spoken, what_if

_ACTIONS = {
    "TIMEOUTS-01": "set_export_timeout",
    "TIMEOUTS-02": "set_export_timeout",
    "TIMEOUTS-03": "set_unit_property",
    "TIMEOUTS-04": "set_squid_timeout",
    "TIMEOUTS-05": "set_nginx_timeout",
    "TIMEOUTS-06": "set_haproxy_timeout",
    "TIMEOUTS-07": "set_envoy_timeout",
    "TIMEOUTS-10": "set_tracking_timeout",
    "TIMEOUTS-11": "set_export_timeout",
    "TIMEOUTS-12": "move_worker",
}
_KEEPALIVE_OPTIONS = {
    "squid": None,
    "nginx": ("set_nginx_option", "proxy_socket_keepalive", "on"),
    "haproxy": ("set_haproxy_option", "option srvtcpka", "on"),
    "envoy": ("set_envoy_option", "upstream_connection_options.tcp_keepalive", "{}"),
}
# What the kernel, or the export, is told so that probes run well before 350 s.
KEEPALIVE_SECONDS = "60"


def for_bounds(check: str, cutting: Sequence[Rung], ladder: Ladder, payload: Payload) -> dict[str, Any]:
    """The fix of bounds that are too short: every setting of this check that cuts, raised to what the profile needs."""
    to = needed_seconds(payload)
    settings = [
        {
            "path": rung.path,
            "key": rung.key,
            "line": _line(rung.bound.origin),
            "from": rung.raw or f"{rung.bound.seconds:g}",
            "to": written(check, to, rung),
            "seconds": to,
        }
        for rung in cutting
    ]
    first = settings[0]
    names = " and ".join(dict.fromkeys(str(item["key"]) for item in settings))
    change = f"set {names} to {first['to']} in {first['path']}"
    after, limiter = what_if(ladder.rungs, cutting, to, payload)
    return {
        "action": _ACTIONS.get(check, "set_timeout"),
        "summary": f"{change}: {_effect(longest(ladder.rungs, payload), after, limiter, check, payload)}",
        **first,
        "settings": settings,
    }


def written(check: str, seconds: float, rung: Rung) -> str:
    """A duration as the program that reads it spells it."""
    number = f"{math.ceil(seconds):d}"
    if check == "TIMEOUTS-04":
        return f"{math.ceil(seconds / 60):d} minutes"
    if check == "TIMEOUTS-03":
        return "infinity"
    if check == "TIMEOUTS-07" and rung.bound.kind == "total":
        return "0s"
    if check in ("TIMEOUTS-05", "TIMEOUTS-06", "TIMEOUTS-07"):
        return f"{number}s"
    return _as_before(rung.raw, seconds)


def _as_before(raw: str, seconds: float) -> str:
    """In the unit that the setting is written in now: `15m` stays in minutes."""
    word = raw.strip().lower()
    for endings, size in ((("ms", "millis"), 0.001), (("minutes", "min", "m"), 60.0), (("hours", "hour", "h"), 3600.0)):
        for ending in endings:
            if word.endswith(ending) and word[: -len(ending)].strip().isdigit():
                space = " " if word[: -len(ending)].endswith(" ") else ""
                return f"{math.ceil(seconds / size):d}{space}{ending}"
    return f"{math.ceil(seconds):d}s" if word.endswith("s") else f"{math.ceil(seconds):d}"


def for_keepalive(
    check: str, cutting: Sequence[Rung], ladder: Ladder, keepalive: Keepalive, kind: str | None, payload: Payload
) -> dict[str, Any]:
    """The fix of an idle timer that keepalive probes would restart: what turns them on, and early enough."""
    after, limiter = what_if(ladder.rungs, cutting, None, payload)
    effect = _effect(longest(ladder.rungs, payload), after, limiter, check, payload)
    sysctl = {"key": "net.ipv4.tcp_keepalive_time", "to": KEEPALIVE_SECONDS,
              "from": None if keepalive.seconds is None else f"{keepalive.seconds:g}"}  # fmt: skip
    if keepalive.on:
        summary = f"set net.ipv4.tcp_keepalive_time to {KEEPALIVE_SECONDS}: {effect}"
        return {"action": "set_sysctl", "summary": summary, **sysctl}
    own = ("set_export_option", "tcp_keepalive", "true")
    option = _KEEPALIVE_OPTIONS.get(kind, own) if kind else own
    if option is None:
        summary = f"route storage through a gateway endpoint; Squid sends no keepalive towards servers: {effect}"
        return {"action": "create_gateway_endpoint", "summary": summary}
    action, key, value = option
    summary = f"set {key} to {value} and net.ipv4.tcp_keepalive_time to {KEEPALIVE_SECONDS}: {effect}"
    return {"action": action, "key": key, "from": "off", "to": value, "summary": summary, "sysctl": sysctl}


def _effect(before: float, after: float, limiter: str | None, check: str, payload: Payload) -> str:
    """What this change alone brings."""
    sentence = f"alone it raises the longest recording from {spoken(before)} to {spoken(after)}"
    if after <= before:
        sentence = f"alone it does not raise the longest recording ({spoken(before)})"
    if limiter is not None and limiter != check and after < payload.longest_minutes:
        sentence += f"; {limiter} limits it then"
    return sentence


def _line(origin: str) -> int | None:
    tail = origin.rpartition(":")[2]
    return int(tail) if tail.isdigit() else None
