# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe leaves in a run, and what the report takes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.edge.finding import Asker, Unread
from ansible.module_utils.edge.iam.catalogue import CATALOGUE as IAM
from ansible.module_utils.edge.probe import witness
from ansible.module_utils.edge.probe.catalogue import CATALOGUE
from ansible.module_utils.edge.run import Run

from tests.unit.probe import stub_storage

ASK = Asker("london", CATALOGUE)
FINDING = ASK.failed("PROBE-07", "s3:443", "status 403")
FACTS = {"stages": [], "comparison": [{"what": "paced transfer", "agrees": True, "secret": "x"}], "causes": [],
         "spent": {"seconds": 1.0, "bytes": 2}}  # fmt: skip
NOTHING = Asker("london", IAM).not_applicable("IAM-24", "role", "no refused request was observed")
EDGE = stub_storage.edge("http://127.0.0.1:1")


def refused(name, code=403, by="answer"):
    failure = {"ended_by": by, "code": code, "error_text": f"status {code}: AccessDenied: Access Denied"}
    return {"stage": name, "status": "failed", "failure": failure}


def test_what_is_kept_is_heard(tmp_path):
    witness.keep(str(tmp_path), "london", FACTS, [FINDING])
    probe = witness.heard(Run(str(tmp_path)), "london")
    assert witness.added([NOTHING], "london", probe) == [NOTHING, FINDING]
    assert witness.side_by_side(probe) == {
        "comparison": [{"what": "paced transfer", "agrees": True}], "causes": [], "spent": FACTS["spent"],
    }  # fmt: skip


def test_an_edge_that_was_not_probed_has_no_answers_of_a_probe(tmp_path):
    assert witness.heard(Run(str(tmp_path)), "london") is None
    assert witness.heard(Run(None), "london") is None
    assert witness.added([NOTHING], "london", None) == [NOTHING]
    assert witness.side_by_side(None) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"facts": {}, "findings": []}', '{"facts": {"london": {}}}'])
def test_a_cut_file_is_unknown_and_never_passes(tmp_path, text):
    path = Path(witness.path_of(str(tmp_path), "london"))
    path.parent.mkdir()
    path.write_text(text)
    probe = witness.heard(Run(str(tmp_path)), "london")
    assert isinstance(probe, Unread) and str(path) in probe.message
    found = witness.added([NOTHING], "london", probe)
    assert {item.check for item in found[1:]} == set(CATALOGUE)
    assert {item.status for item in found[1:]} == {"unknown"}
    assert witness.side_by_side(probe) is None


def test_a_refusal_that_the_probe_saw_takes_the_place_of_none_observed():
    seen = Asker("london", IAM).failed("IAM-24", "role", "HeadBucket was refused, and the policies allow it")
    assert witness.added([NOTHING], "london", {"facts": FACTS, "findings": [FINDING, seen]}) == [FINDING, seen]


@pytest.mark.parametrize(
    ("stage", "call"), [("head", "HeadBucket"), ("get", "GetObject"), ("write", "CreateMultipartUpload")]
)
def test_refusals_name_the_call(stage, call):
    (line,) = witness.refusals({"stages": [refused(stage)]})
    assert f"when calling the {call} operation" in line


def test_a_listing_that_was_refused_is_a_refusal():
    stage = {"stage": "get", "status": "skipped", "failure": None, "code": 403, "reason": "listing fails: status 403"}
    (line,) = witness.refusals({"stages": [stage]})
    assert "ListObjectsV2" in line


@pytest.mark.parametrize("stage", [refused("head", 404), refused("get", None, "reset"), refused("proxy")])
def test_other_ends_are_no_refusals(stage):
    assert witness.refusals({"stages": [stage]}) == []


def test_a_refusal_is_reconciled_with_the_policies(monkeypatch):
    """Without knowledge of who exports it is unknown; without policies there is nothing to compare with."""
    facts = {"stages": [refused("head")]}
    gone = Unread("denied", "iam:GetRole", "role", "iam:GetRole was denied", ("iam:GetRole",))
    held = {"principal_arn": gone.to_fact(), "principal": gone.to_fact()}
    (finding,) = witness.judge_refusals(EDGE, facts, {"iam": held, "egress": gone})
    assert (finding.check, finding.status) == ("IAM-24", "unknown")
    assert witness.judge_refusals(EDGE, facts, {"iam": gone}) == []
    assert witness.judge_refusals(EDGE, {"stages": []}, {"iam": held}) == []


def test_what_is_kept_is_plain_json(tmp_path):
    witness.keep(str(tmp_path), "lon/don", FACTS, [FINDING])
    stored = json.loads(Path(witness.path_of(str(tmp_path), "lon/don")).read_text())
    assert stored["domain"] == "probe" and stored["findings"][0]["check"] == "PROBE-07"
