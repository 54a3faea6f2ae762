"""Faults on demand, and the record that shows what they did."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ResponseStreamingError
from plugins.aws.tests.emulator.support import (
    ACCOUNT,
    allow,
    assume,
    refused,
    seed_table,
    signed_in,
)
from plugins.aws.tests.support import soon_again

from headwater_aws.testing import Emulator


@pytest.fixture
def session(aws: Emulator) -> dict[str, Any]:
    seed_table(aws.client("glue"), days=5)
    aws.client("s3").create_bucket(Bucket="lake")
    aws.client("s3").put_object(Bucket="lake", Key="k", Body=b"0123456789")
    return signed_in(aws, allow("*"))


@pytest.fixture
def glue(aws: Emulator, session: dict[str, Any]) -> Any:
    return aws.client_for("glue", session)


@pytest.fixture
def s3(aws: Emulator, session: dict[str, Any]) -> Any:
    return aws.client_for("s3", session)


def test_throttling(aws: Emulator, glue: Any, s3: Any) -> None:
    aws.faults.throttle("glue:GetTables", times=2)
    aws.faults.throttle("s3:*", times=1)
    for _ in range(2):
        with refused("ThrottlingException", "Rate exceeded", 400):
            glue.get_tables(DatabaseName="db")
    glue.get_tables(DatabaseName="db")
    with refused("SlowDown", status=503):
        s3.list_buckets()
    s3.list_buckets()


def test_throttling_of_sts(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me")
    aws.faults.throttle("sts:AssumeRoleWithWebIdentity")
    with refused("Throttling"):
        assume(aws, role)
    assume(aws, role)


def test_a_client_that_retries_comes_through(aws: Emulator, session: dict[str, Any]) -> None:
    aws.faults.throttle("glue:GetTables", times=2)
    client = boto3.client(
        "glue",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    with soon_again():
        client.get_tables(DatabaseName="db")
    assert [one.status for one in aws.requests.select("glue:GetTables")] == [400, 400, 200]


def test_errors_of_ones_choice(aws: Emulator, s3: Any, glue: Any) -> None:
    aws.faults.fail("s3:GetObject", status=503)
    with refused("ServiceUnavailable", status=503):
        s3.get_object(Bucket="lake", Key="k")
    s3.get_object(Bucket="lake", Key="k")
    aws.faults.fail("glue:*", status=400, code="ConcurrentModificationException", times=None)
    for _ in range(3):
        with refused("ConcurrentModificationException"):
            glue.get_databases()
    aws.faults.clear()
    glue.get_databases()


def test_a_packed_policy_that_is_too_large(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me")
    aws.faults.fail("sts:Assume*", status=400, code="PackedPolicyTooLarge", message="120 percent")
    with refused("PackedPolicyTooLarge", "120 percent"):
        assume(aws, role)


def test_truncated_bodies(aws: Emulator, s3: Any) -> None:
    aws.faults.truncate("s3:GetObject", after=4)
    body = s3.get_object(Bucket="lake", Key="k")["Body"]
    with pytest.raises((ResponseStreamingError, ConnectionClosedError)):
        body.read()
    assert s3.get_object(Bucket="lake", Key="k")["Body"].read() == b"0123456789"


def test_dropped_connections(aws: Emulator, s3: Any) -> None:
    aws.faults.drop("s3:HeadObject")
    with pytest.raises(ConnectionClosedError):
        s3.head_object(Bucket="lake", Key="k")
    s3.head_object(Bucket="lake", Key="k")
    assert [one.status for one in aws.requests.select("s3:HeadObject")] == [0, 200]


def test_slow_answers(aws: Emulator, glue: Any) -> None:
    aws.faults.slow("glue:GetDatabase", seconds=0.15, times=1)
    began = time.perf_counter()
    glue.get_database(Name="db")
    assert time.perf_counter() - began >= 0.15
    assert aws.requests.select("glue:GetDatabase")[-1].seconds >= 0.15


def test_latency_is_not_for_seeding() -> None:
    with Emulator(latency=0.05) as aws:
        admin = aws.client("glue")
        admin.get_databases()
        began = time.perf_counter()
        for _ in range(5):
            admin.get_databases()
        assert time.perf_counter() - began < 0.05 * 5
        client = aws.client_for("glue", signed_in(aws))
        began = time.perf_counter()
        for _ in range(3):
            client.get_databases()
        assert time.perf_counter() - began >= 0.05 * 3


def test_faults_may_be_aimed(aws: Emulator, s3: Any) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket="lake", Key=key, Body=b"")
    aws.faults.fail("s3:GetObject", times=None, resource="arn:aws:s3:::lake/b")
    s3.get_object(Bucket="lake", Key="a")
    with refused("ServiceUnavailable"):
        s3.get_object(Bucket="lake", Key="b")


def test_faults_may_wait(aws: Emulator, glue: Any) -> None:
    aws.faults.throttle("glue:GetPartitions", skip=2)
    asked = {"DatabaseName": "db", "TableName": "t"}
    glue.get_partitions(**asked)
    glue.get_partitions(**asked)
    with refused("ThrottlingException"):
        glue.get_partitions(**asked)
    glue.get_partitions(**asked)


def test_keys_left_unprocessed(aws: Emulator, glue: Any) -> None:
    aws.faults.leave_unprocessed(keep=2)
    wanted = [{"Values": [f"{day:05d}"]} for day in range(5)]
    asked = {"DatabaseName": "db", "TableName": "t"}
    answer = glue.batch_get_partition(**asked, PartitionsToGet=wanted)
    assert len(answer["Partitions"]) == 2
    assert answer["UnprocessedKeys"] == wanted[2:]
    rest = glue.batch_get_partition(**asked, PartitionsToGet=answer["UnprocessedKeys"])
    assert len(rest["Partitions"]) == 3


def test_sessions_that_end_early(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me")
    aws.faults.shorten_sessions(seconds=30)
    lasts = (assume(aws, role)["Expiration"] - datetime.now(UTC)).total_seconds()
    assert 0 < lasts <= 30


def test_expiry_in_the_middle(aws: Emulator, glue: Any) -> None:
    pages = glue.get_paginator("get_partitions").paginate(
        DatabaseName="db", TableName="t", PaginationConfig={"PageSize": 2}
    )
    first = next(iter(pages))
    assert len(first["Partitions"]) == 2
    aws.faults.expire_now()
    with refused("ExpiredTokenException"):
        glue.get_partitions(
            DatabaseName="db", TableName="t", MaxResults=2, NextToken=first["NextToken"]
        )


def test_seeding_meets_no_fault(aws: Emulator) -> None:
    aws.faults.fail("*:*", times=None)
    aws.client("glue").get_databases()
    aws.client("s3").create_bucket(Bucket="lake")


def test_a_pattern_without_a_service(aws: Emulator) -> None:
    with pytest.raises(ValueError, match="service:Action, not 'GetTables'"):
        aws.faults.throttle("GetTables")


def test_the_record(aws: Emulator, session: dict[str, Any], glue: Any, s3: Any) -> None:
    aws.requests.clear()
    glue.get_partitions(DatabaseName="DB", TableName="t", ExcludeColumnSchema=True)
    s3.get_object(Bucket="lake", Key="k", Range="bytes=2-5")
    with refused("EntityNotFoundException"):
        glue.get_table(DatabaseName="db", Name="nope")
    partitions, read, table = aws.requests
    assert (partitions.service, partitions.action) == ("glue", "GetPartitions")
    assert partitions.account_id == ACCOUNT
    assert partitions.principal.endswith(":assumed-role/role-0/session")
    assert partitions.resource == f"arn:aws:glue:us-east-1:{ACCOUNT}:table/db/t"
    assert partitions.parameters["ExcludeColumnSchema"] is True
    assert (partitions.status, partitions.error) == (200, None)
    assert read.resource == "arn:aws:s3:::lake/k"
    assert (read.status, read.parameters["range"]) == (206, "bytes=2-5")
    assert (table.status, table.error) == (400, "EntityNotFoundException")
    assert aws.requests.select("glue:*") == [partitions, table]
    assert aws.requests.select(error="EntityNotFoundException") == [table]
    assert aws.requests.select(account_id="999999999999") == []
    assert len(aws.requests) == 3
    assert aws.requests[0] is partitions


def test_refusals_are_recorded_with_their_caller(aws: Emulator) -> None:
    client = aws.client_for("s3", signed_in(aws, allow("glue:*")))
    with refused("AccessDenied"):
        client.list_buckets()
    (call,) = aws.requests.select("s3:*")
    assert (call.status, call.error, call.action) == (403, "AccessDenied", "ListBuckets")
    assert call.principal


def test_presigned_secrets_are_not_recorded(aws: Emulator, s3: Any) -> None:
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "k"})
    with urllib.request.urlopen(url) as answer:
        answer.read()
    assert "X-Amz" not in json.dumps([dict(one.parameters) for one in aws.requests])
