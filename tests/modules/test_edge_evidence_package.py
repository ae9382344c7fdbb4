# SPDX-License-Identifier: GPL-3.0-or-later
"""The three modules of evidence packages through their main(): make, hand over, check."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import edge_evidence_custody
import edge_evidence_package
import edge_evidence_verify
import pytest
from ansible.module_utils.testing import patch_module_args

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/evidence"))
from packing import FILES, journal, retrieved


def run(module, capsys, **arguments):
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        module.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


@pytest.fixture
def given(tmp_path):
    records = tmp_path / "records.json"
    records.write_text(json.dumps(retrieved(tmp_path / "files")))
    return {
        "path": str(tmp_path / "package"),
        "files": str(tmp_path / "files"),
        "records_file": str(records),
        "journal": journal(tmp_path / "journal.jsonl"),
        "custodian": "J. Smith",
        "signing_key": str(tmp_path / "key.pem"),
        "generate_key": True,
    }


@pytest.fixture
def made(capsys, given):
    code, result = run(edge_evidence_package, capsys, **given)
    assert code == 0
    return result


def test_make(capsys, given, made):
    assert made["changed"] is True
    assert set(made["objects"]) == set(FILES)
    assert made["journal_entries"] == 3
    assert stat.S_IMODE(os.stat(given["signing_key"]).st_mode) == 0o600
    code, again = run(edge_evidence_package, capsys, **given)
    assert (code, again["changed"]) == (0, False)


def test_check_mode_makes_nothing(capsys, given):
    code, result = run(edge_evidence_package, capsys, **given, _ansible_check_mode=True)
    assert (code, result["changed"]) == (0, True)
    assert not os.path.exists(given["path"])
    assert not os.path.exists(given["signing_key"])


def test_a_folder_of_records(capsys, given, tmp_path):
    (tmp_path / "results").mkdir()
    for number, record in enumerate(json.loads(Path(given["records_file"]).read_text())):
        (tmp_path / f"results/{number}.json").write_text(json.dumps(record))
    code, result = run(edge_evidence_package, capsys, **{**given, "records_file": str(tmp_path / "results")})
    assert (code, set(result["objects"])) == (0, set(FILES))


def test_other_objects_are_not_written_over(capsys, given, made):
    records = json.loads(Path(given["records_file"]).read_text())
    Path(given["records_file"]).write_text(json.dumps(records[:1]))
    code, result = run(edge_evidence_package, capsys, **given)
    assert code == 1
    assert "never written over" in result["msg"]


def test_a_folder_that_is_no_package_is_left_alone(capsys, given):
    Path(given["path"]).mkdir()
    code, result = run(edge_evidence_package, capsys, **given)
    assert (code, "is no evidence package" in result["msg"]) == (1, True)


def test_a_changed_file_is_refused(capsys, given):
    next(Path(given["files"]).iterdir()).write_bytes(b"other")
    code, result = run(edge_evidence_package, capsys, **given)
    assert code == 1
    assert "is not the one that was retrieved" in result["msg"]
    assert not os.path.exists(given["path"])


@pytest.mark.parametrize("text", ["{}", "[1]", "not JSON"])
def test_records_that_are_none(capsys, given, text):
    Path(given["records_file"]).write_text(text)
    code, result = run(edge_evidence_package, capsys, **given)
    assert code == 1
    assert given["records_file"] in result["msg"]


def test_a_missing_key_is_told(capsys, given):
    code, result = run(edge_evidence_package, capsys, **{**given, "generate_key": False})
    assert (code, "cannot read the signing key" in result["msg"]) == (1, True)


def test_verify(capsys, given, made):
    told = {"key_sha256": made["keyid"], "custody_head": made["custody_head"]}
    code, result = run(edge_evidence_verify, capsys, path=given["path"], **told)
    assert (code, result["verdict"], result["changed"]) == (0, "verified", False)
    code, result = run(
        edge_evidence_verify, capsys, path=given["path"], public_key=f"{given['path']}/evidence/public-key.pem"
    )
    assert (code, result["verdict"]) == (1, "unproven")


def test_what_cannot_be_judged_fails_unless_it_is_allowed(capsys, given, made):
    code, result = run(edge_evidence_verify, capsys, path=given["path"])
    assert (code, result["verdict"]) == (1, "unproven")
    assert "compared with no key" in result["msg"]
    code, result = run(edge_evidence_verify, capsys, path=given["path"], allow_unknown=True)
    assert (code, result["verdict"]) == (0, "unproven")


def test_a_broken_package_fails_whatever_is_allowed(capsys, given, made):
    os.remove(f"{given['path']}/VERIFY.md")
    code, result = run(edge_evidence_verify, capsys, path=given["path"], allow_unknown=True)
    assert (code, result["verdict"]) == (1, "broken")
    assert "VERIFY.md is gone" in result["msg"]


def test_roots_that_cannot_be_read_are_told(capsys, given, made):
    code, result = run(edge_evidence_verify, capsys, path=given["path"], timestamp_roots="/no/such/file")
    assert (code, "cannot read /no/such/file" in result["msg"]) == (1, True)


def hand_over(capsys, given, **more):
    event = {"action": "handed_over", "by": "J. Smith", "to": "A. Jones", "signing_key": given["signing_key"]}
    return run(edge_evidence_custody, capsys, path=given["path"], **event, **more)


def test_hand_over(capsys, given, made):
    code, result = hand_over(capsys, given)
    assert (code, result["entry"], result["entries"]) == (0, "custody/0002.dsse.json", 2)
    told = {"key_sha256": made["keyid"], "custody_head": result["custody_head"]}
    code, found = run(edge_evidence_verify, capsys, path=given["path"], **told)
    assert (code, found["custody"][1]["to"]) == (0, "A. Jones")


def test_hand_over_in_check_mode(capsys, given, made):
    code, result = hand_over(capsys, given, _ansible_check_mode=True)
    assert (code, result["changed"], result["entries"]) == (0, True, 1)
    assert len(os.listdir(f"{given['path']}/custody")) == 2


def test_a_broken_package_is_not_handed_over(capsys, given, made):
    Path(given["path"], "added").write_text("")
    code, result = hand_over(capsys, given)
    assert (code, "nothing was added" in result["msg"]) == (1, True)
