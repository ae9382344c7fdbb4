# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the witnesses say of one edge. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from ..targets import Edge
from .catalogue import BY_CLASS, CATALOGUE
from .window import Window

__all__ = ["CATALOGUE", "judge"]

NO_WINDOW = "no failing window was given (edge_job_path or edge_window)"
# A failing window in which the log says nothing for so large a part is silent, whatever it says in the rest.
SILENT_SHARE = 0.5
# Of the connections that the node opened and accepted; this project's own measure, there is no standard for it.
ABORTED_SHARE = 0.01
_WORDS = {
    "connection_refused": "refused connections",
    "access_denied": "denied access",
    "timeout": "timeouts",
    "reset": "connections reset",
    "tls": "trouble with TLS",
    "dns": "names that did not resolve",
    "throttling": "throttling",
}
_MOST_CULPRITS = 3


@dataclass(frozen=True)
class _Case:
    edge: Edge
    facts: Mapping[str, Any]
    ask: Asker

    @property
    def path(self) -> str:
        return self.edge.log_path or self.edge.name

    def gap(self, key: str) -> Unread | None:
        """Why a fact could not be read, or is not there at all."""
        if key not in self.facts:
            return Unread("not_collected", "edge_facts", self.edge.name, f"edge {self.edge.name}: {key} was not read")
        return unread(self.facts[key])

    def known(self, key: str) -> Any:
        """A fact that adds to an answer; None where it could not be read, which takes nothing from the answer."""
        found = self.facts.get(key)
        return None if unread(found) is not None else found

    @property
    def when(self) -> str:
        """The time that the log was read for, in words."""
        window = self.facts["window"]
        return f"from {window['start']} to {window['end']}" if window else f"in the newest log file; {NO_WINDOW}"


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:  # noqa: ARG001 - all judges alike
    """A finding for every check. facts: of facts.gather; what of upstream counts is in them."""
    case = _Case(edge, facts, Asker(edge.name, CATALOGUE))
    findings = [_class(case, name) for name in BY_CLASS]
    return [
        *findings,
        _silence(case),
        _clock(case),
        _kernel(case),
        _tracking(case),
        _allowance(case),
        _journal(case),
    ]


def _log(case: _Case, check: str) -> Mapping[str, Any] | Finding:
    """The log's fact, or the finding that follows where there is none to judge."""
    gap = case.gap("window") or case.gap("log")
    if gap is not None:
        return case.ask.unknown(check, case.path, gap)
    log = case.facts["log"]
    if log is None:
        return case.ask.not_applicable(check, case.path, "edge_log_path is not set")
    return dict(log)


def _lacking(case: _Case, log: Mapping[str, Any]) -> Unread | None:
    """Why the log does not tell all of the window."""
    for problem in log["problems"]:
        found = unread(problem)
        if found is not None:
            return found
    if log["covers"] == "all":
        return None
    oldest = f"its oldest line is of {log['oldest']}" if log["oldest"] else "it has no line with a time"
    window = case.facts["window"]
    message = f"{case.path}: does not reach back to {window['start']}: {oldest}" if window else f"{case.path}: {oldest}"
    return Unread("not_collected", "read", case.path, message)


def _class(case: _Case, name: str) -> Finding:
    check = BY_CLASS[name]
    log = _log(case, check)
    if isinstance(log, Finding):
        return log
    seen = log["classes"][name]
    if seen["count"]:
        observed = f"{_WORDS[name]}: {_lines(seen['count'])}, {_span(seen)}, {case.when}"
        return case.ask.failed(check, case.path, observed, evidence=tuple(seen["samples"]))
    lacking = _lacking(case, log)
    if lacking is not None:
        return case.ask.unknown(check, case.path, lacking)
    return case.ask.passed(check, case.path, f"none in {_lines(log['lines_in_window'])} {case.when}")


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _span(seen: Mapping[str, Any]) -> str:
    if seen["first"] is None:
        return "without a time"
    if seen["count"] == 1:
        return f"at {seen['first']}"
    return f"first {seen['first']}, last {seen['last']}"


def _silence(case: _Case) -> Finding:
    check = "LOG-08"
    log = _log(case, check)
    if isinstance(log, Finding):
        return log
    window = case.facts["window"]
    job_gap = case.gap("job")
    if window is None:
        if job_gap is not None:
            return case.ask.unknown(check, case.path, job_gap)
        return case.ask.not_applicable(check, case.path, NO_WINDOW)
    job = None if job_gap is not None else case.facts["job"]
    if job is not None and not job["failed"]:
        return case.ask.not_applicable(
            check, case.path, f"job {job['id']} is {job['state']}: nothing failed in its window"
        )
    told = sum(seen["count"] for seen in log["classes"].values())
    silent = _silent_seconds(log)
    long = silent >= SILENT_SHARE * _seconds(window)
    lacking = _lacking(case, log)
    if lacking is not None and (log["covers"] == "none" or not told):
        return case.ask.unknown(check, case.path, lacking)
    if told and not long:
        return case.ask.passed(check, case.path, f"{_lines(told)} of failures {case.when}")
    return case.ask.failed(check, case.path, _silent_words(case, log, told, silent), evidence=_evidence(case, log))


def _silent_seconds(log: Mapping[str, Any]) -> float:
    return float(log["silence"]["seconds"]) if log["silence"] else 0.0


def _seconds(window: Mapping[str, Any]) -> float:
    parsed = Window.from_mapping(window)
    return parsed.seconds if parsed is not None else 0.0


def _silent_words(case: _Case, log: Mapping[str, Any], told: int, silent: float) -> str:
    words = f"{_lines(told)} of failures" if told else f"{_lines(log['lines_in_window'])}, none of a failure"
    words = f"the export failed {case.when}, and the log holds {words}"
    if silent:
        words += f"; it is silent for {silent:g} s from {log['silence']['from']}"
    if log["jumps_count"]:
        words += "; its clock jumps, which may look like silence"
    likely = case.known("culprits") or []
    return f"{words}. Likeliest by the settings as they are now: {likely[0]['title']}" if likely else words


def _evidence(case: _Case, log: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    first = {"file": log["path"], "lines_in_window": log["lines_in_window"], "silence": log["silence"]}
    culprits = (case.known("culprits") or [])[:_MOST_CULPRITS]
    keys = ("rank", "check", "title", "for", "against")
    return (first, *({key: culprit[key] for key in keys} for culprit in culprits))


def _clock(case: _Case) -> Finding:
    check = "LOG-09"
    log = _log(case, check)
    if isinstance(log, Finding):
        return log
    if log["jumps_count"]:
        first = log["jumps"][0]
        observed = (
            f"{log['jumps_count']} times; first by {-first['seconds']:g} s, from {first['from']} to {first['to']}"
        )
        if 3500 <= -first["seconds"] <= 3700:
            observed += f"; an hour is what the end of summer time takes: the zone is {log['zone']['name']}"
            observed += f" ({log['zone']['origin']})"
        return case.ask.failed(check, case.path, observed, evidence=tuple(log["jumps"]))
    lacking = _lacking(case, log)
    if lacking is not None:
        return case.ask.unknown(check, case.path, lacking)
    return case.ask.passed(check, case.path, f"never in {_lines(log['lines'])}")


def _kernel(case: _Case) -> Finding:
    """The share of connections that ended for want of an answer, since the node's start."""
    check = "LOG-10"
    gap = case.gap("tcp") or unread(case.facts.get("tcp_added"))
    if gap is not None:
        return case.ask.unknown(check, "/proc/net/netstat", gap)
    tcp: Mapping[str, int] = case.facts["tcp"]
    wanted = ("TcpExt.TCPAbortOnTimeout", "Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.EstabResets")
    missing = [name for name in wanted if name not in tcp]
    if missing:
        message = f"/proc/net/netstat and /proc/net/snmp hold no {', '.join(missing)}"
        return case.ask.unknown(check, "/proc/net/netstat", Unread("error", "read", "/proc/net/netstat", message))
    opened = tcp["Tcp.ActiveOpens"] + tcp["Tcp.PassiveOpens"]
    aborted = tcp["TcpExt.TCPAbortOnTimeout"]
    added = case.facts.get("tcp_added") or {}
    uptime = case.known("uptime")
    since = f" in {uptime / 3600:.1f} h since the node's start" if uptime else ""
    observed = f"TCPAbortOnTimeout {aborted}, EstabResets {tcp['Tcp.EstabResets']} of {opened} connections{since}"
    if added:
        observed += f"; {added.get('TcpExt.TCPAbortOnTimeout', 0)} more in the {added['seconds']:g} s of this visit"
    evidence = ({"counters": dict(tcp), "added": dict(added)},)
    fails = aborted > ABORTED_SHARE * opened or added.get("TcpExt.TCPAbortOnTimeout", 0) > 0
    answer = case.ask.failed if fails else case.ask.passed
    return answer(check, "/proc/net/netstat", observed, evidence=evidence)


def _tracking(case: _Case) -> Finding:
    check, resource = "LOG-11", "/proc/net/stat/nf_conntrack"
    gap = case.gap("tracking")
    if gap is not None:
        return case.ask.unknown(check, resource, gap)
    counters: Mapping[str, int] | None = case.facts["tracking"]
    if counters is None:
        return case.ask.not_applicable(check, resource, "the kernel tracks no connections")
    words = ", ".join(f"{name} {value}" for name, value in counters.items())
    if any(counters.values()):
        return case.ask.failed(check, resource, f"{words} since the node's start", evidence=(dict(counters),))
    return case.ask.passed(check, resource, words or "the kernel counts none")


def _allowance(case: _Case) -> Finding:
    check, resource = "LOG-12", "linklocal_allowance_exceeded"
    gap = case.gap("allowance")
    if gap is not None:
        return case.ask.unknown(check, resource, gap)
    found: Mapping[str, int] = case.facts["allowance"]
    if not found:
        return case.ask.not_applicable(check, resource, "no interface's driver counts it")
    words = ", ".join(f"{interface}: {packets}" for interface, packets in found.items())
    if any(found.values()):
        return case.ask.failed(
            check, resource, f"packets dropped since the node's start: {words}", evidence=(dict(found),)
        )
    return case.ask.passed(check, resource, f"no packet was dropped ({words})")


def _journal(case: _Case) -> Finding:
    check = "LOG-13"
    resource = case.edge.export_service or case.edge.name
    gap = case.gap("window") or case.gap("journal")
    if gap is not None:
        return case.ask.unknown(check, resource, gap)
    journal = case.facts["journal"]
    if journal is None:
        return case.ask.not_applicable(check, resource, "edge_export_service is not set")
    when = "in the window" if case.facts["window"] else f"in its newest lines; {NO_WINDOW}"
    classes = {name: seen["count"] for name, seen in journal["classes"].items()}
    if journal["ends"] or classes:
        words = [f"{_WORDS[name]} {count}" for name, count in classes.items()]
        words += [f"{len(journal['ends'])} times that it did not end well"] if journal["ends"] else []
        samples = [*journal["ends"], *(sample for seen in journal["classes"].values() for sample in seen["samples"])]
        return case.ask.failed(check, resource, f"{', '.join(words)} {when}", evidence=tuple(samples))
    return case.ask.passed(check, resource, f"none in {_lines(journal['lines'])} {when}")
