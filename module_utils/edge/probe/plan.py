# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe will do, before it does it: its steps, and the most that it takes in seconds, bytes and money.

Pure. Prices: Amazon S3 pricing and Amazon VPC pricing, US East (N. Virginia), list prices; other regions are within a
fifth or two of them. The estimate is the worst case: every byte leaves AWS, through a NAT gateway.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import Bound, EdgepathError
from . import predict

USD_A_READ = 0.0004 / 1000  # GET and HEAD
USD_A_WRITE = 0.005 / 1000  # PUT, POST and LIST; deleting and aborting are free
USD_A_BYTE = (0.09 + 0.045) / 1e9  # transfer out to the internet, and the NAT gateway's processing
RANGE_BYTES = 64 * 1024
READER_BYTES = int(predict.READ_AHEAD)
SENDER_BYTES = 64 * 1024
PART_BYTES = 64 * 1024
_SIZES = {"held": 8192, "reader": READER_BYTES, "sender": SENDER_BYTES}
CONCURRENCY = 8
# Seconds that the answers around a silence may take; counted into the plan, not waited for.
_AROUND = 2.0
# A timer may fire later than its second, Squid's by one; the paced transfer must still be there to see it.
_LATE = 1.5


def make(bounds: Sequence[Bound], tunnel: bool, rate: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """The plan. rate: the export's own, bytes a second.

    options: stage_timeout, paced_seconds, pause_factors, write, max_seconds, max_bytes, max_cost_usd.
    Returns {"steps", "pauses", "not_exercised", "paced", "at_most", "lines"}. EdgepathError where even the least of it
    would pass a limit.
    """
    steps = _fixed(options)
    left = {
        "seconds": options["max_seconds"] - sum(step["seconds"] for step in steps),
        "bytes": options["max_bytes"] - sum(step["bytes"] for step in steps),
    }
    if left["seconds"] <= 0 or left["bytes"] < 0:
        raise EdgepathError(
            f"the path alone may take {options['max_seconds'] - left['seconds']:g} s and "
            f"{options['max_bytes'] - left['bytes']} bytes; raise max_seconds or max_bytes"
        )
    skipped: list[dict[str, Any]] = []
    wanted = _wanted(bounds, tunnel, options, skipped)
    # A fast export's transfer takes every byte that it may; silences need few, and tell more.
    kept = min(sum(_SIZES[pause["mode"]] for pause in wanted), left["bytes"] / 2)
    left["bytes"] -= kept
    paced = _paced(bounds, rate, options, left, skipped)
    left["bytes"] += kept
    pauses = _affordable(wanted, options, left, skipped)
    at_most = _sum(steps, paced, pauses, options)
    if at_most["cost_usd"] > options["max_cost_usd"]:
        raise EdgepathError(
            f"this may cost {at_most['cost_usd']:.4f} USD, more than max_cost_usd {options['max_cost_usd']:g}; "
            "lower max_bytes or raise it"
        )
    plan = {"steps": steps, "paced": paced, "pauses": pauses, "not_exercised": skipped, "at_most": at_most}
    return {**plan, "lines": _lines(plan)}


def _fixed(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    patience = options["stage_timeout"]
    steps = [
        _step("dns", "resolve the storage's name, and the proxy's", patience, 0),
        _step("tcp", "connect to every address", patience, 0),
        _step("proxy", "CONNECT, where the export uses a proxy", patience, 0),
        _step("tls", "TLS with the storage's name, chain verified", patience, 16384),
        _step("head", "signed HeadBucket", patience, 4096, reads=1),
        _step("get", "signed ranged GetObject", 2 * patience, RANGE_BYTES + 2 * 1024 * 1024, reads=1, writes=1),
    ]
    if options["write"]:
        what = f"multipart upload of one part of {PART_BYTES} bytes, aborted"
        steps.append(_step("write", what, 4 * patience, PART_BYTES, reads=1, writes=2))
    return steps


def _step(name: str, what: str, seconds: float, size: int, reads: int = 0, writes: int = 0) -> dict[str, Any]:
    return {"step": name, "what": what, "seconds": seconds, "bytes": size, "reads": reads, "writes": writes}


def _paced(
    bounds: Sequence[Bound], rate: float, options: Mapping[str, Any], left: dict[str, float], skipped: list[Any]
) -> dict[str, Any] | None:
    """The paced transfer, lengthened past a proxy's total bound where the limits allow it."""
    seconds = float(options["paced_seconds"])
    if seconds <= 0:
        return None
    affordable = min(left["seconds"] - float(options["stage_timeout"]), left["bytes"] / rate)
    if affordable <= 0:
        return None
    for bound in bounds:
        if bound.kind == "total" and bound.hop != "export":
            wanted = (bound.seconds or 0.0) * 1.1 + _LATE
            if wanted <= affordable:
                seconds = max(seconds, wanted)
    seconds = min(seconds, affordable)
    left["seconds"] -= seconds
    left["bytes"] -= rate * seconds
    for bound in bounds:
        if bound.kind != "idle" and (bound.kind == "rate" or (bound.seconds or 0.0) >= seconds):
            skipped.append({"bound": bound.to_dict(), "reason": predict.why_not(bound, False)})
    silences = [
        (bound.seconds or 0.0) * 1.1 + _LATE for bound in bounds if bound.kind == "idle" and bound.hop != "export"
    ]
    patience = max([item for item in silences if item <= left["seconds"]], default=0.0)
    patience = max(patience, float(options["stage_timeout"]))
    left["seconds"] -= patience
    return {
        "seconds": round(seconds, 3),
        "rate": rate,
        "bytes": math.ceil(rate * seconds),
        "patience": round(patience, 3),
    }


def _wanted(
    bounds: Sequence[Bound], tunnel: bool, options: Mapping[str, Any], skipped: list[Any]
) -> list[dict[str, Any]]:
    """The silences around each bound, shortest first; those of one length and way are one."""
    wanted: dict[tuple[str, float], dict[str, Any]] = {}
    for bound in bounds:
        if bound.kind != "idle":
            continue
        modes = predict.exercised_by(bound, tunnel)
        allowed = [mode for mode in modes if mode != "sender" or options["write"]]
        if not allowed:
            reason = predict.why_not(bound, tunnel) if not modes else "it needs an upload, and write is off"
            skipped.append({"bound": bound.to_dict(), "reason": reason})
        for mode in allowed:
            for factor in options["pause_factors"]:
                seconds = round((bound.seconds or 0.0) * factor, 3)
                pause = wanted.setdefault((mode, seconds), {"mode": mode, "seconds": seconds, "bounds": []})
                pause["bounds"].append(bound.to_dict())
    return sorted(wanted.values(), key=lambda pause: (pause["seconds"], pause["mode"]))


def _affordable(
    wanted: Sequence[Mapping[str, Any]], options: Mapping[str, Any], left: dict[str, float], skipped: list[Any]
) -> list[dict[str, Any]]:
    """As many silences as the limits allow; they are held side by side."""
    chosen: list[dict[str, Any]] = []
    for pause in wanted:
        size = _SIZES[pause["mode"]]
        longest = _together([*chosen, pause], options)
        if longest > left["seconds"] or size > left["bytes"]:
            what = f"a silence of {pause['seconds']:g} s ({pause['mode']}) would pass "
            limit = "max_seconds" if longest > left["seconds"] else "max_bytes"
            skipped += [{"bound": bound, "reason": what + limit} for bound in pause["bounds"]]
            continue
        left["bytes"] -= size
        chosen.append({**pause, "bytes": size})
    return chosen


def _together(pauses: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> float:
    """Seconds of silences held CONCURRENCY at a time, in order, none waiting for its neighbours."""
    lanes = [0.0] * CONCURRENCY
    for pause in sorted(pauses, key=lambda pause: -float(pause["seconds"])):
        lanes[lanes.index(min(lanes))] += float(pause["seconds"]) + _AROUND + float(options["stage_timeout"])
    return max(lanes)


def _sum(
    steps: Sequence[Mapping[str, Any]],
    paced: Mapping[str, Any] | None,
    pauses: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    size = sum(step["bytes"] for step in steps) + (paced["bytes"] if paced else 0)
    size += sum(pause["bytes"] for pause in pauses)
    seconds = sum(step["seconds"] for step in steps) + (paced["seconds"] + paced["patience"] if paced else 0.0)
    seconds += _together(pauses, options) if pauses else 0.0
    reads = sum(step["reads"] for step in steps) + (1 if paced else 0) + 2 * len(pauses)
    writes = sum(step["writes"] for step in steps) + 2 * sum(pause["mode"] == "sender" for pause in pauses)
    cost = reads * USD_A_READ + writes * USD_A_WRITE + size * USD_A_BYTE
    return {
        "seconds": round(min(seconds, options["max_seconds"]), 1),
        "bytes": int(size),
        "requests": reads + writes,
        "cost_usd": math.ceil(cost * 1e6) / 1e6,
    }


def _lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan for a person."""
    most = plan["at_most"]
    lines = [
        f"at most {most['seconds']:g} s, {most['bytes']} bytes, {most['requests']} requests, "
        f"{most['cost_usd']:.4f} USD at list prices"
    ]
    lines += [f"{step['step']}: {step['what']}, at most {step['seconds']:g} s" for step in plan["steps"]]
    if plan["paced"]:
        paced = plan["paced"]
        lines.append(
            f"paced: {paced['bytes']} bytes at {paced['rate']:g} bytes/s, {paced['seconds']:g} s; "
            f"a silence of up to {paced['patience']:g} s is waited for"
        )
    for pause in plan["pauses"]:
        about = ", ".join(f"{bound['setting']} {bound['seconds']:g} s" for bound in pause["bounds"])
        lines.append(f"silence: {pause['seconds']:g} s ({pause['mode']}) about {about}")
    lines += [f"not tried: {item['bound']['setting']}: {item['reason']}" for item in plan["not_exercised"]]
    return lines
