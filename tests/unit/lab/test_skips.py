# SPDX-License-Identifier: GPL-3.0-or-later
"""With EDGEPATH_NO_SKIPS no skip hides a missing program; what cannot run at all may still say so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONFTEST = "from tests.skips import pytest_make_collect_report, pytest_runtest_makereport\n"
TESTS = """
import pytest

@pytest.fixture
def nft():
    pytest.skip("nft is not installed")

def test_called(): pytest.skip("squid is not installed")
def test_in_a_fixture(nft): pass
@pytest.mark.skipif(True, reason="git is not installed")
def test_marked(): pass
def test_cannot(): pytest.skip("cannot run here because it takes root")
@pytest.mark.skipif(True, reason="cannot run here because of the kernel")
def test_cannot_marked(): pass
@pytest.mark.xfail(reason="known")
def test_expected(): assert False
def test_passes(): pass
"""


WHOLE = "import pytest\npytest.importorskip('no_such_module', reason='no_such_module is not installed')\n"


@pytest.mark.parametrize(
    ("value", "status", "counts"),
    [
        ("1", 1, {"failed": 1, "error": 3, "skipped": 2, "xfailed": 1, "passed": 1}),
        (None, 0, {"skipped": 6, "xfailed": 1, "passed": 1}),
    ],
)
def test_skips(tmp_path: Path, value: str | None, status: int, counts: dict[str, int]) -> None:
    for name, text in (("conftest.py", CONFTEST), ("test_it.py", TESTS), ("test_whole.py", WHOLE)):
        (tmp_path / name).write_text(text)
    environment = {name: given for name, given in os.environ.items() if not name.startswith(("EDGEPATH_", "PYTEST_"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= {} if value is None else {"EDGEPATH_NO_SKIPS": value}
    options = [
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    for word, count in counts.items():
        assert f"{count} {word}" in done.stdout.splitlines()[-1]
    for program in ("squid", "nft", "git", "no_such_module"):
        assert (f"lets no test be skipped: {program} is not installed" in done.stdout) is (value == "1")
