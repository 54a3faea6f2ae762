"""The serde decides how files are read, and what no option says is refused."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.glue.tests.raw import HCATALOG, LAZY, OPEN_CSV, OPENX, PARQUET

from headwater_glue.entry import GlueColumn, Storage
from headwater_glue.serde import reader_columns, reading, spark_reading


def read(serde: str, parameters: Any = None, table: Any = None) -> Any:
    return reading(Storage(serde=serde, parameters=parameters or {}), table or {})


@pytest.mark.parametrize(
    ("serde", "parameters", "format_", "options"),
    [
        (PARQUET, {}, "parquet", {}),
        ("org.apache.hadoop.hive.ql.io.orc.OrcSerde", {}, "orc", {}),
        ("org.apache.hadoop.hive.serde2.avro.AvroSerDe", {}, "avro", {}),
        (
            "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
            {"avro.schema.literal": "{}"},
            "avro",
            {"avroSchema": "{}"},
        ),
        (LAZY, {}, "hive-text", {"sep": "\x01", "nullValue": "\\N", "header": "false"}),
        (
            LAZY,
            {"field.delim": "\t", "serialization.null.format": "", "skip.header.line.count": "1"},
            "hive-text",
            {"sep": "\t", "nullValue": "", "header": "true"},
        ),
        # What awswrangler declares for its CSV files.
        (
            LAZY,
            {"field.delim": ",", "escape.delim": "\\"},
            "hive-text",
            {"sep": ",", "nullValue": "\\N", "header": "false", "escape": "\\"},
        ),
        (
            LAZY,
            {"field.delim": ",", "escape.delim": "94"},
            "hive-text",
            {"sep": ",", "nullValue": "\\N", "header": "false", "escape": "^"},
        ),
        # `serialization.format` stands in for the delimiter, and a number is a character's code.
        (
            LAZY,
            {"serialization.format": "9"},
            "hive-text",
            {"sep": "\t", "nullValue": "\\N", "header": "false"},
        ),
        (
            OPEN_CSV,
            {},
            "hive-csv",
            {"sep": ",", "quote": '"', "escape": "\\", "header": "false"},
        ),
        (
            OPEN_CSV,
            {
                "separatorchar": ";",
                "quotechar": "'",
                "escapechar": '"',
                "serialization.encoding": "ISO-8859-1",
            },
            "hive-csv",
            # OpenCSVSerde takes no encoding from its table.
            {"sep": ";", "quote": "'", "escape": "\\", "header": "false"},
        ),
        (
            OPENX,
            {},
            "hive-json",
            {"malformed": "fail", "keys": "ignore-case", "quoted": "convert"},
        ),
        (
            OPENX,
            {
                "ignore.malformed.json": "TRUE",
                "case.insensitive": "FALSE",
                "mapping.user_id": "userId",
            },
            "hive-json",
            {
                "malformed": "null",
                "keys": "exact",
                "quoted": "convert",
                "key.user_id": "userId",
            },
        ),
        (HCATALOG, {}, "hive-json", {"malformed": "fail", "keys": "ignore-case"}),
        (
            HCATALOG,
            {"serialization.encoding": "ISO-8859-1"},
            "hive-json",
            {"malformed": "fail", "keys": "ignore-case"},
        ),
        (
            LAZY,
            {"field.delim": ",", "serialization.encoding": "ISO-8859-1"},
            "hive-text",
            {"sep": ",", "nullValue": "\\N", "header": "false", "encoding": "ISO-8859-1"},
        ),
    ],
)
def test_reads(serde: str, parameters: Any, format_: str, options: Any) -> None:
    found = read(serde, parameters)
    assert found.refused is None
    assert (found.format, found.options) == (format_, options)


@pytest.mark.parametrize(
    ("serde", "parameters", "says"),
    [
        ("", {}, "names no serde"),
        ("org.apache.hadoop.hive.serde2.RegexSerDe", {}, "regular expression"),
        ("com.amazonaws.glue.serde.GrokSerDe", {}, "Grok"),
        ("com.amazon.ionhiveserde.IonHiveSerDe", {}, "Ion"),
        ("com.example.MySerDe", {}, "no reader with its meaning"),
        (PARQUET, {"parquet.column.index.access": "true"}, "by position"),
        (
            "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
            {"orc.column.index.access": "true"},
            "by position",
        ),
        (LAZY, {"field.delim": "|", "escape.delim": "|"}, "escape.delim='|'"),
        (LAZY, {"line.delim": ";"}, "line.delim=';'"),
        (LAZY, {"field.delim": "-2"}, "byte 254"),
        (LAZY, {"serialization.last.column.takes.rest": "true"}, "takes.rest"),
        (LAZY, {"timestamp.formats": "yyyy"}, "timestamp.formats='yyyy'"),
        (LAZY, {"skip.header.line.count": "2"}, "skip.header.line.count=2"),
        (LAZY, {"skip.footer.line.count": "1"}, "skip.footer.line.count=1"),
        (OPEN_CSV, {"skip.header.line.count": "3"}, "at most one header line"),
        (OPEN_CSV, {"separatorchar": "||"}, "not one character"),
        (OPEN_CSV, {"separatorchar": "\\"}, "escapeChar are the same"),
        (OPEN_CSV, {"quotechar": ";", "separatorchar": ";"}, "escapeChar are the same"),
        (OPENX, {"dots.in.keys": "true"}, "dots.in.keys"),
        (OPENX, {"skip.header.line.count": "1"}, "of a JSON file"),
        (HCATALOG, {"timestamp.formats": "yyyy"}, "timestamp.formats"),
    ],
)
def test_refuses(serde: str, parameters: Any, says: str) -> None:
    found = read(serde, parameters)
    assert says in (found.refused or "")
    assert found.format == ""


def test_a_header_may_be_declared_on_the_table_and_the_serde_wins() -> None:
    assert read(LAZY, table={"skip.header.line.count": "1"}).options["header"] == "true"
    both = read(LAZY, {"skip.header.line.count": "0"}, {"skip.header.line.count": "1"})
    assert both.options["header"] == "false"


def test_open_csv_gives_texts_whatever_was_declared() -> None:
    declared = (GlueColumn("n", "bigint"), GlueColumn("t", "timestamp"))
    found = reader_columns(declared, read(OPEN_CSV))
    assert [str(c.type) for c in found] == ["string", "string"]


def test_delimited_text_marks_what_it_cannot_hold() -> None:
    declared = (GlueColumn("n", "bigint"), GlueColumn("a", "array<int>"), GlueColumn("b", "binary"))
    number, nested, binary = reader_columns(declared, read(LAZY))
    assert str(number.type) == "bigint"
    assert "array<int>" in (nested.type.reason or "")
    assert "Base64" in (binary.type.reason or "")


def test_a_spark_table_carries_sparks_own_options() -> None:
    storage = Storage(
        parameters={
            "path": "s3://x",
            "serialization.format": "1",
            "nullvalue": "NA",
            "header": "true",
            "spark.sql.x": "y",
            "mergeschema": "true",
        }
    )
    assert spark_reading("csv", storage).options == {"nullValue": "NA", "header": "true"}
    assert spark_reading("json", storage).options == {}
    assert spark_reading("parquet", storage).options == {}
