# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys: their policy and their state. Names are key ARNs or ids; a key is asked in the region of its ARN.

States:
    key_policy   a document
    key_state    "Enabled" | "Disabled" | "PendingDeletion" | ...
Source: AWS KMS API Reference (PutKeyPolicy, EnableKey, CancelKeyDeletion); Developer Guide, "Key states of KMS keys".
"""

from __future__ import annotations

from typing import Any

from ...finding import EdgepathError
from ..model import State
from . import documents
from .api import Cloud, told
from .kind import Kind, changed_since

_POLICY = "default"  # the only name that a key's policy can have


def _read_policy(cloud: Cloud, name: str) -> State:
    here = cloud.at(name)
    return documents.normal(
        here.get("kms", "get_key_policy", "Policy", resource=f"policy of key {name}", KeyId=name, PolicyName=_POLICY)
    )


def _write_policy(cloud: Cloud, name: str, _before: State, after: State) -> None:
    text = documents.compact(after)
    here = cloud.at(name)
    # The service's own check against lock-out stays on (BypassPolicyLockoutSafetyCheck is false by default).
    here.put("kms", "put_key_policy", resource=f"policy of key {name}", KeyId=name, PolicyName=_POLICY, Policy=text)


def _key(cloud: Cloud, name: str) -> dict[str, Any] | None:
    held = cloud.at(name).get("kms", "describe_key", "KeyMetadata", resource=f"key {name}", KeyId=name)
    return None if held is None else dict(held)


def _read_state(cloud: Cloud, name: str) -> State:
    held = _key(cloud, name)
    return None if held is None else told(held, "KeyState", f"key {name}")


def _write_state(cloud: Cloud, name: str, before: State, after: State) -> None:
    here, what = cloud.at(name), f"key {name}"
    # A key may be known by an alias; it is changed by its own name.
    key = told(_key(cloud, name) or {}, "KeyId", what)
    if before == "PendingDeletion" and after in ("Enabled", "Disabled"):
        here.put("kms", "cancel_key_deletion", resource=what, KeyId=key)
        before = "Disabled"
    if (before, after) == ("Disabled", "Enabled"):
        here.put("kms", "enable_key", resource=what, KeyId=key)
    elif (before, after) == ("Enabled", "Disabled"):
        here.put("kms", "disable_key", resource=what, KeyId=key)
    elif before != after:
        raise EdgepathError(
            f"edge {cloud.edge.name}: cannot change {what}: no program of ours takes a key from {before} to {after}"
        )


def _merge_state(before: State, after: State, current: State) -> State:
    """A deletion is never scheduled again by itself: the key that was to be deleted is left disabled."""
    if (before, current) == ("PendingDeletion", "Disabled"):
        return current  # cancelled by a run that was killed before it enabled the key
    if current != after:
        raise changed_since("the key's state")
    return "Disabled" if before == "PendingDeletion" else before


KINDS = {
    "key_policy": Kind(_read_policy, _write_policy, documents.merge),
    "key_state": Kind(_read_state, _write_state, _merge_state),
}
