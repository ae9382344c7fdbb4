#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the buckets that edges keep recordings in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_bucket_audit
short_description: Judge the buckets that edges keep recordings in
description:
  - Reads each distinct bucket once, however many edges export to it, and judges where it is, what protects the
    recordings in it, when its lifecycle would hide, archive or delete them, and whether its key can be used.
  - Simulates the lifecycle rules against the given recordings, a bounded sample, and a recording written now, and says
    from which midnight UTC each would be gone.
  - Runs on the controller, with the AWS credentials of the audit. Changes nothing.
notes:
  - "Needs on the bucket: C(s3:ListAllMyBuckets), C(s3:ListBucket), C(s3:ListBucketVersions), C(s3:GetBucketVersioning),
    C(s3:GetBucketObjectLockConfiguration), C(s3:GetLifecycleConfiguration), C(s3:GetReplicationConfiguration),
    C(s3:GetBucketPolicy), C(s3:GetBucketPublicAccessBlock), C(s3:GetAccountPublicAccessBlock),
    C(s3:GetBucketRequestPayment), C(s3:GetEncryptionConfiguration), C(kms:DescribeKey), C(sts:GetCallerIdentity)."
  - "For given recordings also C(s3:GetObject), C(s3:GetObjectLegalHold), C(s3:GetObjectRetention) and, where a rule
    asks for tags, C(s3:GetObjectTagging)."
  - What was denied is reported as unknown, with the permission that is missing.
  - "Of 25 buckets and more: what M(edge_iam_audit) had from AWS Config is taken from its facts and labelled with the
    time of its record, and a bucket is sampled only where a rule of its lifecycle or C(recording_keys) asks for it."
extends_documentation_fragment: [edge_targets]
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Judge the buckets of the run's edges
  edge_bucket_audit:
    run_dir: "{{ edge_run_dir }}"
  delegate_to: localhost
  run_once: true

# From a shell, one bucket, everything on the screen:
#   ansible localhost -m edge_bucket_audit \
#     -a '{"edges": [{"name": "london-1", "region": "eu-west-2", "bucket": "acme-recordings", "prefix": "calls/"}]}'
"""

RETURN = r"""
summary:
  description: How many findings have each status.
  returned: always
  type: dict
  sample: {pass: 17, fail: 6, not_applicable: 3}
calls:
  description: The AWS calls made, by permission.
  returned: always
  type: dict
  sample: {"s3:ListBucket": 1, "s3:GetBucketVersioning": 1}
errors:
  description: What was wrong with edges that could not be judged, by name.
  returned: always
  type: dict
  sample: {}
findings:
  description: The findings, as in C(report.json).
  returned: when O(run_dir) is not set
  type: list
  elements: dict
  sample:
    - check: BUCKET-05
      status: fail
      edge: london-1
      hop: bucket
      resource: arn:aws:s3:::acme-recordings
      expected: Versioning is enabled
      observed: it was never enabled
edge_facts:
  description: The facts by edge.
  returned: when O(run_dir) is not set
  type: dict
  sample:
    london-1:
      versioning: null
"""

from ansible.module_utils.edge.bucket.domain import DOMAIN
from ansible.module_utils.edge.module import audit


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
