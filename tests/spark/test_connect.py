"""The same plans through Spark Connect: a server in a process of its own, no JVM in this one."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.spark.plans import columns, files, memory, plan, rows, table
from core.tests.engines.spark.test_files import write
from core.tests.engines.spark.test_streams import EVERY_TYPE
from tests.spark.lakes import access, put, readers, relation, role

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.engines.spark.session import connect
from headwater.errors import DataChangedError, EngineError, UnsupportedError
from headwater.interfaces.engine import EngineCapability
from headwater_aws.testing import Emulator


def test_files_and_memory_give_the_same_rows_as_a_classic_session(
    spark_connect: SparkEngine, spark_engine: SparkEngine, tmp_path: Path
) -> None:
    parts: dict[tuple[str | None, ...], list[Path]] = {
        ("1",): [write(tmp_path / "a b" / "%.parquet", id=[1, 2], at=["x", None])],
        ("2",): [write(tmp_path / "é" / "a.parquet", id=[3], at=["z"])],
    }
    stored = files(parts, columns(id="bigint", at="string", d="int"), ("d",))
    held = memory(id=[1, 3], score=[0.5, float("nan")])
    sql = (
        "SELECT e.*, m.score FROM `hw`.`t0` AS e LEFT JOIN `hw`.`t1` AS m ON e.id = m.id "
        "WHERE d >= 1 ORDER BY e.id"
    )
    found = table(spark_connect, sql, stored, held)
    expected = table(spark_engine, sql, stored, held)
    assert found.schema == expected.schema
    assert str(found.to_pylist()) == str(expected.to_pylist())
    assert found.num_rows == 3


def test_every_type_arrives_as_from_a_classic_session(
    spark_connect: SparkEngine, spark_engine: SparkEngine
) -> None:
    found = table(spark_connect, EVERY_TYPE, memory(x=[1]))
    assert found.equals(table(spark_engine, EVERY_TYPE, memory(x=[1])))


def test_only_planned_files_are_read_and_changes_are_noticed(
    spark_connect: SparkEngine, tmp_path: Path
) -> None:
    path = write(tmp_path / "d" / "a.parquet", id=[1])
    stored = files({("1",): [path]}, columns(id="bigint", d="int"), ("d",))
    write(tmp_path / "d" / "late.parquet", id=[2])
    sql = "SELECT * FROM `hw`.`t0` AS t"
    assert rows(spark_connect, sql, stored) == [{"id": 1, "d": 1}]
    write(path, id=[1, 2, 3])
    with pytest.raises(DataChangedError, match=r"a\.parquet had"):
        rows(spark_connect, sql, stored)


def test_batches_come_in_pieces(spark_connect: SparkEngine) -> None:
    sql = "SELECT x, repeat('x', 1000) AS s FROM `hw`.`t0` AS t"
    held = memory(x=pa.array(range(30_000)))
    with spark_connect.read(plan(sql, held), Access()) as stream:
        sizes = [batch.num_rows for batch in stream]
    assert sum(sizes) == 30_000
    assert len(sizes) >= 3


def test_values_that_raise_and_what_is_left_behind(spark_connect: SparkEngine) -> None:
    with pytest.raises(EngineError, match="DIVIDE_BY_ZERO") as caught:
        rows(spark_connect, "SELECT 1 / x AS y FROM `hw`.`t0` AS t", memory(x=[0]))
    assert caught.value.code == "spark-runtime-error"
    assert spark_connect.opened().session.catalog.listTables() == []


def test_a_read_leaves_what_other_clients_use(
    spark_connect: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its end nor its session's finaliser shuts down the threads that clients share."""
    from pyspark.sql.connect.client.reattach import ExecutePlanResponseReattachableIterator

    closed: list[str] = []
    monkeypatch.setattr(
        ExecutePlanResponseReattachableIterator, "shutdown", lambda: closed.append("shared")
    )
    for _ in range(3):
        assert rows(spark_connect, "SELECT x FROM `hw`.`t0` AS t", memory(x=[1])) == [{"x": 1}]
    gc.collect()
    assert closed == []


def test_a_session_of_the_callers_stays_as_it_is(spark_connect: SparkEngine) -> None:
    session = spark_connect.opened().session
    engine = SparkEngine(session)
    assert rows(engine, "SELECT x FROM `hw`.`t0` AS t", memory(x=[1])) == [{"x": 1}]
    engine.close()
    assert session.range(3).count() == 3


def test_roles_of_ours_read_s3_through_it_but_are_not_renewed(
    spark_connect: SparkEngine, aws: Emulator
) -> None:
    stored = relation(
        columns(id="bigint", d="int"),
        {("1",): [put(aws, "lake", "a b/1.parquet", id=[1])]},
        ("d",),
    )
    session = role(aws)
    with access(lake=session) as opened:
        found = rows(spark_connect, "SELECT * FROM `hw`.`t0` AS t", stored, access=opened)
        settings = spark_connect.opened().session.conf.getAll
        assert not [k for k in settings if k.startswith("fs.s3a")]
    assert found == [{"id": 1, "d": 1}]
    assert readers(aws) == {"reader"}
    assert EngineCapability.STORAGE_CREDENTIALS in spark_connect.capabilities
    assert EngineCapability.CREDENTIAL_RENEWAL not in spark_connect.capabilities


def test_credentials_are_not_sent_in_plain_text_over_a_network(
    spark_connect: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = spark_connect.opened()
    connect.check_confidential(opened)
    session: Any = opened.session
    builder = session.client._builder
    monkeypatch.setattr(builder, "_host", "spark.example")
    with pytest.raises(UnsupportedError, match=r"spark\.example:\d+: the connection is not enc"):
        connect.check_confidential(opened)
    monkeypatch.setitem(builder._params, "use_ssl", "true")
    connect.check_confidential(opened)


def test_a_server_that_is_not_there_is_told_without_its_token() -> None:
    from tests.processes import free_port

    engine = SparkEngine(remote=f"sc://127.0.0.1:{free_port()}/;token=canary")
    with pytest.raises(EngineError, match=r"no session could be opened at sc://127") as caught:
        engine.opened()
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(engine)
