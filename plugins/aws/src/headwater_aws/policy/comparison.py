"""Comparing a policy that is there with what is needed: what it lacks, what it grants too much.

A pattern covers another if it matches it with the other's wildcards taken as letters. That is
never wrong about what is covered, and may miss a cover that only together several statements make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.auth.credentials import Permission
from headwater.errors import ConfigError
from headwater.untrusted.texts import json_value


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a policy lacks and what it grants too much, one sentence each.

    Args:
        lacking: Needed, and allowed by no statement.
        denied: Needed, and denied by a statement, whatever others allow.
        uncertain: Needed, and allowed only under conditions that can't be judged from here.
        excess: Allowed, and not needed.
    """

    lacking: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()

    @property
    def suffices(self) -> bool:
        """Whether everything needed is allowed."""
        return not (self.lacking or self.denied or self.uncertain)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        return {
            "suffices": self.suffices,
            "lacking": list(self.lacking),
            "denied": list(self.denied),
            "uncertain": list(self.uncertain),
            "excess": list(self.excess),
        }

    def render(self) -> str:
        """Return it for a person."""
        if self.suffices and not self.excess:
            return "the policy grants exactly what is needed"
        parts = (
            ("it lacks", self.lacking),
            ("it denies what is needed", self.denied),
            ("it allows only under conditions", self.uncertain),
            ("it grants more than is needed", self.excess),
        )
        lines = ["the policy suffices" if self.suffices else "the policy does not suffice"]
        for title, entries in parts:
            lines += [f"{title}:", *(f"  - {one}" for one in entries)] if entries else []
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Statement:
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Need:
    action: str
    resource: str
    condition: tuple[str, str, str] | None = None
    """Operator, key, value, where the action is needed for that value only."""
    opaque: str = ""

    def __str__(self) -> str:
        under = f" with {self.condition[1]} {self.condition[2]}" if self.condition else ""
        return f"{self.action} on {self.resource}{under}"


def compare(policy: Mapping[str, Any] | str, needed: Iterable[Permission]) -> Comparison:
    """Compare a policy with what is needed.

    Args:
        policy: The policy, or AWS CLI's answer that holds it (`get-role-policy`,
            `get-policy-version`), as JSON text or read.
        needed: What has to be allowed.

    Raises:
        ConfigError: If it is no policy, or uses NotAction, NotResource or NotPrincipal.
    """
    statements = _statements(policy)
    needs = sorted(
        {need for permission in needed for need in _needs(permission)},
        key=lambda n: (n.action, n.resource, n.condition or ()),
    )
    allows = [s for s in statements if s.allows]
    denies = [s for s in statements if not s.allows]
    lacking, denied, uncertain = [], [], []
    for need in needs:
        refusing = [s for s in denies if _overlaps(s, need)]
        sure = [s for s in allows if _covers(s, need) and _conditions_hold(s, need)]
        perhaps = [s for s in allows if _covers(s, need)]
        if any(not s.conditions for s in refusing):
            denied.append(str(need))
        elif not perhaps:
            lacking.append(str(need))
        elif not sure or refusing:
            uncertain.append(str(need))
    return Comparison(
        tuple(lacking), tuple(denied), tuple(uncertain), tuple(_excess(allows, needs))
    )


def document_in(policy: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Return the policy in what AWS's console or command line gives.

    Raises:
        ConfigError: If there is none.
    """
    try:
        document: Any = json_value(policy) if isinstance(policy, str) else policy
    except ValueError as error:
        raise ConfigError(f"the policy is not JSON: {error}") from error
    for key in ("PolicyVersion", "PolicyDocument", "Document"):
        if isinstance(document, Mapping) and key in document:
            document = document[key]
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise ConfigError(
            "that is no IAM policy: it has no Statement",
            hint="e.g. `aws iam get-role-policy --role-name R --policy-name P > policy.json`",
        )
    return document


def _statements(policy: Mapping[str, Any] | str) -> list[_Statement]:
    listed = document_in(policy)["Statement"]
    statements = []
    for number, statement in enumerate(listed if isinstance(listed, list) else [listed], 1):
        where = f"statement {statement.get('Sid') or number}"
        negated = [k for k in statement if k.startswith("Not")]
        if negated:
            raise ConfigError(
                f"{where} of the policy uses {negated[0]}, which can't be compared",
                hint="write it with Action and Resource, as an Allow or a Deny",
            )
        if statement.get("Effect") not in ("Allow", "Deny") or "Action" not in statement:
            raise ConfigError(f"{where} of the policy has no Effect or no Action")
        statements.append(
            _Statement(
                statement["Effect"] == "Allow",
                _as_texts(statement["Action"]),
                _as_texts(statement.get("Resource", "*")),
                statement.get("Condition", {}),
            )
        )
    return statements


def _needs(permission: Permission) -> Iterable[_Need]:
    single = [
        (operator, key, value)
        for operator, keys in permission.conditions.items()
        for key, values in keys.items()
        for value in _as_texts(values)
    ]
    together = len({(operator, key) for operator, key, _ in single}) > 1
    for resource in permission.resources:
        if together:
            text = json.dumps(permission.conditions, sort_keys=True)
            yield _Need(permission.action, resource, opaque=text)
        else:
            conditions: list[tuple[str, str, str] | None] = [*single] or [None]
            yield from (_Need(permission.action, resource, c) for c in conditions)


def _covers(statement: _Statement, need: _Need) -> bool:
    return any(_matches(a, need.action, fold=True) for a in statement.actions) and any(
        _matches(r, need.resource) for r in statement.resources
    )


def _overlaps(statement: _Statement, need: _Need) -> bool:
    """Return whether a statement is about any of what is needed: patterns that may overlap."""
    return any(_matches(a, need.action, fold=True) for a in statement.actions) and any(
        _matches(r, need.resource) or _matches(need.resource, r) for r in statement.resources
    )


def _conditions_hold(statement: _Statement, need: _Need) -> bool:
    for operator, keys in statement.conditions.items():
        for key, values in keys.items():
            if need.condition is None:
                if need.opaque and json.loads(need.opaque).get(operator, {}).get(key) == values:
                    continue
                return False
            needed_operator, needed_key, value = need.condition
            like = operator in ("StringLike", "StringEquals")
            alike = operator == needed_operator or {operator, needed_operator} <= {
                "StringLike",
                "StringEquals",
            }
            if not (like and alike and key.lower() == needed_key.lower()):
                return False
            patterns = _as_texts(values)
            if operator == "StringEquals" and value not in patterns:
                return False
            if operator == "StringLike" and not any(_matches(p, value) for p in patterns):
                return False
    return True


def _excess(allows: Iterable[_Statement], needs: Iterable[_Need]) -> Iterable[str]:
    needs = list(needs)
    lines: dict[str, None] = {}
    for statement in allows:
        for action in statement.actions:
            same = [n for n in needs if _matches(action, n.action, fold=True)]
            if not same:
                lines[f"{action}: no connection needs it"] = None
                continue
            if "*" in action or "?" in action:
                sufficient = ", ".join(sorted({n.action for n in same}))
                lines[f"{action}: only {sufficient} of it is needed"] = None
            for resource in statement.resources:
                inside = [n for n in same if _matches(resource, n.resource)]
                if not inside:
                    lines[f"{action} on {resource}: no connection needs it there"] = None
                elif resource not in {n.resource for n in inside}:
                    sufficient = ", ".join(sorted({n.resource for n in inside}))
                    lines[f"{action} on {resource}: {sufficient} would do"] = None
                elif not statement.conditions and all(n.condition for n in inside):
                    sufficient = ", ".join(sorted({n.condition[2] for n in inside if n.condition}))
                    key = next(n.condition[1] for n in inside if n.condition)
                    lines[f"{action} on {resource}: only with {key} {sufficient} is it needed"] = (
                        None
                    )
    return lines


def _matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    flags = re.DOTALL | (re.IGNORECASE if fold else 0)
    return re.fullmatch("".join(parts), text, flags) is not None


def _as_texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)
