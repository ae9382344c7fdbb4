# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of this domain that cut nothing by themselves: the kernel's settings, and the order of the timeouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from . import fixes, kernel
from .assemble import Picture
from .ladder import Rung, broken_order, needed_seconds, split_origin

_TEMP_FILE = "proxy_max_temp_file_size"
_KERNEL_CHECKS = ("TIMEOUTS-13", "TIMEOUTS-15", "TIMEOUTS-16", "TIMEOUTS-17", "TIMEOUTS-18", "TIMEOUTS-19")


def judge(asker: Asker, picture: Picture) -> list[Finding]:
    findings = [_kernel(asker, check, picture) for check in _KERNEL_CHECKS]
    findings.append(_asks_for_keepalive(asker, picture))
    findings.append(_next_boot(asker, picture))
    findings.append(_order(asker, picture))
    findings.append(_temp_file(asker, picture))
    return findings


def _kernel(asker: Asker, check: str, picture: Picture) -> Finding:
    wanted = [item for item in kernel.WANTED if item.check == check]
    values = {item.key: kernel.running(picture.facts, item.key) for item in wanted}
    expected = ", ".join(f"{item.key} {item.says}" for item in wanted)
    wrong = [item for item in wanted if isinstance(values[item.key], int) and not item.good(_number(values[item.key]))]
    observed = ", ".join(f"{key}={value}" for key, value in values.items() if isinstance(value, int))
    if wrong:
        return asker.failed(check, wrong[0].key, observed, expected=expected, fix=_set_sysctls(wrong, values, picture))
    gap = next((value for value in values.values() if isinstance(value, Unread)), None)
    if gap is not None:
        return asker.unknown(check, wanted[0].key, gap, expected=expected)
    if not observed:
        return asker.not_applicable(check, wanted[0].key, "the kernel has no such setting loaded")
    return asker.passed(check, wanted[0].key, observed, expected=expected)


def _number(value: Any) -> int:
    return int(value)


def _set_sysctls(wrong: list[kernel.Wanted], values: dict[str, Any], picture: Picture) -> dict[str, Any]:
    path = kernel.file_for(picture.facts, [item.key for item in wrong])
    settings = [{"key": item.key, "from": str(values[item.key]), "to": item.value} for item in wrong]
    summary = "set " + " and ".join(f"{item['key']}={item['to']}" for item in settings)
    return {"action": "set_sysctl", "summary": summary, "path": path, **settings[0], "settings": settings}


def _asks_for_keepalive(asker: Asker, picture: Picture) -> Finding:
    """Whether somebody on the storage's leg sets SO_KEEPALIVE, where a timer on the path counts packets."""
    check, payload = "TIMEOUTS-14", picture.edge.payload
    keepalive = picture.storage_keepalive
    counting = [rung for rung in picture.ladder.rungs if rung.bound.reset_by == "packets"]
    needed = [rung for rung in counting if (rung.bound.seconds or 0.0) < needed_seconds(payload)]
    resource = keepalive.origin
    if keepalive.on:
        return asker.passed(check, resource, f"SO_KEEPALIVE on: {keepalive.origin}")
    if needed and keepalive.on is False:
        fix = fixes.turn_on(sender(picture))
        observed = f"SO_KEEPALIVE off: {keepalive.origin}; {needed[0].bound.setting} forgets after silence"
        return asker.failed(check, resource, observed, fix=fix)
    gap = next((gap for name in ("TIMEOUTS-09", "TIMEOUTS-10") for gap in picture.ladder.gaps.get(name, ())), None)
    gap = gap or (keepalive.because if needed else None)
    if gap is not None:
        return asker.unknown(check, resource, gap)
    return asker.not_applicable(check, resource, "no timer on the path that probes would restart in time")


def sender(picture: Picture) -> fixes.Sender:
    """Whose leg reaches the storage: the last proxy's, or the export's own."""
    sysctl_path = kernel.file_for(picture.facts, [kernel.KEEPALIVE_TIME])
    placed = [] if isinstance(picture.placed, Unread) else [item for item in picture.placed if item.on_path]
    if placed:
        return fixes.Sender(placed[-1].kind, placed[-1].path, sysctl_path)
    return fixes.Sender(None, picture.edge.export_config_path, sysctl_path)


def _next_boot(asker: Asker, picture: Picture) -> Finding:
    """Run-time values against what systemd-sysctl will set; keys that no file sets return to the kernel's default."""
    check = "TIMEOUTS-20"
    planned = kernel.next_boot(picture.facts)
    if isinstance(planned, Unread):
        return asker.unknown(check, planned.resource, planned)
    differing, gaps, same = [], [], 0
    for key, value, running in _running(picture):
        assigned = kernel.planned(planned, key)
        if isinstance(running, Unread):
            gaps += [running] if assigned is not None else []
        elif assigned is not None and assigned[0] != value:
            differing.append((key, value, assigned[0], assigned[1]))
        elif assigned is None and _raised(key, running):
            ignored = kernel.sysctl_conf(picture.facts).get(key)
            where = f"{ignored[1]}, which systemd does not read at boot" if ignored else "no file"
            differing.append((key, value, "the kernel's default", where))
        else:
            same += 1
    if differing:
        observed = "; ".join(
            f"{key}={value} now, {later} after the next boot ({where})" for key, value, later, where in differing
        )
        settings = [{"key": key, "from": later, "to": _lasting(key, value)} for key, value, later, _ in differing]
        names = " and ".join(item["key"] for item in settings)
        fix = {
            "action": "persist_sysctl",
            "summary": f"write {names} to a file of sysctl.d that is read last",
            "path": kernel.file_for(picture.facts, [item["key"] for item in settings]),
            **settings[0],
            "settings": settings,
        }
        evidence = tuple(
            {"key": key, "running": value, "next_boot": later, "origin": where}
            for key, value, later, where in differing
        )
        return asker.failed(check, differing[0][0], observed, fix=fix, evidence=evidence)
    if gaps:
        return asker.unknown(check, gaps[0].resource, gaps[0])
    return asker.passed(check, "/etc/sysctl.d", f"{same} settings stay as they are")


def _lasting(key: str, value: str) -> str:
    """What the next boot should set: the running value, or where that is wrong itself, what cures it."""
    for item in kernel.WANTED:
        number = value.split()[-1:] if item.key == key else []
        if number and number[0].isdigit() and not item.good(int(number[0])):
            return item.value
    return value


# The kernel's own defaults (ip-sysctl.rst); a running value that differs was set by somebody.
_DEFAULTS = {
    "net.ipv4.tcp_keepalive_time": 7200, "net.ipv4.tcp_keepalive_intvl": 75, "net.ipv4.tcp_keepalive_probes": 9,
    "net.ipv4.tcp_retries2": 15, "net.ipv4.tcp_mtu_probing": 0, "net.ipv4.tcp_slow_start_after_idle": 1,
}  # fmt: skip


def _raised(key: str, value: Any) -> bool:
    return key in _DEFAULTS and value is not None and value != _DEFAULTS[key]


def _running(picture: Picture) -> Iterator[tuple[str, str, Any]]:
    sysctl = picture.facts.get("sysctl")
    runtime = sysctl["runtime"] if isinstance(sysctl, dict) and unread(sysctl) is None else {}
    if unread(runtime) is not None:
        runtime = {}
    keys = list(runtime) or list(_DEFAULTS)
    for key in keys:
        value = kernel.running(picture.facts, key)
        if value is not None:
            text = runtime.get(key)
            yield key, text if isinstance(text, str) else "", value


def _order(asker: Asker, picture: Picture) -> Finding:
    """The service encloses the export's total, that its read timeout, and that the proxy's idle timers."""
    check, ladder = "TIMEOUTS-21", picture.ladder
    levels = [
        ladder.of("TIMEOUTS-03"),
        ladder.of("TIMEOUTS-02"),
        ladder.of("TIMEOUTS-01"),
        [rung for rung in ladder.rungs if rung.bound.hop == "proxy" and rung.bound.kind == "idle" and rung.on_path],
    ]
    pairs: list[tuple[Rung, Rung]] = [
        (outer, inner)
        for at, level in enumerate(levels)
        for outer in level
        for lower in levels[at + 1 :]
        for inner in lower
    ]
    broken = broken_order(pairs)
    names = ("TIMEOUTS-01", "TIMEOUTS-02", "TIMEOUTS-03", "TIMEOUTS-08")
    gap = next((gap for name in names for gap in ladder.gaps.get(name, ())), None)
    if broken:
        observed = "; ".join(f"{_length(outer)} is shorter than {_length(inner)}" for outer, inner in broken)
        outer, fix = broken[0][0], fixes.in_order(broken, picture.edge.payload)
        return asker.failed(check, outer.path or picture.edge.name, observed, fix=fix)
    if gap is not None:
        return asker.unknown(check, picture.edge.name, gap)
    return asker.passed(check, picture.edge.name, f"{len(pairs)} pairs in order")


def _length(rung: Rung) -> str:
    return f"{rung.bound.setting} {rung.bound.seconds:g} s"


def _temp_file(asker: Asker, picture: Picture) -> Finding:
    check, payload = "TIMEOUTS-22", picture.edge.payload
    if isinstance(picture.placed, Unread):
        return asker.unknown(check, picture.placed.resource, picture.placed)
    mine = [item for item in picture.placed if item.kind == "nginx" and item.on_path is not False]
    gap = next((item.problem or item.because for item in mine if item.proxy is None or item.on_path is None), None)
    unnamed = next((item.problem for item in picture.placed if item.kind is None and item.problem), None)
    limits = [
        (int(size), *split_origin(origin), item.path)
        for item in mine
        if item.proxy is not None and item.on_path
        for origin, _, size in (note.partition(" of ")[2].rpartition(": ") for note in item.proxy.notes)
    ]
    small = [limit for limit in limits if limit[0] < payload.longest_bytes]
    if small:
        settings = [
            {"path": path or main, "line": line, "key": _TEMP_FILE, "from": str(size), "to": "0"}
            for size, path, line, main in dict.fromkeys(small)
        ]
        fix = {"action": "set_nginx_timeout", "summary": f"set {_TEMP_FILE} to 0", **settings[0], "settings": settings}
        observed = f"{_TEMP_FILE} {small[0][0]} is less than a recording of {payload.longest_bytes:.0f} bytes"
        return asker.failed(check, mine[0].path, observed, fix=fix)
    if gap or unnamed:
        return asker.unknown(check, mine[0].path if mine else picture.edge.name, gap or unnamed)  # type: ignore[arg-type]
    if not mine:
        return asker.not_applicable(check, picture.edge.name, "the export does not go through nginx")
    return asker.passed(check, mine[0].path, "no recording of the profile fills it")
