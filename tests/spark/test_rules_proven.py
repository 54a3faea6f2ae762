"""Declared time partitions on Spark: what the embedded engine finds of them is found there too."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core.tests.pipeline.test_proving import DAY, SWAPPED, csv, hourly, int96, parquet, put

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater.errors import ConfigError
from headwater.reading.dataset import EmptyReadWarning
from headwater.workspace.model import Connection
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = ("2026-01-05T00:00Z", "2026-01-05T06:00Z")


@pytest.fixture
def connect(spark_engine: SparkEngine) -> Iterator[Callable[..., Connection]]:
    with hw.Workspace(engine="spark") as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        # Its session is shared: the workspace does not close it.
        workspace.use_engine(spark_engine)
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )

        def made(source: hw.DataSource) -> Connection:
            version.disconnect("serving")
            return version.connect_serving(source, "id", "at")

        yield made
        workspace._engines.clear()


def files(folder: Path, format: Any = "parquet", **rule: object) -> hw.FileDataSource:
    return hw.FileDataSource(
        tables={"log": str(folder)},
        format=format,
        columns={"log": {"id": "string", "at": "timestamp", "y": "double"}},
        options={"header": "true"} if format == "csv" else {},
        partitions={"log": {"column": "at", **rule}},
    )


@pytest.mark.parametrize("write", [parquet, int96, csv])
def test_a_true_rule_is_quiet(connect, tmp_path, write) -> None:
    format_ = "csv" if write is csv else "parquet"
    data = connect(files(hourly(tmp_path, write), format_, keys=DAY)).read(*WINDOW)
    assert (data.to_arrow().num_rows, data.stats.notes) == (6, ())


@pytest.mark.parametrize("write", [parquet, int96, csv])
def test_months_and_days_that_changed_places(connect, tmp_path, write) -> None:
    format_ = "csv" if write is csv else "parquet"
    serving = connect(files(hourly(tmp_path, write), format_, keys=SWAPPED))
    with pytest.raises(ConfigError) as caught:
        serving.read("2026-01-01", "2026-01-09").to_arrow()
    assert caught.value.code == "rule-broken"
    assert not serving.check("2026-01-01", "2026-01-09").ok
    with pytest.raises(ConfigError):
        serving.read("2026-01-01", "2026-01-09").to_spark()


@pytest.mark.parametrize("write", [parquet, int96])
def test_a_wrong_zone(connect, tmp_path, write) -> None:
    serving = connect(files(hourly(tmp_path, write), keys=DAY, timezone="America/Los_Angeles"))
    data = serving.read(*WINDOW)
    assert data.to_arrow().num_rows == 0
    assert data.stats.verdict.code == "rule-broken"
    assert "timezone='UTC'" in data.stats.verdict.hint
    part = serving.read("2026-01-04T12:00Z", "2026-01-05T06:00Z")
    assert part.to_arrow().num_rows == 12
    assert "rule-broken" in {n.code for n in part.stats.notes}


def test_every_file_is_compared_and_one_row_of_1970_is_told(connect, tmp_path) -> None:
    hourly(tmp_path)
    put(tmp_path, "dt=x2026-01-05", [datetime(1970, 1, 1, tzinfo=UTC)] * 2, name="a")
    data = connect(files(tmp_path, keys=DAY)).read(*WINDOW)
    assert data.to_arrow().num_rows == 6
    assert [n.code for n in data.stats.notes] == ["rule-broken"]
    put(tmp_path, "dt=x2026-01-05", [FIRST + timedelta(days=9)], name="moved")
    with pytest.raises(ConfigError, match="moved"):
        connect(files(tmp_path, keys=DAY)).read(*WINDOW).to_arrow()


def test_files_in_s3_are_compared_with_the_plans_identity(connect, aws: Emulator) -> None:
    lake = GlueLake(aws, bucket="proven")
    lake.table("log", {"id": "string", "at": "timestamp", "y": "double"}, keys={"dt": "string"})
    import pyarrow as pa

    for number in range(9):
        at = pa.array([FIRST + timedelta(days=number, hours=12)], pa.timestamp("us", "UTC"))
        place = lake.partition("log", [f"2026-01-0{number + 1}"])
        table = pa.table({"id": ["a"], "at": at, "y": [1.0]})
        lake.write(f"{place.removeprefix(lake.uri(''))}x.parquet", table)

    def source(**rule: object) -> hw.DataSource:
        return lake.source(table="log", partitions={"log": {"column": "at", **rule}})

    good = connect(source(keys={"dt": "yyyy-MM-dd"})).read("2026-01-02", "2026-01-05")
    assert (good.to_arrow().num_rows, good.stats.notes) == (3, ())
    wrong = connect(source(keys={"dt": "yyyy-dd-MM"})).read("2026-01-01", "2026-01-08")
    with pytest.raises(ConfigError, match="all its rows lie outside"):
        wrong.to_arrow()
