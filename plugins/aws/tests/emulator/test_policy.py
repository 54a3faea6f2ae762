"""The evaluator of policy documents, question by question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.policy import Decision, Query, decide, matches, parse

TABLE = "arn:aws:glue:us-east-1:123456789012:table/db/t"
YES, NO, DENIED = Decision(True, False, True), Decision(), Decision(False, True, False)


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "*", "Resource": "*", **parts}


def ask(*statements: dict[str, Any], **context: Any) -> Decision:
    document = parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return decide([document], Query("glue:GetTable", TABLE, context))


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("*", "", True),
        ("a*c", "abc", True),
        ("a*c", "ab", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
    ],
)
def test_wildcards(pattern: str, value: str, fits: bool) -> None:
    assert matches(pattern, value) is fits


@pytest.mark.parametrize(
    ("parts", "decision"),
    [
        ({"Action": "glue:GetTable"}, YES),
        ({"Action": "GLUE:gettable"}, YES),
        ({"Action": "glue:Get*"}, YES),
        ({"Action": ["s3:*", "glue:GetTables"]}, NO),
        ({"Resource": TABLE}, YES),
        ({"Resource": TABLE.upper()}, NO),
        ({"Resource": "arn:aws:glue:*:123456789012:table/db/*"}, YES),
        ({"Resource": [TABLE + "2", "arn:aws:glue:*:123456789012:database/db"]}, NO),
    ],
)
def test_actions_and_resources(parts: dict[str, Any], decision: Decision) -> None:
    assert ask(statement(**parts)) == decision


def test_not_action_and_not_resource() -> None:
    without = {"Effect": "Allow", "Resource": "*", "NotAction": "glue:Delete*"}
    assert ask(without) == YES
    assert ask({**without, "NotAction": ["s3:*", "glue:*"]}) == NO
    elsewhere = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::*"}
    assert ask(elsewhere) == YES
    assert ask({**elsewhere, "NotResource": TABLE}) == NO


def test_a_denial_is_reported_beside_an_allow() -> None:
    assert ask(statement(), statement("Deny")) == Decision(True, True, True)
    assert ask(statement("Deny")) == DENIED
    assert ask(statement("Deny", Action="s3:*")) == NO


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "abc", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*", "abc", True),
        ("StringNotLike", "a*", "abc", False),
        ("ArnLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", True),
        ("ArnEquals", "arn:aws:iam::1:role/y", "arn:aws:iam::1:role/x", False),
        ("ArnNotLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("Bool", "true", None, False),
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
    ],
)
def test_conditions(operator: str, wanted: Any, value: Any, holds: bool) -> None:
    context = {} if value is None else {"key": value}
    assert ask(statement(Condition={operator: {"key": wanted}}), **context).allowed is holds


def test_condition_keys_know_no_case_and_all_must_hold() -> None:
    both = {"StringEquals": {"KEY": "a", "other": "b"}}
    assert ask(statement(Condition=both), key="a", other="b") == YES
    assert ask(statement(Condition=both), key="a") == NO


def test_policy_variables() -> None:
    named = statement(Resource="arn:aws:glue:us-east-1:123456789012:table/db/${aws:username}")
    document = parse(json.dumps({"Statement": named}))
    assert decide([document], Query("glue:GetTable", TABLE, {"aws:username": "t"})).allowed
    assert not decide([document], Query("glue:GetTable", TABLE, {})).allowed


def principal(wanted: Any, *names: str, **more: Any) -> Decision:
    document = {"Statement": [{"Effect": "Allow", "Action": "*", "Principal": wanted}]}
    query = Query("glue:GetTable", TABLE, principals=names or ("arn:caller", "1"), **more)
    return decide([parse(json.dumps(document))], query)


@pytest.mark.parametrize(
    ("wanted", "decision"),
    [
        ("*", YES),
        ({"AWS": "*"}, YES),
        ({"AWS": ["arn:other", "arn:caller"]}, YES),
        ({"AWS": "1"}, Decision(True, False, False)),
        ({"AWS": "arn:other"}, NO),
        ({"Service": "glue.amazonaws.com"}, NO),
        ({"Federated": "arn:provider"}, NO),
    ],
)
def test_principals(wanted: Any, decision: Decision) -> None:
    assert principal(wanted) == decision


def test_a_federated_caller_is_no_aws_principal() -> None:
    assert principal({"Federated": "p"}, "p", federated="p") == YES
    assert principal({"AWS": "p"}, "p", federated="p") == NO


def test_not_principal() -> None:
    denial = {"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": "arn:caller"}}
    document = parse(json.dumps({"Statement": [denial]}))
    assert decide([document], Query("a:B", "x", principals=("arn:caller",))) == NO
    assert decide([document], Query("a:B", "x", principals=("arn:other",))) == DENIED


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting"),
        ("[]", ""),
        ('{"Statement": [{"Action": "*"}]}', "Effect"),
        ('{"Statement": [{"Effect": "allow", "Action": "*"}]}', "allow"),
        ('{"Statement": [{"Effect": "Allow", "Resource": "*"}]}', "Action"),
        (
            '{"Statement": [{"Effect": "Allow", "Action": "*", "Condition": {"IpAddress": {}}}]}',
            "no condition operator 'IpAddress'",
        ),
    ],
)
def test_documents_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(text)
    assert caught.value.code == "MalformedPolicyDocument"
    assert why in caught.value.message
