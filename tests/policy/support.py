"""An account with tables of several kinds, and connections that read them."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater import Workspace
from headwater.auth.credentials import Secret
from headwater.workspace.model import Connection
from headwater_aws import OidcRole, StaticKeys
from headwater_aws.testing import Emulator
from headwater_glue import GlueDataSource
from headwater_s3 import S3DataSource

ACCOUNT, OTHER = "123456789012", "210987654321"
REGION = "us-east-1"
ROWS = 6
COLUMNS = [
    {"Name": "prediction_id", "Type": "string"},
    {"Name": "ts", "Type": "timestamp"},
    {"Name": "amount", "Type": "double"},
    {"Name": "proba", "Type": "double"},
]


def parquet(day: int, rows: int = 3) -> bytes:
    """A day of predictions."""
    start = datetime(2026, 1, day, tzinfo=UTC)
    table = pa.table(
        {
            "prediction_id": [f"{day}-{n}" for n in range(rows)],
            "ts": pa.array(
                [start + timedelta(hours=n) for n in range(rows)], pa.timestamp("us", tz="UTC")
            ),
            "amount": [float(n) for n in range(rows)],
            "proba": [n / 10 for n in range(rows)],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def stored(location: str) -> dict[str, Any]:
    """A storage descriptor of Parquet files."""
    return {
        "Columns": COLUMNS,
        "Location": location,
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
        },
    }


def seed(aws: Emulator, account_id: str = ACCOUNT, bucket: str = "lake") -> None:
    """Two tables of the same rows: `parted` by day, `flat` in one directory."""
    glue = aws.client("glue", account_id=account_id)
    s3 = aws.client("s3", account_id=account_id)
    s3.create_bucket(Bucket=bucket)
    glue.create_database(DatabaseInput={"Name": "db"})
    for name, keys in (("parted", [{"Name": "dt", "Type": "string"}]), ("flat", [])):
        table = {
            "Name": name,
            "StorageDescriptor": stored(f"s3://{bucket}/w/{name}"),
            "PartitionKeys": keys,
            "TableType": "EXTERNAL_TABLE",
        }
        glue.create_table(DatabaseName="db", TableInput=table)
    for day in (1, 2):
        value = f"2026-01-{day:02}"
        place = f"s3://{bucket}/w/parted/dt={value}"
        s3.put_object(Bucket=bucket, Key=f"w/parted/dt={value}/a.parquet", Body=parquet(day))
        s3.put_object(Bucket=bucket, Key=f"w/flat/{value}.parquet", Body=parquet(day))
        partition = {"Values": [value], "StorageDescriptor": stored(place)}
        glue.create_partition(DatabaseName="db", TableName="parted", PartitionInput=partition)


LABELS = [
    {"Name": "id", "Type": "string"},
    {"Name": "known_at", "Type": "timestamp"},
    {"Name": "actual", "Type": "double"},
]


def seed_labels(aws: Emulator) -> None:
    """The actuals of both days: a table of another database, whose files lie in another bucket."""
    glue, s3 = aws.client("glue"), aws.client("s3")
    s3.create_bucket(Bucket="truth")
    glue.create_database(DatabaseInput={"Name": "later"})
    stored_labels = {**stored("s3://truth/labels"), "Columns": LABELS}
    glue.create_table(
        DatabaseName="later",
        TableInput={
            "Name": "labels",
            "StorageDescriptor": stored_labels,
            "PartitionKeys": [],
            "TableType": "EXTERNAL_TABLE",
        },
    )
    ids = [f"{day}-{n}" for day in (1, 2) for n in range(3)]
    known = [datetime(2026, 1, 5, tzinfo=UTC)] * len(ids)
    table = pa.table(
        {
            "id": ids,
            "known_at": pa.array(known, pa.timestamp("us", tz="UTC")),
            "actual": [1.0] * len(ids),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    s3.put_object(Bucket="truth", Key="labels/a.parquet", Body=sink.getvalue())


def admin(aws: Emulator, account_id: str = ACCOUNT) -> StaticKeys:
    """An identity that may look at everything."""
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    key, secret = aws.create_user_keys(account_id, policy=everything)
    return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))


def reader(aws: Emulator, role_arn: str) -> OidcRole:
    """The identity that a connection uses."""
    return OidcRole(role_arn=role_arn, token=lambda: aws.issuer.token(sub="me"))


SOURCES: dict[str, dict[str, Any]] = {
    "glue, by day": {"kind": "glue", "query": "SELECT * FROM parted"},
    "glue, one directory": {"kind": "glue", "query": "SELECT * FROM flat"},
    "glue, a join": {
        "kind": "glue",
        "query": "SELECT a.*, b.dt FROM flat a JOIN parted b USING (prediction_id)",
    },
    "s3, by day": {"kind": "s3", "path": "s3://lake/w/parted/"},
    "s3, one directory": {"kind": "s3", "path": "s3://lake/w/flat/*.parquet"},
}
"""Connections of the test set."""
ACTUALS: dict[str, dict[str, Any]] = {
    "glue": {"kind": "glue", "database": "later", "query": "SELECT * FROM labels"},
    "s3": {"kind": "s3", "path": "s3://truth/labels/"},
}
"""Sources of actuals."""


def source_of(aws: Emulator, which: str, auth: Any, **more: Any) -> GlueDataSource | S3DataSource:
    """A source of the test set."""
    given = {
        **(SOURCES | ACTUALS)[which],
        "region": REGION,
        "endpoint_url": aws.endpoint_url,
        **more,
    }
    if given.pop("kind") == "s3":
        return S3DataSource(auth=auth, **given)
    return GlueDataSource(auth=auth, **{"database": "db", **given})


def connect(workspace: Workspace, source: Any) -> Connection:
    """A serving connection over a source."""
    number = len(workspace.models)
    workspace.create_model(f"m{number}")
    version = workspace.create_model_version(
        f"m{number}", "v1", "regression", features={"amount": "numeric"},
        predictions={"proba": "numeric"},
    )  # fmt: skip
    return version.connect_serving(source, id_column="prediction_id", timestamp_column="ts")


def read(aws: Emulator, workspace: Workspace, which: str, role_arn: str, **more: Any) -> int:
    """Plan and read a connection as a role; the number of its rows."""
    connection = connect(workspace, source_of(aws, which, reader(aws, role_arn), **more))
    rows: int = connection.read().to_arrow().num_rows
    return rows


def without_one(policy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy that lacks one action on one resource, or one prefix of a condition."""
    for number, statement in enumerate(policy["Statement"]):
        actions = _listed(statement["Action"])
        for action in actions:
            for resource in _listed(statement["Resource"]):
                rest = copy.deepcopy(policy)
                broken = rest["Statement"].pop(number)
                others = [a for a in actions if a != action]
                if others:
                    rest["Statement"].append({**broken, "Action": others})
                resources = [r for r in _listed(broken["Resource"]) if r != resource]
                if resources:
                    rest["Statement"].append({**broken, "Action": action, "Resource": resources})
                yield f"{action} on {resource}", rest


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
