from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from core.tests.engines.spark.plans import columns, files, memory, plan, rows
from core.tests.engines.spark.test_files import write

import headwater as hw
from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine, streams
from headwater.errors import SourceError, UnsupportedError
from headwater.interfaces.mapping import ROLE_KEY
from headwater.sources.memory import MemoryDataSource
from headwater.tables.relation import StreamRelation
from headwater.tables.table import TableName


@pytest.fixture
def workspace(engine: SparkEngine) -> Iterator[hw.Workspace]:
    """A workspace on a session of the caller's, which it leaves as it is."""
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(engine.opened().session))
        yield made


def connection(workspace: hw.Workspace) -> hw.Connection:
    workspace.create_model("m", "M")
    version = workspace.create_model_version(
        model_id="m",
        model_version="v1",
        model_type="binary",
        features={"amount": "numeric"},
        predictions={"buys": "boolean"},
    )
    held = pa.table(
        {
            "id": ["a", "b"],
            "at": pa.array([0, 86_400_000_000], pa.timestamp("us", "UTC")),
            "usd": [1.5, 2.5],
            "buys": [True, False],
        }
    )
    return version.connect_serving(
        MemoryDataSource(tables={"t": held}),
        id_column="id",
        timestamp_column="at",
        features={"amount": "usd"},
    )


def test_a_dataset_stays_in_spark_with_its_roles(workspace: hw.Workspace) -> None:
    data = connection(workspace).read("1970-01-01", "1970-01-02", engine="spark")
    frame = data.to_spark()
    assert frame.columns == ["id", "timestamp", "amount", "buys"]
    roles = {f.name: f.metadata[ROLE_KEY] for f in frame.schema.fields}
    assert roles == {
        "id": "id",
        "timestamp": "timestamp",
        "amount": "feature",
        "buys": "prediction",
    }
    assert frame.where("amount > 1").count() == 1
    assert data.to_arrow().num_rows == 1


def test_a_plan_says_whose_session_it_is(workspace: hw.Workspace) -> None:
    text = connection(workspace).plan(engine="spark").explain()
    assert "<SparkEngine on a given session>" in text


def test_other_engines_make_no_frames(workspace: hw.Workspace) -> None:
    data = connection(workspace).read(engine="embedded")
    with pytest.raises(UnsupportedError, match="embedded engine, which makes no Spark DataFrames"):
        data.to_spark()


def test_a_frame_keeps_its_identities_until_the_engine_is_closed(
    engine: SparkEngine, lake: Path
) -> None:
    open_now = []

    @contextmanager
    def access() -> Iterator[Access]:
        open_now.append(1)
        yield Access()
        open_now.clear()

    own = SparkEngine(engine.opened().session)
    path = write(lake / "d" / "a.parquet", id=[1, 2])
    relation = files({("7",): [path]}, columns(id="bigint", d="int"), ("d",))
    session = engine.opened().session
    frame = own.to_spark(plan("SELECT * FROM `hw`.`t0` AS t WHERE id > 1", relation), access)
    assert streams.rows(frame) == [{"id": 2, "d": 7}]
    assert [t.name for t in session.catalog.listTables() if not t.isTemporary] == []
    assert open_now
    own.close()
    assert not open_now
    assert session.catalog.listTables() == []


class Numbers:
    """A stream of numbers that a worker opens in its own process."""

    def __call__(self, names: Sequence[str]) -> pa.RecordBatchReader:
        schema = pa.schema([(n, pa.int64()) for n in names])
        batches = (
            pa.record_batch([pa.array([b, b + 1])] * len(names), schema=schema) for b in (1, 3)
        )
        return pa.RecordBatchReader.from_batches(schema, batches)


class Failing:
    """A stream that breaks off, in a worker's process."""

    def __call__(self, names: Sequence[str]) -> pa.RecordBatchReader:
        schema = pa.schema([(n, pa.int64()) for n in names])

        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch([pa.array([1])] * len(names), schema=schema)
            raise OSError("line cut")

        return pa.RecordBatchReader.from_batches(schema, batches())


def test_rows_of_another_system_are_streamed_through_a_task(engine: SparkEngine) -> None:
    relation = StreamRelation(TableName("db", "t"), columns(a="bigint", b="bigint"), Numbers())
    sql = "SELECT t.a + m.x AS c FROM `hw`.`t0` AS t JOIN `hw`.`t1` AS m ON t.b = m.x ORDER BY c"
    assert rows(engine, sql, relation, memory(x=[2, 4])) == [{"c": 4}, {"c": 8}]


def test_a_streams_own_exception_comes_back_from_its_task(engine: SparkEngine) -> None:
    relation = StreamRelation(TableName("db", "t"), columns(a="bigint"), Failing())
    with pytest.raises(SourceError, match=r"db\.t: the stream of .* OSError: line cut") as caught:
        rows(engine, "SELECT a FROM `hw`.`t0`", relation)
    assert not caught.value.retryable
    assert "line cut" in str(caught.value.__cause__)


def test_a_stream_of_another_type_than_declared_is_refused(engine: SparkEngine) -> None:
    relation = StreamRelation(TableName("db", "t"), columns(a="int", b="bigint"), Numbers())
    with pytest.raises(SourceError, match="'a' is declared as int, and its rows hold int64") as c:
        rows(engine, "SELECT a FROM `hw`.`t0`", relation)
    assert c.value.code == "declared-type"
