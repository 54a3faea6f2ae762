"""Spark's answers to small questions at the edges of SQL, over `edge_rows`.

Source: Apache Spark 4.1, ANSI mode, session time zone UTC; our own tests ask Spark each of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

ANSWERS: Final[dict[str, tuple[str, list[tuple[Any, ...]]]]] = {
    "nan-equals-nan": (
        "SELECT id FROM t WHERE ratio = CAST('NaN' AS DOUBLE)",
        [("row-2",)],
    ),
    "nan-is-greatest": ("SELECT id FROM t WHERE ratio > 1e308D", [("row-2",), ("row-3",)]),
    "negative-zero-is-zero": ("SELECT id FROM t WHERE ratio = 0.0D", [("row-1",)]),
    "null-is-neither": (
        "SELECT id FROM t WHERE flag <> true",
        [("row-1",), ("row-4",), ("row-6",)],
    ),
    "not-in-a-list-with-null": ("SELECT count(*) AS n FROM t WHERE small NOT IN (0, NULL)", [(0,)]),
    "integers-divide-to-double": ("SELECT small / 2 AS x FROM t WHERE id = 'row-1'", [(0.5,)]),
    "empty-is-not-null": ("SELECT id FROM t WHERE word = ''", [("row-1",)]),
    "text-by-code-points": (
        "SELECT id FROM t WHERE word < 'a'",
        [("row-1",), ("row-5",), ("row-6",)],
    ),
    "length-in-characters": ("SELECT length(word) AS n FROM t WHERE id = 'row-3'", [(19,)]),
    "count-leaves-null-out": ("SELECT count(*) AS a, count(flag) AS b FROM t", [(8, 6)]),
    "sum-of-nothing": ("SELECT sum(small) AS s FROM t WHERE id = 'nobody'", [(None,)]),
    "a-group-of-null": (
        "SELECT flag, count(*) AS n FROM t GROUP BY flag",
        [(False, 3), (None, 2), (True, 3)],
    ),
    "null-comes-first": (
        "SELECT id FROM (SELECT id, small FROM t ORDER BY small, id LIMIT 2) AS s",
        [("row-4",), ("row-7",)],
    ),
    "first-of-each": (
        """SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY flag ORDER BY id) AS n FROM t)
        AS s WHERE n = 1""",
        [("row-0",), ("row-1",), ("row-2",)],
    ),
    "a-window-of-time": (
        """SELECT id FROM t WHERE at >= TIMESTAMP '2026-01-01T23:59:59.999999Z'
        AND at < TIMESTAMP '2026-01-02T00:00:00.000001Z'""",
        [("row-1",), ("row-2",)],
    ),
    "a-left-join-keeps-its-rows": (
        "SELECT a.id, b.id AS other FROM t a LEFT JOIN t b ON a.small = b.big",
        [
            ("row-0", "row-0"),
            ("row-1", "row-1"),
            ("row-2", "row-2"),
            ("row-3", None),
            ("row-4", None),
            ("row-5", None),
            ("row-6", "row-6"),
            ("row-7", None),
        ],
    ),
    "decimals-add-up": ("SELECT sum(amount) AS s FROM t", [(Decimal("3.3500"),)]),
    "names-in-any-case": ("SELECT ID FROM T WHERE Word = 'plain'", [("row-0",)]),
}
"""Question to a query and its rows, in any order."""

RAISES: Final[dict[str, str]] = {
    "a-cast-that-fails": "SELECT CAST(word AS INT) AS x FROM t WHERE id = 'row-0'",
    "an-integer-overflows": "SELECT small + 1 AS x FROM t WHERE id = 'row-3'",
    "a-division-by-zero": "SELECT big / small AS x FROM t WHERE id = 'row-0'",
}
"""Question to a query on which Spark raises."""

RARE: Final = "SELECT histogram_numeric(big, 3) AS n FROM t"
"""A query that is admitted, and that only Spark itself answers as Spark."""
