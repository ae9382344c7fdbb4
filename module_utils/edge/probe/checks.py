# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what a probe saw. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import Asker, Bound, Finding, Unread, unread
from ..payload import Payload
from ..targets import Edge
from . import predict
from .catalogue import CATALOGUE
from .observe import causes, side_by_side

__all__ = ["CATALOGUE", "judge", "ladder_of"]

# Amazon S3 API Reference, RequestTimeTooSkewed.
MOST_SKEW = 900.0
_BY_STAGE = {"dns": "PROBE-01", "proxy": "PROBE-04", "tls": "PROBE-05", "write": "PROBE-09"}
_CURES = {
    "refused": "refused at once: nobody listens there, or a filter rejects",
    "timeout": "no answer: a filter drops, or the route leads nowhere",
    "unreachable": "no route",
    "reset": "reset",
    "closed": "closed",
}


def ladder_of(facts: Mapping[str, Any], upstream: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rungs to compare with: those of the audit of the same run, else those that the probe was given."""
    judged = upstream.get("timeouts")
    if judged is not None and unread(judged) is None and isinstance(judged.get("ladder"), list):
        return list(judged["ladder"])
    return list(facts.get("bounds") or []) or None


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:
    """A finding for every check. upstream: {"timeouts": facts or Unread}."""
    asker = Asker(edge.name, CATALOGUE)
    stages = {stage["stage"]: stage for stage in facts["stages"]}
    ladder = ladder_of(facts, upstream)
    bounds = predict.bounds_of(ladder or ())
    lines = side_by_side(facts, bounds)
    ranked = causes(facts, ladder)
    target = f"{facts['target']['host']}:{facts['target']['port']}"
    findings = [_stage(asker, check, stages[name], target) for name, check in _BY_STAGE.items()]
    findings += _addresses(asker, stages["tcp"], target)
    findings.append(_clock(asker, stages, target))
    findings.append(_bucket(asker, stages, target))
    findings.append(_range(asker, stages["get"], target))
    findings.append(_transfer(asker, edge.payload, facts, lines, ranked))
    findings.append(_silences(asker, edge.payload, facts, lines, ranked, bounds))
    findings.append(_agreement(asker, lines, ladder, target))
    findings.append(_drift(asker, facts))
    return sorted(findings, key=lambda finding: finding.check)


def _said(failure: Mapping[str, Any]) -> str:
    """One line: how it ended, after which time, with the words of whoever ended it."""
    how = _CURES.get(failure["ended_by"], failure["ended_by"])
    text = f" ({failure['error_text']})" if failure["error_text"] else ""
    return f"{how} after {failure['seconds']:.2f} s{text}"


def _evidence(stage: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return ({key: value for key, value in stage.items() if value is not None},)


def _skipped(asker: Asker, check: str, stage: Mapping[str, Any], resource: str) -> Finding:
    """Where a stage before it failed, the answer is missing; where there is nothing to ask, it does not apply."""
    reason = stage["reason"]
    if "failed before it" in reason or "code" in stage or "no key" in reason:
        state = "denied" if stage.get("code") == 403 else "not_collected"
        needs = ("s3:ListBucket",) if state == "denied" else ()
        return asker.unknown(check, resource, Unread(state, f"probe:{stage['stage']}", resource, reason, needs))
    return asker.not_applicable(check, resource, reason)


def _stage(asker: Asker, check: str, stage: Mapping[str, Any], resource: str) -> Finding:
    if stage["status"] == "skipped":
        return _skipped(asker, check, stage, resource)
    if stage["status"] == "failed":
        return asker.failed(check, resource, _said(stage["failure"]), evidence=_evidence(stage))
    return asker.passed(check, resource, f"in {stage['seconds']:.3f} s", evidence=_evidence(stage))


def _addresses(asker: Asker, stage: Mapping[str, Any], target: str) -> list[Finding]:
    if stage["status"] == "skipped":
        return [_skipped(asker, check, stage, target) for check in ("PROBE-02", "PROBE-03")]
    tried = stage["addresses"]
    wrong = [entry for entry in tried if entry["failure"] is not None]
    shown = "; ".join(f"{entry['address']}: {_said(entry['failure'])}" for entry in wrong[:8])
    evidence = tuple(tried)
    if len(wrong) == len(tried):
        return [
            asker.failed("PROBE-02", target, shown, evidence=evidence),
            asker.failed("PROBE-03", target, shown, evidence=evidence, share=1.0),
        ]
    first = asker.passed("PROBE-02", target, f"{len(tried) - len(wrong)} of {len(tried)} addresses accept")
    if wrong:
        share = len(wrong) / len(tried)
        return [first, asker.failed("PROBE-03", target, shown, evidence=evidence, share=share)]
    return [first, asker.passed("PROBE-03", target, f"all {len(tried)} accept", evidence=evidence)]


def _clock(asker: Asker, stages: Mapping[str, Any], target: str) -> Finding:
    skews = [stages[name].get("clock_skew_seconds") for name in ("head", "get")]
    skew = next((value for value in skews if value is not None), None)
    if skew is None:
        message = "no answer with a Date came, so the clocks cannot be compared"
        return asker.unknown("PROBE-06", target, Unread("not_collected", "probe:head", target, message))
    said = f"the edge's clock is {abs(skew):g} s {'ahead' if skew >= 0 else 'behind'}"
    fields = {"expected": f"less than {MOST_SKEW:g} s apart", "evidence": ({"clock_skew_seconds": skew},)}
    make = asker.failed if abs(skew) >= MOST_SKEW else asker.passed
    return make("PROBE-06", target, said, **fields)


def _bucket(asker: Asker, stages: Mapping[str, Any], target: str) -> Finding:
    credentials, head = stages["credentials"], stages["head"]
    if credentials["status"] == "failed":
        hidden = unread(credentials["unread"])
        if hidden is not None and hidden.state == "denied":
            return asker.unknown("PROBE-07", target, hidden)
        return asker.failed("PROBE-07", target, credentials["failure"]["error_text"], evidence=_evidence(credentials))
    if credentials["status"] == "ok" and head["status"] == "ok":
        return asker.passed("PROBE-07", target, f"with {credentials['source']}", evidence=_evidence(head))
    return _stage(asker, "PROBE-07", credentials if credentials["status"] == "skipped" else head, target)


def _range(asker: Asker, stage: Mapping[str, Any], target: str) -> Finding:
    if stage["status"] == "ok" and stage["http_status"] != 206:
        said = f"status {stage['http_status']}: the Range header was ignored"
        return asker.failed("PROBE-08", target, said, evidence=_evidence(stage))
    return _stage(asker, "PROBE-08", stage, target)


def _missing(asker: Asker, check: str, facts: Mapping[str, Any], what: str, planned: bool) -> Finding:
    target = facts["target"]["host"]
    if not planned:
        return asker.not_applicable(check, target, f"no {what} was planned")
    message = f"the {what} was planned and did not come about; see the stages before it"
    return asker.unknown(check, target, Unread("not_collected", "probe", target, message))


def _transfer(
    asker: Asker, payload: Payload, facts: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], ranked: Sequence[Any]
) -> Finding:
    transfer = facts["transfer"]
    if transfer is None:
        return _missing(asker, "PROBE-10", facts, "paced transfer", facts["plan"]["paced"] is not None)
    key, failure = transfer["key"], transfer["failure"]
    pace = f"{transfer['bytes']} of {transfer['wanted_bytes']} bytes at {transfer['rate']:g} bytes/s"
    if failure is None:
        said = f"{pace} in {transfer['seconds']:g} s; longest silence {transfer['longest_gap_seconds'] or 0.0:g} s"
        return asker.passed("PROBE-10", key, said, evidence=(dict(transfer),))
    if failure["ended_by"] == "limit":
        unseen = Unread("not_collected", "probe", key, f"{pace}, then {failure['error_text']}")
        return asker.unknown("PROBE-10", key, unseen)
    bound = _bound_of(next((line for line in lines if line["what"] == "paced transfer"), None), failure)
    silent = failure["last_byte_age"] or 0.0
    said = f"{_said(failure)}, at byte {failure['byte_offset']}, after {silent:.2f} s of silence"
    evidence = (dict(transfer), *(item for item in ranked if item["where"] == "paced transfer"))
    return asker.failed(
        "PROBE-10", key, said, bound=bound, longest_minutes=_minutes(payload, bound), evidence=evidence
    )  # fmt: skip


def _bound_of(line: Mapping[str, Any] | None, failure: Mapping[str, Any]) -> Bound:
    """The predicted bound where the end agrees with it; else what was seen: silence, or the whole time."""
    if line is not None and line["agrees"] and line["bound"]:
        return Bound.from_dict(line["bound"])
    silent = failure["last_byte_age"] or 0.0
    if silent >= failure["seconds"] / 2:
        return Bound("idle", "export", "silence that the probe saw end", "probe", max(silent, 0.001))
    return Bound("total", "export", "second at which the probe was cut", "probe", max(failure["seconds"], 0.001))


def _minutes(payload: Payload, bound: Bound) -> float | None:
    survives = payload.survives(bound)
    return None if math.isinf(survives) else round(survives, 2)


def _silences(
    asker: Asker,
    payload: Payload,
    facts: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    ranked: Sequence[Any],
    bounds: Sequence[Bound],
) -> Finding:
    pauses, target = facts["pauses"], facts["target"]["host"]
    held = [pause for pause in pauses if pause["outcome"] != "failed"]
    if not held:
        return _missing(asker, "PROBE-11", facts, "silence", bool(facts["plan"]["pauses"]))
    between = predict.brackets(pauses, bounds, facts["target"]["tunnel"])
    evidence = (*(dict(pause) for pause in pauses), *(item for item in ranked if item["where"] != "paced transfer"))
    needed = payload.transfer_seconds if payload.delivery == "buffered" else 0.0
    cutting = {mode: seconds for mode, seconds in between.items() if seconds[0] < needed}
    lived = max((pause["seconds"] for pause in held if pause["outcome"] == "survived"), default=0.0)
    expected = f"silences of {needed:g} s, as the longest recording makes them" if needed else ""
    if not cutting:
        return asker.passed("PROBE-11", target, f"silences of up to {lived:g} s survived", evidence=evidence)
    mode, (least, most) = min(cutting.items(), key=lambda item: item[1][1])
    bound = _cut_bound(mode, most, pauses, lines)
    said = f"a silence of {most:g} s ({mode}) ended the connection, one of {least:g} s did not"
    fields = {"bound": bound, "longest_minutes": _minutes(payload, bound), "evidence": evidence}
    return asker.failed("PROBE-11", target, said, expected=expected, **fields)


def _cut_bound(
    mode: str, most: float, pauses: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> Bound:
    line = next((line for line in lines if line["what"] == f"silence of {most:g} s ({mode})"), None)
    if line is not None and line["agrees"] and line["bound"]:
        return Bound.from_dict(line["bound"])
    pause = next(pause for pause in pauses if pause["mode"] == mode and pause["seconds"] == most)
    return Bound("idle", "export", "silence that the probe saw end", "probe", pause["second"] or most)


def _agreement(
    asker: Asker, lines: Sequence[Mapping[str, Any]], ladder: Sequence[Mapping[str, Any]] | None, target: str
) -> Finding:
    if ladder is None:
        message = "no ladder to compare with: audit the edge first, or give its bounds"
        return asker.unknown("PROBE-12", target, Unread("not_collected", "edge_timeouts_audit", target, message))
    wrong = [line for line in lines if line["agrees"] is False]
    right = [line for line in lines if line["agrees"]]
    evidence = tuple(dict(line) for line in lines)
    if wrong:
        said = "; ".join(_disagreement(line) for line in wrong[:5])
        return asker.failed("PROBE-12", target, said, evidence=evidence)
    if not right:
        message = "nothing that was tried proves the prediction or disproves it"
        return asker.unknown("PROBE-12", target, Unread("not_collected", "probe", target, message))
    return asker.passed("PROBE-12", target, f"{len(right)} of {len(lines)} comparisons agree", evidence=evidence)


def _drift(asker: Asker, facts: Mapping[str, Any]) -> Finding:
    seen, check = facts.get("drift"), "PROBE-13"
    if seen is None:
        return _missing(asker, check, facts, "transfer", bool(facts["plan"]["paced"] or facts["plan"]["pauses"]))
    host, evidence = facts["target"]["host"], (dict(seen),)
    times = f"asked {seen['asked']} times in {seen['seconds']:g} s"
    if seen["failures"]:
        first = seen["failures"][0]
        said = f"{times}; fails {len(seen['failures'])} times, first after {first['second']:g} s: {first['error_text']}"
        return asker.failed(check, host, said, evidence=evidence)
    said = f"{times}: {len(seen['addresses'])} addresses, {len(seen['new'])} of them not among the first"
    return asker.passed(check, host, said, evidence=evidence)


def _disagreement(line: Mapping[str, Any]) -> str:
    expected = "to survive"
    if line["bound"]:
        expected = f"cut at {line['predicted_second']:g} s by {line['bound']['setting']}"
    second = line["observed_second"]
    seen = line["observed"] + (f" at {second:g} s" if second is not None else "")
    return f"{line['what']}: predicted {expected}, seen {seen}"
