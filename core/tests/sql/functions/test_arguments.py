"""Calls that Spark's analyser refuses."""

from __future__ import annotations

import re

import pytest
from sqlglot import exp

from headwater import types as t
from headwater.sql import validate
from headwater.sql.functions import ADMITTED, named
from headwater.sql.functions.arguments import accepts, problems, words_of
from headwater.sql.functions.table import SAMPLES, functions
from headwater.sql.syntax.time_zones import is_zone
from headwater.types.text import parse_type

CATALOG = {
    "db": {
        "t": {
            "b": "boolean", "i": "int", "l": "bigint", "x": "double", "n": "decimal(38,10)",
            "s": "string", "y": "binary", "d": "date", "ts": "timestamp", "ntz": "timestamp_ntz",
            "a": "array<int>", "at": "array<tinyint>", "texts": "array<string>",
            "aa": "array<array<double>>", "m": "map<string,int>", "md": "map<string,double>",
            "st": "struct<p:int>", "rows": "array<struct<p:int,q:string>>",
        }
    }
}  # fmt: skip


def findings(expression: str) -> list[tuple[str, str, str]]:
    """Return the code, the message and the hint of each error of an expression."""
    sql = f"SELECT {expression} AS v FROM t"
    found = validate(sql, catalog=CATALOG, database="db")
    return [(d.code, d.message, d.hint or "") for d in found.diagnostics if d.severity == "error"]


@pytest.mark.parametrize(
    "call",
    [
        *("upper()", "upper('a', 'b')", "next_day()", "pmod(1)", "date_add('x')", "parse_url()"),
        *("sum()", "count()", "row_number(1) OVER (ORDER BY i)", "map(1)", "if(b, 1)"),
        *("make_date(1, 2)", "e(1)", "nvl(1)", "lpad('a')", "current_date(1)"),
        "substr(s, 1, 2, 3)",
        *("transform(a, x -> x, 1)", "array_contains(a)", "to_date()", "split('a')"),
        *("explode(a, a)", "explode()", "inline_outer()", "stack(1)", "json_tuple(s)"),
    ],
)
def test_numbers_of_arguments(call: str) -> None:
    assert [code for code, _, _ in findings(call)] == ["argument-count"]


@pytest.mark.parametrize(
    "call",
    [
        *("get(1, 0)", "array_size(map('a', 1))", "bit_length(array(1))", "array_union(1, 2)"),
        *("make_timestamp(1)", "sum(b)", "max(m)", "date_add(d, 1L)", "date_add(d, l)"),
        *("avg(d)", "explode(i)", "inline(a)", "map_keys(a)", "size(s)", "flatten(a)"),
        *("substring(a, 1)", "trim(m)", "upper(a)", "array_contains(a, 'x')", "year(i)"),
        *("position('a' IN a)", "overlay(a PLACING 'x' FROM 1)", "greatest(i, s)", "abs(d)"),
        *("transform(i, x -> x)", "coalesce(i, m)", "if(b, i, m)", "array(1, m)", "abs(ts)"),
        *("element_at(m, 1)", "to_json(i)", "unix_date(s)", "date_diff(i, d)", "isnan(d)"),
        *("bool_and(i)", "array_append(a, s)", "unix_timestamp(d, 123)"),
        "EXTRACT(YEAR FROM a)",
    ],
)
def test_types_of_arguments(call: str) -> None:
    assert [code for code, _, _ in findings(call)] == ["argument-types"]


@pytest.mark.parametrize(
    "call",
    [
        *("from_utc_timestamp(ts, 'Mars/Phobos')", "to_utc_timestamp(ts, 'Berlin')"),
        *("convert_timezone('UTC', 'Mars/Phobos', ntz)", "convert_timezone('Mars/x', ntz)"),
        *("make_timestamp(2024, 1, 1, 0, 0, 0, 'x/y')", "percentile(x, 1.5)", "percentile(x, x)"),
        *("percentile_approx(x, array(0.5, 2))", "percentile_approx(x, 0.5, 0)"),
        *("percentile_cont(2) WITHIN GROUP (ORDER BY x)", "ntile(0) OVER (ORDER BY i)"),
        *("nth_value(i, 0) OVER (ORDER BY i)", "to_number(s, 'xx')"),
        *("to_char(n, 'yyyy')", "date_part('foo', ts)", "timestampadd(FOO, 1, ts)"),
        *("like(s, 'x', 'ab')", "from_json(s, 'foo')", "regexp_replace(s, 'a', 'b', 0)"),
        *("mask(s, 'ab')", "to_binary(s, 'foo')", "sort_array(a, b)", "xpath(s, s)"),
        *("lag(i, i) OVER (ORDER BY i)", "round(x, i)"),
    ],
)
def test_values_of_arguments(call: str) -> None:
    assert [code for code, _, _ in findings(call)] == ["argument-value"]


@pytest.mark.parametrize(
    "call",
    [
        *("date_add(d, '1')", "date_add(s, 1)", "date_add(DAY, 1, ts)", "sum(s)", "max(a)"),
        *("array_union(a, array())", "array_union(at, a)", "array_contains(a, 1L)", "count(*)"),
        *("element_at(md, 'k')", "element_at(md, NULL)", "map_concat(md, md)", "flatten(aa)"),
        *("coalesce(NULL, at)", "coalesce(i, n, x)", "nvl(n, '1')", "array(1, 2L, 3.5, NULL)"),
        *("concat(a, at)", "concat(s, i, d)", "concat_ws(',', s, texts, NULL)", "upper(ts)"),
        *("explode(rows)", "map_from_entries(rows)", "arrays_zip(a, texts)", "to_char(ts, 'yyyy')"),
        *("to_char(n, '999.99')", "to_char(y, 'hex')", "percentile(x, '0.5')", "round(x, -1)"),
        *("from_utc_timestamp(ts, s)", "from_utc_timestamp(ts, 'GMT+2')", "decode(i, 1, 'a', 'b')"),
        *("convert_timezone('UTC', '2024-01-01')", "greatest(i, x, NULL)", "struct(m, a)"),
        *("mode() WITHIN GROUP (ORDER BY s)", "percentile_disc(0.5) WITHIN GROUP (ORDER BY i)"),
        *("lag(i, 2, NULL) OVER (ORDER BY i)", "transform(aa, x -> size(x))", "size(NULL)"),
        *("aggregate(a, 0, (s, x) -> s + x)", "array_sort(a, (p, q) -> p - q)", "if(NULL, 1, 2)"),
        *("sequence(d, d, INTERVAL 1 DAY)", "from_json(s, 'q INT, r STRING')", "hash(i, s, a)"),
        *("named_struct('a', 1, 'b', m)", "map('a', 1, 'b', 2)", "json_tuple(s, 'a')"),
        *("array_insert(texts, 1, 'a')", "to_timestamp(s, 'yyyy')", "min_by(m, i)", "hex(s)"),
        *("array_position(aa, array(1.5D))", "array_union(aa, array(array(1)))", "exists(a, NULL)"),
        "width_bucket(INTERVAL '0' YEAR, INTERVAL '0' YEAR, INTERVAL '9' YEAR, 10)",
        *("date_part(NULL, b)", "to_char(d, i)", "EXTRACT(DAY FROM d)"),
        *("window(ts, '1 hour').start", "date_part('YEAR', ts)", "array_agg(DISTINCT i)"),
    ],
)
def test_what_spark_takes_passes(call: str) -> None:
    assert not findings(call)


@pytest.mark.parametrize("call", ["date_add(d, 1L)", "sum(b)", "year(i)", "coalesce(i, a)"])
def test_the_message_names_the_place_and_the_hint_works(call: str) -> None:
    ((_, message, hint),) = findings(call)
    assert message.startswith(call.partition("(")[0])
    cast = re.search(r"CAST\(\.\.\. AS ([^)]+)\)", hint)
    if cast is None:
        return
    (place,) = re.findall(r"argument (\d)", message) or ["2"]
    name, _, arguments = call.rstrip(")").partition("(")
    values = arguments.split(", ")
    values[int(place) - 1] = f"CAST({values[int(place) - 1]} AS {cast[1]})"
    again = [code for code, _, _ in findings(f"{name}({', '.join(values)})")]
    assert "argument-count" not in again


@pytest.mark.parametrize("word", SAMPLES)
def test_a_sample_is_found_by_its_type(word: str) -> None:
    type_ = parse_type(SAMPLES[word])
    if word != "variant":
        assert word in words_of(type_)
    assert accepts(frozenset([word]), type_)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        *(("Europe/Berlin", True), ("utc", False), ("+02:00", True), ("GMT+1", True), ("Z", True)),
        *(("EST", True), ("-5", True), ("Mars/Phobos", False), ("", False), ("+19:00", False)),
        *(("UTC+25", False), ("Berlin", False)),
    ],
)
def test_zones(text: str, known: bool) -> None:
    assert is_zone(text) is known


@pytest.mark.timeout(20)
def test_many_arguments_are_looked_at_once() -> None:
    """Each two of them have to agree; a list of 20,000 has 200 million pairs."""
    types, arguments = [t.INT, t.DOUBLE] * 10_000, [exp.null()] * 20_000
    assert not problems(named("array"), types, arguments)


@pytest.mark.parametrize("given", ["", "1", "*", "1, 1, 1, 1, 1, 1, 1"])
def test_no_number_of_arguments_breaks_the_analysis(given: str) -> None:
    """Whatever a call lacks, it is told: trees of a call with too few arguments have holes."""
    admitted = [name for name, one in functions().items() if one.kind in ADMITTED]
    assert "substr" in admitted
    for name in admitted:
        validate(f"SELECT {name}({given}) FROM t", catalog=CATALOG, database="db")
    assert [code for code, _, _ in findings("substr('abc')")] == ["argument-count"]
