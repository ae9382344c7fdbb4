# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits the lab's account by hand, as someone with a console does: aws_edit.py FAULT EDGE."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab import seed  # noqa: E402 - the project is on the path only now

LAB = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "lab" / "lab.json").read_text(encoding="utf-8"))


def client(service: str) -> Any:
    return seed.client(service, LAB["endpoints"]["aws"], LAB["credentials"]["operator"])


def policy(edge: str) -> None:
    """Takes the role's inline policies away: they are what converge gave it."""
    iam = client("iam")
    for name in iam.list_role_policies(RoleName=f"edge-{edge}")["PolicyNames"]:
        iam.delete_role_policy(RoleName=f"edge-{edge}", PolicyName=name)


def versioning(edge: str) -> None:
    client("s3").put_bucket_versioning(
        Bucket=f"euw2-recordings-{edge}", VersioningConfiguration={"Status": "Suspended"}
    )


if __name__ == "__main__":
    {"policy": policy, "versioning": versioning}[sys.argv[1]](sys.argv[2])
