"""Test against a Glue catalog of your own making, on the strict emulator.

from headwater_glue.testing import GlueLake

with Emulator() as aws:
lake = GlueLake(aws)
lake.table("predictions", {"id": "string", "score": "double"}, keys={"dt": "string"})
lake.partition("predictions", ["2026-01-01"])
lake.write("predictions/dt=2026-01-01/part-0.parquet", pa.table({...}))
source = lake.source(query="SELECT * FROM predictions")
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from headwater.auth.credentials import Secret
from headwater.partitions.hive_layout import NULL_PARTITION
from headwater_glue.auth import StaticKeys
from headwater_glue.partition_path import path_of
from headwater_glue.source import GlueDataSource

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater_aws.testing import Emulator

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"

_HIVE: Final = "org.apache.hadoop.hive"
SERDES: Final[Mapping[str, tuple[str, str]]] = {
    "parquet": (
        f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
        f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat",
    ),
    "orc": (f"{_HIVE}.ql.io.orc.OrcSerde", f"{_HIVE}.ql.io.orc.OrcInputFormat"),
    "avro": (
        f"{_HIVE}.serde2.avro.AvroSerDe",
        f"{_HIVE}.ql.io.avro.AvroContainerInputFormat",
    ),
    "lazy-simple": (
        f"{_HIVE}.serde2.lazy.LazySimpleSerDe",
        "org.apache.hadoop.mapred.TextInputFormat",
    ),
    "open-csv": (f"{_HIVE}.serde2.OpenCSVSerde", "org.apache.hadoop.mapred.TextInputFormat"),
    "openx-json": (
        "org.openx.data.jsonserde.JsonSerDe",
        "org.apache.hadoop.mapred.TextInputFormat",
    ),
    "hcatalog-json": (
        "org.apache.hive.hcatalog.data.JsonSerDe",
        "org.apache.hadoop.mapred.TextInputFormat",
    ),
}
"""Serde and input format, by a short word."""


class GlueLake:
    """Databases, tables and files of one account, made through the emulator's own Glue and S3.

    Args:
        aws: The emulator.
        account_id: Account that owns them.
        region: Region of the catalog.
        database: Database of the tables that are named without one; it is created.
        bucket: Bucket of the files; it is created.
    """

    def __init__(
        self,
        aws: Emulator,
        *,
        account_id: str = ACCOUNT,
        region: str = REGION,
        database: str = "ml",
        bucket: str = "lake",
    ) -> None:
        self.aws = aws
        self.account_id = account_id
        self.region = region
        self.database = database
        self.bucket = bucket
        self.glue: Any = aws.client("glue", account_id=account_id, region=region)
        self.s3: Any = aws.client("s3", account_id=account_id, region=region)
        place = {} if region == REGION else {"LocationConstraint": region}
        self.s3.create_bucket(
            Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {})
        )
        self.create_database(database)

    def create_database(self, name: str, **more: Any) -> None:
        """Create the database `name`; `more` are fields of Glue's `DatabaseInput`."""
        self.glue.create_database(DatabaseInput={"Name": name, **more})

    def uri(self, path: str) -> str:
        """Return the URI of a `path` in the bucket."""
        return f"s3://{self.bucket}/{path}"

    def table(
        self,
        name: str,
        columns: Mapping[str, str],
        *,
        keys: Mapping[str, str] | None = None,
        serde: str = "parquet",
        location: str | None = None,
        parameters: Mapping[str, str] | None = None,
        serde_parameters: Mapping[str, str] | None = None,
        database: str | None = None,
        **more: Any,
    ) -> None:
        """Create a table.

        Args:
            name: Its name.
            columns: Data column to Hive type.
            keys: Partition key to Hive type.
            serde: A word of `SERDES`, or a class name.
            location: URI of its directory; `s3://<bucket>/<name>/` if left out.
            parameters: Its properties.
            serde_parameters: Those of its serde.
            database: Its database, if not the lake's own.
            more: Other fields of Glue's `TableInput`, which win.
        """
        storage = self._storage(serde, columns, location or self.uri(f"{name}/"), serde_parameters)
        table_input = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": dict(parameters or {}),
            "PartitionKeys": _columns(keys or {}),
            "StorageDescriptor": storage,
            **more,
        }
        self.glue.create_table(DatabaseName=database or self.database, TableInput=table_input)

    def partition(
        self,
        table: str,
        values: Sequence[str | None],
        *,
        location: str | None = None,
        columns: Mapping[str, str] | None = None,
        serde: str | None = None,
        serde_parameters: Mapping[str, str] | None = None,
        database: str | None = None,
    ) -> str:
        """Register a partition, and return its location.

        Args:
            table: Its table.
            values: Its key values; None is NULL.
            location: URI of its directory; `<table's>/key=value/` if left out.
            columns: Its own columns, where they differ from the table's.
            serde: Its own serde, where it differs.
            serde_parameters: Its own serde's parameters.
            database: The table's database, if not the lake's own.
        """
        database = database or self.database
        entry = self.glue.get_table(DatabaseName=database, Name=table)["Table"]
        keys = [k["Name"] for k in entry["PartitionKeys"]]
        storage = dict(entry["StorageDescriptor"])
        storage["Location"] = location or f"{storage['Location']}{path_of(keys, values)}/"
        if serde is not None:
            storage |= self._storage(serde, {}, storage["Location"], serde_parameters)
            storage["Columns"] = entry["StorageDescriptor"]["Columns"]
        if columns is not None:
            storage["Columns"] = _columns(columns)
        self.glue.create_partition(
            DatabaseName=database,
            TableName=table,
            PartitionInput={
                "Values": [NULL_PARTITION if v is None else v for v in values],
                "StorageDescriptor": storage,
            },
        )
        return str(storage["Location"])

    def write(self, path: str, content: pa.Table | bytes | str) -> str:
        """Put a file into the bucket, and return its URI.

        Args:
            path: Its key. An Arrow table is written as its suffix says: `.parquet` or `.orc`.
            content: An Arrow table, or the file's own bytes or text.
        """
        if isinstance(content, str):
            content = content.encode()
        if not isinstance(content, bytes):
            buffer = io.BytesIO()
            if path.endswith(".orc"):
                from pyarrow import orc

                orc.write_table(content, buffer)
            else:
                import pyarrow.parquet as pq

                pq.write_table(content, buffer)
            content = buffer.getvalue()
        self.s3.put_object(Bucket=self.bucket, Key=path, Body=content)
        return self.uri(path)

    def keys(self, policy: Mapping[str, Any] | None = None) -> StaticKeys:
        """Return the keys of a new user of the account.

        Args:
            policy: What it may do; None reads all of the account's Glue and S3.
        """
        key, secret = self.aws.create_user_keys(self.account_id, policy)
        return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))

    def source(self, **options: Any) -> GlueDataSource:
        """Return a source over the lake; `options`: its fields, `auth` else a new user's keys."""
        options = {
            "database": self.database,
            "region": self.region,
            "endpoint_url": self.aws.endpoint_url,
            **options,
        }
        if "auth" not in options:
            options["auth"] = self.keys()
        return GlueDataSource(**options)

    def _storage(
        self,
        serde: str,
        columns: Mapping[str, str],
        location: str,
        parameters: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        library, input_format = SERDES.get(serde, (serde, ""))
        return {
            "Columns": _columns(columns),
            "Location": location,
            "InputFormat": input_format,
            "SerdeInfo": {"SerializationLibrary": library, "Parameters": dict(parameters or {})},
        }


def _columns(declared: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": type_} for name, type_ in declared.items()]
