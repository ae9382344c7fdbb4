# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person can do with the HTML report, and what a finding cannot do to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.writers import reports

pytestmark = pytest.mark.xdist_group("browser")

Open = Callable[..., Any]


def open_all(page: Any) -> None:
    """Every part of the page, as a reader may open it."""
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.locator("#grid td").first.wait_for()
    page.locator(".finding .body").first.wait_for()


def test_text_of_findings_never_becomes_markup_or_script(opened: Open) -> None:
    report = opened(reports.hostile())
    open_all(report.page)
    for status in ("pass", "not_applicable"):
        report.page.check(f"[name=status][value={status}]")
    open_all(report.page)
    assert report.page.evaluate("() => window.broken") is None
    assert report.page.locator("img, iframe, [onfocus], [onerror]").count() == 0
    assert report.page.locator(".finding .body dd", has_text="<img src=x onerror=").count() > 0
    assert report.troubles == []
    assert report.requests == [report.path.as_uri()]


def test_a_script_that_gets_in_all_the_same_does_not_run(opened: Open) -> None:
    report = opened(reports.raw())
    attempts = """() => {
        const tried = [];
        const attempt = (name, action) => { try { action(); } catch (error) { tried.push(name); } };
        attempt('markup', () => { document.body.innerHTML += '<img src=x onerror="window.broken = 1">'; });
        attempt('script', () => {
            const made = document.createElement('script');
            made.text = 'window.broken = 1';
            document.body.append(made);
        });
        return tried;
    }"""
    assert report.page.evaluate(attempts) == ["markup", "script"]
    assert report.page.evaluate("() => window.broken") is None


def test_nothing_is_fetched(opened: Open) -> None:
    report = opened(reports.raw())
    outcome = report.page.evaluate(
        "() => fetch('http://127.0.0.1:9/').then(() => 'fetched', (error) => error.constructor.name)"
    )
    assert outcome == "TypeError"
    assert any("Content Security Policy" in trouble for trouble in report.troubles)
    assert report.requests == [report.path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("data", [reports.raw(rich=True), reports.raw("london")], ids=["fleet", "one edge"])
def test_axe_finds_no_barrier(scheme: str, data: dict[str, Any], opened: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    report = opened(data, color_scheme=scheme)
    open_all(report.page)
    found = axe.Axe().run(report.page)
    assert found.violations_count == 0, found.generate_report()
    assert report.troubles == []


def test_the_verdict_stands_first(opened: Open) -> None:
    report = opened(reports.raw("london"))
    heading = report.page.locator("h1")
    assert heading.inner_text().startswith("Export path of london: recordings over 45 min are cut at 900 s")
    assert heading.bounding_box()["y"] < 200


def test_findings_are_filtered(opened: Open) -> None:
    report = opened(reports.raw())
    page = report.page
    assert page.inner_text("#shown") == "8 of 8 matching findings shown, of 16 in all."
    page.check("[name=status][value=pass]")
    assert report.shown() == 14
    page.select_option("#edge", label="patchy")
    assert report.shown() == 7
    page.select_option("#hop", "name")
    assert report.shown() == 2
    page.select_option("#hop", "")
    page.select_option("#severity", "4")
    assert page.locator("#list strong").all_inner_texts() == ["The export may write", "the security groups let through"]
    page.click("button[type=reset]")
    page.locator("#shown", has_text="8 of 8").wait_for()
    report.search("squid LONDON", "1 of 1")
    assert page.locator("#list strong").inner_text() == "Squid waits long enough"
    report.search("no such thing", "No finding matches")
    assert report.shown() == 0


def test_a_finding_shows_all_that_is_known(opened: Open) -> None:
    page = opened(reports.raw("london")).page
    page.locator(".finding > summary").first.click()
    text = page.locator(".finding .body").first.inner_text()
    for part in (
        "lets 240 min through", "read_timeout 900 s: recordings over 45 min are cut", "set read_timeout to 100 minutes",
        '"line": 12', "idle 900 s: read_timeout, default of Squid", "long transfers are cut", "45 min",
        "ansible-playbook audit.yml --limit london", "ansible-playbook converge.yml --limit london --check --diff",
    ):  # fmt: skip
        assert part in text


def test_an_unknown_finding_says_why_and_offers_no_change(opened: Open) -> None:
    page = opened(reports.raw("london")).page
    finding = page.locator(".finding", has_text="The export may write")
    finding.locator("summary").click()
    text = finding.locator(".body").inner_text()
    assert "a permission was missing" in text
    assert "iam:GetRole" in text
    assert "converge.yml" not in text


def test_the_keyboard_reaches_everything(opened: Open) -> None:
    page = opened(reports.raw("london")).page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the report"
    page.locator(".finding > summary").first.focus()
    page.keyboard.press("Enter")
    page.locator(".finding[open] .body").wait_for()
    page.locator("#matrix-box > summary").focus()
    page.keyboard.press("Space")
    page.locator("#grid tbody tr").wait_for()


def test_a_button_shows_the_findings_of_its_edge(opened: Open) -> None:
    page = opened(reports.raw()).page
    page.locator("#edge-1 button.show").click()
    assert page.locator("#edge").input_value() == "1"
    assert page.inner_text("#shown") == "8 of 8 matching findings shown, of 16 in all."
    assert page.evaluate("() => document.activeElement.id") == "q"


def test_a_link_opens_its_edge(opened: Open) -> None:
    data = reports.raw("a", "b", "c", "d", "e")
    page = opened(data).page
    assert page.locator("#edge-4").get_attribute("open") is None
    page.locator("#main a", has_text="e").last.click()
    page.locator("#edge-4[open]").wait_for()


def test_the_matrix_has_the_worst_answer_of_each_check(opened: Open) -> None:
    data = reports.raw()
    for edge in data["edges"].values():
        edge["findings"] += [{**edge["findings"][0], "check": "TIMEOUTS-04", "status": "pass", "resource": "another"}]
    page = opened(data).page
    page.locator("#matrix-box > summary").click()
    page.locator("#grid td").first.wait_for()
    assert page.locator("#grid thead th").all_inner_texts() == [
        "Edge",
        "BUCKET-07",
        "EGRESS-21",
        "IAM-01",
        "TIMEOUTS-04",
    ]
    cells = page.locator("#grid tbody tr").first.locator("td .spoken").all_text_contents()
    assert cells == ["waived", "fail", "unknown", "fail"]
    page.check("#every")
    assert page.locator("#grid thead th").count() == 8


def test_a_command_is_copied_or_selected(opened: Open) -> None:
    page = opened(reports.raw("london")).page
    button = page.locator(".commands button.copy").first
    button.click()
    page.locator(".commands button", has_text="Copied").or_(
        page.locator(".commands button", has_text="Selected")
    ).wait_for()
    selected = page.evaluate("() => getSelection().toString()")
    assert button.inner_text() == "Copied" or selected == "ansible-playbook audit.yml --limit london"


def test_without_scripts_the_answer_is_still_there(opened: Open) -> None:
    page = opened(reports.raw(), java_script_enabled=False).page
    assert page.locator("h1").inner_text() == "2 export paths: 2 truncates"
    assert page.locator("#edge-0 svg.path").is_visible()
    assert page.locator("#edge-0 .causes").first.is_visible()
    assert page.get_by_text("findings.csv beside this file").is_visible()
    assert not page.locator("#filters").is_visible()


def test_paper_shows_what_fails_whole_and_the_page_is_as_before(opened: Open) -> None:
    page = opened(reports.raw("a", "b", "c", "d", "e")).page
    page.emulate_media(media="print")
    page.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
    assert page.locator("details.edge:not([open])").count() == 0
    assert page.locator(".finding[open] .body").count() == 15
    assert not page.locator("#filters").is_visible()
    assert not page.locator("button.copy").first.is_visible()
    page.evaluate("() => { dispatchEvent(new Event('afterprint')); }")
    assert page.locator("details.edge:not([open])").count() == 2
    assert page.locator(".finding[open]").count() == 0
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_dark_mode_is_followed(opened: Open) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert opened(reports.raw(), color_scheme="light").page.evaluate(ground) == "rgb(255, 255, 255)"
    assert opened(reports.raw(), color_scheme="dark").page.evaluate(ground) == "rgb(18, 22, 27)"


def test_nothing_is_wider_than_a_phone(opened: Open) -> None:
    page = opened(reports.raw(rich=True)).page
    page.set_viewport_size({"width": 390, "height": 800})
    open_all(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_a_hundred_thousand_findings_are_shown_in_portions(opened: Open) -> None:
    report = opened(reports.many(100_000, per_edge=100))
    page = report.page
    assert report.shown() == 100
    assert "of 100,000 in all" in page.inner_text("#shown")
    page.click("#more")
    assert report.shown() == 200
    focused = "() => [...document.querySelectorAll('#list > li')].indexOf(document.activeElement.closest('li'))"
    assert page.evaluate(focused) == 100
    report.search("edge-00777 squid.conf.3", "1 of 1")
    page.locator("#matrix-box > summary").click()
    page.locator("#grid td").first.wait_for()
    assert page.locator("#grid tbody tr").count() == 50
    assert report.troubles == []


def test_what_changed_is_named_and_filtered(opened: Open) -> None:
    report = opened(reports.raw(rich=True))
    page = report.page
    assert page.locator("#changes").inner_text() == "Changes since run 20261122T031500Z-000000"
    assert page.locator("details.change summary h3").all_inner_texts() == ["New", "Changed", "Fixed", "Flapping"]
    assert page.locator("details.change[open]").count() == 1
    page.locator("details.change", has_text="sg-gone").locator("summary").click()
    assert page.get_by_text("it was fail").is_visible()
    page.select_option("#change", "flapping")
    assert report.shown() == 2
    page.locator(".finding > summary").first.click()
    text = page.locator(".finding .body").first.inner_text()
    assert "It came and went 5 times of late." in text
    assert "expired, so the finding counts again; reason: the retention project" in text
    assert "2026-11-05T03:15:00+00:00" in text
    page.select_option("#change", "fixed")
    assert page.locator("[name=status][value=pass]").is_checked()
    assert report.shown() == 4
    page.click("button[type=reset]")
    page.locator("#shown", has_text="8 of 8").wait_for()
    assert report.troubles == []


def test_verdicts_of_the_runs_before_are_a_picture_with_words(opened: Open) -> None:
    page = opened(reports.raw("london", rich=True)).page
    past = page.locator("#edge-0 svg.past")
    assert past.is_visible()
    words = "clear for 4 runs from 2026-11-01, then unreliable for 1 run from 2026-11-05, then truncates for 15 runs"
    assert words in page.locator(f"#{past.get_attribute('aria-labelledby')}").inner_text()
    assert past.locator("rect").count() == 3
    assert past.locator("text").all_text_contents() == ["clear", "truncates"]
