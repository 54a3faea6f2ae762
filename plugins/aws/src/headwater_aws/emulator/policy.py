"""Would IAM allow it? A small evaluator of policy documents.

It knows Allow and Deny, (Not)Action, (Not)Resource, (Not)Principal, wildcards, policy variables,
and the condition operators in `OPERATORS` with their `IfExists`, `ForAnyValue:` and
`ForAllValues:` forms. A document with anything else is refused with a clear error, not guessed at.

Source: "Policy evaluation logic" and "IAM JSON policy elements", IAM User Guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headwater_aws.emulator.errors import AwsError

Document = Mapping[str, Any]
Context = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Decision:
    """What a set of documents says about one action on one resource.

    Args:
        allowed: Some statement allows it.
        denied: Some statement denies it, which outweighs every allow.
        named: An allowing statement names the principal itself, not just its account.
    """

    allowed: bool = False
    denied: bool = False
    named: bool = False


@dataclass(frozen=True)
class Query:
    """One action on one resource, asked by one principal.

    Args:
        action: Such as `glue:GetTable`.
        resource: The full ARN.
        context: Condition keys and their values.
        principals: Every ARN and account id by which a resource policy may call the caller; the
            first is the caller's own. Empty for identity policies.
        federated: ARN of the identity provider that vouches for the caller, if one does.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    principals: tuple[str, ...] = ()
    federated: str | None = None


@lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    parts = ("." if c == "?" else ".*" if c == "*" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether a value matches a pattern in which `*` and `?` are wildcards."""
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def _bool(expected: str, value: str) -> bool:
    return expected.lower() == value.lower()


OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    # operator: (does an expected value fit the request's value?, is the operator a negation?)
    "StringEquals": (lambda expected, value: expected == value, False),
    "StringNotEquals": (lambda expected, value: expected == value, True),
    "StringEqualsIgnoreCase": (lambda expected, value: expected.lower() == value.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda expected, value: expected.lower() == value.lower(), True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnLike": (matches, False),
    "ArnNotEquals": (matches, True),
    "ArnNotLike": (matches, True),
    "Bool": (_bool, False),
}


@lru_cache(maxsize=1024)
def parse(text: str) -> Document:
    """Read a policy document.

    Args:
        text: JSON.

    Returns:
        The document, shared between callers: not to be changed.

    Raises:
        AwsError: `MalformedPolicyDocument`, when it is not JSON or not a policy.
    """
    try:
        document = json.loads(text)
        statements = _list(document["Statement"])
        for statement in statements:
            if statement["Effect"] not in ("Allow", "Deny"):
                raise ValueError(f"Effect {statement['Effect']!r}")
            if not ("Action" in statement or "NotAction" in statement):
                raise ValueError("a statement without Action")
            for operator in statement.get("Condition", {}):
                _operator(operator)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AwsError("MalformedPolicyDocument", f"Syntax errors in policy. ({error})") from error
    return document  # type: ignore[no-any-return]  # json.loads


def decide(documents: Iterable[Document], query: Query) -> Decision:
    """Put every statement of some documents to one question.

    Args:
        documents: Policies of one kind: all identity policies, or one resource policy.
        query: The question.

    Returns:
        Whether any statement allows, and whether any denies.
    """
    allowed = denied = named = False
    for document in documents:
        for statement in _list(document["Statement"]):
            principal = _principal(statement, query)
            if principal and _applies(statement, query):
                if statement["Effect"] == "Deny":
                    denied = True
                else:
                    allowed, named = True, named or principal == "named"
    return Decision(allowed, denied, named)


def _applies(statement: Document, query: Query) -> bool:
    if "Action" in statement:
        if not _matches_any(statement["Action"], query.action, ignore_case=True):
            return False
    elif _matches_any(statement["NotAction"], query.action, ignore_case=True):
        return False
    if "Resource" in statement:
        if not _matches_any(statement["Resource"], query.resource, context=query.context):
            return False
    elif "NotResource" in statement and _matches_any(
        statement["NotResource"], query.resource, context=query.context
    ):
        return False
    return all(
        _condition(operator, key, expected, query.context)
        for operator, block in statement.get("Condition", {}).items()
        for key, expected in block.items()
    )


def _principal(statement: Document, query: Query) -> str:
    """How a statement means the caller: "named", "account", or "" for not at all."""
    if not query.principals:
        return "named"
    if "NotPrincipal" in statement:
        excluded = statement["NotPrincipal"]
        listed = _list(excluded.get("AWS", ())) if isinstance(excluded, dict) else ["*"]
        return "" if set(listed) & set(query.principals) or "*" in listed else "named"
    principal = statement.get("Principal", {})
    if principal == "*":
        return "named"
    if query.federated is not None:
        return "named" if query.federated in _list(principal.get("Federated", ())) else ""
    for listed in _list(principal.get("AWS", ())):
        if listed == "*":
            return "named"
        if listed in query.principals:
            is_account = listed.isdigit() or listed.endswith(":root")
            return "account" if is_account else "named"
    return ""


def _condition(operator: str, key: str, expected: Any, context: Context) -> bool:
    quantifier, name, if_exists = _operator(operator)
    value = next((v for k, v in context.items() if k.lower() == key.lower()), None)
    texts = [_text(item, context) for item in _list(expected)]
    if name == "Null":
        return (value is None) == (texts[0].lower() == "true")
    fits, negated = OPERATORS[name]
    if value is None:
        return if_exists or negated or quantifier == "ForAllValues"
    values = [value] if isinstance(value, str) else list(value)
    each = [any(fits(item, one) for item in texts) != negated for one in values]
    return all(each) if quantifier == "ForAllValues" or negated else any(each)


def _operator(text: str) -> tuple[str, str, bool]:
    quantifier, _, rest = text.rpartition(":")
    if_exists = rest.endswith("IfExists")
    name = rest.removesuffix("IfExists")
    if quantifier not in ("", "ForAnyValue", "ForAllValues") or (
        name not in OPERATORS and name != "Null"
    ):
        operators = ", ".join((*OPERATORS, "Null"))
        raise ValueError(f"the emulator knows no condition operator {text!r}, only {operators}")
    return quantifier, name, if_exists


def _matches_any(
    patterns: Any, value: str, *, ignore_case: bool = False, context: Context | None = None
) -> bool:
    return any(
        matches(_text(pattern, context or {}), value, ignore_case=ignore_case)
        for pattern in _list(patterns)
    )


def _text(item: Any, context: Context) -> str:
    if isinstance(item, bool):
        return str(item).lower()

    def variable(match: re.Match[str]) -> str:
        value = context.get(match[1])
        return value if isinstance(value, str) else match[0]

    return re.sub(r"\$\{([\w:/-]+)\}", variable, str(item))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
