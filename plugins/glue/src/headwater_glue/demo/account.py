"""The customer's account: what lies in S3 and Glue before headwater ever comes near it.

A production log partitioned by day, the truth in a second table, the training set in a third.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater_aws.testing import Emulator

ACCOUNT = "210987654321"
REGION = "eu-west-1"
BUCKET = "acme-ml-lake"
DATABASE = "housing"
SUBJECT = "monitoring@acme.example"
NOW = datetime(2022, 5, 10, tzinfo=UTC)
"""The morning after the last prediction: the demo's present."""
NEXT_WEEK = NOW + timedelta(days=7)
"""A week later: more labels are there."""

HIVE_TYPES = {"int64": "bigint", "double": "double", "timestamp[us, tz=UTC]": "timestamp"}


@dataclass(frozen=True, slots=True)
class Landing:
    """One file as it lies in the account.

    Args:
        table: The table it belongs to.
        key: Path below the bucket.
        rows: Its rows.
        day: Value of the partition key `dt`, for a partitioned table.
    """

    table: str
    key: str
    rows: pa.Table
    day: str | None = None


def landings() -> Iterator[Landing]:
    """Yield every file of the account: 343 days of predictions, the actuals, the training set."""
    import pyarrow.compute as pc

    serving = load("serving")
    days: Any = pc.strftime(serving["timestamp"], "%Y-%m-%d")
    for day in sorted(set(days.to_pylist())):
        rows = serving.filter(pc.equal(days, day))
        yield Landing("predictions", f"predictions/dt={day}/part-0.parquet", rows, day)
    yield Landing("actuals", "actuals/part-0.parquet", labels(until=NOW))
    yield Landing("training", "training/part-0.parquet", load("training"))


def load(name: str) -> pa.Table:
    """Return one of the shipped data sets: `training`, `serving` or `actuals`."""
    import pyarrow.parquet as pq

    file = resources.files(__package__) / "data" / f"housing_{name}.parquet"
    return pq.read_table(io.BytesIO(file.read_bytes()))


def labels(until: datetime, since: datetime | None = None) -> pa.Table:
    """Return the actuals with the time at which each arrived: simulated, 2 to 6 weeks later.

    The delay follows from the id, so that every run of the demo shows the same.

    Args:
        until: What arrives from then on is not there yet.
        since: What arrived before is left out.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    actuals, serving = load("actuals"), load("serving")
    moments: dict[Any, Any] = dict(
        zip(serving["id"].to_pylist(), serving["timestamp"].to_pylist(), strict=True)
    )
    ids: list[Any] = actuals["id"].to_pylist()
    arrival = [moments[i] + _delay(i) for i in ids]
    column = pa.array(arrival, pa.timestamp("us", tz="UTC"))
    arrived = pc.less(column, pa.scalar(until))
    if since is not None:
        arrived = pc.and_(arrived, pc.greater_equal(column, pa.scalar(since)))
    return actuals.append_column("labelled_at", column).filter(arrived)


def _delay(prediction: int) -> timedelta:
    digest = hashlib.sha256(str(prediction).encode()).digest()
    return timedelta(days=14 + int.from_bytes(digest[:4], "big") % 29)


def build(aws: Emulator) -> str:
    """Fill an account with tables, and let the monitoring workload in by OIDC.

    Args:
        aws: The emulator that stands in for AWS.

    Returns:
        ARN of the role that the monitoring workload may assume.
    """
    s3 = aws.client("s3", account_id=ACCOUNT, region=REGION)
    glue = aws.client("glue", account_id=ACCOUNT, region=REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    glue.create_database(DatabaseInput={"Name": DATABASE})
    tables: set[str] = set()
    days: list[dict[str, Any]] = []
    for landing in landings():
        s3.put_object(Bucket=BUCKET, Key=landing.key, Body=parquet(landing.rows))
        if landing.table not in tables:
            tables.add(landing.table)
            glue.create_table(DatabaseName=DATABASE, TableInput=_table(landing))
        if landing.day is not None:
            days.append(
                {"Values": [landing.day], "StorageDescriptor": _storage(landing, landing.day)}
            )
    for first in range(0, len(days), 100):  # the API takes 100 at a time
        glue.batch_create_partition(
            DatabaseName=DATABASE,
            TableName="predictions",
            PartitionInputList=days[first : first + 100],
        )
    return aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)


def land_labels(aws: Emulator) -> None:
    """Put a week's labels beside the others: a file more, in the table's own place.

    Args:
        aws: The emulator that stands in for AWS.
    """
    s3 = aws.client("s3", account_id=ACCOUNT, region=REGION)
    week = labels(until=NEXT_WEEK, since=NOW)
    s3.put_object(Bucket=BUCKET, Key="actuals/part-1.parquet", Body=parquet(week))


def parquet(rows: pa.Table) -> bytes:
    """Return rows as the bytes of a Parquet file."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    return buffer.getvalue()


def _table(landing: Landing) -> dict[str, Any]:
    keys = [{"Name": "dt", "Type": "string"}] if landing.day else []
    return {
        "Name": landing.table,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": keys,
        "StorageDescriptor": _storage(landing, None),
    }


def _storage(landing: Landing, day: str | None) -> dict[str, Any]:
    place = f"s3://{BUCKET}/{landing.table}/" + (f"dt={day}/" if day else "")
    formats = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Columns": [
            {"Name": f.name.lower(), "Type": HIVE_TYPES[str(f.type)]} for f in landing.rows.schema
        ],
        "Location": place,
        "InputFormat": f"{formats}.MapredParquetInputFormat",
        "OutputFormat": f"{formats}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{formats}.serde.ParquetHiveSerDe"},
    }
