#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks an evidence package."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_evidence_verify
short_description: Check every byte of an evidence package
description:
  - Checks a package of M(edge_evidence_package#module). That every file is named by a list and has the digests of the
    manifests, that the manifests are signed, the timestamp, the journal and the custody record.
  - Fails where anything differs, and where something could not be judged, unless O(allow_unknown) is true. A signature
    that is compared with no key from elsewhere is such a thing, since whoever changes a package can sign it anew.
  - Changes nothing. C(VERIFY.md) in the package says how to check the same without this program.
options:
  path:
    description: The package's folder.
    type: path
    required: true
  public_key:
    description: The expected signer's public key, a PEM file from elsewhere than the package.
    type: path
  key_sha256:
    description: The SHA-256 of the expected signer's public key, instead of O(public_key).
    type: str
  timestamp_roots:
    description: The root certificates of the timestamp authority, a PEM file from elsewhere than the package.
    type: path
  custody_head:
    description:
      - The SHA-256 of the newest entry of the custody record, as it was noted at the last hand-over.
      - Without it nobody can see that newer entries were taken away.
    type: str
  allow_unknown:
    description: Whether a package passes where nothing failed but something could not be judged.
    type: bool
    default: false
author:
  - edgepath maintainers
seealso:
  - module: edge_evidence_package
  - module: edge_evidence_custody
"""

EXAMPLES = r"""
- name: Check a package against what its maker told us
  edge_evidence_verify:
    path: /srv/evidence/case-4711
    key_sha256: 3b1f9d0c6a5f4e0e8a3a2b6f0c0de3b1f9d0c6a5f4e0e8a3a2b6f0c0de3b1f9d
    custody_head: 77c04a1b2c3d4e5f60718293a4b5c6d7e8f9a0b1c2d3e4f5061728394a5b6c7d
    timestamp_roots: /etc/edgepath/timestamp-authority.pem
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description: V(verified), V(unproven) where nothing failed but something could not be judged, or V(broken).
  returned: always
  type: str
  sample: verified
checks:
  description: Each check with its question, its status (pass, fail, unknown or not_applicable) and what was seen.
  returned: always
  type: list
  elements: dict
  sample:
    - check: payload
      question: the files in data/ have the digests of the manifests
      status: pass
      detail: 8 files
keyid:
  description: The SHA-256 of the key that signed, as the package says.
  returned: always
  type: str
  sample: 3b1f...
statement:
  description: What was signed about the package; null where the signature does not hold.
  returned: always
  type: dict
  sample: {objects: 8, octets: 1048576, complete: true}
custody:
  description: The entries of the custody record; empty where it does not hold.
  returned: always
  type: list
  elements: dict
  sample:
    - action: sealed
      by: J. Smith, telephony operations
      entry: custody/0001.dsse.json
      time: "2026-11-23T03:15:00.000000Z"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.evidence.keys import require_cryptography
from ansible.module_utils.edge.evidence.verify import Expected, verify
from ansible.module_utils.edge.finding import EdgepathError


def read(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read(1 << 20)
    except OSError as error:
        raise EdgepathError(f"cannot read {path}: {error.strerror}") from None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "public_key": {"type": "path", "no_log": False},
            "key_sha256": {"type": "str", "no_log": False},
            "timestamp_roots": {"type": "path"},
            "custody_head": {"type": "str"},
            "allow_unknown": {"type": "bool", "default": False},
        },
        mutually_exclusive=[["public_key", "key_sha256"]],
        supports_check_mode=True,
    )
    given = module.params
    try:
        require_cryptography()
        roots = read(given["timestamp_roots"])
        expected = Expected(read(given["public_key"]), given["key_sha256"], roots, given["custody_head"])
        result = verify(given["path"], expected)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    bad = [item for item in result["checks"] if item["status"] in ("fail", "unknown")]
    if result["verdict"] == "broken" or (bad and not given["allow_unknown"]):
        told = "; ".join(f"{item['check']} ({item['status']}): {item['detail']}" for item in bad)
        module.fail_json(msg=f"{given['path']} is {result['verdict']}: {told}", changed=False, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
