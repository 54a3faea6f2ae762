"""What the embedded engine refuses and sends to Spark is read there, and said only where it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.spark.plans import columns, files, table
from pyarrow import orc

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError
from headwater.tables.relation import FilePartition, FileRelation

SQL = "SELECT * FROM `hw`.`t0` AS t"


def put(path: Path, body: str | bytes) -> Path:
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def text(body: str | bytes, format: str, name: str = "a.txt", **more: Any) -> Any:
    options = more.pop("options", {})

    def made(lake: Path) -> FileRelation:
        return files([put(lake / name, body)], columns(**more), format=format, options=options)

    return made


def two_types(lake: Path) -> FileRelation:
    path = lake / "a.parquet"
    moment = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"v": moment}), path)
    part = FilePartition((), columns=columns(v="timestamp"))
    return files([path], columns(v="string"), partitions=(part,))


def wider(lake: Path) -> FileRelation:
    orc.write_table(pa.table({"v": pa.array([7], pa.int32())}), lake / "a.orc")
    return files([lake / "a.orc"], columns(v="bigint"), format="orc")


ON_SPARK: dict[str, tuple[Callable[[Path], FileRelation], list[Any]]] = {
    "another encoding of csv": (
        text(b"\xe9\n", "csv", v="string", options={"encoding": "ISO-8859-1"}),
        ["é"],
    ),
    "utf-16 of a whole file": (
        text("\u00e9\na\n".encode("utf-16"), "csv", v="string",
             options={"encoding": "UTF-16", "multiLine": "true"}),
        ["a", "\u00e9"],
    ),
    "utf-16 of a whole file of JSON": (
        text('[{"v":"a"},\n{"v":"\u010a"}]'.encode("utf-16"), "json", v="string",
             options={"encoding": "UTF-16", "multiLine": "true"}),
        ["a", "\u010a"],
    ),
    "an option of csv": (text("#x\na\n", "csv", v="string", options={"comment": "#"}), ["a"]),
    "a separator of several characters": (
        text("a::b\n", "csv", v="string", w="string", options={"sep": "::"}), ["a"],
    ),
    "an option of json": (
        text("{'v':1 /* x */}\n", "json", v="int", options={"allowComments": "true"}), [1],
    ),
    "json over several lines": (
        text('{\n"v":1\n}\n', "json", v="int", options={"multiLine": "true"}), [1],
    ),
    "a type of json": (text('{"v":1.25}\n', "json", v="decimal(5,2)"), [Decimal("1.25")]),
    "a decimal of Hive's json": (
        text('{"v":-0.1}\n{"v":1.25}\n', "hive-json", v="decimal(5,2)"),
        [Decimal("-0.10"), Decimal("1.25")],
    ),
    "a type of csv": (text("abc\n", "csv", v="binary"), [b"abc"]),
    "a value of csv over several lines": (
        text('"a\nb"\n', "csv", v="string", options={"multiLine": "true"}), ["a\nb"],
    ),
    "quotes of csv": (text('a"b\n', "csv", v="string"), ['a"b']),
    "mixed line ends": (text("a\nb\r\nc\n", "csv", v="string"), ["a", "b", "c"]),
    "a partition of another type": (two_types, ["2026-01-01 00:00:00"]),
    "a wider number": (wider, [7]),
    "a text of a double": (text('{"v":"NaN"}\n', "json", v="string"), ["NaN"]),
    "a text of a timestamp": (
        text("2026-01-01T00:00:00Z\n", "csv", v="timestamp"), [datetime(2026, 1, 1, tzinfo=UTC)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ON_SPARK)
def test_what_is_sent_to_spark_is_read_there(engine: SparkEngine, lake: Path, case: str) -> None:
    make, expected = ON_SPARK[case]
    relation = make(lake)
    try:
        found = table(EmbeddedEngine(), SQL, relation)["v"].to_pylist()
    except HeadwaterError as error:
        hint = (error.hint or "").lower()
        told = "spark" in hint or "try_cast" in hint
    else:
        told = sorted(found) == expected
    assert told
    assert sorted(table(engine, SQL, relation)["v"].to_pylist()) == expected


NOWHERE: dict[str, Callable[[Path], FileRelation]] = {
    "another encoding of Hive's text": text(
        "a\n", "hive-text", v="string", options={"encoding": "GB18030"}
    ),
    "lines of utf-16": text(
        "\u00e9\n".encode("utf-16"), "csv", v="string", options={"encoding": "UTF-16"}
    ),
    "lines of JSON in utf-16": text(
        '{"v":"a"}\n'.encode("utf-16"), "json", v="string", options={"encoding": "UTF-16"}
    ),
    "several objects in a file of JSON in utf-16": text(
        '{"v":"a"}\n{"v":"b"}'.encode("utf-16"),
        "json",
        v="string",
        options={"encoding": "UTF-16", "multiLine": "true"},
    ),
    "an encoding of several bytes": text(
        b"\x9dh\n", "csv", v="string", options={"encoding": "GB18030"}
    ),
    "an option of Hive's JSON": text("{}\n", "hive-json", v="string", options={"encoding": "x"}),
    "a type of Hive's JSON": text('{"v":"abc"}\n', "hive-json", v="binary"),
    "a type of Hive's text": text("abc\n", "hive-text", v="binary"),
    "a value of Hive's CSV over several lines": text('"a\nb"\n', "hive-csv", v="string"),
    "a format that nobody reads": text("x", "rcfile", v="string"),
    "xz": text("x", "csv", "a.csv.xz", v="string"),
}


@pytest.mark.parametrize("case", NOWHERE)
def test_what_spark_refuses_too_is_not_sent_there(
    engine: SparkEngine, lake: Path, case: str
) -> None:
    relation = NOWHERE[case](lake)
    for one in (EmbeddedEngine(), engine):
        with pytest.raises(HeadwaterError) as caught:
            table(one, SQL, relation)
        hint = (caught.value.hint or "").lower()
        assert "spark engine" not in hint
        assert "on spark" not in hint
