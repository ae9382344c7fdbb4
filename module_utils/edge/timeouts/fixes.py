# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest change for a bound that cuts, as data that converge applies, with what it brings in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..payload import Payload
from ..settings import parse_duration, unit_of_key
from .kernel import KEEPALIVE_TIME, SYSCTL_FILE
from .ladder import Keepalive, Ladder, Place, Rung, longest, needed_seconds, split_origin, spoken, what_if

_ACTIONS = {
    "TIMEOUTS-01": "set_export_timeout",
    "TIMEOUTS-02": "set_export_timeout",
    "TIMEOUTS-03": "set_unit_property",
    "TIMEOUTS-04": "set_squid_timeout",
    "TIMEOUTS-05": "set_nginx_timeout",
    "TIMEOUTS-06": "set_haproxy_timeout",
    "TIMEOUTS-07": "set_envoy_timeout",
    "TIMEOUTS-10": "set_sysctl",
    "TIMEOUTS-11": "refresh_credentials",
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
    changed = cutting
    if check == "TIMEOUTS-10":
        # What the interface tracks is bounded by AWS; the host's own table is what the edge can set.
        changed = [rung for rung in cutting if rung.bound.hop == "host_firewall"]
    settings = [item for rung in changed for item in _settings(check, rung, to, payload)]
    first = settings[0]
    names = " and ".join(dict.fromkeys(str(item["key"]) for item in settings))
    change = f"set {names} to {first['to']} in {first['path']}"
    after, limiter = what_if(ladder.rungs, changed, to, payload)
    return {
        "action": _ACTIONS.get(check, "set_timeout"),
        "summary": f"{change}: {_effect(longest(ladder.rungs, payload), after, limiter, check, payload)}",
        **first,
        "settings": settings,
    }


def _settings(check: str, rung: Rung, to: float, payload: Payload) -> Iterator[dict[str, Any]]:
    """The setting of a rung, and the same in other places where it is too short as well."""
    line = split_origin(rung.bound.origin)[1]
    path = SYSCTL_FILE if check == "TIMEOUTS-10" else rung.path
    places = [Place(path, line, rung.bound.seconds or 0.0, rung.raw)]
    places += [
        place
        for place in rung.also
        if payload.survives(replace(rung.bound, seconds=place.seconds)) < payload.longest_minutes
    ]
    for place in dict.fromkeys(places):
        yield {
            "path": place.path,
            "key": rung.key,
            "line": place.line,
            "from": place.raw or f"{place.seconds:g}",
            "to": written(check, to, rung),
            "seconds": to,
        }


def in_order(broken: Sequence[tuple[Rung, Rung]], payload: Payload) -> dict[str, Any]:
    """The fix of timeouts that give up before what they enclose: each outer one raised to its longest inner one."""
    wanted: dict[tuple[str, str], tuple[Rung, float]] = {}
    for outer, inner in broken:
        seconds = max(inner.bound.seconds or 0.0, wanted.get((outer.path, outer.key), (outer, 0.0))[1])
        wanted[(outer.path, outer.key)] = (outer, max(seconds, needed_seconds(payload)))
    fixes_ = [_raised(outer, seconds) for outer, seconds in wanted.values()]
    return {**fixes_[0], "then": fixes_[1:]} if fixes_[1:] else fixes_[0]


def _raised(outer: Rung, seconds: float) -> dict[str, Any]:
    return {
        "action": _ACTIONS.get(outer.check, "set_timeout"),
        "summary": f"set {outer.key} to no less than {seconds:g} s",
        "path": outer.path,
        "key": outer.key,
        "line": split_origin(outer.bound.origin)[1],
        "from": outer.raw or f"{outer.bound.seconds:g}",
        "to": written(outer.check, seconds, outer),
        "seconds": seconds,
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
    return _as_before(rung.raw, seconds, rung.key)


def _as_before(raw: str, seconds: float, key: str) -> str:
    """In the unit that the setting is written in now: `15m` stays in minutes, a bare number in that of its key."""
    word = raw.strip().lower()
    if re.fullmatch(r"[0-9.]*", word):
        return f"{math.ceil(seconds / parse_duration(1, unit_of_key(key.rpartition('.')[2]))):d}"
    if word.startswith("p"):
        return f"PT{math.ceil(seconds):d}S"
    for endings, size in ((("ms", "millis"), 0.001), (("minutes", "min", "m"), 60.0), (("hours", "hour", "h"), 3600.0)):
        for ending in endings:
            if word.endswith(ending) and word[: -len(ending)].strip().isdigit():
                space = " " if word[: -len(ending)].endswith(" ") else ""
                return f"{math.ceil(seconds / size):d}{space}{ending}"
    return f"{math.ceil(seconds):d}s"


@dataclass(frozen=True)
class Sender:
    """Who opens the connections to the storage. kind: of the proxy, None for the export itself.  path: its
    configuration.  sysctl_path: the file in which the kernel's settings are kept."""

    kind: str | None
    path: str | None
    sysctl_path: str = SYSCTL_FILE


def for_keepalive(
    check: str, cutting: Sequence[Rung], ladder: Ladder, keepalive: Keepalive, sender: Sender, payload: Payload
) -> dict[str, Any]:
    """The fix of an idle timer that keepalive probes would restart: what turns them on, and early enough."""
    after, limiter = what_if(ladder.rungs, cutting, None, payload)
    effect = _effect(longest(ladder.rungs, payload), after, limiter, check, payload)
    sysctl = {"key": KEEPALIVE_TIME, "to": KEEPALIVE_SECONDS, "path": sender.sysctl_path,
              "from": None if keepalive.seconds is None else f"{keepalive.seconds:g}"}  # fmt: skip
    if keepalive.on:
        summary = f"set {KEEPALIVE_TIME} to {KEEPALIVE_SECONDS}: {effect}"
        return {"action": "set_sysctl", "summary": summary, **sysctl}
    turned = turn_on(sender)
    if turned["action"] == "avoid_idle_timer":
        return {**turned, "summary": f"{turned['summary']}: {effect}"}
    sysctl_fix = {"action": "set_sysctl", "summary": f"set {KEEPALIVE_TIME} to {KEEPALIVE_SECONDS}", **sysctl}
    summary = f"set {turned['key']} to {turned['to']} and {KEEPALIVE_TIME} to {KEEPALIVE_SECONDS}: {effect}"
    return {**turned, "summary": summary, "then": [sysctl_fix]}


def turn_on(sender: Sender) -> dict[str, Any]:
    """The fix of a sender that asks for no keepalive."""
    own = ("set_export_option", "tcp_keepalive", "true")
    option = _KEEPALIVE_OPTIONS.get(sender.kind, own) if sender.kind else own
    if option is None:
        summary = "route storage through a gateway endpoint; Squid sends no keepalive towards servers"
        return {"action": "avoid_idle_timer", "summary": summary}
    action, key, value = option
    where = sender.path or "the export's configuration"
    summary = f"set {key} to {value} in {where}"
    return {"action": action, "path": sender.path, "key": key, "from": "off", "to": value, "summary": summary}


def _effect(before: float, after: float, limiter: str | None, check: str, payload: Payload) -> str:
    """What this change alone brings."""
    sentence = f"alone it raises the longest recording from {spoken(before)} to {spoken(after)}"
    if after <= before:
        sentence = f"alone it does not raise the longest recording ({spoken(before)})"
    if limiter is not None and limiter != check and after < payload.longest_minutes:
        sentence += f"; {limiter} limits it then"
    return sentence
