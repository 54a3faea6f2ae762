from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from core.tests.sql.cases import Case, cases

from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.pruning.scan_requests import only_range, request
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

COLUMNS: Final = {
    "logs": {
        "id": "bigint",
        "small": "tinyint",
        "at": "timestamp",
        "local": "timestamp_ntz",
        "day": "date",
        "word": "string",
        "short": "varchar(4)",
        "padded": "char(4)",
        "ratio": "double",
        "price": "decimal(10,2)",
        "flag": "boolean",
        "tags": "array<string>",
    },
    "labels": {"id": "bigint", "at": "timestamp", "word": "string"},
}
TABLES: Final = {
    TableName("db", name): Table(
        TableName("db", name),
        tuple(Column(c, parse_type(text)) for c, text in columns.items()),
    )
    for name, columns in COLUMNS.items()
}


def said(sql: str) -> list[str]:
    """Return what is asked for, as the fixture file writes it."""
    analysis = bind(parse(sql, database="db"), TABLES)
    assert analysis.ok, "\n".join(d.render() for d in analysis.diagnostics)
    lines = []
    for reference in analysis.parsed.references:
        asked = request(analysis, reference, ("id",))
        found = [str(c) for c in asked.conditions]
        found += [] if asked.limit is None else [f"{asked.limit} rows"]
        lines.append(f"{reference.name.name}: {'; '.join(found) or 'all'}")
    return lines


@pytest.mark.parametrize("case", cases("scan_requests.sql"), ids=str)
def test_what_is_asked_of_a_source(case: Case) -> None:
    assert said(case.sql) == list(case.expected)


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            "at >= TIMESTAMP '2026-01-01' AND at < TIMESTAMP '2026-01-03'",
            ("at", NEW_YEAR, LATER),
        ),
        ("(at >= TIMESTAMP '2026-01-01 01:00:00+01:00')", ("at", NEW_YEAR, None)),
        ("at < TIMESTAMP '2026-01-03'", ("at", None, LATER)),
        (
            "at < TIMESTAMP '2026-01-04' AND at < TIMESTAMP '2026-01-03'",
            ("at", None, LATER),
        ),
        (
            "at >= TIMESTAMP '2025-12-31' AND at >= TIMESTAMP '2026-01-01'",
            ("at", NEW_YEAR, None),
        ),
        ("at >= TIMESTAMP '2026-01-01' AND at < local", None),
        (
            "local >= TIMESTAMP_NTZ '2026-01-01'",
            ("local", NEW_YEAR.replace(tzinfo=None), None),
        ),
        ("at >= '2026-01-01'", ("at", NEW_YEAR, None)),
        ("at >= DATE '2026-01-01'", ("at", NEW_YEAR, None)),
        ("at > TIMESTAMP '2026-01-01'", None),
        ("NOT at < TIMESTAMP '2026-01-01'", None),
        ("at BETWEEN TIMESTAMP '2026-01-01' AND TIMESTAMP '2026-01-03'", None),
        ("at >= TIMESTAMP '2026-01-01' AND id >= 5", None),
        ("at >= TIMESTAMP '2026-01-01' AND local >= TIMESTAMP_NTZ '2026-01-01'", None),
        ("at >= TIMESTAMP '2026-01-01' AND hour(at) >= 5", None),
        ("at >= TIMESTAMP '2026-01-01' AND flag", None),
        ("at >= TIMESTAMP '2026-01-01' OR id < 5", None),
        ("CAST(at AS DATE) >= DATE '2026-01-01'", None),
        ("day >= DATE '2026-01-01'", None),
        ("TIMESTAMP '2026-01-01' < at", None),
        ("at >= local", None),
        ("at >= (SELECT max(at) FROM labels)", None),
        ("at IS NULL OR at >= TIMESTAMP '2026-01-01'", None),
        ("true", None),
    ],
)
def test_whether_a_time_range_alone_decides(where: str, expected: object) -> None:
    for sql in (
        f"SELECT id, at FROM logs WHERE {where}",
        f"SELECT id FROM (SELECT * FROM logs WHERE {where})",
        f"SELECT i FROM (SELECT *, id AS i FROM logs) WHERE {where}",
    ):
        analysis = bind(parse(sql, database="db"), TABLES)
        assert analysis.ok, "\n".join(d.render() for d in analysis.diagnostics)
        assert only_range(analysis, analysis.parsed.references[0]) == expected


def test_no_time_range_decides_where_there_is_no_condition() -> None:
    analysis = bind(parse("SELECT id FROM logs", database="db"), TABLES)
    assert only_range(analysis, analysis.parsed.references[0]) is None
