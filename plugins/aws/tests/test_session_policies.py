from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from plugins.aws.tests.support import ACCOUNT, oidc_role, opened, seed

from headwater.auth.credentials import Permission
from headwater.errors import AccessDeniedError, AuthError
from headwater_aws import list_files
from headwater_aws.emulator.policy import Query, decide, parse
from headwater_aws.session_policies import LIMIT, PolicyRow, session_policies, statements
from headwater_aws.testing import Emulator

GLUE = f"arn:aws:glue:us-east-1:{ACCOUNT}"


def listing(bucket: str, *prefixes: str) -> Permission:
    return Permission(
        "s3:ListBucket",
        (f"arn:aws:s3:::{bucket}",),
        {"StringLike": {"s3:prefix": [f"{p}*" for p in prefixes]}},
    )


def reading(bucket: str, *prefixes: str) -> Permission:
    return Permission("s3:GetObject", tuple(f"arn:aws:s3:::{bucket}/{p}*" for p in prefixes))


def table(database: str, name: str) -> Permission:
    return Permission(
        "glue:GetTable",
        (f"{GLUE}:catalog", f"{GLUE}:database/{database}", f"{GLUE}:table/{database}/{name}"),
    )


def partitions(count: int) -> list[str]:
    return [
        f"warehouse/predictions/dt=2026-{n // 28 + 1:02}-{n % 28 + 1:02}/" for n in range(count)
    ]


def test_few_permissions_stay_exact() -> None:
    first = next(session_policies([table("db", "t"), listing("lake", "t/"), reading("lake", "t/")]))
    assert first.collapsed == ()
    assert json.loads(first.document)["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "glue:GetTable",
            "Resource": [f"{GLUE}:catalog", f"{GLUE}:database/db", f"{GLUE}:table/db/t"],
        },
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/t/*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::lake",
            "Condition": {"StringLike": {"s3:prefix": "t/*"}},
        },
    ]


def test_many_prefixes_are_joined_and_told() -> None:
    wanted = [listing("lake", *partitions(300)), reading("lake", *partitions(300))]
    first, *wider = session_policies(wanted)
    assert len(first.document) <= LIMIT
    assert "arn:aws:s3:::lake/warehouse/predictions/*" in first.document
    assert '"s3:prefix":"warehouse/predictions/*"' in first.document
    assert first.collapsed == (
        "300 prefixes under s3://lake/warehouse/predictions/ are allowed as one",
    )
    assert "all of s3://lake is allowed" in wider[0].collapsed
    assert '"s3:prefix"' not in wider[0].document
    assert "only the actions are limited" in wider[-1].collapsed[-1]


def test_many_tables_are_joined_by_database() -> None:
    first = next(session_policies([table("db", f"predictions_of_model_{n}") for n in range(100)]))
    assert f"{GLUE}:table/db/*" in first.document
    assert first.collapsed == ("all tables of the Glue database db are allowed",)


def test_many_buckets_leave_only_the_actions() -> None:
    wanted = [reading(f"a-customers-bucket-number-{n}", "x/") for n in range(100)]
    (only,) = session_policies(wanted)
    assert json.loads(only.document)["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    ]


def test_nothing_wanted_is_nothing_allowed() -> None:
    assert statements([]) == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    assert PolicyRow(session_policies([])).widen() is False


def test_conditions_that_hold_together_are_not_taken_apart() -> None:
    both = Permission(
        "kms:Decrypt",
        ("arn:aws:kms:us-east-1:1:key/k",),
        {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "a": "b"}},
    )
    assert statements([both])[0]["Condition"] == both.conditions


_paths = st.lists(st.sampled_from(["a", "b", "dt=1", "dt=2"]), min_size=1, max_size=4).map(
    lambda parts: "/".join(parts) + "/"
)
_permissions = st.one_of(
    st.tuples(st.sampled_from(["x", "y"]), _paths).map(lambda p: listing(*p)),
    st.tuples(st.sampled_from(["x", "y"]), _paths).map(lambda p: reading(*p)),
    st.tuples(st.sampled_from(["d", "e"]), st.sampled_from(["t", "u"])).map(lambda p: table(*p)),
)


@given(st.lists(_permissions, min_size=1, max_size=12))
def test_every_policy_allows_all_that_was_asked_for(wanted: list[Permission]) -> None:
    for policy in session_policies(wanted):
        document = parse(policy.document)
        for permission in wanted:
            for resource in permission.resources:
                name = resource.removesuffix("*") + ("file" if resource.endswith("*") else "")
                prefixes = permission.conditions.get("StringLike", {}).get("s3:prefix", [""])
                for prefix in prefixes:
                    context = {"s3:prefix": prefix.removesuffix("*")} if prefix else {}
                    assert decide([document], Query(permission.action, name, context)).allowed


class TestSessions:
    def test_a_narrowed_session_may_do_no_more(self, aws: Emulator) -> None:
        seed(aws, tables=2)
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="lake")
        for key in ("mine/a", "theirs/a"):
            s3.put_object(Bucket="lake", Key=key, Body=b"x")
        wanted = [table("db", "t000"), listing("lake", "mine/"), reading("lake", "mine/")]
        with opened(aws) as session:
            narrow = session.narrowed(wanted)
            assert narrow.collapsed == ()
            assert json.loads(narrow.narrowed_to or "")["Version"] == "2012-10-17"
            assert narrow.client("glue").get_table(DatabaseName="db", Name="t000")
            with pytest.raises(ClientError, match="session policy"):
                narrow.client("glue").get_table(DatabaseName="db", Name="t001")
            assert len(list(list_files(narrow, "s3://lake/mine"))) == 1
            with pytest.raises(AccessDeniedError, match="may not s3:ListBucket"):
                list(list_files(narrow, "s3://lake/theirs"))
            # It is renewed as narrow as it was, and the whole session is as whole as it was.
            aws.faults.expire_now()
            with pytest.raises(ClientError, match="session policy"):
                narrow.client("glue").get_table(DatabaseName="db", Name="t001")
            narrow.close()
            assert session.client("glue").get_table(DatabaseName="db", Name="t001")
            assert session.narrowed_to is None

    def test_a_policy_that_sts_cannot_pack_is_widened(self, aws: Emulator) -> None:
        seed(aws)
        wanted = [table("db", f"t{n:03}") for n in range(5)]
        with opened(aws) as session:
            narrow = session.narrowed(wanted)
            assert not narrow.collapsed
            aws.faults.fail(
                "sts:AssumeRoleWithWebIdentity",
                400,
                1,
                code="PackedPolicyTooLarge",
                message="Packed policy consumes 120% of allotted space, please use smaller policy.",
            )
            assert narrow.client("glue").get_table(DatabaseName="db", Name="t000")
            assert narrow.collapsed == ("all tables of the Glue database db are allowed",)

    def test_what_can_never_be_packed_is_an_error(self, aws: Emulator) -> None:
        with opened(aws, oidc_role(aws)) as session:
            narrow = session.narrowed([table("db", "t")])
            aws.faults.fail("sts:*", 400, None, code="PackedPolicyTooLarge", message="120%")
            with pytest.raises(AuthError, match="too large once AWS has packed them"):
                narrow.identity()

    def test_the_last_role_of_a_chain_is_narrowed(self, aws: Emulator) -> None:
        seed(aws, tables=2)
        assume: Any = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
        }
        hub = aws.create_oidc_role(subject="me", name="hub", policy=assume)
        spoke = aws.create_role(
            name="spoke",
            trust={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": ACCOUNT},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
        )
        with opened(aws, oidc_role(aws, hub, then=[spoke])) as session:
            narrow = session.narrowed([table("db", "t000")])
            assert narrow.client("glue").get_table(DatabaseName="db", Name="t000")
            with pytest.raises(ClientError, match="session policy"):
                narrow.client("glue").get_table(DatabaseName="db", Name="t001")
