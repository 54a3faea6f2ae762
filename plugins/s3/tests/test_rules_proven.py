"""Date directives in paths, and declared rules, over S3: files that contradict them are found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket
from plugins.s3.tests.test_reading import serving

import headwater as hw
from headwater.errors import ConfigError
from headwater.reading.dataset import EmptyReadWarning
from headwater.workspace.model import Connection

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = {
    "%Y/%m/%d/": "p/%Y/%m/%d/x.parquet",
    "%Y/%m/%d/%H/": "p/%Y/%m/%d/%H/x.parquet",
    "%Y-%m-%d/": "p/%Y-%m-%d/x.parquet",
}


def fill(bucket: Bucket, key: str, zone: str) -> None:
    """Write a row an hour, in the directory that its time has on a zone's clock."""
    found: dict[str, list[datetime]] = {}
    for n in range(24 * 8):
        at = FIRST + timedelta(hours=n, minutes=5)
        found.setdefault(at.astimezone(ZoneInfo(zone)).strftime(key), []).append(at)
    for place, times in found.items():
        table = pa.table(
            {
                "id": [str(n) for n in range(len(times))],
                "at": pa.array(times, pa.timestamp("us", "UTC")),
                "score": [0.5] * len(times),
            }
        )
        bucket.write(place, table)


@contextmanager
def connected(bucket: Bucket, path: str, **told: object) -> Iterator[Connection]:
    with hw.Workspace(engine="embedded") as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        yield serving(workspace, bucket.source(path, **told))


@pytest.mark.parametrize("path", PATHS)
def test_dates_in_paths_that_are_true(bucket: Bucket, path: str) -> None:
    fill(bucket, PATHS[path], "UTC")
    with connected(bucket, f"p/{path}", time_column="at") as found:
        data = found.read("2026-01-03", "2026-01-04")
        assert (data.to_arrow().num_rows, data.stats.notes) == (24, ())
        for window in (("2026-01-03", "2026-01-04"), ()):
            stage = found.check(*window).stage("time-partition")
            assert stage is not None
            assert stage.status == "ok"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_dates_in_paths_of_another_clock(bucket: Bucket, path: str, zone: str) -> None:
    fill(bucket, PATHS[path], zone)
    window = ("2026-01-03T02:00Z", "2026-01-03T23:00Z")
    with connected(bucket, f"p/{path}", time_column="at") as found:
        report = found.check(*window)
        stage = report.stage("time-partition")
        assert stage is not None
        assert stage.status == "failed"
        assert "timezone=" in (stage.diagnostics[0].hint or "")
        assert not found.check().ok
        data = found.read(*window)
        if "%H" in path:
            with pytest.raises(ConfigError, match="all its rows lie outside") as caught:
                data.to_arrow()
            assert caught.value.code == "rule-broken"
        else:
            assert data.to_arrow().num_rows < 21
            assert "rule-broken" in {n.code for n in data.stats.notes}


def test_a_declared_pattern_that_reads_no_directory(bucket: Bucket) -> None:
    fill(bucket, "p/dt=x%Y-%m-%d/x.parquet", "UTC")
    rule = {"data": {"column": "at", "keys": {"dt": "'x'yyyyMMdd"}}}
    with connected(bucket, "p/", partitions=rule) as found:
        with pytest.raises(ConfigError, match="none of its 8 partitions") as caught:
            found.plan("2026-01-03", "2026-01-04")
        assert caught.value.code == "rule-broken"
        assert not found.check().ok
