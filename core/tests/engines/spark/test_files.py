from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.test_wrong_formats import of_format
from core.tests.engines.spark.plans import columns, files, physical, plan, rows, table

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.errors import DataChangedError, EngineError, UnsupportedError
from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import TableName
from headwater.types.text import parse_type


@pytest.fixture(params=["table", "reader"])
def way(
    request: pytest.FixtureRequest, engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Both ways of opening files: an in-memory catalog's, and a persistent metastore's."""
    opened = replace(engine.opened(), persistent=request.param == "reader")
    monkeypatch.setattr(engine, "_opened", opened)
    return str(request.param)


def write(path: Path, **data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(data), path)
    return path


def test_partition_values_become_typed_columns_in_their_place(
    engine: SparkEngine, lake: Path, way: str
) -> None:
    declared = columns(id="bigint", day="date", hour="int", name="string")
    relation = files(
        {
            ("2026-01-01", "03", "a/b=c'\\"): [write(lake / "x" / "1 %41.parquet", id=[1])],
            ("2026-01-02", "4", None): [write(lake / "y" / "é+.parquet", id=[2])],
            ("2026-01-02", "4", ""): [write(lake / "z" / "3.parquet", id=[3])],
        },
        declared,
        ("day", "hour", "name"),
    )
    assert rows(engine, "SELECT * FROM `hw`.`t0` AS t ORDER BY id", relation) == [
        {"id": 1, "day": date(2026, 1, 1), "hour": 3, "name": "a/b=c'\\"},
        {"id": 2, "day": date(2026, 1, 2), "hour": 4, "name": None},
        {"id": 3, "day": date(2026, 1, 2), "hour": 4, "name": ""},
    ]


def test_only_planned_files_are_read(engine: SparkEngine, lake: Path, way: str) -> None:
    planned = write(lake / "d=1" / "a.parquet", id=[1])
    relation = files({("1",): [planned]}, columns(id="bigint", d="int"), ("d",))
    write(lake / "d=1" / "late.parquet", id=[2])
    write(lake / "d=1" / "sub" / "deep.parquet", id=[3])
    write(lake / "d=1" / "_hidden.parquet", id=[4])
    assert rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation) == [{"id": 1, "d": 1}]


def test_a_planned_file_that_spark_hides_is_an_error(engine: SparkEngine, lake: Path) -> None:
    relation = files([write(lake / "_odd.parquet", id=[1])], columns(id="bigint"))
    with pytest.raises(UnsupportedError, match=r"hides .*_odd\.parquet"):
        rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)


def test_files_in_subdirectories_of_a_partition_are_read(
    engine: SparkEngine, lake: Path, way: str
) -> None:
    paths = [write(lake / "d" / "a.parquet", id=[1]), write(lake / "d" / "s" / "b.parquet", id=[2])]
    relation = files({("1",): paths}, columns(id="bigint", d="int"), ("d",))
    assert {r["id"] for r in rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)} == {1, 2}


def test_a_file_of_another_length_is_an_error(engine: SparkEngine, lake: Path, way: str) -> None:
    path = write(lake / "d=1" / "a.parquet", id=[1])
    relation = files({("1",): [path]}, columns(id="bigint", d="int"), ("d",))
    write(path, id=[1, 2, 3], more=["x", "y", "z"])
    with pytest.raises(DataChangedError, match=r"a\.parquet had \d+ bytes .* has \d+ now"):
        rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)


def test_a_changed_file_is_noticed_even_when_it_has_no_rows_to_give(
    engine: SparkEngine, lake: Path, way: str
) -> None:
    path = write(lake / "d=1" / "a.parquet", id=[1])
    relation = files({("1",): [path]}, columns(id="bigint", d="int"), ("d",))
    write(path, id=pa.array([], pa.int64()))
    with pytest.raises(DataChangedError, match="one of 1 files has another length"):
        rows(engine, "SELECT * FROM `hw`.`t0` AS t WHERE id > 10", relation)


def test_a_missing_file_is_an_error(engine: SparkEngine, lake: Path, way: str) -> None:
    paths = [write(lake / "d=1" / f"{n}.parquet", id=[1]) for n in "ab"]
    relation = files({("1",): paths}, columns(id="bigint", d="int"), ("d",))
    paths[0].unlink()
    with pytest.raises(DataChangedError, match=r"a\.parquet.* gone"):
        rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)


def test_partitions_with_columns_and_formats_of_their_own(
    engine: SparkEngine, lake: Path, way: str
) -> None:
    new = write(lake / "d=2" / "a.parquet", id=pa.array([2], pa.int64()), v=["1.50"])
    old = lake / "d=1" / "a.csv"
    old.parent.mkdir()
    old.write_text("1;9\n")
    declared = columns(id="bigint", v="decimal(10,2)", extra="string", d="int")
    own = FilePartition(("2",), columns=columns(id="bigint", v="string"))
    csv = FilePartition(
        ("1",), columns=columns(v="int", id="int"), format="csv", options={"sep": ";"}
    )
    relation = files({("2",): [new], ("1",): [old]}, declared, ("d",), partitions=(own, csv))
    assert rows(engine, "SELECT * FROM `hw`.`t0` AS t ORDER BY d", relation) == [
        {"id": 9, "v": Decimal("1.00"), "extra": None, "d": 1},
        {"id": 2, "v": Decimal("1.50"), "extra": None, "d": 2},
    ]


def test_csv_options_and_nested_json(engine: SparkEngine, lake: Path, way: str) -> None:
    text = lake / "a.csv"
    text.write_text("id|name\n1|'x|y'\n2|\\N\n", encoding="utf-8")
    options = {"sep": "|", "header": "true", "quote": "'", "nullValue": "\\N"}
    csv = files([text], columns(id="int", name="string"), format="csv", options=options)
    lines = lake / "b.json"
    lines.write_text(json.dumps({"id": 1, "at": {"x": [1.5, None]}}) + "\n")
    declared = columns(id="int", at="struct<x:array<double>>")
    found = rows(
        engine,
        "SELECT c.id, c.name, j.at FROM `hw`.`t0` AS c LEFT JOIN `hw`.`t1` AS j USING (id)",
        csv,
        files([lines], declared, format="json"),
    )
    assert found == [
        {"id": 1, "name": "x|y", "at": {"x": [1.5, None]}},
        {"id": 2, "name": None, "at": None},
    ]


def test_orc_and_char_columns(engine: SparkEngine, lake: Path, way: str) -> None:
    path = lake / "d" / "a.orc"
    path.parent.mkdir()
    pa.orc.write_table(pa.table({"code": ["a", "abc"], "word": ["b", "c"]}), path)
    declared = columns(code="char(3)", word="varchar(5)", d="char(2)")
    relation = files({("1",): [path]}, declared, ("d",), format="orc")
    found = table(engine, "SELECT * FROM `hw`.`t0` AS t WHERE d = '1 '", relation)
    assert found.schema.types == [pa.string()] * 3
    assert found.to_pylist() == [
        {"code": "a  ", "word": "b", "d": "1 "},
        {"code": "abc", "word": "c", "d": "1 "},
    ]


def test_conditions_on_keys_choose_directories(engine: SparkEngine, lake: Path) -> None:
    parts: dict[tuple[str | None, ...], list[Path]] = {
        (str(n),): [write(lake / str(n) / "a.parquet", id=[n])] for n in range(3)
    }
    relation = files(parts, columns(id="bigint", d="int"), ("d",))
    text = physical(engine, "SELECT id FROM `hw`.`t0` AS t WHERE d = 2", relation)
    assert "PartitionFilters: [isnotnull(d" in text
    assert "Location: InMemoryFileIndex [" in text
    assert "... 2 entries" not in text


def test_a_table_without_files_has_its_columns_and_no_rows(engine: SparkEngine) -> None:
    relation = files([], columns(id="bigint", code="char(3)", at="timestamp"))
    found = table(engine, "SELECT * FROM `hw`.`t0` AS t", relation)
    assert found.schema.types == [pa.int64(), pa.string(), pa.timestamp("us", "UTC")]
    assert found.num_rows == 0


def test_one_relation_twice_and_two_relations(engine: SparkEngine, lake: Path) -> None:
    one = files(
        {("1",): [write(lake / "a.parquet", id=[1])]}, columns(id="bigint", d="int"), ("d",)
    )
    two = files([write(lake / "b" / "b.parquet", id=[1])], columns(id="bigint"))
    sql = (
        "SELECT a.id, a.d + c.d AS d FROM `hw`.`t0` AS a "
        "JOIN `hw`.`t1` AS b ON a.id = b.id JOIN `hw`.`t2` AS c ON a.id = c.id"
    )
    assert rows(engine, sql, one, two, one) == [{"id": 1, "d": 2}]


def test_what_spark_can_not_read_is_refused(engine: SparkEngine, lake: Path) -> None:
    path = write(lake / "a.parquet", id=[1])
    with pytest.raises(UnsupportedError, match="made of ion files"):
        rows(engine, "SELECT * FROM hw.t0", files([path], columns(id="bigint"), format="ion"))
    with pytest.raises(UnsupportedError, match="column '_metadata'"):
        rows(engine, "SELECT * FROM hw.t0", files([path], columns(_metadata="bigint")))


def test_a_value_that_is_no_key_names_the_table(engine: SparkEngine, lake: Path, way: str) -> None:
    path = write(lake / "a.parquet", id=[1])
    relation = files({("x",): [path]}, columns(id="bigint", d="int"), ("d",))
    with pytest.raises(EngineError, match="CAST_INVALID_INPUT"):
        rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)


def test_a_column_that_the_files_hold_otherwise_names_the_file(
    engine: SparkEngine, lake: Path
) -> None:
    relation = files([write(lake / "a.parquet", id=["x"])], columns(id="bigint"))
    told = r"a\.parquet of table test\.files, column 'id': the file holds BINARY, .* bigint"
    with pytest.raises(EngineError, match=told) as caught:
        rows(engine, "SELECT * FROM `hw`.`t0` AS t", relation)
    assert caught.value.code == "parquet-type-conflict"


@pytest.mark.parametrize(
    ("held", "name"), [("orc", "parquet"), ("json", "parquet"), ("json", "orc")]
)
def test_a_file_of_another_format_is_told_with_the_tables(
    engine: SparkEngine, lake: Path, held: str, name: str
) -> None:
    lake.mkdir(exist_ok=True)
    relation = files([of_format(lake, held)], columns(n="int"), format=name)
    told = rf"(?i){held}-0 of table test\.files can't be read as {name}, which"
    with pytest.raises(EngineError, match=told) as caught:
        rows(engine, "SELECT n FROM `hw`.`t0` AS t", relation)
    assert caught.value.code == "wrong-format"


def test_many_partitions_are_added_in_bulk_even_at_one_place(
    engine: SparkEngine, lake: Path, way: str
) -> None:
    path = write(lake / "a.parquet", id=[1])
    count = 2500
    relation = FileRelation(
        TableName("test", "many"),
        columns(id="bigint", n="int"),
        ("n",),
        partitions=tuple(FilePartition((str(n),)) for n in range(count)),
        files=tuple(DataFile(str(path), path.stat().st_size, n) for n in range(count)),
    )
    sql = "SELECT count(*) AS n, sum(n) AS s FROM `hw`.`t0` AS t WHERE n < 10"
    with engine.read(plan(sql, relation), Access()) as stream:
        assert [b.to_pylist() for b in stream] == [[{"n": 10, "s": 45}]]


@pytest.mark.parametrize("kind", ["json", "hive-json", "csv", "hive-text", "parquet"])
def test_a_partitions_unreadable_column_is_refused_where_it_is_used(
    engine: SparkEngine, lake: Path, kind: str
) -> None:
    """It gave NULLs without a word, where the table declares a type that is read."""
    path = lake / f"d=1.{kind}"
    if kind == "parquet":
        write(path, id=[1], v=[2])
    else:
        separator = "," if kind == "csv" else "\x01"
        path.write_text(
            '{"id": 1, "v": 2}\n' if kind.endswith("json") else f"1{separator}2\n", encoding="utf-8"
        )
    declared = columns(id="bigint", v="int")
    odd = replace(declared[1], type=parse_type("uniontype<int,string>"))
    relation = FileRelation(
        TableName("db", "t"),
        (*declared, *columns(d="int")),
        format=kind,
        partition_columns=("d",),
        partitions=(FilePartition(("1",), columns=(declared[0], odd)),),
        files=(DataFile(str(path), path.stat().st_size),),
    )
    assert rows(engine, "SELECT id, d FROM `hw`.`t0` AS t", relation) == [{"id": 1, "d": 1}]
    with pytest.raises(
        EngineError, match=r"column 'v': a partition declares .*uniontype"
    ) as caught:
        rows(engine, "SELECT id, v FROM `hw`.`t0` AS t", relation)
    assert "in the partition as in the table" in str(caught.value.hint)
