# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge and its facts, as the judging functions ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from ..targets import Edge
from .arn import Arn, parse_arn
from .catalogue import CATALOGUE
from .documents import from_facts
from .keyring import has_bucket_key, key_ids, uses_kms
from .network import Network, network_of
from .plan import SAMPLE, Asked, Step, Target, export_plan
from .requester import Requester
from .scene import Scene, StepAnswer

# More keys than this are not asked for one by one: what holds for these holds for the prefix.
MOST_KEYS = 8


@dataclass(frozen=True, eq=False)
class Case:
    """facts: as facts.gather leaves them. egress: what the egress step left for the edge, or Unread."""

    edge: Edge
    facts: Mapping[str, Any]
    egress: Any
    ask: Asker

    @classmethod
    def of(cls, edge: Edge, facts: Mapping[str, Any], upstream: Mapping[str, Any]) -> Case:
        missing = Unread("not_collected", "edge_egress_audit", edge.name, f"edge {edge.name}: egress was not judged")
        return cls(edge, facts, upstream.get("egress", missing), Asker(edge.name, CATALOGUE))

    def fact(self, name: str) -> Any:
        """A fact: None where absent, Unread where it was not read."""
        if name not in self.facts:
            return Unread("not_collected", "gather", self.edge.name, f"edge {self.edge.name}: {name} was not read")
        value = self.facts[name]
        return unread(value) or value

    # Who.

    @cached_property
    def nobody(self) -> Unread | None:
        """Why nothing can be decided: it is not known who exports, or no such principal exists; None where it is."""
        principal = self.fact("principal")
        if isinstance(principal, Unread):
            return principal
        if isinstance(principal, Mapping):
            gone = unread(principal.get("arn")) or unread(principal.get("kind"))
            if gone is not None or parse_arn(str(principal.get("arn"))) is not None:
                return gone
        arn = self.fact("principal_arn")
        if isinstance(arn, Unread):
            return arn
        if arn:
            message = f"{arn} does not exist"
        elif self.edge.storage_kind == "s3_compatible":
            message = "this storage offers no policy API to read; only a probe can tell what it lets through"
        else:
            message = f"edge {self.edge.name}: neither edge_role_arn nor an instance profile says who exports"
        return Unread("not_collected", "edge_role_arn", self.edge.name, message)

    @property
    def without_policies(self) -> bool:
        """Whether the storage is another's than Amazon's and nothing names a principal whose policies could be read."""
        return self.edge.storage_kind == "s3_compatible" and self.fact("principal_arn") is None

    @property
    def no_bucket(self) -> Unread:
        message = f"edge {self.edge.name}: edge_bucket is not set; name the bucket of the recordings"
        return Unread("not_collected", "edge_bucket", self.edge.name, message)

    @property
    def in_aws(self) -> bool | None:
        """Whether the edge is in AWS, None where that is not known."""
        if unread(self.egress) is not None or not isinstance(self.egress, Mapping):
            return None
        held = self.egress.get("in_aws")
        return held if isinstance(held, bool) else None

    @property
    def principal(self) -> Mapping[str, Any]:
        return self.facts["principal"] if self.nobody is None else {}

    @property
    def subject(self) -> str:
        """What findings on the principal are about."""
        arn = self.fact("principal_arn")
        return arn if isinstance(arn, str) and arn else self.edge.name

    @cached_property
    def arn(self) -> Arn:
        parsed = parse_arn(str(self.principal["arn"]))
        assert parsed is not None
        return parsed

    @cached_property
    def in_instance(self) -> bool | Unread:
        """Whether the role comes to the edge through its instance profile."""
        origin = self.fact("principal_from")
        if isinstance(origin, Unread) or origin == "instance_profile":
            return origin if isinstance(origin, Unread) else True
        role = (
            self.egress.get("role_arn") if isinstance(self.egress, Mapping) and not unread(self.egress) else self.egress
        )
        return unread(role) or (role is not None and role == self.principal.get("arn"))

    # Where.

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self._partition}:s3:::{self.edge.bucket}"

    @property
    def _partition(self) -> str:
        region = self.edge.region or ""
        return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"

    @property
    def key_id(self) -> str | None:
        """The key that the bucket's encryption names; None where it names none."""
        names = key_ids(self.fact("encryption"))
        return names[0] if names else None

    @property
    def key_arn(self) -> str | None:
        held = self.fact("key")
        if isinstance(held, Mapping) and held.get("Arn"):
            return str(held["Arn"])
        return self.key_id if self.key_id and self.key_id.startswith("arn:") and ":key/" in self.key_id else None

    @property
    def aws_managed_key(self) -> bool:
        """Whether the key is aws/s3: whoever of its account may use the bucket may use it, and nobody else."""
        held = self.fact("key")
        if isinstance(held, Mapping) and held.get("KeyManager") == "AWS":
            return True
        named = self.key_id
        return uses_kms(self.fact("encryption")) and (named is None or named.rpartition(":")[2] == "alias/aws/s3")

    @cached_property
    def encrypted(self) -> bool | Unread:
        """Whether calls need the permissions of a key; Unread where the encryption was not read."""
        held = self.fact("encryption")
        if isinstance(held, Unread):
            return held
        return uses_kms(held) and not self.aws_managed_key

    @cached_property
    def network(self) -> Network:
        return network_of(self.egress)

    @property
    def endpoint_policy(self) -> Any:
        gone = unread(self.egress)
        if gone is not None or not isinstance(self.egress, Mapping):
            return gone
        if self.network.kind == "internet":
            return None
        held = self.egress.get("endpoint_policy")
        if isinstance(held, Mapping) and self.network.kind == "unknown":
            # What a principal means there hangs on the kind of the endpoint, and whether it is on the way at all.
            message = f"edge {self.edge.name}: whether the policy of {held.get('id')} applies is not known"
            return unread(held) or self.network.because or Unread("not_collected", "route", self.edge.name, message)
        return unread(held) or held

    # What.

    @cached_property
    def keys(self) -> tuple[str, ...]:
        return self.edge.recording_keys[:MOST_KEYS] or (f"{self.edge.prefix}{SAMPLE}",)

    @cached_property
    def target(self) -> Target:
        return Target(
            bucket=str(self.edge.bucket),
            prefix=self.edge.prefix,
            keys=self.keys,
            region=self.edge.region or "us-east-1",
            account=self.arn.account if self.nobody is None else None,
            # Where the encryption was not read, the key's permissions may be asked for: they are, and stay open.
            encrypted=self.encrypted is not False,
            key_arn=self.key_arn if self.encrypted is True else None,
            bucket_key=has_bucket_key(self.fact("encryption")),
            partition=self._partition,
        )

    @cached_property
    def plan(self) -> tuple[Step, ...]:
        return tuple(export_plan(self.target, Asked(*map(self.asked, ("versions", "legal_hold", "retention")))))

    def asked(self, name: str) -> Any:
        """Whether the export's configuration asks for something: bool, None where nothing says, or Unread."""
        asks = self.fact("asks")
        if not isinstance(asks, Mapping):
            return asks
        return unread(asks.get(name)) or asks.get(name)

    @cached_property
    def hidden(self) -> list[tuple[str, str, Unread]]:
        """(layer, policy, Unread) of every policy that could not be read or is not valid."""
        return self.scene.documents.unread()

    @cached_property
    def scene(self) -> Scene:
        """The requests by the real way. Only where `nobody` is None."""
        owner = self.fact("bucket_account")
        requester = Requester(self.edge, self.facts, self.egress, self.arn, self.in_instance is True)
        return Scene(
            principal=requester.principal(),
            documents=from_facts(self.facts, self.endpoint_policy, self.network.gateway),
            network=self.network,
            base=requester.base(),
            owner=owner if isinstance(owner, str) else None,
        )

    @cached_property
    def answers(self) -> tuple[StepAnswer, ...]:
        """The plan decided, by the real way."""
        return tuple(self.scene.decide_all(self.plan))

    # Findings.

    def unknown(self, check: str, because: Unread, resource: str | None = None, **fields: Any) -> Finding:
        return self.ask.unknown(check, resource or self.subject, because, **fields)

    def fix(self, action: str, summary: str, **parameters: Any) -> dict[str, Any]:
        """The smallest change, as data for the converge role of this domain."""
        return {"action": action, "summary": summary, **parameters}
