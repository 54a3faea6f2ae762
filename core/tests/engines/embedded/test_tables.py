"""Tables that are no files: memory, Iceberg, Delta; and ORC."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import columns, file, parquet, partitioned, read, rows
from pyarrow import orc
from tests.iceberg import file_catalog

from headwater.errors import DataError, EngineError, SourceError, UnsupportedError
from headwater.tables.relation import (
    CatalogRelation,
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
)
from headwater.tables.table import TableName

NAME = TableName("db", "t")


def test_memory_is_read_with_the_declared_types() -> None:
    data = pa.table(
        {
            "a": pa.array([1, None], pa.int8()),
            "s": pa.array(["x", "x"]).dictionary_encode(),
            "t": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("ms", "UTC")),
        }
    )
    relation = MemoryRelation(NAME, columns(a="bigint", s="string", t="timestamp"), data)
    answer = read("SELECT * FROM t WHERE s = 'x'", t=relation)
    assert answer.schema.types == [pa.int64(), pa.string(), pa.timestamp("us", "UTC")]
    assert answer.num_rows == 2


def test_memory_that_does_not_fit_its_types_is_an_error() -> None:
    relation = MemoryRelation(NAME, columns(a="tinyint"), pa.table({"a": [300]}))
    with pytest.raises(SourceError, match=r"table db\.t: column 'a' is declared as tinyint"):
        rows("SELECT * FROM t", t=relation)


def test_memory_with_texts_that_are_no_utf8_is_an_error() -> None:
    bad = pa.Array.from_buffers(
        pa.string(),
        1,
        [None, pa.py_buffer(b"\x00\x00\x00\x00\x01\x00\x00\x00"), pa.py_buffer(b"\xff")],
    )
    relation = MemoryRelation(NAME, columns(s="string"), pa.table({"s": bad}))
    with pytest.raises(EngineError, match="UTF"):
        rows("SELECT * FROM t", t=relation)


def test_memory_and_files_are_joined(tmp_path: Path) -> None:
    left = parquet(tmp_path, pa.table({"id": ["a", "b"], "x": [1.0, 2.0]}))
    right = MemoryRelation(
        NAME, columns(id="string", y="bigint"), pa.table({"id": ["b"], "y": [5]})
    )
    sql = "SELECT l.id, r.y FROM l LEFT JOIN r ON l.id = r.id ORDER BY l.id"
    assert rows(sql, l=left, r=right) == [{"id": "a", "y": None}, {"id": "b", "y": 5}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT l.x, r.y FROM l JOIN r USING (id)",
        "SELECT l.x, r.y FROM l LEFT JOIN r USING (ID) WHERE r.y = 5",
        "WITH w AS (SELECT * FROM r) SELECT l.x, w.y FROM l JOIN w USING (id)",
    ],
)
def test_columns_that_only_using_names_are_read(tmp_path: Path, sql: str) -> None:
    left = parquet(tmp_path, pa.table({"id": ["b"], "x": [2.0], "z": [1]}))
    right = MemoryRelation(
        NAME, columns(id="string", y="bigint"), pa.table({"id": ["b"], "y": [5]})
    )
    assert rows(sql, l=left, r=right) == [{"x": 2.0, "y": 5}]
    assert rows(sql.replace("l.x, ", ""), l=right, r=right) == [{"y": 5}]


@pytest.mark.parametrize("second", [1000, 1001])
def test_nanoseconds_in_files_of_iceberg_are_never_cut_silently(
    tmp_path: Path, second: int
) -> None:
    micros = pa.table({"id": [1, 2], "at": pa.array([0, 1], pa.timestamp("us", "UTC"))})
    table = file_catalog(tmp_path, f"file://{tmp_path}").create_table("db.t", micros.schema)
    table.append(micros)
    [task] = table.scan().plan_files()
    # Another writer's file, with the fields' ids and in nanoseconds.
    path = task.file.file_path.removeprefix("file://")
    held = pq.read_table(path)
    nanos = pa.array([0, second], pa.timestamp("ns", "UTC"))
    field = held.schema.field("at").with_type(nanos.type)
    pq.write_table(held.set_column(1, field, nanos), path)
    own = columns(id="bigint", at="timestamp")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    relation = IcebergRelation(NAME, own, table.metadata_location, snapshot.snapshot_id)
    assert len(rows("SELECT id FROM t", t=relation)) == 2
    if second % 1000:
        with pytest.raises(DataError, match=r"'at' holds 1970-01-01 00:00:00.000001001"):
            rows("SELECT at FROM t", t=relation)
        relation = replace(relation, truncates=True)
    assert [r["at"].microsecond for r in rows("SELECT at FROM t", t=relation)] == [0, 1]


def test_iceberg_is_read_at_its_snapshot(tmp_path: Path) -> None:
    catalog = file_catalog(tmp_path, f"file://{tmp_path}")
    data = pa.table({"id": pa.array([1, 2], pa.int64()), "Name": ["a", "b"]})
    table = catalog.create_table("db.t", schema=data.schema)
    table.append(data)
    first = table.current_snapshot()
    assert first is not None
    table.delete("id = 1")
    own = columns(id="bigint", name="string")
    now = IcebergRelation(NAME, own, table.metadata_location, table.current_snapshot().snapshot_id)  # type: ignore[union-attr]
    before = IcebergRelation(NAME, own, table.metadata_location, first.snapshot_id)
    assert rows("SELECT * FROM t", t=now) == [{"id": 2, "name": "b"}]
    assert len(rows("SELECT name FROM t", t=before)) == 2
    none = IcebergRelation(NAME, own, table.metadata_location, None)
    assert rows("SELECT * FROM t", t=none) == []


def test_delta_is_read_at_its_version(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    write_deltalake(tmp_path, pa.table({"id": [1], "s": ["a"]}))
    write_deltalake(tmp_path, pa.table({"id": [2], "s": ["b"]}), mode="append")
    own = columns(id="bigint", s="string")
    assert rows("SELECT * FROM t", t=DeltaRelation(NAME, own, str(tmp_path), 0)) == [
        {"id": 1, "s": "a"}
    ]
    assert len(rows("SELECT s FROM t", t=DeltaRelation(NAME, own, str(tmp_path), 1))) == 2


def test_delta_is_read_where_delta_rs_wrote_it_anew(tmp_path: Path) -> None:
    from deltalake import DeltaTable, write_deltalake

    rows_: dict[str, list[Any]] = {"id": [1, 2, 3], "s": ["a", "b", None], "b": [b"x", b"y", None]}
    write_deltalake(tmp_path, pa.table(rows_))
    DeltaTable(tmp_path).delete("id = 2")  # declares its texts as views
    relation = DeltaRelation(NAME, columns(id="bigint", s="string", b="binary"), str(tmp_path), 1)
    found = sorted(rows("SELECT * FROM t", t=relation), key=lambda row: row["id"])
    assert found == [{"id": 1, "s": "a", "b": b"x"}, {"id": 3, "s": None, "b": None}]


def test_orc_is_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.orc"
    moment = dt.datetime(2024, 1, 1, 1, 2, 3, 4, tzinfo=dt.UTC)
    orc.write_table(
        pa.table({"A": pa.array([1], pa.int32()), "t": pa.array([moment], pa.timestamp("us"))}),
        path,
    )
    own = columns(a="int", t="timestamp", gone="string")
    relation = FileRelation(NAME, own, format="orc", files=(file(path),))
    assert rows("SELECT * FROM t", t=relation) == [{"a": 1, "t": moment, "gone": None}]


def test_orc_may_be_read_twice_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.orc"
    orc.write_table(pa.table({"id": [1, 2], "a": [10, 20], "b": ["x", "y"]}), path)
    own = columns(id="bigint", a="bigint", b="string")
    relation = FileRelation(NAME, own, format="orc", files=(file(path),))
    sql = "SELECT l.a, r.b FROM l INNER JOIN r ON l.id = r.id ORDER BY l.a"
    assert rows(sql, l=relation, r=relation) == [{"a": 10, "b": "x"}, {"a": 20, "b": "y"}]


def _written(folder: Path, format: str, count: int) -> DataFile:
    """Write a file of a format that holds `count` rows of one column `id`."""
    folder.mkdir()
    path, data = folder / f"x.{format}", pa.table({"id": list(range(count))})
    match format:
        case "orc":
            orc.write_table(data, path, stripe_size=64 * 1024)
        case "parquet":
            pq.write_table(data, path)
        case "avro":
            fields = [{"name": "id", "type": ["null", "long"], "default": None}]
            with path.open("wb") as out:
                schema = {"type": "record", "name": "r", "fields": fields}
                fastavro.writer(out, schema, data.to_pylist())
        case "json" | "hive-json":
            path.write_text("".join(f'{{"id": {n}}}\n' for n in range(count)))
        case _:
            path.write_text("".join(f"{n}\n" for n in range(count)))
    return file(path)


@pytest.mark.parametrize(
    "format", ["orc", "parquet", "avro", "json", "csv", "hive-json", "hive-text", "hive-csv"]
)
def test_rows_of_which_no_column_of_the_file_is_read_are_counted(
    tmp_path: Path, format: str
) -> None:
    """Nothing but a partition's key, a column that files lack, or no column at all."""
    files = tuple(_written(tmp_path / str(n), format, 20_000) for n in range(2))
    own = FileRelation(NAME, columns(id="string" if format == "hive-csv" else "bigint",
                                     later="string"), format=format, files=files)  # fmt: skip
    table = partitioned(own, {"day": "string"}, [("a",), ("b",)])
    assert rows("SELECT count(*) AS n FROM t", t=table) == [{"n": 40_000}]
    assert read("SELECT 1 AS one FROM t", t=table).num_rows == 40_000
    days = "SELECT day, count(later) AS l, count(*) AS n FROM t GROUP BY day ORDER BY day"
    expected = [{"day": day, "l": 0, "n": 20_000} for day in "ab"]
    assert rows(days, t=table) == expected


def test_orc_of_another_type_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.orc"
    orc.write_table(pa.table({"a": [1]}), path)
    relation = FileRelation(NAME, columns(a="string"), format="orc", files=(file(path),))
    with pytest.raises(EngineError, match="the file holds bigint, the table declares string"):
        rows("SELECT * FROM t", t=relation)


def test_orc_without_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.orc"
    orc.write_table(pa.table({"_col0": [1]}), path)
    relation = FileRelation(NAME, columns(a="bigint"), format="orc", files=(file(path),))
    with pytest.raises(UnsupportedError, match="by position"):
        rows("SELECT * FROM t", t=relation)


def test_a_table_of_a_cluster_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="cluster's own metastore"):
        rows("SELECT * FROM t", t=CatalogRelation(NAME, columns(a="int")))
