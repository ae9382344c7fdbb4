#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an evidence package of retrieved recordings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_evidence_package
short_description: Make a signed evidence package of retrieved recordings
description:
  - Packs what M(edge_recording_retrieve#module) fetched into a bag (BagIt 1.0, RFC 8493) with SHA-256 and SHA-512,
    the answers of the storage, the journal of every request, a report on the continuity of the audio, a summary for
    people, and instructions to check all of it with standard tools alone.
  - Signs the whole (DSSE, Ed25519), has the signature timestamped (RFC 3161) where an authority is given, and begins
    the custody record.
  - Every file is compared with the hashes of its retrieval while it is copied. One that differs ends the work, and
    nothing is left.
  - A package is never written over. One that is there already and holds the same objects is left as it is.
  - Runs on the controller.
options:
  path:
    description: The package's folder, made by this module.
    type: path
    required: true
  retrieval:
    description:
      - The folder of a retrieval, O(edge_recording_retrieve#module:dest). It stands for O(files), O(records_file),
        O(journal), O(plan) and O(reconciliation), where they are not given.
    type: path
  files:
    description:
      - The folder that holds the retrieved files; the paths of the records are below it.
      - One of O(files) and O(retrieval) is needed.
    type: path
  records:
    description:
      - The results of the retrieval, one for each object version, with C(key), C(version_id), C(etag), C(size),
        C(path), C(sha256), C(sha512), and what else the retrieval noted.
      - One of O(records), O(records_file) and O(retrieval) is needed.
    type: list
    elements: dict
  records_file:
    description:
      - A JSON file with the list that O(records) would hold, or a folder with a JSON file for each record, as the
        retrieval leaves it. Of a folder, records that O(plan) does not speak of are left out.
    type: path
  journal:
    description: The journal of the retrieval. The package states its absence.
    type: path
  custodian:
    description: Who makes the package, as the custody record shall name them.
    type: str
    required: true
  matter:
    description: The matter or case, as the package shall name it.
    type: str
    default: ""
  organisation:
    description: The organisation that made the recordings.
    type: str
    default: ""
  reconciliation:
    description: What was asked for, found, fetched and missing. The package states its absence.
    type: dict
  plan:
    description: The plan of the retrieval.
    type: dict
  job:
    description:
      - The failed export job, as it was saved or as M(edge_export_job_info#module) returns it; several under C(jobs).
        Its lengths of recordings are compared with the audio.
    type: dict
  caller:
    description:
      - The identity that read the storage, as sts:GetCallerIdentity answered. That of the journal by default.
    type: dict
  clock:
    description:
      - How far this machine's clock was from a time source, with C(source), C(offset_seconds) and
        C(uncertainty_seconds).
      - Without it the offsets that the journal notes are used. The package states where there are none.
    type: dict
  signing_key:
    description:
      - The Ed25519 private key, a PEM file that its owner alone can read.
      - One of O(signing_key) and O(kms_key_id) is needed.
    type: path
  generate_key:
    description: Whether O(signing_key) is made where it is not there.
    type: bool
    default: false
  kms_key_id:
    description: A key of AWS KMS that signs, of the specification C(ECC_NIST_EDWARDS25519) or C(ECC_NIST_P256).
    type: str
  region:
    description: The region of O(kms_key_id).
    type: str
  aws_profile:
    description: The profile of the AWS configuration for O(kms_key_id).
    type: str
  aws_endpoint_url:
    description: The address of KMS, where it is not the usual one.
    type: str
  timestamp_url:
    description: The address of a timestamp authority. Without it the package states that it has no timestamp.
    type: str
  timestamp_required:
    description: Whether no package is made where the authority fails. Else the package states why it has no timestamp.
    type: bool
    default: true
  receipt:
    description:
      - A file outside the package for what must be known of it from elsewhere, C(keyid) and C(custody_head) above all.
        Where the package is there already, they are read from it.
    type: path
  decode:
    description: Whether recordings are decoded too, where decoders are installed on the controller.
    type: bool
    default: true
  zero_run_seconds:
    description: The shortest run of exact silence that is reported.
    type: float
    default: 0.25
author:
  - edgepath maintainers
notes:
  - Needs the Python library cryptography, which ansible-core brings; rfc3161-client for timestamps, fpdf2 for the
    summary as PDF, soundfile and av for decoding. Without fpdf2 the package has no PDF, and a warning says so.
  - In check mode the records are read and nothing is made. Without any record, check mode asks whether the signer can
    sign, so that a retrieval of hours does not end at a key that is not there.
seealso:
  - module: edge_evidence_verify
  - module: edge_evidence_custody
"""

EXAMPLES = r"""
- name: Pack what was retrieved
  edge_evidence_package:
    path: /srv/evidence/case-4711
    retrieval: /srv/retrieved/case-4711
    receipt: /srv/evidence/case-4711.receipt.json
    custodian: J. Smith, telephony operations
    matter: Case 4711
    signing_key: /etc/edgepath/evidence.pem
    generate_key: true
    timestamp_url: http://timestamp.example.com/rfc3161
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: The package.
  returned: success
  type: str
  sample: /srv/evidence/case-4711
objects:
  description: What it holds, by key.
  returned: when it was made
  type: dict
  sample: {exports/a.wav: {path: data/exports/a.wav, sha256: 9f86d081884c7d65...}}
audio:
  description: How many recordings have which status of continuity.
  returned: when it was made
  type: dict
  sample: {continuous: 3, defective: 1}
complete:
  description: Whether everything that was asked for is in it, as the reconciliation says; null where none was given.
  returned: when it was made
  type: bool
  sample: true
keyid:
  description: The SHA-256 of the signing key. Whoever checks the package must get it from elsewhere than the package.
  returned: when it was made, and else where O(receipt) knows it
  type: str
  sample: 3b1f...
custody_head:
  description: The SHA-256 of the newest entry of the custody record, to be noted at every hand-over.
  returned: when it was made, and else where O(receipt) knows it
  type: str
  sample: 77c0...
sealed:
  description: When it was sealed.
  returned: when it was made, and else where O(receipt) knows it
  type: str
  sample: "2026-11-23T03:15:00.123456Z"
timestamp:
  description: Whether it has a timestamp, and why not.
  returned: when it was made
  type: str
  sample: "absent: no timestamp authority was configured"
journal_entries:
  description: The events of the journal; null where none was given.
  returned: when it was made
  type: int
  sample: 812
"""

import importlib.util
import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.audio.model import Options
from ansible.module_utils.edge.evidence import keys
from ansible.module_utils.edge.evidence.package import Order, make
from ansible.module_utils.edge.evidence.signers import SIGNER_OPTIONS, signer_from
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import read_json, write_json

GIVEN = ("custodian", "matter", "organisation", "journal", "reconciliation", "plan", "job", "caller", "clock")
RECORDS = ("plan", "reconciliation")
RECEIPT = ("path", "sealed", "keyid", "custody_head", "timestamp", "audio", "complete")


def read_records(path: str, plan: Any) -> Any:
    """A file's list, or a folder's records; of a folder those alone that the plan speaks of, where there is one."""
    if not os.path.isdir(path):
        return read_json(path)
    found = [read_json(os.path.join(path, name)) for name in sorted(os.listdir(path)) if name.endswith(".json")]
    if plan is None:
        return found
    planned = {(item["key"], item["version_id"]) for item in plan["objects"] if item["state"] == "fetch"}
    return [item for item in found if (item.get("key"), item.get("version_id")) in planned]


def with_retrieval(params: dict[str, Any]) -> dict[str, Any]:
    """The options, with what stands in the folder of a retrieval for those that were not given."""
    folder = params["retrieval"]
    if folder is None:
        return params
    found = {
        "files": folder,
        "journal": os.path.join(folder, "journal.jsonl"),
        "records_file": os.path.join(folder, "results") if params["records"] is None else None,
        **{name: read_json(os.path.join(folder, f"{name}.json")) for name in RECORDS if params[name] is None},
    }
    return {**params, **{name: value for name, value in found.items() if params[name] is None}}


def order_from(params: dict[str, Any]) -> Order:
    given = params["records"]
    records = given if given is not None else read_records(params["records_file"], params["plan"])
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise EdgepathError(f"{params['records_file']}: holds no list of records")
    return Order(
        objects=records,
        files=params["files"],
        timestamp_url=params["timestamp_url"],
        timestamp_required=params["timestamp_required"],
        decode=params["decode"],
        audio=Options(zero_run_seconds=params["zero_run_seconds"]),
        **{name: params[name] for name in GIVEN},
    )


def same_objects(path: str, order: Order) -> bool:
    """Whether a package is there that holds just these objects; EdgepathError where another one is."""
    if not os.path.lexists(path):
        return False
    try:
        with open(os.path.join(path, "evidence", "objects.json"), encoding="utf-8") as stream:
            held = {(item["key"], item["version_id"], item["sha256"]) for item in json.load(stream)}
    except (OSError, ValueError, KeyError, TypeError):
        raise EdgepathError(f"{path} is there already, and is no evidence package") from None
    if held != {(item.get("key"), item.get("version_id"), item.get("sha256")) for item in order.objects}:
        raise EdgepathError(f"{path} is there already and holds other objects: a package is never written over")
    return True


def noted(path: str | None, package: str) -> dict[str, Any]:
    """What an earlier run noted of this package outside of it."""
    if path is None or not os.path.exists(path):
        return {}
    receipt: dict[str, Any] = read_json(path)
    if receipt.get("path") != package:
        raise EdgepathError(f"{path} is the receipt of another package, {receipt.get('path')}")
    return receipt


def ready(params: dict[str, Any]) -> dict[str, Any]:
    """Whether a package could be made; EdgepathError where it could not be signed."""
    if params["signing_key"] is None or not params["generate_key"] or os.path.lexists(params["signing_key"]):
        signer_from(params).sign(b"")
    return {"changed": False, "path": params["path"]}


def run(given: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    if check_mode and given["records"] == []:
        return ready(given)
    params = with_retrieval(given)
    order = order_from(params)
    if same_objects(params["path"], order):
        return {"changed": False, "path": params["path"], **noted(params["receipt"], params["path"])}
    if check_mode:
        return {"changed": True, "path": params["path"]}
    key = params["signing_key"]
    if key is not None and params["generate_key"] and not os.path.lexists(key):
        keys.generate(key)
    made = make(order, params["path"], signer_from(params))
    if params["receipt"] is not None:
        write_json(os.path.abspath(params["receipt"]), {name: made[name] for name in RECEIPT})
    return {"changed": True, **made}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "retrieval": {"type": "path"},
            "files": {"type": "path"},
            "records": {"type": "list", "elements": "dict"},
            "records_file": {"type": "path"},
            "journal": {"type": "path"},
            "custodian": {"type": "str", "required": True},
            "matter": {"type": "str", "default": ""},
            "organisation": {"type": "str", "default": ""},
            "reconciliation": {"type": "dict"},
            "plan": {"type": "dict"},
            "job": {"type": "dict"},
            "caller": {"type": "dict"},
            "clock": {"type": "dict"},
            "generate_key": {"type": "bool", "default": False},
            "timestamp_url": {"type": "str"},
            "timestamp_required": {"type": "bool", "default": True},
            "receipt": {"type": "path"},
            "decode": {"type": "bool", "default": True},
            "zero_run_seconds": {"type": "float", "default": 0.25},
            **SIGNER_OPTIONS,
        },
        required_one_of=[
            ["records", "records_file", "retrieval"],
            ["files", "retrieval"],
            ["signing_key", "kms_key_id"],
        ],
        mutually_exclusive=[["records", "records_file"], ["signing_key", "kms_key_id"]],
        required_by={"kms_key_id": ["region"]},
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    if result["changed"] and not module.check_mode and importlib.util.find_spec("fpdf") is None:
        module.warn(
            "the package holds no summary as PDF, since fpdf2 is not installed: requirements-evidence.lock has it"
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
