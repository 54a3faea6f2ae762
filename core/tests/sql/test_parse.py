"""Reading a query: where it ends, what it names, where its problems are."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from itertools import product

import pytest
from sqlglot import exp

from headwater.diagnostics import Severity
from headwater.sql import validate
from headwater.sql.functions import is_aggregate, name_of
from headwater.sql.parser import parse
from headwater.tables.table import TableName
from headwater.untrusted.limits import QUERY_CHARACTERS


@pytest.mark.parametrize(
    "tail", ["", ";", " ; ", "\n;\n", " -- a;", " /* ; */", "; -- a", ";;", " -- a\n; /* b */ ;\n"]
)
def test_the_body_ends_with_the_last_token(tail: str) -> None:
    parsed = parse(f"SELECT 'a;b'{tail}")
    assert parsed.ok, parsed.diagnostics
    assert parsed.body == "SELECT 'a;b'"
    assert parsed.text == f"SELECT 'a;b'{tail}"


@pytest.mark.parametrize(
    "number",
    ["127Y", "-128Y", "- 32768S", "1 * -128Y", "1e308", "-3.4028235e38F", "1e37BD", "1e-400"],
)
def test_numbers_that_their_types_hold(number: str) -> None:
    assert parse(f"SELECT {number}").ok


@pytest.mark.parametrize(
    "number", ["128Y", "1 -128Y", "-(128Y)", "9223372036854775808L", "1e309", "1e39F", "9" * 39]
)
def test_numbers_that_their_types_do_not_hold(number: str) -> None:
    (problem,) = parse(f"SELECT {number}").diagnostics
    assert problem.code == "number-out-of-range"
    assert problem.span is not None
    assert f"SELECT {number}"[problem.span.start : problem.span.end] in number


@pytest.mark.parametrize("number", ["1.5L", "1e3S", "1.Y"])
def test_a_whole_numbers_suffix_behind_another_number(number: str) -> None:
    assert not parse(f"SELECT {number}").ok


@pytest.mark.parametrize("text", ["SELECT * FROM c..t", "SELECT a.(b) FROM t", "SELECT a."])
def test_a_name_is_wanted_behind_a_point(text: str) -> None:
    (problem,) = parse(text, database="db").diagnostics
    assert problem.message == "a name is missing behind the point"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a < < 3 FROM t",
        "SELECT a FROM t WHERE a < INTERVAL '5' 5 MINUTE",
        "FROM t SELECT a, WHERE a > 1",
        "SELECT a, b FROM t GROUP BY a, ORDER BY a",
    ],
)
def test_what_sqlglot_reads_over_is_told(text: str) -> None:
    assert "syntax" in {d.code for d in parse(text, database="db").diagnostics}


@pytest.mark.parametrize("text", ["TABLE db.t", "TABLE t"])
def test_what_stands_alone_is_to_be_selected(text: str) -> None:
    (problem,) = parse(text, database="db").diagnostics
    assert problem.code == "not-a-query"
    assert "SELECT * FROM" in str(problem.hint)


def test_spans_into_the_text_are_spans_into_the_body() -> None:
    parsed = parse("  -- first\n SELECT a FROM db.t -- last", database="db")
    (reference,) = parsed.references
    assert parsed.body[reference.span.start : reference.span.end] == "db.t"


def test_a_body_can_be_put_into_brackets() -> None:
    parsed = parse("SELECT a FROM t -- trailing )", database="db")
    wrapped = parse(f"SELECT * FROM ({parsed.body}\n) AS q", database="db")
    assert wrapped.ok


def test_references_know_name_span_and_alias() -> None:
    text = "SELECT * FROM t JOIN `other`.`a b` AS x ON TRUE JOIN Db . T u ON TRUE"
    parsed = parse(text, database="db", databases=["other"])
    assert parsed.ok, parsed.diagnostics
    assert [(str(r.name), r.alias, text[r.span.start : r.span.end]) for r in parsed.references] == [
        ("db.t", None, "t"),
        ("other.a b", "x", "`other`.`a b`"),
        ("db.t", "u", "Db . T"),
    ]
    assert parsed.table_names == (TableName("db", "t"), TableName("other", "a b"))


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("WITH t AS (SELECT 1) SELECT * FROM t", []),
        ("WITH t AS (SELECT 1) SELECT * FROM db.t", ["db.t"]),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ["db.t"]),
        ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 2 FROM t) SELECT * FROM t", []),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", ["db.b"]),
        ("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, t", ["db.t"]),
        ("WITH t AS (SELECT 1) SELECT * FROM u WHERE EXISTS (SELECT 1 FROM T)", ["db.u"]),
        ("SELECT (SELECT max(a) FROM u) FROM t LEFT ANTI JOIN v ON TRUE", ["db.u", "db.t", "db.v"]),
        ("SELECT 1 UNION SELECT a FROM t INTERSECT (SELECT b FROM u)", ["db.t", "db.u"]),
        ("FROM t PIVOT (max(a) FOR b IN (1)) JOIN (u CROSS JOIN v) SELECT 1", ["db.t", "db.u", "db.v"]),  # noqa: E501
        ("SELECT /*+ BROADCAST(x) */ 1 FROM t", ["db.t"]),
        ("FROM t |> JOIN u ON TRUE |> UNION ALL SELECT * FROM v", ["db.t", "db.u", "db.v"]),
        ("SELECT * FROM range(3), VALUES (1), explode(array(1))", []),
        ("SELECT filter(xs, x -> EXISTS (SELECT 1 FROM t)) FROM u", ["db.t", "db.u"]),
    ],
)  # fmt: skip
def test_tables_are_told_from_ctes(sql: str, tables: list[str]) -> None:
    parsed = parse(sql, database="db")
    assert parsed.ok, parsed.diagnostics
    assert [str(n) for n in parsed.table_names] == tables


def test_databases_that_are_allowed() -> None:
    sql = "SELECT * FROM a.t, b.t, c.t"
    assert parse(sql).ok
    assert parse(sql, database="a", databases=["B", "c"]).ok
    refused = parse(sql, database="a", databases=["b"])
    assert [d.code for d in refused.diagnostics] == ["forbidden-database"]
    assert "databases=['c']" in (refused.diagnostics[0].hint or "")
    assert not parse(sql, databases=[]).ok


def test_a_table_without_a_database_needs_one() -> None:
    (found,) = parse("SELECT * FROM t").diagnostics
    assert (found.code, found.line, found.column) == ("no-database", 1, 15)


def test_a_database_may_be_called_like_a_format_where_it_is_allowed() -> None:
    assert parse("SELECT * FROM delta.events", database="delta").ok
    assert not parse("SELECT * FROM delta.events").ok
    assert not parse("SELECT * FROM delta.`/events`", database="delta").ok


def test_calls_keep_names_and_arguments() -> None:
    parsed = parse(
        "SELECT NVL(a, 1), `date_sub`(d, 1), first(x, true), if(a, b, c) FROM t", database="d"
    )
    assert parsed.tree is not None
    calls = [n for n in parsed.tree.selects if isinstance(n, exp.Anonymous)]
    assert [name_of(c) for c in calls] == ["nvl", "date_sub", "first", "if"]
    assert [len(c.expressions) for c in calls] == [2, 2, 2, 3]
    assert [is_aggregate(c) for c in calls] == [False, False, True, False]


@pytest.mark.parametrize(
    "function",
    [
        *("other.{}", "`other`.{}", "spark_catalog.db . {}", "session.{}", "system.builtin.{}"),
        "builtin./* a */`{}`",
    ],
)
@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("range", "SELECT * FROM {}(1)"),
        ("range", "SELECT * FROM {} (1) AS r"),
        ("stack", "SELECT * FROM t JOIN {}(2, 1, 2)"),
        ("explode", "SELECT * FROM t, {}(array(1))"),
        ("explode", "SELECT x.* FROM t, LATERAL {}(a) x"),
        ("explode", "SELECT x.* FROM t JOIN LATERAL {}(a) x ON true"),
        ("explode", "SELECT x FROM t LATERAL VIEW OUTER {}(a) y AS x"),
        ("explode", "SELECT {}(a) FROM t"),
        ("my_udtf", "SELECT * FROM {}(1)"),
        ("abs", "SELECT a FROM t WHERE {}(a) > 1"),
        ("abs", "SELECT t.a FROM t JOIN u ON {}(t.a) = u.a"),
        ("abs", "SELECT transform(a, x -> {}(x)) FROM t"),
        ("sum", "SELECT {}(a) OVER (ORDER BY b) FROM t"),
        ("sum", "SELECT {}(a) FILTER (WHERE b) FROM t"),
        ("sum", "SELECT a FROM t GROUP BY a HAVING {}(b) > 1"),
        ("sum", "SELECT * FROM t PIVOT ({}(a) FOR b IN (1, 2))"),
        ("abs", "FROM t |> WHERE {}(a) > 1 |> SELECT a"),
        ("range", "FROM {}(3) |> SELECT id"),
        ("sum", "FROM t |> AGGREGATE {}(a) GROUP BY b"),
        ("range", "WITH c AS (SELECT * FROM {}(1)) SELECT * FROM c"),
        ("range", "SELECT a FROM t WHERE a IN (SELECT id FROM {}(1))"),
        ("abs", "SELECT * FROM VALUES ({}(1))"),
    ],
)
def test_qualified_functions_are_refused_wherever_they_stand(
    name: str, query: str, function: str
) -> None:
    called = function.format(name)
    text = query.format(called)
    (problem,) = (d for d in parse(text, database="db").diagnostics if d.severity == "error")
    assert problem.code == "qualified-function"
    assert problem.span is not None
    assert text[problem.span.start : problem.span.end] == called
    bare = query.format(name)
    assert "qualified-function" not in {d.code for d in parse(bare, database="db").diagnostics}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT t.a, (t.b) FROM db.t WHERE t.a IN (1) AND (t.b) > 1",
        "SELECT count(t.*), st.f FROM db.t JOIN db.u USING (a) GROUP BY t.a",
        "SELECT t.a FROM db.t AS t (a, b)",
        "SELECT * FROM db.t TABLESAMPLE (10 PERCENT)",
        "SELECT * FROM db.t PIVOT (sum(a) FOR t.b IN (1, 2))",
        "SELECT range.id FROM range(3) WHERE range.id IN (SELECT 1.)",
    ],
)
def test_other_brackets_behind_points_are_no_calls(query: str) -> None:
    assert "qualified-function" not in {d.code for d in parse(query, database="db").diagnostics}


def test_all_problems_are_told_at_once() -> None:
    parsed = parse(
        "SELECT /*+ FOO */ reflect('a', 'b'), uper(x), lake.f(1), ? FROM other.t, json.`/x`, u",
        database="db",
    )
    assert [d.code for d in parsed.diagnostics] == [
        "parameter", "hint", "qualified-function", "forbidden-function", "unknown-function",
        "forbidden-database", "path-table",
    ]  # fmt: skip
    assert parsed.diagnostics[4].hint == "did you mean 'upper' or 'power'?"


def test_what_is_refused_is_still_read() -> None:
    """So that the resolver can add its findings."""
    parsed = parse("SELECT reflect('a', 'b') FROM t", database="db")
    assert not parsed.ok
    assert parsed.tree is not None
    assert [str(n) for n in parsed.table_names] == ["db.t"]


@pytest.mark.parametrize(
    ("sql", "line", "column"),
    [
        ("SELECT a b c FROM t", 1, 12),
        ("SELECT a\nFROM t\nWHER x = 1", 3, 6),
        ("SELECT\n  a\n  FROM t WHERE", 3, 10),
        ("SELECT CASE WHEN a THEN 1", 1, 25),
        ("SELECT é, (", 1, 8),
    ],
)
def test_syntax_errors_have_a_place(sql: str, line: int, column: int) -> None:
    parsed = parse(sql, database="db")
    assert parsed.tree is None
    assert (parsed.diagnostics[0].line, parsed.diagnostics[0].column) == (line, column)
    assert "\x1b" not in parsed.diagnostics[0].render()


@pytest.mark.parametrize(
    "sql", ["SELECT rand()", "SELECT current_date", "SELECT now()", "SELECT uuid() FROM t",
            "SELECT * FROM t TABLESAMPLE (10 PERCENT)", "SELECT shuffle(array(1))"],
)  # fmt: skip
def test_what_answers_differently_each_time_is_a_warning(sql: str) -> None:
    parsed = parse(sql, database="db")
    assert parsed.ok
    (found,) = parsed.diagnostics
    assert (found.code, found.severity) == ("non-reproducible", Severity.WARNING)


@pytest.mark.parametrize(
    "hint",
    ["BROADCAST(a)", "broadcast(a, b)", "MERGE(a), COALESCE(3)", "REPARTITION(3, a, t.b) REBALANCE",
     "SHUFFLE_HASH(`a b`)", "SHUFFLE_REPLICATE_NL(a)"],
)  # fmt: skip
def test_hints_that_are_admitted(hint: str) -> None:
    parsed = parse(f"SELECT /*+ {hint} */ a FROM a", database="db")
    assert parsed.ok, parsed.diagnostics
    assert [str(n) for n in parsed.table_names] == ["db.a"]


@pytest.mark.parametrize(
    "hint", ["FOO(a)", "BROADCAST('a')", "BROADCAST(f(a))", "'a'", "BROADCAST(a) = 1", "-1"]
)
def test_hints_that_are_not(hint: str) -> None:
    assert [d.code for d in parse(f"SELECT /*+ {hint} */ 1").diagnostics] == ["hint"]


@pytest.mark.parametrize(
    "options", ["map('mode', 'FAILFAST')", "map('Sep', ';', 'header', 'true')"]
)
def test_options_that_are_admitted(options: str) -> None:
    assert parse(f"SELECT from_csv(a, 'x INT', {options}) FROM t", database="d").ok


@pytest.mark.parametrize(
    "options",
    ["map('rowValidationXSDPath', 'x')", "map(a, 'x')", "o", "map()", "map_from_arrays(a, b)",
     "map('mode' || '', 'x')"],
)  # fmt: skip
def test_options_that_are_not(options: str) -> None:
    parsed = parse(f"SELECT from_xml(a, 'x INT', {options}) FROM t", database="d")
    assert [d.code for d in parsed.diagnostics] == ["forbidden-option"]


def test_a_text_that_is_too_long() -> None:
    parsed = parse("SELECT 1 -- " + "x" * QUERY_CHARACTERS)
    assert [d.code for d in parsed.diagnostics] == ["too-long"]


DEEP = {
    "brackets": ("SELECT " + "(" * 3000 + "1" + ")" * 3000),
    "calls": ("SELECT " + "abs(" * 3000 + "1" + ")" * 3000),
    "subqueries": ("SELECT * FROM (" * 3000 + "SELECT 1" + ")" * 3000),
    "case": ("SELECT " + "CASE WHEN TRUE THEN " * 3000 + "1" + " END" * 3000),
    "not": "SELECT " + "NOT " * 30_000 + "TRUE",
    "minus": "SELECT " + "- " * 30_000 + "1",
    "bang": "SELECT " + "!" * 30_000 + "TRUE",
    "mixed prefixes": "SELECT " + "NOT - ~ " * 10_000 + "1",
    "lambdas": "SELECT f(" + "x -> " * 20_000 + "1)",
    "types": "SELECT CAST(a AS " + "array<" * 10_000 + "int" + ">" * 10_000 + ")",
    "intervals": "SELECT " + "INTERVAL " * 20_000 + "1 DAY",
    "brackets of an index": "SELECT a" + "[0" * 3000 + "]" * 3000,
    "conditions in a row": "SELECT 1 WHERE " + " OR ".join(["a"] * 1000),
    "unions in a row": " UNION ALL ".join(["SELECT 1"] * 1000),
    "joins in a row": "SELECT * FROM a.t" + " JOIN a.t" * 1000,
    "definitions in a row": "WITH "
    + ", ".join(f"c{i} AS (SELECT 1)" for i in range(1000))
    + " SELECT 1",
    "indexes in a row": "SELECT a" + "[0]" * 3000,
    "casts in a row": "SELECT a" + "::int" * 3000,
    "fields in a row": "SELECT a" + ".b" * 3000,
    "comparisons in a row": "SELECT a" + " = 1" * 3000,
    "tests in a row": "SELECT a" + " IS NULL" * 3000,
    "lists in a row": "SELECT a" + " IN (1)" * 3000,
}


@pytest.mark.parametrize("what", DEEP)
def test_deep_texts_are_refused_before_the_parser_recurses(what: str) -> None:
    assert [d.code for d in parse(DEEP[what]).diagnostics] == ["too-deep"]


@pytest.mark.parametrize(
    "text", ["SELECT", "FROM", "int", "CAST", "nvl", "LIMIT", "OF", "EXTEND", "("]
)
def test_a_string_is_never_read_as_what_it_says(text: str) -> None:
    parsed = parse(f"SELECT '{text}' AS a, f.`{text}`, upper('{text}') FROM t f", database="d")
    assert parsed.ok, parsed.diagnostics
    assert parsed.tree is not None
    literals = list(parsed.tree.find_all(exp.Literal))
    assert [(n.this, n.is_string) for n in literals] == [(text, True)] * 2


def test_a_join_has_its_condition_right_behind_its_table() -> None:
    """Spark reads no `a JOIN b JOIN c ON .. ON ..`."""
    assert not parse("SELECT 1 FROM t JOIN t JOIN t ON TRUE ON TRUE", database="d").ok
    assert parse("SELECT 1 FROM t" + " JOIN t" * 40, database="d").ok
    assert not parse("SELECT 1 FROM t" + " NATURAL JOIN" * 40, database="d").ok


@pytest.mark.parametrize(
    "unit",
    ["decimal(", "struct(", "map(int[", "abs(a[", "a LIMIT abs(", "(SELECT a OFFSET ", "f(x -> "],
)
def test_no_text_takes_sqlglot_a_long_time(unit: str) -> None:
    """Each of these took twice as long for every repetition; the test's own time limit watches."""
    closing = "".join({"(": ")", "[": "]"}[c] for c in reversed(unit) if c in "([")
    parse(f"SELECT {unit * 40} 1 {closing * 40} FROM t", database="d")


def test_importing_the_package_does_not_import_sqlglot() -> None:
    code = "import sys, headwater.sql; assert not any(m.startswith('sqlglot') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


LONG = "9" * 4301


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT {LONG} AS a FROM t",
        f"SELECT {LONG}L AS a FROM t",
        f"SELECT {LONG}BD AS a FROM t",
        f"SELECT {LONG}D AS a FROM t",
        f"SELECT -{LONG} AS a FROM t",
        f"SELECT 0.{LONG} AS a FROM t",
        f"SELECT 1e{LONG} AS a FROM t",
        f"SELECT 1e-{LONG}BD AS a FROM t",
        f"SELECT CAST(1 AS DECIMAL({LONG})) AS a FROM t",
        f"SELECT CAST(1 AS DECIMAL(38,{'0' * 4301}2)) AS a FROM t",
        f"SELECT 1::VARCHAR({LONG}) AS a FROM t",
        f"SELECT 1 AS a FROM t LIMIT {LONG}",
        f"SELECT 1 AS a FROM t ORDER BY {LONG}",
        f"SELECT 1 AS a FROM t GROUP BY {LONG}",
        f"SELECT INTERVAL {LONG} DAY AS a FROM t",
        f"SELECT INTERVAL '{LONG}' DAY AS a FROM t",
        f"SELECT INTERVAL '-{LONG} days' AS a FROM t",
        f"SELECT DATE'{LONG}-01-01' AS a FROM t",
        f"SELECT from_json(s, 'a decimal({LONG},2)') AS a FROM t",
        f"SELECT lag(s, {LONG}) OVER (ORDER BY s) AS a FROM t",
        f"SELECT a[{LONG}] AS a FROM t",
        f"SELECT * FROM t TABLESAMPLE ({LONG} ROWS)",
        f"SELECT * FROM range({LONG})",
        f"SELECT sum(s) OVER (ORDER BY s ROWS {LONG} PRECEDING) AS a FROM t",
    ],
)
def test_numbers_of_more_digits_than_any_type(sql: str) -> None:
    found = validate(sql, catalog={"db": {"t": {"s": "string", "a": "array<int>"}}}, database="db")
    assert not found.ok
    assert {d.code for d in found.diagnostics} & {
        "number-out-of-range", "unknown-type", "invalid-literal"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "name", "type_"),
    [
        ("+ '1'", "(+ 1)", "double"),
        ("+ + 1", "(+ (+ 1))", "int"),
        ("1 - + 2", "(1 - (+ 2))", "int"),
        ("+ map('k', 2.5)['k']", "(+ map(k, 2.5)[k])", "decimal(2,1)"),
        ("count(*) + 1", "(count(1) + 1)", "bigint"),
        ("1 + 1 >>> 1", "((1 + 1) >>> 1)", "int"),
        ("-8L >>> 1", "(-8 >>> 1)", "bigint"),
        ("DATE '2024-01-01' + INTERVAL +1 DAY AS d", "d", "date"),
    ],
)
def test_operators_that_sqlglot_does_not_know(sql: str, name: str, type_: str) -> None:
    found = validate(f"SELECT {sql}", catalog={})
    assert found.ok, found.render()
    assert [tuple(c) for c in found.columns] == [(name, type_)]


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        *product(
            ["argument-types"],
            [
                *("explode(1)", "explode(NULL)", "posexplode('a')", "inline(array())"),
                *("inline(array(1))", "json_tuple('{}', 1)", "stack(0, 1)", "stack(2, 1, 'a')"),
                "explode_outer(1)",
            ],
        ),
        *product(
            ["argument-count"],
            ["explode()", "explode(array(1), 2)", "json_tuple('{}')", "stack()", "stack(2)"],
        ),
    ],
)
def test_arguments_that_a_generator_does_not_take(code: str, sql: str) -> None:
    for query in (f"SELECT 1 AS a, {sql}", f"SELECT * FROM {sql}", f"SELECT {sql} AS x"):
        found = validate(query, catalog={})
        assert [d.code for d in found.diagnostics] == [code], query


def test_a_generator_whose_columns_are_not_known_is_refused_by_the_embedded_engine() -> None:
    found = validate("SELECT 1 AS id, explode(from_json('[]', schema_of_json('[]')))", catalog={})
    assert found.ok, found.render()
    assert not found.portable


SHORT_FORMS = {
    "VALUES 0 UNION ALL SELECT 1": ["col1: int"],
    "VALUES (1, 'a'), (2, 'b') ORDER BY col1": ["col1: int", "col2: string"],
    "SELECT 1 AS a EXCEPT VALUES (2)": ["a: int"],
    "SELECT * FROM (VALUES 0 UNION ALL SELECT 1) AS t (x)": ["x: int"],
    "WITH v AS (VALUES (1), (2)) SELECT * FROM v": ["col1: int"],
    "SELECT k FROM t JOIN VALUES (1), (2) AS r (x) ON k = x": ["k: int"],
    "SELECT k FROM t JOIN VALUES (1), (2) AS r (k) USING (k)": ["k: int"],
    "SELECT k, y FROM t JOIN VALUES (1, 'a') r (x, y) ON k = x JOIN VALUES 1 AS s (z) ON z = x": [
        "k: int",
        "y: string",
    ],
    "WITH RECURSIVE r (n) MAX RECURSION LEVEL 35 AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
    "SELECT n FROM r": ["n: int"],
    "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) (SELECT n FROM t) LIMIT 2": [
        "n: int"
    ],
    "SELECT * FROM VALUES (1, 'x', 2) AS t (a, x, b) PIVOT (sum(b) + 1 AS s FOR x IN ('x'))": [
        "a: int",
        "x: bigint",
    ],
    "SELECT k, grouping__id FROM t GROUP BY CUBE (k)": ["k: int", "grouping__id: bigint"],
    "SELECT k FROM (SELECT k, k FROM t UNION SELECT k, k FROM t)": ["k: int"],
    "SELECT k FROM (SELECT t.*, t.* FROM t)": ["k: int"],
    "SELECT k FROM t GROUP BY k HAVING EXISTS (SELECT 1 FROM t AS u WHERE u.k = max(t.v))": [
        "k: int"
    ],
    "SELECT 1 AS k ORDER BY 'k', 1.5": ["k: int"],
}
SQLGLOT = tuple(map(int, version("sqlglot").split(".")[:2]))
TWO = {"db": {"t": {"k": "int", "v": "int"}}}


@pytest.mark.parametrize("sql", SHORT_FORMS)
def test_forms_that_sqlglot_does_not_read(sql: str) -> None:
    found = validate(sql, catalog=TWO, database="db")
    if "+ 1 AS s FOR" in sql and SQLGLOT < (30, 28):  # this one it refuses, and says so
        assert [d.code for d in found.diagnostics] == ["syntax"]
        return
    assert found.ok, found.render()
    assert [f"{c.name}: {c.type}" for c in found.columns] == SHORT_FORMS[sql]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT k FROM t ORDER BY max(v)", "misplaced-aggregate"),
        ("SELECT DISTINCT k FROM t GROUP BY k ORDER BY max(v)", "order-by-distinct"),
        ("SELECT sum(k) OVER () AS s FROM t GROUP BY k ORDER BY sum(k)", "misplaced-aggregate"),
        ("SELECT k FROM t GROUP BY k HAVING max(v) > 5 ORDER BY max(v)", "misplaced-aggregate"),
        ("SELECT 1 AS a FROM t GROUP BY k HAVING k > 5 ORDER BY max(v)", "misplaced-aggregate"),
        ("SELECT max(v) AS v FROM t GROUP BY k ORDER BY max(v) + 1", "two-readings"),
        ("SELECT sum(v) AS s FROM t GROUP BY k ORDER BY sum(s)", "nested-aggregate"),
        ("SELECT sum(k) OVER () AS s FROM t GROUP BY k HAVING s > 0", "misplaced-window"),
        ("SELECT k FROM t ORDER BY row_number() OVER (ORDER BY k)", "misplaced-window"),
        ("SELECT k FROM t ORDER BY EXISTS (SELECT 1)", "unsupported-syntax"),
        ("SELECT k + sum(v) AS x FROM t GROUP BY ALL", "missing-aggregation"),
        ("SELECT sum(v) AS s FROM t GROUP BY ALL ORDER BY k", "missing-aggregation"),
        ("SELECT count(v) AS n FROM t GROUP BY n", "misplaced-aggregate"),
        ("SELECT count(v) AS n FROM t GROUP BY 1", "misplaced-aggregate"),
        ("SELECT k AS a, a + 1 AS b FROM t GROUP BY k, b", "unsupported-syntax"),
        ("SELECT k FROM t GROUP BY -1", "ordinal"),
        ("SELECT k FROM t ORDER BY -1", "ordinal"),
        ("SELECT k AS a, v AS a FROM t ORDER BY a", "ambiguous-column"),
        ("SELECT k FROM (SELECT k, k + 0 AS k FROM t)", "ambiguous-column"),
        ("SELECT * FROM t PIVOT (v AS s FOR k IN (1))", "missing-aggregation"),
        ("SELECT k FROM t GROUP BY k HAVING EXISTS (SELECT max(t.v) FROM t AS u)",
         "misplaced-aggregate"),
        ("SELECT k FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.k = max(t.v))",
         "misplaced-aggregate"),
    ],
)  # fmt: skip
def test_what_spark_refuses_of_groups_and_orders(sql: str, code: str) -> None:
    found = validate(sql, catalog=TWO, database="db")
    assert code in {d.code for d in found.diagnostics}, found.render()
    assert not found.ok


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT k FROM t GROUP BY k ORDER BY max(v)",
        "SELECT k, sum(v) AS s FROM t GROUP BY k HAVING s > 0 ORDER BY max(v)",
        "SELECT k, sum(v) AS s FROM t GROUP BY k HAVING sum(v) > 0 AND k > 1 ORDER BY max(v) + 1",
        "SELECT sum(v) AS s FROM t GROUP BY k HAVING k > 1 ORDER BY k",
        "SELECT k, k AS a, v AS k FROM t ORDER BY a",
        "SELECT k, 2 AS k FROM t ORDER BY k",
        "SELECT k, k FROM t ORDER BY k",
        "SELECT EXISTS (SELECT 1) AS e FROM t GROUP BY ALL",
    ],
)
def test_what_spark_admits_of_groups_and_orders(sql: str) -> None:
    found = validate(sql, catalog=TWO, database="db")
    assert found.ok, found.render()
