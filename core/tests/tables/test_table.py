"""What a table says of its columns, and what a rule of time may say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headwater.errors import ConfigError
from headwater.tables.table import Column, Table, TableName, TimePartition
from headwater.types import BIGINT, DATE, STRING

FIRST, SECOND, DAY = Column("Id", STRING), Column("id", BIGINT), Column("dt", DATE)


def test_columns_are_found_in_any_case_and_of_two_the_first() -> None:
    table = Table(TableName("db", "t"), (FIRST, SECOND, DAY))
    assert table.column("ID") is table.column("id") is FIRST
    assert table.column("dt") is DAY
    assert table.column("d") is None


def test_keys_are_columns_in_their_own_order() -> None:
    table = Table(TableName("db", "t"), (FIRST, DAY, Column("region", STRING)), ("region", "DT"))
    assert [c.name for c in table.partition_columns] == ["region", "dt"]
    assert Table(TableName("db", "t"), (FIRST,), ("gone",)).partition_columns == ()


def test_rows_can_not_be_late_by_less_than_nothing() -> None:
    with pytest.raises(ConfigError, match="TimePartition on 'ts': lateness can't be negative"):
        TimePartition("ts", {"dt": "yyyy"}, lateness=timedelta(seconds=-1))
    with pytest.raises(ConfigError, match="can't be negative"):
        TimePartition.of({"column": "ts", "keys": {"dt": "yyyy"}, "lateness": -1})
