"""How many calls of AWS an operation makes, and what each is for.

Counted is everything that reaches AWS, the engine's own requests too. Whoever adds a call has to
say in these tables what it is for, and why nothing that was asked before tells it.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pytest
from core.tests.counting import stages_counted

import headwater as hw
from headwater.errors import AccessDeniedError, ConfigError, DataChangedError
from headwater.interfaces.report import Status
from headwater.reading.dataset import EmptyReadWarning
from headwater.workspace.model import Connection
from headwater_glue.testing import GlueLake

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 7
WINDOW: Final = ("2026-01-03", "2026-01-06")
QUERY: Final = "SELECT * FROM log"

PLANNING: Final = {
    "sts:GetCallerIdentity": (1, "who reads, which the plan names"),
    "glue:GetTable": (1, "the table's columns and its location"),
    "glue:GetPartitions": (1, "all partitions: the window's, those beside it, how many there are"),
    "glue:BatchGetPartition": (1, "their own columns, which a listing of all leaves out"),
    "s3:ListObjectsV2": (1, "all files of the table, and whether they are a lake's"),
}
READING: Final = {
    **PLANNING,
    "s3:ListObjectsV2": (2, "planning's, and the files' versions once more before rows are read"),
    "s3:GetObject": (7, "the window's files, and one of each partition that proves the rule"),
}
CHECKING = READING
"""A check reads, and asks nothing beside: its stages tell what planning and reading were told."""


def told(table: dict[str, tuple[int, str]]) -> Counter[str]:
    return Counter({call: count for call, (count, _) in table.items()})


def day(number: int, rows: int = 24) -> pa.Table:
    begin = FIRST + timedelta(days=number)
    return pa.table(
        {
            "id": [f"{number}-{n}" for n in range(rows)],
            "at": pa.array(
                [begin + timedelta(hours=n % 24, minutes=5) for n in range(rows)],
                pa.timestamp("us", "UTC"),
            ),
            "y": [1.0] * rows,
        }
    )


def key(number: int) -> str:
    return f"log/dt={FIRST + timedelta(days=number):%Y-%m-%d}/part-0.parquet"


def fill(lake: GlueLake, days: int = DAYS) -> None:
    lake.table("log", {"id": "string", "at": "timestamp", "y": "double"}, keys={"dt": "string"})
    for number in range(days):
        lake.partition("log", [f"{FIRST + timedelta(days=number):%Y-%m-%d}"])
        lake.write(key(number), day(number))


def source(lake: GlueLake, query: str = QUERY, **more: Any) -> hw.GlueDataSource:
    rule = {"column": "at", "keys": {"dt": "yyyy-MM-dd"}}
    return lake.source(query=query, partitions={"log": rule}, **more)


@contextmanager
def connected(lake: GlueLake, actuals: str | None = None, **more: Any) -> Iterator[Connection]:
    with hw.Workspace(engine="embedded") as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )
        if actuals is not None:
            more["auth"] = more.get("auth") or lake.keys()
        serving = version.connect_serving(source(lake, **more), "id", "at")
        if actuals is not None:
            version.connect_actuals(source(lake, actuals, **more), "id", labels={"y": "y"})
        yield serving


def calls(lake: GlueLake, do: Callable[[], object]) -> Counter[str]:
    lake.aws.requests.clear()
    do()
    return Counter(f"{one.service}:{one.action}" for one in lake.aws.requests)


def read(serving: Connection) -> None:
    assert serving.read(*WINDOW).to_arrow().num_rows == 3 * 24


def check(serving: Connection, *window: str) -> None:
    report = serving.check(*(window or WINDOW))
    assert report.ok, report.render()
    stage = report.stage("time-partition")
    assert stage is not None
    assert stage.details["compared"] == 7


def test_a_check_of_three_days_of_seven(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake) as serving:
        found = calls(lake, lambda: check(serving))
    assert found == told(CHECKING)
    assert found.total() <= 13


def test_a_plan_and_a_read_of_three_days_of_seven(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake) as serving:
        found = calls(lake, lambda: (serving.plan(*WINDOW), serving.read(*WINDOW)))
        assert found == told(PLANNING) + told(PLANNING)
        assert found.total() <= 12
        assert calls(lake, lambda: read(serving)) == told(READING)


def test_each_step_is_taken_once(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake) as serving:
        sql = serving.plan(*WINDOW).sql
        for run in (read, check):
            with stages_counted() as counts:
                run(serving)
            assert counts["parse"] == counts["bind"] == Counter({QUERY: 1, sql: 1})
            assert counts["compile"] == Counter({sql: 1})


def test_a_check_without_a_window_asks_no_more(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake) as serving:
        found = calls(lake, lambda: serving.check())
    assert found == told(CHECKING)


def test_actuals_of_the_same_table_cost_its_description_once_more(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake, actuals="SELECT id, at, y FROM log") as serving:
        found = calls(lake, lambda: serving.check(*WINDOW))
    again = Counter({f"glue:{c}": 1 for c in ("GetTable", "GetPartitions", "BatchGetPartition")})
    assert found - told(CHECKING) <= again + Counter({"s3:ListObjectsV2": 1})


def test_nothing_is_kept_for_the_next_operation(lake: GlueLake) -> None:
    fill(lake)
    with connected(lake) as serving:
        assert len(serving.plan("2026-01-07", "2026-01-09").scans[0].relation.files) == 1  # type: ignore[union-attr]
        data = serving.read(*WINDOW)
        assert data.to_arrow().num_rows == 3 * 24
        lake.partition("log", ["2026-01-08"])
        lake.write(key(7), day(7))
        lake.write(key(3).replace("part-0", "part-1"), day(3))
        assert len(serving.plan("2026-01-07", "2026-01-09").scans[0].relation.files) == 2  # type: ignore[union-attr]
        assert serving.read(*WINDOW).to_arrow().num_rows == 4 * 24
        # What was planned before has the files that it was planned with.
        assert data.to_arrow().num_rows == 3 * 24


@pytest.mark.parametrize("seen", [False, True], ids=["before the first read", "between two"])
def test_a_file_that_was_overwritten_is_told_however_long_after(lake: GlueLake, seen: bool) -> None:
    fill(lake)
    with connected(lake) as serving:
        data = serving.read(*WINDOW)
        if seen:
            assert data.to_arrow().num_rows == 3 * 24
        other = day(3).set_column(2, "y", pa.array([2.0] * 24))
        lake.write(key(3), other)
        with pytest.raises(DataChangedError, match="dt=2026-01-04"):
            data.to_arrow()


def test_a_file_that_is_overwritten_behind_its_confirmation_is_told(
    lake: GlueLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is fetched is of the planned version: the request says which, and S3 refuses another."""
    from headwater.reading import reader

    fill(lake)
    confirm = reader.confirm

    def then_overwritten(*args: Any) -> None:
        confirm(*args)
        lake.write(key(4), day(4).set_column(2, "y", pa.array([2.0] * 24)))

    monkeypatch.setattr(reader, "confirm", then_overwritten)
    with connected(lake) as serving, pytest.raises(DataChangedError, match="dt=2026-01-05"):
        serving.read(*WINDOW).to_arrow()


def test_a_wrong_rule_is_found_from_what_was_fetched_once(lake: GlueLake) -> None:
    fill(lake)
    lake.write(key(1), day(4))  # rows of the window, in a partition beside it
    with connected(lake) as serving:
        assert not serving.check(*WINDOW).ok
        with pytest.raises(ConfigError) as caught:
            serving.read(*WINDOW).to_arrow()
    assert caught.value.code == "rule-broken"


def test_files_that_are_not_small_are_read_where_they_are(lake: GlueLake) -> None:
    """Each takes its length, its footer and its columns; none is fetched whole."""
    fill(lake)
    for number in range(DAYS):
        ids = [f"{number}-{n * n:x}-{n:032x}" for n in range(20_000)]
        rows = day(number, 20_000).set_column(0, "id", pa.array(ids))
        lake.write(key(number), rows)
    with connected(lake) as serving:
        found = calls(lake, lambda: serving.read(*WINDOW).to_arrow())
        assert found["s3:ListObjectsV2"] == 2
        assert found["s3:HeadObject"] > 0
        sizes = [len(str(one.parameters.get("range"))) for one in lake.aws.requests]
        assert sizes
        assert serving.check(*WINDOW).ok


def test_a_role_for_the_partitions_alone_reads_as_before(lake: GlueLake) -> None:
    """Who may list no more than partitions is refused the table's directory, once."""
    fill(lake)
    days = [f"log/dt=2026-01-{n:02}/*" for n in range(1, DAYS + 1)]
    statements = [
        {"Effect": "Allow", "Action": ["glue:*", "s3:GetObject"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "*",
            "Condition": {"StringLike": {"s3:prefix": days}},
        },
    ]
    narrow = lake.keys({"Version": "2012-10-17", "Statement": statements})
    with connected(lake, auth=narrow) as serving:
        found = calls(lake, lambda: check(serving))
        refused = [one.parameters["prefix"] for one in lake.aws.requests if one.status == 403]
    assert found["s3:GetObject"] == 7
    assert len(refused) <= 4
    assert set(refused) == {"log/"}


@pytest.mark.parametrize("window", [WINDOW, None])
def test_a_role_that_may_not_describe_partitions_reads_what_a_window_chooses(
    lake: GlueLake, window: tuple[str, str] | None
) -> None:
    fill(lake)
    statements = [
        {"Effect": "Allow", "Action": ["glue:*", "s3:*"], "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["glue:BatchGetPartition", "glue:GetPartition"],
            "Resource": "*",
        },
    ]
    keys = lake.keys({"Version": "2012-10-17", "Statement": statements})
    with connected(lake, auth=keys) as serving:
        if window is not None:
            assert serving.read(*window).to_arrow().num_rows == 3 * 24
            return
        with pytest.raises(AccessDeniedError, match="glue:BatchGetPartition"):
            serving.read()


def test_a_table_of_more_partitions_than_a_catalog_describes_at_once(lake: GlueLake) -> None:
    fill(lake, days=130)
    with connected(lake) as serving:
        found = calls(lake, lambda: read(serving))
    # Those of the window and a few beside it are described, in one call each way.
    assert found["glue:GetPartitions"] == 1
    assert found["glue:BatchGetPartition"] == 2
    assert found["s3:ListObjectsV2"] == 2


def test_what_one_identity_was_given_is_not_anothers(lake: GlueLake) -> None:
    """Two identities in one operation: the actuals' may list, and not read, what serving reads."""
    fill(lake)
    listing = {"Effect": "Allow", "Action": ["glue:*", "s3:ListBucket"], "Resource": "*"}
    blind = lake.keys({"Version": "2012-10-17", "Statement": [listing]})
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )
        serving = version.connect_serving(source(lake), "id", "at")
        theirs = source(lake, "SELECT id, at, y FROM log", auth=blind)
        version.connect_actuals(theirs, "id", labels={"y": "y"})
        with pytest.raises(AccessDeniedError, match="s3:GetObject"):
            serving.read(*WINDOW).to_arrow()
        report = serving.check(*WINDOW)
    refused = report.stage("actuals: s3:GetObject")
    assert refused is not None
    assert refused.status is Status.FAILED
