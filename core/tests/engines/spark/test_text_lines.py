"""Spark's own text formats: what Spark's readers give, and nothing that they pass over."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard
from core.tests.engines.spark.plans import columns, files, table

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine, streams
from headwater.errors import EngineError, UnsupportedError

SQL = "SELECT * FROM `hw`.`t0` AS t"
COUNT = "SELECT count(*) AS n FROM `hw`.`t0` AS t"
TYPES = {"i": "int", "s": "string", "d": "double", "t": "timestamp", "a": "array<int>"}
FORMATS = ("csv", "json", "hive-text", "hive-csv", "hive-json")
PACK: dict[str, Any] = {".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress}


def put(path: Path, body: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def relation(path: Path, format: str, types: Mapping[str, str], **options: str) -> Any:
    return files([path], columns(**dict(types)), format=format, options=options)


def found(engine: Any, sql: str, *args: Any, **options: Any) -> list[tuple[Any, ...]]:
    rows = table(engine, sql, relation(*args, **options)).to_pylist()
    return [tuple(row.values()) for row in rows]


def native(
    engine: SparkEngine, path: Path, format: str, types: Mapping[str, str], **options: str
) -> list[tuple[Any, ...]]:
    schema = ", ".join(f"{n} {t}" for n, t in types.items())
    frame = engine.opened().session.read.format(format).schema(schema).options(**options)
    # `collect` leaves its socket to the garbage collector.
    return [tuple(row.values()) for row in streams.rows(frame.load(str(path)))]


def same(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    assert sorted(map(_plain, ours)) == sorted(map(_plain, theirs))


def _plain(row: tuple[Any, ...]) -> str:
    return repr([v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in row])


GOOD = [
    '{"i":1,"s":"x"}', '{"s":1.5}', '{"s":{"a":1}}', '{"I":5}', "{'i':3}", '{"d":NaN}', "",
    '{"d":"NaN"}', '{"d":1}', '{"t":"2026-01-01T00:00:00Z"}', '{"t":"2026-01-01 00:00:00"}',
    '{"a":[1,null]}', ' {"i":7} ', "{}", '{"i":null}', '{"s":"é\\u00e9 } ] {"}', "   ",
    '{"i":1,"i":2}',
]  # fmt: skip
BAD = [
    '{"i":1}{"i":2}', '{"i":1} {"i":2}', '{"i":1},{"i":2}', '{"i":1} x', "{", '"i":1', "}", "3",
    '[{"i":1},{"i":2}]', '{"i":}', '{"i":"seven"}', '{"i":1.5}', '{"i":99999999999}', "[]", "null",
    '{"d":"1.5x"}', '{"a":[1,"x"]}',
]  # fmt: skip


def test_json_is_what_sparks_reader_gives(engine: SparkEngine, lake: Path) -> None:
    path = put(lake / "a.json", "\n".join(GOOD) + "\n")
    ours = found(engine, SQL, path, "json", TYPES)
    same(ours, native(engine, path, "json", TYPES))
    assert len(ours) == len(GOOD) - 2


def test_lines_of_json_that_spark_passes_over_fail(engine: SparkEngine, lake: Path) -> None:
    for number, line in enumerate(BAD):
        path = put(lake / f"{number}.json", f'{{"i":1}}\n{line}\n')
        for sql in (SQL, COUNT) if number < 2 else (COUNT,):
            with pytest.raises(EngineError, match=rf"{number}\.json: a line ") as caught:
                found(engine, sql, path, "json", TYPES)
            assert caught.value.code == "not-portable-value"
            assert "table test.files, " in caught.value.message
            assert caught.value.message.endswith(f": {line!r}")


def test_a_mode_that_is_asked_for_is_taken(engine: SparkEngine, lake: Path) -> None:
    path = put(lake / "a.json", '{"i":1}\n{"i":"x","s":"y"}\n{\n')
    for mode in ("PERMISSIVE", "DROPMALFORMED"):
        ours = found(engine, SQL, path, "json", {"i": "int", "s": "string"}, mode=mode)
        same(ours, native(engine, path, "json", {"i": "int", "s": "string"}, mode=mode))
    twice = put(lake / "b.json", '{"i":1}{"i":2}\n')
    with pytest.raises(EngineError, match="not one JSON object"):
        found(engine, COUNT, twice, "json", TYPES, mode="PERMISSIVE")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{\n "i": 1,\n "s": "x"\n}\n', [(1, "x")]),
        ('[\n{"i":1},\n{"i":2,\n"s":"y"}]\n', [(1, None), (2, "y")]),
        ('{\n "i": 1\n}\n{\n "i": 2\n}\n', None),
        ('{\n "i": 1\n}\n garbage', None),
        ('{\n "i": 1', None),
    ],
)
def test_json_over_several_lines(
    engine: SparkEngine, lake: Path, body: str, expected: list[Any] | None
) -> None:
    path, types = put(lake / "a.json", body), {"i": "int", "s": "string"}
    with pytest.raises(EngineError, match="not one JSON object") as caught:
        found(engine, COUNT, path, "json", types)
    assert "multiLine=true" in (caught.value.hint or "")
    if expected is None:
        for sql in (SQL, COUNT):
            with pytest.raises(EngineError):
                found(engine, sql, path, "json", types, multiLine="true")
    else:
        assert sorted(found(engine, SQL, path, "json", types, multiLine="true")) == expected
        assert found(engine, COUNT, path, "json", types, multiLine="true") == [(len(expected),)]
        embedded = found(EmbeddedEngine(), SQL, path, "json", types, multiLine="true")
        assert sorted(embedded) == expected


CSV = [
    "a,1", '"x, y",2', 'a"b,3', "b,x", "c", "d,4,5", "", "   ", ",", "é,8", '"a\\"b",1', "5'' x,1",
    '"",7', "a\\,1", '""', 'x,"9"', "#c,7", '"a"b,2',
]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{}, {"header": "true"}, {"sep": ";"}, {"quote": "'"}, {"escape": '"'}, {"nullValue": "a"},
     {"ignoreLeadingWhiteSpace": "true", "emptyValue": "e"}, {"sep": "||"}],
)  # fmt: skip
def test_csv_is_what_sparks_reader_gives(
    engine: SparkEngine, lake: Path, options: dict[str, str]
) -> None:
    types = {"s": "string", "n": "int"}
    lines = [line for line in CSV if options.get("quote") != "'" or "'" not in line]
    if options.get("escape") == '"':
        lines = [line for line in lines if "\\" not in line]
    path = put(lake / "a.csv", "\n".join(["", "s,n", *lines]) + "\n")
    same(
        found(engine, SQL, path, "csv", types, **options),
        native(engine, path, "csv", types, **options),
    )


@pytest.mark.parametrize("body", ['"a\nb",1\n', 'x,"a\n', '"a\\"\n'])
def test_a_quote_that_stays_open_fails_and_multiline_reads_it(
    engine: SparkEngine, lake: Path, body: str
) -> None:
    path, types = put(lake / "a.csv", f"z,1\n{body}"), {"s": "string", "n": "string"}
    for sql in (SQL, COUNT):
        with pytest.raises(EngineError, match=r"a\.csv: a line in which a quote") as caught:
            found(engine, sql, path, "csv", types)
    assert "multiLine=true" in (caught.value.hint or "")
    if body.endswith(",1\n"):
        assert ("a\nb", "1") in found(engine, SQL, path, "csv", types, multiLine="true")


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_no_text_fails(engine: SparkEngine, lake: Path, format: str) -> None:
    body = b'{"i":1,"s":"x"}\n' * 50 if "json" in format else b"1,x\n" * 50
    types = {"s": "string"} if format == "hive-csv" else {"i": "int"}
    for sql in (SQL, COUNT):
        packed = put(lake / f"{format}.txt", gzip.compress(body))
        with pytest.raises(EngineError, match=rf"{format}\.txt of table test\.files is not text"):
            found(engine, sql, packed, format, types)
    with pytest.raises(UnsupportedError, match=r"no engine here opens \.xz text"):
        found(engine, COUNT, put(lake / "a.xz", b"x"), format, types)


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("format", FORMATS)
def test_what_is_cut_fails(engine: SparkEngine, lake: Path, format: str, suffix: str) -> None:
    line = '{"i":1,"s":"%d"}\n' if "json" in format else "%d,x\n"
    data = PACK[suffix]("".join(line % (n * 7919) for n in range(3000)).encode())
    types = {"s": "string"} if format == "hive-csv" else {"i": "int"}
    assert found(engine, COUNT, put(lake / f"a{suffix}", data), format, types) == [(3000,)]
    with pytest.raises(EngineError, match=rf"b{suffix} of table test\.files is cut") as caught:
        found(engine, COUNT, put(lake / f"b{suffix}", data[:-50]), format, types)
    assert caught.value.code == "damaged-file"


def test_several_frames_are_cut_nowhere_unseen(engine: SparkEngine, lake: Path) -> None:
    packed = [zstandard.compress(f"{part}\n".encode() * 20) for part in "abc"]
    whole, types = b"".join(packed), {"s": "string"}
    assert found(engine, COUNT, put(lake / "a.zst", whole), "csv", types) == [(60,)]
    for end in (1, 4, 9, len(packed[1]) - 1):
        data = whole[: len(packed[0]) + end]
        with pytest.raises(EngineError, match=r"b\.zst of table test\.files is cut") as caught:
            found(engine, COUNT, put(lake / "b.zst", data), "csv", types)
        assert caught.value.code == "damaged-file"


@pytest.mark.parametrize("codec", ["snappy", "lz4", "deflate"])
def test_what_the_embedded_engine_sends_here_is_read(
    engine: SparkEngine, lake: Path, codec: str
) -> None:
    session = engine.opened().session
    written = session.createDataFrame([(1, "x"), (2, "y")], "i int, s string").coalesce(1)
    written.write.csv(str(lake / codec), compression=codec)
    (path,) = (lake / codec).glob(f"*.{codec}")
    types = {"i": "int", "s": "string"}
    assert sorted(found(engine, SQL, path, "csv", types)) == [(1, "x"), (2, "y")]
