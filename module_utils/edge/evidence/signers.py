# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer that a module's options name: a key file, or a key of AWS KMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import EdgepathError
from .keys import FileSigner, KmsSigner, Signer

# `no_log: false` since these are a path and a name; the key itself is never an option.
SIGNER_OPTIONS: dict[str, Any] = {
    "signing_key": {"type": "path", "no_log": False},
    "kms_key_id": {"type": "str", "no_log": False},
    "region": {"type": "str"},
    "aws_profile": {"type": "str"},
    "aws_endpoint_url": {"type": "str"},
}


def signer_from(params: Mapping[str, Any]) -> Signer:
    if params["signing_key"] is not None:
        return FileSigner(params["signing_key"])
    try:
        import boto3
        import botocore.exceptions
    except ImportError as error:
        raise EdgepathError(f"signing with KMS needs the Python library boto3 on the controller: {error}") from None
    try:
        session = boto3.Session(profile_name=params["aws_profile"], region_name=params["region"])
        client = session.client("kms", endpoint_url=params["aws_endpoint_url"])
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise EdgepathError(f"cannot reach KMS in {params['region']}: {error}") from None
    return KmsSigner(client, params["kms_key_id"])
