# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that the reader walks by itself: one without an end, or cut short, is not taken for a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.iam.read_organisation import read_organisation
from ansible.module_utils.edge.iam.read_principal import PrincipalReader

ACCOUNT = "123456789012"


class Answers:
    """Stands in for aws.Account: by operation, the answers in order."""

    def __init__(self, **answers: Iterator[Any]) -> None:
        self.answers = answers

    def read(self, service: str, operation: str, *_: Any, **__: Any) -> Any:
        return next(self.answers[operation])


def page(marker: str | None) -> dict[str, Any]:
    more = {"Marker": marker} if marker else {}
    return {"RoleDetailList": [{"RoleName": str(marker)}], "Policies": [], "IsTruncated": True, **more}


@pytest.mark.parametrize("markers", ["aa", "abab", "abcb", (None,)])
def test_details_whose_markers_lead_round_or_nowhere_are_not_read(markers: Any) -> None:
    account: Any = Answers(get_account_authorization_details=iter([page(marker) for marker in markers]))
    assert PrincipalReader(account, ACCOUNT)._details() is None


def test_details_that_end_are_read_whole() -> None:
    pages = [page("a"), page("b"), {**page(None), "IsTruncated": False}]
    account: Any = Answers(get_account_authorization_details=iter(pages))
    details = PrincipalReader(account, ACCOUNT)._details()
    assert details is not None and len(details["RoleDetailList"]) == 3


@pytest.mark.parametrize("parents", [[], None])
def test_an_account_without_a_parent_hides_no_policy(parents: Any) -> None:
    account: Any = Answers(
        describe_organization=iter([{"Id": "o-1", "MasterAccountId": "999999999999"}]), list_parents=iter([parents])
    )
    found = read_organisation(account, ACCOUNT)
    assert isinstance(found, Unread) and found.state == "error" and ACCOUNT in found.message
