# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits the lab's account by hand, as someone with a console does: aws_edit.py FAULT EDGE."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import policies, seed  # noqa: E402 - the project is on the path only now

LAB = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "lab" / "lab.json").read_text(encoding="utf-8"))


def client(service: str) -> Any:
    return seed.client(service, LAB["endpoints"]["aws"], LAB["credentials"]["operator"])


def policy(edge: str) -> None:
    """The policy of the role as it was before anyone cured it, as a new default version."""
    iam = client("iam")
    arn = iam.list_attached_role_policies(RoleName=f"edge-{edge}")["AttachedPolicies"][0]["PolicyArn"]
    text = policies.export_denied(f"euw2-recordings-{edge}", LAB["key_arn"])
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"][1:]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)


def versioning(edge: str) -> None:
    client("s3").put_bucket_versioning(
        Bucket=f"euw2-recordings-{edge}", VersioningConfiguration={"Status": "Suspended"}
    )


if __name__ == "__main__":
    {"policy": policy, "versioning": versioning}[sys.argv[1]](sys.argv[2])
