from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest
from core.tests.engines.spark.plans import memory, plan, rows, table

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.engines.spark.streams import WINDOW
from headwater.errors import EngineError, UnsupportedError

EVERY_TYPE = """
SELECT true AS a, 1Y AS b, 2S AS c, 3 AS d, 4L AS e, 1.5F AS f, 2.5D AS g, 1.25BD AS h,
    'x' AS i, X'00FF' AS j, DATE '2026-01-01' AS k, TIMESTAMP '2026-01-01 00:00:00Z' AS l,
    TIMESTAMP_NTZ '2026-01-01 00:00:00' AS m, array(1, NULL) AS n, map('k', 1.5D) AS o,
    named_struct('a b', 1, 'c', array(named_struct('d', 'e'))) AS p, NULL AS q
FROM `hw`.`t0` AS t
"""


def test_every_type_arrives_as_core_declares_it(engine: SparkEngine) -> None:
    found = table(engine, EVERY_TYPE, memory(x=[1]))
    assert found.schema.types == [
        pa.bool_(),
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.float32(),
        pa.float64(),
        pa.decimal128(3, 2),
        pa.string(),
        pa.binary(),
        pa.date32(),
        pa.timestamp("us", "UTC"),
        pa.timestamp("us"),
        pa.list_(pa.int32()),
        pa.map_(pa.string(), pa.float64()),
        pa.struct(
            [
                ("a b", pa.int32()),
                ("c", pa.list_(pa.struct([("d", pa.string())]))),
            ]
        ),
        pa.null(),
    ]
    found.validate(full=True)
    assert found.to_pylist()[0]["p"] == {"a b": 1, "c": [{"d": "e"}]}


def test_a_type_that_can_not_be_handed_over_names_its_column(engine: SparkEngine) -> None:
    with pytest.raises(UnsupportedError, match="column 'gap'"):
        rows(engine, "SELECT INTERVAL '1' DAY AS gap FROM `hw`.`t0` AS t", memory(x=[1]))


def test_memory_keeps_types_nulls_and_dictionaries(engine: SparkEngine) -> None:
    relation = memory(
        word=pa.array(["a", None, "b"]).dictionary_encode(),
        at=pa.array([0, None, 2], pa.timestamp("us", "UTC")),
        local=pa.array([0, None, 2], pa.timestamp("us")),
        vector=pa.array([[1.0], None, []], pa.list_(pa.float64())),
    )
    found = table(engine, "SELECT * FROM `hw`.`t0` AS t", relation)
    assert found.schema.types == [
        pa.string(),
        pa.timestamp("us", "UTC"),
        pa.timestamp("us"),
        pa.list_(pa.float64()),
    ]
    assert found.to_pylist() == relation.data.to_pylist()  # type: ignore[attr-defined]


def test_rows_keep_the_order_of_the_query(engine: SparkEngine) -> None:
    sql = "SELECT id FROM `hw`.`t0` AS t, LATERAL explode(sequence(1, 50000)) AS e(id) ORDER BY id"
    found = table(engine, sql, memory(x=[1]))
    assert found.column("id").to_pylist() == list(range(1, 50001))


def test_batches_come_before_the_last_partition_is_computed(engine: SparkEngine) -> None:
    sql = "SELECT /*+ REPARTITION(40) */ x FROM `hw`.`t0` AS t"
    with engine.read(plan(sql, memory(x=list(range(1000)))), Access()) as stream:
        before = jobs(engine)
        batches = iter(stream)
        next(batches)
        begun = jobs(engine) - before
        rest = sum(batch.num_rows for batch in batches)
    assert begun <= WINDOW
    assert 0 < rest < 1000
    assert jobs(engine) - before == 40


def jobs(engine: SparkEngine) -> int:
    """Return how many jobs were ever begun."""
    return int(engine.opened().session.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


def active(engine: SparkEngine) -> list[int]:
    return list(engine.opened().session.sparkContext.statusTracker().getActiveJobsIds())


def test_leaving_early_cancels_what_runs(engine: SparkEngine) -> None:
    sql = (
        "SELECT x, aggregate(sequence(1, 5000000), 0L, (a, b) -> a + b % 7) AS slow "
        "FROM `hw`.`t0` AS t"
    )
    begun = time.monotonic()
    thread = threading.Thread(target=_open_and_leave, args=(engine, sql))
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 60
    assert active(engine) == []


def _open_and_leave(engine: SparkEngine, sql: str) -> None:
    with engine.read(plan(sql, memory(x=[1, 2])), Access()) as stream:
        iter(stream)


def test_a_value_that_raises_midway_is_a_runtime_error(engine: SparkEngine) -> None:
    with pytest.raises(EngineError, match="DIVIDE_BY_ZERO") as caught:
        rows(engine, "SELECT 1 / x AS y FROM `hw`.`t0` AS t", memory(x=[1, 0]))
    assert caught.value.code == "spark-runtime-error"


def test_two_reads_at_once_do_not_meet(engine: SparkEngine) -> None:
    one, two = memory(x=[1]), memory(x=[2])
    sql = "SELECT x FROM `hw`.`t0` AS t"
    with (
        engine.read(plan(sql, one), Access()) as first,
        engine.read(plan(sql, two), Access()) as second,
    ):
        assert [b.to_pylist() for b in second] == [[{"x": 2}]]
        assert [b.to_pylist() for b in first] == [[{"x": 1}]]
