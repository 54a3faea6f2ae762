"""A catalog with every kind of table, each made of real files through the emulator's own APIs.

`READABLE` names those that hold the same three rows, `REFUSED` those that can't be read and why.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

import fastavro
import pyarrow as pa
from plugins.glue.tests.registered import (
    athena_view,
    iceberg_catalog,
    register_delta,
    register_iceberg,
    spark_view,
    write_delta,
)

from headwater_glue.testing import SERDES, GlueLake

COLUMNS: Final = {"id": "string", "n": "int", "score": "double"}
ROWS: Final = pa.table(
    {"id": ["a", "b", "c"], "n": pa.array([1, 2, None], pa.int32()), "score": [0.5, None, -1.25]}
)
EXPECTED: Final = [("a", 1, 0.5), ("b", 2, None), ("c", None, -1.25)]

READABLE: Final = {
    "hive_parquet": "hive",
    "hive_partitioned": "hive",
    "hive_orc": "hive",
    "hive_avro": "hive",
    "avro_literal": "hive",
    "hive_text": "hive",
    "hive_csv": "hive",
    "openx_json": "hive",
    "hcatalog_json": "hive",
    "spark_parquet": "spark",
    "spark_csv": "spark",
    "spark_json": "spark",
    "projected": "hive",
    "templated": "hive",
    "mixed_formats": "hive",
    "widened": "hive",
    "iceberg": "iceberg",
    "delta": "delta",
    "manifest": "symlink-manifest",
    "link": "hive",
    "linked_database": "hive",
    "athena_view": "athena-view",
    "spark_view": "spark-view",
    "unreadable_column": "hive",
}
"""Table to its kind; all of them hold `EXPECTED`."""

REFUSED: Final = {
    "hudi": "hudi",
    "grok": "Grok patterns",
    "regex": "regular expression",
    "two_headers": "skip.header.line.count=2",
    "by_position": "by position",
    "jdbc": "'jdbc' is not one of plain files",
    "dynamo": "not in S3",
    "broken_projection": "projection.dt.range is missing; correct the table's properties",
    "trino_only": "approx_distinct",
    "hive_view": "Hive's SQL",
    "stateless_iceberg": "no metadata_location",
    "acid": "transactional (ACID)",
    "two_characters": "takes only its first character",
}
"""Table to what its refusal says."""


def seed(lake: GlueLake, folder: Path) -> None:
    """Fill a lake with every kind of table.

    Args:
        lake: The lake.
        folder: An empty directory for what writers need beside.
    """
    _hive(lake)
    _avro(lake)
    _text(lake)
    _spark(lake)
    _projected(lake)
    _evolved(lake)
    _formats(lake, folder)
    _named_elsewhere(lake)
    _refused(lake)


def _hive(lake: GlueLake) -> None:
    lake.table("hive_parquet", COLUMNS)
    lake.write("hive_parquet/0.parquet", ROWS)
    lake.table("hive_orc", COLUMNS, serde="orc")
    lake.write("hive_orc/0.orc", ROWS)
    lake.table("hive_partitioned", COLUMNS, keys={"day": "date", "place": "string"})
    for index, (day, place) in enumerate(
        [("2026-01-01", "a/b c%"), ("2026-01-02", None), ("2026-01-02", "\u00e9t\u00e9 'x'")]
    ):
        where = lake.partition("hive_partitioned", [day, place])
        lake.write(f"{where.removeprefix('s3://lake/')}0.parquet", ROWS.slice(index, 1))
    lake.partition("hive_partitioned", ["2026-01-03", "empty"])
    lake.table("unreadable_column", {**COLUMNS, "u": "uniontype<int,string>"})
    lake.write("unreadable_column/0.parquet", ROWS.append_column("u", ROWS["n"]))


def _avro(lake: GlueLake) -> None:
    types = {"id": "string", "n": "int", "score": "double"}
    fields: list[dict[str, Any]] = [
        {"name": n, "type": ["null", t], "default": None} for n, t in types.items()
    ]
    body = io.BytesIO()
    fastavro.writer(body, _record(fields), ROWS.to_pylist(), codec="deflate")
    lake.table("hive_avro", COLUMNS, serde="avro")
    lake.write("hive_avro/0.avro", body.getvalue())
    literal = {"avro.schema.literal": json.dumps(_record(fields[::-1]))}
    lake.table("avro_literal", COLUMNS, serde="avro", serde_parameters=literal)
    for index, row in enumerate(ROWS.to_pylist()):
        body = io.BytesIO()
        # A file that lacks what is NULL: the table's schema has a default for it.
        own = [f for f in fields if row[f["name"]] is not None]
        fastavro.writer(body, _record(own), [row])
        lake.write(f"avro_literal/{index}.avro", body.getvalue())


def _record(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": "row", "fields": fields}


def _text(lake: GlueLake) -> None:
    lake.table(
        "hive_text",
        COLUMNS,
        serde="lazy-simple",
        serde_parameters={"field.delim": "|", "skip.header.line.count": "1"},
    )
    lake.write("hive_text/0.txt", "id|n|score\na|1|0.5\nb|2|\\N\nc||-1.25\n")
    lake.table(
        "hive_csv",
        COLUMNS,
        serde="open-csv",
        serde_parameters={"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
    )
    lake.write("hive_csv/0.csv", '"a","1","0.5"\nb,2,\n"c",,-1.25\n')
    # Keys in another case than Glue's: Spark's own reader would give NULLs.
    lines = [
        {"Id": "a", "N": 1, "Score": 0.5},
        {"Id": "b", "N": 2, "Score": None},
        {"ID": "c", "score": -1.25},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    for serde in ("openx", "hcatalog"):
        lake.table(f"{serde}_json", COLUMNS, serde=f"{serde}-json")
        lake.write(f"{serde}_json/0.json", text)


def _spark(lake: GlueLake) -> None:
    fields = [
        {"name": name, "type": type_, "nullable": True, "metadata": {}}
        for name, type_ in (("Id", "string"), ("N", "integer"), ("Score", "double"))
    ]
    schema = {"spark.sql.sources.schema": json.dumps({"type": "struct", "fields": fields})}
    for kind in ("parquet", "csv", "json"):
        lake.table(
            f"spark_{kind}",
            COLUMNS,
            location=lake.uri(f"spark_{kind}-__PLACEHOLDER__"),
            serde_parameters={
                "path": lake.uri(f"spark_{kind}/"),
                "header": "true",
                "nullValue": "-",
            },
            parameters={"spark.sql.sources.provider": kind, **schema},
        )
    lake.write("spark_parquet/0.parquet", ROWS.rename_columns(["Id", "N", "Score"]))
    lake.write("spark_csv/0.csv", "Id,N,Score\na,1,0.5\nb,2,-\nc,-,-1.25\n")
    lake.write(
        "spark_json/0.json",
        '{"Id":"a","N":1,"Score":0.5}\n{"Id":"b","N":2}\n{"Id":"c","Score":-1.25}\n',
    )


def _projected(lake: GlueLake) -> None:
    projection = {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2026-01-01,2026-01-05",
    }
    lake.table("projected", COLUMNS, keys={"dt": "string"}, parameters=projection)
    template = {"storage.location.template": lake.uri("templated/on/${dt}/v1/")}
    lake.table("templated", COLUMNS, keys={"dt": "string"}, parameters=projection | template)
    for index in range(3):
        day = f"2026-01-0{index + 1}"
        lake.write(f"projected/dt={day}/0.parquet", ROWS.slice(index, 1))
        lake.write(f"templated/on/{day}/v1/0.parquet", ROWS.slice(index, 1))


def _evolved(lake: GlueLake) -> None:
    lake.table("mixed_formats", COLUMNS, keys={"dt": "string"})
    lake.partition("mixed_formats", ["1"])
    lake.partition("mixed_formats", ["2"], serde="orc")
    lake.partition(
        "mixed_formats", ["3"], serde="lazy-simple", serde_parameters={"field.delim": ","}
    )
    lake.write("mixed_formats/dt=1/0.parquet", ROWS.slice(0, 1))
    lake.write("mixed_formats/dt=2/0.orc", ROWS.slice(1, 1))
    lake.write("mixed_formats/dt=3/0.txt", "c,\\N,-1.25\n")
    # Old files hold narrower types and one column less.
    lake.table("widened", COLUMNS, keys={"dt": "string"})
    lake.partition("widened", ["1"], columns={"id": "string", "n": "int", "score": "float"})
    lake.partition("widened", ["2"])
    old = pa.table({"id": ["a"], "n": pa.array([1], pa.int32()), "score": pa.array([0.5], "float")})
    lake.write("widened/dt=1/0.parquet", old)
    lake.write("widened/dt=2/0.parquet", ROWS.slice(1, 1))
    lake.write("widened/dt=2/1.parquet", ROWS.slice(2, 1).drop(["n"]))


def _formats(lake: GlueLake, folder: Path) -> None:
    catalog = iceberg_catalog(lake, folder)
    table = catalog.create_table("db.t", schema=ROWS.schema)
    table.append(pa.concat_tables([ROWS, ROWS.slice(0, 1).set_column(0, "id", [["gone"]])]))
    table.delete("id = 'gone'")
    register_iceberg(lake, "iceberg", table)
    uri = write_delta(lake, "t", ROWS.slice(0, 1))
    write_delta(lake, "t", ROWS, mode="overwrite")
    register_delta(lake, "delta", uri)
    kept = lake.write("manifest/kept.parquet", ROWS)
    lake.write("manifest/removed.parquet", ROWS)
    lake.write("manifest/_symlink_format_manifest/manifest", kept)
    storage = {
        "Columns": [{"Name": n, "Type": t} for n, t in COLUMNS.items()],
        "Location": lake.uri("manifest/_symlink_format_manifest/"),
        "InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
        "SerdeInfo": {"SerializationLibrary": SERDES["parquet"][0]},
    }
    lake.table("manifest", {}, StorageDescriptor=storage)


def _named_elsewhere(lake: GlueLake) -> None:
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "hive_parquet"}
    lake.glue.create_table(DatabaseName="ml", TableInput={"Name": "link", "TargetTable": target})
    there = GlueLake(lake.aws, region="eu-west-1", bucket="lake-eu")
    there.table("linked_database", COLUMNS)
    there.write("linked_database/0.parquet", ROWS)
    lake.create_database(
        "eu",
        TargetDatabase={"CatalogId": lake.account_id, "DatabaseName": "ml", "Region": "eu-west-1"},
    )
    athena_view(lake, "athena_view", "SELECT * FROM hive_parquet", COLUMNS)
    spark_view(lake, "spark_view", "SELECT * FROM hive_parquet", COLUMNS)


def _refused(lake: GlueLake) -> None:
    lake.table("hudi", COLUMNS, parameters={"spark.sql.sources.provider": "hudi"})
    lake.table("grok", COLUMNS, serde="com.amazonaws.glue.serde.GrokSerDe")
    lake.table("regex", COLUMNS, serde="org.apache.hadoop.hive.serde2.RegexSerDe")
    lake.table("two_headers", COLUMNS, serde="lazy-simple",
               parameters={"skip.header.line.count": "2"})  # fmt: skip
    lake.table("by_position", COLUMNS, serde_parameters={"parquet.column.index.access": "true"})
    lake.table("jdbc", COLUMNS, parameters={"spark.sql.sources.provider": "jdbc"})
    lake.table("dynamo", COLUMNS, location="arn:aws:dynamodb:us-east-1:1:table/t")
    lake.table("broken_projection", COLUMNS, keys={"dt": "string"}, parameters={
        "projection.enabled": "true", "projection.dt.type": "integer"})  # fmt: skip
    athena_view(lake, "trino_only", "SELECT approx_distinct(id) AS id FROM hive_parquet",
                {"id": "bigint"})  # fmt: skip
    more: dict[str, Any] = {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": "select 1"}
    lake.table("hive_view", COLUMNS, **more)
    lake.table("stateless_iceberg", COLUMNS, parameters={"table_type": "ICEBERG"})
    lake.table("acid", COLUMNS, serde="orc", parameters={"transactional": "true"})
    lake.table("two_characters", COLUMNS, serde="lazy-simple",
               serde_parameters={"field.delim": "||"})  # fmt: skip
