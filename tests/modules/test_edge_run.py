# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_run begins no audit that would ask nothing, for it would pass, nor one that could not end."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

MODULE = importlib.import_module("edge_run")
EDGE = {"name": "london", "bucket": "recordings", "region": "eu-west-2"}


def begin(capsys: pytest.CaptureFixture[str], runs: Path, **options: Any) -> dict[str, Any]:
    with patch_module_args({"runs_dir": str(runs), "edges": [EDGE], **options}), pytest.raises(SystemExit):
        MODULE.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"edges": []}, "the inventory has no edge"),
        ({"tags": ["dns", "egres"]}, "no step has the tag 'egres'; did you mean egress?"),
        ({"fail_on": "hgih"}, "edge_fail_on must be one of info, low, medium, high, critical or never, not 'hgih'"),
        ({"tags": ["nonsense"]}, "the steps are dns, egress, iam, bucket, timeouts, log"),
    ],
)
def test_an_audit_that_could_not_tell_does_not_begin(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    told = begin(capsys, tmp_path, **options)
    assert told["failed"]
    assert words in told["msg"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tags", [["all"], ["dns", "log"], ["tagged", "never"]])
def test_steps_and_ansibles_own_tags_are_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tags: list[str]
) -> None:
    assert begin(capsys, tmp_path, tags=tags)["edges"] == ["london"]


@pytest.mark.parametrize(
    ("tags", "skipped", "steps"),
    [
        ([], [], ["dns", "egress", "iam", "bucket", "timeouts", "log"]),
        (["all"], ["iam", "molecule-notest", "notest"], ["dns", "egress", "bucket", "timeouts", "log"]),
        (["log", "dns"], [], ["dns", "log"]),
        (["dns", "iam"], ["iam"], ["dns"]),
        (["tagged"], [], ["dns", "egress", "iam", "bucket", "timeouts", "log"]),
        (["untagged"], [], []),
        (["never"], [], []),
        (["all"], ["tagged"], []),
    ],
)
def test_the_steps_that_tags_choose(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tags: list[str], skipped: list[str], steps: list[str]
) -> None:
    begun = begin(capsys, tmp_path, tags=tags, skip_tags=skipped)
    assert json.loads((Path(begun["run_dir"]) / "run.json").read_text())["steps"] == steps


def test_a_skipped_tag_that_resembles_a_step_is_a_mistake(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (
        "no step has the tag 'timeout'; did you mean timeouts?" in begin(capsys, tmp_path, skip_tags=["timeout"])["msg"]
    )
