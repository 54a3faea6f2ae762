"""Random queries for the pruning tests: valid Spark SQL that DuckDB runs with the same meaning.

Every query has the columns t (timestamp), id, k, n, as have the tables `logs` and `facts`, so that
all operators compose. Results are determined: windows rank with ties, LIMIT orders by every column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

JOINS = (
    "JOIN",
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "SEMI JOIN",
    "ANTI JOIN",
    "CROSS JOIN",
)
EQUALITIES = ("{a}.id = {b}.id", "{a}.id = {b}.id", "{a}.t = {b}.t", "{a}.k = {b}.k")
CONDITIONS = (
    *EQUALITIES,
    "{b}.n > 0",
    "{a}.n > 0",
    "{b}.k = 'a'",
    "{a}.id IN (1, 3)",
    "({a}.k = 'b' OR {b}.k = 'b')",
)
SET_OPERATIONS = (
    "UNION ALL",
    "UNION ALL",
    "UNION ALL",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "INTERSECT ALL",
    "EXCEPT ALL",
)
FORMS = ("plain", "plain", "distinct", "group", "window", "qualify", "limit")


@dataclass
class Maker:
    """Makes one query; names are never used twice."""

    random: Random
    ctes: list[str] = field(default_factory=list)
    count: int = 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def query(self, depth: int) -> str:
        shape = "select" if depth <= 0 else self.pick("select", "select", "select", "set", "with")
        if shape == "set":
            left, right = self.query(depth - 1), self.query(depth - 1)
            return f"({left}) {self.pick(*SET_OPERATIONS)} ({right})"
        if shape == "with":
            body, cte = self.query(depth - 1), self.name("c")
            self.ctes.append(cte)
            rest = self.query(depth - 1)
            self.ctes.remove(cte)
            if rest.startswith("WITH"):
                rest = f"SELECT * FROM ({rest}) AS {self.name('r')}"
            return f"WITH {cte} AS ({body}) {rest}"
        return self.select(depth)

    def relation(self, depth: int) -> tuple[str, str]:
        """Return a table, subquery or WITH, and its alias."""
        alias = self.name("r")
        if self.ctes and self.chance(50):
            return f"{self.pick(*self.ctes)} AS {alias}", alias
        if depth > 0 and self.chance(40):
            return f"({self.query(depth - 1)}) AS {alias}", alias
        return f"{self.pick('logs', 'facts')} AS {alias}", alias

    def select(self, depth: int) -> str:
        first, alias = self.relation(depth)
        seen, text = [alias], f"FROM {first}"
        for _ in range(self.random.randint(0, 2 if depth > 0 else 1)):
            kind = self.pick(*JOINS)
            relation, alias = self.relation(depth - 1)
            text += f" {kind} {relation}"
            if kind != "CROSS JOIN":
                text += self.condition(seen, alias)
            if kind not in ("SEMI JOIN", "ANTI JOIN"):
                seen.append(alias)
        if self.chance(35):
            tests = [self.test(seen) for _ in range(self.random.randint(1, 2))]
            text += " WHERE " + " AND ".join(tests)
        return self.shaped(text, seen)

    def condition(self, left: list[str], right: str) -> str:
        if len(left) == 1 and self.chance(15):
            return f" USING ({self.pick('id', 'id, t')})"
        chosen = [self.pick(*EQUALITIES), *([self.pick(*CONDITIONS)] if self.chance(50) else [])]
        return " ON " + " AND ".join(c.format(a=self.pick(*left), b=right) for c in chosen)

    def test(self, seen: list[str]) -> str:
        x, y, inner = self.pick(*seen), self.pick(*seen), self.name("s")
        table = self.pick("logs", "facts", *self.ctes)
        return self.pick(
            f"{x}.n > 0",
            f"{x}.k = 'a'",
            f"1 < {x}.id",
            f"{x}.n BETWEEN 1 AND 2",
            f"({x}.k = 'a' OR {x}.k = 'b')",
            f"({x}.id = 1 OR {x}.k = 'b')",
            f"NOT {x}.id = 2",
            f"{x}.k NOT LIKE 'a%'",
            f"{x}.k LIKE 'a%'",
            f"{x}.id IS NULL",
            f"{x}.t = {y}.t",
            f"({x}.id = {y}.id AND {x}.t = {y}.t)",
            f"({x}.t = {y}.t OR {x}.n = 1)",
            f"EXISTS (SELECT 1 FROM {table} AS {inner} WHERE {inner}.id = {x}.id)",
            f"{x}.n IN (SELECT {inner}.n FROM {table} AS {inner})",
            f"{x}.t < (SELECT max({inner}.t) FROM {table} AS {inner})",
        )

    def shaped(self, text: str, seen: list[str]) -> str:
        x = self.pick(*seen)
        time = self.pick(*(f"{s}.t" for s in seen))
        if self.chance(10):
            time = self.pick(
                f"date_trunc('day', {time})",
                f"CAST({time} AS TIMESTAMP)",
                f"coalesce({time}, {x}.t)",
            )
        columns = f"{time} AS t, {x}.id AS id, {x}.k AS k"
        over = f"PARTITION BY {self.keys(time, x)} ORDER BY {x}.n, {x}.id"
        match self.pick(*FORMS):
            case "distinct":
                return f"SELECT DISTINCT {columns}, {x}.n AS n {text}"
            case "group":
                return self.grouped(text, time, x)
            case "window":
                value = self.pick("count(*)", "rank()", f"sum({x}.n)")
                if self.chance(30):
                    w = self.name("w")
                    return f"SELECT {columns}, {value} OVER {w} AS n {text} WINDOW {w} AS ({over})"
                return f"SELECT {columns}, {value} OVER ({over}) AS n {text}"
            case "qualify":
                return f"SELECT {columns}, {x}.n AS n {text} QUALIFY rank() OVER ({over}) = 1"
            case "limit":
                cut = self.pick("LIMIT 2", "LIMIT 3 OFFSET 1")
                return f"SELECT {columns}, {x}.n AS n {text} ORDER BY 1, 2, 3, 4 {cut}"
            case _:
                return f"SELECT {columns}, {x}.n AS n {text}"

    def keys(self, time: str, x: str) -> str:
        return self.pick(time, f"{x}.id", f"{time}, {x}.id", f"{x}.k, {x}.t", f"{x}.k")

    def grouped(self, text: str, time: str, x: str) -> str:
        having = self.pick("", "", " HAVING count(*) > 1")
        if self.chance(40):
            return (
                f"SELECT max({time}) AS t, {x}.id AS id, {x}.k AS k, count(*) AS n {text} "
                f"GROUP BY {x}.id, {x}.k{having}"
            )
        columns = f"{time} AS t, {x}.id AS id, {x}.k AS k, sum({x}.n) AS n"
        by = self.pick(f"{time}, {x}.id, {x}.k", "1, 2, 3", "ALL", f"ROLLUP({time}, {x}.id, {x}.k)")
        return f"SELECT {columns} {text} GROUP BY {by}{having}"


def queries(depth: int = 2) -> st.SearchStrategy[str]:
    """Return the strategy of queries that nest up to so deep.

    They are made by a true random generator: hypothesis's own choices repeat each other too much
    to bring many operators together. What fails is therefore found, and not made smaller.
    """
    return st.randoms(use_true_random=True).map(lambda chance: Maker(chance).query(depth))
