from __future__ import annotations

import contextlib
import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.embedded.support import columns, file, rows, text
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engines.embedded.formats import compressed_text
from headwater.errors import EngineError, UnsupportedError
from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import TableName
from headwater.untrusted import limits

ALL = "SELECT * FROM t"
MANY_LINES = {"multiLine": "true"}


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        ("a,1\nb,2\n", {}, [("a", 1), ("b", 2)]),
        ("h,v\na,1", {"header": "true"}, [("a", 1)]),
        ("a;1\r\nb;2\r\n", {"sep": ";"}, [("a", 1), ("b", 2)]),
        ('"x, y",1\n"say \\"hi\\"",2\n', {}, [("x, y", 1), ('say "hi"', 2)]),
        ('"say ""hi""",2\n', {"escape": '"'}, [('say "hi"', 2)]),
        ("a,\n,1\n\n  \nb\n", {}, [("a", None), (None, 1), ("b", None)]),
        ('a,\\N\n"",1\n', {"nullValue": "\\N"}, [("a", None), ("", 1)]),
        ("a,1,more\n", {}, [("a", 1)]),
        ("a,x\nb,99999999999\n", {}, [("a", None), ("b", None)]),
        ("é,1\n日本,2\n", {}, [("é", 1), ("日本", 2)]),
        ('a"b,1\n "a",2\n', {}, [('a"b', 1), (' "a"', 2)]),
        ('"a\\\\",1\n"\\\\\\"b\\n\\\\n",2\n', {}, [("a\\", 1), ('\\"b\\n\\n', 2)]),
        ("a\t1\n", {"sep": "\\t"}, [("a", 1)]),
        ("a,x;1\n", {"sep": ";", "delimiter": ","}, [("a,x", 1)]),
        ("a,x;1\n", {"delimiter": ";"}, [("a,x", 1)]),
        ('"a,1\n', {"quote": ""}, [('"a', 1)]),
        ('"a\0b",1\n\0,2\n', {"nullValue": "\0"}, [("a\0b", 1), (None, 2)]),
    ],
)
def test_csv_means_what_spark_means(
    tmp_path: Path, body: str, options: dict[str, str], expected: list[tuple[Any, ...]]
) -> None:
    relation = text(tmp_path, body, "csv", options, s="string", n="int")
    assert [tuple(r.values()) for r in rows(ALL, t=relation)] == expected


@pytest.mark.parametrize("body", ['"a\nb",1\n', '"a"b,1\n', '"a""b",1\n', '"a" ,1\n', '"a\\",1\n'])
def test_quotes_that_parsers_read_differently_raise(tmp_path: Path, body: str) -> None:
    relation = text(tmp_path, body, "csv", s="string", n="string")
    with pytest.raises(EngineError, match="quotes") as caught:
        rows(ALL, t=relation)
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize(
    ("type_", "value"),
    [("int", "+4"), ("int", " 3"), ("double", "1d"), ("double", "Infinity"), ("date", "2024-1-1")],
)
def test_values_that_readers_take_differently_raise(tmp_path: Path, type_: str, value: str) -> None:
    relation = text(tmp_path, f"{value},x\n", "csv", v=type_, s="string")
    with pytest.raises(EngineError, match=f"value of type {type_}"):
        rows(ALL, t=relation)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "FAILFAST"},
        {"comment": "#"},
        {"encoding": "utf-16"},
        {"sep": "::"},
        {"sep": "\\"},
        {"escape": ""},
        {"escape": ","},
        {"quote": ","},
    ],
)
def test_an_option_that_is_not_honoured_is_refused(tmp_path: Path, options: dict[str, str]) -> None:
    relation = text(tmp_path, "a,1\n", "csv", options, s="string", n="int")
    with pytest.raises(UnsupportedError, match=f"(?i)table db.t: .*{next(iter(options))}"):
        rows(ALL, t=relation)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"encoding": "latin1", "charset": "utf-8"}, "\u00c3\u00a9"),
        ({"charset": "latin1"}, "\u00c3\u00a9"),
        ({"charset": "latin1", "encoding": "utf-8"}, "\u00e9"),
    ],
)
def test_encoding_goes_before_charset(
    tmp_path: Path, options: dict[str, str], expected: str
) -> None:
    assert rows(ALL, t=text(tmp_path, "\u00e9\n", "csv", options, s="string")) == [{"s": expected}]


def test_a_line_that_begins_with_a_mark_raises(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="byte order mark") as caught:
        rows(ALL, t=text(tmp_path, "\ufeff\ufeffa\n", "csv", s="string"))
    assert caught.value.code == "not-portable-value"


MULTI = [
    ("a,1\nb,2\n", {}, [("a", "1"), ("b", "2")]),
    ('"a\nb",1\r\n', None, None),
    ('x,0\r\n"a\r\nb",1\r\n', {}, [("x", "0"), ("a\nb", "1")]),
    ('x,0\r\n"a\nb\rc",1', {}, [("x", "0"), ("a\nb\rc", "1")]),
    ('x,0\n"a\r\nb",1\n', {}, [("x", "0"), ("a\r\nb", "1")]),
    ('a,1\rb,"2\r3"\r', {}, [("a", "1"), ("b", "2\n3")]),
    ('"a""\n""b",1\n', {"escape": '"'}, [('a"\n"b', "1")]),
    ('"a\\"\n,b",1\n', {}, [('a"\n,b', "1")]),
    ("\n\na\n \n\nb", {}, [("a", None), (" ", None), ("b", None)]),
    ('\n"s\nt",n\n"a\nb",1\n', {"header": "true"}, [("a\nb", "1")]),
    ("'a\n;b';1\n", {"quote": "'", "sep": ";"}, [("a\n;b", "1")]),
    ('\ufeff"a\n",""\n', {}, [("a\n", None)]),
    ("", {}, []),
    ("s,n", {"header": "true"}, []),
    ("a,1\nb,2\r\n", None, None),
    ("a,1\r\nb,2\n", None, None),
    ("a,1\rb,2\nc,3\n", None, None),
    ('x,"a\n', None, None),
    ('x,"a" \n', None, None),
    ('"a"b\nc\n', None, None),
    ("\ufeff", None, None),
    ("a\r\r", None, None),
    ("a\r", None, None),
]
"""Files, how they are read, and what Spark 4.1.4 gives; None where that is chance."""


@pytest.mark.parametrize(("body", "options", "expected"), MULTI)
@pytest.mark.parametrize("packed", [False, True])
def test_csv_records_over_several_lines(
    tmp_path: Path,
    body: str,
    options: dict[str, str] | None,
    expected: list[tuple[str | None, ...]] | None,
    packed: bool,
) -> None:
    relation = text(
        tmp_path, body, "csv", {**MANY_LINES, **(options or {})}, s="string", n="string"
    )
    if packed:
        path = tmp_path / "one.csv.gz"
        path.write_bytes(gzip.compress(body.encode()))
        relation = replace(relation, files=(DataFile(str(path), path.stat().st_size),))
    for sql in (ALL, "SELECT count(*) AS n FROM t"):
        if expected is None:
            with pytest.raises(EngineError) as caught:
                rows(sql, t=relation)
            assert caught.value.code in ("not-portable-value", "mixed-line-ends")
            assert caught.value.hint
        elif sql == ALL:
            assert [tuple(r.values()) for r in rows(sql, t=relation)] == expected
        else:
            assert rows(sql, t=relation) == [{"n": len(expected)}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_csv_records_are_cut_alike_wherever_what_is_read_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, chunk: int
) -> None:
    monkeypatch.setattr(compressed_text, "_CHUNK", chunk)
    kinds = [
        ("a", "1"),
        ('"x{end}y"', "x\ny"),
        ('"q\\"{end},"', 'q"\n,'),
        ("é日", "é日"),
        ('b"c', 'b"c'),
    ]
    body = "".join(
        f"{written.format(end=end)},{n}{end}" for n, (written, _) in enumerate(kinds * 3)
    )
    found = rows(ALL, t=text(tmp_path, body, "csv", MANY_LINES, s="string", n="int"))
    expected = ["a" if read == "1" else read for _, read in kinds] * 3
    assert [(r["s"], r["n"]) for r in found] == [(s, n) for n, s in enumerate(expected)]


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-16", "utf-16"), ("utf-16", "utf-16-be"), ("UTF-16LE", "utf-16-le"), ("UTF-32", "utf-32"),
     ("utf-32", "utf-32-be"), ("windows-1252", "cp1252")],
)  # fmt: skip
def test_csv_files_of_wide_characters_are_read_whole(
    tmp_path: Path, encoding: str, written: str
) -> None:
    wide = "" if written == "cp1252" else "\u010a\u0d0a"  # with bytes of ends of lines
    body = f'"a\n{wide}",1\n\u20ac,2\n'.encode(written)
    options = {"encoding": encoding, **MANY_LINES}
    found = rows(ALL, t=text(tmp_path, body, "csv", options, s="string", n="int"))
    assert [tuple(r.values()) for r in found] == [(f"a\n{wide}", 1), ("\u20ac", 2)]


def test_wide_characters_without_a_mark_are_big_endian_as_in_java(tmp_path: Path) -> None:
    body = "a,1\n".encode("utf-16-le")
    options = {"encoding": "utf-16", **MANY_LINES}
    (row,) = rows(ALL, t=text(tmp_path, body, "csv", options, s="string", n="int"))
    assert row == {"s": body.decode("utf-16-be"), "n": None}
    json_body = '{"s": "a"}'.encode("utf-16-be")
    assert rows(ALL, t=text(tmp_path, json_body, "json", options, s="string")) == [{"s": "a"}]


def test_what_is_no_text_is_told_of_records_too(tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=r"not text in UTF-8 \(byte 4 of the text within"
    ) as caught:
        rows(ALL, t=text(tmp_path, b'a,"\n\xff",1\n', "csv", MANY_LINES, s="string"))
    assert caught.value.code == "not-text"


def test_a_csv_record_is_as_long_as_a_line_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINE_BYTES", 2**10)
    monkeypatch.setattr(compressed_text, "_CHUNK", 2**8)
    body = f'a\n"{"x" * 500}\n{"x" * 400}"\n'
    found = rows(ALL, t=text(tmp_path, body * 20, "csv", MANY_LINES, s="string"))
    assert len(found) == 40
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, f'{body}"{"x" * 2000}\n', "csv", MANY_LINES, s="string"))
    assert caught.value.code == "line-too-long"


SEVERAL = [
    ("GBK", "\u4e2d\u6587\u4e02", b"\xd6\xd0\xce\xc4\x81\x40"), ("gbk", "\u2641", b"\xa8\x92"),
    ("Shift_JIS", "\u8868\u2014", b"\x95\x5c\x81\x5c"), ("windows-31j", "\u2460", b"\x87\x40"),
    ("EUC-JP", "\u65e5\u2014", b"\xc6\xfc\xa1\xbd"), ("Big5", "\u8a31\uff3f", b"\xb3\x5c\xa1\x5a"),
    ("EUC-KR", "\ud55c", b"\xc7\xd1"),
    ("ms949", "\ub620", b"\x8c\x63"),
    ("GB2312", "\u4e2d", b"\xd6\xd0"), ("MS_Kanji", "\u2014", b"\x81\x5c"),
]  # fmt: skip
"""Encodings, a text as Java 17 decodes it, and its bytes in them (some end as a backslash does)."""


@pytest.mark.parametrize(("encoding", "value", "held"), SEVERAL)
@pytest.mark.parametrize("format", ["csv", "hive-text", "json"])
def test_text_in_an_encoding_of_several_bytes_is_read(
    tmp_path: Path, format: str, encoding: str, value: str, held: bytes
) -> None:
    line = b'{"s":"%s","n":1}\n' if format == "json" else b"%s,1\n"
    options = {"encoding": encoding, **({"sep": ","} if format == "hive-text" else {})}
    relation = text(tmp_path, line % held * 2, format, options, s="string", n="int")
    assert [tuple(r.values()) for r in rows(ALL, t=relation)] == [(value, 1)] * 2


@pytest.mark.parametrize(
    ("encoding", "held"),
    [("gbk", b"\x80"), ("gbk", b"\x81"), ("big5", b"\xa1\xfe"), ("ms932", b"\x80"),
     ("ms932", b"\xfd"), ("euc-jp", b"\x8f\xa2\xb7"), ("shift_jis", b"\x87\x40")],
)  # fmt: skip
def test_what_is_another_character_in_java_or_none_is_told(
    tmp_path: Path, encoding: str, held: bytes
) -> None:
    relation = text(tmp_path, b"ab" + held + b"\n", "hive-text", {"encoding": encoding}, s="string")
    with pytest.raises(EngineError, match=r"is not text in \w+ \(byte 2 of") as caught:
        rows(ALL, t=relation)
    assert caught.value.code == "not-text"


@pytest.mark.parametrize(
    ("encoding", "options"),
    [("GB18030", {}), ("ms936", {}), ("GBK", MANY_LINES), ("utf-16", {}), ("no-such", {})],
)
def test_other_encodings_are_refused(
    tmp_path: Path, encoding: str, options: dict[str, str]
) -> None:
    relation = text(tmp_path, "a\n", "csv", {"encoding": encoding, **options}, s="string")
    with pytest.raises(UnsupportedError, match="encoding") as caught:
        rows(ALL, t=relation)
    assert "UTF-8" in (caught.value.hint or "")


ENCODED = [
    ("ISO-8859-1", "\u00e9\x85", b"\xe9\x85"), ("latin1", "\xa0", b"\xa0"),
    ("windows-1252", "\u20ac\u00e9", b"\x80\xe9"), ("Cp1251", "\u042f", b"\xdf"),
    ("ISO8859_15", "\u20ac", b"\xa4"), ("KOI8-R", "\u042f", b"\xf1"), ("IBM850", "\u00e9", b"\x82"),
    ("US-ASCII", "a", b"a"), ("utf8", "\u20ac", b"\xe2\x82\xac"),
]  # fmt: skip
"""Encodings, a text, and its bytes in them."""


@pytest.mark.parametrize(("encoding", "value", "held"), ENCODED)
@pytest.mark.parametrize("format", ["csv", "hive-text"])
def test_text_in_an_encoding_of_one_byte_is_read(
    tmp_path: Path, format: str, encoding: str, value: str, held: bytes
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"s;n\n" + held + b";1\nx" + held + b";2")
    options = {"encoding": encoding, "header": "true", "sep": ";"}
    files = (DataFile(str(path), path.stat().st_size),)
    relation = FileRelation(
        TableName("db", "t"), columns(s="string", n="int"), format=format, options=options,
        files=files,
    )  # fmt: skip
    packed = tmp_path / "b.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    both = (*files, DataFile(str(packed), packed.stat().st_size))
    for number, one in enumerate((relation, replace(relation, files=both)), 1):
        assert sorted((r["n"], r["s"]) for r in rows(ALL, t=one)) == sorted(
            [(1, value), (2, f"x{value}")] * number
        )


@pytest.mark.parametrize("many", ["true", "false"])
def test_json_in_an_encoding_is_read(tmp_path: Path, many: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"s": "\x80", "n": NaN}')
    options = {"charset": "windows-1252", "multiLine": many}
    relation = text(tmp_path, "", "json", options, s="string", n="double")
    relation = replace(relation, files=(DataFile(str(path), path.stat().st_size),))
    (row,) = rows(ALL, t=relation)
    assert repr(row) == "{'s': '\u20ac', 'n': nan}"


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-16LE", "UTF-32"])
def test_json_files_of_wide_characters_are_read_whole(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    options = {"encoding": encoding, "multiLine": "true"}
    relation = text(tmp_path, "", "json", options, s="string")

    def read(body: str) -> list[dict[str, Any]]:
        path.write_bytes(body.encode(encoding))
        files = (DataFile(str(path), path.stat().st_size),)
        return rows(ALL, t=replace(relation, files=files))

    found = read('[{"s": "\u010a"},\n{"s": "\u0d0a"}]')  # with bytes of ends of lines
    assert sorted(r["s"] for r in found) == ["\u010a", "\u0d0a"]
    with pytest.raises(EngineError, match="not one JSON object"):
        read('{"s": "a"}\n{"s": "b"}')


def test_a_bare_nan_that_is_refused_is_told_as_it_was_written(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"not plainly int: '\"NaN\"'"):
        rows(ALL, t=text(tmp_path, '{"v": NaN}\n', "json", v="int"))


def test_a_byte_that_stands_for_no_character_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc\x81\n")
    relation = text(tmp_path, "", "hive-text", {"encoding": "windows-1252"}, s="string")
    relation = replace(relation, files=(DataFile(str(path), 5),))
    with pytest.raises(EngineError, match=r"a\.txt of table db\.t is not text in cp1252 \(byte 3"):
        rows(ALL, t=relation)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{\n "i": 1,\n "s": "x"\n}\n', [(1, "x")]),
        ('\ufeff[\n{"i":1},\r\n{"i":2,\n"s":"y\\nz"}]\n', [(1, None), (2, "y\nz")]),
        ("[]", []),
        (" \n", []),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_json_files_over_several_lines_are_one_object_or_one_list(
    tmp_path: Path, body: str, expected: list[Any], packed: bool
) -> None:
    relation = text(tmp_path, body, "json", MANY_LINES, i="int", s="string")
    if packed:
        path = tmp_path / "one.json.gz"
        path.write_bytes(gzip.compress(body.encode()))
        relation = replace(relation, files=(DataFile(str(path), path.stat().st_size),))
    found = [(r["i"], r["s"]) for r in rows("SELECT i, s FROM t", t=relation)]
    assert sorted(found) == expected
    assert rows("SELECT count(*) AS n FROM t", t=relation) == [{"n": len(expected)}]


@pytest.mark.parametrize(
    "body",
    ['{"i": 1}\n{"i": 2}', '{"i": 1} x', '{"i": 1', "[null]", '[{"i": 1}, 3]', '[[{"i": 1}]]', "3"],
)
@pytest.mark.parametrize("sql", ["SELECT i FROM t", "SELECT count(*) AS n FROM t"])
def test_other_json_files_over_several_lines_are_refused(
    tmp_path: Path, body: str, sql: str
) -> None:
    relation = text(tmp_path, body, "json", MANY_LINES, i="int")
    with pytest.raises(EngineError, match="not one JSON object, or one list of them"):
        rows(sql, t=relation)


def test_a_json_file_over_several_lines_is_as_long_as_a_line_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINE_BYTES", 2**20)  # DuckDB takes a second for 16 MiB
    body = '{"i": 1}' + " " * (limits.LINE_BYTES - 8)
    (tmp_path / "1").mkdir()
    assert rows(ALL, t=text(tmp_path / "1", body, "json", MANY_LINES, i="int")) == [{"i": 1}]
    (tmp_path / "2").mkdir()
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path / "2", body + " ", "json", MANY_LINES, i="int"))
    assert caught.value.code == "line-too-long"


def test_a_blank_first_line_is_no_header(tmp_path: Path) -> None:
    relation = text(tmp_path, "\nh\na\n", "csv", {"header": "true"}, s="string")
    with pytest.raises(UnsupportedError, match=r"first line of .*part-0\.txt is blank"):
        rows(ALL, t=relation)


def test_gzip_is_opened_and_snappy_refused(tmp_path: Path) -> None:
    for suffix, ok in ((".csv.gz", True), (".csv.snappy", False)):
        path = tmp_path / f"part-0{suffix}"
        path.write_bytes(gzip.compress(b"a\nb\n"))
        name = TableName("db", "t")
        relation = FileRelation(name, columns(s="string"), format="csv", files=(file(path),))
        if ok:
            assert [r["s"] for r in rows(ALL, t=relation)] == ["a", "b"]
        else:
            with pytest.raises(UnsupportedError, match=r"does not read \.snappy"):
                rows(ALL, t=relation)


@pytest.mark.parametrize("header", ["true", "false"])
def test_a_partition_may_hold_plain_and_compressed_files(tmp_path: Path, header: str) -> None:
    parts = [FilePartition((str(n),)) for n in range(4)]
    files = []
    for n in range(4):
        path = tmp_path / f"part-{n}.csv{'.gz' if n % 2 else ''}"
        body = f"s\nof {n}\n".encode()
        path.write_bytes(gzip.compress(body) if n % 2 else body)
        files.append(file(path, n))
    relation = FileRelation(
        TableName("db", "t"),
        columns(s="string", n="string"),
        partition_columns=("n",),
        format="hive-text",
        options={"header": header},
        partitions=tuple(parts),
        files=tuple(files),
    )
    found = rows("SELECT n, s FROM t WHERE s <> 's' ORDER BY n", t=relation)
    assert found == [{"n": str(n), "s": f"of {n}"} for n in range(4)]


ENDS = st.lists(st.sampled_from(["a", "bc", "", "\n", "\r\n", "\r"]), max_size=9)


@settings(max_examples=30, deadline=None)
@given(ENDS)
def test_lines_end_as_hadoop_ends_them_or_raise(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    body = "".join(pieces)
    relation = text(tmp_path_factory.mktemp("t"), body, "hive-text", s="string")
    if len(set(re.findall("\r\n|\r|\n", body))) > 1:
        with contextlib.suppress(EngineError):
            assert [r["s"] for r in rows(ALL, t=relation)] == hadoop_lines(body)
    else:
        assert [r["s"] for r in rows(ALL, t=relation)] == hadoop_lines(body)


def hadoop_lines(body: str) -> list[str]:
    """Return a text's lines as Hadoop's LineReader cuts them."""
    lines = re.split("\r\n|\r|\n", body)
    return lines if lines[-1] else lines[:-1]


@pytest.mark.parametrize("format", ["hive-text", "hive-csv", "csv", "json"])
@pytest.mark.parametrize(
    "body", ['{"s":1}\n{"s":2}\r\n{"s":3}\n', '{"s":1}\r\n{"s":2}\r{"s":3}\r\n']
)
def test_mixed_line_ends_are_told_with_their_file(tmp_path: Path, format: str, body: str) -> None:
    body = body if format == "json" else re.sub(r'[{}:"s]', "", body)
    with pytest.raises(EngineError, match=r"part-0\.txt of table db\.t end") as caught:
        rows(ALL, t=text(tmp_path, body, format, s="string"))
    assert caught.value.code == "mixed-line-ends"


def test_hive_text_keeps_empty_texts_and_knows_no_quotes(tmp_path: Path) -> None:
    body = 'a\x011\n\x01\\N\n"q\x01x\n\nz\n'
    options = {"sep": "\x01", "nullValue": "\\N", "header": "false"}
    relation = text(tmp_path, body, "hive-text", options, s="string", n="int")
    assert [tuple(r.values()) for r in rows(ALL, t=relation)] == [
        ("a", 1),
        ("", None),
        ('"q', None),
        ("", None),
        ("z", None),
    ]


ESCAPED = [
    (r"a\,b,1", ["a,b", 1]),
    (r"\\,2", ["\\", 2]),
    (r"\\\,,3", ["\\,", 3]),
    (r"\N,\N", [None, None]),
    (r"\\N,4", [r"\N", 4]),
    (r'"q\"x,5', ['"q"x', 5]),
    ("a,b", ["a", None]),
    ("é\\é\\\\,6", ["éé\\", 6]),
    ("x,7\\", None),
    (r"x\ny,8", None),
    (r"x\\ny,8", [r"x\ny", 8]),
    (r",9,\,", ["", 9]),
    ("\\", ["\\", None]),
    ("", ["", None]),
]
"""Lines that LazySimpleSerDe reads with an escape, and their values; None where readers differ.

Source: Apache Hive 3.1, LazyStruct.parse, LazyString.init, LazyUtils.copyAndEscapeStringDataToText.
"""


@pytest.mark.parametrize(("line", "values"), ESCAPED)
def test_hive_text_takes_the_character_after_an_escape(
    tmp_path: Path, line: str, values: list[object] | None
) -> None:
    options = {"sep": ",", "escape": "\\"}
    relation = text(tmp_path, f"{line}\n", "hive-text", options, s="string", n="int")
    if values is None:
        with pytest.raises(EngineError) as caught:
            rows("SELECT s, n FROM t", t=relation)
        assert caught.value.code == "not-portable-value"
    else:
        assert [list(r.values()) for r in rows("SELECT s, n FROM t", t=relation)] == [values]


@pytest.mark.parametrize("value", ["2023-02-29", "2024-02-30", "1500-02-29", "1582-10-10"])
def test_days_that_calendars_have_or_not_raise_in_hive_text(tmp_path: Path, value: str) -> None:
    for type_, written in (("date", value), ("timestamp", f"{value} 01:02:03")):
        with pytest.raises(EngineError, match=f"value of type {type_}"):
            rows(ALL, t=text(tmp_path, f"{written}\n", "hive-text", v=type_))
    if not value.startswith("1582"):
        assert rows(ALL, t=text(tmp_path, f"{value}\n", "csv", v="date")) == [{"v": None}]


HIVE_CSV: list[tuple[str, list[str | None] | None]] = [
    (r"\N,1", ["N", "1"]), (r"a\,b", ["a", "b"]), (r"\,1", ["", "1"]), ("a,1\\", ["a", "1"]),
    (r"a\\b,\\\\c", ["a\\b", "c"]), (r'"a\nb","\N"', ["anb", "N"]),
    (r'"a\\","b\",c"', ["a\\", 'b",c']),
    ('"a""b","""c"', ['a"b', '"c']), ("", [None, None]), (" ", [" ", None]), (",", ["", ""]),
    (r'"x\\""y",z', ['x\\"y', "z"]), (r'"\\\"","\,"', ['\\"', ","]), (r"\\a\,\\", ["a", ""]),
    ('"a" ,1', None), ('"a\\",1', None), ("x'y,\"\"", ["x'y", ""]),
]  # fmt: skip
"""Lines, and their fields to OpenCSVSerde (Hive 2.3, on Spark 4.1.4); None where readers differ."""


def test_hive_csv_leaves_escapes_out_as_the_serde_does(tmp_path: Path) -> None:
    lines = [(line, values) for line, values in HIVE_CSV if values is not None]
    body = "".join(f"{line}\n" for line, _ in lines)
    relation = text(tmp_path, body, "hive-csv", s="string", n="string")
    assert [list(r.values()) for r in rows(ALL, t=relation)] == [values for _, values in lines]
    for line in (line for line, values in HIVE_CSV if values is None):
        with pytest.raises(EngineError, match="quotes"):
            rows(ALL, t=text(tmp_path, f"{line}\n", "hive-csv", s="string", n="string"))
    with pytest.raises(UnsupportedError, match="escape"):
        rows(ALL, t=text(tmp_path, "a\n", "hive-csv", {"escape": '"'}, s="string"))


def test_hive_csv_gives_texts_and_takes_both_escapes(tmp_path: Path) -> None:
    body = '"a""b","c\\"d"\nplain,\n"",x\n'
    relation = text(tmp_path, body, "hive-csv", s="string", n="string")
    assert [tuple(r.values()) for r in rows(ALL, t=relation)] == [
        ('a"b', 'c"d'),
        ("plain", ""),
        ("", "x"),
    ]


@pytest.mark.parametrize(
    ("format", "body", "other"),
    [
        ("hive-csv", 'a,"x\ny"\n', "format: csv, options: {multiLine: true})"),
        ("hive-json", '[{"a": 1},\n{"a": 2}]\n', "format: json, options: {multiLine: true})"),
        ("hive-json", '[{"a": 1}, {"a": 2}]\n', "format: json, options: {multiLine: true})"),
    ],
)
def test_records_over_several_lines_have_a_way_out(
    tmp_path: Path, format: str, body: str, other: str
) -> None:
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, body, format, a="string", b="string"))
    assert other in (caught.value.hint or "")


def test_hive_csv_of_other_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="OpenCSVSerde gives texts"):
        rows(ALL, t=text(tmp_path, "a,1\n", "hive-csv", s="string", n="int"))


JSON = '{"id":1,"Name":"é\\n","score":0.5,"ok":true,"tags":["a",null],"m":{"k":1.5}}\n{"id":null}\n'
TYPES = {
    "id": "int",
    "name": "string",
    "score": "double",
    "ok": "boolean",
    "tags": "array<string>",
    "m": "map<string,double>",
}


def test_json_tells_keys_apart_by_case_as_spark_does(tmp_path: Path) -> None:
    first, second = rows(ALL, t=text(tmp_path, JSON, "json", None, **TYPES))
    assert first == {
        "id": 1,
        "name": None,
        "score": 0.5,
        "ok": True,
        "tags": ["a", None],
        "m": [("k", 1.5)],
    }
    assert set(second.values()) == {None}


def test_hive_json_does_not(tmp_path: Path) -> None:
    options = {"malformed": "fail", "keys": "ignore-case"}
    first, _ = rows(ALL, t=text(tmp_path, JSON, "hive-json", options, **TYPES))
    assert first["name"] == "é\n"


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ('{"v": -0}', "string"), ('{"v": [1, -0 ]}', "array<string>"),
        ('{"v": {"k": 1, "k": 2}}', "map<string,int>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format", ["json", "hive-json"])
def test_json_that_duckdb_reads_otherwise_raises(
    tmp_path: Path, format: str, body: str, type_: str
) -> None:
    with pytest.raises(EngineError, match="not plainly") as caught:
        rows(ALL, t=text(tmp_path, body, format, v=type_))
    assert caught.value.code == "not-portable-value"
    relation = text(tmp_path, '{"v": 0, "w": "1-0"}', format, v="string")
    assert rows(ALL, t=relation) == [{"v": "0"}]


@pytest.mark.parametrize(
    ("format", "body"), [("csv", "long,s\n"), ("json", '{"v":"long","c":"s"}\n')]
)
def test_spark_cuts_no_text_and_fills_a_char(tmp_path: Path, format: str, body: str) -> None:
    relation = text(tmp_path, body, format, v="varchar(3)", c="char(3)")
    assert rows(ALL, t=relation) == [{"v": "long", "c": "s  "}]
    nested = text(tmp_path, '{"v":["s",null,"long"]}', "json", v="array<char(3)>")
    assert rows(ALL, t=nested) == [{"v": ["s  ", None, "long"]}]


def test_json_may_hold_long_texts_and_no_long_names(tmp_path: Path) -> None:
    long, short = "x" * 70_000, {"a": 'y"\\' * 9}
    relation = text(tmp_path, json.dumps({"v": long, **short}), "json", v="string", a="string")
    assert rows("SELECT length(v) AS n, a FROM t", t=relation) == [{"n": 70_000, **short}]
    with pytest.raises(EngineError, match="not plainly JSON"):
        rows(ALL, t=text(tmp_path, f'{{"{long}" : 1, "v": "x"}}', "json", v="string"))


@pytest.mark.parametrize(
    ("body", "is_read"),
    [
        ('{"v":1,"w":[' + ",".join(['{"a":[[1],{"b":"]{"}]}'] * 900) + "]}", True),
        ('{"v":1,"w":' + "[" * 990 + "1" + "]" * 990 + "}", True),
        ('{"v":1,"w":' + "[" * 1001 + "1" + "]" * 1001 + "}", False),
        ('{"v":1,"w":[[],' * 501 + "1" + "]}" * 501, False),
    ],
)
def test_json_may_hold_many_lists_and_no_deep_ones(
    tmp_path: Path, body: str, is_read: bool
) -> None:
    relation = text(tmp_path, body, "json", v="int")
    if is_read:
        assert rows(ALL, t=relation) == [{"v": 1}]
    else:
        with pytest.raises(EngineError, match="not plainly JSON"):
            rows(ALL, t=relation)


def test_an_escape_may_be_a_zero(tmp_path: Path) -> None:
    body, options = '"a""b",c\\d\n', {"escape": "\0"}
    relation = text(tmp_path, body, "hive-csv", options, s="string", n="string")
    assert [tuple(r.values()) for r in rows(ALL, t=relation)] == [('a"b', "c\\d")]


def test_hive_json_may_name_the_key_of_a_column(tmp_path: Path) -> None:
    options = {"malformed": "fail", "keys": "exact", "key.label": "the label"}
    relation = text(tmp_path, '{"the label":"x"}\n', "hive-json", options, label="string")
    assert rows(ALL, t=relation) == [{"label": "x"}]


@pytest.mark.parametrize(("malformed", "fails"), [("null", False), ("fail", True)])
def test_malformed_json_is_null_or_fails(tmp_path: Path, malformed: str, fails: bool) -> None:
    options = {"malformed": malformed, "keys": "ignore-case"}
    relation = text(tmp_path, '{"a":1}\n{bad\n', "hive-json", options, a="int")
    if fails:
        with pytest.raises(EngineError, match="not plainly JSON"):
            rows(ALL, t=relation)
    else:
        assert rows(ALL, t=relation) == [{"a": 1}, {"a": None}]


BROKEN = [
    ("none", None), ('{"a":1, "b', None), ('{"a":[{"x":"}"},{"y":', None), ('{"b":"\\"}', None),
    ('{"a":1,}', "read"), ('{"a":1}{"a":2}', "read"), ("{'a':1}", "read"), ("{a:1}", "read"),
    ('{"a":1},', "read"), ('{"b":[1,2],"a":1} x {', "read"), ('["a', "read"),
    ('{"a":it\'s}', "read"),
]  # fmt: skip
"""Lines that are no JSON: rows of NULLs to every serde, or read by one that takes more for JSON."""


@pytest.mark.parametrize(("line", "by_others"), BROKEN)
def test_a_line_is_malformed_where_no_serde_reads_it(
    tmp_path: Path, line: str, by_others: str | None
) -> None:
    relation = text(tmp_path, f"{line}\n", "hive-json", {"malformed": "null"}, a="int")
    if by_others is None:
        assert rows(ALL, t=relation) == [{"a": None}]
    else:
        with pytest.raises(EngineError, match="not plainly JSON") as caught:
            rows(ALL, t=relation)
        assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize("malformed", ["null", "fail"])
@pytest.mark.parametrize(
    "value",
    ["note: information", "x, Nancy", "[inf]", "a, }", 'he said: "nan"', "\\, ]", '", }', ",NaN,}"],
)
@pytest.mark.parametrize("format", ["json", "hive-json"])
def test_texts_in_json_hold_anything(
    tmp_path: Path, format: str, value: str, malformed: str
) -> None:
    """Where lines that are no JSON are rows of NULLs, one too many of these is a lost row."""
    line = json.dumps({"a": 1, "b": value, value: 2})
    options = {"malformed": malformed} if format == "hive-json" else {}
    relation = text(tmp_path, f"{line}\n", format, options, a="int", b="string")
    assert rows(ALL, t=relation) == [{"a": 1, "b": value}]
    query = f"SELECT get_json_object(s, '$.a') AS a FROM (SELECT '{_quoted(line)}' AS s FROM t)"
    assert rows(query, t=relation) == [{"a": "1"}]


def _quoted(line: str) -> str:
    return line.replace("\\", "\\\\").replace("'", "\\'")


@pytest.mark.parametrize(
    "line", ['{"a":1.5}', '{"a":"1"}', '{"a":1,"a":2}', '{"a":1,}', "[1]", '{"a":99999999999}']
)
def test_json_that_readers_take_differently_raises(tmp_path: Path, line: str) -> None:
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, line, "json", a="int"))
    assert caught.value.code == "not-portable-value"


FLOATS = [
    ("double", "NaN", "nan"), ("double", "-Infinity", "-inf"), ("float", "Infinity", "inf"),
    ("double", '"NaN"', "nan"), ("double", '"-Infinity"', "-inf"), ("double", '"nan"', None),
    ("array<double>", "[NaN, 1.5,-Infinity ]", "[nan, 1.5, -inf]"), ("double", "NaNo", None),
    ("struct<a:float>", '{"a": NaN}', "{'a': nan}"), ("int", "NaN", None), ("double", "nan", None),
    ("double", "-NaN", None), ("string", '": NaN"', "': NaN'"), ("double", "+Infinity", None),
]  # fmt: skip
"""What Python writes for floats that are no number, to OpenX's serde and to Spark."""


@pytest.mark.parametrize(("type_", "value", "expected"), [*FLOATS, ("string", "NaN", None)])
@pytest.mark.parametrize("format", ["json", "hive-json"])
def test_bare_nan_is_read_by_those_who_read_it(
    tmp_path: Path, format: str, type_: str, value: str, expected: str | None
) -> None:
    body = f'{{"s": "x: NaN, \\"y\\"", "v": {value}}}\n'
    options = {"quoted": "convert"} if format == "hive-json" else {}
    relation = text(tmp_path, body, format, options, v=type_, s="string")
    if (type_, value, format) == ("string", "NaN", "hive-json"):
        expected = "'NaN'"
    if expected is None:
        with pytest.raises(EngineError, match="plainly"):
            rows(ALL, t=relation)
    else:
        (row,) = rows(ALL, t=relation)
        assert (repr(row["v"]), row["s"]) == (expected, 'x: NaN, "y"')


def test_bare_nan_is_read_in_a_file_of_one_list(tmp_path: Path) -> None:
    relation = text(tmp_path, '[{"v": NaN},\n{"v": 1}]', "json", MANY_LINES, v="double")
    assert sorted(repr(r["v"]) for r in rows("SELECT v FROM t", t=relation)) == ["1.0", "nan"]


@pytest.mark.parametrize("format", ["json", "hive-json"])
@pytest.mark.parametrize(
    ("line", "told", "instead"),
    [
        ('{"v":nan}', "write null in its place", '{"v":null}'),
        ('{"v":-inf}', "write null in its place", '{"v":null}'),
        ("{'v':1}", "quotes are double ones", '{"v":1}'),
        ('{"v":None}', "null, true and false", '{"v":null}'),
        ('{"v":1,}', "no comma before a closing bracket", '{"v":1}'),
        ('{"w":"NaN, \\"x\\":NaN","v":01}', "no leading zeros", '{"w":"NaN, x:NaN","v":1}'),
        ('{"v":1/*one*/}', "no comments", '{"v":1}'),
    ],
)
def test_a_line_that_is_one_object_is_told_what_of_it_is_no_json(
    tmp_path: Path, format: str, line: str, told: str, instead: str
) -> None:
    with pytest.raises(EngineError, match="not plainly JSON") as caught:
        rows(ALL, t=text(tmp_path, f"{line}\n", format, v="double"))
    assert told in (caught.value.hint or "")
    assert "a line" not in (caught.value.hint or "")
    assert len(rows(ALL, t=text(tmp_path, f"{instead}\n", format, v="double"))) == 1


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
QUOTED = [
    ("int", '"12"', 12), ("int", '"-0"', 0), ("int", '"007"', None), ("int", '"0x1F"', None),
    ("int", '"1.5"', None), ("int", '"99999999999"', None), ("int", '""', None), ("int", "7", 7),
    ("bigint", '"9223372036854775807"', 2**63 - 1), ("bigint", '"9999999999999999999"', None),
    ("double", '"1.5"', 1.5), ("double", '"-1e3"', -1000.0), ("double", '"x"', None),
    ("double", '" 1"', None), ("double", "2", 2.0), ("double", '"-1e400"', None),
    ("array<double>", "[1e400]", None), ("float", "1e39", float("inf")),
    ("float", '"0.1"', pytest.approx(0.1)),
    ("boolean", '"true"', True), ("boolean", '"false"', False), ("boolean", '"TRUE"', True),
    ("boolean", '"t"', None), ("boolean", '"f"', None), ("boolean", "1", None),
    ("double", '"Infinity"', float("inf")), ("decimal(3,2)", '"01.5"', Decimal("1.50")),
    ("decimal(3,2)", '"x"', None), ("decimal(3,2)", '"1.005"', None), ("boolean", "false", False),
    ("timestamp", "1767225600", MOMENT), ("timestamp", "1767225600000", MOMENT),
    ("timestamp", '"1767225600000"', MOMENT), ("timestamp", '"2026-01-01T00:00:00Z"', MOMENT),
    ("timestamp", "17672256", None), ("timestamp", "176722560000", None),
    ("timestamp", "1767225600.5", None), ("timestamp", "1767225600000000", None),
    ("array<int>", '["1", 2, null]', [1, 2, None]), ("struct<a:double>", '{"a": "1"}', {"a": 1.0}),
]  # fmt: skip
"""What OpenX's serde makes of texts where a number or a boolean should be; None where it raises."""


@pytest.mark.parametrize(("type_", "value", "expected"), QUOTED)
def test_numbers_in_quotes_are_numbers_to_openx(
    tmp_path: Path, type_: str, value: str, expected: object
) -> None:
    body = f'{{"v": {value}}}\n'
    relation = text(tmp_path, body, "hive-json", {"quoted": "convert"}, v=type_)
    if expected is None:
        with pytest.raises(EngineError) as caught:
            rows("SELECT v FROM t", t=relation)
        assert caught.value.code == "not-portable-value"
    else:
        assert rows("SELECT v FROM t", t=relation) == [{"v": expected}]
    if expected is not None and (type_ == "boolean" or type_.startswith("decimal")):
        hive = text(tmp_path, body, "hive-json", v=type_)
        assert rows("SELECT v FROM t", t=hive) == [{"v": expected}]
    elif '"' in value and "{" not in value and ":" not in value:
        with pytest.raises(EngineError):
            rows("SELECT v FROM t", t=text(tmp_path, body, "hive-json", v=type_))


@pytest.mark.parametrize("value", ["1e400", "-1.8e308", "9" * 310])
@pytest.mark.parametrize("quoted", [{}, {"quoted": "convert"}])
def test_a_number_beyond_all_doubles_is_none_to_hive(
    tmp_path: Path, value: str, quoted: dict[str, str]
) -> None:
    """Spark's own JSON takes it for infinity, its variants for nothing."""
    body = f'{{"v": {value}}}\n'
    (row,) = rows("SELECT v FROM t", t=text(tmp_path, body, "json", v="double"))
    assert row["v"] == float("-inf" if value.startswith("-") else "inf")
    with pytest.raises(EngineError, match="not plainly double") as caught:
        rows("SELECT v FROM t", t=text(tmp_path, body, "hive-json", quoted, v="double"))
    assert caught.value.code == "not-portable-value"
    largest = text(tmp_path, '{"v": 1.7976931348623157e308}\n', "hive-json", quoted, v="double")
    assert rows("SELECT v FROM t", t=largest) == [{"v": 1.7976931348623157e308}]


DECIMALS = [
    ("decimal(3,2)", "1.5", Decimal("1.50")), ("decimal(3,2)", "-9.99", Decimal("-9.99")),
    ("decimal(10,2)", '1.25, "p": 0.30000000000000004', Decimal("1.25")),
    ("decimal(38,18)", '1.25, "p": 0.30000000000000004', None),
    ("decimal(3,2)", "1.500", Decimal("1.50")), ("decimal(3,2)", "0", Decimal("0.00")),
    ("decimal(38,18)", "1.1", Decimal("1.1")), ("decimal(10,0)", "7", Decimal(7)),
    ("decimal(20,2)", "12345678901234.5", Decimal("12345678901234.5")),
    ("decimal(2,2)", "0.25", Decimal("0.25")),
    ("decimal(38,18)", "-1.500000000000000000", Decimal("-1.5")),
    ("decimal(38,18)", "0.001000000000000000", Decimal("0.001")),
    ("decimal(18,0)", "123456789012345678", Decimal(123456789012345678)),
    ("decimal(3,2)", "10", None), ("decimal(3,2)", "1.005", None),
    ("decimal(3,2)", '"1.5"', Decimal("1.50")), ("decimal(3,2)", '" 1.5"', None),
    ("decimal(38,18)", "0.123456789012345678", None), ("decimal(3,2)", "true", None),
    ("decimal(38,18)", "0.10000000000000000555", None), ("decimal(3,2)", "null", "null"),
]  # fmt: skip
"""What a JSON value is as a decimal: None where readers round, or where DuckDB can't tell."""


@pytest.mark.parametrize("format", ["json", "hive-json"])
def test_numbers_are_decimals_where_they_are_so_exactly(tmp_path: Path, format: str) -> None:
    for number, (type_, value, expected) in enumerate(DECIMALS):
        item = value.partition(",")[0]
        body = f'{{"id": "123.4567890123456789", "v": {value}, "n": [{item}]}}\n'
        relation = text(_made(tmp_path / str(number)), body, format, v=type_, n=f"array<{type_}>")
        if expected == "null":
            assert rows("SELECT v, n FROM t", t=relation) == [{"v": None, "n": [None]}]
        elif expected is None:
            for query in ("SELECT v FROM t", "SELECT n FROM t"):
                with pytest.raises(EngineError, match="plainly decimal"):
                    rows(query, t=relation)
        else:
            assert rows("SELECT v, n FROM t", t=relation) == [{"v": expected, "n": [expected]}]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


TIMES = [
    ("csv", "timestamp", "2026-01-01T00:00:00.000Z", MOMENT),
    ("csv", "timestamp", "2026-01-01 00:00:00", MOMENT),
    ("csv", "timestamp", "2026-01-01T00:00:00+01:00", None),
    ("csv", "timestamp_ntz", "2026-01-01T00:00:00", MOMENT.replace(tzinfo=None)),
    ("csv", "timestamp_ntz", "2026-01-01T00:00:00Z", None),
    ("hive-text", "timestamp", "2026-01-01T00:00:00", None),
    ("json", "timestamp_ntz", '{"v":"2026-01-01T00:00:00.0"}', MOMENT.replace(tzinfo=None)),
    ("json", "timestamp_ntz", '{"v":"2026-01-01T00:00:00Z"}', None),
]


def test_times_as_spark_writes_them_are_read(tmp_path: Path) -> None:
    for number, (kind, type_, body, expected) in enumerate(TIMES):
        relation = text(_made(tmp_path / str(number)), f"{body}\n", kind, v=type_)
        if expected is None:
            with pytest.raises(EngineError, match=f"value of type {type_}|plainly {type_}"):
                rows("SELECT v FROM t", t=relation)
        else:
            assert rows("SELECT v FROM t", t=relation) == [{"v": expected}]


def test_objects_that_are_joined_are_told_with_what_parts_them(tmp_path: Path) -> None:
    body = '{"v": 1}{"v": 2}\n'
    for kind in ("json", "hive-json"):
        with pytest.raises(EngineError) as caught:
            rows(ALL, t=text(tmp_path, body, kind, v="double"))
        assert "AppendDelimiterToRecord" in (caught.value.hint or "")


@pytest.mark.parametrize("body", ['{"v":1} {"v":2}', "{", "hello"])
def test_lines_that_are_no_object_are_told_so(tmp_path: Path, body: str) -> None:
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, f"{body}\n", "json", v="double"))
    assert "one JSON object a line" in (caught.value.hint or "")


def test_a_format_that_is_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="made of rcfile files"):
        rows(ALL, t=text(tmp_path, "x", "rcfile", a="int"))


MISFITS = [
    # format, declared, body, the value that is told, declared as the hint says, expression, answer
    ("hive-json", "int", '{"v":"7"}', '"7"', "string", "TRY_CAST(v AS int)", 7),
    ("hive-json", "double", '{"v":""}', '""', "string", "TRY_CAST(v AS double)", None),
    ("hive-json", "int", '{"v":99999999999}', "99999999999", "string", "TRY_CAST(v AS int)", None),
    ("hive-json", "int", '{"v":true}', "true", "string", "TRY_CAST(v AS int)", None),
    ("hive-json", "int", '{"v":1.5}', "1.5", "double", "v", 1.5),
    ("json", "string", '{"v":1.5}', "1.5", "double", "v", 1.5),
    ("json", "timestamp", '{"v":1767225600000}', "1767225600000", "bigint", "timestamp_millis(v)",
     MOMENT),
    ("hive-json", "timestamp", '{"v":1767225600}', "1767225600", "bigint", "timestamp_seconds(v)",
     MOMENT),
    ("json", "string", '{"v":{"a":1}}', '{"a":1}', "struct<a:int>", "v.a", 1),
    ("json", "string", '{"v":[1]}', "[1]", "array<int>", "v[0]", 1),
    ("hive-text", "int", "+4", "+4", "string", "TRY_CAST(v AS int)", 4),
    ("csv", "double", "1d", "1d", "string", "TRY_CAST(v AS double)", 1.0),
    ("csv", "boolean", "yes", "yes", "string", "TRY_CAST(v AS boolean)", True),
    ("csv", "decimal(5,2)", "+1", "+1", "string", "TRY_CAST(v AS decimal(5,2))", Decimal("1.00")),
    (
        "hive-text", "timestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "string",
        "TRY_CAST(v AS timestamp)", datetime(2026, 1, 1, tzinfo=UTC),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "type_", "body", "value", "instead", "expression", "answer"), MISFITS
)
def test_a_misfit_is_named_and_its_hint_works(
    tmp_path: Path,
    format: str,
    type_: str,
    body: str,
    value: str,
    instead: str,
    expression: str,
    answer: Any,
) -> None:
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, f"{body}\n", format, v=type_))
    assert caught.value.code == "not-portable-value"
    told = caught.value.message
    assert f"table db.t, column 'v', {tmp_path}/part-0.txt: " in told
    assert told.endswith(f": {value!r}")
    hint = caught.value.hint or ""
    assert f"declare the column v as {instead.split('<')[0]}" in hint.replace(" a ", " ").replace(
        " an ", " "
    )
    if "CAST" in expression:
        assert expression in hint
    relation = text(tmp_path, f"{body}\n", format, v=instead)
    assert rows(f"SELECT {expression} AS v FROM t", t=relation) == [{"v": answer}]


def test_the_file_of_a_misfit_is_the_one_that_has_it(tmp_path: Path) -> None:
    files = []
    for number, ending in enumerate(("txt", "txt.gz", "txt", "txt.gz")):
        path = tmp_path / f"part-{number}.{ending}"
        body = b'{"v":1}\n' if number != 3 else b'{"v":1}\n{"v":"x"}\n'
        path.write_bytes(gzip.compress(body) if ending.endswith("gz") else body)
        files.append(file(path))
    declared = columns(v="int")
    relation = FileRelation(TableName("db", "t"), declared, format="json", files=tuple(files))
    with pytest.raises(EngineError, match=r"column 'v', .*/part-3\.txt\.gz: .*: '\"x\"'"):
        rows(ALL, t=relation)


def test_a_long_value_is_told_by_its_beginning(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        rows(ALL, t=text(tmp_path, f'{{"v":"{"x" * 5000}"}}\n', "json", v="int"))
    assert len(caught.value.message) < 500


def test_a_misfit_within_a_value_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"column 'v', .*plainly int: '\"x\"'") as caught:
        rows(ALL, t=text(tmp_path, '{"v":[1,"x"]}\n', "json", v="array<int>"))
    assert "leave the column v out" in (caught.value.hint or "")


ODD_LINES = [
    ("json", '{"a":1}{"a":2}\n'),
    ("json", '{\n"a":1\n}\n'),
    ("json", '[{"a":1},{"a":2}]\n'),
    ("hive-json", '{"a":1}{"a":2}\n'),
    ("hive-json", '{\n"a":1\n}\n'),
    ("csv", '"a\nb"\n'),
    ("hive-csv", '"a\nb"\n'),
]


@pytest.mark.parametrize("query", [ALL, "SELECT count(*) AS n FROM t"])
@pytest.mark.parametrize(("format", "body"), ODD_LINES)
def test_lines_that_are_no_rows_are_not_counted(
    tmp_path: Path, format: str, body: str, query: str
) -> None:
    with pytest.raises(EngineError, match=r"table db\.t, .*/part-0\.txt: a line"):
        rows(query, t=text(tmp_path, body, format, a="string"))


def test_a_blank_line_of_json_is_what_each_reader_makes_of_it(tmp_path: Path) -> None:
    types, body = {"a": "int", "m": "array<string>"}, '{"a":1}\n\n \t\n{"a":2}\n'
    relation = text(tmp_path, body, "json", None, **types)
    assert [r["a"] for r in rows(ALL, t=relation)] == [1, 2]
    for malformed in ("fail", "null"):
        openx = {"quoted": "convert", "malformed": malformed}
        relation = text(tmp_path, body, "hive-json", openx, **types)
        assert [r["a"] for r in rows(ALL, t=relation)] == [1, None, None, 2]
        assert rows("SELECT count(*) AS n FROM t", t=relation) == [{"n": 4}]
        relation = text(tmp_path, body, "hive-json", {"malformed": malformed}, **types)
        for sql in (ALL, "SELECT count(*) AS n FROM t"):
            with pytest.raises(EngineError, match="not plainly JSON"):
                rows(sql, t=relation)


@pytest.mark.parametrize("options", [{}, {"malformed": "null"}])
@pytest.mark.parametrize("line", ["\0\0", "\x0b", " \x01 "])
def test_a_line_of_characters_that_are_not_seen_is_no_json(
    tmp_path: Path, line: str, options: dict[str, str]
) -> None:
    """What a crash leaves of a file, say: it is no blank line to Spark, but a row of NULLs."""
    name = "hive-json" if options else "json"
    relation = text(tmp_path, f'{{"a":1}}\n{line}\n', name, options, a="int")
    with pytest.raises(EngineError, match="not plainly JSON") as caught:
        rows("SELECT count(*) AS n FROM t", t=relation)
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize("format", ["csv", "json", "hive-text"])
def test_a_line_without_end_is_told_with_its_file(tmp_path: Path, format: str) -> None:
    line = "x" * (limits.LINE_BYTES + 100)
    body = json.dumps({"s": line}) if format == "json" else line
    relation = text(tmp_path, f"{body}\n", format, s="string")
    with pytest.raises(EngineError, match=r"of table .* has a line of more than 16 MiB") as caught:
        rows("SELECT length(s) AS n FROM t", t=relation)
    assert caught.value.code == "line-too-long"
    assert len(str(caught.value)) < 500
