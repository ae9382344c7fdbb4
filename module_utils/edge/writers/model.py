# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json as the writers read it: checked once, in one order, with one identity for each finding. Pure.

Beside what edge_report always writes, a report may hold, and every writer then shows:
    edges.<name>.payload    {"longest_minutes": 240.0, "transfer_seconds": 4800.0}   the profile's longest recording
    edges.<name>.probe      {"comparison": [...], "causes": [...], "spent": {"seconds", "bytes"}}   of edge_path_probe
    finding.waiver          {"reason", "approver", "ticket", "expires": "2027-01-31", "state": "active" | "expired"}
    finding.change          "new" | "changed" | "unchanged" | "fixed" since the run before
    finding.first_seen      when the finding was first there;   finding.flapping   how often it came and went of late
    waivers                 [{"check", "scope", "reason", "approver", "ticket", "expires", "state", "findings"}]
    history                 {"since": "<run id>", "trend": [{"started", "fail", "unknown"}],   oldest first
                             "gone": [{"edge", "check", "resource", "was", "first_seen"}],   no longer there
                             "edges": {"<name>": {"since", "verdicts": [[started, verdict], ..]}}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

from ..finding import EFFECTS, HOPS, REASONS, SEVERITIES, STATUSES, EdgepathError
from ..report import SCHEMA
from ..verdict import VERDICTS
from ..visible import shown

# Worst first.
STATUS_ORDER = ("fail", "unknown", "waived", "pass", "not_applicable")
CHANGES = ("new", "changed", "unchanged", "fixed")

_RUN = {"id": str, "started": str, "finished": str, "version": str}
_EDGE = {"verdict": str, "sentence": str, "path": list, "findings": list}
_CHECK = {"title": str, "severity": str, "hop": str, "effect": str, "remediation": str, "source": str}
_FINDING = {"check": str, "status": str, "edge": str, "hop": str, "resource": str, "expected": str, "observed": str}
_WORDS = {"status": STATUSES, "hop": HOPS, "severity": SEVERITIES, "effect": EFFECTS, "verdict": VERDICTS}


@dataclass(frozen=True)
class Row:
    """One finding with the words of its check. uid: 32 hexadecimal digits, the same in every run.

    number: its place among the findings of its edge.
    """

    uid: str
    finding: Mapping[str, Any]
    check: Mapping[str, Any]
    number: int = 0

    @property
    def status(self) -> str:
        return str(self.finding["status"])

    @property
    def id(self) -> str:
        return str(self.finding["check"])

    @property
    def accepted(self) -> bool:
        """Whether a waiver that holds accepts it: a waived finding, or an unknown one that may be unknown."""
        waiver = self.finding.get("waiver") or {}
        return self.status == "waived" or (self.status == "unknown" and waiver.get("state") == "active")

    @property
    def reopened(self) -> bool:
        """Whether a waiver accepted it until it expired."""
        return (self.finding.get("waiver") or {}).get("state") == "expired"

    @property
    def cure(self) -> str:
        """The smallest change where the check worked one out, else what it says to do, else what the catalogue says."""
        fix = self.finding.get("fix") or {}
        return str(fix.get("summary") or self.advice or self.check["remediation"])

    @property
    def advice(self) -> str:
        """What the check itself says to do where it has no change to offer."""
        wanted = self.status in ("fail", "waived") and not self.finding.get("fix")
        return str(self.finding.get("message") or "") if wanted else ""


@dataclass(frozen=True)
class Report:
    """A report.json that holds what the writers need. edges: worst first; rows: all findings, worst first."""

    run: Mapping[str, Any]
    edges: Mapping[str, Mapping[str, Any]]
    checks: Mapping[str, Mapping[str, Any]]
    coverage: Mapping[str, Any]
    rows: Sequence[Row]
    waivers: Sequence[Mapping[str, Any]]
    history: Mapping[str, Any] | None
    converge: Mapping[str, Any] | None = None

    @property
    def finished(self) -> datetime:
        return moment(self.run["finished"], "run.finished")

    @property
    def started(self) -> datetime:
        return moment(self.run["started"], "run.started")

    def counts(self) -> dict[str, int]:
        """How many findings have each status; every status is there."""
        return count(self.rows)

    def changes(self) -> dict[str, int]:
        """How many findings are new, fixed and so on since the run before; those that are gone count as fixed."""
        words = [row.finding.get("change") for row in self.rows]
        table = {word: words.count(word) for word in CHANGES}
        table["fixed"] += len((self.history or {}).get("gone") or ())
        return table


def count(rows: Sequence[Row]) -> dict[str, int]:
    table = dict.fromkeys(STATUS_ORDER, 0)
    for row in rows:
        table[row.status] += 1
    return table


def parse(data: Any, where: str) -> Report:
    """The report in data; EdgepathError says what is wrong with it and where. where: the name of its file.

    All text in it is made visible, once and for every writer; a finding's uid is of the text as it was.
    """
    raw, data = data, shown(data)
    _holds(data, {"run": dict, "edges": dict, "checks": dict, "coverage": dict}, where)
    if data.get("schema") != SCHEMA:
        raise EdgepathError(f"{where}: schema {data.get('schema')!r} is not known; this edgepath reads schema {SCHEMA}")
    _holds(data["run"], _RUN, f"{where}: run")
    _holds(data["coverage"], {"expected": int, "judged": int, "missing_permissions": list}, f"{where}: coverage")
    for name, check in data["checks"].items():
        _holds(check, _CHECK, f"{where}: checks.{name}")
    for name, edge in data["edges"].items():
        _holds(edge, _EDGE, f"{where}: edges.{name}")
        for number, hop in enumerate(edge["path"]):
            _holds(hop, {"hop": str, "status": str}, f"{where}: edges.{name}.path[{number}]")
    if len(raw["edges"]) != len(data["edges"]):
        raise EdgepathError(f"{where}: the names of two edges cannot be told apart when they are shown; rename one")
    edges = sorted(data["edges"].items(), key=lambda item: (VERDICTS.index(item[1]["verdict"]), item[0]))
    rows = sorted(_rows(raw, data, where), key=_worst_first)
    further = (data.get("waivers") or [], data.get("history"), data.get("converge"))
    report = Report(data["run"], dict(edges), data["checks"], data["coverage"], rows, *further)
    moment(data["run"]["started"], f"{where}: run.started")
    moment(data["run"]["finished"], f"{where}: run.finished")
    return report


def moment(text: str, where: str) -> datetime:
    """The time in an ISO 8601 text; UTC where it names no zone."""
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise EdgepathError(f"{where}: {text!r} is no time") from None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def days_left(waiver: Mapping[str, Any], today: date) -> int | None:
    """Days until a waiver ends, negative where it has; None where its end cannot be read."""
    try:
        return (date.fromisoformat(str(waiver.get("expires", ""))[:10]) - today).days
    except ValueError:
        return None


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON in ASCII; EdgepathError for what JSON cannot say (a number that is not finite)."""
    try:
        return json.dumps(value, indent=indent, separators=None if indent else (",", ":"), allow_nan=False)
    except ValueError as error:
        raise EdgepathError(f"the report holds a value that JSON cannot say: {error}") from None


def _rows(raw: Mapping[str, Any], data: Mapping[str, Any], where: str) -> Iterator[Row]:
    """The findings of data; raw: the same report as it was read."""
    seen: dict[str, int] = {}
    for (own, as_read), (name, edge) in zip(raw["edges"].items(), data["edges"].items()):
        for number, finding in enumerate(edge["findings"]):
            place = f"{where}: edges.{name}.findings[{number}]"
            _holds(finding, _FINDING, place)
            _optional(finding, place)
            if finding["check"] not in data["checks"]:
                raise EdgepathError(f"{place}: {finding['check']} is not among the report's checks")
            if finding["edge"] != name:
                raise EdgepathError(f"{place}: it belongs to the edge {finding['edge']!r}")
            identity = "\0".join((finding["check"], own, as_read["findings"][number]["resource"]))
            seen[identity] = seen.get(identity, 0) + 1
            if seen[identity] > 1:
                identity += f"\0{seen[identity]}"
            uid = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:32]
            yield Row(uid, finding, data["checks"][finding["check"]], number)


def _optional(finding: Mapping[str, Any], place: str) -> None:
    if (finding["status"] == "unknown") != (finding.get("reason") in REASONS):
        raise EdgepathError(f"{place}: an unknown finding, and only that, carries a reason")
    if finding.get("change") not in (None, *CHANGES):
        raise EdgepathError(f"{place}: change {finding['change']!r} is not known")
    for key, kind in (("bound", dict), ("fix", dict), ("waiver", dict), ("evidence", list), ("permissions", list)):
        if finding.get(key) is not None and not isinstance(finding[key], kind):
            raise EdgepathError(f"{place}: {key} is not a {kind.__name__}")


def _holds(value: Any, keys: Mapping[str, type], place: str) -> None:
    """Raise EdgepathError unless value is a mapping with these keys, and its words are known ones."""
    if not isinstance(value, dict):
        raise EdgepathError(f"{place}: not a mapping; was the file cut?")
    for key, kind in keys.items():
        if not isinstance(value.get(key), kind):
            state = "is missing" if key not in value else f"is not a {kind.__name__}"
            raise EdgepathError(f"{place}: {key} {state}; write the report again with edge_report")
        if key in _WORDS and value[key] not in _WORDS[key]:
            raise EdgepathError(f"{place}: {key} {value[key]!r} is not known")


def _worst_first(row: Row) -> tuple[int, int, int, int, str, str, str]:
    finding, check = row.finding, row.check
    return (
        STATUS_ORDER.index(row.status),
        -SEVERITIES.index(check["severity"]),
        EFFECTS.index(check["effect"]),
        HOPS.index(finding["hop"]),
        row.id,
        finding["edge"],
        finding["resource"],
    )
