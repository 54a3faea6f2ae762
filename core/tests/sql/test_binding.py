"""Names are bound, and what can't be bound is reported; see the fixture."""

from __future__ import annotations

from typing import NoReturn

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.support import analysed, tables

from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.sql.analysis import Analysis, Binding, Generated, Scope, TableReference
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types import BIGINT, INT, UNKNOWN, DataType, array, struct, unreadable


def told(found: Diagnostic) -> str:
    """A finding, as the fixture writes it."""
    place = f"{found.code} {found.line}:{found.column} {found.message}"
    return f"{place} | {found.hint}" if found.hint else place


@pytest.mark.parametrize("case", cases("resolve.sql"), ids=str)
def test_columns_or_findings(case: Case) -> None:
    analysis = analysed(case.sql)
    errors = [told(d) for d in errors_in(analysis.diagnostics)]
    columns = [f"{c.name}: {c.type}" for c in analysis.columns]
    assert (errors or columns) == list(case.expected)


@pytest.mark.parametrize("side", ["", "LEFT", "RIGHT", "FULL"])
def test_a_column_that_one_side_of_using_lacks_is_told(side: str) -> None:
    analysis = analysed(
        f"SELECT * FROM predictions p {side} JOIN (SELECT 1 AS x) r USING (prediction_id)"
    )
    assert [d.code for d in errors_in(analysis.diagnostics)] == ["unknown-column"]


def bindings(analysis: Analysis) -> list[Binding]:
    return list(analysis.bindings.values())


def test_a_binding_names_scope_source_column_and_fields() -> None:
    analysis = analysed("SELECT p.meta.ab.bucket FROM predictions p")
    assert analysis.root is not None
    (bound,) = bindings(analysis)
    assert (bound.scope, bound.source, bound.column) == (analysis.root, "p", "meta")
    assert bound.fields == ("ab", "bucket")
    assert str(bound.type).startswith("struct<client:string")
    assert isinstance(analysis.root.sources["p"], TableReference)


def test_two_tables_of_one_name_have_two_sources() -> None:
    named = {
        TableName(d, "t"): Table(TableName(d, "t"), (Column("a", BIGINT),)) for d in ("x", "y")
    }
    parsed = parse("SELECT x.t.a, y.t.a AS b FROM x.t JOIN y.t ON x.t.a = y.t.a")
    analysis = bind(parsed, named)
    assert analysis.ok, analysis.diagnostics
    assert analysis.root is not None
    assert list(analysis.root.sources) == ["t", "y.t"]
    assert [o.origin.source for o in analysis.root.outputs if o.origin] == ["t", "y.t"]


def test_a_cte_is_its_own_scope_wherever_it_is_named() -> None:
    analysis = analysed(
        "WITH c AS (SELECT i FROM all_types) SELECT a.i FROM c a JOIN c b ON a.i = b.i"
    )
    assert analysis.root is not None
    left, right = analysis.root.sources.values()
    assert left is right
    assert isinstance(left, Scope)


def test_a_renamed_table_is_a_scope_around_it() -> None:
    parsed = parse("SELECT y FROM t AS r (x, y)", database="d")
    table = Table(TableName("d", "t"), (Column("a", BIGINT), Column("b", BIGINT)))
    analysis = bind(parsed, {table.name: table})
    assert analysis.ok, analysis.diagnostics
    assert analysis.root is not None
    (around,) = analysis.root.sources.values()
    assert isinstance(around, Scope)
    assert [(o.name, o.origin.column) for o in around.outputs if o.origin] == [
        ("x", "a"),
        ("y", "b"),
    ]


def test_subqueries_hang_on_the_scope_that_holds_them() -> None:
    analysis = analysed("SELECT score FROM predictions WHERE score IN (SELECT f1 FROM features)")
    assert analysis.root is not None
    (inner,) = analysis.root.subqueries
    assert inner.parent is analysis.root
    assert list(inner.sources) == ["features"]


def test_a_correlated_column_is_bound_in_the_outer_scope() -> None:
    analysis = analysed(
        "SELECT 1 FROM labels l WHERE EXISTS (SELECT 1 FROM features f WHERE f.f3 = l.label)"
    )
    outer = [b for b in bindings(analysis) if b.source == "l"]
    assert [b.scope for b in outer] == [analysis.root]


def test_a_lateral_alias_is_told_from_a_column() -> None:
    analysis = analysed("SELECT i + 1 AS n, n * 2 AS m FROM all_types")
    assert analysis.root is not None
    (alias,) = analysis.aliases.values()
    assert alias is analysis.root.outputs[0]


def test_a_column_that_full_join_using_merges_is_bound_to_neither_side() -> None:
    analysis = analysed(
        "SELECT prediction_id FROM predictions FULL JOIN labels USING (prediction_id)"
    )
    assert analysis.ok
    assert bindings(analysis) == []
    assert analysis.columns == (Column("prediction_id", analysis.columns[0].type),)


def test_generated_sources_have_columns() -> None:
    analysis = analysed("SELECT x FROM VALUES (1) AS v (x)")
    assert analysis.root is not None
    (values,) = analysis.root.sources.values()
    assert isinstance(values, Generated)
    assert [c.name for c in values.columns] == ["x"]


def test_every_use_of_a_missing_table_is_told_once_and_its_columns_not_at_all() -> None:
    analysis = bind(parse("SELECT a, t.b FROM t WHERE c > 1", database="d"), {})
    assert [d.code for d in analysis.diagnostics] == ["unknown-table"]
    assert [c.type for c in analysis.columns] == [UNKNOWN, UNKNOWN]


def test_the_caller_suggests_tables() -> None:
    parsed = parse("SELECT 1 FROM tt", database="d")
    analysis = bind(parsed, {}, suggest=lambda name: f"not {name}")
    assert analysis.diagnostics[0].hint == "not d.tt"


def test_a_table_that_cannot_be_queried_says_why() -> None:
    table = Table(TableName("d", "t"), (Column("a", BIGINT),), unqueryable="it is of kind Hudi")
    analysis = bind(parse("SELECT a FROM t", database="d"), {table.name: table})
    (found,) = analysis.diagnostics
    assert found.code == "unqueryable-table"
    assert "it is of kind Hudi" in found.message


UNREAD = unreadable("uniontype<int>", "no")


@pytest.mark.parametrize("type_", [UNREAD, array(UNREAD), struct(("x", INT), ("y", UNREAD))])
@pytest.mark.parametrize(
    "sql", ["SELECT u FROM t", "SELECT * FROM t", "SELECT 1 FROM t WHERE u IS NULL"]
)
def test_a_column_that_cannot_be_read_is_an_error_where_it_is_used(
    sql: str, type_: DataType
) -> None:
    table = Table(TableName("d", "t"), (Column("a", BIGINT), Column("u", type_)))
    used = bind(parse(sql, database="d"), {table.name: table})
    unused = bind(parse("SELECT a FROM t", database="d"), {table.name: table})
    assert [d.code for d in used.diagnostics if d.severity is Severity.ERROR] == [
        "unreadable-column"
    ]
    assert unused.ok


UNCERTAIN = "(SELECT max(b.i) FROM all_types b WHERE b.s = a.s)"


def test_names_that_are_not_certain_and_names_given_twice_are_warnings() -> None:
    analysis = analysed(f"SELECT i, i, {UNCERTAIN} FROM all_types a")
    assert analysis.ok
    assert [d.code for d in analysis.diagnostics] == ["duplicate-column", "unnamed-column"]


def test_a_name_that_is_not_certain_may_be_any_name_outside() -> None:
    inside = f"SELECT {UNCERTAIN} FROM all_types a"
    assert analysed(f"SELECT q.`anything` FROM ({inside}) q").ok
    assert not analysed("SELECT q.`anything` FROM (SELECT sum(i) FROM all_types) q").ok


def test_a_path_into_json_text_is_refused_as_by_spark() -> None:
    analysis = analysed("SELECT payload:user.id AS id FROM predictions")
    assert [(d.code, d.severity) for d in analysis.diagnostics] == [
        ("not-a-variant", Severity.ERROR)
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT i FROM (SELECT i, s AS user FROM all_types) q ORDER BY user",
        "SELECT count(*) FROM (SELECT s AS user FROM all_types) q GROUP BY user HAVING user = 'a'",
        "SELECT current_date FROM (SELECT s AS `current_date` FROM all_types) q",
    ],
)
def test_names_that_are_a_function_and_a_column(sql: str) -> None:
    assert "two-readings" in {d.code for d in errors_in(analysed(sql).diagnostics)}
    plain = sql.replace("ORDER BY user", "ORDER BY q.user").replace("HAVING user", "HAVING q.user")
    assert analysed(plain.replace("SELECT current_date", "SELECT `current_date`")).ok


def test_aliases_that_double_each_time_are_refused() -> None:
    grows = ", ".join(f"a{n} + a{n} AS a{n + 1}" for n in range(30))
    analysis = analysed(f"SELECT i AS a0, {grows} FROM all_types")
    assert {d.code for d in analysis.diagnostics} == {"too-deep"}


def test_long_rows_are_walked() -> None:
    many = " OR ".join(["i = 1"] * 100)
    assert analysed(f"SELECT i FROM all_types WHERE {many}").ok
    assert analysed(" UNION ALL ".join(["SELECT i FROM all_types"] * 100)).ok


def test_only_the_tables_that_are_named_are_touched() -> None:
    class Lookups(dict[TableName, Table]):
        def __iter__(self) -> NoReturn:
            raise AssertionError("went through all tables")

        items = keys = values = __iter__

    analysis = bind(parse("SELECT i FROM all_types", database="lake"), Lookups(tables()))
    assert analysis.ok
