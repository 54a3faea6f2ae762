"""Projected partitions whose keys are typed: paths have a format, rows have values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater.partitions.patterns import parse_pattern
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

FIRST = datetime(2025, 12, 30, tzinfo=UTC)
MOMENTS = [FIRST + timedelta(days=n) for n in range(6)]
TYPED = [
    ("date", "yyyyMMdd"),
    ("date", "dd.MM.yyyy"),
    ("date", "yyyy-dd-MM"),
    ("timestamp", "dd-MM-yyyy HH"),
]
TABLES = {f"t{n}": told for n, told in enumerate(TYPED)}
SAID = {
    "": 6,
    "WHERE dt = DATE'2026-01-02'": 1,
    "WHERE dt <=> DATE'2026-01-02'": 1,
    "WHERE dt IN (DATE'2026-01-02', DATE'2025-12-31', DATE'1999-01-01')": 2,
    "WHERE dt = DATE'2026-01-02' OR dt = DATE'2026-01-03'": 2,
    "WHERE dt <> DATE'2026-01-02'": 5,
    "WHERE dt >= DATE'2026-01-02'": 3,
    "WHERE dt < DATE'2026-01-02'": 3,
    "WHERE dt BETWEEN DATE'2025-12-31' AND DATE'2026-01-02'": 3,
    "WHERE CAST(dt AS DATE) = DATE'2026-01-02'": 1,
}
OF_DATES = {
    "WHERE dt = '2026-01-02'": 1,
    "WHERE dt = CAST('2026-01-02' AS DATE)": 1,
    "WHERE dt = to_date('2026-01-02')": 1,
    "WHERE CAST(dt AS STRING) = '2026-01-02'": 1,
    "WHERE CAST(dt AS STRING) LIKE '2026-01-%'": 4,
    "WHERE dt >= '2026-01-02'": 3,
}


def rows_of(moment: datetime) -> pa.Table:
    times = [moment + timedelta(hours=h) for h in (0, 12)]
    return pa.table({"ts": pa.array(times, pa.timestamp("us", tz="UTC"))})


@pytest.fixture(scope="module")
def lake() -> Iterator[GlueLake]:
    with Emulator() as aws:
        filled = GlueLake(aws)
        for name, (type_, text) in TABLES.items():
            pattern = parse_pattern(text)
            filled.table(
                name,
                {"ts": "timestamp"},
                keys={"dt": type_},
                parameters={
                    "projection.enabled": "true",
                    "projection.dt.type": "date",
                    "projection.dt.range": f"{pattern.format(FIRST)},{pattern.format(MOMENTS[-1])}",
                    "projection.dt.format": text,
                    "projection.dt.interval": "1",
                    "projection.dt.interval.unit": "DAYS",
                    "storage.location.template": f"s3://lake/{name}/${{dt}}/",
                },
            )
            for moment in MOMENTS:
                filled.write(f"{name}/{pattern.format(moment)}/p.parquet", rows_of(moment))
        yield filled


def conditions(type_: str) -> dict[str, int]:
    return SAID | OF_DATES if type_ == "date" else SAID


@pytest.mark.parametrize("name", TABLES)
def test_every_condition_counts_the_days_that_meet_it(lake: GlueLake, name: str) -> None:
    """Of each type all conditions; of the further formats of a type those that read a range."""
    source = lake.source()
    type_ = TABLES[name][0]
    first = next(n for n, (t, _) in TABLES.items() if t == type_)
    told = {
        where: days
        for where, days in conditions(type_).items()
        if name == first or "BETWEEN" in where or ">=" in where
    }
    with hw.Workspace(engine="embedded") as workspace:
        for where, days in told.items():
            query = f"SELECT count(*) AS n, min(dt) AS first FROM {name} {where}"
            rows = workspace.sql(query, source).to_arrow().to_pylist()
            assert rows[0]["n"] == 2 * days, where
            assert isinstance(rows[0]["first"], datetime) is (type_ == "timestamp")


@pytest.mark.parametrize("name", TABLES)
def test_spark_counts_the_same(lake: GlueLake, spark_engine: SparkEngine, name: str) -> None:
    columns = ", ".join(
        f"count(CASE WHEN {where.removeprefix('WHERE ') or 'true'} THEN 1 END) AS c{n}"
        for n, where in enumerate(conditions(TABLES[name][0]))
    )
    for query in (f"SELECT {columns} FROM {name}",):
        (row,) = planned_sql(lake.source(query=query), query, spark_engine).to_arrow().to_pylist()
        assert list(row.values()) == [2 * n for n in conditions(TABLES[name][0]).values()]
    for where in ("WHERE dt = DATE'2026-01-02'", "WHERE dt >= DATE'2026-01-02'"):
        query = f"SELECT count(*) AS n FROM {name} {where}"
        (row,) = planned_sql(lake.source(query=query), query, spark_engine).to_arrow().to_pylist()
        assert row["n"] == 2 * SAID[where]


@pytest.mark.parametrize("name", TABLES)
def test_a_rule_prunes_by_either_way_to_write_the_key(lake: GlueLake, name: str) -> None:
    """What the projection's format writes, or what the key's own type writes."""
    type_, text = TABLES[name]
    own = "yyyy-MM-dd" if type_ == "date" else "yyyy-MM-dd HH:00:00"
    written = {own} | ({text} if type_ == "date" or "HH" in text else set())
    for pattern in sorted(written):
        found = read(lake, name, {"column": "ts", "keys": {"dt": pattern}})
        assert found == ([datetime(2026, 1, 2, h, tzinfo=UTC) for h in (0, 12)], 1)


def read(lake: GlueLake, name: str, rule: dict[str, Any]) -> tuple[list[Any], int]:
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", features={"n": "numeric"}, predictions={"p": "numeric"}
        )
        source = lake.source(
            query=f"SELECT CAST(ts AS STRING) AS id, ts, 1.5D AS n, 1.0D AS p, dt FROM {name}",
            partitions={name: rule},
        )
        serving = version.connect_serving(source, "id", "ts")
        data = serving.read("2026-01-02", "2026-01-03")
        times: list[Any] = data.to_arrow()["timestamp"].to_pylist()
        return sorted(times), data.plan.scans[0].estimate.partitions_kept
