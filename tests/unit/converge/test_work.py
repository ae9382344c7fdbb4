# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.edge.converge import merging
from ansible.module_utils.edge.converge.edit.texts import new_file
from ansible.module_utils.edge.converge.model import CLOUD, NODE, Action, ObjectChange, Planned, Ref, Refused
from ansible.module_utils.edge.converge.work import refs_of, undo, work_out
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.targets import Edge
from hypothesis import given
from hypothesis import strategies as st

EDGE = Edge("london")


def _refs(edge: Edge, fix: Mapping[str, Any]) -> list[Ref]:
    return [Ref(CLOUD, "set", str(fix["of"]))]


def _add(edge: Edge, fix: Mapping[str, Any], states: Mapping[str, Any]) -> dict[str, Any]:
    (key, state) = next(iter(states.items()))
    if fix["member"] == "forbidden":
        raise Refused("it may not be added")
    return {key: sorted({*(state or []), fix["member"]})}


ADD = Action("add", _refs, _add, reloads=lambda edge, fix: ("squid",), disruptive="it disturbs")
ACTIONS = {"add": ADD}


def _fix(member: str, of: str = "a") -> Planned:
    return Planned(
        "london", "dns", f"DNS-{member}", "r", {"action": "add", "member": member, "of": of, "summary": member}
    )


def _merge(before: Any, after: Any, current: Any) -> Any:
    ours = set(after or []) - set(before or [])
    gone = set(before or []) - set(after or [])
    return sorted((set(current or []) - ours) | gone)


def test_fixes_of_one_object_become_one_change() -> None:
    items = [_fix("x"), _fix("y")]
    outcome = work_out(EDGE, items, ACTIONS, {"set:a": ["q"]})
    (change,) = outcome.changes
    assert (change.before, change.after) == (["q"], ["q", "x", "y"])
    assert (
        change.because == ("DNS-x", "DNS-y") and change.reloads == ("squid",) and change.disruptive == ("it disturbs",)
    )


def test_what_is_there_already_is_no_change() -> None:
    assert work_out(EDGE, [_fix("x")], ACTIONS, {"set:a": ["x"]}).changes == []


def test_a_refused_fix_keeps_no_other_from_being_done() -> None:
    outcome = work_out(EDGE, [_fix("forbidden"), _fix("x")], ACTIONS, {"set:a": None})
    assert [change.after for change in outcome.changes] == [["x"]]
    assert [(item.check, why) for item, why in outcome.refused] == [("DNS-forbidden", "it may not be added")]


def test_an_object_that_could_not_be_read_is_not_changed_and_names_the_permission() -> None:
    unread = Unread("denied", "s3:Get", "b", "AccessDenied", ("s3:GetBucketPolicy",)).to_fact()
    outcome = work_out(EDGE, [_fix("x"), _fix("x", "b")], ACTIONS, {"set:a": unread, "set:b": []})
    assert [change.ref.name for change in outcome.changes] == ["b"]
    assert "s3:GetBucketPolicy" in outcome.refused[0][1]
    assert work_out(EDGE, [_fix("x")], ACTIONS, {}).refused[0][1] == "set a was not read"


SETS = st.lists(st.sampled_from("abcdef"), unique=True).map(sorted)


@given(SETS, st.lists(st.sampled_from("abcdef"), max_size=5))
def test_working_out_again_after_the_change_finds_nothing_to_do(present: list[str], wanted: list[str]) -> None:
    items = [_fix(member) for member in wanted]
    outcome = work_out(EDGE, items, ACTIONS, {"set:a": present})
    after = outcome.changes[0].after if outcome.changes else present
    assert work_out(EDGE, items, ACTIONS, {"set:a": after}).changes == []


@given(SETS, st.lists(SETS, min_size=1, max_size=4))
def test_undoing_a_journal_restores_the_first_state(first: list[str], later: list[list[str]]) -> None:
    ref = Ref(CLOUD, "set", "a")
    states = [first, *later]
    journal = [ObjectChange(ref, before, after) for before, after in zip(states, states[1:])]
    undoing = undo(journal, {"set:a": states[-1]}, {})
    assert not undoing.lost
    assert (undoing.changes[0].after if undoing.changes else states[-1]) == first


@given(SETS, SETS, SETS)
def test_what_somebody_changed_since_survives_the_undoing(before: list[str], after: list[str], now: list[str]) -> None:
    journal = [ObjectChange(Ref(CLOUD, "set", "a"), before, after)]
    undoing = undo(journal, {"set:a": now}, {"set": _merge})
    result = set(undoing.changes[0].after) if undoing.changes else set(now)
    assert not undoing.lost
    theirs = set(now) - set(after) - set(before)
    assert theirs <= result
    if now == after:
        assert result == set(before)


def test_without_a_merge_what_somebody_changed_is_left_and_told() -> None:
    journal = [ObjectChange(Ref(CLOUD, "set", "a"), "1", "2")]
    undoing = undo(journal, {"set:a": "3"}, {})
    assert not undoing.changes and "somebody changed it" in undoing.lost[0][1]


def test_what_another_edge_put_in_between_our_changes_stays() -> None:
    ref = Ref(CLOUD, "set", "a")
    journal = [ObjectChange(ref, [], ["ours"]), ObjectChange(ref, ["ours", "theirs"], ["more", "ours", "theirs"])]
    undoing = undo(journal, {"set:a": ["more", "ours", "theirs"]}, {"set": _merge})
    assert [change.after for change in undoing.changes] == [["theirs"]] and not undoing.lost


def test_what_somebody_wrote_before_an_interrupted_change_was_made_again_is_not_overwritten() -> None:
    ref = Ref(NODE, "sysctl", "x")
    journal = [ObjectChange(ref, "7200", "60"), ObjectChange(ref, "300", "60")]
    undoing = undo(journal, {"sysctl:x": "60"}, {})
    assert not undoing.changes and "somebody changed it" in undoing.lost[0][1]


def test_a_file_that_we_made_is_not_removed_with_what_somebody_wrote_into_it() -> None:
    ref = Ref(NODE, "file", "/etc/sysctl.d/90-edgepath.conf")
    ours, now = new_file(EDGE, "a = 1\n"), new_file(EDGE, "a = 1\nb = 2\n")
    undoing = undo([ObjectChange(ref, None, ours)], {ref.key: now}, {"file": merging.file})
    assert not undoing.changes and "since we made it" in undoing.lost[0][1]
    assert undo([ObjectChange(ref, None, ours)], {ref.key: ours}, {"file": merging.file}).changes[0].after is None


def test_what_cannot_be_read_is_told_and_the_rest_goes_back() -> None:
    one, two = Ref(CLOUD, "set", "a"), Ref(CLOUD, "set", "b")
    journal = [ObjectChange(one, "1", "2"), ObjectChange(two, None, "2", absence="NoSuchSet")]
    unread = Unread("denied", "o", "r", "AccessDenied").to_fact()
    undoing = undo(journal, {"set:a": unread, "set:b": "2"}, {})
    assert [(change.ref, change.after) for change in undoing.changes] == [(two, None)]
    assert undoing.lost[0][1] == "AccessDenied"


def test_every_object_is_read_once() -> None:
    assert [ref.key for ref in refs_of(EDGE, [_fix("x"), _fix("y"), _fix("z", "b")], ACTIONS)] == ["set:a", "set:b"]


def test_an_absence_of_an_older_journal_is_nobodys_word_and_nothing_is_deleted_on_it() -> None:
    """null stood there for whatever was answered with 404: a page of a load balancer, too."""
    cloud, node = Ref(CLOUD, "set", "a"), Ref(NODE, "file", "/etc/a")
    for word, changed in (("", []), ("NoSuchSet", [None])):
        journal = [ObjectChange(cloud, None, ["ours"], absence=word)]
        undoing = undo(journal, {cloud.key: ["ours"]}, {"set": lambda before, after, current: None})
        assert [change.after for change in undoing.changes] == changed
        assert bool(undoing.lost) is not bool(changed)
    assert not undo([ObjectChange(cloud, None, ["ours"])], {cloud.key: None}, {}).lost, "it is absent as it was"
    # On an edge it was the kernel's word, then as now.
    ours = new_file(EDGE, "a = 1\n")
    assert undo([ObjectChange(node, None, ours)], {node.key: ours}, {}).changes[0].after is None


def test_an_old_journal_is_read_as_it_was_written() -> None:
    data = ObjectChange(Ref(CLOUD, "set", "a"), None, ["ours"]).to_dict()
    assert data["before"] is None and "absence" not in data
    assert ObjectChange.from_dict(data) == ObjectChange(Ref(CLOUD, "set", "a"), None, ["ours"])
    told = ObjectChange(Ref(CLOUD, "set", "a"), None, ["ours"], absence="NoSuchSet")
    assert told.to_dict()["before"] == {"absent": "NoSuchSet"} and ObjectChange.from_dict(told.to_dict()) == told


def test_a_file_of_several_names_is_put_back_and_its_other_names_are_told() -> None:
    ref = Ref(NODE, "file", "/etc/a")
    before = {**new_file(EDGE, "1"), "links": 2, "mtime": 5}
    after = new_file(EDGE, "2")
    undoing = undo([ObjectChange(ref, before, after)], {ref.key: {**after, "mtime": 9}}, {"file": merging.file})
    assert [change.after for change in undoing.changes] == [before]
    assert "its other names (hard links) are files of their own now" in undoing.lost[0][1]
    # A rollback that was killed between the bytes and their time.
    back = {**new_file(EDGE, "1"), "mtime": 9}
    undoing = undo([ObjectChange(ref, {**before, "links": 1}, after)], {ref.key: back}, {"file": merging.file})
    assert [change.after["mtime"] for change in undoing.changes] == [5] and not undoing.lost
