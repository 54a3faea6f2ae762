"""A query of few characters may mean more work than any machine does; it is refused before."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from sqlglot import exp

from headwater.sql import validate
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.portable.expressions import Expressions
from headwater.sql.portable.pieces import Piece
from headwater.sql.pruning.key_conditions import conditions
from headwater.sql.pruning.windows import reach
from headwater.sql.validation import Validation
from headwater.tables.table import Column, Table, TableName
from headwater.types import STRING

COLUMNS = {"a": "int", "s": "string", "d": "double", "m": "map<string,int>"}
WIDE = {f"c{i}": "double" for i in range(2_000)}
CATALOG = {"db": {"t": COLUMNS, "wide": WIDE}}

pytestmark = pytest.mark.timeout(60)
"""What is refused takes milliseconds; unbounded, most of these would run for minutes and more."""


def checked(sql: str) -> Validation:
    return validate(sql, catalog=CATALOG, database="db")


def with_each(count: int, first: str, each: Callable[[int], str], last: str) -> str:
    parts = [f"t0 AS ({first})", *(f"t{i} AS ({each(i - 1)})" for i in range(1, count))]
    return f"WITH {', '.join(parts)} {last.format(count - 1)}"


MULTIPLYING = {
    "columns": lambda n: with_each(
        n,
        "SELECT 1 AS a",
        lambda i: f"SELECT x.*, y.* FROM t{i} x, t{i} y",
        "SELECT count(*) AS n FROM t{}",
    ),
    "types": lambda n: with_each(
        n,
        "SELECT struct(1 AS a) AS s",
        lambda i: f"SELECT struct(s AS a, s AS b) AS s FROM t{i}",
        "SELECT s FROM t{}",
    ),
    "arrays": lambda n: with_each(
        n,
        "SELECT array(struct(1 AS a, 2 AS b)) AS s",
        lambda i: f"SELECT array(struct(s AS a, s AS b)) AS s FROM t{i}",
        "SELECT s FROM t{}",
    ),
    "uses": lambda n: with_each(
        n, "SELECT 1 AS a", lambda i: f"SELECT x.a FROM t{i} x, t{i} y", "SELECT a FROM t{}"
    ),
    "uses of tables": lambda n: with_each(
        n, "SELECT a FROM t", lambda i: f"SELECT x.a FROM t{i} x, t{i} y", "SELECT a FROM t{}"
    ),
    "unions": lambda n: with_each(
        n,
        "SELECT 1 AS a",
        lambda i: f"SELECT a FROM t{i} UNION ALL SELECT a FROM t{i}",
        "SELECT a FROM t{}",
    ),
    "subqueries": lambda n: with_each(
        n,
        "SELECT 1 AS a",
        lambda i: f"SELECT a FROM t{i} WHERE a IN (SELECT a FROM t{i})",
        "SELECT a FROM t{}",
    ),
}


@pytest.mark.parametrize("name", sorted(MULTIPLYING))
@pytest.mark.parametrize("count", [18, 100])
def test_what_multiplies_is_refused(name: str, count: int) -> None:
    found = checked(MULTIPLYING[name](count))
    assert [d.code for d in found.diagnostics if d.severity == "error"] == ["too-much-work"]
    assert found.diagnostics[-1].hint


@pytest.mark.parametrize("name", sorted(MULTIPLYING))
def test_some_of_it_is_nothing(name: str) -> None:
    assert checked(MULTIPLYING[name](6)).ok


def test_the_memory_of_a_refusal_is_small() -> None:
    tracemalloc.start()
    try:
        for make in MULTIPLYING.values():
            validate(make(40), catalog=CATALOG, database="db")  # not timed: it is traced
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


ROWS = {
    "casts": "SELECT a" + "::INT" * 20_000 + " AS b FROM t",
    "typed casts": "SELECT a" + "::DECIMAL(10,2)" * 10_000 + " AS b FROM t",
    "in": "SELECT a" + " IN (1)" * 10_000 + " AS b FROM t",
    "like": "SELECT s" + " LIKE 'x'" * 10_000 + " AS b FROM t",
    "between": "SELECT a" + " BETWEEN 1 AND 2" * 5_000 + " AS b FROM t",
    "is null": "SELECT a" + " IS NULL" * 10_000 + " AS b FROM t",
    "pipes": "SELECT 1 AS a FROM t" + " |> WHERE true" * 5_000,
    "short pipes": "FROM t" + "|>WHERE 1" * 20_000,
    "tuples": "SELECT 1 AS a FROM t WHERE (1,2) IN (" + "(1,2)," * 20_000 + "(1,2))",
    "parameters": "SELECT " + "?, " * 60_000 + "1 AS a FROM t",
    "unknown names": "SELECT " + ", ".join(f"x{i}" for i in range(20_000)) + " FROM wide",
    "unknown functions": "SELECT " + ", ".join(f"f{i}(a)" for i in range(15_000)) + " FROM t",
    "stars": "SELECT " + ", ".join(["*"] * 39_000) + " FROM wide",
    "structs of stars": "SELECT " + ", ".join(["struct(*)"] * 9_000) + " FROM wide",
    "subqueries": "SELECT " + ", ".join(["(SELECT 1)"] * 15_000) + " FROM t",
    "unions": " UNION ALL ".join(["SELECT 1"] * 10_000),
    "joins": "SELECT 1 AS a FROM t x0" + "".join(f", t x{i}" for i in range(1, 15_000)),
    "wide joins": "SELECT 1 AS a FROM wide x0"
    + "".join(f" JOIN wide x{i} USING (c1)" for i in range(1, 140)),
    "brackets": "SELECT " + "(" * 50_000 + "1" + ")" * 50_000,
    "pivot": "SELECT * FROM t PIVOT (sum(a) FOR d IN ("
    + ", ".join(str(i) for i in range(30_000))
    + "))",
    "pivoted aggregates": "SELECT * FROM wide PIVOT ("
    + ", ".join(f"sum(c{i}) AS s{i}" for i in range(1_000))
    + " FOR c1999 IN ("
    + ", ".join(str(i) for i in range(2_000))
    + "))",
    "pivots of many fields": "SELECT * FROM t PIVOT (sum(a) FOR" + " s IN ('x', 'y')" * 60 + ")",
    "pivots of long names": "SELECT * FROM t PIVOT (sum(a) AS "
    + "n" * 90_000
    + ", sum(d) AS e FOR s IN ("
    + ", ".join(str(i) for i in range(20_000))
    + "))",
    "natural joins": "SELECT count(*) AS n FROM wide x0"
    + "".join(f" NATURAL JOIN wide x{i}" for i in range(1, 140)),
    "rows of one generator": "SELECT stack(300, " + ", ".join(["1"] * 30_000) + ")",
    "wide values": "SELECT * FROM VALUES (" + ", ".join(["1"] * 30_000) + ")",
    "operands": "SELECT " + ", ".join(["m = d"] * 15_000) + " FROM t",
}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_long_rows_are_answered_or_refused(name: str) -> None:
    found = checked(ROWS[name])
    assert len(found.diagnostics) <= 200
    assert len(found.render()) < 200_000


NESTED = {
    "case of case": "SELECT "
    + "CASE " * 40
    + "a"
    + " WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 3 END" * 40
    + " FROM t",
    "assertions": "SELECT " + "assert_true(" * 40 + "a = 1" + ")" * 40 + " FROM t",
    "json": "SELECT " + "get_json_object(" * 40 + "s" + ", '$.a')" * 40 + " AS x FROM t",
    "substrings": "SELECT " + "substring(" * 40 + "s" + ", 2)" * 40 + " AS x FROM t",
    "rounds": "SELECT " + "round(" * 40 + "d" + ", 2)" * 40 + " AS x FROM t",
    "divisions": "SELECT " + "(a / " * 40 + "a" + ")" * 40 + " AS x FROM t",
    "casts": "SELECT " + "CAST(CAST(" * 20 + "s" + " AS DOUBLE) AS STRING)" * 20 + " AS x FROM t",
    "aliases": "SELECT a AS x0, "
    + ", ".join(f"x{i} + x{i} AS x{i + 1}" for i in range(60))
    + " FROM t",
    "long aliases": f"SELECT concat('{'y' * 90_000}', s) AS x0, "
    + ", ".join(f"concat(x{i}, x{i}) AS x{i + 1}" for i in range(9))
    + " FROM t",
    "groups": "SELECT " + "(a + " * 40 + "a" + ")" * 40 + " AS x, sum(d) AS y FROM t GROUP BY "
    + "(a + " * 40 + "a" + ")" * 40,
    "sums in brackets": "SELECT "
    + "(" * 40
    + "a"
    + (" + a" * 100 + ")") * 40
    + " AS x, sum(d) AS y FROM t GROUP BY a",
    "conditions": "SELECT 1 AS x FROM t WHERE "
    + "(" * 40
    + "a = 1"
    + (" OR a = 2" * 100 + ")") * 40,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NESTED))
def test_what_nests_is_answered_or_refused(name: str) -> None:
    checked(NESTED[name])


@pytest.mark.parametrize(
    ("first", "last"),
    [("CASE ", " WHEN 1 THEN 1 WHEN 2 THEN 2 END"), ("CASE WHEN ", " = 1 THEN 1 ELSE 2 END")],
)
def test_what_a_case_compares_is_compiled_once(
    first: str, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, made = Expressions.piece, 0

    def counted(self: Expressions, node: exp.Expr) -> Piece:
        nonlocal made
        made += 1
        return compiled(self, node)

    monkeypatch.setattr(Expressions, "piece", counted)
    assert checked(f"SELECT {first * 4}a{last * 4} AS x FROM t").ok
    assert made < 60


def test_columns_that_joins_make_equal_are_followed_once() -> None:
    joins = "".join(
        f" JOIN t x{i} ON x{i}.s = x{i - 1}.s AND x{i}.s = x{max(0, i - 2)}.s"
        for i in range(1, 120)
    )
    table = Table(TableName("db", "t"), (Column("s", STRING), Column("p", STRING)), ("p",))
    parsed = parse(f"SELECT x119.s AS s FROM t x0{joins}", database="db")
    analysis = bind(parsed, {table.name: table})
    reach(analysis, "s")
    for reference in parsed.references[:10]:
        conditions(analysis, reference)


GENEROUS = {
    "a list of 5,000": "SELECT a FROM t WHERE a IN (" + ", ".join(map(str, range(5_000))) + ")",
    "a list of 30,000": "SELECT a FROM t WHERE a IN (" + ",".join(map(str, range(30_000))) + ")",
    "2,000 columns": "SELECT " + ", ".join(f"{c} * 2 AS {c}" for c in WIDE) + " FROM wide",
    "2,000 columns through 50 WITHs": with_each(
        50,
        "SELECT * FROM wide",
        lambda i: f"SELECT * FROM t{i} WHERE c1 > {i}",
        "SELECT * FROM t{}",
    ),
    "50 WITHs of which each is used twice": with_each(
        50,
        "SELECT a, s FROM t",
        lambda i: f"SELECT x.a, y.s FROM t{i % 8} x JOIN t{i % 5} y ON x.a = y.a",
        "SELECT * FROM t{}",
    ),
    "a pivot of 100 values and 20 aggregates": "SELECT * FROM wide PIVOT ("
    + ", ".join(f"sum(c{i}) AS s{i}" for i in range(20))
    + " FOR (c1998, c1999) IN ("
    + ", ".join(f"({i}, {i}) AS v{i}" for i in range(100))
    + "))",
    "300 lines": "SELECT\n"
    + ",\n".join(f"  CASE WHEN a > {i} THEN d ELSE a END AS x{i}" for i in range(300))
    + "\nFROM t",
}


@pytest.mark.parametrize("name", sorted(GENEROUS))
def test_generously_large_queries_are_admitted(name: str) -> None:
    assert not [d for d in checked(GENEROUS[name]).diagnostics if d.severity == "error"]


def test_many_windows_over_many_columns() -> None:
    windows = ", ".join(
        f"row_number() OVER (PARTITION BY c{i} ORDER BY c{i + 1}) AS r{i}" for i in range(1_500)
    )
    assert checked(f"SELECT {windows} FROM wide").diagnostics


@pytest.mark.slow
def test_many_sums_over_sorted_rows() -> None:
    inner = with_each(
        100, "SELECT * FROM wide", lambda i: f"SELECT * FROM t{i} ORDER BY c1", "SELECT {} AS x"
    ).rpartition(" SELECT ")[0]
    sums = ", ".join(f"sum(c{i}) AS s{i}" for i in range(1_500))
    checked(f"{inner} SELECT {sums} FROM t99")
