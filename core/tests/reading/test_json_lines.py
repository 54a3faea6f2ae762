"""JSON lines: what JSON has no word for is told by a text, and nothing is lost."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headwater.reading.json_lines import JsonLinesWriter

AT = datetime(2026, 1, 1, 5, 0, 0, 123, tzinfo=UTC)


def test_every_kind_of_value() -> None:
    columns: dict[str, Any] = {
        "text": ['é\n"', None],
        "whole": pa.array([2**62, None]),
        "half": [0.1, math.nan],
        "far": [math.inf, -math.inf],
        "exact": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
        "raw": [b"\x00\xff", None],
        "flag": [True, None],
        "day": [date(2026, 1, 1), None],
        "at": pa.array([AT, None], pa.timestamp("us", "Europe/Berlin")),
        "local": pa.array([AT.replace(tzinfo=None), None], pa.timestamp("us")),
        "list": [[1.5, None], []],
        "struct": [{"a": [Decimal("2.0")], "b": None}, None],
        "map": pa.array([[("x", 1)], None], pa.map_(pa.string(), pa.int64())),
        "numbered": pa.array([[(7, math.nan)], []], pa.map_(pa.int32(), pa.float64())),
        "nothing": pa.nulls(2),
    }
    batch = pa.record_batch(columns)
    file = io.BytesIO()
    JsonLinesWriter(file, batch.schema).write_batch(batch)
    lines = file.getvalue().decode().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0]) == {
        "text": 'é\n"',
        "whole": 2**62,
        "half": 0.1,
        "far": "Infinity",
        "exact": "1.10",
        "raw": "AP8=",
        "flag": True,
        "day": "2026-01-01",
        "at": "2026-01-01T05:00:00.000123Z",
        "local": "2026-01-01T05:00:00.000123",
        "list": [1.5, None],
        "struct": {"a": ["2.0"], "b": None},
        "map": {"x": 1},
        "numbered": {"7": "NaN"},
        "nothing": None,
    }
    second = json.loads(lines[1])
    assert (second.pop("half"), second.pop("far")) == ("NaN", "-Infinity")
    assert (second.pop("list"), second.pop("numbered")) == ([], {})
    assert set(second.values()) == {None}


def test_without_rows_nothing_is_written() -> None:
    batch = pa.record_batch({"x": pa.array([], pa.int64())})
    file = io.BytesIO()
    JsonLinesWriter(file, batch.schema).write_batch(batch)
    assert file.getvalue() == b""
