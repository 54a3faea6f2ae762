"""What S3 says when it gives no object is told as what it is: each engine, each format."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.interfaces.engine import Engine
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

KEY = "arn:aws:kms:us-east-1:1:key/x"
SAID: dict[str, tuple[int, str, str, str, bool]] = {
    "archive": (403, "InvalidObjectState", "The storage class", "object-archived", False),
    "clock": (403, "RequestTimeTooSkewed", "The time is too far", "clock-skew", False),
    "key": (403, "AccessDenied", f"not authorized to perform: kms:Decrypt on {KEY} because",
            "access-denied", False),
    "disabled key": (400, "KMS.DisabledException", "key/x is disabled", "kms-key", False),
    "payer": (403, "AccessDenied", "It is one of Requester Pays", "requester-pays", False),
    "region": (301, "PermanentRedirect", "Use its endpoint", "wrong-region", False),
    "throttle": (503, "SlowDown", "Please reduce your request rate.", "throttled", True),
    "unknown": (403, "AccountProblem", "There is a problem with your account", "aws", False),
}  # fmt: skip


@pytest.fixture(scope="module")
def lake() -> Iterator[GlueLake]:
    with Emulator() as aws:
        lake = GlueLake(aws)
        table = pa.table({"v": ["a"]})
        sink = io.BytesIO()
        orc.write_table(table, sink)
        for name, ending, body, serde in (
            ("parquet", "parquet", table, "parquet"),
            ("orc", "orc", sink.getvalue(), "orc"),
            ("text", "csv", b"a\n", "lazy-simple"),
            ("packed", "csv.gz", gzip.compress(b"a\n"), "lazy-simple"),
        ):
            lake.table(name, {"v": "string"}, serde=serde)
            lake.write(f"{name}/part-0.{ending}", body)
        yield lake


def refused(lake: GlueLake, table: str, case: str, operation: str, engine: Engine) -> Exception:
    status, code, said, _, _ = SAID[case]
    lake.aws.faults.clear()
    place = "arn:aws:s3:::lake" if "List" in operation else f"arn:aws:s3:::lake/{table}/*"
    lake.aws.faults.fail(operation, status, None, code=code, message=said, resource=place)
    query = f"SELECT v FROM {table}"
    try:
        workspace = hw.Workspace()  # its engine is the caller's
        workspace.use_engine(engine)
        with pytest.raises(hw.HeadwaterError) as caught:
            workspace.sql(query, lake.source(query=query), engine=engine.name).to_arrow()
    finally:
        lake.aws.faults.clear()
    return caught.value


def check(lake: GlueLake, error: Any, table: str, case: str) -> None:
    _, code, said, ours, retryable = SAID[case]
    assert (error.code, error.retryable) == (ours, retryable)
    assert f"s3://lake/{table}/" in error.message
    if case == "key":
        assert error.action == "kms:Decrypt"
        assert error.resource == KEY
    else:
        assert said in error.message
        assert code in error.message
        assert "s3:GetObject" not in str(error)


@pytest.mark.parametrize("case", [c for c in SAID if c != "throttle"])
@pytest.mark.parametrize("table", ["parquet", "orc", "text", "packed"])
def test_a_refused_file_says_why(lake: GlueLake, table: str, case: str) -> None:
    error = refused(lake, table, case, "s3:GetObject", EmbeddedEngine())
    check(lake, error, table, case)
    assert f"of table ml.{table}" in str(error)


@pytest.mark.parametrize("case", [c for c in SAID if c != "throttle"])
def test_a_refused_listing_says_why(lake: GlueLake, case: str) -> None:
    check(lake, refused(lake, "text", case, "s3:ListObjectsV2", EmbeddedEngine()), "text", case)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_spark_too(lake: GlueLake, spark_engine: SparkEngine) -> None:
    for case in SAID:
        if case != "throttle":
            check(lake, refused(lake, "text", case, "s3:GetObject", spark_engine), "text", case)


@pytest.mark.slow
def test_a_storage_that_throttles_may_be_asked_again(lake: GlueLake) -> None:
    for table in ("parquet", "packed"):
        error = refused(lake, table, "throttle", "s3:GetObject", EmbeddedEngine())
        check(lake, error, table, "throttle")
