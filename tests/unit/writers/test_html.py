# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report as text: what it says, what it may load and run, and what it weighs."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.visible import visible
from ansible.module_utils.edge.writers import as_html
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.writers import reports


class Page(HTMLParser):
    """Elements with their attributes, and the text of those whose text matters."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "h1": [], "h2": [], "pre": [], "title": []}
        self._open: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.inside:
            self._open = tag
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data

    @property
    def table(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.inside["script"][0])
        return found


def text_of(data: dict[str, Any], playbooks: list[str] | None = None) -> str:
    shown = reports.PLAYBOOKS if playbooks is None else playbooks
    return "".join(as_html.write(reports.parsed(data), reports.parts(), shown))


def page(data: dict[str, Any], playbooks: list[str] | None = None) -> Page:
    return Page(text_of(data, playbooks))


def test_the_cure_is_the_checks_own_advice_where_it_has_no_change_to_offer() -> None:
    data = reports.raw("london")
    for finding in data["edges"]["london"]["findings"]:
        finding["message"] = f"first see to {finding['check']}"
    text = text_of(data)
    assert "first see to EGRESS-21" in text
    assert "set read_timeout to 100 minutes" in text
    assert "first see to TIMEOUTS-04" not in text
    assert "first see to IAM-01" not in text


@pytest.mark.parametrize(
    "data", [reports.raw(), reports.raw(rich=True), reports.hostile()], ids=["plain", "rich", "hostile"]
)
def test_nothing_is_loaded_and_only_what_is_hashed_runs(data: dict[str, Any]) -> None:
    shown = page(data)
    (policy,) = [dict(attributes)["content"] for tag, attributes in shown.elements if "http-equiv" in attributes]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(shown.inside[element][-1].encode()).digest()).decode()
        assert rules[directive] == f"'sha256-{digest}'"
    assert [len(shown.inside["style"]), len(shown.inside["script"])] == [1, 2]
    assert rules["require-trusted-types-for"] == "'script'"
    for tag, attributes in shown.elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "audio", "video"), tag
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "style", "action", "srcset")
        }
        assert (attributes.get("href") or "#").startswith("#")


def test_the_verdict_of_one_edge_is_the_headline() -> None:
    shown = page(reports.raw("london"))
    sentence = "recordings over 45 min are cut at 900 s by read_timeout (proxy); the profile asks for 240 min"
    assert shown.inside["h1"] == [f"Export path of london: {sentence}"]


def test_of_several_edges_the_verdicts_are_counted() -> None:
    data = reports.raw("a", "b", "c")
    data["edges"]["b"]["verdict"] = "blocked"
    shown = page(data)
    assert shown.inside["h1"] == ["3 export paths: 1 blocked, 2 truncates"]


def test_a_report_without_edges_is_not_green() -> None:
    data = reports.raw()
    data["edges"] = {}
    assert page(data).inside["h1"] == ["0 export paths: nothing was judged"]


def headings(data: dict[str, Any]) -> set[str]:
    return {heading.split(" since")[0] for heading in page(data).inside["h2"]}


def test_sections_for_waivers_and_history_are_there_only_with_their_data() -> None:
    always = {"Edges", "Coverage", "Export paths, hop by hop", "Findings, worst first", "Matrix of edges and checks"}
    assert headings(reports.raw()) == always
    assert headings(reports.raw(rich=True)) == {*always, "Changes", "Waivers"}


def test_the_summary_names_waivers_that_end() -> None:
    text = text_of(reports.raw("london", rich=True))
    assert "2 fail, 1 unknown, 1 waived, the first waiver ends in 9 days, 1 waiver expired." in text
    assert "7 of 8 questions answered: the audit is incomplete" in text


def test_missing_permissions_become_a_policy() -> None:
    shown = page(reports.raw("london"))
    policy = json.loads(shown.inside["pre"][0])
    assert policy["Statement"][0]["Action"] == ["iam:GetRole"]


def test_commands_of_playbooks_that_do_not_exist_are_not_shown() -> None:
    text = text_of(reports.raw("london"), ["audit.yml"])
    assert "ansible-playbook audit.yml --limit london" in text
    assert "converge.yml" not in text
    assert "rollback.yml" not in text
    assert "ansible-playbook converge.yml --limit london --check --diff" in text_of(reports.raw("london"))


def test_the_findings_travel_whole() -> None:
    data = reports.raw(rich=True)
    report, table = reports.parsed(data), page(data).table
    statuses = [kind for kind, _ in table["statuses"]]
    assert len(table["findings"]) == len(report.rows)
    for row, (check, status, edge, resource, expected, observed, extra) in zip(report.rows, table["findings"]):
        assert table["checks"][check]["id"] == row.id
        assert statuses[status] == row.status
        assert table["edges"][edge][0] == row.finding["edge"]
        assert table["texts"][resource] == row.finding["resource"]
        assert table["texts"][observed] == row.finding["observed"]
        told = row.check["title"] if expected < 0 else table["texts"][expected]
        assert told == row.finding["expected"]
        more = {} if extra < 0 else table["extras"][extra]
        for key in ("reason", "evidence", "fix", "share", "longest_minutes", "permissions", "waiver", "change"):
            assert (more.get(key) or None) == (row.finding.get(key) or None)


CALM = [tag for tag, _ in page(reports.raw("london")).elements]


@settings(max_examples=20)
@given(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=30) | st.sampled_from(["</script>", "<!--<script>"])
)
def test_any_text_stays_text(text: str) -> None:
    data = reports.raw("london")
    for finding in data["edges"]["london"]["findings"]:
        finding.update(resource=text, observed=text, evidence=[{text: text}])
    data["edges"]["london"]["sentence"] = text
    shown = page(data)
    assert [tag for tag, _ in shown.elements] == CALM
    (carried,) = {shown.table["texts"][row[5]] for row in shown.table["findings"]}
    assert carried == visible(text)


def test_every_hop_has_its_status_as_a_word_and_as_a_shape() -> None:
    text = text_of(reports.raw("london"))
    (drawing,) = re.findall(r'<svg class="path".*?</svg>\n</div>', text, re.DOTALL)
    hops = re.findall(r'<g class="hop s-(\w+)".*?</g>', drawing)
    assert hops == ["pass", "fail", "fail", "unknown", "not_applicable"]
    for status, word in re.findall(r'href="#i-(\w+)"/></svg><text class="word"[^>]*>([a-z ]+)<', drawing):
        assert status.replace("_", " ") == word
    assert "proxy: fail, idle 900 s" in drawing


def test_a_thousand_findings_weigh_less_than_a_megabyte() -> None:
    data = reports.many(1000)
    assert sum(len(edge["findings"]) for edge in data["edges"].values()) == 1000
    # The smallest edges there can be: 8 findings each, so that 125 edges with their pictures share the thousand.
    assert len(text_of(data).encode()) < 1_000_000


def test_of_very_many_edges_the_worst_are_drawn_and_all_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_html, "_DRAWN_EDGES", 2)
    data = reports.raw("a", "b", "c")
    data["edges"]["c"]["verdict"] = "blocked"
    text = text_of(data)
    assert re.findall(r'<details class="edge" id="edge-\d+" open>\n<summary><h3>(\w)</h3>', text) == ["c", "a"]
    assert re.findall(r'<th scope="row">(?:<a href="#edge-\d">)?(\w)<', text) == ["c", "a", "b"]
    assert "The paths of the 2 worst edges are shown, of 3." in text


def test_a_style_or_script_that_ends_itself_is_refused() -> None:
    report, parts = reports.parsed(reports.raw()), reports.parts()
    for broken in (
        dataclasses.replace(parts, script="'</script>'"),
        dataclasses.replace(parts, style="/* </style> */"),
    ):
        with pytest.raises(EdgepathError, match="end tag"):
            list(as_html.write(report, broken, []))


def test_a_template_that_cannot_be_rendered_is_one_clear_error() -> None:
    broken = dataclasses.replace(reports.parts(), template="{{ nothing_of_the_kind }}")
    with pytest.raises(EdgepathError, match="template cannot be rendered"):
        list(as_html.write(reports.parsed(reports.raw()), broken, []))
