"""Hive's delimited text gives on Spark the rows that it gives on the embedded engine."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.spark.plans import columns, files, table

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import EngineError, HeadwaterError, UnsupportedError
from headwater.relation import Relation

SQL = "SELECT * FROM `hw`.`t0` AS t"
TEXT = {"sep": "|", "nullValue": "\\N", "header": "false"}
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
    read = 0
    for number, text in enumerate(texts):
        path = written(lake / type_ / f"{number}.txt", f"{text}|x\n")
        relation = files([path], columns(v=type_, s="string"), format="hive-text", options=TEXT)
        try:
            expected = table(EmbeddedEngine(), SQL, relation).to_pylist()
        except EngineError:
            # The engines refuse the same texts.
            with pytest.raises(EngineError, match="may or may not be a value"):
                table(engine, SQL, relation)
            continue
        assert repr(table(engine, SQL, relation).to_pylist()) == repr(expected), text
        read += 1
    assert read > 5


def test_quoted_fields_are_cut_and_freed_of_quotes(engine: SparkEngine, lake: Path) -> None:
    body = '"a""b","c\\"d"\nplain,\n"",x\n"x, y",é\n\n[^],]\n'
    path = written(lake / "a.csv", body)
    declared = columns(s="string", t="string")
    found = both(engine, files([path], declared, format="hive-csv", options=CSV))
    assert ('a"b', 'c"d') in found
    assert ("x, y", "é") in found
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
    options = {**TEXT, "encoding": "latin1"}
    with pytest.raises(UnsupportedError, match="reader options encoding of hive-text"):
        table(engine, SQL, files([path], columns(s="string"), format="hive-text", options=options))
    with pytest.raises(UnsupportedError, match="OpenCSVSerde gives texts; n is int"):
        table(engine, SQL, files([path], columns(n="int"), format="hive-csv", options=CSV))
