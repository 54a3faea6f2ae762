"""Ranking: how well a model ordered the items of each query, by window functions over its rows.

No profile can tell it: a query's items must be seen together. So the rows are read, on whichever
engine reads them, and each query becomes a few numbers; what is kept of them adds up exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, DataError
from headwater.interfaces.schema import ID, ModelType, Schema
from headwater.types import FieldType
from headwater_monitor.figures import Figure
from headwater_monitor.read_rows import (
    added_by_window,
    by_window,
    duckdb_connection,
    prediction_field,
    with_actual,
)

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset
    from headwater.tables.window import Window
    from headwater.workspace.model import Connection

_SUMS: Final = ("ndcg", "ndcg_low", "ndcg_high", "mrr", "mrr_high", "hits", "hits_high")


@dataclass(frozen=True, slots=True)
class Totals:
    """What adds up of the queries of a window.

    Args:
        queries: Queries that have rows.
        judged: Of them, those whose items all have a score and a label: what the sums are of.
        irrelevant: Of these, queries without a relevant item: their figures are 0.
        sums: By name: sums over the judged queries, each rounded to 12 digits.
    """

    queries: int = 0
    judged: int = 0
    irrelevant: int = 0
    sums: Mapping[str, Decimal] = field(default_factory=dict)

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.queries + other.queries,
            self.judged + other.judged,
            self.irrelevant + other.irrelevant,
            {n: self.sums.get(n, Decimal(0)) + other.sums.get(n, Decimal(0)) for n in _SUMS},
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well the items of queries were ordered, by window: what `ranking` returns.

    `a + b` adds what both tell. `performance` takes it for a profile.

    Args:
        prediction: The prediction that ranks.
        k: How many items of a query are looked at; None for all.
        totals: What adds up, by window; of a read without windows, under None.
    """

    prediction: str
    k: int | None
    totals: Mapping[Window | None, Totals]

    @property
    def total(self) -> Totals:
        """What adds up of all windows."""
        return sum(self.totals.values(), start=Totals())

    @property
    def queries(self) -> int:
        """Queries that have rows."""
        return self.total.queries

    @property
    def judged(self) -> int:
        """Queries whose items all have a score and a label."""
        return self.total.judged

    @property
    def ndcg(self) -> Figure | None:
        """Average normalised discounted cumulative gain of the first `k` items.

        Equal scores share what their places give, as in scikit-learn's `ndcg_score`; the bounds are
        of the worst and the best order of them. A query without a relevant item has 0.
        """
        return self._average("ndcg", "ndcg_low", "ndcg_high")

    @property
    def mrr(self) -> Figure | None:
        """Average of 1 / place of the first relevant item; equal scores in their worst order.

        The upper bound is of their best order.
        """
        return self._average("mrr", "mrr", "mrr_high")

    @property
    def hit_rate(self) -> Figure | None:
        """Share of queries with a relevant item among the first `k`; as `mrr` of equal scores."""
        return self._average("hits", "hits", "hits_high")

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known of these figures."""
        total, notes = self.total, []
        if total.judged < total.queries:
            notes.append(
                f"{total.queries - total.judged:,} of {total.queries:,} queries have an item "
                "without a label or a score, and are left out"
            )
        if total.irrelevant:
            notes.append(f"{total.irrelevant:,} queries have no relevant item, and count as 0")
        return tuple(notes)

    def parts(self) -> Iterator[tuple[Window | None, Ranking]]:
        """Yield each window, with the ranking of it alone."""
        for window, totals in self.totals.items():
            yield window, changed(self, totals={window: totals})

    def __add__(self, other: object) -> Ranking:
        if not isinstance(other, Ranking):
            return NotImplemented
        if (self.prediction, self.k) != (other.prediction, other.k):
            raise ConfigError(
                f"the ranking of {self.prediction} by {self.k} items and that of "
                f"{other.prediction} by {other.k} can't be added",
                hint="make both with the same prediction and k",
            )
        return changed(self, totals=added_by_window(self.totals, other.totals, Totals()))

    def _average(self, value: str, low: str, high: str) -> Figure | None:
        total = self.total
        if not total.judged:
            return None
        sums = (float(total.sums[name] / total.judged) for name in (value, low, high))
        return Figure(*sums)


def ranking(
    connection: Connection,
    start: Any = None,
    end: Any = None,
    *,
    query: str | None = None,
    prediction: str | None = None,
    k: int | None = 10,
    every: str | None = None,
    as_of: Any = None,
    engine: str | None = None,
) -> Ranking:
    """Return how well a ranking model ordered the items of each query.

    A numeric prediction is the score of one item, and its actual how relevant that was (0: not at
    all); `query` names the field by which the items of a query are told. A prediction that is an
    array is one query's items, best first, and its actual the items that were relevant.

    Args:
        connection: The connection of a ranking model, with actuals.
        start: Start of the window; as for `Connection.read`.
        end: Its end.
        query: The raw input or feature that is the same for all items of a query.
        prediction: The prediction that ranks, where the model gives several.
        k: How many items of each query are looked at; None for all.
        every: Cut the window at each such step: the figures of each are kept apart. A query whose
            items lie in two windows is one in each.
        as_of: Until when labels are taken.
        engine: The engine that reads.

    Raises:
        ConfigError: If the model ranks nothing, has no such field or prediction, or has no actuals.
        DataError: If an item is less relevant than not at all.
        PluginError: If DuckDB is not installed.
    """
    schema = connection.schema
    if schema.model_type is not ModelType.RANKING:
        raise ConfigError(
            f"{connection.name} is of a {schema.model_type} model, which ranks nothing",
            hint="performance(connection.profile(...)) tells how right it was",
        )
    chosen = prediction_field(connection, prediction)
    _check_query(schema, query, chosen.type is FieldType.ARRAY)
    if k is not None and k < 1:
        raise ConfigError(f"k={k!r} looks at no item", hint="give 1 or more, or None for all")

    def count(data: Dataset) -> Totals:
        return _totals(data, chosen.name, query, k)

    by_window_ = by_window(connection, start, end, count, every=every, as_of=as_of, engine=engine)
    return Ranking(chosen.name, k, by_window_)


def _check_query(schema: Schema, query: str | None, listed: bool) -> None:
    names = [f.name for f in (*schema.raw_inputs, *schema.features)]
    if listed and query is not None:
        raise ConfigError(
            f"query={query!r}: each row is a query where a prediction is an array",
            hint="leave out query",
        )
    if not listed and query not in names:
        raise ConfigError(
            "nothing says which rows are items of the same query"
            if query is None
            else f"the model has no field {query!r}",
            hint=f"name a field: query=... ({', '.join(names) or 'the model has none'})"
            if query is None
            else hint_for(query, names, what="fields"),
        )


_SCORED: Final = """
SELECT query AS q, CAST(score AS DOUBLE) AS s, CAST(actual AS DOUBLE) AS g
FROM given WHERE query IS NOT NULL
"""
_JUDGED: Final = """
WITH items AS ({items}),
judged AS (
  SELECT q FROM items GROUP BY q HAVING count(*) = count(g) AND count(*) = count(s)
),
placed AS (
  SELECT q, s, g,
    row_number() OVER (PARTITION BY q ORDER BY s DESC, g) AS worst,
    row_number() OVER (PARTITION BY q ORDER BY s DESC, g DESC) AS best,
    row_number() OVER (PARTITION BY q ORDER BY g DESC) AS ideal
  FROM items JOIN judged USING (q)
),
weighed AS (
  SELECT q, g, worst, best,
    {worst} AS low, {best} AS high, {ideal} AS most,
    avg({worst}) OVER (PARTITION BY q, s) AS mid
  FROM placed
)
SELECT sum(g * low), sum(g * high), sum(g * mid), sum(g * most),
  min(worst) FILTER (g > 0), min(best) FILTER (g > 0), min(g)
FROM weighed GROUP BY q
"""
_LISTED: Final = """
WITH lists AS (
  SELECT row_number() OVER () AS q, prediction, list_distinct(actual) AS actual FROM given
  WHERE prediction IS NOT NULL AND actual IS NOT NULL
),
items AS (
  SELECT q, unnest(prediction) AS item, generate_subscripts(prediction, 1) AS place,
    actual, len(actual) AS many
  FROM lists
),
hits AS (
  SELECT q, CASE WHEN list_contains(actual, item) THEN 1.0 ELSE 0.0 END AS g, place FROM items
),
gained AS (
  SELECT q, sum(g * {place}) AS gain, min(place) FILTER (g > 0) AS first FROM hits GROUP BY q
),
best AS (
  SELECT q, (SELECT sum({ideal}) FROM generate_series(1, len(actual)) AS r(ideal)) AS most
  FROM lists
)
SELECT gain, gain, gain, most, first, first, 0 FROM best LEFT JOIN gained USING (q)
"""


def _totals(data: Dataset, name: str, query: str | None, k: int | None) -> Totals:
    with duckdb_connection() as engine:
        rows, actual = with_actual(data, name)
        queries = len(rows)
        if query is None:
            items = rows.select([name, actual]).rename_columns(["prediction", "actual"])
            text = _LISTED.format(place=_discount("place", k), ideal=_discount("ideal", k))
        else:
            items = rows.select([ID, query, name, actual]).rename_columns(
                ["id", "query", "score", "actual"]
            )
            text = _JUDGED.format(
                items=_SCORED, **{n: _discount(n, k) for n in ("worst", "best", "ideal")}
            )
        engine.register("given", items)
        if query is not None:
            (queries,) = engine.sql("SELECT count(DISTINCT query) FROM given").fetchone()
        per_query = engine.sql(text).fetchall()
    return _totals_of(per_query, queries, k, f"{data.plan.connection}: {actual}")


def _discount(place: str, k: int | None) -> str:
    """Return what an item counts at a place, as SQL: 1 / log2(place + 1), beyond `k` nothing."""
    weight = f"1 / log2({place} + 1)"
    return weight if k is None else f"CASE WHEN {place} <= {k} THEN {weight} ELSE 0.0 END"


def _totals_of(per_query: list[tuple[Any, ...]], queries: int, k: int | None, where: str) -> Totals:
    parts: dict[str, list[Decimal]] = {name: [] for name in _SUMS}
    irrelevant = 0
    for low, high, mid, most, worst, best, least in per_query:
        if least < 0:
            raise DataError(
                f"{where}: {least} is less relevant than not at all",
                hint="give 0 for an item that was not relevant, and more for those that were",
            )
        if not most:
            irrelevant += 1
        gains = [(gain or 0.0) / most if most else 0.0 for gain in (mid, low, high)]
        within = [place is not None and (k is None or place <= k) for place in (worst, best)]
        values = (
            *gains,
            1 / worst if worst else 0.0,
            1 / best if best else 0.0,
            float(within[0]),
            float(within[1]),
        )
        for name, value in zip(_SUMS, values, strict=True):
            parts[name].append(Decimal(f"{value:.12f}"))
    return Totals(
        queries, len(per_query), irrelevant, {n: sum(v, Decimal(0)) for n, v in parts.items()}
    )
