"""Tables as their writers register them: Iceberg, Delta, and the views of Spark and Athena.

The files of Iceberg and Delta tables are made by the formats' own libraries.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.iceberg import file_catalog

from headwater_glue.testing import GlueLake


def _keys(lake: GlueLake) -> tuple[str, str]:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return lake.aws.create_user_keys(
        lake.account_id, {"Version": "2012-10-17", "Statement": [everything]}
    )


def iceberg_catalog(lake: GlueLake, folder: Path) -> Any:
    """Return a pyiceberg catalog whose tables lie in the lake's bucket."""
    key, secret = _keys(lake)
    return file_catalog(
        folder,
        lake.uri("iceberg"),
        **{
            "s3.endpoint": lake.aws.endpoint_url,
            "s3.access-key-id": key,
            "s3.secret-access-key": secret,
            "s3.region": lake.region,
        },
    )


def register_iceberg(lake: GlueLake, name: str, table: Any) -> None:
    """Register an Iceberg table in Glue as its writers do, with a column that it no longer has."""
    lake.table(
        name,
        {"dropped_long_ago": "string"},
        location=table.metadata.location,
        parameters={"table_type": "ICEBERG", "metadata_location": table.metadata_location},
        StorageDescriptor={
            "Columns": [{"Name": "dropped_long_ago", "Type": "string"}],
            "Location": table.metadata.location,
        },
    )


def write_delta(lake: GlueLake, name: str, rows: pa.Table, **told: Any) -> str:
    """Write a Delta table into the lake's bucket, and return its URI."""
    from deltalake import write_deltalake

    key, secret = _keys(lake)
    options = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": lake.region,
        "AWS_ENDPOINT_URL": lake.aws.endpoint_url,
        "AWS_ALLOW_HTTP": "true",
        "conditional_put": "etag",
    }
    uri = lake.uri(f"delta/{name}")
    write_deltalake(uri, rows, storage_options=options, **told)
    return uri


def register_delta(lake: GlueLake, name: str, uri: str) -> None:
    """Register a Delta table in Glue as Spark does: with a column that stands for nothing."""
    lake.table(
        name,
        {"col": "array<string>"},
        location=f"{uri}-__PLACEHOLDER__",
        serde_parameters={"path": uri},
        parameters={"spark.sql.sources.provider": "delta"},
    )


def spark_view(
    lake: GlueLake,
    name: str,
    sql: str,
    columns: Mapping[str, str],
    *,
    outputs: list[str] | None = None,
    database: str = "ml",
    into: str = "ml",
    **properties: str,
) -> None:
    """Register a view as Spark does: into a database, made while one was in use."""
    names = outputs or list(columns)
    parameters = {
        "view.catalogAndNamespace.numParts": "2",
        "view.catalogAndNamespace.part.0": "spark_catalog",
        "view.catalogAndNamespace.part.1": database,
        "view.query.out.numCols": str(len(names)),
        **{f"view.query.out.col.{i}": n for i, n in enumerate(names)},
        "spark.sql.create.version": "4.0.1",
        **properties,
    }
    lake.table(
        name,
        columns,
        database=into,
        parameters=parameters,
        TableType="VIRTUAL_VIEW",
        ViewOriginalText=sql,
    )


def stored(sql: str, schema: str = "ml") -> str:
    """Return a view's text as Athena stores it."""
    told = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": schema, "columns": []}
    return f"/* Presto View: {base64.b64encode(json.dumps(told).encode()).decode()} */"


def athena_view(lake: GlueLake, name: str, sql: str, columns: Mapping[str, str]) -> None:
    """Register a view as Athena does."""
    lake.table(
        name,
        columns,
        TableType="VIRTUAL_VIEW",
        ViewOriginalText=stored(sql),
        ViewExpandedText="/* Presto View */",
        parameters={"presto_view": "true", "comment": "Presto View"},
    )
