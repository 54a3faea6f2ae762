"""Hive's text formats give on Spark the rows that it gives on the embedded engine."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.embedded.test_text_formats import (
    BROKEN,
    ESCAPED,
    FLOATS,
    HIVE_CSV,
    QUOTED,
)
from core.tests.engines.spark.plans import columns, files, table

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import EngineError, HeadwaterError, UnsupportedError
from headwater.tables import encodings
from headwater.tables.relation import FilePartition, Relation

SQL = "SELECT * FROM `hw`.`t0` AS t"
TEXT = {"sep": "|", "nullValue": "\\N", "header": "false"}
JSON = {"malformed": "fail", "keys": "ignore-case"}
CSV = {"sep": ",", "quote": '"', "escape": "\\", "header": "false"}
VALUES = ["int", "double", "decimal(10,2)", "boolean", "date", "timestamp", "varchar(2)", "bigint"]


def both(spark: SparkEngine, *relations: Relation) -> list[tuple[Any, ...]]:
    """Return the rows that both engines give, in any order."""
    found = [table(engine, SQL, *relations) for engine in (spark, EmbeddedEngine())]
    assert found[0].schema.types == found[1].schema.types
    rows = [sorted((tuple(r.values()) for r in t.to_pylist()), key=repr) for t in found]
    assert repr(rows[0]) == repr(rows[1])
    return rows[0]


def written(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = body.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_empty_texts_blank_lines_and_quotes_are_kept(engine: SparkEngine, lake: Path) -> None:
    body = 'a|1\n|\\N\n"q|x\n\nz\nlong|2|more\n'
    path = written(lake / "a.txt", body)
    declared = columns(s="string", n="int")
    found = both(engine, files([path], declared, format="hive-text", options=TEXT))
    assert ("", None) in found
    assert ('"q', None) in found
    assert len(found) == 6


@pytest.mark.parametrize("type_", VALUES)
def test_values_are_those_of_the_embedded_engine(
    engine: SparkEngine, lake: Path, type_: str
) -> None:
    words = "1 -7 0 007 1.5 -2.25 1e3 NaN true FALSE 2024-02-29 2023-02-29 abc 99999999999"
    texts = [*words.split(), "2024-01-31 10:11:12.345", "12345678.125", "\\N", ""]
    declared = columns(v=type_, s="string")

    def of(name: str, *lines: str) -> Relation:
        path = written(lake / type_ / f"{name}.txt", "".join(f"{line}\n" for line in lines))
        return files([path], declared, format="hive-text", options=TEXT)

    lines, expected = [], []
    for number, text in enumerate(texts):
        relation = of(str(number), f"{text}|{number}")
        try:
            expected += table(EmbeddedEngine(), SQL, relation).to_pylist()
            lines.append(f"{text}|{number}")
        except EngineError:
            # The engines refuse the same texts.
            with pytest.raises(EngineError, match="may or may not be a value"):
                table(engine, SQL, relation)
    # One read of all of them.
    found = table(engine, SQL, of("all", *lines)).to_pylist()
    assert [repr(row) for row in found] == [repr(row) for row in expected]
    assert len(lines) > 5


def test_quoted_fields_are_cut_and_freed_of_quotes(engine: SparkEngine, lake: Path) -> None:
    body = '"a""b","c\\"d"\nplain,\n"",x\n"x, y",é\n\n[^],]\n'
    path = written(lake / "a.csv", body)
    declared = columns(s="string", t="string")
    found = both(engine, files([path], declared, format="hive-csv", options=CSV))
    assert ('a"b', 'c"d') in found
    assert ("x, y", "é") in found
    lines = [(line, values) for line, values in HIVE_CSV if values is not None]
    path = written(lake / "b.csv", "".join(f"{line}\n" for line, _ in lines))
    escaped = both(engine, files([path], declared, format="hive-csv", options=CSV))
    assert escaped == sorted((tuple(values) for _, values in lines), key=repr)
    odd = written(lake / "odd.csv", 'a"b,1\n')
    with pytest.raises(HeadwaterError, match="quotes"):
        table(engine, SQL, files([odd], declared, format="hive-csv", options=CSV))


@pytest.mark.parametrize("keys", [(), ("day",)])
@pytest.mark.parametrize("format", ["hive-text", "hive-csv"])
def test_the_first_line_of_each_file_is_its_header(
    engine: SparkEngine, lake: Path, format: str, keys: tuple[str, ...]
) -> None:
    options = {**(TEXT if format == "hive-text" else CSV), "sep": ";", "header": "true"}
    declared = columns(s="string", n="string", **dict.fromkeys(keys, "date"))
    days = [("2026-01-01",), ("2026-01-02",), ("2026-01-03",)]
    parts: dict[tuple[str | None, ...], list[Path]] = {
        day if keys else (): [
            written(lake / str(n) / name, f"s;n\n{n};{n}\ns;n\n")
            for n, one in enumerate(days)
            if one == day or not keys
            for name in ("a.csv.gz", "b.csv.gz")
        ]
        for day in days
    }
    found = both(engine, files(parts, declared, keys, format=format, options=options))
    # A later line that looks like the header is a row.
    assert sorted(row[:2] for row in found) == sorted(
        [(str(n), str(n)) for n in range(3)] * 2 + [("s", "n")] * 6
    )


def test_what_is_not_honoured_is_refused(engine: SparkEngine, lake: Path) -> None:
    path = written(lake / "a.txt", "a\n")
    options = {**TEXT, "encoding": "GBK"}
    with pytest.raises(UnsupportedError, match="reader option encoding='GBK'"):
        table(engine, SQL, files([path], columns(s="string"), format="hive-text", options=options))
    with pytest.raises(UnsupportedError, match="OpenCSVSerde gives texts; n is int"):
        table(engine, SQL, files([path], columns(n="int"), format="hive-csv", options=CSV))
    whole = {"encoding": "cp1252", "multiLine": "true"}  # which Spark would have to decode itself
    with pytest.raises(UnsupportedError, match="reader option encoding='cp1252'"):
        table(engine, SQL, files([path], columns(s="string"), format="csv", options=whole))


def test_text_in_an_encoding_is_that_of_the_embedded_engine(
    engine: SparkEngine, lake: Path
) -> None:
    """Every byte that stands for a character: Java and Python have the same tables of them."""
    parts: dict[tuple[str | None, ...], list[Path]] = {}
    parted = []
    for number, name in enumerate(("cp1252", "iso8859-15", "koi8-r")):
        path = lake / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        made = enumerate(encodings.characters(name))
        held = [b"%d|%c\n" % (n, n) for n, c in made if c != encodings.UNDEFINED and n > 31]
        path.write_bytes(b"n|s\r\n" + b"".join(held))
        parts[(name,)] = [path]
        options = {**TEXT, "header": "true", "encoding": name}
        parted.append(FilePartition((name,), options=options))
    relation = files(
        parts, columns(n="int", s="string", e="string"), ("e",), format="hive-text", options=TEXT,
        partitions=tuple(parted),
    )  # fmt: skip
    found = both(engine, relation)
    assert (233, "\u00e9", "cp1252") in found
    assert (164, "\u20ac", "iso8859-15") in found
    path = lake / "a.csv"
    path.write_bytes(b's;n\n"\x80;\xe9";1\n\xff;2\n')
    options = {"sep": ";", "header": "true", "charset": "windows-1252"}
    of_spark = files([path], columns(s="string", n="int"), format="csv", options=options)
    assert both(engine, of_spark) == [("\u00ff", 2), ("\u20ac;\u00e9", 1)]
    path = lake / "odd.txt"
    path.write_bytes(b"a\x81\n")
    odd = files([path], columns(s="string"), format="hive-text",
                options={**TEXT, "encoding": "windows-1252"})  # fmt: skip
    for each in (engine, EmbeddedEngine()):
        with pytest.raises(
            EngineError, match=r"odd\.txt of table test\.files is not text in cp1252"
        ):
            table(each, SQL, odd)


TYPES = {
    "i": "int",
    "l": "bigint",
    "f": "float",
    "d": "double",
    "s": "string",
    "b": "boolean",
    "day": "date",
    "at": "timestamp",
    "a": "array<double>",
    "o": "struct<x:int,in:array<struct<y:string>>>",
}
LINES = [
    r'{"I":1,"L":-9223372036854775808,"f":0.1,"D":1e-7,"s":"é\u00e9\ud83d\ude00\n","B":true}',
    '{"day":"2024-02-29","AT":"2024-02-29T01:02:03.5Z","A":[1,2.5,null],"s":12,"extra":{"x":[1]}}',
    '{"i":null,"f":16777217,"d":123456789012345678901234567890.125,"s":"null","a":null}',
    '{"f":3.4028235e38,"d":5e-324,"s":true,"a":[]}',
    '  {"s":"a\\\\ud800", "I" : 7}\t',
    '{"o":{"X":1,"in":[{"y":"a"},{"Y":"b","z":0},{},null],"more":{}}}',
    '{"o":{}}',
    '{"O":null}',
    "{}",
]
ODD = [
    '{"i":1', '{"i":1} x', '{"i":1}{"i":2}', '[{"i":1}]', '{"i":1}] [', '{"i":1,"i":2}',
    '{"i":1,}', '{"i":1},', '{"i":1,"I":2}', "{'i':1}", '{"i":01}', '{"d":NaN}', '{"d":"1"}',
    '{"d":-0.0}',
    '{"d":-0}', '{"i":1.0}', '{"i":99999999999}', '{"i":true}', '{"i":[1]}', '{"b":1}',
    '{"s":1.5}', "3", "null", '{"s":"\\ud800"}', '{"s":{"x":1}}', '{"day":"2024-1-1"}',
    '{"day":"2023-02-29"}', '{"a":[true]}', '{"a":{"x":1}}', '{"d":1e999}', '{"at":"2024-01-01"}',
    '{"s":18446744073709551615}', '{"o":{"x":1,"X":2}}', '{"o":{"x":1,"x":2}}', '{"o":[1]}',
    '{"o":{"x":"1"}}',
]  # fmt: skip


def as_json(path: Path, *lines: str, **options: str) -> Relation:
    return of_columns(TYPES, path, *lines, **options)


def of_columns(types: dict[str, str], path: Path, *lines: str, **options: str) -> Relation:
    body = written(path, "\n".join(lines) + "\n")
    return files([body], columns(**types), format="hive-json", options={**JSON, **options})


def named(line: str) -> dict[str, str]:
    """Return the types of the columns that a line names: each makes its read cost much more."""
    words = {word.lower() for word in re.findall(r"\w+", line)}
    return {name: type_ for name, type_ in TYPES.items() if name in words} or {"i": "int"}


def test_json_is_read_whatever_the_case_of_its_keys(engine: SparkEngine, lake: Path) -> None:
    found = both(engine, as_json(lake / "a.json.gz", *LINES))
    assert len(found) == 9
    assert sum(row[0] == 1 for row in found) == 1
    blank = as_json(lake / "b.json", '{"i":1}', "", " \t", quoted="convert")
    assert sorted(row[0] or 0 for row in both(engine, blank)) == [0, 0, 1]
    with pytest.raises(HeadwaterError, match="not plainly JSON"):
        table(engine, SQL, as_json(lake / "c.json", '{"i":1}', ""))


@pytest.mark.parametrize("malformed", ["fail", "null"])
def test_json_that_is_odd_is_never_read_as_something_else(
    engine: SparkEngine, lake: Path, malformed: str
) -> None:
    wrong = []
    # Where broken lines are NULL, those that are no proper JSON matter.
    for number, line in enumerate(ODD if malformed == "fail" else ODD[:12]):
        path = lake / malformed / f"{number}.json"
        relation = of_columns(named(line), path, line, malformed=malformed)
        found: list[Any] = []
        for one in (EmbeddedEngine(), engine):
            try:
                found.append(table(one, SQL, relation).to_pylist())
            except EngineError:
                found.append(None)
        # Each may raise where it can't tell; they never give different rows.
        if None not in found and repr(found[0]) != repr(found[1]):
            wrong.append((line, *found))
        if malformed == "fail" and found[1] is not None:
            wrong.append((line, *found))
    assert not wrong


def test_json_that_is_broken_is_null_where_the_serde_says_so(
    engine: SparkEngine, lake: Path
) -> None:
    lines = ['{"i":1}', *(line for line, by_others in BROKEN if by_others is None)]
    found = both(engine, as_json(lake / "a.json", *lines, malformed="null"))
    assert sorted(row[0] is None for row in found) == [False, True, True, True, True]


def test_bare_nan_is_what_openx_takes_it_for(engine: SparkEngine, lake: Path) -> None:
    """As on the embedded engine, and so does Spark of its own JSON."""
    read = [one for one in FLOATS if one[2] is not None]
    types = {f"v{number}": type_ for number, (type_, _, _) in enumerate(read)}
    held = ", ".join(f'"v{number}": {value}' for number, (_, value, _) in enumerate(read))
    path = written(lake / "a.json", f"{{{held}}}\n")
    for kind, options in (("hive-json", {**JSON, "quoted": "convert"}), ("json", {})):
        (row,) = both(engine, files([path], columns(**types), format=kind, options=options))
        assert [repr(value) for value in row] == [expected for _, _, expected in read]


def test_json_keys_may_be_told_apart_and_renamed(engine: SparkEngine, lake: Path) -> None:
    lines = ['{"i":1,"I":2,"Long":3,"s":"x"}', '{"I":5}']
    exact = {"keys": "exact", "key.l": "Long"}
    found = both(engine, as_json(lake / "exact.json", *lines, **exact))
    assert sorted(row[:2] for row in found if row[0]) == [(1, 3)]
    renamed = both(engine, as_json(lake / "renamed.json", '{"LONG":3}', **{"key.l": "long"}))
    assert [row[1] for row in renamed] == [3]
    nested = as_json(lake / "nested.json", "{}", **{"key.x": "y"})
    for one in (engine, EmbeddedEngine()):
        with pytest.raises(UnsupportedError, match="column o "):
            table(one, SQL, nested)


def test_json_of_types_that_spark_orders_otherwise_is_refused(
    engine: SparkEngine, lake: Path
) -> None:
    path = written(lake / "a.json", "{}\n")
    relation = files([path], columns(m="map<string,int>"), format="hive-json", options=JSON)
    with pytest.raises(UnsupportedError, match=r"column m \(map<string,int>\) is not read"):
        table(engine, SQL, relation)


def test_escapes_are_those_of_the_embedded_engine(engine: SparkEngine, lake: Path) -> None:
    options = {**TEXT, "sep": ",", "escape": "\\"}
    plain = [line for line, values in ESCAPED if values is not None]
    declared = columns(s="string", n="int", v="varchar(2)")
    path = written(lake / "plain.txt", "\n".join(plain) + "\n")
    found = both(engine, files([path], declared, format="hive-text", options=options))
    assert len(found) == len(plain)
    for number, (line, values) in enumerate(ESCAPED):
        if values is None:
            path = written(lake / f"{number}.txt", f"{line}\n")
            relation = files([path], declared, format="hive-text", options=options)
            for each in (engine, EmbeddedEngine()):
                with pytest.raises(EngineError, match="a text"):
                    table(each, SQL, relation)


@pytest.mark.parametrize(
    ("format", "body", "options"),
    [
        ("hive-text", "a\\," * 50_000 + "," + "x" * 100_000, {**TEXT, "sep": ",", "escape": "\\"}),
        ("hive-csv", '"' + 'a""' * 50_000 + '","' + "x" * 100_000 + '"', CSV),
        ("hive-csv", '"' + 'a\\"' * 50_000 + '",' + "x" * 100_000, CSV),
    ],
)
def test_lines_of_many_escapes_are_read(
    engine: SparkEngine, lake: Path, format: str, body: str, options: dict[str, str]
) -> None:
    """A matcher that goes deeper with each would end the JVM."""
    path = written(lake / "long.txt", f"{body}\n")
    declared = columns(s="string", t="string")
    [(first, second)] = both(engine, files([path], declared, format=format, options=options))
    assert (len(first), len(second)) == (100_000, 100_000)


def test_fields_of_many_separators_are_read(engine: SparkEngine, lake: Path) -> None:
    path = written(lake / "wide.txt", '"a"' + ",b" * 100_000 + "\n")
    declared = columns(s="string", t="string")
    assert both(engine, files([path], declared, format="hive-csv", options=CSV)) == [("a", "b")]


def test_numbers_in_quotes_are_those_of_the_embedded_engine(
    engine: SparkEngine, lake: Path
) -> None:
    options = {**JSON, "quoted": "convert"}
    read = [(type_, value) for type_, value, expected in QUOTED if expected is not None]
    types = {f"v{number}": type_ for number, (type_, _) in enumerate(read)}
    held = ", ".join(f'"v{number}": {value}' for number, (_, value) in enumerate(read))
    path = written(lake / "read.json", f"{{{held}}}\n")
    (row,) = both(engine, files([path], columns(**types), format="hive-json", options=options))
    assert len(row) > 10
    assert None not in row
    for number, (type_, value, expected) in enumerate(QUOTED):
        if expected is None:
            path = written(lake / f"{number}.json", f'{{"v": {value}}}\n')
            relation = files([path], columns(v=type_), format="hive-json", options=options)
            with pytest.raises(EngineError, match="plainly"):
                table(engine, SQL, relation)
