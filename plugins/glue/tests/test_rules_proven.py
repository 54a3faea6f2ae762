"""Declared time partitions over Glue: wrong ones are found, whatever the catalog gives back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import ConfigError
from headwater.reading.dataset import EmptyReadWarning
from headwater.workspace.model import Connection
from headwater_glue.testing import GlueLake

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {"id": "string", "at": "timestamp", "y": "double"}
DAY = {"dt": "yyyy-MM-dd"}
WEEK = ("2026-01-01", "2026-01-08")


def rows(times: list[datetime]) -> pa.Table:
    return pa.table(
        {
            "id": [f"r{n}" for n in range(len(times))],
            "at": pa.array(times, pa.timestamp("us", "UTC")),
            "y": [1.0] * len(times),
        }
    )


def day(number: int, hours: int = 24) -> pa.Table:
    begin = FIRST + timedelta(days=number)
    return rows([begin + timedelta(hours=h, minutes=5) for h in range(hours)])


def fill(lake: GlueLake, days: int = 12, written: str = "%Y-%m-%d") -> None:
    """Register days and write them, a row an hour, in directories of UTC days."""
    lake.table("log", COLUMNS, keys={"dt": "string"})
    for number in range(days):
        value = (FIRST + timedelta(days=number)).strftime(written)
        place = lake.partition("log", [value])
        lake.write(f"{place.removeprefix(lake.uri(''))}part-0.parquet", day(number))


@contextmanager
def connected(lake: GlueLake, **rule: object) -> Iterator[Connection]:
    told: Mapping[str, object] = {"column": "at", **rule}
    source = lake.source(query="SELECT * FROM log", partitions={"log": told})
    with hw.Workspace(engine="embedded") as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )
        yield version.connect_serving(source, "id", "at")


def said(report: hw.CheckReport) -> str:
    stage = report.stage("time-partition")
    assert stage is not None
    return f"{stage.status}: {stage.summary} {[d.hint for d in stage.diagnostics]}"


def test_a_true_rule_is_quiet_and_costs_a_few_footers(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake, keys=DAY) as serving:
        before = len(lake.aws.requests)
        data = serving.read(*WEEK)
        assert data.to_arrow().num_rows == 7 * 24
        assert (data.plan.warnings, data.stats.notes) == ((), ())
        opened = {str(r.resources) for r in lake.aws.requests[before:] if r.action == "GetObject"}
        # Those of the week, one on its either side, and the last.
        assert len(opened) <= 7 + 3
        assert said(serving.check(*WEEK)).startswith("ok: ml.log: 6 files of 6 ")
        assert said(serving.check()).startswith("ok")


def test_months_and_days_that_changed_places(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake, keys={"dt": "yyyy-dd-MM"}) as serving:
        plan = serving.plan(*WEEK)
        assert not any("MSCK" in str(w) or "crawler" in str(w) for w in plan.warnings)
        with pytest.raises(ConfigError, match="all its rows lie outside") as caught:
            serving.read(*WEEK).to_arrow()
        assert caught.value.code == "rule-broken"
        assert caught.value.hint == "these files fit keys={'dt': 'yyyy-MM-dd'}"
        for window in (WEEK, ("2026-01-01", "2026-01-02"), ()):
            assert said(serving.check(*window)).startswith("failed")
        # Nothing lies where this one looks; the first day lies where it should.
        empty = serving.read("2026-01-03", "2026-01-04")
        assert empty.to_arrow().num_rows == 0
        assert empty.stats.verdict is not None
        assert empty.stats.verdict.code == "rule-broken"


def test_a_pattern_that_reads_no_registered_value_is_refused(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake, keys={"dt": "yyyyMMdd"}) as serving:
        for ask in (serving.plan, serving.read):
            with pytest.raises(ConfigError, match="none of its 12 partitions can be read") as found:
                ask(*WEEK)
            assert found.value.code == "rule-broken"
        assert said(serving.check(*WEEK)).startswith("failed")
        assert said(serving.check()).startswith("failed")


def test_values_that_are_lost_are_counted(lake: GlueLake) -> None:
    fill(lake, days=5)
    place = lake.partition("log", ["20260106"])
    lake.write(f"{place.removeprefix(lake.uri(''))}part-0.parquet", day(5))
    with connected(lake, keys=DAY) as serving:
        data = serving.read(*WEEK)
        assert data.to_arrow().num_rows == 5 * 24
        found = {n.code: n.message for n in data.stats.notes}
        assert "1 of 6 partitions" in found["partition-unread"]
        assert "dt='20260106': no row of theirs is read" in found["partition-unread"]
        # A window that finds none is not told to wait for what may lie there.
        data = serving.read("2026-01-06", "2026-01-07")
        assert data.to_arrow().num_rows == 0
        assert data.stats.verdict is not None
        assert "dt='20260106': no row of theirs is read" in (data.stats.verdict.hint or "")


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        ({"dt": "string"}, {"dt": "yyyy-M-d"}),
        (
            {"year": "string", "month": "string", "day": "string"},
            {"year": "yyyy", "month": "M", "day": "d"},
        ),
    ],
)
def test_a_pattern_without_leading_zeros_finds_values_with_them(
    lake: GlueLake, keys: dict[str, str], pattern: dict[str, str]
) -> None:
    lake.table("log", COLUMNS, keys=keys)
    for number in range(8, 12):
        text = f"2026-01-{number:02}"
        place = lake.partition("log", text.split("-") if len(keys) > 1 else [text])
        lake.write(f"{place.removeprefix(lake.uri(''))}part-0.parquet", day(number - 1))
    with connected(lake, keys=pattern) as serving:
        data = serving.read("2026-01-08", "2026-01-12")
        assert data.to_arrow().num_rows == 4 * 24
        assert data.plan.warnings == ()


def test_a_wrong_zone(lake: GlueLake) -> None:
    fill(lake)
    window = ("2026-01-05T00:00Z", "2026-01-05T06:00Z")
    with connected(lake, keys=DAY, timezone="America/Los_Angeles") as serving:
        data = serving.read(*window)
        assert data.to_arrow().num_rows == 0
        assert data.stats.verdict is not None
        assert data.stats.verdict.code == "rule-broken"
        assert "timezone='UTC'" in (data.stats.verdict.hint or "")
        assert said(serving.check(*window)).startswith("failed")


def test_a_window_that_has_not_landed_is_no_fault_of_the_rule(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake, keys=DAY) as serving:
        data = serving.read("2026-02-01", "2026-02-02")
        assert data.to_arrow().num_rows == 0
        assert data.stats.verdict is not None
        assert data.stats.verdict.code == "not-landed"
        assert serving.check("2026-02-01", "2026-02-02").ok


def projected(lake: GlueLake, pattern: str, written: str) -> None:
    lake.table(
        "log",
        COLUMNS,
        keys={"dt": "string"},
        parameters={
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": pattern,
            "projection.dt.range": (FIRST - timedelta(days=31)).strftime(written)
            + ","
            + (FIRST + timedelta(days=364)).strftime(written),
            "storage.location.template": f"{lake.uri('log')}/${{dt}}/",
        },
    )


def test_a_projection_and_a_rule_that_agree_with_the_files(lake: GlueLake) -> None:
    projected(lake, "yyyy/MM/dd", "%Y/%m/%d")
    for number in range(9):
        lake.write(f"log/{FIRST + timedelta(days=number):%Y/%m/%d}/x.parquet", day(number))
    with connected(lake, keys={"dt": "yyyy/MM/dd"}) as serving:
        data = serving.read(*WEEK)
        assert data.to_arrow().num_rows == 7 * 24
        assert "rule-broken" not in {n.code for n in data.stats.notes}
        assert said(serving.check(*WEEK)).startswith("ok")


def test_a_projection_whose_values_the_rule_does_not_read(lake: GlueLake) -> None:
    projected(lake, "yyyy/MM/dd", "%Y/%m/%d")
    lake.write("log/2026/01/05/x.parquet", day(4))
    with connected(lake, keys=DAY) as serving:
        with pytest.raises(ConfigError, match="none of its") as caught:
            serving.plan(*WEEK)
        assert caught.value.code == "rule-broken"
        assert "yyyy/MM/dd" in (caught.value.hint or "")
        assert said(serving.check(*WEEK)).startswith("failed")


def test_a_projection_whose_format_is_not_that_of_the_files(lake: GlueLake) -> None:
    projected(lake, "yyyy-dd-MM", "%Y-%d-%m")
    for month in range(1, 9):
        for number in (1, 5):
            at = datetime(2026, month, number, 12, tzinfo=UTC)
            lake.write(f"log/{at:%Y-%m-%d}/x.parquet", rows([at]))
    with connected(lake, keys={"dt": "yyyy-dd-MM"}) as serving:
        window = ("2026-01-05", "2026-01-06")
        with pytest.raises(ConfigError) as caught:
            serving.read(*window).to_arrow()
        assert caught.value.code == "rule-broken"
        assert "log/2026-05-01/x.parquet" in caught.value.message
        assert said(serving.check(*window)).startswith("failed")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_hours_in_keys_of_their_own(lake: GlueLake, zone: str) -> None:
    keys = {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH"}
    lake.table("log", COLUMNS, keys=dict.fromkeys(keys, "string"))
    for n in range(48):
        at = FIRST + timedelta(hours=n)
        values = at.strftime("%Y %m %d %H").split()
        place = lake.partition("log", values)
        lake.write(f"{place.removeprefix(lake.uri(''))}x.parquet", rows([at]))
    with connected(lake, keys=keys) as serving:
        data = serving.read("2026-01-01", "2026-01-02")
        assert (data.to_arrow().num_rows, data.stats.notes) == (24, ())
    with connected(lake, keys=keys, timezone=zone) as serving:
        with pytest.raises(ConfigError, match="contradict") as caught:
            serving.read("2026-01-01T10:00Z", "2026-01-01T14:00Z").to_arrow()
        assert "timezone='UTC'" in (caught.value.hint or "")


def test_who_may_read_only_the_window_reads_it(lake: GlueLake) -> None:
    """Files beside the window prove nothing to those who may not see them, and stop nothing."""
    fill(lake)
    place = "arn:aws:s3:::lake/log/dt=2026-01-05/*"
    statements = [
        {"Effect": "Allow", "Action": ["glue:*", "s3:ListBucket"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": place},
    ]
    from headwater.auth.credentials import Secret
    from headwater_aws.auth.static import StaticKeys

    key, secret = lake.aws.create_user_keys(
        lake.account_id, policy={"Version": "2012-10-17", "Statement": statements}
    )
    auth = StaticKeys(access_key_id=key, secret_access_key=Secret(secret))
    rule = {"log": {"column": "at", "keys": DAY}}
    source = lake.source(query="SELECT * FROM log", partitions=rule, auth=auth)
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )
        data = version.connect_serving(source, "id", "at").read("2026-01-05", "2026-01-06")
        assert data.to_arrow().num_rows == 24


def test_files_of_a_projection_are_looked_for_where_most_of_it_is_empty(lake: GlueLake) -> None:
    projected(lake, "yyyy-MM-dd", "%Y-%m-%d")
    for number in range(40, 60):
        at = FIRST + timedelta(days=number, hours=1)
        lake.write(f"log/{at:%Y-%m-%d}/x.parquet", rows([at]))
    for zone, status in (("UTC", "ok"), ("America/Denver", "failed")):
        with connected(lake, keys=DAY, timezone=zone) as serving:
            assert said(serving.check()).startswith(status)
