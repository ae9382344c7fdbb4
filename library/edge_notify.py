#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells people and systems what a run changed, and nothing where nothing changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_notify
short_description: Notify of what changed since the run before
description:
  - Reads what the history wrote into C(report.json). Where a verdict or a finding changed, an edge was judged for the
    first time, or a waiver is about to end, a notice is sent by webhook, by e-mail, or to a command. Where nothing did,
    nothing is sent.
  - A notice is kept in C(outbox/) beside the runs until it was delivered. Where that fails the module warns and does
    not fail, and the next run tries again. A notice is delivered at least once, with the same id each time.
  - Webhooks are signed as Standard Webhooks has it, with HMAC-SHA256, with Ed25519, or both. E-mails are signed with
    Ed25519 in the header C(X-Edgepath-Signature). C(docs/schedule.md) says how to verify both.
  - Secrets are read from files or from the environment, C(EDGEPATH_NOTIFY_WEBHOOK_SECRET) and
    C(EDGEPATH_NOTIFY_SMTP_PASSWORD), and are no arguments.
  - Runs on the controller.
options:
  run_dir:
    description: The directory of the run, in which C(report.json) is. C(outbox/) is beside it.
    type: path
    required: true
  "on":
    description: What is worth a notice.
    type: list
    elements: str
    choices: [verdict, new, changed, fixed, first, waiver]
    default: [verdict, new, changed, fixed, first, waiver]
  severity:
    description: The least severity of a finding that is told of. Verdicts are told of always.
    type: str
    choices: [info, low, medium, high, critical]
    default: info
  waiver_days:
    description: How many days before its end a waiver is told of, once, and again when it ended. 0 for never.
    type: int
    default: 14
  webhook_url:
    description: Where the notice is posted as JSON, https, or http on loopback. Redirects are not followed.
    type: str
  webhook_secret_file:
    description: The file of the secret that webhooks are signed with, 24 bytes or more, or C(whsec_) and base64.
    type: path
  mail_to:
    description: Who gets e-mails.
    type: list
    elements: str
    default: []
  mail_from:
    description: The sender. Needed with O(mail_to).
    type: str
  smtp_host:
    description: The mail server.
    type: str
    default: localhost
  smtp_port:
    description: Its port.
    type: int
    default: 587
  smtp_tls:
    description: How its connection is encrypted. V(none) is taken on loopback alone.
    type: str
    choices: [starttls, tls, none]
    default: starttls
  smtp_username:
    description: Who logs in there, where that is needed.
    type: str
  smtp_password_file:
    description: The file of the password.
    type: path
  ca_file:
    description: Certificates in PEM that servers are verified against, instead of the system's.
    type: path
  signing_key_file:
    description: The file of an Ed25519 private key, PEM without passphrase.
    type: path
  command:
    description:
      - A program and its arguments. It gets the notice as JSON on its standard input, and C(EDGEPATH_REPORT) and
        C(EDGEPATH_NOTICE_ID) in its environment. No shell is asked.
    type: list
    elements: str
    default: []
  attempts:
    description: How often a delivery is tried in one run, with growing pauses.
    type: int
    default: 3
  seconds:
    description: How long each of webhook, e-mail and command may take in one run, all attempts together.
    type: int
    default: 60
author:
  - edgepath maintainers
requirements:
  - cryptography
notes:
  - In check mode nothing is sent. What there is to tell waits for the next run that is none.
"""

EXAMPLES = r"""
- name: Tell the people on call
  edge_notify:
    run_dir: "{{ edge_run_dir }}"
    "on": [verdict, waiver]
    webhook_url: https://hooks.example.net/edgepath
    webhook_secret_file: /etc/edgepath/webhook.secret
    mail_to: [on-call@example.net]
    mail_from: edgepath@example.net
    smtp_host: smtp.example.net
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
told:
  description: What this run gave to tell, or nothing.
  returned: success
  type: str
  sample: "london is truncates, was clear; 2 findings new"
sent:
  description: What was delivered, notices of earlier runs that waited included.
  returned: success
  type: list
  elements: dict
  sample: [{id: 20261123T031500Z-5f0c1d, channel: webhook}]
undelivered:
  description: What was tried and failed.
  returned: success
  type: list
  elements: dict
  sample: [{id: 20261123T031500Z-5f0c1d, channel: mail, why: "smtp.example.net:587: Connection refused"}]
waiting:
  description: How many deliveries are left for the next run.
  returned: success
  type: int
"""

import os

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.edge.finding import SEVERITIES, EdgepathError
from ansible.module_utils.edge.notify.deliver import Clock, Outcome, deliver
from ansible.module_utils.edge.notify.notice import KINDS, notice
from ansible.module_utils.edge.notify.outbox import Outbox
from ansible.module_utils.edge.run import read_json
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.writers.model import parse

try:
    from ansible.module_utils.edge.notify.channels import channels

    MISSING = None
except ImportError as error:
    MISSING = error.name

SPEC = {
    "run_dir": {"type": "path", "required": True},
    "on": {"type": "list", "elements": "str", "choices": list(KINDS), "default": list(KINDS)},
    "severity": {"type": "str", "choices": list(SEVERITIES), "default": "info"},
    "waiver_days": {"type": "int", "default": 14},
    "webhook_url": {"type": "str", "no_log": True},
    "webhook_secret_file": {"type": "path", "no_log": False},
    "mail_to": {"type": "list", "elements": "str", "default": []},
    "mail_from": {"type": "str"},
    "smtp_host": {"type": "str", "default": "localhost"},
    "smtp_port": {"type": "int", "default": 587},
    "smtp_tls": {"type": "str", "choices": ["starttls", "tls", "none"], "default": "starttls"},
    "smtp_username": {"type": "str"},
    "smtp_password_file": {"type": "path", "no_log": False},
    "ca_file": {"type": "path"},
    "signing_key_file": {"type": "path", "no_log": False},
    "command": {"type": "list", "elements": "str", "default": []},
    "attempts": {"type": "int", "default": 3},
    "seconds": {"type": "int", "default": 60},
}


def run(params: dict[str, object], check_mode: bool, clock: Clock, warnings: list[str]) -> dict[str, object]:
    """Keep what this run gives to tell, and deliver what waits; returns the module's result."""
    path = os.path.join(str(params["run_dir"]), "report.json")
    report = parse(read_json(path), path)
    outbox = Outbox(os.path.dirname(str(params["run_dir"]).rstrip("/")), clock.now(), warnings)
    found = channels(params, warnings)
    told = notice(report, params["on"], str(params["severity"]), int(params["waiver_days"]), outbox.told())
    if told is not None and found:
        outbox.add(told, list(found))
        if told["waivers"]:
            today = report.finished.date().isoformat()
            outbox.tell({item["key"]: item["expires"] for item in told["waivers"]}, before=str(int(today[:4]) - 1))
    outcome = Outcome(waiting=len(outbox.waiting()))
    if not check_mode:
        outbox.give_up(list(found))
        outcome = deliver(outbox, found, int(params["attempts"]), float(params["seconds"]), clock)
    warnings += outcome.warnings
    for item in outcome.failed:
        warnings.append(
            f"the notice of run {item['id']} was not delivered by {item['channel']}: {item['why']}; "
            f"it is kept in {outbox.directory} and tried again at the next run"
        )
    return {
        "told": told["summary"] if told else "",
        "sent": outcome.sent,
        "undelivered": outcome.failed,
        "waiting": outcome.waiting,
    }


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    if MISSING is not None:
        module.fail_json(msg=missing_required_lib(MISSING))
    for name in ("attempts", "seconds"):
        if module.params[name] < 1:
            module.fail_json(msg=f"edge_notify: {name} must be 1 or more, not {module.params[name]}")
    warnings: list[str] = []
    result = {"told": "", "sent": [], "undelivered": [], "waiting": 0}
    try:
        result = run(module.params, module.check_mode, Clock(), warnings)
    except EdgepathError as error:
        warnings.append(f"nobody was notified: {error}")
    except OSError as error:
        warnings.append(f"nobody was notified: {error.filename}: {error.strerror}")
    for message in warnings:
        module.warn(visible_line(message))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
