"""Compressed text: whole rows or an error, wherever a file is cut."""

from __future__ import annotations

import bz2
import gzip
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import zstandard
from core.tests.engines.embedded.support import columns, file, plan, rows
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater as hw
from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.embedded.file_opening import Contents
from headwater.engines.embedded.formats import compressed_text
from headwater.errors import EngineError, HeadwaterError, UnsupportedError
from headwater.tables.relation import FileRelation
from headwater.tables.table import TableName
from headwater.untrusted import limits

ALL = "SELECT * FROM t"
DATABASE = duckdb.connect()


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(body)


CODECS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd,
    ".bz2": bz2.compress,
}


def relation(
    folder: Path, data: bytes, suffix: str, format: str = "hive-text", **options: str
) -> FileRelation:
    path = folder / f"part-0.txt{suffix}"
    path.write_bytes(data)
    name = TableName("db", "t")
    declared = columns(s="string")
    return FileRelation(name, declared, format=format, options=options, files=(file(path),))


def lines(folder: Path, data: bytes, suffix: str, **options: str) -> list[str]:
    return [r["s"] for r in rows(ALL, t=relation(folder, data, suffix, **options))]


def streamed(folder: Path, data: bytes, suffix: str) -> list[str]:
    """Return the lines that the reader of ours gives, without a query around it."""
    whole = relation(folder, data, suffix)
    (one,) = whole.files
    raised: list[HeadwaterError] = []
    contents = Contents(DATABASE, Access().session, raised, [])
    read = compressed_text.Compressed(0, one, one.path, compressed_text.CODECS[suffix])
    stream: Any = compressed_text.stream(contents, whole, [read], skip=False)
    try:
        table = pa.RecordBatchReader.from_stream(stream).read_all()
    except pa.ArrowInvalid:
        raise raised[0] from None
    return [str(line) for line in table["line"].to_pylist()]


def body_of(count: int) -> bytes:
    return "".join(f"row {i * 7919 % 1009} of é{i}\n" for i in range(count)).encode()


@pytest.mark.parametrize("suffix", CODECS)
def test_a_file_that_is_cut_fails(tmp_path: Path, suffix: str) -> None:
    data = CODECS[suffix](body_of(40))
    assert len(lines(tmp_path, data, suffix)) == 40
    for end in (1, len(data) // 2, len(data) - 1):
        with pytest.raises(EngineError, match=r"part-0\.txt.* of table db\.t is cut") as caught:
            rows("SELECT count(*) AS n FROM t", t=relation(tmp_path, data[:end], suffix))
        assert caught.value.code == "damaged-file"


@pytest.mark.parametrize("suffix", CODECS)
def test_a_cut_is_noticed_at_every_byte(tmp_path: Path, suffix: str) -> None:
    data = CODECS[suffix](body_of(40))
    for end in range(1, len(data)):
        with pytest.raises(EngineError, match="is cut or damaged"):
            streamed(tmp_path, data[:end], suffix)


@pytest.mark.parametrize("suffix", CODECS)
def test_a_cut_is_noticed_between_parts_and_blocks(tmp_path: Path, suffix: str) -> None:
    # More than a chunk of ours, and several blocks of each codec's.
    one = body_of(60_000)
    parts = [CODECS[suffix](part) for part in (one, one[: len(one) // 2], one)]
    data, second = b"".join(parts), len(parts[0])
    assert len(streamed(tmp_path, data, suffix)) > 120_000
    ends = {*range(1, len(data), len(data) // 12), second + 1, second + 90, len(data) - 4}
    for end in ends:
        with pytest.raises(EngineError, match="is cut or damaged"):
            streamed(tmp_path, data[:end], suffix)


@pytest.mark.parametrize("suffix", CODECS)
def test_another_bit_is_noticed(tmp_path: Path, suffix: str) -> None:
    plain = body_of(40)
    data = CODECS[suffix](plain)
    expected, codes = plain.decode().splitlines(), []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        try:
            found = streamed(tmp_path, bytes(changed), suffix)
        except EngineError as error:
            codes.append(error.code)
        else:
            # A header's time or name does not matter.
            assert found == expected
    assert set(codes) <= {"damaged-file", "not-text"}
    assert len(codes) > len(data) - 12


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("after", [b"garbage", b"\n", b"a line\n" * 50])
def test_what_follows_compressed_data_fails(tmp_path: Path, suffix: str, after: bytes) -> None:
    with pytest.raises(EngineError, match="is cut or damaged"):
        lines(tmp_path, CODECS[suffix](b"a\nb\n") + after, suffix)


@pytest.mark.parametrize("suffix", CODECS)
def test_several_parts_are_one_file(tmp_path: Path, suffix: str) -> None:
    pack = CODECS[suffix]
    data = pack(b"a\nb") + pack(b"") + pack(b"c\n\n") + pack(b"d")
    assert streamed(tmp_path, data, suffix) == ["a", "bc", "", "d"]
    assert lines(tmp_path, pack(b""), suffix) == []


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("format", ["hive-text", "hive-csv", "hive-json", "csv", "json"])
def test_each_text_format_notices(tmp_path: Path, suffix: str, format: str) -> None:
    data = CODECS[suffix](b'{"s":1}\n' * 100 if "json" in format else b"a\n" * 100)
    assert len(rows(ALL, t=relation(tmp_path, data, suffix, format))) == 100
    with pytest.raises(EngineError, match="is cut or damaged"):
        rows(ALL, t=relation(tmp_path, data[:-3], suffix, format))


@pytest.mark.parametrize("suffix", CODECS)
def test_a_plain_file_with_a_name_of_another_fails(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(EngineError, match="is cut or damaged"):
        lines(tmp_path, b"a\nb\n", suffix)


def test_a_compressed_file_without_its_suffix_is_no_text(tmp_path: Path) -> None:
    for pack in CODECS.values():
        with pytest.raises(EngineError, match=r"part-0\.txt of table db\.t is not text") as caught:
            lines(tmp_path, pack(body_of(40)), "")
        assert caught.value.code == "not-text"
        assert "rename" in str(caught.value.hint)


@pytest.mark.parametrize("suffix", [".xz", ".zip", ".lzo", ".XZ"])
def test_what_no_engine_opens_is_refused_without_sending_anywhere(
    tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(UnsupportedError, match="no engine here opens") as caught:
        lines(tmp_path, b"x", suffix)
    assert "spark" not in str(caught.value.hint).lower()


def test_a_text_of_another_encoding_fails(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not text in UTF-8"):
        lines(tmp_path, gzip.compress("é\n".encode("latin1")), ".gz")


def test_the_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    for body, expected in ((b"\xef\xbb\xbfa\n", ["a"]), (b"\xef\xbb\xbf", []), (b"a", ["a"])):
        assert lines(tmp_path, gzip.compress(body), ".gz") == expected


def test_a_header_is_left_out_once_and_not_if_it_is_blank(tmp_path: Path) -> None:
    data = gzip.compress(b"s\n") + gzip.compress(b"a\ns\n")
    assert lines(tmp_path, data, ".gz", header="true") == ["a", "s"]
    blank = relation(tmp_path, gzip.compress(b"\ns\na\n"), ".gz", "csv", header="true")
    with pytest.raises(UnsupportedError, match=r"first line of .*\.gz is blank"):
        rows(ALL, t=blank)


PIECES = st.lists(st.sampled_from(["a", "bc", "", "\n", "\r\n", "\r", "é"]), max_size=12)


@settings(max_examples=40, deadline=None)
@given(PIECES, st.integers(1, 5))
def test_lines_are_cut_as_hadoop_cuts_them(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], chunk: int
) -> None:
    body = "".join(pieces)
    expected = re.split("\r\n|\r|\n", body)
    expected = expected if expected[-1] else expected[:-1]
    folder = tmp_path_factory.mktemp("t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compressed_text, "_CHUNK", chunk)
        assert streamed(folder, gzip.compress(body.encode()), ".gz") == expected


def test_a_line_may_not_be_endless(tmp_path: Path) -> None:
    data = gzip.compress(b"a" * (limits.LINE_BYTES + 2**21), 1)
    with pytest.raises(EngineError, match="a line of more than 16 MiB"):
        lines(tmp_path, data, ".gz")


def test_a_read_that_is_left_stops_its_threads(tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(gzip.compress(body_of(300_000), 1))
        paths.append(file(path))
    many = FileRelation(
        TableName("db", "t"), columns(s="string"), format="hive-text", files=tuple(paths)
    )
    with EmbeddedEngine(threads=2).read(plan(ALL, t=many), Access()) as stream:
        assert next(iter(stream)).num_rows
    for thread in threading.enumerate():
        if thread.name.startswith("headwater-lines"):
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("suffix", CODECS)
def test_local_files_without_columns_take_the_names_of_their_header(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"log.csv{suffix}"
    source = hw.FileDataSource(tables={"log": str(path)}, format="csv")
    path.write_bytes(CODECS[suffix]("\ufeffid,\u00e4\n1,x\n".encode()))
    with hw.Workspace(engine="embedded") as workspace:
        found = workspace.sql("SELECT * FROM log", source).to_arrow()
        assert found.to_pylist() == [{"id": "1", "\u00e4": "x"}]
        path.write_bytes(path.read_bytes()[:9])
        with pytest.raises(HeadwaterError, match="can't be read as csv"):
            workspace.sql("SELECT * FROM log", source).to_arrow()


def test_a_header_is_in_the_encoding_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"id,\xe4\n1,\x80\n")
    options = {"encoding": "cp1252"}
    source = hw.FileDataSource(tables={"log": str(path)}, format="csv", options=options)
    with hw.Workspace(engine="embedded") as workspace:
        found = workspace.sql("SELECT * FROM log", source).to_arrow()
    assert found.to_pylist() == [{"id": "1", "\u00e4": "\u20ac"}]


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path: Path) -> None:
    plain = b"".join(b"line %d\n" % n for n in range(300_000))
    data = plain + b"caf\xe9\n"
    with pytest.raises(EngineError, match=r"is not text in UTF-8 \(line 300001\)"):
        lines(tmp_path, data, "")
    for suffix, pack in CODECS.items():
        with pytest.raises(EngineError) as caught:
            lines(tmp_path, pack(data), suffix)
        assert f"(byte {len(plain) + 3} of the text within)" in caught.value.message
