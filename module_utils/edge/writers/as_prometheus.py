# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus text format, for the node exporter's textfile collector. Pure.

Series are few: counts an edge, and one series for each check that fails. Units stand in the names, as Prometheus'
naming practice asks; bounds are in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from ..finding import SEVERITIES
from ..verdict import VERDICTS
from .model import STATUS_ORDER, Report, moment


def write(report: Report) -> Iterator[str]:
    """The file."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(report))
    yield generate_latest(registry).decode("utf-8")


class _Metrics(Collector):
    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("edgepath_build", "The edgepath that wrote the report.", self._build())
        yield from self._of_run()
        yield from self._of_edges()
        yield from self._of_findings()
        if self._report.waivers:
            yield from self._waivers()
        if self._report.history is not None:
            yield from self._changes()

    def _build(self) -> dict[str, str]:
        run = self._report.run
        return {"version": run["version"], "commit": str(run.get("commit") or "")}

    def _of_run(self) -> Iterator[Metric]:
        report = self._report
        duration = (report.finished - report.started).total_seconds()
        for name, meaning, value in (
            ("edgepath_run_finished_timestamp_seconds", "When the run ended, Unix time.", report.finished.timestamp()),
            ("edgepath_run_duration_seconds", "How long the run took.", duration),
            ("edgepath_answers_expected", "Answers that the run should have given.", report.coverage["expected"]),
            ("edgepath_answers_judged", "Answers that are not unknown.", report.coverage["judged"]),
            (
                "edgepath_permissions_missing",
                "Permissions that the auditor lacked.",
                len(report.coverage["missing_permissions"]),
            ),
        ):
            yield GaugeMetricFamily(name, meaning, value)

    def _of_edges(self) -> Iterator[Metric]:
        verdict = _gauge("edgepath_verdict", "1 for the verdict on the edge, 0 for the others.", ("edge", "verdict"))
        failed = _gauge("edgepath_edge_failed", "Whether the edge's host fails the run.", ("edge",))
        longest = _gauge("edgepath_longest_recording_minutes", "The longest recording that survives.", ("edge",))
        share = _gauge("edgepath_failing_share", "Share of the storage addresses that fail.", ("edge",))
        bound = _gauge("edgepath_bound_seconds", "The tightest bound at a hop.", ("edge", "hop", "kind"))
        for name, edge in self._report.edges.items():
            for word in VERDICTS:
                verdict.add_metric((name, word), float(edge["verdict"] == word))
            failed.add_metric((name,), float(bool(edge.get("failed"))))
            if edge.get("longest_recording_minutes") is not None:
                longest.add_metric((name,), edge["longest_recording_minutes"])
            if edge.get("failing_share") is not None:
                share.add_metric((name,), edge["failing_share"])
            for hop in edge["path"]:
                limit = hop.get("bound") or {}
                if limit.get("seconds"):
                    bound.add_metric((name, hop["hop"], str(limit.get("kind"))), limit["seconds"])
        yield from (verdict, failed, longest, share, bound)

    def _of_findings(self) -> Iterator[Metric]:
        findings = _gauge("edgepath_findings", "Findings of an edge.", ("edge", "status", "severity"))
        failing = _gauge("edgepath_check_failing", "Failing findings of a check.", ("edge", "check", "hop", "severity"))
        rows = self._report.rows
        counted = Counter((row.finding["edge"], row.status, row.check["severity"]) for row in rows)
        for name in self._report.edges:
            for status in STATUS_ORDER:
                for severity in SEVERITIES:
                    findings.add_metric((name, status, severity), counted[name, status, severity])
        failed = Counter(
            (row.finding["edge"], row.id, row.finding["hop"], row.check["severity"])
            for row in rows
            if row.status == "fail"
        )
        for labels, number in sorted(failed.items()):
            failing.add_metric(labels, number)
        accepted = _gauge(
            "edgepath_findings_accepted", "Findings that a waiver accepts, by what they are.", ("edge", "status")
        )
        waived = Counter((row.finding["edge"], row.status) for row in rows if row.accepted)
        for of_edge, number in sorted(waived.items()):
            accepted.add_metric(of_edge, number)
        yield from (findings, failing, accepted)

    def _waivers(self) -> Iterator[Metric]:
        """One series a check and ticket: of several waivers the one that ends first."""
        labels = ("check", "ticket")
        ends = _gauge("edgepath_waiver_end_timestamp_seconds", "When a waiver ends, Unix time.", labels)
        used = _gauge("edgepath_waiver_findings", "Findings that a waiver accepts, or accepted until it ended.", labels)
        first: dict[tuple[str, str], float] = {}
        findings: Counter[tuple[str, str]] = Counter()
        for waiver in self._report.waivers:
            named = (str(waiver.get("check")), str(waiver.get("ticket")))
            end = moment(str(waiver.get("ends") or waiver.get("expires", "")), f"waiver of {named[0]}: its end")
            first[named] = min(end.timestamp(), first.get(named, end.timestamp()))
            findings[named] += int(waiver.get("findings") or 0)
        for named, seconds in first.items():
            ends.add_metric(named, seconds)
            used.add_metric(named, findings[named])
        yield from (ends, used)

    def _changes(self) -> Iterator[Metric]:
        changes = _gauge(
            "edgepath_findings_changed", "Findings by what became of them since the run before.", ("change",)
        )
        for word, number in self._report.changes().items():
            changes.add_metric((word,), number)
        flapping = sum(1 for row in self._report.rows if row.finding.get("flapping"))
        yield changes
        yield GaugeMetricFamily("edgepath_findings_flapping", "Findings that come and go.", flapping)


def _gauge(name: str, meaning: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=labels)
