# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue as a whole, and the documents that are made of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible.module_utils.edge.catalogue import DOMAINS, ON_REQUEST, all_checks, asked

ROOT = Path(__file__).resolve().parents[3]


def test_ids_are_of_their_domain_and_unique() -> None:
    domains = {**DOMAINS, **ON_REQUEST}
    for domain, catalogue in domains.items():
        assert catalogue
        assert all(name.startswith(f"{domain.upper()}-") for name in catalogue)
    assert len(all_checks()) == sum(len(catalogue) for catalogue in domains.values())
    assert set(asked()) == set(all_checks()) - {name for catalogue in ON_REQUEST.values() for name in catalogue}


def test_every_check_says_its_cure_and_its_source() -> None:
    for check in all_checks().values():
        assert check.title, check.id
        assert check.remediation, check.id
        assert check.source, check.id


def test_documents_are_those_of_the_code() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_judge_does_not_talk_to_the_world() -> None:
    forbidden = ("boto3", "botocore", "dns", "socket", "os", "subprocess", "ansible")
    for path in (ROOT / "module_utils" / "edge").glob("*/checks.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in forbidden, f"{path}: {line}"


def test_the_version_is_said_once() -> None:
    from ansible.module_utils.edge.version import VERSION

    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
