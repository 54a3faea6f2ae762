"""Whatever changes under a table: a typed error, a verdict, or the rows as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from plugins.glue.tests.registered import (
    iceberg_catalog,
    register_delta,
    register_iceberg,
    write_delta,
)

from headwater.errors import DataChangedError, EngineError, HeadwaterError
from headwater.reading.dataset import Dataset
from headwater.workspace.workspace import Workspace
from headwater_glue.testing import GlueLake

COLUMNS = {"id": "string", "n": "int"}
ROWS = pa.table({"id": ["a", "b"], "n": pa.array([1, 2], pa.int32())})
OTHERS = pa.table({"id": ["a", "b"], "n": pa.array([1, 9], pa.int32())})


@pytest.fixture
def planned(lake: GlueLake) -> tuple[GlueLake, Dataset]:
    """A table of two partitions, and a read of it that was planned and not begun."""
    lake.table("t", COLUMNS, keys={"dt": "string"})
    for day in ("1", "2"):
        lake.partition("t", [day])
        lake.write(f"t/dt={day}/0.parquet", ROWS)
    with Workspace() as workspace:
        return lake, workspace.sql("SELECT id, n, dt FROM t", source=lake.source(table="t"))


def test_unchanged(planned: tuple[GlueLake, Dataset]) -> None:
    assert planned[1].to_arrow().num_rows == 4


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda lake: lake.write("t/dt=2/0.parquet", ROWS.slice(0, 1)), DataChangedError),
        (lambda lake: lake.write("t/dt=2/0.parquet", OTHERS), DataChangedError),
        (lambda lake: lake.write("t/dt=2/0.parquet", b"PAR1 no footer PAR1"), HeadwaterError),
        (
            lambda lake: lake.s3.delete_object(Bucket="lake", Key="t/dt=2/0.parquet"),
            HeadwaterError,
        ),
    ],
    ids=["rewritten", "rewritten in the same length", "corrupted", "deleted"],
)
def test_a_file_that_changed_since_the_plan_is_an_error(
    planned: tuple[GlueLake, Dataset],
    change: Callable[[GlueLake], object],
    error: type[HeadwaterError],
) -> None:
    lake, data = planned
    change(lake)
    with pytest.raises(error, match=r"t/dt=2/0\.parquet"):
        data.to_arrow()


def test_what_was_planned_is_read_although_its_table_is_gone(
    planned: tuple[GlueLake, Dataset],
) -> None:
    lake, data = planned
    lake.write("t/dt=1/1.parquet", ROWS)
    lake.glue.delete_table(DatabaseName="ml", Name="t")
    assert data.to_arrow().num_rows == 4


@pytest.mark.parametrize(
    ("serde", "before", "after"),
    [
        ("lazy-simple", "a\x011\n", "a\x019\n"),
        ("open-csv", "a,1\n", "a,9\n"),
        ("openx-json", '{"id":"a","n":1}\n', '{"id":"a","n":9}\n'),
    ],
)
def test_a_text_file_of_the_same_length_is_not_the_same_file(
    lake: GlueLake, serde: str, before: str, after: str
) -> None:
    lake.table("t", COLUMNS, serde=serde)
    lake.write("t/0.txt", before)
    with Workspace() as workspace:
        data = workspace.sql("SELECT * FROM t", source=lake.source(table="t"))
        assert data.to_arrow().num_rows == 1
        lake.write("t/0.txt", after)
        with pytest.raises(DataChangedError, match=r"t/0\.txt was overwritten since"):
            data.to_arrow()


def test_files_of_the_same_bytes_are_the_same_files(planned: tuple[GlueLake, Dataset]) -> None:
    lake, data = planned
    lake.write("t/dt=2/0.parquet", ROWS)
    assert data.to_arrow().num_rows == 4


def test_a_table_that_is_one_hidden_object_is_confirmed_too(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, location=lake.uri("t/_one.parquet"))
    lake.write("t/_one.parquet", ROWS)
    with Workspace() as workspace:
        data = workspace.sql("SELECT * FROM t", source=lake.source(table="t"))
        assert data.to_arrow().num_rows == 2
        lake.s3.delete_object(Bucket="lake", Key="t/_one.parquet")
        with pytest.raises(DataChangedError, match=r"t/_one\.parquet is gone since"):
            data.to_arrow()


def test_a_delta_file_that_was_vacuumed_is_an_error(lake: GlueLake) -> None:
    register_delta(lake, "t", write_delta(lake, "t", ROWS))
    with Workspace() as workspace:
        data = workspace.sql("SELECT * FROM t", source=lake.source(table="t"))
        for item in lake.s3.list_objects_v2(Bucket="lake", Prefix="delta/t/")["Contents"]:
            if "_delta_log" not in item["Key"]:
                lake.s3.delete_object(Bucket="lake", Key=item["Key"])
        with pytest.raises(HeadwaterError, match=r"ml\.t"):
            data.to_arrow()


def test_what_was_planned_of_a_delta_table_is_read_whatever_is_written_since(
    lake: GlueLake,
) -> None:
    register_delta(lake, "t", write_delta(lake, "t", ROWS))
    with Workspace() as workspace:
        source = lake.source(table="t")
        data = workspace.sql("SELECT id, n FROM t", source=source)
        write_delta(lake, "t", OTHERS, mode="overwrite")
        assert data.to_arrow().to_pydict() == ROWS.to_pydict()
        again = workspace.sql("SELECT id, n FROM t", source=source)
        assert again.to_arrow().to_pydict() == OTHERS.to_pydict()


def test_what_was_planned_of_an_iceberg_table_is_read_whatever_is_written_since(
    lake: GlueLake, tmp_path: Path
) -> None:
    catalog = iceberg_catalog(lake, tmp_path)
    table = catalog.create_table("db.t", schema=ROWS.schema)
    table.append(ROWS)
    register_iceberg(lake, "t", table)
    with Workspace() as workspace:
        data = workspace.sql("SELECT id, n FROM t", source=lake.source(table="t"))
        table.delete("id = 'b'")
        assert sorted(data.to_arrow()["id"].to_pylist()) == ["a", "b"]
        for item in lake.s3.list_objects_v2(Bucket="lake", Prefix="iceberg/")["Contents"]:
            if item["Key"].endswith(".parquet"):
                lake.s3.delete_object(Bucket="lake", Key=item["Key"])
        with pytest.raises(HeadwaterError, match=r"ml\.t"):
            data.to_arrow()


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([2**40, 1], pa.int64()), "the file holds bigint, the table declares int"),
        (pa.array(["x", "y"]), "the file holds varchar, the table declares int"),
    ],
)
def test_a_type_that_is_not_the_tables_is_an_error(
    lake: GlueLake, column: pa.Array, says: str
) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.set_column(1, "n", column))
    with Workspace() as workspace, pytest.raises(EngineError, match=says):
        workspace.sql("SELECT * FROM t", source=lake.source(table="t")).to_arrow()


@pytest.mark.parametrize(
    ("own", "written", "becomes"),
    [
        ("double", pa.array([2.5, -3.7]), [2, -3]),
        ("string", pa.array(["12", "-7"]), [12, -7]),
        ("bigint", pa.array([1, 2], pa.int64()), [1, 2]),
        ("boolean", pa.array([True, False]), [1, 0]),
    ],
)
def test_a_partition_of_another_type_is_cast_as_spark_casts(
    lake: GlueLake, own: str, written: pa.Array, becomes: list[int]
) -> None:
    evolved(lake, own, written)
    assert column(lake, "n") == becomes


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ("string", pa.array(["12", "3.9"])),
        ("bigint", pa.array([1, 2**40], pa.int64())),
        ("double", pa.array([1.0, float("nan")])),
    ],
)
def test_a_partition_whose_values_are_none_of_the_tables_is_an_error(
    lake: GlueLake, own: str, written: pa.Array
) -> None:
    evolved(lake, own, written)
    with pytest.raises(HeadwaterError):
        column(lake, "n")


def evolved(lake: GlueLake, own: str, written: pa.Array) -> None:
    lake.table("t", COLUMNS, keys={"dt": "string"})
    lake.partition("t", ["1"], columns={"id": "string", "n": own})
    lake.write("t/dt=1/0.parquet", ROWS.set_column(1, "n", written))


def column(lake: GlueLake, name: str) -> list[object]:
    with Workspace() as workspace:
        found = workspace.sql("SELECT * FROM t", source=lake.source(table="t")).to_arrow()
    return found[name].to_pylist()


def test_a_column_that_a_file_has_not_is_null_as_in_spark_and_told(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.rename_columns(["id", "renamed"]))
    with Workspace() as workspace:
        data = workspace.sql("SELECT id, n FROM t", source=lake.source(table="t"))
        assert data.to_arrow()["n"].null_count == 2
    [note] = data.stats.notes
    assert note.code == "missing-column"
    assert note.message.startswith("ml.t: none of its files has the column 'n'")
    assert "that the table does not declare: renamed" in (note.hint or "")


def test_columns_that_are_not_used_or_came_later_are_not_missed(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.drop(["n"]))
    lake.write("t/1.parquet", ROWS)
    with Workspace() as workspace:
        data = workspace.sql("SELECT * FROM t", source=lake.source(table="t"))
        assert data.to_arrow()["n"].null_count == 2
    assert data.stats.notes == ()


def test_a_partition_without_files_is_told(planned: tuple[GlueLake, Dataset]) -> None:
    lake, _ = planned
    lake.partition("t", ["3"])
    with Workspace() as workspace:
        data = workspace.sql("SELECT id, dt FROM t", source=lake.source(table="t"))
        assert data.to_arrow().num_rows == 4
    [note] = data.stats.notes
    assert note.code == "partitions-empty"
    assert "1 of 3 partitions have no files (dt=3)" in note.message


def test_a_joined_table_without_files_is_told(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS)
    lake.table("u", COLUMNS)
    with Workspace() as workspace:
        sql = "SELECT t.id, u.n FROM t LEFT JOIN u ON t.id = u.id"
        data = workspace.sql(sql, source=lake.source(table="t"))
        assert data.to_arrow()["n"].null_count == 2
    assert [n.code for n in data.stats.notes] == ["no-files"]


@pytest.mark.parametrize("descriptor", [{}, {"StorageDescriptor": {}}])
def test_a_partition_without_a_location_is_an_error(
    planned: tuple[GlueLake, Dataset], descriptor: dict[str, object]
) -> None:
    lake, _ = planned
    told = {"Values": ["4"], **descriptor}
    lake.glue.create_partition(DatabaseName="ml", TableName="t", PartitionInput=told)
    with pytest.raises(HeadwaterError, match="its partition dt=4 is registered without a location"):
        column(lake, "id")


def test_neighbours_whose_names_begin_alike_are_other_tables(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, location=lake.uri("t"))
    for place in ("t", "t2", "t_old"):
        lake.write(f"{place}/0.parquet", ROWS)
    assert column(lake, "id") == ["a", "b"]


def test_a_key_that_the_files_hold_too_comes_from_the_partition(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, keys={"dt": "string"})
    lake.partition("t", ["1"])
    lake.write("t/dt=1/0.parquet", ROWS.append_column("dt", [["x", "y"]]))
    assert column(lake, "dt") == ["1", "1"]


def test_names_in_any_case(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.rename_columns(["ID", "N"]))
    assert column(lake, "n") == [1, 2]
    lake.write("t/1.parquet", ROWS.append_column("N", ROWS["n"]))
    with pytest.raises(EngineError, match=r"several columns of that name \(n, N\)"):
        column(lake, "n")


KEYS = ["a=b", "a b", "%41", "\u00fc", "a+b", "a&b", "x/y", "q?z", "[1]", "*", "a'b", 'a"b', "#"]


def test_keys_of_any_characters(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, keys={"dt": "string"})
    for key in KEYS:
        lake.write(lake.partition("t", [key]).removeprefix("s3://lake/") + "0.parquet", ROWS[:1])
    assert sorted(map(str, column(lake, "dt"))) == sorted(KEYS)


def test_spellings_of_one_number_are_two_partitions(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, keys={"dt": "int"})
    for key in ("3", "03"):
        lake.write(lake.partition("t", [key]).removeprefix("s3://lake/") + "0.parquet", ROWS[:1])
    assert column(lake, "dt") == [3, 3]
