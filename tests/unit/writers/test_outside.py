# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from outside through every writer: files, mail, terminal. A writer that is not in the table fails the test."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge import summary
from ansible.module_utils.edge.converge import words
from ansible.module_utils.edge.evidence import render
from ansible.module_utils.edge.evidence import summary as evidence_summary
from ansible.module_utils.edge.history import text as history_text
from ansible.module_utils.edge.notify import text as notify_text
from ansible.module_utils.edge.notify.mail import Mail
from ansible.module_utils.edge.notify.notice import KINDS, notice
from ansible.module_utils.edge.retrieve import announce
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.writers import as_html
from ansible.module_utils.edge.writers.formats import WRITERS
from ansible.module_utils.edge.writers.model import parse
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.writers import reports

HOUSE = Path(summary.__file__).parent
# How files are called that make text for people; each stands in the table below.
NAMES = ("writers/as_*.py", "**/text.py", "**/words.py", "**/summary.py", "**/render.py", "**/announce.py")

# What no reader of anything may meet, each with what must not be left of it.
OUTSIDE = {
    "an escape sequence": ("\x1b[31mred\x1b]0;title\x07", "\x1b\x07"),
    "one in a character": ("\x9b31mred\x9d0;title\x9c", "\x9b\x9c\x9d"),
    "a null and a delete": ("a\0b\x7fc", "\0\x7f"),
    "line ends of old": ("a\rCLEAR\x0b\x0c\x85b", "\r\x0b\x0c\x85"),
    "line ends of Unicode": ("a\u2028b\u2029c", "\u2028\u2029"),
    "directions": ("\u202egpj\u202d\u2066x\u2069\u200e\u200f", "\u202e\u202d\u2066\u2069\u200e\u200f"),
    "nothing to be seen": ("a\u200bb\u2060c\ufeffd\u00ade\U000e0041", "\u200b\u2060\ufeff\u00ad\U000e0041"),
    "half a letter": ("caf\udce9 \ud83d", "\udce9\ud83d"),
    "no character": ("a\ufffeb\uffffc", "\ufffe\uffff"),
    "a formula": ("=cmd|' /C calc'!A0", ""),
    "markup": ("</script><img src=x onerror=alert(1)>", ""),
}
ORDINARY = [
    "caf\u00e9 Stra\u00dfe \u0141\u00f3d\u017a",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u5f55\u97f3 \u0915\u094d\u200d\u0937",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
]


def hostile(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A report in which all that comes from outside is this text."""
    monkeypatch.setattr(reports, "HOSTILE", text)
    report = reports.hostile()
    report["run"]["report"] = f"/runs/{text}/report.json"
    report["coverage"]["missing_policies"] = [{"reader": text, "edges": [text], "document": {"Sid": text}}]
    ((name, edge),) = report["edges"].items()
    report["history"]["edges"] = {name: {"verdicts": [["2026-11-01T00:00:00+00:00", "clear"],
                                                      ["2026-11-02T00:00:00+00:00", edge["verdict"]]]}}  # fmt: skip
    report["converge"] = {"run": text, "edges": {name: {**edge, "changes": [{"object": text, "why": [text]}],
                                                        "held": [text]}}}  # fmt: skip
    for waiver in report["waivers"]:
        waiver.update(state="active", findings=1)
    return report


def moves(text: str) -> dict[str, Any]:
    return {
        "check": "X-1", "severity": "high", "status": "fail", "since": "2026-11-01", "resource": text, "flips": 2,
        "first_seen": "", "last_seen": "", "moves": [{"started": "", "status": "fail", "observed": text}],
    }  # fmt: skip


def history_lines(text: str, _: dict[str, Any]) -> Iterator[str]:
    numbers = dict.fromkeys(("edges", "fail", "unknown", "waived", "new", "fixed", "changed"), 1)
    yield from history_text.runs([{"id": text, "started": text, "verdicts": {"clear": 1}, **numbers}])
    verdict = {"started": "2026", "verdict": "clear", "longest_minutes": 1.0, "sentence": text, "run": text, **numbers}
    told = {"edge": text, "runs": 1, "first_started": "2026", "verdicts": [verdict], "findings": [moves(text)]}
    yield from history_text.edge(told)
    item = {"edge": text, "check": text, "severity": "high", "was": "fail", "now": "pass", "resource": text,
            "observed": text, "observed_before": text}  # fmt: skip
    yield from history_text.diff({
        "from": {"id": text, "started": ""}, "to": {"id": text, "started": ""}, "edges": 1, "only_from": [text],
        "only_to": [text], "verdicts": [{"edge": text, "was": "clear", "now": "clear", "sentence": text}],
        "new": [item], "fixed": [item], "changed": [item], "unchanged": 0,
    })  # fmt: skip


def told(report: dict[str, Any]) -> dict[str, Any]:
    found = notice(parse(report, "report.json"), KINDS, "info", 4000, ())
    assert found is not None
    return found


def mail(text: str, report: dict[str, Any]) -> Iterator[str]:
    sender = Mail("mail.example", 587, "starttls", "a@b.example", ("c@d.example",), lambda *_: ())
    message: EmailMessage = sender.message(told(report), 0)
    yield str(message["Subject"])
    yield from strings(json.loads(message.get_payload()[1].get_content()))  # type: ignore[union-attr,index]
    for part in message.get_payload()[0].get_payload():  # type: ignore[union-attr,index]
        yield part.get_payload(decode=True).decode()


def evidence(text: str) -> list[Any]:
    item = {"key": text, "version_id": text, "path": text, "size": 1, "sha256": "0", "verified": True,
            "service_checksums": {"agree": [text]}}  # fmt: skip
    defect = {"at_seconds": None, "kind": text, "detail": text, "explained_by": text}
    audio = {"path": text, "walk": {"codec": text, "format": None}, "reconciliation": {
        "measured_seconds": None, "status": text, "sentence": text, "defects": [defect],
        "durations": [{"stated_by": text, "seconds": 1.0}]}}  # fmt: skip
    return evidence_summary.sections({
        "about": {"matter": text, "custodian": text, "sealed": text, "keyid": text}, "objects": [item],
        "audio": {"recordings": [audio]}, "journal": {"entries": 1, "head": text}, "caller": {"Arn": text},
        "reconciliation": {"complete": True, "items": [{"asked": text, "state": text, "reason": text}]},
        "clock": {"offset_seconds": 0, "source": text, "uncertainty_seconds": 0}, "timestamp": {"text": text},
    })  # fmt: skip


def pdf(text: str, _: dict[str, Any]) -> Iterator[str]:
    document = render.pdf(text, evidence(text), datetime(2026, 11, 23, tzinfo=timezone.utc))
    assert document is not None
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL):
        try:
            yield zlib.decompress(packed).decode("latin-1")
        except zlib.error:
            continue


def page(text: str, report: dict[str, Any]) -> Iterator[str]:
    content = "".join(as_html.write(parse(report, "report.json"), reports.parts(), reports.PLAYBOOKS, ["inventory"]))
    (carried,) = re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", content, re.DOTALL)
    yield from strings(json.loads(carried))
    yield html.unescape(content.replace(carried, ""))


def cells(text: str, report: dict[str, Any]) -> Iterator[str]:
    content = "".join(WRITERS["csv"](parse(report, "report.json")))
    assert "\r" not in content.replace("\r\n", "")
    for row in csv.reader(io.StringIO(content)):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@")), cell
        yield from row


def junit(text: str, report: dict[str, Any]) -> Iterator[str]:
    for element in ElementTree.fromstring("".join(WRITERS["junit"](parse(report, "report.json")))).iter():
        yield from (element.text or "", *element.attrib.values())


def metrics(text: str, report: dict[str, Any]) -> Iterator[str]:
    for family in text_string_to_metric_families("".join(WRITERS["prometheus"](parse(report, "report.json")))):
        for sample in family.samples:
            yield from sample.labels.values()


def of_json(name: str) -> Callable[[str, dict[str, Any]], Iterator[str]]:
    def read(text: str, report: dict[str, Any]) -> Iterator[str]:
        yield from strings(json.loads("".join(WRITERS[name](parse(report, "report.json")))))

    return read


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in strings(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in strings(each))


def terminal(text: str, report: dict[str, Any]) -> Iterator[str]:
    plain, painted = summary.lines(report), summary.lines(report, colour=True)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in painted] == plain
    assert sum("\x1b" in line for line in painted) == len(report["edges"]), "painted is the verdict, and nothing else"
    assert not any(line.splitlines()[1:] for line in plain), "a line of a report is more than one of the terminal's"
    yield from plain


def retrieval(text: str, _: dict[str, Any]) -> Iterator[str]:
    item = {"state": "fetch", "key": text, "version_id": text, "size": 1, "reason": text, "notes": [text]}
    refused = {**item, "state": "ambiguous"}
    yield from announce.plan_lines({
        "objects": [item, refused], "size": 1, "asked": [text], "rule": "fail",
        "missing": [{"asked": text, "reason": text}], "duplicates": [{"asked": text, "keys": [text]}],
    })  # fmt: skip
    yield from announce.account_lines(
        {"complete": False, "items": [{"asked": text, "state": "missing", "reason": text}]}
    )


# By the file that writes it; what a person reads there, as the reader of that format hands it on.
TABLE: dict[str, Callable[[str, dict[str, Any]], Iterator[str]]] = {
    "writers/as_csv.py": cells,
    "writers/as_html.py": page,
    "writers/as_junit.py": junit,
    "writers/as_ocsf.py": of_json("ocsf"),
    "writers/as_prometheus.py": metrics,
    "writers/as_sarif.py": of_json("sarif"),
    "summary.py": terminal,
    "history/text.py": history_lines,
    "notify/text.py": mail,
    "evidence/summary.py": lambda text, _: iter([render.html(text, evidence(text)).decode()]),
    "evidence/render.py": pdf,
    "retrieve/announce.py": retrieval,
    # Shown by the callback, which makes each line visible; a report's before and after are lines of summary.py.
    "converge/words.py": lambda text, _: map(
        visible_line, words.outcome({text: {"changed": [text], "held": [text], "lost": [text]}}, check=False)
    ),
}


def test_every_writer_is_in_the_table() -> None:
    found = {str(path.relative_to(HOUSE)) for name in NAMES for path in HOUSE.glob(name)}
    assert found == set(TABLE)
    assert {f"writers/as_{name}.py" for name in [*WRITERS, "html"]} == {name for name in found if "/as_" in name}


@pytest.mark.parametrize("writer", TABLE)
@pytest.mark.parametrize("case", OUTSIDE)
def test_what_steers_or_hides_reaches_nobody(case: str, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, never = OUTSIDE[case]
    content = "\n".join(TABLE[writer](text, hostile(text, monkeypatch)))
    content.encode("utf-8")
    assert not set(content) & set(never)
    assert not re.findall("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", content)
    mark = {"markup": "onerror", "a formula": "cmd|"}.get(case, "\\")
    assert mark in content or (writer == "writers/as_prometheus.py" and "edge" in content), "the text itself is lost"


@pytest.mark.parametrize("writer", [name for name in TABLE if name != "evidence/render.py"])  # its fonts are Latin-1
@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_readable(text: str, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "\n".join(TABLE[writer](text, hostile(text, monkeypatch)))
    assert text in content
    assert "\\u" not in content.replace("\\u003", "")


@pytest.mark.parametrize("writer", [name for name in TABLE if name.startswith(("writers", "summary", "notify"))])
def test_a_word_of_a_million_letters(writer: str) -> None:
    report = reports.raw("london", rich=True)
    report["edges"]["london"]["sentence"] = "\u202e" * 1_000_000
    for finding in report["edges"]["london"]["findings"][:2]:
        finding["observed"] = "x" * 1_000_000
    report["history"]["edges"] = {"london": {"verdicts": [["2026", "clear"], ["2026", "blocked"]]}}
    report["waivers"] = []
    content = "\n".join(TABLE[writer]("", report))
    assert len(content) < 700_000
    if writer != "writers/as_prometheus.py":
        assert "(1,000,000 characters in all)" in content or " ..." in content


def test_a_notice_that_waited_since_an_older_version_is_shown_as_text_too() -> None:
    found = json.loads(json.dumps(_old()))
    shown = [notify_text.subject(found), notify_text.plain(found), notify_text.as_html(found)]
    assert not re.findall("[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]", "".join(shown))
    assert all("\\x1b[2J" in each for each in shown)


def _old() -> dict[str, Any]:
    evil = "\x1b[2J\u202e"
    finding = {"change": "new", "uid": "0", "edge": evil, "check": "X-1", "title": evil, "severity": "high",
               "status": "fail", "resource": evil, "observed": evil, "cure": evil}  # fmt: skip
    return {
        "summary": evil, "unknown": None, "left_out": 0,
        "verdicts": [{"edge": evil, "was": "clear", "now": "blocked", "sentence": evil}], "findings": [finding],
        "waivers": [{"check": evil, "state": "active", "expires": "2026-11-01", "ticket": evil, "approver": evil}],
        "run": {"id": evil, "finished": evil, "since": evil, "partial": False, "report": evil},
    }  # fmt: skip
