"""The list of what carries over from Athena's SQL to Spark's, and what its equality rests on.

What is not on it is refused. The documentation prints it; the tests hold it against the fixtures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater_glue.query.athena.aggregates import AGGREGATES, RANKINGS
from headwater_glue.query.athena.casts import RESTS_ON
from headwater_glue.query.athena.functions import FUNCTIONS


@dataclass(frozen=True, slots=True)
class Construct:
    """Something that carries over.

    Args:
        group: `syntax`, `cast`, `function`, `aggregate` or `window function`.
        name: As Trino writes it.
        rests_on: Under which condition both engines answer alike; `nothing` if always.
    """

    group: str
    name: str
    rests_on: str = "nothing"


_SYNTAX: Final = {
    "SELECT [DISTINCT], aliases, *, t.*": "nothing",
    "FROM a table, a subquery, a name of WITH": "nothing",
    "[INNER | LEFT | RIGHT | FULL] JOIN ON, USING; CROSS JOIN, comma": "nothing",
    "CROSS JOIN UNNEST(array) AS t (x)": "elements that are no rows",
    "WHERE, GROUP BY columns, expressions or positions, HAVING": "nothing",
    "ORDER BY with LIMIT": "no two rows in the same place at the limit",
    "UNION [ALL], INTERSECT, EXCEPT": "columns of a type that both engines choose",
    "WITH": "nothing",
    "EXISTS, IN (query), a query as a value": "nothing",
    "literals: integer, decimal, double, text, boolean, NULL, DATE, TIMESTAMP": "no zone",
    "+ - * of integers, double, decimal; / and % of integers": "nothing: both raise on overflow",
    "/ of double": "no divisor that is negative zero",
    "= <> < <= > >= BETWEEN, IN, IS [NOT] DISTINCT FROM": "nothing: NaN is asked for",
    "AND, OR, NOT, IS [NOT] NULL, CASE": "nothing",
    "LIKE a literal, ESCAPE": "nothing",
    "|| of texts": "nothing",
    "date or timestamp + - INTERVAL": "nothing",
    "extract(field FROM x), current_date": "current_date: the same day",
    "aggregate FILTER (WHERE ...)": "nothing",
    "OVER (PARTITION BY, ORDER BY, ROWS BETWEEN)": "nothing",
    "row.field": "nothing",
}


def constructs() -> tuple[Construct, ...]:
    """Return everything that carries over, group by group."""
    return (
        *(Construct("syntax", name, basis) for name, basis in _SYNTAX.items()),
        *(Construct("cast", name, basis) for name, basis in RESTS_ON.items()),
        *(Construct("function", f.name, f.rests_on) for f in FUNCTIONS),
        *(Construct("aggregate", name, basis) for name, basis in AGGREGATES.items()),
        *(Construct("window function", name, basis) for name, basis in RANKINGS.items()),
    )
