"""Shapes of queries, generated: conditions above joins, wide decimals, grouping sets, subqueries.

Each is small and hits its clause from several sides: rows that raise and rows that do not, empty
tables, NULL, NaN, -0.0, keys that are there twice.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

_NUMBERS = ["1", "2", "0", "-1", "2147483647", "3000000000", "1.5", "0.00", "2.0D", "1L", "100Y"]
_DAYS = ["DATE '2024-01-31'", "CAST('2024-02-29' AS DATE)", "DATE '9999-12-30'"]
_SHIFTS = ["INTERVAL 1 YEAR", "INTERVAL '1' MONTH", "INTERVAL '30' DAY", "INTERVAL 1 WEEK", "7"]
_MOMENTS = ["TIMESTAMP '2024-03-10 10:00:00'", "CAST(DATE '2024-03-10' AS TIMESTAMP)"]
_HOURS = ["INTERVAL 1 HOUR", "INTERVAL '1' DAY", "INTERVAL 1 MONTH", "INTERVAL '90' MINUTE"]
_COMPARED = ["=", "<", ">=", "<>"]
_JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"]


@st.composite
def _constant(draw: DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(_NUMBERS))
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%"]))
    return f"({draw(_constant(depth - 1))} {operator} {draw(_constant(depth - 1))})"


@st.composite
def _time(draw: DrawFn, starts: list[str], shifts: list[str]) -> str:
    text = draw(st.sampled_from(starts))
    for _ in range(draw(st.integers(0, 2))):
        text = f"({text} {draw(st.sampled_from(['+', '-']))} {draw(st.sampled_from(shifts))})"
    return text


@st.composite
def _condition(draw: DrawFn, side: str) -> str:
    """Draw a condition on the columns of one side of a join of `edges` with itself."""
    value = side + draw(st.sampled_from(["i", "t", "b", "dec", "d", "k"]))
    divisor = side + draw(st.sampled_from(["t", "sm", "i"]))
    compared = draw(st.sampled_from(_COMPARED))
    small = draw(_constant(1))
    zero = draw(st.sampled_from(["0", "1"]))
    other = draw(st.sampled_from(["false", "NULL", "true", f"{side}k > 3"]))
    return draw(
        st.sampled_from(
            [
                f"{value} BETWEEN {small} AND {small} + {draw(st.sampled_from(_NUMBERS))}",
                f"{side}da {compared} {draw(_time(_DAYS, _SHIFTS))}",
                f"{side}ts {compared} {draw(_time(_MOMENTS, _HOURS))}",
                f"{value} IN ({small}, {draw(_constant(1))}, 1)",
                f"{value} IN (1, 10 / {divisor}, {small})",
                f"CASE WHEN {divisor} {compared} {zero} THEN 10 / {divisor} > 1 ELSE {other} END",
                f"CASE WHEN {divisor} {compared} {zero} THEN NULL ELSE {value} / {divisor} END > 1",
                f"if({divisor} = 0, {other}, {value} % {divisor} > 1)",
                f"{value} / nullif({divisor}, 0) {compared} 2",
                f"CAST({side}t AS BIGINT) + {side}sm {compared} {small}",
            ]
        )
    )


@st.composite
def joined(draw: DrawFn) -> str:
    """Draw conditions above and in a join, with constants, guards and values that may raise."""
    join = draw(st.sampled_from(_JOINS))
    one_sided = "SEMI" in join or "ANTI" in join
    on = f" AND {draw(_condition('l.'))}" if draw(st.integers(0, 2)) == 0 else ""
    sides = ["l."] if one_sided else ["l.", "r."]
    parts = [draw(_condition(draw(st.sampled_from(sides)))) for _ in range(draw(st.integers(1, 2)))]
    empty = " WHERE k < 0" if draw(st.integers(0, 4)) == 0 else ""
    return (
        f"SELECT count(*) AS n, sum(l.t) AS s FROM edges l {join} "
        f"(SELECT * FROM edges{empty}) AS r ON l.i = r.i{on} WHERE {' AND '.join(parts)}"
    )


@st.composite
def early(draw: DrawFn) -> str:
    """Draw joins whose conditions compute with the columns of one side, or of both."""

    def side() -> str:
        return draw(st.sampled_from(["l", "r"]))

    def number(a: str) -> str:
        return draw(
            st.sampled_from(
                [
                    *(f"{a}.t + 1", f"{a}.i - {a}.t", f"{a}.sm * 2", f"-{a}.i", f"{a}.b + 1"),
                    *(f"{a}.dec * {a}.i", f"{a}.k - 1", f"({a}.t + {a}.sm) * 2", f"{a}.dec + 1"),
                ]
            )
        )

    def moment(a: str) -> str:
        return draw(
            st.sampled_from(
                [
                    *(f"{a}.ts + INTERVAL 1 DAY", f"{a}.ts - INTERVAL '1' HOUR", f"{a}.da - 3"),
                    *(f"{a}.da + INTERVAL '1' MONTH", f"{a}.ntz + INTERVAL 1 YEAR"),
                ]
            )
        )

    def condition() -> str:
        compared = draw(st.sampled_from([*_COMPARED, "<=>"]))
        column = f"{side()}.{draw(st.sampled_from(['i', 't', 'k', 'b', 'dec']))}"
        return draw(
            st.sampled_from(
                [
                    f"{column} {compared} {number(side())}",
                    f"{number(side())} {compared} {number(side())}",
                    f"{side()}.ts {compared} {moment(side())}",
                    f"{side()}.ts BETWEEN {moment(side())} AND {moment(side())}",
                    f"NOT ({column} {compared} {number(side())})",
                ]
            )
        )

    join = draw(st.sampled_from(_JOINS))
    where = condition().replace("r.", "l.") if "SEMI" in join or "ANTI" in join else condition()
    table = draw(st.sampled_from(["edges", "(SELECT * FROM edges WHERE t > 0)"]))
    return (
        f"SELECT count(*) AS n, count(l.t) AS m FROM edges l {join} {table} AS r "
        f"ON l.sm = r.sm AND {condition()} WHERE {where}"
    )


@st.composite
def exploded(draw: DrawFn) -> str:
    """Draw generators among the columns, with and without names, of what may be empty or NULL."""
    value = draw(
        st.sampled_from(
            ["ai", "`as`", "ad", "aa", "m", "array(i, t, NULL)", "filter(ai, x -> x > 1)"]
        )
    )
    name = draw(st.sampled_from(["explode", "posexplode", "explode_outer", "posexplode_outer"]))
    count = 1 + (value == "m") + ("pos" in name)
    names = [f"x{i}" for i in range(count)]
    named = draw(st.booleans())
    alias = f" AS ({', '.join(names)})" if named and count > 1 else " AS x0" if named else ""
    beside = draw(st.sampled_from(["", "k, ", "k + 1 AS k1, ", "'c' AS c, "]))
    where = draw(st.sampled_from(["", " WHERE t > 0", " WHERE k < 0"]))
    order = f" ORDER BY {', '.join(names)}, k, 1" if named and draw(st.booleans()) else ""
    order = order if value == "ai" else ""
    inner = f"SELECT {beside}{name}({value}){alias} FROM edges{where}{order}"
    if named and value in ("ai", "`as`") and draw(st.booleans()):
        return f"SELECT {names[-1]}, count(*) AS n FROM ({inner}) AS q GROUP BY {names[-1]}"
    return inner


@st.composite
def member(draw: DrawFn) -> str:
    """Draw IN and NOT IN of a subquery: as a column, in CASE, in WHERE; with NULL on each side."""

    def condition() -> str:
        value = draw(st.sampled_from(["q.t", "q.i", "q.sm", "q.k"]))
        given = draw(st.sampled_from(["t", "sm", "k", "i + 1"])) if value != "q.k" else "k"
        where = draw(st.sampled_from(["", f" WHERE {given} IS NOT NULL", " WHERE k > 99"]))
        where = where if "+" not in given else ""
        given = given if "+" not in given else "b"
        word = draw(st.sampled_from(["IN", "NOT IN"]))
        text = f"{value} {word} (SELECT {given} FROM edges{where})"
        return draw(st.sampled_from([text, text, f"NOT ({text})", f"({text})"]))

    one, other = condition(), condition()
    return draw(
        st.sampled_from(
            [
                f"SELECT q.k, {one} AS v FROM edges q",
                f"SELECT q.k, CASE WHEN {one} THEN 1 WHEN {other} THEN 2 END AS v FROM edges q",
                f"SELECT q.k FROM edges q WHERE {one} OR {other}",
                f"SELECT v, count(*) AS n FROM (SELECT {one} AS v FROM edges q) AS z GROUP BY v",
            ]
        )
    )


@st.composite
def texts(draw: DrawFn) -> str:
    """Draw texts where Spark casts them: next to numbers, times and truth values."""
    text = draw(
        st.sampled_from(
            ["num", "day", "bool", "s", "CAST(t AS STRING)", "nullif(num, 'abc')", "'2'"]
        )
    )
    other = draw(st.sampled_from(["i", "t", "b", "d", "dec", "wide", "da", "ts", "bo", "2", "1.5"]))
    more = draw(st.sampled_from(["i", "dec", "d", "3"]))
    compared = draw(st.sampled_from([*_COMPARED, "<=>"]))
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%"]))
    value = draw(
        st.sampled_from(
            [
                f"{text} {compared} {other}",
                f"{other} {compared} {text}",
                f"{text} {operator} {other}",
                f"{text} IN ({other}, {more})",
                f"{text} BETWEEN {other} AND {more}",
                f"coalesce({text}, {other})",
                f"CASE WHEN t > 0 THEN {text} ELSE {other} END",
                f"-{text}",
            ]
        )
    )
    row = draw(st.integers(0, 41))
    return draw(
        st.sampled_from(
            [
                f"SELECT k, {value} AS v FROM edges WHERE k = {row}",
                f"SELECT k, {value} AS v FROM edges WHERE {text} RLIKE '^[0-9]+$'",
                f"SELECT sum({text}) AS v FROM edges WHERE k = {row}",
                f"SELECT {text} AS v FROM edges WHERE k < 9 UNION ALL SELECT {other} FROM edges",
            ]
        )
    )


@st.composite
def _decimal(draw: DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(
            st.sampled_from(
                [
                    *("dec", "wide", "CAST(wide AS DECIMAL(38,2))", "CAST(dec AS DECIMAL(30,2))"),
                    *("CAST(dec AS DECIMAL(20,10))", "2.5", "0.0001", "-3", "12345678901.12"),
                ]
            )
        )
    operator = draw(st.sampled_from(["+", "-", "*", "/"]))
    return f"({draw(_decimal(depth - 1))} {operator} {draw(_decimal(depth - 1))})"


@st.composite
def decimals(draw: DrawFn) -> str:
    """Draw arithmetic and sums of decimals around and beyond 38 digits, of one row or of all."""
    value = draw(_decimal())
    row = draw(st.integers(0, 11))
    return draw(
        st.sampled_from(
            [
                f"SELECT {value} AS v FROM nums WHERE k = {row}",
                f"SELECT k, {value} AS v FROM nums WHERE k > {row} AND wide <> 0",
                f"SELECT bo, sum({value}) AS v FROM nums WHERE k <> {row} GROUP BY bo",
                f"SELECT k, sum({value}) OVER (PARTITION BY bo) AS v FROM nums WHERE k > {row}",
                f"SELECT sum(DISTINCT {value}) AS v FROM nums WHERE k > {row} AND dec > 0",
            ]
        )
    )


@st.composite
def grouped(draw: DrawFn) -> str:
    """Draw ROLLUP, CUBE and GROUPING SETS, with what tells the sets apart."""
    columns = ["bo", "t % 3", "coalesce(bo, false)", "d", "dec", "da"]
    keys = draw(st.lists(st.sampled_from(columns), min_size=1, max_size=3, unique=True))
    one, listed = draw(st.sampled_from(keys)), ", ".join(keys)
    sets = draw(
        st.sampled_from(
            [
                f"ROLLUP ({listed})",
                f"CUBE ({listed})",
                f"GROUPING SETS (({listed}), ({one}), ())",
                f"GROUPING SETS ({one}, ROLLUP ({listed}), {one})",
                f"{keys[0]}, ROLLUP ({', '.join(keys[1:]) or keys[0]})",
                f"CUBE (({listed}), {keys[0]}), {one}",
                f"{listed} WITH ROLLUP",
                f"{listed} WITH CUBE",
                f"{listed} GROUPING SETS (({listed}), {one}, ())",
            ]
        )
    )
    shown = ", ".join(f"{k} AS c{i}" for i, k in enumerate(keys))
    marks = draw(
        st.lists(
            st.sampled_from(
                [
                    f"grouping({one}) AS g",
                    "grouping_id() AS h",
                    f"grouping_id({listed}) AS j",
                    "grouping__id AS l",
                    f"CASE WHEN grouping({one}) = 1 THEN 'all' ELSE 'one' END AS m",
                    f"rank() OVER (PARTITION BY grouping({one}) ORDER BY count(*)) AS o",
                    "sum(t) AS p",
                    "max(d) AS q",
                ]
            ),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    where = draw(st.sampled_from(["", " WHERE k < 0", " WHERE t > 0"]))
    having = draw(st.sampled_from(["", "", " HAVING count(*) > 1"]))
    return f"SELECT {shown}, {', '.join(marks)} FROM edges{where} GROUP BY {sets}{having}"


@st.composite
def scalar(draw: DrawFn) -> str:
    """Draw subqueries for one value that give one row at most: aggregates, limits, groups."""
    column = draw(st.sampled_from(["i", "t", "sm"]))
    empty = draw(st.sampled_from(["", " WHERE k < 0"]))
    more = " AND" if empty else " WHERE"
    query = draw(
        st.sampled_from(
            [
                f"SELECT max({column}) FROM edges{empty}",
                f"SELECT max({column}) FROM edges{empty} HAVING max({column}) > 0",
                f"SELECT {column} FROM edges{empty} ORDER BY k LIMIT 1",
                f"SELECT {column} FROM edges{empty} LIMIT 0",
                f"SELECT m FROM (SELECT min({column}) AS m FROM edges{empty}) AS q WHERE m < 5",
                f"SELECT count(*) FROM edges{empty}{more} t = 7 GROUP BY t",
                f"SELECT min({column}) FROM edges{empty}{more} t = 7 AND s = 'a' GROUP BY s, t",
                "SELECT m FROM mm",
                "SELECT 7",
            ]
        )
    )
    with_ = f"WITH mm AS (SELECT max({column}) AS m FROM edges) " if "mm" in query else ""
    compared = draw(st.sampled_from([*_COMPARED, "<=>"]))
    return with_ + draw(
        st.sampled_from(
            [
                f"SELECT k, ({query}) AS v FROM nums",
                f"SELECT k FROM nums WHERE i {compared} ({query})",
                f"SELECT a.k FROM nums a JOIN edges b ON a.i = b.i WHERE b.t {compared} ({query})",
                f"SELECT k, CASE WHEN t {compared} ({query}) THEN 1 ELSE 2 END AS c FROM nums",
                f"SELECT bo, count(*) AS n FROM nums GROUP BY bo HAVING 7 {compared} ({query})",
            ]
        )
    )


SHAPES: dict[str, Callable[[], SearchStrategy[str]]] = {
    "joined": joined,
    "early": early,
    "texts": texts,
    "member": member,
    "exploded": exploded,
    "decimals": decimals,
    "grouped": grouped,
    "scalar": scalar,
}
"""The kinds of queries, by name."""
