"""Files: which Parquet types stand for which columns, and what CSV and JSON mean; as in Spark."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.differential import engines
from tests.differential.comparison import difference

from headwater.errors import EngineError, HeadwaterError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column, TableName
from headwater.types.text import parse_type

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.spark]

UTC = dt.UTC
MOMENTS = [
    dt.datetime(2024, 3, 10, 1, 2, 3, 456000, tzinfo=UTC),
    dt.datetime(1900, 1, 1, tzinfo=UTC),
]
HELD: dict[str, pa.Array] = {
    "bool": pa.array([True, False, None]),
    **{
        f"int{bits}": pa.array([1, -1, None], getattr(pa, f"int{bits}")())
        for bits in (8, 16, 32, 64)
    },
    **{
        f"uint{bits}": pa.array([1, 2**bits - 1, None], getattr(pa, f"uint{bits}")())
        for bits in (8, 16, 32, 64)
    },
    "float": pa.array([1.5, float("nan"), -0.0, None], pa.float32()),
    "double": pa.array([1.5, float("nan"), -0.0, None]),
    "decimal9": pa.array([Decimal("1.25"), Decimal("-9999999.99"), None], pa.decimal128(9, 2)),
    "decimal18": pa.array([Decimal("1.2500"), None], pa.decimal128(18, 4)),
    "decimal38": pa.array([Decimal("1.25"), None], pa.decimal128(38, 10)),
    "string": pa.array(["a", "1", None]),
    "binary": pa.array([b"a", b"b", None]),
    "fixed": pa.array([b"a", b"b", None], pa.binary(1)),
    "date": pa.array([dt.date(2024, 1, 31), dt.date(1500, 1, 1), None]),
    **{
        f"timestamp_{unit}{'_utc' if zone else ''}": pa.array(
            [m.replace(microsecond=0) if unit == "s" else m for m in MOMENTS],
            pa.timestamp(unit, zone),
        )
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC")
    },
    "dictionary": pa.array(["a", "b", "a", None]).dictionary_encode(),
    "list_int": pa.array([[1, None], [], None], pa.list_(pa.int32())),
    "struct": pa.array(
        [{"A": 1, "b": "x"}, None], pa.struct([("A", pa.int32()), ("b", pa.string())])
    ),
    "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
}
DECLARED = ["boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,0)",
            "decimal(10,2)", "decimal(12,4)", "decimal(20,0)", "decimal(38,10)", "string", "binary",
            "date", "timestamp", "timestamp_ntz", "array<int>", "array<bigint>",
            "struct<a:int,b:string>", "struct<a:bigint>", "struct<b:string,z:int>",
            "map<string,int>", "map<string,bigint>"]  # fmt: skip

# Spark reads these and gives other values than the file holds, or raw days and bytes; refused here.
NOT_MEANT = {
    ("uint32", "double"), ("uint8", "tinyint"), ("uint16", "tinyint"), ("uint16", "smallint"),
    *((h, d) for h in ("decimal9", "decimal18", "decimal38") for d in ("tinyint", "smallint",
      "int", "bigint", "double", "binary")),
    *((h, "date") for h in ("int8", "int16", "int32", "uint8", "uint16", "uint32")),
    *(("date", d) for d in ("tinyint", "smallint", "int", "bigint", "double")),
    *((h, "bigint") for h in HELD if h.startswith("timestamp")),
    *(("uint32", d) for d in ("tinyint", "smallint", "int")), ("uint64", "bigint"),
}  # fmt: skip
IN_MICROSECONDS = {"timestamp_ns": "timestamp_us", "timestamp_ns_utc": "timestamp_us_utc"}
"""Spark's own reader takes no nanoseconds; headwater's engines do, as the microseconds they are."""


def relation(path: Path, format: str, types: dict[str, str], **options: str) -> FileRelation:
    columns = tuple(Column(n, parse_type(x)) for n, x in types.items())
    files = (DataFile(str(path), path.stat().st_size),)
    return FileRelation(TableName("db", "t"), columns, format=format, options=options, files=files)


def on_spark(table: FileRelation, spark: SparkSession) -> pa.Table | str:
    schema = ", ".join(f"`{c.name}` {c.type}" for c in table.columns)
    reader = spark.read.format(table.format).schema(schema).options(**table.options)
    try:
        with engines.told():
            return reader.load(table.files[0].path).toArrow()
    except engines.SparkError as error:
        return str(error)


def on_embedded(table: FileRelation) -> pa.Table | HeadwaterError:
    try:
        return engines.on_embedded("SELECT * FROM t", {"t": table})
    except HeadwaterError as error:
        return error


@pytest.fixture(scope="module")
def held_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of one column, `c`, for each type that one can hold."""
    folder, paths = tmp_path_factory.mktemp("held"), {}
    for held, array in HELD.items():
        paths[held] = folder / f"{held}.parquet"
        pq.write_table(pa.table({"c": array}), paths[held])
    return paths


def passing_over(paths: dict[str, Path], declared: str, spark: SparkSession) -> dict[str, pa.Table]:
    """Return what Spark reads of each file, in one query that passes over what it does not read."""
    reader = spark.read.schema(f"c {declared}").option("ignoreCorruptFiles", "true")
    frame = reader.parquet(*map(str, paths.values())).selectExpr("c", "_metadata.file_name AS f")
    try:
        with engines.told():
            rows = frame.toArrow()
    except engines.SparkError:
        return {}
    found = {
        held: rows.filter(pc.equal(rows["f"], pa.scalar(path.name))).select(["c"])
        for held, path in paths.items()
    }
    return {held: part for held, part in found.items() if part.num_rows == len(HELD[held])}


def differs(
    held: str, declared: str, reference: pa.Table | str, answer: pa.Table | HeadwaterError
) -> str | None:
    reads = not isinstance(reference, str) and (held, declared) not in NOT_MEANT
    if isinstance(answer, HeadwaterError):
        return f"Spark reads it; {answer.message}" if reads else None
    if isinstance(reference, str):
        return "Spark does not read it"
    return difference(reference, answer)


@pytest.mark.parametrize("declared", DECLARED)
def test_a_parquet_type_is_read_where_spark_reads_it(
    declared: str, held_files: dict[str, Path], spark: SparkSession
) -> None:
    wrong = []
    together = passing_over(held_files, declared, spark)
    for held, path in held_files.items():
        answer = on_embedded(relation(path, "parquet", {"c": declared}))
        asked = IN_MICROSECONDS.get(held, held)
        found = differs(held, declared, together.get(asked, "passed over"), answer)
        if found is not None:  # it is asked alone, too
            alone = on_spark(relation(held_files[asked], "parquet", {"c": declared}), spark)
            found = differs(held, declared, alone, answer)
        if found is not None:
            wrong.append(f"{held} as {declared}: {found}")
    assert not wrong


CSV = {
    "plain": "a,b\nc,d\n",
    "empty values": 'a,\n,b\n,\n\n   \nx\n"",y\n"",""\n',
    "quotes": '"a,b",c\n" j",k\n',
    "escaped": '"g\\"h",i\n',
    "doubled": '"d""e",f\n',
    "no last newline": "a,b",
    "carriage returns": "a,b\r\nc,d\r\n",
    "unicode": "é,日本\n😀,x\n",
    "backslashes": "a\\b,c\\\nx,y\n",
    "a quote in the middle": 'a"b,c\n',
    "spaces": " a , b \n",
    "too many": "a,b,c\n",
}
OPTIONS: list[dict[str, str]] = [
    {},
    {"escape": '"'},
    {"header": "true", "nullValue": "\\N"},
    {"sep": ";", "emptyValue": "e"},
]
VALUES = {
    "int": ["1", "-2", "abc", "99999999999", "1.5", " 3", "+4", "x1", "007"],
    "bigint": ["9223372036854775807", "9223372036854775808", "q"],
    "double": ["1", "1.5", "-.5", "1e3", "NaN", "abc", "Inf", "nan", "null", "1d", "N/A", "-"],
    "float": ["1.1", "x", "3.4e38"],
    "boolean": ["true", "FALSE", "abc", "1", "t", "null"],
    "decimal(10,2)": ["1", "1.255", "-3.335", "abc", "12345678901", "1e3"],
    "date": ["2024-01-31", "2024-02-30", "abc", "2024-1-1", "31/12/2024"],
    "timestamp": ["2024-01-31 10:11:12", "2024-01-31 10:11:12.123456", "abc", "2024-01-31"],
}


def agree(table: FileRelation, spark: SparkSession) -> None:
    """Fail unless both give the same, or the embedded engine raises for want of a promise."""
    reference, answer = on_spark(table, spark), on_embedded(table)
    if isinstance(answer, HeadwaterError):
        assert isinstance(answer, EngineError)
        assert answer.code == "not-portable-value"
        return
    assert not isinstance(reference, str), reference
    assert difference(reference, answer) is None


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", CSV)
def test_csv_means_what_it_means_in_spark(
    name: str, options: dict[str, str], tmp_path: Path, spark: SparkSession
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(CSV[name], encoding="utf-8", newline="")
    agree(relation(path, "csv", {"s": "string", "t": "string"}, **options), spark)


@pytest.mark.parametrize("type_", VALUES)
def test_values_of_csv_are_those_of_spark(type_: str, tmp_path: Path, spark: SparkSession) -> None:
    path = tmp_path / "x.csv"
    for value in VALUES[type_]:
        path.write_text(f"{value},z\n", encoding="utf-8")
        agree(relation(path, "csv", {"v": type_, "s": "string"}), spark)


JSON: list[tuple[str, dict[str, str]]] = [
    ('{"i":1,"d":1.5,"s":"x","b":true}\n{"i":null,"d":2,"s":null}\n{}\n\n{"I":7,"s":"é\\u00e9\\n"}\n',
     {"i": "int", "d": "double", "s": "string", "b": "boolean"}),
    ('{"a":[1,2,null],"m":{"k":1.5,"j":null}}\n{"a":[],"m":{}}\n{"a":null}\n',
     {"a": "array<int>", "m": "map<string,double>"}),
    ('{"o":{"x":1,"y":{"z":["a",null]},"q":2}}\n{"o":{}}\n{"o":null}\n{"o":{"X":1,"y":null}}\n',
     {"o": "struct<x:int,y:struct<z:array<string>>>"}),
    *((line, {"o": "struct<x:int>"}) for line in ('{"o":{"x":1,"x":2}}', '{"o":[1]}', '{"o":"x"}')),
    ('{"s":12,"t":true}\n', {"s": "string", "t": "string"}),
    ('{"d":"2024-01-31","t":"2024-01-31 10:11:12","u":"2024-01-31T10:11:12Z"}\n',
     {"d": "date", "t": "timestamp", "u": "timestamp"}),
    *((line + "\n", {"i": "int"}) for line in (
        '{"i":1', '{"i":"x"}', '{"i":1.0}', '{"i":99999999999}', '{"i":1,"i":2}', "[1]", '{"i":1,}',
        "{'i':1}", '{"i":true}', '{"i":[1]}', "3", "null", '{"i":-5}')),
    ('{"d":NaN}\n', {"d": "double"}), ('{"d":"NaN"}\n', {"d": "double"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "types"), JSON)
def test_json_means_what_it_means_in_spark(
    body: str, types: dict[str, Any], tmp_path: Path, spark: SparkSession
) -> None:
    path = tmp_path / "x.json"
    path.write_text(body, encoding="utf-8")
    agree(relation(path, "json", types), spark)
