#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides every API call of the edges' exports, for the principal that makes them, by the way that they take."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_iam_audit
short_description: Decide every API call of the edges' exports
description:
  - Reads who exports, with all policies that bear on it (identity, boundary, bucket, VPC endpoint, key and grants, and
    the organisation's where they are visible), each once however many edges use it.
  - Decides each call of an export (list, read, write, every call of a multipart upload, the key behind SSE-KMS) with
    the request context of the edge's real path, and names the first that fails and the layer that decided.
  - Says what the principal may do beyond that, with witnesses, and the smallest change that lets the export through.
  - Matches each refused request in the edge's log, as the visit to the edge read it, with what the policies say, and
    tells where the two disagree, or where a 403 is really a 404.
  - Runs on the controller, with the AWS credentials of the audit. Changes nothing.
notes:
  - "Needs: C(sts:GetCallerIdentity), C(iam:GetRole), C(iam:ListRolePolicies), C(iam:GetRolePolicy),
    C(iam:ListAttachedRolePolicies), C(iam:GetPolicy), C(iam:GetPolicyVersion), C(s3:ListAllMyBuckets),
    C(s3:GetBucketPolicy), C(s3:GetEncryptionConfiguration), C(kms:DescribeKey), C(kms:GetKeyPolicy),
    C(kms:ListGrants), C(organizations:DescribeOrganization)."
  - "With many roles C(iam:GetAccountAuthorizationDetails) and C(iam:ListRoles) take the place of the reads of each.
    Where a user exports: C(iam:GetUser), C(iam:ListUserPolicies), C(iam:GetUserPolicy),
    C(iam:ListAttachedUserPolicies), C(iam:ListAccessKeys), C(iam:ListGroupsForUser), C(iam:ListGroupPolicies),
    C(iam:GetGroupPolicy), C(iam:ListAttachedGroupPolicies)."
  - "Of 25 buckets and more in a region AWS Config is asked what it recorded of them, where it runs, which saves up to
    four calls a bucket. It takes C(config:DescribeConfigurationRecorderStatus) and
    C(config:BatchGetResourceConfig). What comes from there is labelled with the time of its record; where this is
    denied, S3 is asked."
  - What was denied is reported as unknown, with the permission that is missing. An ordinary member account may not read
    the organisation's policies; that alone does not keep the other checks from an answer, and IAM-19 says so.
extends_documentation_fragment: [edge_targets]
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Decide the calls of the run's exports
  edge_iam_audit:
    run_dir: "{{ edge_run_dir }}"
  delegate_to: localhost
  run_once: true

# From a shell, one role and bucket. Without a run the edge's way to the storage is not known, and answers that hang on
# it are unknown:
#   ansible localhost -m edge_iam_audit -a '{"edges": [{"name": "london-1", "region": "eu-west-2",
#     "bucket": "acme-recordings", "prefix": "calls/", "role_arn": "arn:aws:iam::123456789012:role/edge-export"}]}'
"""

RETURN = r"""
summary:
  description: How many findings have each status.
  returned: always
  type: dict
  sample: {pass: 20, fail: 2, not_applicable: 3}
calls:
  description: The AWS calls made, by permission.
  returned: always
  type: dict
  sample: {"iam:GetRole": 1, "s3:GetBucketPolicy": 1}
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
    - check: IAM-05
      status: fail
      edge: london-1
      hop: key
      resource: arn:aws:kms:eu-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
      expected: A recording in several parts can be written to its end
      observed: "a small PutObject works; UploadPart fails: kms:Decrypt is not granted by any identity policy"
edge_facts:
  description: The facts by edge.
  returned: when O(run_dir) is not set
  type: dict
  sample:
    london-1:
      principal_arn: arn:aws:iam::123456789012:role/edge-export
"""

from ansible.module_utils.edge.iam.domain import DOMAIN
from ansible.module_utils.edge.module import audit


def main() -> None:
    audit(DOMAIN)


if __name__ == "__main__":
    main()
