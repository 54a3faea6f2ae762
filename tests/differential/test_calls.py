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
]
CALLS: dict[tuple[str, str], list[str]] = {
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
    ],
}
"""Calls, by the function and the table whose columns they name."""


OPERATORS = [
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


def test_operators_are_those_of_spark(embedded: Embedded, spark: SparkSession) -> None:
    verdicts = judge(OPERATORS, embedded, spark)
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
