"""Tables as awswrangler writes and registers them, each format and type, read to its own values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater_aws.testing import Emulator
from headwater_glue import GlueDataSource
from headwater_glue.testing import ACCOUNT, REGION, GlueLake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("awswrangler") is None,
        reason="awswrangler is not there: `make judge` installs it (requirements/bench.txt) and "
        "runs these tests",
    ),
]

UTC = dt.UTC
MOMENTS = [dt.datetime(2026, 1, 1, 0, 0, 0, 1), dt.datetime(2026, 1, 2, 12, 30)]  # noqa: DTZ001
READ = [m.replace(tzinfo=UTC) for m in MOMENTS]
FLAT: dict[str, tuple[Any, list[Any]]] = {
    "i8": (pd.array([1, None], "Int8"), [1, None]),
    "i16": (pd.array([-1, 2**15 - 1], "Int16"), [-1, 2**15 - 1]),
    "i32": (np.array([1, -(2**31)], "int32"), [1, -(2**31)]),
    "i64": ([1, 2**62], [1, 2**62]),
    "f32": (np.array([0.5, -0.25], "float32"), [0.5, -0.25]),
    "f64": ([0.1, 1e300], [0.1, 1e300]),
    "text": (["\u00e9, 'x'", "a\\b"], ["\u00e9, 'x'", "a\\b"]),
    "string": (pd.array(["a,b", 'q"x'], "string"), ["a,b", 'q"x']),
    "b": (pd.array([True, False], "boolean"), [True, False]),
    "dec": ([Decimal("1.50"), None], [Decimal("1.50"), None]),
    "ts": (pd.Series(MOMENTS), READ),
    "date": ([dt.date(2026, 1, 1), None], [dt.date(2026, 1, 1), None]),
}
"""Columns that each format holds: what is written, what is read."""
NESTED: dict[str, tuple[Any, list[Any]]] = {
    "bytes": ([b"\xff", None], [b"\xff", None]),
    "list": ([[1, 2], [3]], [[1, 2], [3]]),
    "struct": ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
}
WRITTEN: dict[str, dict[str, tuple[Any, list[Any]]]] = {
    "parquet": FLAT | NESTED,
    "orc": FLAT | NESTED,
    "csv": FLAT,
    # pandas writes JSON's dates as milliseconds since 1970, which the serde takes for no date.
    "json": {n: held for n, held in FLAT.items() if n != "date"}
    | {"ts": (pd.Series([m.replace(microsecond=0) for m in MOMENTS]),
              [m.replace(microsecond=0) for m in READ])},
}  # fmt: skip


@pytest.fixture(scope="module")
def source() -> Iterator[GlueDataSource]:
    import awswrangler as wr

    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [anything]}
    with Emulator() as aws:
        lake = GlueLake(aws)
        key, secret = aws.create_user_keys(ACCOUNT, policy)
        session = boto3.Session(key, secret, region_name=REGION)
        for service in ("s3", "glue", "sts"):
            setattr(wr.config, f"{service}_endpoint_url", aws.endpoint_url)
        for kind, columns in WRITTEN.items():
            more: dict[str, dict[str, Any]] = {
                "csv": {"index": False},
                "json": {"orient": "records", "lines": True, "index": False},
            }
            getattr(wr.s3, f"to_{kind}")(
                pd.DataFrame({n: held for n, (held, _) in columns.items()} | {"day": ["x", "y"]}),
                path=lake.uri(f"{kind}/"),
                dataset=True,
                database=lake.database,
                table=kind,
                partition_cols=["day"],
                boto3_session=session,
                **more.get(kind, {}),
            )
        yield lake.source(table="t")
        wr.config.reset()


def found(source: GlueDataSource, format: str, engine: Any) -> tuple[dict[str, list[Any]], int]:
    """Return a table's columns, and how many rows are counted of which none is read."""
    columns = ", ".join(f"`{n}`" for n in WRITTEN[format])
    with hw.Workspace() as workspace:
        rows = workspace.sql(
            f"SELECT {columns} FROM {format} ORDER BY day", source=source, engine=engine
        )
        counted = workspace.sql(f"SELECT count(*) AS n FROM {format}", source, engine=engine)
        return rows.to_arrow().to_pydict(), counted.to_arrow().to_pylist()[0]["n"]


def expected_of(format: str) -> dict[str, list[Any]]:
    return {n: values for n, (_, values) in WRITTEN[format].items()}


@pytest.mark.parametrize("format", WRITTEN)
def test_every_column_is_the_writers_own(source: GlueDataSource, format: str) -> None:
    assert found(source, format, "embedded") == (expected_of(format), 2)


@pytest.mark.parametrize("format", WRITTEN)
def test_every_column_is_so_on_spark(
    source: GlueDataSource, spark_engine: SparkEngine, format: str
) -> None:
    columns = ", ".join(f"`{n}`" for n in WRITTEN[format])
    rows = planned_sql(source, f"SELECT {columns} FROM {format} ORDER BY day", spark_engine)
    assert rows.to_arrow().to_pydict() == expected_of(format)
