# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import plan, words
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.diff import diff
from ansible.module_utils.edge.converge.model import CLOUD, NODE, Action, ObjectChange, Ref
from ansible.module_utils.edge.converge.plan import Wish, make
from ansible.module_utils.edge.finding import EdgepathError, Finding
from ansible.module_utils.edge.run import Run, Step


def _finding(fix: dict[str, Any] | None, status: str = "fail", check: str = "TIMEOUTS-04") -> Finding:
    return Finding(check, status, "london", "proxy", "r", "e", "o", fix=fix)


def _action(name: str, **more: Any) -> Action:
    return Action(name, lambda edge, fix: [], lambda edge, fix, states: {}, **more)


TABLE = {
    "easy": _action("easy"),
    "final": _action("final", consent="it cannot be undone"),
    "human": _action("human", manual="only the root user can"),
}


@pytest.mark.parametrize(
    ("fix", "wish", "held"),
    [
        ({"action": "easy"}, Wish(), ""),
        ({"action": "easy"}, Wish(skip=["easy"]), "left alone, as edge_converge_skip says"),
        ({"action": "easy"}, Wish(skip=["TIMEOUTS-04"]), "left alone, as edge_converge_skip says"),
        ({"action": "final"}, Wish(), "it cannot be undone; name final in edge_converge_allow to have it done"),
        ({"action": "final"}, Wish(allow=["final"]), ""),
        ({"action": "final"}, Wish(allow=["final"], skip=["final"]), "left alone, as edge_converge_skip says"),
        ({"action": "human"}, Wish(allow=["human"]), "only the root user can"),
        ({"action": "new"}, Wish(), "no program applies new; make this change by hand"),
    ],
)
def test_what_is_applied_and_what_is_held(fix: dict[str, Any], wish: Wish, held: str) -> None:
    (item,) = make("timeouts", [_finding(fix)], TABLE, wish)
    assert item.held == held


def test_only_failed_findings_with_a_fix_are_planned_and_once_each() -> None:
    fix = {"action": "easy", "key": "k"}
    findings = [
        _finding(fix),
        _finding(fix),
        _finding({"action": "easy", "key": "other"}),
        _finding(None),
        _finding(fix, "pass", "TIMEOUTS-05"),
        _finding(fix, "waived", "TIMEOUTS-06"),
    ]
    items = make("timeouts", findings, TABLE, Wish())
    assert [(item.check, item.fix["key"]) for item in items] == [("TIMEOUTS-04", "k"), ("TIMEOUTS-04", "other")]


def test_further_fixes_are_planned_in_their_order() -> None:
    fix = {"action": "easy", "n": 1, "then": [{"action": "final", "n": 2, "then": [{"action": "easy", "n": 3}]}]}
    items = make("iam", [_finding(fix)], TABLE, Wish())
    assert [(item.fix["n"], bool(item.held)) for item in items] == [(1, False), (2, True), (3, False)]
    assert all("then" not in item.fix for item in items)


def test_a_word_that_names_nothing_is_an_error() -> None:
    Wish(allow=["final"], skip=["TIMEOUTS-04", "easy"]).check(TABLE, ["TIMEOUTS-04"])
    with pytest.raises(EdgepathError, match="edge_converge_allow: 'fina' is no action"):
        Wish(allow=["fina"]).check(TABLE, [])
    with pytest.raises(EdgepathError, match="edge_converge_skip: 'TIMEOUTS-99' is neither"):
        Wish(skip=["TIMEOUTS-99"]).check(TABLE, ["TIMEOUTS-04"])


def test_a_plan_needs_the_audit_of_every_domain(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    with pytest.raises(EdgepathError, match="edge_dns_audit has not run; converge follows an audit"):
        plan.write(str(tmp_path), ACTIONS, Wish())
    for domain in ("dns", "egress", "iam", "bucket"):
        run.store(Step(domain))
    run = Run(str(tmp_path))
    run.store(Step("timeouts", findings=[_finding({"action": "set_squid_timeout", "summary": "s"})]))
    assert [item.action for item in plan.write(str(tmp_path), ACTIONS, Wish())] == ["set_squid_timeout"]
    assert plan.load(str(tmp_path), "london", "timeouts")[0].summary == "s"
    assert plan.load(str(tmp_path), "paris", "timeouts") == []


def _file(text: str, mode: str = "0640") -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode(), "mode": mode, "owner": "root", "group": "root"}


def test_the_diff_of_a_file_shows_its_text_without_secrets() -> None:
    change = ObjectChange(
        Ref(NODE, "file", "/e.yaml"), _file("secret_key: abc123\ntimeout: 1\n"), _file("timeout: 2\n")
    )
    shown = diff(change)
    assert "abc123" not in str(shown) and "timeout: 1" in shown["before"] and "timeout: 2" in shown["after"]
    assert shown["before_header"] == "file /e.yaml"


def test_the_diff_of_an_object_that_comes_or_goes_is_empty_on_one_side() -> None:
    shown = diff(ObjectChange(Ref(CLOUD, "bucket_policy", "b"), None, {"Statement": []}))
    assert shown["before"] == "" and '"Statement"' in shown["after"]
    binary = ObjectChange(Ref(NODE, "file", "/b"), {"content": base64.b64encode(b"\xff\xfe").decode()}, None)
    assert diff(binary)["before"] == "(not text)\n"


def test_the_words_of_an_outcome() -> None:
    edges = {"a": {"changed": ["file:/x [D-1]"], "held": ["D-2 final: no"], "lost": []}, "b": dict.fromkeys(
        ("changed", "held", "lost"), [])}  # fmt: skip
    assert list(words.outcome(edges, check=True)) == [
        "edgepath: 1 object would change; nothing was changed",
        "",
        "  a",
        "    would        file:/x [D-1]",
        "    left         D-2 final: no",
    ]


def test_hops_that_turned() -> None:
    was = [
        {"hop": "proxy", "status": "fail", "bound": {"kind": "idle", "seconds": 900.0}},
        {"hop": "name", "status": "pass"},
    ]
    now = [{"hop": "proxy", "status": "pass"}, {"hop": "name", "status": "pass"}, {"hop": "key", "status": "unknown"}]
    assert list(words.turned(was, now)) == [
        ("proxy", "fail (idle 900 s)", "pass"),
        ("key", "not judged", "unknown"),
    ]
