"""Shorthand of the emulator's tests: assume a role, expect a refusal, seed a catalog."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from headwater_aws.testing import Emulator

ACCOUNT, OTHER = "123456789012", "210987654321"


def allow(*actions: str, on: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    """A policy document of one statement."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def trusting(principal: str, **condition: Any) -> dict[str, Any]:
    """A trust policy that lets an AWS principal assume the role, and tag the session."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def anonymous_sts(aws: Emulator) -> Any:
    """An STS client that signs nothing, as AssumeRoleWithWebIdentity wants."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return boto3.client(
        "sts", endpoint_url=aws.endpoint_url, region_name="us-east-1", config=config
    )


def assume(aws: Emulator, role: str, token: str | None = None, **more: Any) -> dict[str, Any]:
    """Credentials of a role, by a web identity token; None for a good one of subject `me`."""
    answer = anonymous_sts(aws).assume_role_with_web_identity(
        RoleArn=role,
        RoleSessionName="session",
        WebIdentityToken=token or aws.issuer.token(sub="me"),
        **more,
    )
    return dict(answer["Credentials"])


def signed_in(
    aws: Emulator, policy: dict[str, Any] | None = None, account_id: str = ACCOUNT, **more: Any
) -> dict[str, Any]:
    """Credentials of a new role with a policy."""
    name = f"role-{len(aws.client('iam', account_id=account_id).list_roles()['Roles'])}"
    role = aws.create_oidc_role(subject="me", policy=policy, account_id=account_id, name=name)
    return assume(aws, role, **more)


@contextlib.contextmanager
def refused(code: str, message: str = "", status: int | None = None) -> Iterator[None]:
    """Expect AWS's error code, part of its message, and its HTTP status."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert error["Error"]["Code"] == code, error
    assert message in error["Error"].get("Message", ""), error
    if status is not None:
        assert error["ResponseMetadata"]["HTTPStatusCode"] == status


def seed_table(glue: Any, database: str = "db", table: str = "t", days: int = 0) -> None:
    """A database with a table partitioned by `dt`, and as many partitions."""
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": database})
    storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://lake/t/"}
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": table,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
        },
    )
    values = [f"{day:05d}" for day in range(days)]
    for start in range(0, days, 100):
        glue.batch_create_partition(
            DatabaseName=database,
            TableName=table,
            PartitionInputList=[
                {"Values": [value], "StorageDescriptor": storage}
                for value in values[start : start + 100]
            ],
        )
