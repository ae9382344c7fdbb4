# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS grants: permissions on one key that stand in no policy.

Source: AWS KMS Developer Guide, "Grants in AWS KMS", "Grant constraints", "Troubleshooting AWS KMS permissions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .context import Context, Unknown
from .grantee import FORM_NONE, read_grantee
from .principal import Caller
from .truth import MAYBE, NO, YES


@dataclass(frozen=True)
class Grant:
    """One grant of a key.

    grantee: the ARN of the grantee principal, or a service name. operations: as the KMS API lists them ("Decrypt",
    "GenerateDataKey"). context_subset, context_equals: the encryption context constraints, where there are any.
    key: the ARN of the key; None for "the key of the request". name: the grant id, for reports.
    """

    grantee: str
    operations: Sequence[str]
    context_subset: Mapping[str, str] | None = None
    context_equals: Mapping[str, str] | None = None
    key: str | None = None
    name: str = "grant"
    _operations: tuple[str, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_operations", tuple(f"kms:{name}".lower() for name in self.operations))

    def reach(self, action: str, caller: Caller) -> tuple[int, int]:
        """The form in which the grant reaches the caller for an action (lower case), and how certain that is."""
        if action not in self._operations:
            return FORM_NONE, NO
        entry = read_grantee("AWS", self.grantee) or read_grantee("Service", self.grantee)
        return entry.form(caller) if entry is not None else (FORM_NONE, NO)

    def truth(self, resource: str, context: Context) -> int:
        """Whether key and encryption context satisfy the grant."""
        if self.key is not None and self.key != resource:
            return NO
        worst = YES
        for wanted, exact in ((self.context_subset, False), (self.context_equals, True)):
            if wanted is not None:
                worst = min(worst, _satisfies(wanted, exact, context))
        return worst


def _satisfies(wanted: Mapping[str, str], exact: bool, context: Context) -> int:
    worst = YES
    for key, value in wanted.items():
        actual = context.get(f"kms:encryptioncontext:{key.lower()}")
        if isinstance(actual, Unknown):
            worst = min(worst, MAYBE)
        elif actual != (value,):
            return NO
    if exact:
        keys = context.get("kms:encryptioncontextkeys")
        if keys is None or isinstance(keys, Unknown):
            # Which other pairs the request carries is not told, and one more would break equality.
            return min(worst, MAYBE)
        if sorted(keys) != sorted(wanted):
            return NO
    return worst
