# SPDX-License-Identifier: GPL-3.0-or-later
"""Refused requests as logs, probes and SDKs report them: who, what, on which resource, and which policy refused. Pure.

Source: AWS IAM User Guide, "Troubleshoot access denied error messages" (the forms of the message, and that it names
one type of policy where several refuse); Amazon S3 API Reference, "Error responses"; AWS KMS Developer Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# How AWS names the kinds of policy, and the layer that a decision would name.
_LAYERS = {
    "identity-based": "identity",
    "resource-based": "resource",
    "permissions boundary": "boundary",
    "permission boundary": "boundary",
    "session": "session",
    "service control": "scp",
    "resource control": "rcp",
    "vpc endpoint": "endpoint",
    "role trust": "trust_policy",
}
_KINDS = "|".join(re.escape(name) for name in _LAYERS)
_USER = re.compile(
    r"(?:User|Principal):? (?P<principal>arn:\S+|[\w:*-]+) is not authorized to perform:? (?P<action>[\w-]+:[\w*]+)"
    r"(?: on (?:the )?resource:? (?:\"(?P<quoted>[^\"]*)\"|(?P<plain>(?:arn:\S+|\*))))?",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    rf"with an explicit deny(?: in an? (?P<kind>{_KINDS})(?: polic(?:y|ies))?)?(?:: (?P<policy>arn:[^\s\"',)]+))?",
    re.IGNORECASE,
)
_IMPLICIT = re.compile(rf"because no (?P<kind>{_KINDS})(?: polic(?:y|ies))? allows? the", re.IGNORECASE)
# KMS tells less: "... because the resource does not exist in this Region, no resource-based policies allow access, or a
# resource-based policy explicitly denies access".
_KMS_VAGUE = re.compile(r"the resource does not exist in this Region, no resource-based policies allow access", re.I)
_CALL = re.compile(r"when calling the (?P<call>\w+) operation|Request ?Name[=:] ?(?P<name>\w+)")
_DENIED = re.compile(r"\b(?:AccessDenied(?:Exception)?|AllAccessDisabled)\b|Access Denied")
# Other protocols say 403 and Forbidden as well (SIP), so these count only beside the name of an API operation.
_MAYBE = re.compile(r"\b403\b|\bForbidden\b")
_REQUEST = re.compile(r"Request ?ID[=:]? ?\"?(?P<id>[A-Z0-9]{8,40})\b", re.IGNORECASE)
# A log may hold a recording's worth of text on one line.
_LONGEST = 20000


@dataclass(frozen=True)
class Denial:
    """One refused request. Everything that the message does not say is None.

    call: the API operation ("UploadPart").  explicit: whether a statement denied, False where none allowed.
    layer: in the words of decisions.  policy: the ARN of the policy that denied.
    """

    principal: str | None = None
    action: str | None = None
    resource: str | None = None
    call: str | None = None
    explicit: bool | None = None
    layer: str | None = None
    policy: str | None = None
    request_id: str | None = None

    @property
    def bare(self) -> bool:
        """Whether no more is known than that the answer was 403."""
        return self.action is None

    def describe(self) -> str:
        """The refusal in one clause."""
        what = self.action or self.call or "a request"
        on = f" on {self.resource}" if self.resource else ""
        if self.layer is None and self.explicit is None:
            return f"{what}{on} answered 403"
        kind = next((name for name, layer in _LAYERS.items() if layer == self.layer), "some")
        if self.explicit:
            return f"{what}{on} was refused by an explicit deny in a policy of the kind {kind}"
        return f"{what}{on} was refused because no policy of the kind {kind} allows it"


def parse_denial(text: str) -> Denial | None:
    """The refusal that a message or log line tells of, or None where it tells of none."""
    text = " ".join(text[:_LONGEST].split())
    user = _USER.search(text)
    call = _CALL.search(text)
    if user is None and not _DENIED.search(text) and not (call and _MAYBE.search(text)):
        return None
    request = _REQUEST.search(text)
    explicit, layer, policy = _reason(text, user.group("action") if user else None)
    return Denial(
        principal=user.group("principal") if user else None,
        action=user.group("action") if user else None,
        resource=_resource(user) if user else None,
        call=(call.group("call") or call.group("name")) if call else None,
        explicit=explicit,
        layer=layer,
        policy=policy,
        request_id=request.group("id") if request else None,
    )


def parse_denials(lines: Iterable[str], most: int = 1000) -> list[Denial]:
    """The distinct refusals of many lines, in order; at most so many."""
    found: dict[Denial, None] = {}
    for denial in _each(lines):
        found.setdefault(denial)
        if len(found) >= most:
            break
    return list(found)


def _each(lines: Iterable[str]) -> Iterator[Denial]:
    for line in lines:
        denial = parse_denial(line)
        if denial is not None:
            # The same refusal again and again is one, whatever its request's id.
            yield Denial(**{**denial.__dict__, "request_id": None})


def _resource(match: re.Match[str]) -> str | None:
    plain = match.group("plain")
    return match.group("quoted") or (plain.rstrip(".,;)'") if plain else None)


def _reason(text: str, action: str | None) -> tuple[bool | None, str | None, str | None]:
    on_key = bool(action) and str(action).lower().startswith("kms:")
    match = _EXPLICIT.search(text)
    if match is not None:
        return True, _layer(match.group("kind"), on_key), match.group("policy")
    match = _IMPLICIT.search(text)
    if match is not None:
        return False, _layer(match.group("kind"), on_key), None
    if _KMS_VAGUE.search(text):
        return None, "key_policy", None
    return None, None, None


def _layer(kind: str | None, on_key: bool) -> str | None:
    layer = _LAYERS.get(kind.lower()) if kind else None
    return "key_policy" if layer == "resource" and on_key else layer
