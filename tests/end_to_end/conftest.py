"""A customer's account as the seed's guide knows it: `my_db.model_predictions`, let in by OIDC."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater_aws.testing import Emulator

ACCOUNT = "123456789012"
REGION = "us-east-1"
SUBJECT = "monitoring"
DAYS = 7
ROWS_A_DAY = 8
WIDTH = 768
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

COLUMNS = {
    "prediction_id": "string",
    "prediction_timestamp": "timestamp",
    "raw_text": "string",
    "amount": "double",
    "owner": "string",
    "is_new": "boolean",
    "embeddings": "array<float>",
    "will_buy_insurance": "boolean",
    "did_buy_insurance": "boolean",
    "proba": "double",
}


def day_of_predictions(day: int) -> pa.Table:
    """Return one day of the seed's predictions; every third actual is not known yet."""
    count = range(ROWS_A_DAY)
    start = FIRST + timedelta(days=day)
    return pa.table(
        {
            "prediction_id": [f"d{day}-{i}" for i in count],
            "prediction_timestamp": pa.array(
                [start + timedelta(hours=3 * i) for i in count], pa.timestamp("us", tz="UTC")
            ),
            "raw_text": [f"policy {i}" for i in count],
            "amount": [100.0 * day + i for i in count],
            "owner": ["ann" if i % 2 else None for i in count],
            "is_new": [i % 2 == 0 for i in count],
            "embeddings": pa.array(
                [[float(i + j) for j in range(WIDTH)] for i in count], pa.list_(pa.float32())
            ),
            "will_buy_insurance": [i % 2 == 0 for i in count],
            "did_buy_insurance": [None if i % 3 == 0 else i % 2 == 0 for i in count],
            "proba": [i / ROWS_A_DAY for i in count],
        }
    )


def storage(location: str, columns: dict[str, str] = COLUMNS) -> dict[str, object]:
    """Return a Glue storage descriptor for Parquet at a location."""
    formats = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Columns": [{"Name": n, "Type": t} for n, t in columns.items()],
        "Location": location,
        "InputFormat": f"{formats}.MapredParquetInputFormat",
        "OutputFormat": f"{formats}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{formats}.serde.ParquetHiveSerDe"},
    }


def parquet(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def seed(aws: Emulator) -> None:
    """Put the seed's table into the account: Parquet, partitioned by day."""
    s3, glue = (aws.client(s, account_id=ACCOUNT, region=REGION) for s in ("s3", "glue"))
    s3.create_bucket(Bucket="lake")
    glue.create_database(DatabaseInput={"Name": "my_db"})
    glue.create_table(
        DatabaseName="my_db",
        TableInput={
            "Name": "model_predictions",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet"},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": storage("s3://lake/predictions/"),
        },
    )
    for day in range(DAYS):
        value = f"{FIRST + timedelta(days=day):%Y-%m-%d}"
        key = f"predictions/dt={value}/part-0.parquet"
        s3.put_object(Bucket="lake", Key=key, Body=parquet(day_of_predictions(day)))
        glue.create_partition(
            DatabaseName="my_db",
            TableName="model_predictions",
            PartitionInput={
                "Values": [value],
                "StorageDescriptor": storage(f"s3://lake/predictions/dt={value}/"),
            },
        )
    export(s3)


def decide(aws: Emulator) -> None:
    """Put a table of what became known, and when, beside the predictions."""
    s3, glue = (aws.client(s, account_id=ACCOUNT, region=REGION) for s in ("s3", "glue"))
    known = [
        (row["prediction_id"], row["did_buy_insurance"], row["prediction_timestamp"])
        for day in range(DAYS)
        for row in day_of_predictions(day).to_pylist()
        if row["did_buy_insurance"] is not None
    ]
    ids, bought, times = zip(*known, strict=True)
    decided = pa.array([at + timedelta(hours=12) for at in times], pa.timestamp("us", tz="UTC"))
    rows = pa.table({"prediction_id": ids, "bought": bought, "decided_at": decided})
    s3.put_object(Bucket="lake", Key="decisions/part-0.parquet", Body=parquet(rows))
    columns = {"prediction_id": "string", "bought": "boolean", "decided_at": "timestamp"}
    glue.create_table(
        DatabaseName="my_db",
        TableInput={
            "Name": "decisions",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": storage("s3://lake/decisions/", columns),
        },
    )


def export(s3) -> None:
    """Put files beside the lake that no catalog knows: scores by date path, actuals in one file."""
    for day in range(DAYS):
        rows = day_of_predictions(day).select(["prediction_id", "proba", "did_buy_insurance"])
        scores = "\n".join(f"{r['prediction_id']};{r['proba']}" for r in rows.to_pylist())
        key = f"exports/{FIRST + timedelta(days=day):%Y/%m/%d}/scores.csv.gz"
        body = gzip.compress(f"prediction_id;proba\n{scores}\n".encode(), mtime=0)
        s3.put_object(Bucket="lake", Key=key, Body=body)
        actuals = "".join(
            json.dumps({"prediction_id": r["prediction_id"], "bought": r["did_buy_insurance"]})
            + "\n"
            for r in rows.to_pylist()
        )
        s3.put_object(Bucket="lake", Key=f"actuals/{day}.json", Body=actuals.encode())


@pytest.fixture
def account(aws: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Emulator:
    """The seeded account; this process holds a token of its issuer, and AWS's own variables."""
    seed(aws)
    role = aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
    token = tmp_path / "token"
    token.write_text(aws.issuer.token(sub=SUBJECT, aud="sts.amazonaws.com"))
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ROLE_ARN", role)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    return aws
