# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package makes of the job, the journal and the storage's checksums that it is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ansible.module_utils.edge.evidence.journal import Journal
from ansible.module_utils.edge.evidence.listen import of_job
from ansible.module_utils.edge.evidence.summary import _compared

sys.path.insert(0, str(Path(__file__).parent))
from packing import KEY, RECORDING, packed


def test_a_job_as_edge_export_job_info_tells_it_is_understood(tmp_path):
    listed = [{"recording": RECORDING, "conversation": "c", "audio_seconds": 9.0}]
    _, result = packed(tmp_path, job={"jobs": [{"id": "other"}, {"id": "j", "failed_recordings": listed}]})
    assert result["audio"] == {"defective": 1, "unknown": 1}


@pytest.mark.parametrize("entry", [{"recording": None}, {"recording": {"id": 7}}, {}, "text"])
def test_a_job_that_names_nothing_says_nothing(entry):
    assert of_job({"failed_recordings": [entry]}, KEY) == {}
    assert of_job({"jobs": [entry, None]}, KEY) == {}


def test_who_asked_is_read_from_the_journal(tmp_path):
    with Journal(str(tmp_path / "own.jsonl")) as chain:
        chain.append(
            {"type": "caller", "at": "t", "Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/a"}
        )
    package, _ = packed(tmp_path, journal=str(tmp_path / "own.jsonl"))
    caller = json.loads((package / "evidence/provenance.json").read_text())["caller"]
    assert caller == {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/a"}
    assert "user/a" in (package / "evidence/summary.html").read_text()


COMPARED = [
    ({"verified": True, "service_checksums": {"stated": {}, "type": None, "agree": ["ETag"]}}, "ETag"),
    ({"verified": True, "service_checksums": {"stated": {}, "agree": []}}, "two downloads were the same"),
    ({"verified": False, "service_checksums": {"stated": {}, "agree": []}}, "no: the storage gave nothing"),
    ({"service_checksums": {"SHA256": "x"}}, "SHA256"),
    ({}, "not stated"),
]


@pytest.mark.parametrize(("item", "words"), COMPARED)
def test_what_was_compared_is_said_and_nothing_else(item, words):
    assert _compared(item).startswith(words)
