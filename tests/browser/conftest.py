# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real Chromium; skipped, with the reason, where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.writers import as_html

from tests.unit.writers import reports

# No sandbox: a container's root has none. The others keep the browser from looking for updates.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    binary = os.environ.get("EDGEPATH_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.skip("no Chromium on the path; EDGEPATH_CHROMIUM may name one")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield browser
        browser.close()


class Opened:
    """A report that is open in the browser, with all that went wrong or went out while it was."""

    def __init__(self, context: Any, path: Path) -> None:
        self.path = path
        self.troubles: list[str] = []
        self.requests: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def shown(self) -> int:
        count: int = self.page.locator("#list > li").count()
        return count

    def search(self, text: str, status: str) -> None:
        """Search, and wait for the status line that follows."""
        self.page.fill("#q", text)
        self.page.locator("#shown", has_text=status).wait_for()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens the HTML of a report.json; keyword arguments are the browser context's."""
    contexts = []

    def show(data: dict[str, Any], **options: Any) -> Opened:
        path = tmp_path / "report.html"
        pieces = as_html.write(reports.parsed(data), reports.parts(), reports.PLAYBOOKS)
        path.write_text("".join(pieces), encoding="utf-8")
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}, **options))
        return Opened(contexts[-1], path)

    yield show
    for context in contexts:
        context.close()
