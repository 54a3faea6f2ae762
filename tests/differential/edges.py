"""A grammar of queries at the edge of the portable subset: what is drawn decides on which side.

`grammar` draws what monitoring asks, and all of it is admitted. Here each piece goes both ways by a
bound, a type, a pattern or a place that is drawn: digits around 38, numbers around 64 bits,
patterns of odd characters, casts between any two types, values that may raise in places where that
counts. What the gate admits of it has to be what Spark answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

_COLUMNS: Final = {
    "int": ["n_tokens", "latency_ms", "tiny", "small"],
    "bigint": ["big", "request_id"],
    "float": ["score_f"],
    "double": ["score", "threshold"],
    "decimal": ["amount"],
    "string": ["country", "score_str", "ts_str", "clean_str", "model_version"],
    "boolean": ["is_fallback"],
    "timestamp": ["event_ts", "ingest_ts"],
    "date": ["signup_date", "dt"],
    "array": ["embedding", "tags"],
    "map": ["features"],
    "struct": ["meta"],
    "binary": ["CAST(country AS BINARY)"],
}
_SCALARS: Final = [x for x in _COLUMNS if x not in ("array", "map", "struct", "binary")]
_NUMBERS: Final = ["int", "bigint", "float", "double", "decimal"]
_TARGETS: Final = [
    "INT", "TINYINT", "BIGINT", "DOUBLE", "FLOAT", "STRING", "BOOLEAN", "DATE", "TIMESTAMP",
    "TIMESTAMP_NTZ", "DECIMAL(10,2)", "DECIMAL(38,18)", "DECIMAL(20,12)", "DECIMAL(3,3)", "BINARY",
]  # fmt: skip
_RAISING: Final = [
    "CAST(clean_str AS INT)", "n_tokens + latency_ms", "n_tokens / tiny", "tags[0]", "big + 1",
    "CAST(score_str AS DOUBLE)",
]  # fmt: skip
_SURE: Final = ["n_tokens", "small", "length(country)", "score", "7", "year(event_ts)"]
_REGEX: Final = ["a", "U", "\\\\d", "\\\\w", ".", "$", "^", "*", "+", "?", "(", ")", "[A-Z]", "|"]
_REGEX_ODD: Final = ["\\\\b", "[é]", "(?i)", "{2}", "[[:alpha:]]", "\\\\p{L}"]
_LIKE: Final = ["%", "_", "U", "S", "a", "i", "k", "é", "\\\\%", "\\\\x"]
_TIMES: Final = [
    "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "MM/dd/yyyy", "yyyy", "d/M/yyyy", "EEE", "w", "yyyy-'W'ww",
    "HH", "hh a", "yyyyMMdd", "yy",
]  # fmt: skip
_UNIQUE: Final = ["prediction_id", "request_id", "CAST(request_id AS DOUBLE)", "array(request_id)"]
_UNITS: Final = ["DAY", "HOURS", "MONTH", "YEAR", "MILLISECOND"]


def _column(draw: DrawFn, *kinds: str) -> str:
    return draw(st.sampled_from(_COLUMNS[draw(st.sampled_from(kinds))]))


def _number(draw: DrawFn) -> str:
    """A value that may raise, or one that does not."""
    return draw(st.sampled_from(draw(st.sampled_from([_RAISING, _SURE]))))


def _decimal(draw: DrawFn) -> str:
    digits = draw(st.sampled_from([5, 10, 18, 19, 24, 25, 28, 29, 34, 35, 37, 38]))
    scale = draw(st.sampled_from([0, 2, 4, 10, 18]))
    return f"CAST(amount AS DECIMAL({digits},{min(scale, digits)}))"


def _decimals(draw: DrawFn) -> str:
    one, other = _decimal(draw), _decimal(draw)
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%", "=", "<"]))
    return draw(
        st.sampled_from([f"{one} {operator} {other}", f"-{one}", f"coalesce({one}, {other})", one])
    )


def _beyond_64_bits(draw: DrawFn) -> str:
    number = draw(
        st.sampled_from(["9223372036854775807", "9223372036854775808", "-9223372036854775809", "1"])
    )
    operator = draw(st.sampled_from(["=", "<", "<=", ">", ">=", "<>", "<=>"]))
    column = _column(draw, "int", "bigint")
    return draw(st.sampled_from([f"{column} {operator} {number}", f"{number} {operator} {column}"]))


def _cast(draw: DrawFn) -> str:
    word = draw(st.sampled_from(["CAST", "TRY_CAST"]))
    return f"{word}({_column(draw, *_COLUMNS)} AS {draw(st.sampled_from(_TARGETS))})"


def _condition(draw: DrawFn) -> str:
    first, second, third = (_number(draw) for _ in range(3))
    sure = "is_fallback"
    return draw(
        st.sampled_from(
            [
                f"({sure} AND {first} > 0)",
                f"({first} > 0 OR {sure} OR {second} < 5)",
                f"{first} IN (1, 2, {second})",
                f"{first} NOT IN (1, {second})",
                f"{first} BETWEEN {second} AND {third}",
                f"CASE WHEN {sure} THEN {first} > 1 ELSE {second} < 1 END",
                f"(NOT ({first} = {second}))",
            ]
        )
    )


def _like(draw: DrawFn) -> str:
    pattern = "".join(draw(st.lists(st.sampled_from(_LIKE), min_size=1, max_size=3)))
    word = draw(st.sampled_from(["LIKE", "ILIKE", "NOT LIKE"]))
    return f"{_column(draw, 'string')} {word} '{pattern}'"


def _regular(draw: DrawFn) -> str:
    odd = draw(st.integers(0, 3)) == 0
    parts = draw(st.lists(st.sampled_from(_REGEX), min_size=1, max_size=3))
    pattern = "".join([*parts, draw(st.sampled_from(_REGEX_ODD))] if odd else parts)
    pattern = pattern.replace("${", "{")  # which Spark would replace before it reads the query
    column = _column(draw, "string")
    group = draw(st.integers(0, 2))
    return draw(
        st.sampled_from(
            [
                f"{column} RLIKE '{pattern}'",
                f"regexp_replace({column}, '{pattern}', 'x')",
                f"regexp_extract({column}, '{pattern}', {group})",
                f"size(split({column}, '{pattern}'))",
            ]
        )
    )


def _time(draw: DrawFn) -> str:
    pattern = draw(st.sampled_from(_TIMES)).replace("'", "''")
    count = draw(st.sampled_from([0, 1, -3, 1_000_000, 1_000_001]))
    zone = draw(st.sampled_from(["UTC", "America/New_York", "CET", "+02:00"]))
    return draw(
        st.sampled_from(
            [
                f'date_format(event_ts, "{pattern}")'.replace("''", "'"),
                f'to_date(date_us, "{pattern}")'.replace("''", "'"),
                f"event_ts + INTERVAL {count} {draw(st.sampled_from(_UNITS))}",
                f"from_utc_timestamp(event_ts, '{zone}')",
                f"signup_date - {draw(st.sampled_from(['1', 'tiny', 'signup_date', 'small']))}",
                f"EXTRACT({draw(st.sampled_from(['YEAR', 'SECOND', 'DOW', 'WEEK']))} FROM dt)",
            ]
        )
    )


def _nested(draw: DrawFn) -> str:
    body = draw(st.sampled_from(["x > 0.5", "x > score", "x IS NULL", "x / 0 > 1", "NOT (x > 0)"]))
    step = draw(st.sampled_from(["acc + x", "acc + x * score", "acc", "greatest(acc, x)"]))
    word = draw(st.sampled_from(["exists", "forall", "filter"]))
    kind = draw(st.sampled_from(_SCALARS))
    return draw(
        st.sampled_from(
            [
                f"{word}(embedding, x -> {body})",
                f"aggregate(embedding, 0.0D, (acc, x) -> {step})",
                "transform(embedding, (x, i) -> x * i)",
                f"embedding[{draw(st.sampled_from(['0', '-1', 'tiny', '100']))}]",
                f"features[{draw(st.sampled_from([chr(39) + 'a' + chr(39), 'country', '1']))}]",
                f"size({draw(st.sampled_from(['tags', 'embedding', 'array()', 'features']))})",
                f"greatest({_column(draw, kind)}, {_column(draw, kind)})",
                f"{_column(draw, kind)} = {_column(draw, kind, 'string')}",
            ]
        )
    )


_PIECES: Final[list[Callable[[DrawFn], str]]] = [
    _decimals, _beyond_64_bits, _cast, _condition, _like, _regular, _time, _nested,
]  # fmt: skip


def _piece(draw: DrawFn) -> str:
    return draw(st.sampled_from(_PIECES))(draw)


@st.composite
def projection(draw: DrawFn) -> str:
    """Draw `SELECT piece ... WHERE condition`."""
    where = f" WHERE {_condition(draw)}" if draw(st.booleans()) else ""
    return f"SELECT prediction_id AS id, {_piece(draw)} AS v FROM predictions{where}"


@st.composite
def grouping(draw: DrawFn) -> str:
    """Draw an aggregate of a piece over groups of a column or piece."""
    key = draw(st.sampled_from([_column(draw, *_COLUMNS), "date_trunc('DAY', event_ts)"]))
    number = draw(st.sampled_from([_column(draw, *_NUMBERS), _decimal(draw), _number(draw)]))
    value = draw(st.sampled_from([_column(draw, *_SCALARS, "binary"), number]))
    share = draw(st.sampled_from(["0.5", "0", "1", "0.25D"]))
    made = draw(
        st.sampled_from(
            [
                f"sum({number})",
                f"avg({number})",
                f"max({value})",
                f"count(DISTINCT {value})",
                f"count(DISTINCT {value}, n_tokens)",
                f"max_by(n_tokens, {draw(st.sampled_from(_UNIQUE))})",
                f"percentile({number}, {share})",
                f"median({number})",
                f"sum(n_tokens) FILTER (WHERE {_condition(draw)})",
                f"size(collect_set({value}))",
                f"stddev({number})",
            ]
        )
    )
    word = draw(st.sampled_from(["{}", "ROLLUP({})", "CUBE({})", "{}, dt", "GROUPING SETS (({}))"]))
    return f"SELECT {made} AS v, count(*) AS n FROM predictions GROUP BY {word.format(key)}"


@st.composite
def windowed(draw: DrawFn) -> str:
    """Draw a window function with a frame."""
    number = _number(draw)
    value = draw(st.sampled_from([_column(draw, *_SCALARS), number]))
    offset = draw(st.sampled_from(["0", "1", "-1", "1000000", "1000001"]))
    made = draw(
        st.sampled_from(
            [
                f"max({value})",
                f"first_value({value})",
                f"lag({value}, {offset})",
                f"lag({value}) IGNORE NULLS",
                f"last_value({value}) IGNORE NULLS",
                f"nth_value({value}, 2)",
                "row_number()",
                "ntile(4)",
                f"count({value})",
                f"median({number})",
            ]
        )
    )
    ranked = not made.startswith(("max", "count", "median", "first", "last"))
    ordered = ranked or draw(st.booleans())
    order = "ORDER BY event_ts, prediction_id" if ordered else ""
    frames = ["", "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"]
    frames += ["RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]
    frame = "" if ranked or not ordered else draw(st.sampled_from(frames))
    key = _column(draw, *_SCALARS)
    over = f"OVER (PARTITION BY {key} {order} {frame})"
    return f"SELECT prediction_id AS id, {made} {over} AS v FROM predictions"


@st.composite
def looked_up(draw: DrawFn) -> str:
    """Draw a subquery in a condition, or a join whose condition may raise."""
    value = _number(draw)
    what = draw(st.sampled_from(["label", "CAST(label_value AS INT)", "count(*)", "max(label)"]))
    condition = draw(
        st.sampled_from(
            [
                f"{value} IN (SELECT label FROM labels)",
                f"n_tokens NOT IN (SELECT {what} FROM labels)",
                "(n_tokens IN (SELECT label FROM labels)) IS NOT NULL",
                f"{value} > (SELECT {what} FROM labels)",
                f"EXISTS (SELECT {what} FROM labels WHERE label = 1)",
                f"NOT (label_pred IN (SELECT label FROM labels) AND {value} > 0)",
            ]
        )
    )
    kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "FULL JOIN", "LEFT ANTI JOIN"]))
    on = draw(
        st.sampled_from(
            [
                "USING (prediction_id)",
                f"ON predictions.prediction_id = l.prediction_id AND {_number(draw)} > 0",
            ]
        )
    )
    shown = "predictions.event_ts AS ts"
    join = f"SELECT {shown} FROM predictions {kind} labels l {on} WHERE {_number(draw)} > 0"
    limit = draw(st.sampled_from(["", " LIMIT 5", " ORDER BY id LIMIT 5"]))
    return draw(
        st.sampled_from(
            [
                f"SELECT prediction_id AS id FROM predictions WHERE {condition}",
                join,
                f"SELECT id FROM (SELECT prediction_id AS id FROM predictions ORDER BY 1){limit}",
            ]
        )
    )


def queries() -> SearchStrategy[str]:
    """Return all kinds of queries."""
    return st.one_of(projection(), projection(), grouping(), windowed(), looked_up())
