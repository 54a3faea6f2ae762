"""What a window lacks: told from the plan's own facts, in every spelling of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from headwater import types as t
from headwater.partitions.missing_partitions import (
    EXPECTED,
    Gaps,
    of_registered,
    of_window,
    warnings,
)
from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import Column, Partition, Table, TableName, TimePartition
from headwater.tables.window import Window
from headwater.types import DataType

NAME = TableName("db", "log")
DAILY = TimePartition("ts", {"dt": "yyyy-MM-dd"})
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def table(keys: Mapping[str, DataType]) -> Table:
    columns = (Column("ts", t.TIMESTAMP), *(Column(k, v) for k, v in keys.items()))
    return Table(NAME, columns, tuple(keys))


def relation(of: Table, partitions: Mapping[Sequence[str | None], int]) -> FileRelation:
    """Return a relation of partitions, each with so many files."""
    groups = tuple(FilePartition(tuple(values)) for values in partitions)
    files = tuple(
        DataFile(f"s3://b/{index}/{n}", 1, index)
        for index, count in enumerate(partitions.values())
        for n in range(count)
    )
    return FileRelation(NAME, of.columns, of.partition_keys, partitions=groups, files=files)


def test_days_that_are_not_registered_and_days_without_files() -> None:
    of = table({"dt": t.STRING})
    found = relation(of, {("2026-01-01",): 1, ("2026-01-03",): 0, (None,): 1, ("odd",): 1})
    gaps = of_window(of, DAILY, Window.of("2026-01-01", "2026-01-05"), found, LATER)
    assert gaps == Gaps(4, ("dt=2026-01-02", "dt=2026-01-04"), ("dt=2026-01-03",))
    said = warnings(NAME, gaps)
    assert [d.code for d in said] == ["partitions-missing", "partitions-empty"]
    assert "2 of the window's 4 partitions" in said[0].message
    assert "1 of 4 partitions have no files (dt=2026-01-03)" in said[1].message


@pytest.mark.parametrize(
    ("keys", "patterns", "values"),
    [
        ({"dt": t.DATE}, {"dt": "yyyy-MM-dd"}, ["2026-1-9"]),
        ({"y": t.INT, "m": t.INT, "d": t.INT}, {"y": "yyyy", "m": "MM", "d": "dd"}, [2026, 1, 9]),
        ({"m": t.STRING, "y": t.STRING}, {"y": "yyyy", "m": "MM"}, ["1", "2026"]),
        ({"region": t.STRING, "DT": t.STRING}, {"dt": "yyyyMMdd"}, ["eu", "20260109"]),
        ({"y": t.STRING, "m": t.STRING}, {"y": "yyyy", "m": "M"}, ["2026", "01"]),
        ({"dt": t.STRING}, {"dt": "yyyy-M-d"}, ["2026-01-09"]),
    ],
)
def test_every_spelling_of_a_key_is_that_key(
    keys: Mapping[str, DataType], patterns: Mapping[str, str], values: Sequence[object]
) -> None:
    of = table(keys)
    found = relation(of, {tuple(str(v) for v in values): 1})
    rule = TimePartition("ts", patterns)
    gaps = of_window(of, rule, Window.of("2026-01-09", "2026-01-10"), found, LATER)
    assert gaps == Gaps(1)


def test_one_of_several_partitions_of_a_day_is_enough() -> None:
    of = table({"dt": t.STRING, "region": t.STRING})
    found = relation(of, {("2026-01-01", "eu"): 0, ("2026-01-01", "us"): 2})
    assert of_window(of, DAILY, Window.of("2026-01-01", "2026-01-02"), found, LATER) == Gaps(1)


def test_the_future_is_not_missed_and_lateness_needs_no_partitions() -> None:
    of = table({"dt": t.STRING})
    found = relation(of, {("2026-01-01",): 1})
    rule = TimePartition("ts", DAILY.keys, lateness=timedelta(days=2))
    now = datetime(2026, 1, 1, 15, tzinfo=UTC)
    assert of_window(of, rule, Window.of("2026-01-01", "2026-01-08"), found, now) == Gaps(1)
    assert of_window(of, rule, Window.of("2026-02-01", "2026-02-08"), found, now) is None


def test_a_window_of_too_many_partitions_is_not_told() -> None:
    of = table({"h": t.STRING})
    rule = TimePartition("ts", {"h": "yyyyMMddHH"})
    window = Window(LATER - timedelta(hours=EXPECTED + 1), LATER)
    assert of_window(of, rule, window, relation(of, {}), LATER) is None


def test_only_registered_partitions_can_be_empty() -> None:
    of = table({"dt": t.STRING})
    found = relation(of, {("1",): 1, ("2",): 0, ("3",): 0})
    kept = [Partition((v,), "", computed=v == "3") for v in "123"]
    assert of_registered(of, kept, found) == Gaps(3, without_files=("dt=2",))


def test_long_lists_are_cut() -> None:
    gaps = Gaps(9, tuple(f"dt={n}" for n in range(5)))
    assert "(dt=0, dt=1, dt=2 and 2 more)" in warnings(NAME, gaps)[0].message
    assert warnings(NAME, None) == warnings(NAME, Gaps(9)) == []
