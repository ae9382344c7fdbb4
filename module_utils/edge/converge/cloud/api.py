# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and changing AWS under the identity that converges; every failure names operation, resource and permission.

The identity is edge_converge_profile and edge_converge_role_arn; where neither is set, it is the audit's own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ...aws import Account, AccountKey, account_key, permission_of
from ...finding import EdgepathError, Unread
from ...targets import Edge
from . import heard

with contextlib.suppress(ImportError):  # told by Account
    import botocore.exceptions
    import botocore.parsers

# Where the permission is not named like the operation (Service Authorization Reference, "Actions for Amazon S3").
_PERMISSIONS = {
    ("s3", "delete_bucket_encryption"): "s3:PutEncryptionConfiguration",
    ("s3", "delete_bucket_lifecycle"): "s3:PutLifecycleConfiguration",
    ("s3", "delete_public_access_block"): "s3:PutBucketPublicAccessBlock",
    ("s3", "put_bucket_encryption"): "s3:PutEncryptionConfiguration",
    ("s3", "put_bucket_lifecycle_configuration"): "s3:PutLifecycleConfiguration",
    ("s3", "put_object_lock_configuration"): "s3:PutBucketObjectLockConfiguration",
    ("s3", "put_public_access_block"): "s3:PutBucketPublicAccessBlock",
    ("ec2", "create_vpc_endpoint"): "ec2:CreateVpcEndpoint",
    ("ec2", "delete_vpc_endpoints"): "ec2:DeleteVpcEndpoints",
}


# What is raised over an answer that is none of the service's.
_ODD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Unreadable(Exception):
    """A state could not be read; carries why."""

    def __init__(self, because: Unread) -> None:
        super().__init__(because.message)
        self.because = because


def write_permission(service: str, operation: str) -> str:
    """The IAM action that an operation needs: ``("s3", "put_bucket_encryption")`` -> ``s3:PutEncryption...``."""
    return _PERMISSIONS.get((service, operation)) or permission_of(service, operation)


class Cloud(Account):
    """One edge's account and region, as converge reads and changes it."""

    session_name = "edgepath-converge"

    def __init__(self, edge: Edge, session: Any | None = None) -> None:
        super().__init__(_identity(edge), session)
        self.edge = edge
        # The controller may know the storage by another name than the edge does.
        compatible = edge.storage_kind == "s3_compatible"
        self._storage = (edge.aws_endpoint_url or edge.storage_url) if compatible else None
        self.sent: list[str] = []  # the changes that were asked for, by their permissions

    def at(self, arn: str) -> Cloud:
        """This handle in the region that an ARN names."""
        parts = arn.split(":")
        region = parts[3] if len(parts) > 5 else ""
        if not region or region == self.key.region:
            return self
        there = Cloud(replace(self.edge, region=region))
        there.sent = self.sent
        return there

    def get(self, service: str, operation: str, result_key: str | None = None, *, resource: str, **given: Any) -> Any:
        """One read: the answer, or None where the service's own word is that there is none. Raises Unreadable."""
        where = self._where(service)
        heard.forget()
        try:
            answer = self.read(service, operation, result_key, resource=resource, endpoint_url=where, **given)
        except RecursionError:
            # The SDK asks for a bucket's region where it is redirected, and is redirected, and asks ...
            answer = self._unread("error", permission_of(service, operation), resource, "redirected without end")
        if isinstance(answer, Unread):
            raise Unreadable(answer)
        said = heard.last()
        why = said.odd if answer is not None else "" if said.code else "the answer does not say that there is none"
        if why:
            permission = permission_of(service, operation)
            raise Unreadable(Unread("error", permission, resource, f"cannot read {resource}: {why}"))
        if answer is None:
            heard.note_absence(said.code)
        return answer

    def put(self, service: str, operation: str, *, resource: str, **given: Any) -> Any:
        """One change. EdgepathError: ``edge x: cannot change bucket b: AccessDenied (needs s3:PutBucketPolicy)``."""
        permission = write_permission(service, operation)
        try:
            client = self._client(service, self._where(service))
            if self._failed is not None:
                raise self._refusal(self._failed, resource)
            with self._lock:
                self.calls[permission] += 1
                self.sent.append(permission)
            return getattr(client, operation)(**given)
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            unread = self._client_error(error, permission, resource)
            absent = Unread("error", permission, resource, f"cannot read {resource}: {code}: it is not there any more")
            raise self._refusal(unread or absent, resource) from None
        except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError, *_ODD) as error:
            unread = self._unread("error", permission, resource, f"{error}: whether it was done is not known")
            raise self._refusal(unread, resource) from None

    def _client(self, service: str, endpoint_url: str | None) -> Any:
        client = super()._client(service, endpoint_url)
        if client is not None:
            heard.listen(client)
        return client

    def _refusal(self, because: Unread, resource: str) -> EdgepathError:
        text = because.message.partition(": ")[2] or because.message
        needs = "" if "needs " in text else f" (needs {because.operation})"
        return EdgepathError(f"edge {self.edge.name}: cannot change {resource}: {because.operation}: {text}{needs}")

    def _where(self, service: str) -> str | None:
        return self._storage if service == "s3" else None


def _identity(edge: Edge) -> AccountKey:
    key = account_key(edge)
    profile, role = edge.converge_profile, edge.converge_role_arn
    if profile is None and role is None:
        return key
    return AccountKey(profile or key.profile, role, key.endpoint_url, key.region)


def odd(resource: str, why: str) -> Unreadable:
    """Why an answer is not taken for the state of a thing."""
    return Unreadable(Unread("error", "read", resource, f"cannot read {resource}: {why}"))


def told(answer: Mapping[str, Any], name: str, resource: str, known: Collection[Any] | None = None) -> Any:
    """A field that the API always sends; Unreadable where it is missing, or its value is none of those known."""
    value = answer.get(name)
    if value is None:
        raise odd(resource, f"the answer says nothing of {name}")
    if known is not None and value not in known:
        raise odd(resource, f"the answer says {name} {str(value)[:60]}, which is not known")
    return value


def without(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """An answer without what the SDK adds to it, and without what else is named."""
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", *names)}
