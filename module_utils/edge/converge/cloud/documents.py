# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents as states: one form for one meaning, statements put in and taken out by themselves. Pure.

Source: AWS IAM User Guide, "IAM JSON policy elements reference" (a value and a list of one value mean the same), "IAM
and AWS STS quotas" (sizes; white space does not count in IAM's).
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ..model import Refused, State
from .kind import changed_since, text

Document = dict[str, Any]
_ACTIONS = ("Action", "NotAction")
_SETS = (*_ACTIONS, "Resource", "NotResource")
_WHO = ("Principal", "NotPrincipal")
_ROOT = re.compile(r"^arn:aws[a-z-]*:iam::(\d{12}):root$")


def normal(document: Any) -> Document | None:
    """A document in one form: statements as a list in their order, values sorted, a list of one as its value.

    None is the service's word that there is none. ValueError where what was answered is no policy document: an empty
    text, a page, an object without statements.
    """
    if document is None:
        return None
    if isinstance(document, str):
        document = json.loads(document)
    held = document.get("Statement") if isinstance(document, Mapping) else None
    statements: list[Any] = held if isinstance(held, list) else [held]
    if not all(isinstance(item, Mapping) and "Effect" in item for item in statements):
        raise ValueError("the answer is no policy document")
    return {**document, "Statement": [statement(item) for item in statements]}


def canonical(document: Document) -> Document:
    """A document to be compared: an account is one by its number and by its root, and everybody is one however said."""
    return {**document, "Statement": [_canonical(item) for item in document["Statement"]]}


def _canonical(item: Mapping[str, Any]) -> dict[str, Any]:
    made = statement(item)
    for name in _WHO:
        who = made.get(name)
        if isinstance(who, Mapping) and "AWS" in who:
            named = _values([_ROOT.sub(r"\1", str(each)) for each in listed(who["AWS"])])
            made[name] = "*" if named == "*" and len(who) == 1 else {**who, "AWS": named}
    return made


def statement(given: Mapping[str, Any]) -> dict[str, Any]:
    """A statement in that form."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name in _SETS:
            made[name] = _values(value)
        elif name in _WHO and isinstance(value, Mapping):
            made[name] = {kind: _values(who) for kind, who in value.items()}
        elif name == "Condition" and isinstance(value, Mapping):
            made[name] = {
                operator: {key: _values(wanted) for key, wanted in tests.items()} for operator, tests in value.items()
            }
        else:
            made[name] = value
    return made


def _values(value: Any) -> Any:
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    words = sorted({_word(item) for item in listed})
    return words[0] if len(words) == 1 else words


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def compact(document: Document) -> str:
    """A document as it is sent."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def size(document: Document) -> int:
    """Its length as AWS counts it: without white space."""
    return len("".join(compact(document).split()))


def meaning(item: Mapping[str, Any]) -> str:
    """What a statement says apart from its name and the list of its actions."""
    return text({name: value for name, value in _canonical(item).items() if name not in ("Sid", "Action")})


def with_statement(document: Document | None, wanted: Mapping[str, Any]) -> Document:
    """A document with a statement in it; the same document where it is there already.

    A statement of the same meaning takes the actions that it lacks. One of the same name and another meaning belongs to
    another edge: ours then has a name of its own, which follows from its meaning.
    """
    new = statement(wanted)
    whole: Document = copy.deepcopy(document) if document is not None else {"Version": "2012-10-17", "Statement": []}
    held = whole["Statement"]
    said = meaning(new)
    for index, present in enumerate(held):
        if meaning(present) == said and _nameable(present, new):
            union = _values([*listed(present["Action"]), *listed(new["Action"])])
            held[index] = {**present, "Action": union}
            return whole
    if any(present.get("Sid") == new.get("Sid") for present in held):
        new["Sid"] = f"{new.get('Sid', 'Edgepath')}{hashlib.sha256(said.encode()).hexdigest()[:8]}"
    held.append(new)
    return whole


def _nameable(present: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether actions may be added to a statement: it is ours, by its name, or has all of them already."""
    if "Action" not in present or "Action" not in new:
        return False
    ours = str(present.get("Sid", "")).startswith(str(new.get("Sid", "")) or "\0")
    return ours or set(listed(new["Action"])) <= set(listed(present["Action"]))


def merge(before: State, after: State, current: State) -> State:
    """Takes back our statements, and the values that we had added to others', from what a document is now."""
    if current is None:
        if before is None:
            return None
        raise changed_since("the policy: it is gone")
    was, made, now = ((item or {}).get("Statement", []) for item in (before, after, current))
    gone = [item for item in was if item not in made]
    come = [item for item in made if item not in was]
    result = [item for item in now if item not in come or item in was]
    for item in come:
        name = item.get("Sid")
        index = next((at for at, each in enumerate(result) if name is not None and each.get("Sid") == name), None)
        if item in now or index is None:
            continue
        known = next((each for each in gone if each.get("Sid") == name), None)
        result[index : index + 1] = _less(result[index], item, known)
        gone = [each for each in gone if each is not known]
    for item in gone:
        if item not in result:
            result.insert(min(was.index(item), len(result)), item)
    if before is None and not result:
        return None
    return {**current, "Statement": result}


def _less(now: Mapping[str, Any], made: Mapping[str, Any], was: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A statement without the actions that we had given it, where another edge's were given to it since, or taken.

    Refused where it means something else by now.
    """
    known = (now, made, now if was is None else was)
    if any("Action" not in item for item in known) or len({meaning(item) for item in known}) > 1:
        raise changed_since(f"statement {made.get('Sid')}")
    held, ours = set(listed(now["Action"])), set(listed(made["Action"]))
    if any("*" in action for action in held - ours):
        raise changed_since(f"statement {made.get('Sid')}")
    left = held - (ours - set(listed(was["Action"]) if was is not None else ()))
    return [{**now, "Action": _values(sorted(left))}] if left else []


def limited(document: Document, most: int, what: str, spent: int = 0) -> Document:
    """The document; Refused where it is larger than AWS takes."""
    total = size(document) + spent
    if total > most:
        raise Refused(f"{what} would have {total} characters, and AWS takes {most}: take statements out of it first")
    return document
