"""Times that a pattern reads from texts, as Spark gives them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

import headwater as hw
from headwater.sources.memory import MemoryDataSource

TEXTS = ["2024-03-01T22:11:12+05:30", "2024-03-01T22:11:12-05:00", "2024-03-01T22:11:12Z"]
PATTERN = "yyyy-MM-dd'T'HH:mm:ssXXX"
WALL = datetime(2024, 3, 1, 22, 11, 12)  # noqa: DTZ001  (a wall clock)
EXPECTED = {
    "to_timestamp": [
        datetime(2024, 3, 1, 16, 41, 12, tzinfo=UTC),
        datetime(2024, 3, 2, 3, 11, 12, tzinfo=UTC),
        WALL.replace(tzinfo=UTC),
    ],
    "to_timestamp_ntz": [WALL] * 3,
    "to_date": [date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 1)],
}


@pytest.mark.parametrize("function", EXPECTED)
def test_a_zone_moves_an_instant_and_no_wall_clock(function: str) -> None:
    source = MemoryDataSource(tables={"t": pa.table({"s": TEXTS})})
    with hw.Workspace(engine="embedded") as workspace:
        rows = workspace.sql(f'SELECT {function}(s, "{PATTERN}") AS v FROM t', source).to_arrow()
    assert rows["v"].to_pylist() == EXPECTED[function]
