# SPDX-License-Identifier: GPL-3.0-or-later
"""From a retrieval's folder to a package and its reconciliation, through the modules' main()."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import edge_evidence_package
import edge_evidence_reconcile
import edge_evidence_verify
import pytest
from ansible.module_utils.testing import patch_module_args

sys.path.insert(0, str(Path(__file__).parents[1] / "unit/evidence"))
from packing import FILES, KEY, METADATA, RECORDING, journal, retrieved

ASKED = [{"kind": "recording", "value": RECORDING}]
NAMES = [f"recording {RECORDING}"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(module: Any, **arguments: Any) -> tuple[int, dict[str, Any]]:
        with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        code = ended.value.code
        assert isinstance(code, int)
        return code, json.loads(capsys.readouterr().out)

    return call


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a retrieval of one recording with its metadata leaves, and a result of an earlier plan beside it."""
    made = tmp_path / "retrieved"
    records = retrieved(made)
    for number, record in enumerate(records):
        write(made / "results" / f"{number}.json", record)
    objects = [
        {"key": item["key"], "version_id": item["version_id"], "state": "fetch", "reason": "", "asked": NAMES,
         "role": "metadata" if item["key"] == METADATA else "recording"}
        for item in records if item["key"] in (KEY, METADATA)
    ]  # fmt: skip
    write(made / "plan.json", {"asked": ASKED, "objects": objects, "missing": [], "duplicates": []})
    write(made / "reconciliation.json", {"asked": 1, "complete": True, "items": []})
    journal(made / "journal.jsonl")
    return made


@pytest.fixture
def order(folder: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "path": str(tmp_path / "package"),
        "retrieval": str(folder),
        "receipt": str(tmp_path / "receipt.json"),
        "custodian": "J. Smith",
        "signing_key": str(tmp_path / "key.pem"),
        "generate_key": True,
    }


def test_a_folder_of_a_retrieval_is_all_that_a_package_needs(run: Any, order: dict[str, Any], tmp_path: Path) -> None:
    code, made = run(edge_evidence_package, **order)
    assert code == 0
    # The third file was fetched for another plan.
    assert set(made["objects"]) == {KEY, METADATA} < set(FILES)
    assert made["complete"] is True
    assert made["journal_entries"] == 3
    assert (tmp_path / "package/evidence/plan.json").exists()
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert {name: made[name] for name in receipt} == receipt
    code, again = run(edge_evidence_package, **order)
    assert (code, again["changed"]) == (0, False)
    assert {name: again[name] for name in receipt} == receipt
    code, checked = run(
        edge_evidence_verify, path=order["path"], key_sha256=again["keyid"], custody_head=again["custody_head"]
    )
    assert (code, checked["verdict"]) == (0, "verified")


def test_a_receipt_of_another_package_is_refused(run: Any, order: dict[str, Any], tmp_path: Path) -> None:
    run(edge_evidence_package, **order)
    write(tmp_path / "receipt.json", {"path": "/elsewhere"})
    code, result = run(edge_evidence_package, **order)
    assert code == 1
    assert "the receipt of another package, /elsewhere" in result["msg"]


@pytest.mark.parametrize(
    ("change", "words"), [({"generate_key": False}, "key.pem"), ({"signing_key": None}, "signing_key, kms_key_id")]
)
def test_a_key_that_is_not_there_is_told_before_anything_is_fetched(
    run: Any, order: dict[str, Any], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    asked = {**order, "retrieval": str(tmp_path / "later"), "records": [], **change}
    without = {name: value for name, value in asked.items() if value is not None}
    code, result = run(edge_evidence_package, **without, _ansible_check_mode=True)
    assert code == 1
    assert words in result["msg"]
    code, result = run(edge_evidence_package, **{**order, "records": []}, _ansible_check_mode=True)
    assert (code, result["changed"]) == (0, False)
    assert not (tmp_path / "key.pem").exists()


def test_reconciled(run: Any, order: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    run(edge_evidence_package, **order)
    report = tmp_path / "reconciliation.json"
    given = {"files": str(folder), "package": order["path"], "report": str(report)}
    code, result = run(edge_evidence_reconcile, **given)
    assert (code, result["changed"], result["complete"]) == (0, True, True)
    assert result["lines"] == ["asked 1, found 1, fetched 1, verified 1, packaged 1, missing 0, duplicate 0: complete"]
    assert json.loads(report.read_text()) == result["reconciliation"]
    code, again = run(edge_evidence_reconcile, **given)
    assert (code, again["changed"]) == (0, False)


def test_check_mode_writes_no_report(run: Any, order: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    run(edge_evidence_package, **order)
    report = tmp_path / "reconciliation.json"
    code, result = run(
        edge_evidence_reconcile, files=str(folder), package=order["path"], report=str(report), _ansible_check_mode=True
    )
    assert (code, result["changed"], report.exists()) == (0, True, False)


def test_what_is_not_in_the_package_is_not_complete(
    run: Any, order: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    run(edge_evidence_package, **order)
    objects = tmp_path / "package/evidence/objects.json"
    listed = json.loads(objects.read_text())
    objects.chmod(0o600)
    objects.write_text(json.dumps([{**item, "sha256": "00" * 32} for item in listed]))
    given = {"files": str(folder), "package": order["path"]}
    code, result = run(edge_evidence_reconcile, **given)
    assert code == 1
    assert "packaged 0" in result["msg"]
    assert "is verified" in result["msg"]
    assert "the package does not hold these bytes" in result["msg"]
    shutil.rmtree(order["path"])
    code, result = run(edge_evidence_reconcile, **given)
    assert code == 1
    assert "the package lacks it" in result["msg"]


def test_why_something_was_not_fetched_is_told(run: Any, order: dict[str, Any], folder: Path) -> None:
    (folder / "results" / "0.json").unlink()
    code, result = run(
        edge_evidence_reconcile, files=str(folder), package=order["path"], failures={KEY: "the bytes are not those"}
    )
    assert code == 1
    assert f"{KEY}: the bytes are not those" in result["msg"]


def test_folders_that_are_none(run: Any, tmp_path: Path, folder: Path) -> None:
    code, result = run(edge_evidence_reconcile, files=str(tmp_path / "nowhere"), package=str(tmp_path))
    assert code == 1
    assert "plan.json" in result["msg"]
    write(tmp_path / "p/evidence/objects.json", {"no": "list"})
    code, result = run(edge_evidence_reconcile, files=str(folder), package=str(tmp_path / "p"))
    assert code == 1
    assert "is no list of objects" in result["msg"]
