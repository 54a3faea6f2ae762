"""A read without rows ends in a verdict: each cause has its own, and says what to do."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from headwater.reading.dataset import EmptyReadWarning
from headwater.tables.table import TableName
from headwater.tables.window import Window
from headwater.workspace.workspace import Workspace
from headwater_glue.empty_reads import Facts, Landed, verdict
from headwater_glue.testing import GlueLake

WEEK = Window.of("2026-01-08", "2026-01-15")
TABLE = TableName("ml", "p")


def facts(**told: Any) -> Facts:
    return Facts(
        **{"table": TABLE, "keys": ("dt",), "window": WEEK, "location": "s3://lake/p/", **told}
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        (facts(keys=()), "not-landed", "no file lies at s3://lake/p/"),
        (facts(chosen=["s3://lake/p/dt=x/"]), "files-gone", "registered, and no file lies in them"),
        (
            facts(chosen=["s3://lake/p/dt=x/"], projected={}),
            "not-landed",
            "where its projection puts the window",
        ),
        (
            facts(projected={"dt": ("2020-01-01", "2025-12-31")}, expected=[("2026-01-08",)]),
            "projection-off-range",
            "from 2020-01-01 to 2025-12-31; the window [2026-01-08, 2026-01-15) needs dt=2026-",
        ),
        (
            facts(landed=[Landed(("2026-01-08",), "s3://lake/p/dt=2026-01-08/", 3)], partitions=9),
            "partition-unregistered",
            "3 files lie at s3://lake/p/dt=2026-01-08/",
        ),
        (facts(partitions=0), "not-landed", "it has no partition, and no file lies under"),
        (
            facts(partitions=0, files_under_location=True),
            "partition-unregistered",
            "files lie under s3://lake/p/, and no partition is registered",
        ),
        (
            facts(partitions=0, lake_formation=True),
            "lake-formation-filtered",
            "Lake Formation governs the table",
        ),
        (
            facts(partitions=3, newest=("2026-02-01",), filtered_by="dt (in the query)"),
            "partitions-filtered",
            "of its 3 partitions meets the conditions (dt (in the query)); the newest is dt=2026",
        ),
        (
            facts(
                partitions=3,
                expected=[("2026-01-08",)],
                first=at("2025-12-01"),
                last=at("2026-01-03"),
                newest=("2026-01-03",),
            ),
            "not-landed",
            "the newest of its 3 partitions is dt=2026-01-03",
        ),
        (
            facts(
                partitions=3,
                expected=[("2026-01-08",)],
                first=at("2026-02-01"),
                last=at("2026-03-01"),
                newest=("2026-03-01",),
            ),
            "window-outside-data",
            "is before its oldest partition, which begins 2026-02-01",
        ),
        (
            facts(
                partitions=3,
                expected=[("2026-01-08",)],
                first=at("2025-02-01"),
                last=at("2026-03-01"),
                newest=("2026-03-01",),
            ),
            "not-landed",
            "dt=2026-01-08 is not registered and no file lies where it should",
        ),
    ],
)
def test_verdict(found: Facts, code: str, says: str) -> None:
    said = verdict(found)
    assert said.code == code
    assert says in said.message
    assert said.hint


def test_the_nearest_window_is_as_long_as_the_one_asked_for() -> None:
    late = verdict(
        facts(
            partitions=1,
            expected=[("x",)],
            first=at("2025-01-01"),
            last=at("2025-06-01"),
            newest=("2025-06-01",),
        )
    )
    assert late.hint == "wait for it, or read the newest window: [2025-06-01, 2025-06-08)"


ROWS = pa.table(
    {
        "id": ["a"],
        "score": [0.5],
        "ts": pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
    }
)
COLUMNS = {"id": "string", "score": "double", "ts": "timestamp"}


def read(lake: GlueLake, start: str, end: str, **told: Any) -> tuple[int, str, str]:
    """Return a read's number of rows, and the code and message of its verdict."""
    rule = {"column": "ts", "keys": {"dt": "yyyy-MM-dd"}}
    source = lake.source(**{"table": "p", "partitions": {"p": rule}, **told})
    with Workspace() as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        workspace.create_model("m")
        version = workspace.create_model_version(
            model_id="m",
            model_version="v1",
            model_type="regression",
            predictions={"score": "numeric"},
        )
        connection = version.connect_serving(
            data_source=source, id_column="id", timestamp_column="ts"
        )
        data = connection.read(start, end)
        rows = data.to_arrow().num_rows
        found = data.stats.verdict
    return rows, found.code if found else "", found.message if found else ""


@pytest.fixture
def parted(lake: GlueLake) -> GlueLake:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.partition("p", ["2026-01-01"])
    lake.write("p/dt=2026-01-01/x.parquet", ROWS)
    return lake


def test_there_is_no_verdict_where_there_are_rows(parted: GlueLake) -> None:
    assert read(parted, "2026-01-01", "2026-01-02") == (1, "", "")


def test_data_that_has_not_landed(parted: GlueLake) -> None:
    rows, code, message = read(parted, "2026-01-05", "2026-01-06")
    assert (rows, code) == (0, "not-landed")
    assert "the newest of its 1 partitions is dt=2026-01-01" in message


def test_data_that_landed_and_is_not_registered(parted: GlueLake) -> None:
    parted.write("p/dt=2026-01-05/x.parquet", ROWS)
    rows, code, message = read(parted, "2026-01-05", "2026-01-06")
    assert (rows, code) == (0, "partition-unregistered")
    assert "1 files lie at s3://lake/p/dt=2026-01-05/" in message


def test_data_that_landed_in_another_layout(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"year": "string", "month": "string", "day": "string"})
    lake.partition("p", ["2026", "01", "01"], location="s3://lake/logs/2026/01/01")
    lake.write("logs/2026/01/01/x.parquet", ROWS)
    lake.write("logs/2026/01/05/x.parquet", ROWS)
    keys = {"year": "yyyy", "month": "MM", "day": "dd"}
    rule = {"p": {"column": "ts", "keys": keys}}
    _, code, message = read(lake, "2026-01-05", "2026-01-06", partitions=rule)
    assert code == "partition-unregistered"
    assert "s3://lake/logs/2026/01/05/" in message


def test_a_window_before_the_data(parted: GlueLake) -> None:
    assert read(parted, "2025-01-05", "2025-01-06")[:2] == (0, "window-outside-data")


def test_registered_partitions_without_files(parted: GlueLake) -> None:
    parted.s3.delete_object(Bucket="lake", Key="p/dt=2026-01-01/x.parquet")
    assert read(parted, "2026-01-01", "2026-01-02")[:2] == (0, "files-gone")


def test_a_projection_that_ends_too_soon(lake: GlueLake) -> None:
    lake.table(
        "p",
        COLUMNS,
        keys={"dt": "string"},
        parameters={
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": "2025-01-01,2025-12-31",
        },
    )
    rows, code, message = read(lake, "2026-01-01", "2026-01-02")
    assert (rows, code) == (0, "projection-off-range")
    assert "dt from 2025-01-01 to 2025-12-31" in message
    assert read(lake, "2025-01-01", "2025-01-02")[:2] == (0, "not-landed")


def test_files_and_no_partition(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.write("p/dt=2026-01-01/x.parquet", ROWS)
    assert read(lake, "2026-01-01", "2026-01-02")[:2] == (0, "partition-unregistered")


def test_a_condition_in_the_query_that_keeps_no_partition(parted: GlueLake) -> None:
    rows, code, message = read(
        parted,
        "2026-01-01",
        "2026-01-02",
        table=None,
        query="SELECT * FROM p WHERE dt > '2027'",
        partitions={},
    )
    assert (rows, code) == (0, "partitions-filtered")
    assert "the newest is dt=2026-01-01" in message


def test_a_query_that_filters_all_rows(parted: GlueLake) -> None:
    query = "SELECT * FROM p WHERE score > 5"
    assert read(parted, "2026-01-01", "2026-01-02", table=None, query=query)[:2] == (
        0,
        "filtered-out",
    )
