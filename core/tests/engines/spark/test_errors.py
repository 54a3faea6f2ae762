from __future__ import annotations

from pathlib import Path

import pytest
from core.tests.engines.spark.plans import columns, plan

from headwater.engines.spark.errors import failure
from headwater.errors import AccessDeniedError, DataChangedError, EngineError, HeadwaterError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import TableName

SCANS = plan(
    "SELECT 1",
    FileRelation(
        TableName("db", "t"), columns(id="int"), files=(DataFile("s3://b/k/part-0.parquet", 9),)
    ),
).scans

JOB = "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: "


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            JOB + "[CAST_INVALID_INPUT] The value 'x' of the type \"STRING\" cannot be cast",
            EngineError,
            "[CAST_INVALID_INPUT] The value 'x'",
        ),
        (
            JOB + "[FAILED_READ_FILE.NO_HINT] Encountered error s3a://b/k/part-0.parquet.\n"
            "Caused by: java.nio.file.AccessDeniedException: s3a://b/k/part-0.parquet: open",
            AccessDeniedError,
            "s3://b/k/part-0.parquet of table db.t was denied",
        ),
        (
            (
                "software.amazon.awssdk.services.s3.model.S3Exception: The token has expired "
                "(Status Code: 400, ExpiredToken)"
            ),
            AccessDeniedError,
            "credentials for table db.t expired",
        ),
        (
            "[PATH_NOT_FOUND] Path does not exist: s3a://b/k/part-0.parquet. SQLSTATE: 42K03",
            DataChangedError,
            "part-0.parquet of table db.t was there when the read was planned and is gone",
        ),
        (
            (
                "Caused by: org.apache.hadoop.fs.s3a.RemoteFileChangedException: "
                "open `s3a://b/k/part-0.parquet': change detected"
            ),
            DataChangedError,
            "is not what the plan saw",
        ),
        ("java.lang.OutOfMemoryError: Java heap space", EngineError, "OutOfMemoryError"),
        ("", EngineError, "no reason given"),
    ],
)
def test_a_text_of_sparks_becomes_an_error_of_ours(
    text: str, kind: type[HeadwaterError], message: str
) -> None:
    found = failure(text, SCANS)
    assert type(found) is kind
    assert message in found.message


def test_without_tables_the_query_is_named() -> None:
    assert "reading the query failed" in failure("[INTERNAL_ERROR] x", ()).message


def test_a_path_with_its_scheme_is_found(tmp_path: Path) -> None:
    scans = plan(
        "SELECT 1",
        FileRelation(TableName("d", "t"), (), files=(DataFile(f"{tmp_path}/a.parquet", 1),)),
    ).scans
    assert (
        f"{tmp_path}/a.parquet of table d.t"
        in failure(f"x file:{tmp_path}/a.parquet", scans).message
    )
