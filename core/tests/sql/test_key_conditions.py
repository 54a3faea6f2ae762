from __future__ import annotations

from typing import Final

import pytest
from core.tests.sql.cases import Case, cases

from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.pruning.key_conditions import conditions
from headwater.tables.table import Column, KeyCondition, Table, TableName
from headwater.types.text import parse_type

COLUMNS: Final = {
    "logs": {
        "id": "bigint",
        "ts": "timestamp",
        "user": "string",
        "detail": "struct<dt:string>",
        "dt": "string",
        "hour": "int",
    },
    "labels": {"id": "bigint", "ts": "timestamp", "value": "boolean", "day": "date"},
    "users": {"id": "bigint", "name": "string", "dt": "string"},
    "padded": {"id": "bigint", "region": "char(4)"},
}
KEYS: Final = {"logs": ("dt", "hour"), "labels": ("day",), "users": (), "padded": ("region",)}
TABLES: Final = {
    TableName("db", name): Table(
        TableName("db", name),
        tuple(Column(c, parse_type(text)) for c, text in columns.items()),
        KEYS[name],
    )
    for name, columns in COLUMNS.items()
}


def shown(condition: KeyCondition) -> str:
    return f"{condition.key} {condition.operator} {', '.join(condition.values)}"


def said(sql: str) -> list[str]:
    """Return the conditions as the fixture file writes them."""
    analysis = bind(parse(sql, database="db"), TABLES)
    assert analysis.ok, "\n".join(d.render() for d in analysis.diagnostics)
    lines = []
    for reference in analysis.parsed.references:
        found = [shown(c) for c in conditions(analysis, reference)]
        lines.append(f"{reference.name.name}: {'; '.join(found) or 'nothing'}")
    return lines


@pytest.mark.parametrize("case", cases("key_conditions.sql"), ids=str)
def test_conditions(case: Case) -> None:
    assert said(case.sql) == list(case.expected)
