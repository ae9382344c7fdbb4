# SPDX-License-Identifier: GPL-3.0-or-later
"""What the probe saw, put as the audit asks for it: beside the prediction, and as an observed failure. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import Bound
from ..timeouts.death import rank
from . import predict


def way(given: str | None, judged: Any) -> tuple[str | None, str]:
    """The proxy to take, None for none, and the words that announce it.

    given: the option `proxy`; `direct` is none whatever the export does.  judged: what the timeouts step left for the
    edge, of which `proxies` says where the export is sent (timeouts.proxy_use.Use.to_dict).
    """
    if given:
        return (None, "without a proxy, as told") if given.lower() == "direct" else (given, "through the proxy as told")
    known = judged.get("proxies") if isinstance(judged, Mapping) else None
    if not isinstance(known, Mapping):
        return None, "without a proxy: what the export uses is not known; audit the edge, or set edge_probe_proxy"
    if known["told"]:
        first = known["told"][0]
        return first["url"], f"through {first['url']}, as the export is told ({first['origin']})"
    if known["gaps"]:
        return None, f"without a proxy, though the export may use one ({known['gaps'][0]}); edge_probe_proxy tells"
    return None, "without a proxy, as the export"


def failures(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every request, transfer and silence that was cut, in the shape that timeouts.death.rank takes, with `where`.

    {"where", "duration_seconds", "error_text", "code", "errno", "last_byte_age", "reset_by"}
    """
    found = [
        _shape(f"stage {stage['stage']}", stage["failure"], facts)
        for stage in facts["stages"]
        if stage["stage"] in ("head", "get", "write") and stage["failure"] is not None
    ]
    transfer = facts.get("transfer")
    if transfer and transfer.get("failure"):
        found.append(_shape("paced transfer", transfer["failure"], facts))
    for pause in facts.get("pauses", ()):
        if pause["outcome"] == "cut":
            found.append(_shape(f"silence of {pause['seconds']:g} s ({pause['mode']})", pause["failure"], facts))
    return found


def _shape(where: str, failure: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    reset = "none"
    if failure["ended_by"] == "reset":
        reset = "proxy" if facts["target"]["proxy"] else "peer"
    return {
        "where": where,
        "duration_seconds": failure["seconds"],
        "error_text": failure["error_text"],
        "code": failure["code"],
        "errno": failure["errno"],
        "last_byte_age": failure["last_byte_age"],
        "reset_by": reset,
    }


def causes(facts: Mapping[str, Any], ladder: Sequence[Mapping[str, Any]] | None, most: int = 5) -> list[dict[str, Any]]:
    """For each failure the likeliest culprits: [{"where", "observed", "causes": [...]}] (timeouts.death.rank)."""
    return [{"where": seen["where"], "observed": seen, "causes": rank(seen, ladder)[:most]} for seen in failures(facts)]


def side_by_side(facts: Mapping[str, Any], bounds: Sequence[Bound]) -> list[dict[str, Any]]:
    """Prediction and observation, line by line; see predict.compare_pause and predict.compare_transfer."""
    tunnel = bool(facts["target"]["tunnel"])
    stages = [predict.compare_stage(stage, bounds) for stage in facts["stages"]]
    lines = [line for line in stages if line is not None]
    lines += predict.compare_transfer(facts["transfer"], bounds) if facts.get("transfer") else []
    between = predict.brackets(facts.get("pauses", ()), bounds, tunnel)
    for pause in facts.get("pauses", ()):
        line = predict.compare_pause(pause, bounds, tunnel)
        if line["observed"] == "cut" and line["observed_second"] is None:
            line["observed_between"] = list(between[pause["mode"]])
        lines.append(line)
    return lines
