# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, and what every request of theirs has in its context, from facts. Pure.

Source: AWS IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, "Condition keys for
Amazon S3". What facts do not tell is UNKNOWN, never absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..finding import unread
from ..targets import Edge
from .arn import Arn
from .context import PRESENT, UNKNOWN, ContextInput
from .scene import Principal

_INSTANCE_KEYS = ("ec2:SourceInstanceARN", "aws:Ec2InstanceSourceVpc", "aws:Ec2InstanceSourcePrivateIPv4")


@dataclass(frozen=True)
class Requester:
    """arn: the principal's, parsed.  in_instance: whether the role is known to come through the instance profile."""

    edge: Edge
    facts: Mapping[str, Any]
    egress: Any
    arn: Arn
    in_instance: bool

    @property
    def _held(self) -> Mapping[str, Any]:
        held: Mapping[str, Any] = self.facts["principal"]
        return held

    @property
    def _is_role(self) -> bool:
        return bool(self._held["kind"] == "role")

    @property
    def _session(self) -> str | None:
        """The session's name: that of an instance profile is the id of the instance (IAM User Guide, "Instance
        profiles")."""
        if not (self.in_instance and self._is_role):
            return None
        if self.edge.instance_id:
            return self.edge.instance_id
        instance = self._of_egress("instance")
        found = instance.get("id") if isinstance(instance, Mapping) else None
        return found if isinstance(found, str) else None

    def _of_egress(self, name: str) -> Any:
        return self.egress.get(name) if isinstance(self.egress, Mapping) else None

    def principal(self) -> Principal:
        """The principal as the engine takes it: a session where its name is known."""
        arn, issuer, session = str(self._held["arn"]), None, self._session
        if session:
            issuer = arn
            role = self.arn.resource.rpartition("/")[2]
            arn = f"arn:{self.arn.partition}:sts::{self.arn.account}:assumed-role/{role}/{session}"
        return Principal(arn, issuer, self.arn.account, self._own(session))

    def _own(self, session: str | None) -> dict[str, ContextInput]:
        """The keys that speak of the principal."""
        tags = self._held.get("tags")
        known = tags if isinstance(tags, Mapping) and not unread(tags) else None
        context: dict[str, ContextInput] = {f"aws:PrincipalTag/{name}": value for name, value in (known or {}).items()}
        # Whoever assumes a role may bring session tags; an instance profile brings none.
        fixed = session is not None or not self._is_role
        context["aws:PrincipalTag/*"] = None if known is not None and fixed else UNKNOWN
        unique = self._held.get("id")
        if isinstance(unique, str) and fixed:
            context["aws:userid"] = f"{unique}:{session}" if self._is_role else unique
        if self._is_role:
            context["aws:MultiFactorAuthPresent"] = UNKNOWN
            context["aws:SourceIdentity"] = None if session else UNKNOWN
        context.update(self._of_instance(session))
        return context

    def _of_instance(self, session: str | None) -> dict[str, ContextInput]:
        if session is None:
            return dict.fromkeys(_INSTANCE_KEYS, UNKNOWN if self._is_role else None)
        vpc = self._of_egress("vpc_id")
        instance = f"arn:{self.arn.partition}:ec2:{self.edge.region}:{self.arn.account}:instance/{session}"
        return dict(zip(_INSTANCE_KEYS, (instance, vpc if isinstance(vpc, str) else PRESENT, PRESENT)))

    def base(self) -> dict[str, ContextInput]:
        """The keys that all requests share, whoever makes them."""
        organisation = self._organisation()
        same = self.facts.get("bucket_account") == self.arn.account
        paths = None if organisation is None else UNKNOWN
        now, epoch = self._now()
        return {
            "aws:SecureTransport": self.edge.storage_url.startswith("https"),
            "aws:RequestedRegion": self.edge.region if self.edge.region else UNKNOWN,
            "aws:CurrentTime": now,
            "aws:EpochTime": epoch,
            "aws:ViaAWSService": False,
            "aws:UserAgent": UNKNOWN,
            "aws:PrincipalOrgID": organisation,
            "aws:PrincipalOrgPaths": paths,
            "aws:ResourceOrgID": organisation if same else UNKNOWN,
            "aws:ResourceOrgPaths": paths if same else UNKNOWN,
            "aws:ResourceTag/*": UNKNOWN,
            "s3:BucketTag/*": UNKNOWN,
            "s3:authType": "REST-HEADER",
            "s3:signatureversion": "AWS4-HMAC-SHA256",
            "s3:signatureAge": 0,
        }

    def _organisation(self) -> ContextInput:
        """The id of the organisation, None where there is none."""
        held = self.facts.get("organisation", UNKNOWN)
        if held is None:
            return None
        found = held.get("id") if isinstance(held, Mapping) and not unread(held) else None
        return found if isinstance(found, str) else UNKNOWN

    def _now(self) -> tuple[ContextInput, ContextInput]:
        """The time of the audit, as a date and as seconds."""
        held = self.facts.get("observed")
        try:
            seconds = int(datetime.fromisoformat(held).timestamp()) if isinstance(held, str) else None
        except ValueError:
            seconds = None
        return (UNKNOWN, UNKNOWN) if seconds is None else (str(held), seconds)
