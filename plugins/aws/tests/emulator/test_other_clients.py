"""S3 clients that are not boto3: DuckDB's httpfs, and pyarrow with AWS's C++ SDK."""

from __future__ import annotations

import importlib.resources
import io
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from plugins.aws.tests.emulator.support import allow, signed_in
from pyarrow import fs

from headwater_aws.testing import Emulator

DAYS = 4


@pytest.fixture
def session(aws: Emulator) -> dict[str, Any]:
    """Credentials that may read a lake of four partitions of a thousand rows."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="lake")
    for day in range(DAYS):
        rows = list(range(day * 1000, day * 1000 + 1000))
        names = [f"row {row} " * 20 for row in rows]
        buffer = io.BytesIO()
        pq.write_table(pa.table({"id": rows, "name": names}), buffer, row_group_size=100)
        key = f"t/dt=2026-01-0{day + 1}/p art.parquet"
        s3.put_object(Bucket="lake", Key=key, Body=buffer.getvalue())
    return signed_in(aws, allow("s3:GetObject", "s3:ListBucket", on="arn:aws:s3:::lake*"))


@pytest.fixture
def duck(aws: Emulator, session: dict[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    extension = importlib.resources.files("duckdb_extension_httpfs").joinpath(
        "extensions", f"v{duckdb.__version__}", "httpfs.duckdb_extension"
    )
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(
            "CREATE SECRET (TYPE s3, KEY_ID $key, SECRET $secret, SESSION_TOKEN $token, "
            "REGION 'us-east-1', ENDPOINT $host, USE_SSL false, URL_STYLE 'path')",
            {
                "key": session["AccessKeyId"],
                "secret": session["SecretAccessKey"],
                "token": session["SessionToken"],
                "host": aws.endpoint_url.removeprefix("http://"),
            },
        )
        yield connection


def test_duckdb_globs_and_reads_ranges(aws: Emulator, duck: duckdb.DuckDBPyConnection) -> None:
    found = duck.execute(
        "SELECT count(*), sum(id), count(DISTINCT dt) FROM read_parquet('s3://lake/t/*/*.parquet')"
    ).fetchone()
    assert found == (4000, 7998000, DAYS)
    assert any(call.status == 206 for call in aws.requests.select("s3:GetObject"))


def test_duckdb_reads_named_files(duck: duckdb.DuckDBPyConnection) -> None:
    files = [f"s3://lake/t/dt=2026-01-0{day}/p art.parquet" for day in (1, 3)]
    found = duck.execute("SELECT max(id), max(length(name)) FROM read_parquet($1)", [files])
    assert found.fetchone() == (2999, len("row 2999 ") * 20)


def test_duckdb_is_refused_when_the_session_is_over(
    aws: Emulator, duck: duckdb.DuckDBPyConnection
) -> None:
    aws.faults.expire_now()
    with pytest.raises(duckdb.Error, match=r"40[03]"):
        duck.execute("SELECT count(*) FROM 's3://lake/t/dt=2026-01-01/p art.parquet'")


def test_pyarrow_discovers_and_reads(aws: Emulator, session: dict[str, Any]) -> None:
    lake = fs.S3FileSystem(
        access_key=session["AccessKeyId"],
        secret_key=session["SecretAccessKey"],
        session_token=session["SessionToken"],
        region="us-east-1",
        scheme="http",
        endpoint_override=aws.endpoint_url.removeprefix("http://"),
    )
    data = ds.dataset("lake/t", filesystem=lake, format="parquet", partitioning="hive")
    table = data.to_table(columns=["id"], filter=ds.field("dt") == "2026-01-02")
    assert table.column("id").to_pylist() == list(range(1000, 2000))
    assert data.count_rows() == 4000
    with pytest.raises(OSError, match="ACCESS_DENIED"):
        lake.open_output_stream("lake/new").close()


def test_pyarrow_writes_in_parts(aws: Emulator) -> None:
    aws.client("s3").create_bucket(Bucket="out")
    writer = signed_in(aws, allow("s3:*"))
    lake = fs.S3FileSystem(
        access_key=writer["AccessKeyId"],
        secret_key=writer["SecretAccessKey"],
        session_token=writer["SessionToken"],
        region="us-east-1",
        scheme="http",
        endpoint_override=aws.endpoint_url.removeprefix("http://"),
    )
    data = bytes(range(256)) * 64 * 1024  # 16 MiB: two parts
    with lake.open_output_stream("out/big") as stream:
        stream.write(data)
    assert aws.client("s3").get_object(Bucket="out", Key="big")["Body"].read() == data
    lake.copy_file("out/big", "out/copy")
    lake.move("out/copy", "out/moved")
    found = lake.get_file_info(fs.FileSelector("out"))
    assert {one.base_name: one.size for one in found} == {"big": len(data), "moved": len(data)}
    lake.delete_file("out/big")
