"""Tables as Spark writes them: every format and type, and lakes of which rows were deleted since.

Both engines read them to the values that Spark itself gives, or refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import read
from core.tests.engines.spark.plans import files, table

from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import Column, TableName
from headwater.types.text import parse_type

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    # pyspark leaves the sockets of its own answers to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
]

NAME = TableName("db", "t")
VALUES = {
    "i8": "CAST(-1 AS tinyint)",
    "i16": "CAST(2 AS smallint)",
    "i32": "3",
    "i64": "9007199254740993L",
    "f32": "CAST(0.1 AS float)",
    "f64": "0.1D",
    "d9": "CAST(1.50 AS decimal(9,2))",
    "d18": "CAST(-1.50 AS decimal(18,4))",
    "d38": "CAST(1.50 AS decimal(38,18))",
    "s": "'\u00e9, \"x\"'",
    "b": "true",
    "day": "DATE'2026-01-01'",
    "at": "TIMESTAMP'2026-01-01 00:00:00.123456'",
    "ntz": "TIMESTAMP_NTZ'1969-12-31 23:59:59.999999'",
    "bytes": "X'00FF'",
    "list": "array(1, NULL, 3)",
    "st": "named_struct('x', 1, 'y', 'z')",
    "m": "map('k', 1)",
    "deep": "array(named_struct('m', map('k', array(1.5D))))",
}
"""What is written: a row of these, and one of NULLs."""
FLAT = ("i8", "i16", "i32", "i64", "f32", "f64", "d9", "s", "b", "day", "at", "ntz")
"""Columns that CSV can hold."""
UNREAD: dict[tuple[str, str], set[str]] = {
    # Each reader has an order of its own for the entries of such maps.
    ("avro", "embedded"): {"m", "deep"},
    # A list without a level for its element, of structs with one field: readers differ.
    ("parquet-legacy", "embedded"): {"deep"},
    # ORC has no such type, Spark writes numbers.
    ("orc", "embedded"): {"ntz"},
}
"""Columns of a format that an engine refuses."""


@pytest.fixture(scope="module")
def session(spark_engine: SparkEngine) -> Any:
    return spark_engine.opened().session


def written_files(session: Any, folder: Path, kind: str, names: Sequence[str]) -> list[Path]:
    """Have Spark write two rows, the second of NULLs, and return its files."""
    listed = ", ".join(f"{VALUES[n]} AS {n}" for n in names)
    nulls = ", ".join(f"IF(id = 0, {n}, NULL) AS {n}" for n in names)
    frame = session.sql(f"SELECT {nulls} FROM (SELECT {listed}), range(2)").coalesce(1)
    legacy = kind == "parquet-legacy"
    session.conf.set("spark.sql.parquet.writeLegacyFormat", str(legacy).lower())
    try:
        frame.write.format(kind.partition("-")[0]).save(str(folder / kind))
    finally:
        session.conf.unset("spark.sql.parquet.writeLegacyFormat")
    return [p for p in sorted((folder / kind).iterdir()) if p.name.startswith("part-")]


def columns_of(frame: Any) -> tuple[Column, ...]:
    return tuple(Column(f.name, parse_type(f.dataType.simpleString())) for f in frame.schema)


def plain(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows in an order of their own, maps and instants as Python writes them."""
    return sorted(rows.to_pylist(), key=repr)


def on(engine: Any, relation: Relation, names: str = "*") -> list[dict[str, Any]]:
    """Return a table's rows on an engine; None stands for the embedded one."""
    if engine is None:
        return plain(read(f"SELECT {names} FROM t", t=relation))
    return plain(table(engine, f"SELECT {names} FROM `hw`.`t0` AS t", relation))


@pytest.mark.parametrize("kind", ["parquet", "parquet-legacy", "orc", "avro", "json", "csv"])
def test_every_column_has_the_values_that_spark_wrote(
    session: Any, spark_engine: SparkEngine, tmp_path: Path, kind: str
) -> None:
    written_as = kind.partition("-")[0]
    lacking = {"json": {"bytes"}, "avro": {"i8", "i16"}}.get(written_as, set())
    names = FLAT if written_as == "csv" else [n for n in VALUES if n not in lacking]
    written = written_files(session, tmp_path, kind, names)
    declared = session.sql("SELECT " + ", ".join(f"{VALUES[n]} AS {n}" for n in names))
    schema = declared.schema
    expected = session.read.format(written_as).schema(schema).load(str(tmp_path / kind)).toArrow()
    relation = files(written, columns_of(declared), format=written_as)
    for engine, who in ((spark_engine, "spark"), (None, "embedded")):
        unread = UNREAD.get((kind, who), set())
        kept = [n for n in names if n not in unread]
        listed = ", ".join(f"`{n}`" for n in kept)
        assert on(engine, relation, listed) == plain(expected.select(kept)), who
        for name in unread:
            with pytest.raises(HeadwaterError):
                on(engine, relation, f"`{name}`")


DELTA_STEPS = {
    "deletion vectors": [
        (
            "CREATE TABLE {t} (id BIGINT, s STRING, k STRING) USING delta LOCATION '{place}' "
            "PARTITIONED BY (k) "
            "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"
        ),
        (
            "INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, CAST(id AS string), "
            "IF(id < 50, 'a b', '\u00e9') FROM range(100)"
        ),
        "DELETE FROM {t} WHERE id % 7 = 0",
        "UPDATE {t} SET s = 'new' WHERE id IN (1, 99)",
        "DELETE FROM {t} WHERE id = 2",
    ],
    "column mapping": [
        (
            "CREATE TABLE {t} (id BIGINT, a STRING, b STRING, st STRUCT<x: INT, y: INT>) "
            "USING delta LOCATION '{place}' TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
        ),
        "INSERT INTO {t} VALUES (1, 'a1', 'b1', named_struct('x', 1, 'y', 2))",
        "ALTER TABLE {t} RENAME COLUMN a TO c",
        "ALTER TABLE {t} RENAME COLUMN b TO a",
        "ALTER TABLE {t} DROP COLUMN c",
        "ALTER TABLE {t} ADD COLUMN (c STRING)",
        "ALTER TABLE {t} RENAME COLUMN st.x TO z",
        "INSERT INTO {t} VALUES (2, 'a2', named_struct('z', 3, 'y', 4), 'c2')",
    ],
    "both, by ids, with a checkpoint": [
        (
            "CREATE TABLE {t} (id BIGINT, s STRING) USING delta LOCATION '{place}' TBLPROPERTIES ("
            "'delta.columnMapping.mode' = 'id', 'delta.enableDeletionVectors' = 'true', "
            "'delta.checkpointInterval' = '2')"
        ),
        "INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, CAST(id AS string) FROM range(10)",
        "ALTER TABLE {t} RENAME COLUMN s TO label",
        "DELETE FROM {t} WHERE id = 3",
        "DELETE FROM {t} WHERE label = '5'",
    ],
}


@pytest.mark.parametrize("steps", DELTA_STEPS)
def test_delta_of_which_rows_and_columns_were_changed(
    session: Any, spark_engine: SparkEngine, tmp_path: Path, steps: str
) -> None:
    place, name = tmp_path / "t \u00e9", f"default.t{abs(hash(tmp_path))}"
    for statement in DELTA_STEPS[steps]:
        session.sql(statement.format(t=name, place=place))
    frame = session.table(name)
    version = session.sql(f"DESCRIBE HISTORY {name}").first()["version"]
    relation = DeltaRelation(NAME, columns_of(frame), str(place), version)
    expected = plain(frame.toArrow())
    assert expected
    assert on(spark_engine, relation) == expected
    assert on(None, relation) == expected


ICEBERG_STEPS = {
    "position deletes": [
        (
            "CREATE TABLE {t} (id BIGINT, s STRING, k STRING) USING iceberg PARTITIONED BY (k) "
            "TBLPROPERTIES ('format-version' = '2', 'write.delete.mode' = 'merge-on-read', "
            "'write.update.mode' = 'merge-on-read')"
        ),
        (
            "INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, CAST(id AS string), "
            "IF(id < 50, 'a', 'b') FROM range(100) ORDER BY id"
        ),
        "DELETE FROM {t} WHERE id % 7 = 0",
        "UPDATE {t} SET s = 'new' WHERE id IN (1, 99)",
    ],
    "version 3, deletion vectors": [
        (
            "CREATE TABLE {t} (id BIGINT, s STRING) USING iceberg TBLPROPERTIES ("
            "'format-version' = '3', 'write.delete.mode' = 'merge-on-read', "
            "'write.update.mode' = 'merge-on-read')"
        ),
        "INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, CAST(id AS string) FROM range(100)",
        "DELETE FROM {t} WHERE id % 7 = 0",
        "ALTER TABLE {t} RENAME COLUMN s TO label",
        "UPDATE {t} SET label = 'new' WHERE id IN (1, 99)",
        "DELETE FROM {t} WHERE id = 2",
    ],
}


@pytest.fixture
def iceberg(session: Any, tmp_path: Path) -> str:
    """The name of a catalog whose tables lie in a directory of the test's own."""
    name = f"c{abs(hash(tmp_path))}"
    session.conf.set(f"spark.sql.catalog.{name}", "org.apache.iceberg.spark.SparkCatalog")
    session.conf.set(f"spark.sql.catalog.{name}.type", "hadoop")
    session.conf.set(f"spark.sql.catalog.{name}.warehouse", str(tmp_path / "wh"))
    return name


def newest(session: Any, iceberg: str, tmp_path: Path) -> IcebergRelation:
    """Return the table `db.t` of a catalog at its current snapshot."""
    metadata = max(
        (tmp_path / "wh/db/t/metadata").glob("v*.metadata.json"),
        key=lambda p: int(p.name.partition(".")[0][1:]),
    )
    snapshots = session.sql(f"SELECT snapshot_id FROM {iceberg}.db.t.snapshots "
                            "ORDER BY committed_at DESC")  # fmt: skip
    columns = columns_of(session.table(f"{iceberg}.db.t"))
    return IcebergRelation(NAME, columns, f"file://{metadata}", snapshots.first()["snapshot_id"])


@pytest.mark.parametrize("steps", ICEBERG_STEPS)
def test_iceberg_of_which_rows_were_deleted(
    session: Any, spark_engine: SparkEngine, tmp_path: Path, iceberg: str, steps: str
) -> None:
    for statement in ICEBERG_STEPS[steps]:
        session.sql(statement.format(t=f"{iceberg}.db.t"))
    expected = plain(session.table(f"{iceberg}.db.t").toArrow())
    deletes = session.sql(f"SELECT content FROM {iceberg}.db.t.delete_files").collect()
    assert {row["content"] for row in deletes} == {1}
    relation = newest(session, iceberg, tmp_path)
    assert on(spark_engine, relation) == expected
    assert on(None, relation) == expected


@pytest.mark.parametrize("version", [2, 3])
def test_iceberg_of_which_rows_were_deleted_by_their_values(
    session: Any, spark_engine: SparkEngine, tmp_path: Path, iceberg: str, version: int
) -> None:
    """As Flink deletes: Spark writes no such files itself, so its Iceberg is asked to."""
    name = f"{iceberg}.db.t"
    session.sql(f"CREATE TABLE {name} (id BIGINT, s STRING) USING iceberg TBLPROPERTIES "
                f"('format-version' = '{version}')")  # fmt: skip
    session.sql(f"INSERT INTO {name} SELECT id, CAST(id AS string) FROM range(10)")
    jvm, gateway = session._jvm, session.sparkContext._gateway
    loaded = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(session._jsparkSession, name)
    key = loaded.schema().select(jvm.java.util.List.of("s"))
    ids = gateway.new_array(jvm.int, 1)
    ids[0] = loaded.schema().findField("s").fieldId()
    place = loaded.io().newOutputFile(f"{loaded.location()}/data/equal.parquet")
    plain = jvm.org.apache.iceberg.encryption.EncryptedFiles.plainAsEncryptedOutput(place)
    builder = getattr(jvm.org.apache.iceberg.data, "GenericFileWriterFactory$Builder")(loaded)
    builder.deleteFileFormat(jvm.org.apache.iceberg.FileFormat.PARQUET)
    factory = builder.equalityFieldIds(ids).equalityDeleteRowSchema(key).build()
    writer = factory.newEqualityDeleteWriter(plain, loaded.spec(), None)
    for value in ("3", "7"):
        record = jvm.org.apache.iceberg.data.GenericRecord.create(key)
        record.setField("s", value)
        writer.write(record)
    writer.close()
    loaded.newRowDelta().addDeletes(writer.toDeleteFile()).commit()
    session.sql(f"REFRESH TABLE {name}")
    deletes = session.sql(f"SELECT content FROM {name}.delete_files").collect()
    assert [row["content"] for row in deletes] == [2]
    relation = newest(session, iceberg, tmp_path)
    left = [{"id": n, "s": str(n)} for n in range(10) if n not in (3, 7)]
    assert on(spark_engine, relation) == left
    with pytest.raises(HeadwaterError, match="has equality deletes") as caught:
        on(None, relation)
    assert "spark" in (caught.value.hint or "")
