"""Spark reads S3 as headwater's identities: several, renewed, and never seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from core.tests.engines.spark.plans import columns, plan, rows
from tests.spark.lakes import access, put, readers, reading, relation, role

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.errors import AccessDeniedError, AuthError, DataChangedError
from headwater_aws.testing import Emulator

EVENTS = columns(id="bigint", day="date")


def events(aws: Emulator, bucket: str = "lake", auth_ref: str = "lake", count: int = 2) -> Any:
    parts: dict[tuple[str | None, ...], list[Any]] = {
        (f"2026-01-0{n + 1}",): [put(aws, bucket, f"events/{n} %20+é/a.parquet", id=[n])]
        for n in range(count)
    }
    return relation(EVENTS, parts, ("day",), auth_ref)


def test_files_are_read_as_the_role_and_nobody_else(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    with access(lake=role(aws)) as opened:
        found = rows(
            spark_engine, "SELECT id FROM `hw`.`t0` AS t ORDER BY id", events(aws), access=opened
        )
    assert found == [{"id": 0}, {"id": 1}]
    assert readers(aws) == {"reader"}


def test_keys_of_a_query_choose_directories_before_they_are_opened(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    sql = "SELECT id FROM `hw`.`t0` AS t WHERE day = DATE '2026-01-02'"
    with access(lake=role(aws)) as opened:
        assert rows(spark_engine, sql, events(aws, count=5), access=opened) == [{"id": 1}]
    opened_keys = {r.parameters["key"] for r in aws.requests if r.action == "GetObject"}
    assert opened_keys == {"events/1 %20+é/a.parquet"}


def test_two_roles_in_one_query_each_reach_only_their_own(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    aws.client("s3").create_bucket(Bucket="other")
    ours = role(aws, "ours", policy=reading("lake/events/"))
    theirs = role(aws, "theirs", policy=reading("other/events/"))
    sql = "SELECT a.id FROM `hw`.`t0` AS a JOIN `hw`.`t1` AS b ON a.id = b.id ORDER BY id"
    with access(lake=ours, other=theirs) as opened:
        tables = events(aws), events(aws, "other", "other")
        assert rows(spark_engine, sql, *tables, access=opened) == [{"id": 0}, {"id": 1}]
    assert readers(aws) == {"ours", "theirs"}


def test_two_roles_of_one_bucket_in_one_query(spark_engine: SparkEngine, aws: Emulator) -> None:
    one = relation(columns(id="bigint"), {(): [put(aws, "lake", "one/a.parquet", id=[1])]})
    two = relation(
        columns(id="bigint", d="int"),
        {("7",): [put(aws, "lake", "two/a.parquet", id=[1])]},
        ("d",),
        "second",
    )
    with access(
        lake=role(aws, "first", policy=reading("lake/one/")),
        second=role(aws, "second", policy=reading("lake/two/")),
    ) as opened:
        sql = "SELECT b.d FROM `hw`.`t0` AS a JOIN `hw`.`t1` AS b ON a.id = b.id"
        assert rows(spark_engine, sql, one, two, access=opened) == [{"d": 7}]
    assert readers(aws) == {"first", "second"}


def test_what_a_role_may_not_read_names_the_file(spark_engine: SparkEngine, aws: Emulator) -> None:
    with (
        access(lake=role(aws, policy=reading("lake/elsewhere/"))) as opened,
        pytest.raises(AccessDeniedError, match=r"table db\.events was denied") as caught,
    ):
        rows(spark_engine, "SELECT id FROM `hw`.`t0` AS t", events(aws), access=opened)
    assert "s3:GetObject" in (caught.value.hint or "")


def test_a_role_that_may_read_does_not_lend_to_one_that_may_not(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    table, sql = events(aws), "SELECT id FROM `hw`.`t0` AS t"
    with access(lake=role(aws, "may")) as opened:
        assert len(rows(spark_engine, sql, table, access=opened)) == 2
    with (
        access(lake=role(aws, "may-not", policy=reading("lake/elsewhere/"))) as opened,
        pytest.raises(AccessDeniedError),
    ):
        rows(spark_engine, sql, table, access=opened)


def test_an_object_that_was_replaced_is_an_error(spark_engine: SparkEngine, aws: Emulator) -> None:
    table = events(aws)
    put(aws, "lake", "events/0 %20+é/a.parquet", id=[1, 2], more=["a", "b"])
    with access(lake=role(aws)) as opened, pytest.raises(DataChangedError, match=r"a\.parquet had"):
        rows(spark_engine, "SELECT id FROM `hw`.`t0` AS t", table, access=opened)


def test_a_read_outlives_the_credentials_it_began_with(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    table = relation(
        columns(id="bigint"),
        {(): [put(aws, "lake", f"many/{n}.parquet", id=[n]) for n in range(24)]},
    )
    aws.faults.shorten_sessions(8)
    aws.faults.slow("s3:GetObject", 1.0, times=None)
    with access(lake=role(aws)) as opened:
        found = rows(spark_engine, "SELECT id FROM `hw`.`t0` AS t", table, access=opened)
    assert sorted(r["id"] for r in found) == list(range(24))
    span = [r.time for r in aws.requests if r.action == "GetObject"]
    assert max(span) - min(span) > 8
    assert sum(r.action == "AssumeRoleWithWebIdentity" for r in aws.requests) > 1
    assert {r.status for r in aws.requests if r.action == "GetObject"} == {206}


def test_no_secret_is_seen(
    spark_engine: SparkEngine,
    aws: Emulator,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    session = role(aws)
    with access(lake=session) as opened:
        keys = session.storage().secrets
        table = events(aws)
        frames = []
        with spark_engine.read(plan("SELECT id FROM `hw`.`t0` AS t", table), opened) as stream:
            frames = list(stream)
        aws.faults.fail("s3:GetObject", 403, None, code="AccessDenied")
        with pytest.raises(AccessDeniedError) as caught:
            rows(spark_engine, "SELECT id FROM `hw`.`t0` AS t", table, access=opened)
    seen = "".join(
        [repr(frames), caplog.text, *capfd.readouterr(), str(caught.value), repr(caught.value)]
    )
    base = spark_engine.opened().session
    seen += repr(base.conf.getAll)
    for name in ("secret_access_key", "session_token"):
        assert keys[name].reveal() not in seen


def test_an_identity_that_was_not_opened_is_told(spark_engine: SparkEngine, aws: Emulator) -> None:
    with pytest.raises(AuthError, match="'lake'"):
        rows(spark_engine, "SELECT id FROM `hw`.`t0` AS t", events(aws), access=Access())
