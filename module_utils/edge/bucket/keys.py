# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the state of KMS keys: each key once, however many buckets use it, and in its own region."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

from ..aws import Account, account_of
from ..run import Run

KEPT = ("Arn", "KeyState", "Enabled", "KeyManager", "DeletionDate")


class KeyReader:
    """kms:DescribeKey with a memory. calls: those made in regions other than the account handle's own."""

    def __init__(self, account: Account, run: Run) -> None:
        self._account = account
        self._run = run
        self._others: dict[str, Account] = {}
        self._known: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def calls(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for account in self._others.values():
            total.update(account.calls)
        return total

    def read(self, key_id: str) -> Any:
        """{"Arn", "KeyState", "Enabled", "KeyManager", "DeletionDate"}, None where there is no such key, or Unread."""
        with self._lock:
            if key_id not in self._known:
                self._known[key_id] = self._describe(key_id)
            return self._known[key_id]

    def _describe(self, key_id: str) -> Any:
        account = self._of_region(key_id)
        answer = account.read("kms", "describe_key", "KeyMetadata", resource=f"key {key_id}", KeyId=key_id)
        return {name: answer.get(name) for name in KEPT} if isinstance(answer, dict) else answer

    def _of_region(self, key_id: str) -> Account:
        """A key is asked for in its own region, which is the bucket's and need not be the edge's."""
        region = key_id.split(":")[3] if key_id.startswith("arn:") and key_id.count(":") >= 5 else ""
        if not region or region == self._account.key.region:
            return self._account
        if region not in self._others:
            self._others[region] = account_of(self._run, replace(self._account.key, region=region))
        return self._others[region]
