#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe of the export path, on the edge."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_path_probe
short_description: Walks an edge's path to its storage for real, and times every stage
description:
  - Runs on the edge and sends real requests with the edge's own credentials. It is asked for by name, never a part of
    an audit.
  - The stages are resolution, TCP to every address, the proxy's CONNECT where the export uses one, TLS, signed
    HeadBucket, a ranged GetObject, and with O(write) a small multipart upload that is aborted. Then follow a transfer
    at the export's own pace, and silences around each predicted bound, held side by side.
  - Every stage tells its seconds, on failure too, and who ended it (RST, FIN, a refusal, or nobody within the
    patience). A transfer that is cut tells the byte and the second.
  - Bounded in seconds, bytes, requests and money. RV(plan) says so beforehand, and in check mode that is all that is
    done; where the plan would pass a limit, the silences that do not fit are left out and named.
  - An action plugin of the same name takes the edge's variables and the ladder from the controller, and judges there
    what comes back. It adds RV(findings), RV(comparison) and RV(causes), and writes them to C(probe/EDGE.json) in
    O(run_dir).
options:
  edge:
    description:
      - The edge, as one element of O(edge_egress_audit#module:edges). Taken from the host's variables by default.
    type: dict
  run_dir:
    description: The directory of a run on the controller, whose ladder is compared with what the probe sees.
    type: path
  bounds:
    description:
      - The bounds in time to try, as the ladder of M(edge_timeouts_audit) holds them (C(kind), C(hop), C(setting),
        C(origin), C(seconds) ...). Taken from O(run_dir) by default.
    type: list
    elements: dict
  key:
    description:
      - The object to read. By default the first of the edge's C(recording_keys), else the largest below the prefix.
    type: str
  proxy:
    description:
      - The HTTP proxy to go through, such as V(http://proxy:3128), or V(direct) for none. Never shown, since it may
        hold a password.
      - By default the export's own, as the audit in O(run_dir) read it from the export's configuration and the
        environment of its service, without a password. Without an audit none. RV(plan.lines) says which it is.
    type: str
  addressing:
    description:
      - Whether the bucket stands in the host name or in the path. V(auto) takes the host name in AWS, unless the
        bucket's name has dots.
    type: str
    choices: [auto, virtual, path]
    default: auto
  ca_file:
    description: Certificates on the edge to trust instead of the system's.
    type: path
  write:
    description: Whether to upload, too. Everything that is uploaded is aborted again.
    type: bool
    default: false
  rate:
    description: Bytes a second of the paced transfer. By default the export's own, from the edge's C(payload).
    type: float
  paced_seconds:
    description:
      - How long the paced transfer lasts; 0 leaves it out. It grows past a proxy's total bound where the limits allow.
    type: float
    default: 60
  pause_factors:
    description: Each bound is tried with silences of so many times its seconds.
    type: list
    elements: float
    default: [0.95, 1.05]
  stage_timeout:
    description: Seconds without progress before a stage is given up.
    type: float
    default: 15
  max_seconds:
    description: The most that the whole probe may take.
    type: float
    default: 1800
  max_bytes:
    description: The most bytes that it may move, in both directions.
    type: int
    default: 134217728
  max_cost_usd:
    description: The most that it may cost at list prices, in US dollars.
    type: float
    default: 0.1
  access_key_id:
    description:
      - Credentials instead of the edge's own, with O(secret_access_key). The edge's own are those of the environment,
        of the shared credentials file below the edge's root, or of the instance (IMDSv2).
    type: str
  secret_access_key:
    description: The secret of O(access_key_id).
    type: str
  session_token:
    description: The session token of O(access_key_id), where it has one.
    type: str
  credentials_file:
    description:
      - The shared credentials file. By default that of C($AWS_SHARED_CREDENTIALS_FILE), or C(~/.aws/credentials).
    type: str
  profile:
    description: The profile of that file. C($AWS_PROFILE) or V(default) by default.
    type: str
  metadata_url:
    description: Where the instance metadata service answers.
    type: str
    default: http://169.254.169.254
  fail_on:
    description: The least severity of a failed finding that stands in RV(failed_because). V(never) only reports.
    type: str
    choices: [info, low, medium, high, critical, never]
    default: high
  allow_unknown:
    description: Whether RV(failed_because) stays empty though answers are missing.
    type: bool
    default: false
author:
  - edgepath maintainers
notes:
  - The export service may have credentials in an environment of its own, which a login does not see. Name its file in
    O(credentials_file), or hand them over as module options.
  - A timer that only the storage's own silence starts cannot be started from the edge. Such a bound is named in
    RV(plan.not_exercised), and the paced transfer notices it where it strikes.
  - 'Where nothing may run but curl (tried with 7.88), the same requests by hand, credentials in the environment
    and out of the argument list: C(printf "user = \"%s:%s\"\n" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" | curl
    -K - --aws-sigv4 "aws:amz:eu-west-2:s3" -sS -o /dev/null --limit-rate 96k -r 0-5759999 -w "dns %{time_namelookup}
    tcp %{time_connect} tls %{time_appconnect} first %{time_starttransfer} total %{time_total} bytes %{size_download}
    status %{http_code}\n" https://BUCKET.s3.eu-west-2.amazonaws.com/KEY). With a session token add
    C(-H @FILE) with the line C(x-amz-security-token: ...) in that file, and C(-x http://proxy:3128) where the export
    uses a proxy. Exit status 56 is a
    reset, 28 a timeout, 18 a body that ended too early, 7 a refusal, 6 a name.'
attributes:
  check_mode:
    description: Announces the plan and sends nothing.
    support: full
"""

EXAMPLES = r"""
- name: Say what a probe would do
  edge_path_probe:
    paced_seconds: 120
  check_mode: true

- name: Walk the path, and try the bounds that the audit of the same run found
  edge_path_probe:
    run_dir: runs/latest
    proxy: http://127.0.0.1:3128
    write: true

- name: Try one suspicion, a silence of five minutes and fifty seconds
  edge_path_probe:
    paced_seconds: 0
    bounds:
      - kind: idle
        hop: gateway
        setting: NAT gateway idle timeout
        origin: nat-0a1b2c3d
        seconds: 350
        reset_by: packets

# From a shell: ansible london-1 -m edge_path_probe -a 'paced_seconds=30'
"""

RETURN = r"""
plan:
  description: What the probe does, and the most that it takes; C(lines) says it to a person.
  returned: always
  type: dict
  sample:
    at_most: {"seconds": 1311.2, "bytes": 8230912, "requests": 11, "cost_usd": 0.001122}
    lines: ["at most 1311.2 s, 8230912 bytes, 11 requests, 0.0011 USD at list prices"]
    not_exercised: []
    paced: {"seconds": 60.0, "rate": 96000.0, "bytes": 5760000, "patience": 990.0}
    pauses: [{"mode": "held", "seconds": 332.5}]
edge_facts:
  description: What was seen.
  returned: unless in check mode
  type: dict
  contains:
    stages:
      description:
        - The stages in order, each with C(status) (V(ok), V(failed), V(skipped)), C(seconds), and C(failure) with
          C(ended_by), C(errno), C(error_text), C(code), C(seconds), C(last_byte_age) and C(byte_offset).
      type: list
      elements: dict
      sample:
        - {"stage": "tcp", "status": "failed", "seconds": 15.0, "failure": {"ended_by": "timeout", "seconds": 15.0}}
    transfer:
      description: The paced transfer, null where it was not planned or did not come about.
      type: dict
      sample:
        status: failed
        bytes: 86400000
        failure: {"ended_by": "reset", "byte_offset": 86400000, "seconds": 900.2}
    pauses:
      description: The silences, each with its C(outcome) (V(survived), V(cut), V(closed), V(failed)) and its second.
      type: list
      elements: dict
      sample: [{"mode": "held", "seconds": 332.5, "outcome": "survived", "second": null}]
    spent:
      description: Seconds and bytes of the whole probe.
      type: dict
      sample: {"seconds": 402.1, "bytes": 5893120}
findings:
  description:
    - The findings PROBE-01 to PROBE-13, and IAM-24 for each request that the storage refused, against what the audit
      of the same run read of the policies.
  returned: by the action plugin, unless in check mode
  type: list
  elements: dict
  sample: [{"check": "PROBE-12", "status": "pass", "observed": "3 of 3 comparisons agree"}]
failed_because:
  description:
    - What failed, a sentence a check, and why that fails the host. Empty where nothing reaches O(fail_on) and no answer
      is missing, or O(allow_unknown). What a waiver of the run accepts does not count.
  returned: by the action plugin, unless in check mode
  type: list
  elements: str
  sample: ["PROBE-09: the paced transfer was reset after 900.1 s"]
comparison:
  description: Prediction and observation side by side. C(agrees) is null where an observation proves nothing.
  returned: by the action plugin, unless in check mode
  type: list
  elements: dict
  sample:
    - {"what": "paced transfer", "predicted": "cut", "predicted_second": 900.0, "observed": "closed", "agrees": true}
causes:
  description: For each failure that was seen, the likeliest culprits with the evidence for and against each.
  returned: by the action plugin, unless in check mode
  type: list
  elements: dict
  sample: [{"where": "paced transfer", "causes": [{"rank": 1, "check": "TIMEOUTS-04"}]}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.probe.node import announce, probe
from ansible.module_utils.edge.probe.options import OPTIONS, validated
from ansible.module_utils.edge.targets import Edge


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS,
        required_together=[["access_key_id", "secret_access_key"]],
        required_by={"session_token": ["access_key_id"]},
        supports_check_mode=True,
    )
    try:
        edge = Edge.from_mapping(module.params["edge"] or {"name": "localhost"})
        bounds = validated(module.params)
        if module.check_mode:
            module.exit_json(changed=False, plan=announce(edge, bounds, module.params)[1])
        facts = probe(edge, bounds, module.params)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, plan=facts["plan"], edge_facts=facts)


if __name__ == "__main__":
    main()
