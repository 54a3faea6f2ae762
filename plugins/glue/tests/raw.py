"""Raw tables, as Glue's API returns them: the fewest words that a test needs."""

from __future__ import annotations

from typing import Any

from headwater_glue.entry import GlueTable

PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
OPENX = "org.openx.data.jsonserde.JsonSerDe"
HCATALOG = "org.apache.hive.hcatalog.data.JsonSerDe"


def columns(declared: dict[str, str]) -> list[dict[str, str]]:
    """Return a column list of Glue's API."""
    return [{"Name": n, "Type": t} for n, t in declared.items()]


def raw_table(
    name: str = "t",
    *,
    data: dict[str, str] | None = None,
    keys: dict[str, str] | None = None,
    location: str | None = None,
    serde: str = PARQUET,
    serde_parameters: dict[str, str] | None = None,
    parameters: dict[str, str] | None = None,
    input_format: str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    table_type: str = "EXTERNAL_TABLE",
    **more: Any,
) -> dict[str, Any]:
    """Return a table of Glue's API: Hive Parquet in `s3://lake/<name>/` unless told otherwise."""
    return {
        "Name": name,
        "DatabaseName": "db",
        "CatalogId": "111111111111",
        "TableType": table_type,
        "Parameters": parameters or {},
        "PartitionKeys": columns(keys or {}),
        "StorageDescriptor": {
            "Columns": columns(data or {"id": "string"}),
            "Location": f"s3://lake/{name}/" if location is None else location,
            "InputFormat": input_format,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": serde_parameters or {}},
        },
        **more,
    }


def glue_table(name: str = "t", **told: Any) -> GlueTable:
    """Return the same, read."""
    return GlueTable.of(raw_table(name, **told), region="us-east-1")
