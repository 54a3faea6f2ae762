"""The recorded partitions of one table: hours of many days, on pages made before they are asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

TABLE = "hourly"
PAGE = 1000
SEGMENTS = 10
FIRST = date(2015, 1, 1)
_DAY = re.compile(r"'(\d{4}-\d{2}-\d{2})'")


class Partitions:
    """A table's partitions by `dt` and `hour`, as `GetPartitions` gives them.

    Args:
        count: How many there are, 24 a day.
        columns: The table's columns, which each partition repeats.
    """

    def __init__(self, count: int, columns: list[dict[str, str]]) -> None:
        days = [(FIRST + timedelta(days=n)).isoformat() for n in range(-(-count // 24))]
        keys = [(day, f"{hour:02}") for day in days for hour in range(24)][:count]
        self._rows = {
            bare: [_partition(day, hour, [] if bare else columns) for day, hour in keys]
            for bare in (False, True)
        }
        self._days = {day: range(n * 24, min(n * 24 + 24, count)) for n, day in enumerate(days)}
        self._pages = {
            bare: [_answer(rows[i : i + PAGE]) for i in range(0, len(rows), PAGE)]
            for bare, rows in self._rows.items()
        }

    def answer(self, asked: Mapping[str, Any]) -> bytes:
        """Return one page: of all, of a segment, or of the days that an expression names."""
        bare = bool(asked.get("ExcludeColumnSchema"))
        if expression := asked.get("Expression"):
            rows = self._rows[bare]
            wanted = [i for day in _DAY.findall(expression) for i in self._days.get(day, ())]
            return _closed([rows[i] for i in wanted])
        pages = self._pages[bare]
        segment = asked.get("Segment")
        if segment is not None:
            each = -(-len(pages) // segment["TotalSegments"])
            start = segment["SegmentNumber"] * each
            pages = pages[start : start + each]
        at = int(asked.get("NextToken", 0))
        if at >= len(pages):
            return _closed([])
        more = b', "NextToken": "%d"' % (at + 1) if at + 1 < len(pages) else b""
        return pages[at] + more + b"}"


def _partition(day: str, hour: str, columns: list[dict[str, str]]) -> bytes:
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    storage: dict[str, Any] = {
        "Location": f"s3://lake/{TABLE}/dt={day}/hour={hour}/",
        "InputFormat": f"{hive}.MapredParquetInputFormat",
        "OutputFormat": f"{hive}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
    }
    if columns:
        storage["Columns"] = columns
    return json.dumps(
        {
            "Values": [day, hour],
            "DatabaseName": "db0",
            "TableName": TABLE,
            "CreationTime": 1767225600.0,
            "StorageDescriptor": storage,
            "CatalogId": "123456789012",
        }
    ).encode()


def _answer(rows: list[bytes]) -> bytes:
    return b'{"Partitions": [' + b", ".join(rows) + b"]"


def _closed(rows: list[bytes]) -> bytes:
    return _answer(rows) + b"}"
