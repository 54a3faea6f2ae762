from __future__ import annotations

from typing import Final

import pytest
from core.tests.sql.cases import Case, cases

from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.pruning.scan_requests import request
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
