#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds an entry to the custody record of an evidence package."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_evidence_custody
short_description: Add a hand-over to the custody record of an evidence package
description:
  - Adds a signed entry to the custody record of a package of M(edge_evidence_package#module). The entry quotes the
    SHA-256 of the one before it. The bag is not touched.
  - The package is checked first. Nothing is added to one that is broken.
  - Each call adds an entry. The module is not idempotent, as a hand-over is not.
options:
  path:
    description: The package's folder.
    type: path
    required: true
  action:
    description: What was done with the package.
    type: str
    choices: [handed_over, received, examined, copied, noted]
    required: true
  by:
    description: Who did it.
    type: str
    required: true
  to:
    description: Who the package went to.
    type: str
  place:
    description: Where, or on which medium.
    type: str
  reason:
    description: Why, or what else shall be noted.
    type: str
  signing_key:
    description:
      - The Ed25519 private key of whoever states this, a PEM file that its owner alone can read.
      - One of O(signing_key) and O(kms_key_id) is needed.
    type: path
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
author:
  - edgepath maintainers
notes:
  - In check mode the package is checked and nothing is added.
seealso:
  - module: edge_evidence_package
  - module: edge_evidence_verify
"""

EXAMPLES = r"""
- name: Note that the package went to counsel
  edge_evidence_custody:
    path: /srv/evidence/case-4711
    action: handed_over
    by: J. Smith, telephony operations
    to: A. Jones, Example LLP
    place: encrypted drive, serial 0815
    signing_key: /etc/edgepath/evidence.pem
  delegate_to: localhost
"""

RETURN = r"""
entry:
  description: The file of the new entry.
  returned: when it was added
  type: str
  sample: custody/0002.dsse.json
custody_head:
  description: The SHA-256 of the new entry. Both sides should note it elsewhere.
  returned: when it was added
  type: str
  sample: 77c0...
entries:
  description: How many entries the record has now.
  returned: success
  type: int
  sample: 2
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.evidence import custody
from ansible.module_utils.edge.evidence.journal import utc_now
from ansible.module_utils.edge.evidence.signers import SIGNER_OPTIONS, signer_from
from ansible.module_utils.edge.evidence.verify import verify
from ansible.module_utils.edge.finding import EdgepathError

EVENT = ("action", "by", "to", "place", "reason")


def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    signer = signer_from(params)
    found = verify(params["path"])
    broken = [f"{item['check']}: {item['detail']}" for item in found["checks"] if item["status"] == "fail"]
    if broken:
        raise EdgepathError(f"{params['path']} is broken, nothing was added: {'; '.join(broken)}")
    entries = len(found["custody"])
    if check_mode:
        return {"changed": True, "entries": entries}
    event = {name: params[name] for name in EVENT if params[name] is not None}
    try:
        entry = custody.append(params["path"], {**event, "time": utc_now()}, signer)
    except OSError as error:
        raise EdgepathError(f"cannot write the custody record of {params['path']}: {error.strerror}") from None
    return {"changed": True, "entry": entry.path, "custody_head": entry.sha256, "entries": entries + 1}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "action": {"type": "str", "required": True, "choices": list(custody.ACTIONS[1:])},
            "by": {"type": "str", "required": True},
            "to": {"type": "str"},
            "place": {"type": "str"},
            "reason": {"type": "str"},
            **SIGNER_OPTIONS,
        },
        required_one_of=[["signing_key", "kms_key_id"]],
        mutually_exclusive=[["signing_key", "kms_key_id"]],
        required_by={"kms_key_id": ["region"]},
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
