# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing a policy once into compiled statements that can be asked many times.

Source: AWS IAM User Guide, "Grammar of the IAM JSON policy language" and the pages of each element.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import Condition, compile_condition, split_operator
from .document import Faults, check_elements, kind_of, label, load, report_duplicates, scalars, shorten, strings
from .errors import Defect
from .glob import Matcher, always, compile_glob
from .grantee import Grantee, read_grantee
from .statement import Actions, Resources, Statement
from .template import Template, parse_resource

_VERSIONS = ("2012-10-17", "2008-10-17")
_POLICY = ("Version", "Id", "Statement")
_STATEMENT = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"
)  # fmt: skip
_ACTION = re.compile(r"[A-Za-z0-9-]+:[^\s:${}]+")
_NO_ACTION = re.compile(r"[A-Za-z0-9-]+:[^*?:]*")
_PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


@dataclass(frozen=True)
class Policy:
    """A parsed policy: its name for reports, its compiled statements, and what is odd but valid in it."""

    name: str
    version: str
    statements: tuple[Statement, ...]
    warnings: tuple[Defect, ...] = ()

    @classmethod
    def parse(cls, document: object, name: str = "policy", lenient: bool = False) -> Policy:
        """Parse a document: JSON text, bytes, or an already parsed object.

        lenient: what AWS stores although it has no effect (empty arrays, condition values that can never match, a
        wildcard for the service of an ARN) becomes a warning; use it for policies read back from AWS.
        Raises PolicyError with the JSON path of every defect.
        """
        faults = Faults(name, lenient)
        root = load(document, name)
        check_elements(root, _POLICY, "$", faults)
        version = root.get("Version", "2008-10-17")
        if version not in _VERSIONS:
            faults.defect("$.Version", f"must be one of {', '.join(_VERSIONS)}")
        if "Id" in root and not isinstance(root["Id"], str):
            faults.defect("$.Id", f"expected a string, not {kind_of(root['Id'])}")
        items = _statements(root, faults)
        reader = _Reader(name, version == "2012-10-17", faults)
        statements = [reader.read(index, path, item) for index, (path, item) in enumerate(items)]
        faults.check()
        kept = tuple(statement for statement in statements if statement is not None)
        return cls(name, version, kept, tuple(faults.warnings))

    @property
    def dead_grants(self) -> tuple[str, ...]:
        """Ids such as AROA... left behind by deleted users and roles: grants that reach nobody any more."""
        return tuple(text for statement in self.statements for text in statement.dead_grants())


@dataclass(frozen=True)
class UnreadablePolicy:
    """A policy known to exist whose text could not be had or parsed: it could allow or deny anything.

    name: for reports. reason: one clause, with the missing permission where there is one.
    """

    name: str
    reason: str = "could not be read"


def _statements(root: Mapping[str, Any], faults: Faults) -> list[tuple[str, object]]:
    if "Statement" not in root:
        faults.defect("$", "the element Statement is missing")
        return []
    value = root["Statement"]
    if isinstance(value, Mapping):
        return [("$.Statement", value)]
    if isinstance(value, (list, tuple)):
        if not value:
            faults.tolerable("$.Statement", "the array is empty, so it names nothing")
        return [(f"$.Statement[{index}]", item) for index, item in enumerate(value)]
    faults.defect("$.Statement", f"expected an object or an array, not {kind_of(value)}")
    return []


class _Reader:
    """Reads the statements of one policy."""

    def __init__(self, policy: str, variables: bool, faults: Faults) -> None:
        self._policy = policy
        self._variables = variables
        self._faults = faults

    def read(self, index: int, path: str, item: object) -> Statement | None:
        """The statement, or None where its defects leave nothing to compile."""
        faults = self._faults
        if not isinstance(item, Mapping):
            faults.defect(path, f"a statement is an object, not {kind_of(item)}")
            return None
        check_elements(item, _STATEMENT, path, faults)
        for element in ("Principal", "Action", "Resource"):
            if element in item and "Not" + element in item:
                faults.defect(path, f"{element} and Not{element} exclude each other")
        if "Action" not in item and "NotAction" not in item:
            faults.defect(path, "the element Action (or NotAction) is missing")
        effect = item.get("Effect")
        if effect not in ("Allow", "Deny"):
            faults.defect(f"{path}.Effect", "must be Allow or Deny")
        sid = item.get("Sid")
        if sid is not None and not isinstance(sid, str):
            faults.defect(f"{path}.Sid", f"expected a string, not {kind_of(sid)}")
            sid = None
        actions = self._actions(item, path)
        resources = self._resources(item, path)
        conditions = self._conditions(item, path)
        grantees = self._grantees(item, "Principal", path)
        not_grantees = self._grantees(item, "NotPrincipal", path)
        if effect == "Allow" and not_grantees is not None:
            faults.warn(
                f"{path}.NotPrincipal", "with Allow it grants to everybody who is not listed, anonymous included"
            )
        return Statement(
            self._policy, index, sid, effect == "Allow", actions, resources, conditions, grantees, not_grantees
        )

    def _actions(self, item: Mapping[str, Any], path: str) -> Actions:
        negated = "NotAction" in item
        element = "NotAction" if negated else "Action"
        exact: list[str] = []
        patterns: list[tuple[str, Matcher]] = []
        everything = False
        for where, text in strings(item[element], f"{path}.{element}", self._faults) if element in item else []:
            if text in ("*", "*:*"):
                everything = True
            elif _ACTION.fullmatch(text) is None:
                # A name that no action has covers none; where the service itself cannot be told, nothing can be said.
                report = self._faults.tolerable if _NO_ACTION.fullmatch(text) else self._faults.defect
                report(where, f"{shorten(text)}: {_action_fault(text)}")
            elif "*" in text or "?" in text:
                lowered = text.lower()
                patterns.append((lowered.partition(":")[0], compile_glob(lowered)))
            else:
                exact.append(text.lower())
        return Actions(negated, frozenset(exact), patterns, everything)

    def _resources(self, item: Mapping[str, Any], path: str) -> Resources:
        negated = "NotResource" in item
        element = "NotResource" if negated else "Resource"
        if element not in item:
            return Resources(False, frozenset(), (), (), absent=True)
        exact: list[str] = []
        matchers: list[Matcher] = []
        dynamic: list[Template] = []
        for where, text in strings(item[element], f"{path}.{element}", self._faults):
            if text == "*":
                matchers.append(always)
                continue
            self._check_resource(where, text, completed=_of_identity(item))
            template = parse_resource(_complete(text) if _of_identity(item) else text, self._variables)
            if template.variables:
                dynamic.append(template)
            elif "*" in text or "?" in text or text.count(":") < 5:
                matchers.append(template.static_matcher())
            else:
                exact.append("".join(str(token) for token in template.static_tokens()))
        return Resources(negated, frozenset(exact), matchers, dynamic)

    def _check_resource(self, where: str, text: str, completed: bool) -> None:
        segments = text.split(":", 5)
        if segments[0] != "arn":
            self._faults.tolerable(where, f"{shorten(text)} is neither * nor an ARN")
        elif len(segments) < 6 and completed and not text.endswith("*"):
            self._faults.warn(where, f"{shorten(text)} is no whole ARN: what is missing stands for everything")
        elif len(segments) < 6 and not text.endswith("*"):
            self._faults.tolerable(where, f"{shorten(text)} has fewer than the six segments of an ARN")
        elif len(segments) > 2 and ("*" in segments[2] or "?" in segments[2]):
            self._faults.tolerable(where, f"{shorten(text)} has a wildcard for its service, which AWS does not support")
        elif self._variables and "${" in ":".join(segments[:5]):
            self._faults.warn(where, "a policy variable before the fifth colon is literal text")

    def _conditions(self, item: Mapping[str, Any], path: str) -> list[Condition]:
        if "Condition" not in item:
            return []
        path = f"{path}.Condition"
        block = item["Condition"]
        if not isinstance(block, Mapping):
            self._faults.defect(path, f"expected an object, not {kind_of(block)}")
            return []
        report_duplicates(block, path, self._faults)
        found: list[Condition] = []
        for operator, keys in block.items():
            if not isinstance(operator, str) or split_operator(operator) is None:
                self._faults.defect(path, f"unknown condition operator {label(operator)}")
            elif not isinstance(keys, Mapping):
                self._faults.defect(f"{path}.{operator}", f"expected an object, not {kind_of(keys)}")
            else:
                report_duplicates(keys, f"{path}.{operator}", self._faults)
                found.extend(self._keys(operator, keys, f"{path}.{operator}"))
        return found

    def _keys(self, operator: str, keys: Mapping[str, Any], path: str) -> list[Condition]:
        found: list[Condition] = []
        for key, value in keys.items():
            if not isinstance(key, str) or ":" not in key:
                self._faults.defect(path, f"condition key {label(key)} has no prefix such as aws: or s3:")
                continue
            where = f"{path}.{key}"
            values = [text for _, text in scalars(value, where, self._faults)]
            condition, complaints = compile_condition(operator, key, values, self._variables)
            for complaint in complaints:
                self._faults.tolerable(where, complaint)
            found.append(condition)
        return found

    def _grantees(self, item: Mapping[str, Any], element: str, path: str) -> list[Grantee] | None:
        if element not in item:
            return None
        path = f"{path}.{element}"
        value = item[element]
        if value == "*":
            return [Grantee("any", "*")]
        if not isinstance(value, Mapping):
            hint = ' (an ARN stands in {"AWS": ...})' if isinstance(value, str) else ""
            self._faults.defect(path, f"must be * or an object with {', '.join(_PRINCIPAL_TYPES)}{hint}")
            return []
        check_elements(value, _PRINCIPAL_TYPES, path, self._faults)
        if not value:
            self._faults.tolerable(path, "the object is empty, so it names nobody")
        found: list[Grantee] = []
        for kind, names in value.items():
            for where, text in strings(names, f"{path}.{kind}", self._faults) if kind in _PRINCIPAL_TYPES else []:
                grantee = read_grantee(kind, text)
                if grantee is None:
                    self._faults.defect(where, f"{shorten(text)} is no principal that AWS accepts")
                    continue
                if grantee.kind == "dead":
                    self._faults.warn(where, f"{text} is the id of a deleted user or role: a dead grant")
                found.append(grantee)
        return found


def _of_identity(item: Mapping[str, Any]) -> bool:
    """Whether a statement is of a policy that is attached to an identity: it names no principal."""
    return "Principal" not in item and "NotPrincipal" not in item


def _complete(text: str) -> str:
    """In a policy of an identity AWS completes an ARN of fewer than six segments with `*` for each that is missing
    (AWS IAM User Guide, "IAM JSON policy elements: Resource", on incomplete ARNs)."""
    missing = 5 - text.count(":")
    return text + ":*" * missing if text.startswith("arn:") and missing > 0 and not text.endswith("*") else text


def _action_fault(text: str) -> str:
    vendor, colon, name = text.partition(":")
    if not colon:
        return "an action is SERVICE:NAME, or *"
    if "*" in vendor or "?" in vendor:
        return "the service of an action takes no wildcard"
    return "not a service prefix and an action name" if name else "the action name is missing"
