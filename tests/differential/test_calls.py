"""Functions with rules of their own, argument by argument, over rows full of edges.

What one expression equals is in the table of functions, and `test_cells` makes calls of it. A rule
reads patterns, formats and other constants: here stand the calls, and what is refused of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.differential.cells import broken, judge

from headwater.sql.functions.table import functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

FIELDS = [
    *("YEAR", "YEAROFWEEK", "QTR", "MON", "W", "D", "DOW", "DOW_ISO", "DOY", "HRS", "MIN"),
    "SECONDS",
]
HASHED = [
    *("s", "num", "i", "b", "t", "sm", "d", "f", "e", "dec", "bo", "da", "ts", "ntz", "tz", "NULL"),
    *(
        "CAST(s AS BINARY)",
        "s, i",
        "i, s, b, d",
        "NULL, s",
        "dec, da, ts",
        "s, o, s, o",
        "repeat(s, 9)",
    ),
]
WRITTEN = [
    *("yyyy", "y", "yy", "M", "MM", "MMM", "MMMM", "L", "LL", "LLL", "LLLL", "d", "dd", "D", "DDD"),
    *("H", "HH", "h", "hh", "K", "KK", "k", "kk", "m", "mm", "s", "ss", "S", "SSS", "SSSSSSSSS"),
    *("a", "E", "EE", "EEE", "EEEE", "G", "Q", "QQ", "QQQ", "q", "X", "XX", "XXX", "x", "xx"),
    *("xxx", "Z", "ZZ", "ZZZ", "z", "zz", "zzz", "VV", "yyyy'Q'Q", "''yyyy''", "'it''s' y"),
    *("yyyy_MM%dd", "EEE, d MMM yyyy HH:mm:ss Z", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "h:mm a"),
]
READ = [
    *("yyyy-MM-dd", "yyyyMMdd", "yyyy-M-d", "yyyy/MM/dd", "dd.MM.yyyy", "d.M.yyyy", "MM/dd/yyyy"),
    *("dd MMM yyyy", "d MMM yyyy", "MMM d, yyyy", "yyyy-MM", "yyyy", "yyyyMM", "yyyyMMddHH"),
    *("yyyyMMddHHmmss", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss"),
    *("yyyy-MM-dd H:m:s", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy-MM-dd HH:mm:ss.S", "MM/dd/yyyy HH:mm"),
    *("MM/dd/yyyy hh:mm a", "M/d/yyyy h:mm a", "dd/MM/yyyy HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss'Z'"),
    *("yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
]
SEARCHED = [
    *("a", "[a-z]+", r"\\d+", "^a", "^[a-z]", "a.", "aa", "(a)b", r"\\w+", r"\\s", "[^a]", "a|b"),
    *("a+?", r"(\\d)-?", "é", "😀", "[0-9]{2}", r"\\S+", ".", "a|ab", "(a|b)+c?", "(?:ab)*c"),
    *("(?i)K[^a-c]?", "(?i)[-b]+", r"\\b[a-z]+\\b", r"(?i)\\Ba"),
]
UNITS = [
    *("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFYEAR", "HOUR", "MINUTE", "SECOND"),
    *("MILLISECOND", "MICROSECOND"),
]
SCHEMAS = [
    *("a INT, b STRING", "a BIGINT", "MAP<STRING,STRING>", "MAP<STRING,INT>", "ARRAY<INT>"),
    *(
        "STRUCT<c: ARRAY<INT>, d: STRUCT<e: DOUBLE, f: STRING>, g: BOOLEAN>",
        "ARRAY<STRUCT<a: INT>>",
    ),
    *("t TIMESTAMP, y DATE", "m MAP<STRING,DOUBLE>, n ARRAY<STRUCT<p: INT, q: STRING>>"),
    "dec DECIMAL(10,2), b STRING",
]
PATHS = [
    *("$['a.b']", "$.a b", "$.é", "$.x-y", "$.a", "$.d.e", "$['d']['e']", "$.c[0]", "$.b.x[1]"),
]
ELEMENTS = [
    *("$[*]", "$.c[*]", "$[*].a", "$.n[*].p", "$.n[*].q", "$.b.x[*]", "$.n[*]", "$.d[*].e"),
]
CALLS: dict[tuple[str, str], list[str]] = {
    ("parse_url", "written"): [
        *(
            f"parse_url(s, '{part}')"
            for part in (
                "HOST",
                "PATH",
                "QUERY",
                "REF",
                "PROTOCOL",
                "FILE",
                "AUTHORITY",
                "USERINFO",
            )
        ),
        *("parse_url(s, 'QUERY', 'x')", "try_parse_url(s, 'HOST')", "parse_url(s, 'HOST', 'x')"),
    ],
    ("mask", "written"): ["mask(s)", "mask(s, 'U', NULL, '#')", "mask(s, '9', 'Q', 'A', NULL)"],
    ("conv", "written"): [
        *(f"conv(s, {a}, {b})" for a, b in ((16, 10), (10, 16), (10, 2), (36, 7), (2, 36), (8, 3))),
        *("conv(i, 10, 36)", "conv(b, 10, 16)", "conv(substr(md5(s), 1, 8), 16, 10)"),
    ],
    ("str_to_map", "written"): ["str_to_map(s)", "str_to_map(s, '&')", "str_to_map(s, '&', '=')"],
    ("typeof", "written"): [
        *(
            "typeof(s)",
            "typeof(NULL)",
            "typeof(struct(i AS a, array(dec) AS b))",
            "typeof(ts - end)",
        ),
    ],
    ("format_number", "written"): [
        *(
            f"format_number({c}, {n})"
            for c in ("d", "f", "dec", "fine", "i", "b")
            for n in (0, 2, 6)
        ),
        "format_number(t, 1)",
    ],
    ("format_string", "written"): [
        "format_string('%s|%d|%05d|%,d|%+d', s, i, i, b, t)",
        "format_string('%.2f %10.3f %-9.1f| %,.2f %09.2f %+.0f %f', d, d, f, d, d, d, d)",
        "format_string('%x %X %08x %4x', i, b, t, t)",
        *("format_string('%10s|%-5s|%3s', s, o, dec)", "printf('%5d|%-5d|%,7d', i, t, t)"),
        *("format_string('%2$s %1$s %s%%%n', i, t)", "printf('%s %s', d, NULL)", "printf('')"),
        "format_string('%-+7d|%+,.1f', t, d)",
    ],
    ("to_number", "written"): [
        *("to_number(s, '999')", "to_number(s, 'S99.9')", "to_number(s, '$0,999.9PR')"),
    ],
    ("to_char", "written"): [
        *(f"to_char(i, '{p}')" for p in ("99", "S0,000", "$999,999MI", "9999999999PR", "9.9")),
        *(f"to_varchar(dec, '{p}')" for p in ("S9,999,990.99", "0000.00MI", ".99", "99.", "$99.9")),
        *("to_char(fine, '9.999999')", "to_char(b, 'MI99999999999999999990')", "to_char(t, '009')"),
    ],
    ("aggregate", "edges"): [
        "aggregate(ai, 0D, (a, x) -> a + x * coalesce(d, 1D))",
        "aggregate(`as`, 0, (a, x) -> a + length(x) + coalesce(t, 0))",
        "aggregate(ai, '', (a, x) -> concat(a, x, s))",
        "transform(aa, z -> aggregate(z, 1, (a, v) -> (a + coalesce(v, 1) * size(z)) % 1000))",
        "aggregate(ai, struct(0 AS n, 0D AS v), (a, x) -> struct(a.n + 1 AS n, a.v + x AS v)).v",
    ],
    ("array_sort", "edges"): [
        "array_sort(ai, (x, y) -> CASE WHEN x > y THEN -1 WHEN x < y THEN 1 ELSE 0 END)",
        "array_sort(`as`, (x, y) -> CASE WHEN length(x) < length(y) THEN -1 ELSE 0 END)",
        "array_sort(ad, (x, y) -> CASE WHEN x IS NULL THEN 1 WHEN x < y OR y IS NULL THEN -1 END)",
        "array_sort(array(s, o, 'b'), (x, y) -> IF(x < y, -1, IF(x > y, 1, 0)))",
    ],
    ("map_zip_with", "edges"): [
        "map_entries(map_zip_with(m, m, (k, a, b) -> struct(k, a, b)))",
        "map_entries(map_zip_with(m, map('a', 1, s, 2), (k, a, b) -> coalesce(a, b)))",
        "map_zip_with(m, map('q', i), (k, a, b) -> concat(k, s))",
    ],
    ("try_to_number", "written"): [
        f"try_to_number(s, '{p}')"
        for p in (
            "9",
            "99999999999999999999.9",
            "S9.99",
            "999D99",
            "$0,999",
            "9G990MI",
            "90PR",
            ".99",
        )
    ],
    ("sequence", "written"): [
        *("sequence(day, till)", "sequence(ts, end)", "sequence(t, 5)", "sequence(i, i, t)"),
        *(
            f"sequence({bounds}, INTERVAL {step})"
            for bounds in ("day, till", "ts, end", "till, day", "day, end")
            for step in (
                "1 MONTH",
                "7 DAY",
                "'-1' MONTH",
                "-3 DAY",
                "'36' HOUR",
                "'1-6' YEAR TO MONTH",
            )
        ),
        "sequence(till, day, make_ym_interval(0, t))",
    ],
    ("try_to_date", "time_texts"): [
        *(f'try_to_date(s, "{pattern}")' for pattern in READ),
        "try_to_date(s)",
    ],
    ("to_timestamp_ntz", "time_texts"): [
        *(f'to_timestamp_ntz(s, "{pattern}")' for pattern in READ),
        *("to_timestamp_ntz(s)", "CAST(s AS TIMESTAMP_NTZ)", "TRY_CAST(s AS TIMESTAMP_NTZ)"),
    ],
    ("to_char", "edges"): [
        'to_char(tz, "yyyy-MM-dd")',
        'to_varchar(da, "MM/yy")',
        'to_char(ntz, "H")',
    ],
    ("convert_timezone", "edges"): [
        *("convert_timezone('Europe/Berlin', ntz)", "convert_timezone('UTC', 'Asia/Tokyo', da)"),
        "convert_timezone('America/New_York', ts)",
        "convert_timezone('Europe/Berlin', 'America/New_York', ntz)",
        "convert_timezone('Asia/Tokyo', 'UTC', da)",
    ],
    ("try_divide", "edges"): ["try_divide(dec, dec)", "try_divide(dec, t)", "try_divide(i, t)"],
    ("try_mod", "edges"): ["try_mod(dec, dec)", "try_mod(dec, t)", "try_mod(i, i)"],
    ("try_add", "edges"): ["try_add(dec, dec)", "try_add(dec, i)", "try_add(b, t)"],
    ("try_subtract", "edges"): ["try_subtract(dec, dec)", "try_subtract(dec, i)"],
    ("try_multiply", "edges"): ["try_multiply(dec, dec)", "try_multiply(dec, t)"],
    ("from_json", "json_texts"): [f"from_json(s, '{schema}')" for schema in SCHEMAS],
    ("get_json_object", "json_texts"): [
        *(f'get_json_object(s, "{path}")' for path in PATHS),
        *(f'get_json_object(s, "{path}")' for path in ELEMENTS),
    ],
    ("to_json", "edges"): [
        *("to_json(struct(i, d, s))", "to_json(struct(bo, t, sm, b, f, dec, wide))", "to_json(st)"),
        *("to_json(struct(da, ts, tz, ntz))", "to_json(struct(ai, `as`, ad, aa, m, st))"),
        *("to_json(ai)", "to_json(`as`)", "to_json(m)", "to_json(array(st, NULL))"),
        *("to_json(map(s, i))", "to_json(map(i, struct(s, ai)))"),
        'to_json(struct(CAST(s AS BINARY) AS x, o AS `a"b`))',
    ],
    ("timestampdiff", "edges"): [
        *(
            f"timestampdiff({unit}, {a}, {b})"
            for unit in UNITS
            if unit != "DAYOFYEAR"
            for a, b in (("ts", "tz"), ("tz", "da"))
        ),
        *("datediff(WEEK, tz, ts)", "date_diff(DAY, ntz, ts)", "timestampdiff(MINUTE, day, ts)"),
    ],
    ("timestampadd", "edges"): [
        *(f"timestampadd({unit}, t, tz)" for unit in UNITS),
        *("dateadd(HOUR, 2, ntz)", "date_add(DAY, t, ntz)", "timestampadd(MONTH, i, tz)"),
        *("timestampadd(DAY, i, tz)", "dateadd(WEEK, t, day)"),
    ],
    ("make_dt_interval", "edges"): [
        *("CAST(make_dt_interval(i, i) AS BIGINT)", "tz + make_dt_interval(1, t, t, 1.5)"),
        *("CAST(make_dt_interval() AS INT)", "CAST(make_dt_interval(t, t, t, dec) AS BIGINT)"),
    ],
    ("make_ym_interval", "edges"): [
        *("CAST(make_ym_interval(i, 1) AS BIGINT)", "tz + make_ym_interval(0, t)"),
        *(
            "EXTRACT(MONTH FROM make_ym_interval(t, t))",
            "EXTRACT(YEAR FROM make_ym_interval(t, t))",
        ),
    ],
    ("concat", "edges"): [
        *("concat(ai, ai)", "concat(ai, array(1.5D), ad)", "concat(`as`, array(s))"),
        "concat(ai, array(5L))",
    ],
    ("concat_ws", "edges"): [
        *("concat_ws(',', `as`)", "concat_ws('-', s, `as`, o)", "concat_ws(',', ai, i)"),
    ],
    ("elt", "edges"): ["elt(t, s, o)", "elt(sm, i, s, d)", "elt(1, s)"],
    ("split", "edges"): [
        *(f"split(s, '{p}')" for p in ("[.-]", "[^a-z]+", "a|b", r"\\s+", ".", "b.", ",", "é")),
        *(f"split(s, ',', {n})" for n in (3, 2, 1, 0, -5)),
    ],
    ("upper", "characters"): ["upper(s)", "ucase(s)", "upper(lower(s))"],
    ("upper", "edges"): ["upper(s)", "upper(i)", "upper(bo)", "upper(upper(s))", "upper(NULL)"],
    ("lower", "characters"): ["lower(s)", "lcase(s)", "lower(upper(s))"],
    ("lower", "edges"): ["lower(s)", "lower(b)", "lower(da)", "lower(trim(s))"],
    ("initcap", "characters"): ["initcap(s)", "initcap(concat('x', s))", "initcap(lower(s))"],
    ("initcap", "edges"): ["initcap(s)", "initcap(i)"],
    ("hash", "edges"): [f"hash({a})" for a in HASHED],
    ("hash", "characters"): ["hash(s)", "hash(k, s)", "pmod(hash(s), 10)"],
    ("xxhash64", "edges"): [f"xxhash64({a})" for a in HASHED],
    ("xxhash64", "characters"): ["xxhash64(s)", "xxhash64(k, left(s, k % 40), right(s, 33))"],
    ("date_format", "edges"): [
        f'date_format({column}, "{pattern}")'
        for pattern in WRITTEN
        for column in ("ts", "tz", "da")
    ],
    ("from_unixtime", "edges"): [
        *(f'from_unixtime({column}, "{pattern}")' for pattern in READ for column in ("i", "b")),
        *("from_unixtime(i)", "from_unixtime(b)", "from_unixtime(t)"),
    ],
    ("to_timestamp", "time_texts"): [f'to_timestamp(s, "{pattern}")' for pattern in READ],
    ("to_date", "time_texts"): [f'to_date(s, "{pattern}")' for pattern in READ],
    ("unix_timestamp", "time_texts"): [f'unix_timestamp(s, "{pattern}")' for pattern in READ],
    ("try_to_timestamp", "time_texts"): [f'try_to_timestamp(s, "{pattern}")' for pattern in READ],
    ("regexp_count", "edges"): [f"regexp_count(s, '{p}')" for p in SEARCHED],
    ("regexp_substr", "edges"): [f"regexp_substr(s, '{p}')" for p in SEARCHED],
    ("regexp_extract", "edges"): [f"regexp_extract(s, '{p}', 0)" for p in SEARCHED],
    ("regexp_extract_all", "edges"): [
        *(f"regexp_extract_all(s, '{p}', 0)" for p in SEARCHED),
        *("regexp_extract_all(s, '([a-z])([a-z])')", "regexp_extract_all(s, '([a-z])(.)', 2)"),
    ],
    ("shiftleft", "edges"): ["shiftleft(i, 3)", "i << t", "b << i", "t << 1", "shiftleft(b, t)"],
    ("shiftright", "edges"): ["shiftright(i, 3)", "i >> t", "b >> i", "t >> 1"],
    ("shiftrightunsigned", "edges"): ["shiftrightunsigned(i, t)", "i >>> 1", "b >>> i", "b >>> 0"],
    ("date_part", "edges"): [
        f"EXTRACT({field} FROM {column})"
        for field in FIELDS
        for column in ("ts", "ntz", "da", "tz")
    ],
    ("make_timestamp", "edges"): [
        "make_timestamp(2024, t, 1, 2, 3, 4)",
        "make_timestamp(2024, 1, 31, 23, 59, 60)",
        "make_timestamp(2024, 1, 31, 23, 59, 60.5)",
        "make_timestamp(2024, 2, 29, t, t, dec)",
        "make_timestamp(2000 + sm % 50, 2, 29, 1, 1, 1.123456)",
        "make_timestamp_ntz(2024, t, 1, 2, 3, 4)",
        "make_timestamp_ltz(2024, 2, 29, t, t, dec)",
    ],
}
"""Calls, by the function and the table whose columns they name."""


SPANS = [
    *("CAST(ts - tz AS BIGINT)", "CAST(ts - da AS BIGINT)", "CAST(da - da AS INT)"),
    *(
        "(ts - tz) > INTERVAL 1 HOUR",
        "tz + INTERVAL '1 02:03:04' DAY TO SECOND",
        "da - INTERVAL '1' YEAR",
    ),
    "(ts - tz) BETWEEN INTERVAL '-1000' DAY AND INTERVAL '1 02:03:04' DAY TO SECOND",
    *("ts - INTERVAL '1-2' YEAR TO MONTH", "ts - (ts - tz)", "ntz - INTERVAL 36 HOURS"),
    *("tz + INTERVAL '1 day 2 hours 3.5 seconds'", "da - (da - DATE'2024-01-01')"),
    *(f"EXTRACT({unit} FROM (ts - tz))" for unit in ("DAY", "HOUR", "MINUTE", "SECOND")),
    *(
        "CAST((ts - tz) * t AS BIGINT)",
        "CAST((ts - tz) / t AS BIGINT)",
        "CAST(-(ts - tz) AS BIGINT)",
    ),
    *(
        "CAST((ts - tz) * i AS BIGINT)",
        "CAST(INTERVAL '90.7' SECOND AS INT)",
        "tz - INTERVAL 1.5 SECOND",
    ),
    *("coalesce(ts - tz, INTERVAL 1 DAY) > INTERVAL 1 HOUR", "date_part('second', ts - tz)"),
    "CASE WHEN ts - tz > INTERVAL 0 SECOND THEN CAST(ts - tz AS BIGINT) END",
]
"""Intervals within expressions: no column of a result has their type."""

SHOWN = [
    *("CAST(ai AS STRING)", "CAST(`as` AS STRING)", "CAST(ad AS STRING)", "CAST(aa AS STRING)"),
    *(
        "CAST(m AS STRING)",
        "CAST(st AS STRING)",
        "CAST(array(da) AS STRING)",
        "CAST(array(st) AS STRING)",
    ),
    *("CAST(array(ts, tz) AS STRING)", "CAST(array(m) AS STRING)", "CAST(map(i, s) AS STRING)"),
    *("CAST(struct(i, d, array(dec)) AS STRING)", "CAST(CAST(s AS BINARY) AS STRING)"),
    *("CAST(unhex(hex(sm)) AS STRING)", "CAST(wide AS FLOAT)", "CAST(dec AS TIMESTAMP)"),
    *("CAST(wide AS TIMESTAMP)", "to_timestamp(d)", "to_timestamp(t / 1000)"),
    *(
        "array_sort(concat(ad, array(0.0D, -0.0D, 0.0D), ad))",
        "sort_array(concat(ad, array(-0.0D, 0.0D)))",
    ),
]

OPERATORS = [
    *("dec + 1Y", "1.25 - 1Y", "dec * 2Y", "dec / 3S", "try_add(1.25, 1Y)"),
    *("i & t", "i | b", "sm ^ i", "~i", "~t", "~b", "b & 255", "X'0fA'", "X'ff'"),
    *("s LIKE '%!%' ESCAPE '!'", "s LIKE 'a/_b' ESCAPE '/'", "s NOT LIKE 'a!_b' ESCAPE '!'"),
    *("TRIM('aZ' FROM s)", "TRIM(LEADING 'é ' FROM s)", "TRIM(TRAILING o FROM s)", "trim('a', s)"),
    *(
        "position('a', s, 2)",
        "POSITION(o IN s)",
        "locate(o, s, t)",
        "OVERLAY(s PLACING 'ZZ' FROM 2)",
    ),
    *("overlay(s, o, t)", "overlay(s, o, t, sm)", "substring(s FROM t FOR 3)", "datediff(day, da)"),
    *("hour(day)", "year(num)", "date_add(day, t)", "last_day(day)", "left(i, 2)"),
]
"""Operators and forms of the grammar, and arguments that Spark casts to what a function takes."""


LINES = [
    *("url_encode(s)", "url_decode(s)", "try_url_decode(s)", "soundex(s)", "unbase64(s)"),
    *("decode(CAST(s AS BINARY), 'UTF-8')", "asinh(d)", "acosh(d)", "asinh(i)", "regexp(s, 'h+')"),
    *("decimal(i)", "decimal(s)", "binary(s)", "bround(fine, 6)"),
    *("levenshtein(s, concat('x', s))", "levenshtein(s, 'straße', 4)", "levenshtein(i, s, t)"),
]
"""Calls of lines of the table, over texts and numbers that are made for them."""


def test_lines_of_the_table_are_those_of_spark(embedded: Embedded, spark: SparkSession) -> None:
    verdicts = judge(LINES, embedded, spark, "written")
    assert not broken(verdicts)
    assert not [text for text, v in verdicts.items() if v.refused]


def test_operators_are_those_of_spark(embedded: Embedded, spark: SparkSession) -> None:
    verdicts = judge([*OPERATORS, *SPANS, *SHOWN], embedded, spark)
    assert not broken(verdicts)
    assert not [text for text, v in verdicts.items() if v.refused]


@pytest.mark.parametrize(("name", "table"), CALLS)
def test_calls_by_rules_are_those_of_spark(
    name: str, table: str, embedded: Embedded, spark: SparkSession
) -> None:
    assert functions()[name].rule, f"{name} has no rule"
    verdicts = judge(CALLS[name, table], embedded, spark, table)
    assert not broken(verdicts)
    assert not [text for text, v in verdicts.items() if v.refused]
