#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads on an edge all that the audit needs of it, in one visit."""

DOCUMENTATION = r"""
module: edge_facts
short_description: Read on an edge all that the audit needs of it
description:
  - Runs on the edge, needs nothing but Python there, changes nothing and leaves nothing behind.
  - Has no opinion. The audit modules judge what it returns, on the controller.
  - What is not known to be harmless is masked before it leaves the edge (docs/security.md).
  - An action plugin of the same name takes the edge's variables from the inventory, sends along in memory what reads
    there, dnspython with it, and writes the facts to O(run_dir) on the controller.
options:
  run_dir:
    description: The directory of the run on the controller. Without it the facts are in the module's result.
    type: path
  edge:
    description:
      - The edge, as one element of O(edge_egress_audit#module:edges). Taken from the host's variables by default.
    type: dict
  sections:
    description: What to read.
    type: list
    elements: str
    choices: [dns, host, timeouts, log]
    default: [dns, host, timeouts, log]
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Read the edge
  edge_facts:
    run_dir: "{{ edge_run_dir }}"

# From a shell, with the facts on the screen:
#   ansible london-1 -m edge_facts
"""

RETURN = r"""
edge_facts:
  description: The facts by section. A section or part that could not be read is C($unread), with the reason.
  returned: when O(run_dir) is not set
  type: dict
  sample:
    dns:
      resolv_conf:
        nameservers: [10.40.0.2]
unread:
  description: The sections that could not be read, each with its reason.
  returned: always
  type: dict
  sample: {}
"""

import sys

# A program that is piped looks for what it imports in the working directory first, and that is the login user's.
sys.path[:] = [path for path in sys.path if path not in ("", ".")]

import base64
import binascii
import importlib.util
import json
import zlib

# Ansible puts the options in here, and pipes the whole to Python ("JSONARGS modules", Ansible Developer Guide). Without
# its library, whose import takes longer than all that is read. What runs is in them, as packing.py packed it.
OPTIONS = r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"""
OLDEST = (3, 9)


class Carried:
    """Imports packages from texts, so that nothing of them is in a file of the edge (PEP 451).

    texts: ``{"edge/finding.py": source, "edge/__init__.py": source}``.
    """

    def __init__(self, texts):
        self.texts = texts

    def find_spec(self, name, _path=None, _target=None):
        base = name.replace(".", "/")
        for file in (base + "/__init__.py", base + ".py"):
            if file in self.texts:
                package = file.endswith("/__init__.py")
                spec = importlib.util.spec_from_loader(name, self, origin="edgepath:" + file, is_package=package)
                spec.loader_state = file
                return spec
        return None

    def create_module(self, _spec):
        return None

    def exec_module(self, module):
        spec = module.__spec__
        exec(compile(self.texts[spec.loader_state], spec.origin, "exec", dont_inherit=True), module.__dict__)


def unpack(packed):
    """The texts; ValueError where they did not arrive whole."""
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed, validate=True)).decode("utf-8"))
    except (binascii.Error, ValueError, zlib.error) as error:  # zlib holds a checksum of the whole
        raise ValueError(f"the program did not arrive whole on the edge: {error}; run the audit again") from None


def answer(options):
    """The module's result."""
    if sys.version_info < OLDEST:
        version, oldest = sys.version.split()[0], ".".join(map(str, OLDEST))
        return failure(f"the edge's Python is {version}, and it takes {oldest}; name one in ansible_python_interpreter")
    try:
        # Before all else: what travels was tried together, and a node may hold another dnspython.
        sys.meta_path.insert(0, Carried(unpack(options.get("program") or "")))
    except ValueError as error:
        return failure(str(error))
    from edge import visit

    return visit.answer(options)


def failure(message):
    return {"failed": True, "msg": message}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(json.loads(OPTIONS))) + "\n")
