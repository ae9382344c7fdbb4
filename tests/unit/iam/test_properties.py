# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws that hold for every set of policies, and the matcher against a naive reference."""

from __future__ import annotations

import random
from typing import Any

from ansible.module_utils.edge.iam.engine import PRESENT, UNKNOWN, PolicySet, Request, UnreadablePolicy, decide
from ansible.module_utils.edge.iam.glob import ANY, ANY_IN_SEGMENT, ONE, ONE_IN_SEGMENT, compile_glob, compile_tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.iam.builders import FEDERATED, HOME, OTHER, ROLE, ROOT, SESSION, USER, policy

VALUES = ["a", "b", "a*", "", "true", "${aws:username}", "${s3:prefix, 'a'}"]
KEYS = ["s3:prefix", "aws:PrincipalArn", "aws:SourceVpce"]
OPERATORS = [
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "Null", "Bool",
    "ForAllValues:StringLike", "ForAnyValue:StringNotEquals", "StringEqualsIgnoreCase",
]  # fmt: skip
RESOURCES = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::c/?"]
GRANTEES = [USER, ROLE, SESSION, ROOT, OTHER, FEDERATED, "AROAEXAMPLEID1234567", "*"]


def conditions(values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(
        st.sampled_from(OPERATORS),
        st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(values), min_size=1, max_size=2), min_size=1),
        max_size=2,
    ).map(lambda block: {name: _suit(name, keys) for name, keys in block.items()})


def _suit(operator: str, keys: dict[str, list[str]]) -> dict[str, list[str]]:
    # A value that can never match would be a defect, and is of no interest here.
    return {key: ["true"] for key in keys} if operator in ("Null", "Bool") else keys


def statements(attached: bool, effects: tuple[str, ...] = ("Allow", "Deny")) -> st.SearchStrategy[dict[str, Any]]:
    parts: dict[str, Any] = {
        "effect": st.sampled_from(effects),
        "action": st.tuples(
            st.sampled_from(["Action", "NotAction"]), st.sampled_from(["s3:GetObject", "s3:Get*", "*", "s3:Put*"])
        ),
        "resource": st.tuples(
            st.sampled_from(["Resource", "NotResource"]), st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2)
        ),
        "condition": conditions(VALUES),
        "principal": st.tuples(
            st.sampled_from(["Principal", "NotPrincipal"]), st.lists(st.sampled_from(GRANTEES), min_size=1, max_size=3)
        )
        if attached
        else st.none(),
    }
    return st.fixed_dictionaries(parts).map(_build)


def _build(parts: dict[str, Any]) -> dict[str, Any]:
    body = {
        "Effect": parts["effect"],
        parts["action"][0]: parts["action"][1],
        parts["resource"][0]: parts["resource"][1],
    }
    if parts["principal"] is not None:
        body[parts["principal"][0]] = {"AWS": parts["principal"][1]}
    if parts["condition"]:
        body["Condition"] = parts["condition"]
    return body


OWN = st.lists(statements(False), max_size=3)
ATTACHED = st.lists(statements(True), max_size=3)
LAYERS = st.fixed_dictionaries(
    {
        "identity": OWN,
        "boundary": st.none() | OWN,
        "session": st.none() | OWN,
        "scps": st.lists(OWN, max_size=2),
        "resource": st.none() | ATTACHED,
        "endpoint": st.none() | ATTACHED,
        "rcps": st.none() | ATTACHED,
    }
)
CONTEXTS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b", "true", ["a", "b"], UNKNOWN, PRESENT]))
REQUESTS = st.builds(
    lambda who, key, owner, context: Request(who, "s3:GetObject", f"arn:aws:s3:::b/{key}", owner, context),
    st.sampled_from([USER, ROLE, SESSION, FEDERATED, ROOT, SESSION.replace(HOME, OTHER), "*", "lambda.amazonaws.com"]),
    st.sampled_from(["a", "b", "dana"]),
    st.sampled_from([HOME, HOME, OTHER, None]),
    CONTEXTS,
)


def compiled(layers: dict[str, Any], shuffle: random.Random | None = None) -> PolicySet:
    def one(items: list[dict[str, Any]]) -> Any:
        items = list(items)
        if shuffle is not None:
            shuffle.shuffle(items)
        # One policy for each statement: an empty policy would be a defect, an empty list is none.
        return [policy(item) for item in items]

    given_layers = {
        name: one(items) for name, items in layers.items() if items is not None and name not in ("scps", "rcps")
    }
    return PolicySet(
        **given_layers,
        scps=[one(level) for level in layers["scps"]],
        rcps=[one(layers["rcps"])] if layers["rcps"] else [],
    )


def rank(outcome: str) -> int:
    return {"explicit_deny": 0, "implicit_deny": 0, "unknown": 1, "allow": 2}[str(outcome)]


def with_statement(layers: dict[str, Any], layer: str, statement: dict[str, Any]) -> dict[str, Any]:
    if layer == "scps":
        return {**layers, "scps": [[*level, statement] for level in layers["scps"]]}
    return {**layers, layer: [*(layers[layer] or []), statement]}


@given(LAYERS, REQUESTS, st.data())
@settings(max_examples=examples(250))
def test_an_added_deny_never_allows_more(layers, request_, data):
    layer = data.draw(st.sampled_from([name for name in layers if layers[name] is not None]))
    added = data.draw(statements(layer in ("resource", "endpoint", "rcps"), ("Deny",)))
    before = decide(request_, compiled(layers)).outcome
    if layer != "identity" and not layers[layer]:
        # The first policy of a layer brings the layer itself into being, which may withhold by itself.
        return
    after = decide(request_, compiled(with_statement(layers, layer, added))).outcome
    assert rank(after) <= rank(before)
    assert before != "explicit_deny" or after == "explicit_deny"


@given(LAYERS, REQUESTS, st.data())
@settings(max_examples=examples(250))
def test_an_added_allow_never_allows_less(layers, request_, data):
    present = [name for name in layers if layers[name] or name in ("identity", "resource")]
    layer = data.draw(st.sampled_from(present))
    added = data.draw(statements(layer in ("resource", "endpoint", "rcps"), ("Allow",)))
    before = decide(request_, compiled(layers)).outcome
    after = decide(request_, compiled(with_statement(layers, layer, added))).outcome
    assert rank(after) >= rank(before)
    assert (before == "explicit_deny") == (after == "explicit_deny")


@given(LAYERS, REQUESTS, st.randoms(use_true_random=False))
@settings(max_examples=examples(200))
def test_the_order_of_policies_and_statements_is_irrelevant(layers, request_, shuffle):
    straight = decide(request_, compiled(layers))
    shuffled = decide(request_, compiled(layers, shuffle))
    assert (straight.outcome, straight.layer) == (shuffled.outcome, shuffled.layer)


@given(LAYERS, REQUESTS, st.data())
@settings(max_examples=examples(250))
def test_unknown_only_shrinks_when_facts_are_added(layers, request_, data):
    policies = compiled(layers)
    before = decide(request_, policies).outcome
    known = {
        key: data.draw(st.sampled_from(["a", "b", "true"] if value is PRESENT else ["a", "b", "true", None]))
        if value in (UNKNOWN, PRESENT)
        else value
        for key, value in request_.context.items()
    }
    owner = request_.resource_account or data.draw(st.sampled_from([HOME, OTHER]))
    told = Request(request_.principal, request_.action, request_.resource, owner, known)
    after = decide(told, policies).outcome
    assert before == "unknown" or rank(before) == rank(after)
    assert before != "explicit_deny" or after == "explicit_deny"


@given(LAYERS, REQUESTS, st.sampled_from(["identity", "boundary", "session", "resource", "endpoint"]), st.data())
@settings(max_examples=examples(250))
def test_reading_a_lost_policy_only_settles_what_was_unknown(layers, request_, lost, data):
    attached = lost in ("resource", "endpoint")
    found = data.draw(st.lists(statements(attached), min_size=1, max_size=2))
    rest = {name: items for name, items in layers.items() if name != lost}
    base = {
        name: [policy(item) for item in items] for name, items in rest.items() if items and name not in ("scps", "rcps")
    }
    base["scps"] = [[policy(item) for item in level] for level in layers["scps"]]
    blind = decide(request_, PolicySet(**base, **{lost: UnreadablePolicy("lost")})).outcome
    seeing = decide(request_, PolicySet(**base, **{lost: [policy(item) for item in found]})).outcome
    assert blind == "unknown" or rank(blind) == rank(seeing)
    assert blind != "explicit_deny" or seeing == "explicit_deny"


@given(LAYERS, REQUESTS)
@settings(max_examples=examples(150))
def test_flips_tell_the_truth(layers, request_):
    policies = compiled(layers)
    decision = decide(request_, policies)
    assert (decision.outcome == "unknown") == bool(decision.flips)
    for flip in decision.flips:
        if flip.key not in KEYS or (flip.value is None and flip.outcome == "unknown"):
            continue
        context = {**request_.context, flip.key: flip.value}
        told = Request(request_.principal, request_.action, request_.resource, request_.resource_account, context)
        if flip.key != "aws:PrincipalArn":
            assert decide(told, policies).outcome == flip.outcome


@given(LAYERS, REQUESTS)
@settings(max_examples=examples(150))
def test_a_remembered_answer_equals_a_fresh_one(layers, request_):
    policies = compiled(layers)
    assert decide(request_, policies) == decide(request_, policies) == decide(request_, compiled(layers))


# The matcher.


def naive(pattern: str, text: str) -> bool:
    """The definition, by dynamic programming over all pairs of prefixes."""
    row = [True] + [False] * len(text)
    for symbol in pattern:
        above = row
        row = [symbol == "*" and above[0]]
        for index, char in enumerate(text, 1):
            if symbol == "*":
                row.append(above[index] or row[index - 1])
            else:
                row.append(above[index - 1] and symbol in ("?", char))
    return row[-1]


SMALL = st.text(alphabet="ab:*?\n", max_size=12)


@given(SMALL, SMALL)
@settings(max_examples=examples(1500))
def test_the_matcher_equals_the_naive_reference(pattern, text):
    assert compile_glob(pattern)(text) is naive(pattern, text)


@given(st.lists(st.sampled_from(["a", "b", ":", ANY, ONE, ANY_IN_SEGMENT, ONE_IN_SEGMENT]), max_size=8), SMALL)
@settings(max_examples=examples(1500))
def test_the_matcher_of_segments_equals_a_search(tokens, text):
    def search(position: int, place: int) -> bool:
        if place == len(tokens):
            return position == len(text)
        token = tokens[place]
        if token in (ANY, ANY_IN_SEGMENT) and not isinstance(token, str):
            if search(position, place + 1):
                return True
            passable = position < len(text) and (token == ANY or text[position] != ":")
            return passable and search(position + 1, place)
        if position == len(text):
            return False
        fits = text[position] == token if isinstance(token, str) else token == ONE or text[position] != ":"
        return fits and search(position + 1, place + 1)

    assert compile_tokens(tokens)(text) is search(0, 0)
