"""Rows that go wrong in most connectors, and an exact comparison of what came back."""

from __future__ import annotations

import math
import struct
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: Final = ("at", "day", "flag", "small", "big", "ratio", "word", "amount")
"""The columns of `edge_rows`, but for the id."""


def edge_rows() -> pa.Table:
    """Return eight rows with everything at its edge: NULLs, NaN, infinities, midnights, quotes.

    Returns:
        A table with `id` (string, unique), `at` (timestamp[us, UTC]), `day` (date of `at`), `flag`
        (bool), `small` (int32), `big` (int64), `ratio` (double), `word` (string) and `amount`
        (decimal(18, 4)).
    """
    import pyarrow as pa

    moments = [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime(2500, 6, 1, 12, tzinfo=UTC),
        datetime(2026, 1, 2, 12, tzinfo=UTC),
        None,
    ]
    words = [
        "plain",
        "",
        "quote ' double \" back ` slash \\",
        "snow ☃, music 𝄞, e\u0301",
        "two\nlines\tand a tab",
        " spaces ",
        "NULL",
        None,
    ]
    return pa.table(
        {
            "id": [f"row-{i}" for i in range(8)],
            "at": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "day": pa.array([m.date() if m else None for m in moments], pa.date32()),
            "flag": [True, False, None, True, False, True, False, None],
            "small": pa.array([0, 1, -1, 2**31 - 1, -(2**31), 7, 8, None], pa.int32()),
            "big": pa.array([0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 8, None], pa.int64()),
            "ratio": [0.1, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.5, None],
            "word": pa.array(words, pa.string()),
            "amount": pa.array(
                [
                    Decimal("0.0000"),
                    Decimal("0.0001"),
                    Decimal("-0.0001"),
                    Decimal("99999999999999.9999"),
                    Decimal("-99999999999999.9999"),
                    Decimal("1.1000"),
                    Decimal("2.2500"),
                    None,
                ],
                pa.decimal128(18, 4),
            ),
        }
    )


MANY: Final = 25_013
"""Rows that come in several pages of any size; a prime, so that the last one is never full."""


def many_rows(count: int = MANY) -> pa.Table:
    """Return rows as those of `edge_rows`, a minute apart, and more than fit into one batch.

    Their ids, `row-00000` and on, are in the order of the rows. The first ten thousand have no
    NULL, the next two thousand nothing else in `small`, `ratio` and `word`, the others some: so
    types that are told from a batch of rows differ.
    """
    import pyarrow as pa

    start = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = range(count)
    moments = [start + timedelta(minutes=i, microseconds=i) for i in numbers]
    present = [i < 10_000 or (i >= 12_000 and i % 7 > 0) for i in numbers]
    return pa.table(
        {
            "id": [f"row-{i:05}" for i in numbers],
            "at": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "day": pa.array([m.date() for m in moments], pa.date32()),
            "flag": pa.array([i % 3 == 0 for i in numbers]),
            "small": pa.array([i if is_ else None for i, is_ in enumerate(present)], pa.int32()),
            "big": pa.array([2**53 + i for i in numbers], pa.int64()),
            "ratio": pa.array([i / 7 if is_ else None for i, is_ in enumerate(present)]),
            "word": pa.array([f"word {i}" if is_ else None for i, is_ in enumerate(present)]),
            "amount": pa.array([Decimal(i).scaleb(-4) for i in numbers], pa.decimal128(18, 4)),
        }
    )


def lost_and_repeated(actual: pa.Table, expected: pa.Table) -> list[str]:
    """Return which rows of `many_rows` did not come, came several times, or came from nowhere."""
    import pyarrow.compute as pc

    spelled = {n.casefold(): n for n in actual.column_names}
    if "id" not in spelled:
        return [f"there is no column 'id', only {', '.join(actual.column_names)}"]
    counts = Counter(actual[spelled["id"]].to_pylist())
    stored = [str(name) for name in expected["id"].to_pylist()]
    lost = [i for i, name in enumerate(stored) if name not in counts]
    again = [i for i, name in enumerate(stored) if counts[name] > 1]
    strange = sorted(set(counts) - set(stored), key=repr)
    where = f"of {len(stored)} rows that were stored"
    faults = []
    if lost:
        faults.append(f"{len(lost)} {where} did not come: {_runs(lost)} (counted from 0)")
    if again:
        faults.append(f"{len(again)} {where} came more than once: {_runs(again)}")
    if strange:
        faults.append(f"{len(strange)} rows came that were not stored, e.g. {strange[:3]}")
    if not faults:
        ordered = actual.take(pc.sort_indices(actual[spelled["id"]]))
        for name in expected.column_names:
            if not _same(ordered[spelled[name]], expected[name]):
                faults += [f"column {name!r}: {d}" for d in differences(actual, expected, name)[:2]]
    return faults


def _same(actual: pa.ChunkedArray[Any], expected: pa.ChunkedArray[Any]) -> bool:
    return actual.type == expected.type and actual.equals(expected)


def _runs(numbers: list[int]) -> str:
    """Return numbers as ranges: `10000 to 19999, 25000`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(a) if a == b else f"{a} to {b}" for a, b in runs[:4]]
    return ", ".join(texts) + (", ..." if len(runs) > 4 else "")


def differences(actual: pa.Table, expected: pa.Table, column: str) -> list[str]:
    """Return how a column of rows differs from what it should be, row by row; empty if it is same.

    Rows are told apart by `id`, in any order. Doubles are compared by their bits, so that -0.0 is
    not 0.0; every NaN is NaN.
    """
    spelled = {n.casefold(): n for n in actual.column_names}
    if column not in spelled:
        return [f"there is no column {column!r}, only {', '.join(actual.column_names)}"]
    type_, expected_type = (
        actual.schema.field(spelled[column]).type,
        expected.schema.field(column).type,
    )
    problems = [] if type_ == expected_type else [f"its type is {type_}, not {expected_type}"]
    actual_values = _by_id(actual, spelled["id"], spelled[column])
    expected_values = _by_id(expected, "id", column)
    if sorted(actual_values) != sorted(expected_values) or actual.num_rows != expected.num_rows:
        problems.append(f"the rows are {sorted(actual_values)}, not {sorted(expected_values)}")
    problems += [
        f"{row}: {actual_values[row]!r}, not {value!r}"
        for row, value in expected_values.items()
        if row in actual_values and _comparable(actual_values[row]) != _comparable(value)
    ]
    return problems


def _by_id(table: pa.Table, identity: str, column: str) -> dict[str, Any]:
    ids = [str(i) for i in table[identity].to_pylist()]
    return dict(zip(ids, table[column].to_pylist(), strict=True))


def _comparable(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else struct.pack(">d", value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def days(table: pa.Table) -> set[str | None]:
    """Return the days of rows as partition values: ISO texts, and None for NULL."""
    values: list[date | None] = table["day"].to_pylist()
    return {None if d is None else d.isoformat() for d in values}
