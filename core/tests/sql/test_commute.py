from __future__ import annotations

from typing import Final

import pytest
from core.tests.sql.cases import Case, cases

from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.pruning.windows import Blocked, reach
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type
from headwater.untrusted.limits import QUERY_TERMS

COLUMNS: Final = {
    "logs": {
        "id": "bigint",
        "ts": "timestamp",
        "user": "string",
        "amount": "double",
        "tags": "array<string>",
        "times": "array<timestamp>",
        "detail": "struct<at:timestamp>",
    },
    "users": {
        "id": "bigint",
        "name": "string",
        "ts": "timestamp",
        "since": "timestamp",
        "day": "date",
    },
    "labels": {"id": "bigint", "ts": "timestamp", "value": "boolean"},
}
TABLES: Final = {
    TableName("db", name): Table(
        TableName("db", name), tuple(Column(c, parse_type(text)) for c, text in columns.items())
    )
    for name, columns in COLUMNS.items()
}


def analysed(sql: str) -> Analysis:
    parsed = parse(sql, database="db")
    tables = {n: TABLES[TableName("db", n.name.lower())] for n in parsed.table_names}
    analysis = bind(parsed, tables)
    assert analysis.ok, "\n".join(d.render() for d in analysis.diagnostics)
    return analysis


def verdicts(sql: str, column: str) -> list[str]:
    """Return the verdicts as the fixture file writes them."""
    analysis = analysed(sql)
    lines = []
    for index, verdict in reach(analysis, column).items():
        name = analysis.parsed.references[index].name.name
        if isinstance(verdict, Blocked):
            span = verdict.span
            place = " ".join(sql[span.start : span.end].split()) if span else ""
            lines += [
                f"{name}: blocked, {verdict.reason}",
                *([f"    at: {place}"] if place else []),
            ]
        else:
            lines.append(f"{name}: reaches {verdict.table_column}")
    return lines


@pytest.mark.parametrize("case", cases("commute.sql"), ids=str)
def test_verdicts(case: Case) -> None:
    assert verdicts(case.sql, case.argument) == list(case.expected)


def test_every_blocker_says_what_to_do() -> None:
    found = [
        verdict
        for case in cases("commute.sql")
        for verdict in reach(analysed(case.sql), case.argument).values()
        if isinstance(verdict, Blocked)
    ]
    assert found
    for verdict in found:
        assert not verdict.reason.endswith(".")
        assert verdict.hint, verdict.reason


def test_a_query_with_errors_is_blocked() -> None:
    parsed = parse("SELECT nothing FROM nowhere", database="db")
    found = reach(bind(parsed, {}), "nothing")
    assert all(isinstance(v, Blocked) for v in found.values())
    assert set(found) == set(range(len(parsed.references)))


def test_a_chain_of_withs_used_twice_is_decided_once_each() -> None:
    """Eleven WITHs, each naming the one before twice: 2^11 paths, as many as are admitted."""
    steps = ["c0 AS (SELECT * FROM logs)"]
    steps += [
        f"c{i} AS (SELECT a.* FROM c{i - 1} a JOIN c{i - 1} b ON a.id = b.id AND a.ts = b.ts)"
        for i in range(1, 12)
    ]
    sql = f"WITH {', '.join(steps)} SELECT ts FROM c11"
    assert verdicts(sql, "ts") == ["logs: reaches ts"]


def test_more_queries_on_top_of_each_other_than_are_followed() -> None:
    steps = ["c0 AS (SELECT * FROM logs)"]
    steps += [f"c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, 140)]
    (verdict, *_) = verdicts(f"WITH {', '.join(steps)} SELECT ts FROM c139", "ts")
    assert verdict == "logs: blocked, more than 100 queries are built on each other"


def test_a_union_of_as_many_as_are_admitted() -> None:
    sql = " UNION ALL ".join(["SELECT ts FROM logs"] * QUERY_TERMS)
    assert verdicts(sql, "ts") == ["logs: reaches ts"] * QUERY_TERMS
