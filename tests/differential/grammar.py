"""A grammar of monitoring queries: random ones, typed, over the tables of `data`."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

COLUMNS = {
    "int": ["n_tokens", "latency_ms", "label_pred", "entity_id", "tiny", "small"],
    "double": ["score", "threshold", "score_f"],
    "decimal": ["amount"],
    "string": ["model_name", "model_version", "country", "segment", "prediction_id"],
    "boolean": ["is_fallback"],
    "timestamp": ["event_ts", "ingest_ts"],
    "date": ["signup_date", "dt"],
}
LITERALS = {
    "int": ["0", "1", "-3", "7", "100"],
    "double": ["0.5D", "1e-3", "-2.0D", "CAST('NaN' AS DOUBLE)"],
    "decimal": ["1.25", "0.0001", "-10.5"],
    "string": ["'US'", "''", "'vip'", "'é'", "'2.0.0-rc1'"],
    "boolean": ["true", "false"],
    "timestamp": ["TIMESTAMP '2024-03-10 10:00:00'", "TIMESTAMP '2024-03-09 23:59:59.999999Z'"],
    "date": ["DATE '2024-03-10'", "DATE '2021-02-28'"],
}
TYPES = list(COLUMNS)
NUMBERS = ["int", "double", "decimal"]


@st.composite
def expression(draw: DrawFn, type_: str, depth: int = 2, prefix: str = "") -> str:
    """Draw an expression of a type.

    Args:
        draw: Hypothesis'.
        type_: Key of `COLUMNS`.
        depth: How deep it may nest.
        prefix: Qualifier of its columns, e.g. `p.`.
    """
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if draw(st.integers(0, 3)) == 0:
            return draw(st.sampled_from(LITERALS[type_]))
        return prefix + draw(st.sampled_from(COLUMNS[type_]))

    def of(other: str) -> str:
        return draw(expression(other, depth - 1, prefix))

    made = draw(st.sampled_from(_MAKERS[type_] + _ANY))
    return str(made(type_, of, draw))


def _common(kind: str) -> Callable[..., object]:
    def make(type_: str, of, draw: DrawFn) -> str:  # type: ignore[no-untyped-def]
        match kind:
            case "coalesce":
                return f"coalesce({of(type_)}, {of(type_)})"
            case "case":
                return f"CASE WHEN {of('boolean')} THEN {of(type_)} ELSE {of(type_)} END"
            case "if":
                return f"if({of('boolean')}, {of(type_)}, NULL)"
            case _:
                return f"nullif({of(type_)}, {of(type_)})"

    return make


def _template(text: str, *types: str) -> Callable[..., object]:
    def make(type_: str, of, draw: DrawFn) -> str:  # type: ignore[no-untyped-def]
        return text.format(*(of(x) for x in types))

    return make


def _comparison(type_: str, of, draw: DrawFn) -> str:  # type: ignore[no-untyped-def]
    kind = draw(st.sampled_from(TYPES))
    other = draw(st.sampled_from(NUMBERS)) if kind in NUMBERS else kind
    operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "<=>"]))
    return f"({of(kind)} {operator} {of(other)})"


_ANY: list[Callable[..., object]] = [_common(k) for k in ("coalesce", "case", "if", "nullif")]
_MAKERS: dict[str, list[Callable[..., object]]] = {
    "int": [
        _template("({} + {})", "int", "int"),
        _template("({} - {})", "int", "int"),
        _template("({} * 2)", "int"),
        _template("({} % 7)", "int"),
        _template("length({})", "string"),
        _template("CAST({} AS INT)", "boolean"),
        _template("year({})", "timestamp"),
        _template("dayofweek({})", "date"),
        _template("hour({})", "timestamp"),
        _template("datediff({}, {})", "date", "date"),
        _template("instr({}, 'a')", "string"),
    ],
    "double": [
        _template("({} + {})", "double", "double"),
        _template("({} * {})", "double", "double"),
        _template("({} / 3)", "int"),
        _template("CAST({} AS DOUBLE)", "int"),
        _template("CAST({} AS DOUBLE)", "decimal"),
        _template("abs({})", "double"),
        _template("(-{})", "double"),
        _template("greatest({}, 0.25D)", "double"),
    ],
    "decimal": [
        _template("({} + {})", "decimal", "decimal"),
        _template("({} * 2)", "decimal"),
        _template("CAST({} AS DECIMAL(10,0))", "int"),
        _template("round({}, 1)", "decimal"),
    ],
    "string": [
        _template("concat({}, '-', {})", "string", "string"),
        _template("CAST({} AS STRING)", "int"),
        _template("CAST({} AS STRING)", "decimal"),
        _template("CAST({} AS STRING)", "date"),
        _template("trim({})", "string"),
        _template("substring({}, 1, 3)", "string"),
        _template("replace({}, 'a', 'b')", "string"),
        _template("date_format({}, 'yyyy-MM')", "timestamp"),
        _template("md5({})", "string"),
    ],
    "boolean": [
        _comparison,
        _comparison,
        _template("({} AND {})", "boolean", "boolean"),
        _template("({} OR {})", "boolean", "boolean"),
        _template("(NOT {})", "boolean"),
        _template("({} IS NULL)", "string"),
        _template("({} IN ('US', 'vip', ''))", "string"),
        _template("({} NOT IN (1, 2, NULL))", "int"),
        _template("({} BETWEEN 0 AND 100)", "int"),
        _template("({} LIKE '%a%')", "string"),
        _template("({} NOT LIKE 'U_')", "string"),
        _template("isnan({})", "double"),
        _template("startswith({}, 'c')", "string"),
    ],
    "timestamp": [
        _template("date_trunc('HOUR', {})", "timestamp"),
        _template("CAST({} AS TIMESTAMP)", "date"),
        _template("({} + INTERVAL 1 DAY)", "timestamp"),
    ],
    "date": [
        _template("CAST({} AS DATE)", "timestamp"),
        _template("date_add({}, 3)", "date"),
        _template("last_day({})", "date"),
        _template("trunc({}, 'MM')", "date"),
    ],
}
_AGGREGATES = {
    "int": ["sum({})", "min({})", "max({})", "avg({})", "count({})", "count(DISTINCT {})"],
    "double": ["min({})", "max({})", "count({})"],
    "decimal": ["sum({})", "min({})", "max({})", "count({})"],
    "string": ["min({})", "max({})", "count({})", "count(DISTINCT {})"],
    "boolean": ["bool_or({})", "count_if({})"],
    "timestamp": ["min({})", "max({})", "count({})"],
    "date": ["min({})", "max({})", "count(DISTINCT {})"],
}


@st.composite
def _aggregate(draw: DrawFn) -> str:
    type_ = draw(st.sampled_from(TYPES))
    inner = draw(expression(type_, 1))
    return draw(st.sampled_from(_AGGREGATES[type_])).format(inner)


@st.composite
def projection(draw: DrawFn) -> str:
    """Draw `SELECT ... FROM predictions WHERE ...`."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    columns = ", ".join(f"{draw(expression(x))} AS c{i}" for i, x in enumerate(types))
    where = f" WHERE {draw(expression('boolean'))}" if draw(st.booleans()) else ""
    return f"SELECT prediction_id AS id, event_ts AS ts, {columns} FROM predictions{where}"


@st.composite
def grouping(draw: DrawFn) -> str:
    """Draw `SELECT ... GROUP BY ... HAVING ...`."""
    types = draw(
        st.lists(
            st.sampled_from(["string", "int", "date", "boolean", "double"]), min_size=1, max_size=2
        )
    )
    keys = [draw(expression(x, 1)) for x in types]
    values = draw(st.lists(_aggregate(), min_size=1, max_size=3))
    listed = ", ".join([f"{k} AS k{i}" for i, k in enumerate(keys)])
    listed += "".join(f", {v} AS v{i}" for i, v in enumerate(values))
    where = f" WHERE {draw(expression('boolean', 1))}" if draw(st.booleans()) else ""
    having = f" HAVING {draw(_aggregate())} IS NOT NULL" if draw(st.booleans()) else ""
    positions = ", ".join(str(i + 1) for i in range(len(keys)))
    return f"SELECT {listed} FROM predictions{where} GROUP BY {positions}{having}"


@st.composite
def deduplication(draw: DrawFn) -> str:
    """Draw a row_number() deduplication with a filter above it."""
    inner = draw(projection())
    key = draw(st.sampled_from(["c0", "substring(id, 1, 6)", "ts"]))
    over = f"OVER (PARTITION BY {key} ORDER BY ts DESC, id)"
    return (
        f"SELECT id, c0 FROM (SELECT *, row_number() {over} AS n FROM ({inner}) AS a) AS b "
        "WHERE n = 1"
    )


@st.composite
def labelled(draw: DrawFn) -> str:
    """Draw a join of predictions with their labels."""
    kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"]))
    condition = draw(st.sampled_from(["", " AND l.label_ts > p.event_ts", " AND l.label = 1"]))
    shown = "" if "SEMI" in kind or "ANTI" in kind else ", l.label, l.label_ts"
    value = draw(expression(draw(st.sampled_from(TYPES)), 1, "p."))
    return (
        f"SELECT p.prediction_id, {value} AS v{shown} FROM predictions p {kind} labels l "
        f"ON p.prediction_id = l.prediction_id{condition}"
    )


@st.composite
def wrapped(draw: DrawFn) -> str:
    """Draw a query inside of what a plan puts around it: names, a window."""
    inner = draw(st.one_of(projection(), projection()))
    return (
        f"SELECT q.`id` AS `id`, q.`ts` AS `timestamp`, q.`c0` AS `value` FROM (\n{inner}\n) AS q "
        "WHERE q.`ts` >= TIMESTAMP '2024-03-09 00:00:00.000000Z' "
        "AND q.`ts` < TIMESTAMP '2024-03-12 00:00:00.000000Z'"
    )


def queries() -> SearchStrategy[str]:
    """Return all kinds of queries."""
    return st.one_of(projection(), grouping(), deduplication(), labelled(), wrapped())
