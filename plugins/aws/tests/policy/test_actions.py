from __future__ import annotations

import pytest

from headwater.auth.credentials import Permission
from headwater_aws.policy.actions import ACTIONS, all_problems, kind_of, problems

GLUE = "arn:aws:glue:us-east-1:123456789012"
CATALOG, DATABASE, TABLE = f"{GLUE}:catalog", f"{GLUE}:database/db", f"{GLUE}:table/db/t"


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (CATALOG, "rootcatalog"),
        (f"{GLUE}:catalog/s3tablescatalog", "catalog"),
        (DATABASE, "database"),
        (f"{GLUE}:table/db/*", "table"),
        ("arn:aws-cn:s3:::lake", "bucket"),
        ("arn:aws:s3:::lake/a/*", "object"),
        ("arn:aws:kms:us-east-1:123456789012:key/abc", "key"),
        ("arn:aws:iam::123456789012:role/a/b", "role"),
        ("arn:aws:ec2:us-east-1:1:vpc/x", None),
    ],
)
def test_kinds(arn: str, kind: str | None) -> None:
    assert kind_of(arn) == kind


def test_the_table_speaks_of_kinds_that_are_known() -> None:
    known = {
        kind for action in ACTIONS.values() for kind in (*action.required, *action.optional)
    } - {"accesspoint", "accesspointobject"}
    examples = [CATALOG, f"{GLUE}:catalog/x", DATABASE, TABLE, f"{GLUE}:userDefinedFunction/d/f"]
    examples += [f"{GLUE}:connection/c", "arn:aws:s3:::b", "arn:aws:s3:::b/k"]
    examples += ["arn:aws:kms:r:1:key/k", "arn:aws:iam::1:role/r"]
    assert known == {kind_of(arn) for arn in examples}


def test_problems_of_a_permission() -> None:
    assert problems(Permission("glue:GetTable", (CATALOG, DATABASE, TABLE))) == ()
    assert problems(Permission("glue:GetTable", (TABLE,))) == (
        "glue:GetTable needs a rootcatalog too",
        "glue:GetTable needs a database too",
    )
    assert problems(Permission("s3:GetObject", ("arn:aws:s3:::lake",))) == (
        "s3:GetObject is not about arn:aws:s3:::lake",
    )
    assert problems(Permission("s3:ListBucket", ("arn:aws:s3:::lake/*",))) == (
        "s3:ListBucket is not about arn:aws:s3:::lake/*",
    )
    assert problems(Permission("athena:StartQueryExecution", ("arn:x",))) == ()
    assert problems(Permission("glue:GetTable", ("*",))) == ()


def test_statements_complete_each_other() -> None:
    apart = [
        Permission("glue:GetTable", (CATALOG, DATABASE)),
        Permission("glue:GetTable", (TABLE,)),
    ]
    assert all_problems(apart) == ()
    assert len(all_problems(apart[1:])) == 2
