# SPDX-License-Identifier: GPL-3.0-or-later
"""The CI examples name files that a run writes, playbooks that there are, and keep no secret of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.edge.writers.formats import FILES

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "ci").glob("*.yml"))
WRITTEN = {*FILES.values(), "report.json"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_an_example_names_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    yaml.safe_load(text)
    assert "report.junit.xml" in text
    named = set(re.findall(r"\b(?:report|findings)\.[a-z]+(?:\.[a-z]+)*\b", text)) - {"report.outputs.directory"}
    assert named <= WRITTEN
    playbooks = re.findall(r"\b[a-z]+\.yml\b", " ".join(re.findall(r"ansible-playbook .*", text)))
    assert playbooks == ["audit.yml"]
    assert all((ROOT / name).exists() for name in playbooks)
    assert not re.search(r"AKIA|BEGIN [A-Z ]*PRIVATE|password:", text)


def test_sarif_goes_to_code_scanning() -> None:
    steps = yaml.safe_load((ROOT / "ci/github-actions.yml").read_text(encoding="utf-8"))["jobs"]["audit"]["steps"]
    [upload] = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"].endswith("/report.sarif")
    # A failed audit is what the upload is for.
    assert upload["if"].startswith("always()")


def test_gitlab_shows_the_cases_of_a_failed_audit() -> None:
    job = yaml.safe_load((ROOT / "ci/gitlab-ci.yml").read_text(encoding="utf-8"))["audit"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == "runs/*/report.junit.xml"
