"""Footers as a bundle keeps them: a file can be opened by them, and they hold no text of a row."""

import base64
import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.bundle.parquet_footers import FooterError, kept_footer

TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
TABLE = pa.table(
    {
        "who": ["CANARYONE", "CANARYTWO"],
        "amount": [11, 22],
        "at": pa.array(TIMES, pa.timestamp("us", "UTC")),
        "inner": [{"a": 1, "b": "CANARYTHREE"}, {"a": 2, "b": "z"}],
        "many": [[1], [2]],
    }
)


def footer(table: pa.Table, **options: object) -> tuple[bytes, int]:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=1, **options)  # type: ignore[arg-type]
    content = sink.getvalue()
    return content[-(int.from_bytes(content[-8:-4], "little") + 8) :], len(content)


def statistics_of(meta: pq.FileMetaData, group: int, column: int) -> Any:
    return meta.row_group(group).column(column).statistics


def opened(content: bytes, size: int) -> pq.FileMetaData:
    return pq.read_metadata(io.BytesIO(b"PAR1" + bytes(size - len(content) - 4) + content))


@pytest.mark.parametrize("statistics", [True, False])
def test_it_opens_the_file_and_tells_no_text(statistics: bool) -> None:
    told = TABLE.replace_schema_metadata({"owner": "CANARYFOUR"})
    written, size = footer(told, write_statistics=statistics)
    mine = kept_footer(written)
    assert b"CANARY" not in mine.content
    meta = opened(mine.content, size)
    assert (meta.num_rows, meta.num_row_groups, mine.rows) == (2, 2, 2)
    assert meta.schema.to_arrow_schema() == TABLE.schema
    assert mine.columns == ("who", "amount", "at", "inner.a", "inner.b", "many.list.element")
    assert meta.row_group(1).column(0).total_compressed_size > 0
    if statistics:
        assert not statistics_of(meta, 1, 1).has_min_max
        assert statistics_of(meta, 1, 2).min == TIMES[1]
        assert not statistics_of(meta, 1, 0).has_min_max


def test_numbers_that_can_be_moments_stay_and_those_of_people_go() -> None:
    columns: dict[str, list[Any]] = {
        "seconds": [1767225600], "nanos": [1767225600 * 10**9], "ssn": [78051120],
        "phone": [5551234567],
        "card": [4111111111111111], "pay": [5234.5],
    }  # fmt: skip
    written, size = footer(pa.table(columns))
    meta = opened(kept_footer(written).content, size)
    told = [n for i, n in enumerate(columns) if statistics_of(meta, 0, i).has_min_max]
    assert told == ["seconds", "nanos"]


def test_what_else_a_writer_puts_into_a_footer_goes() -> None:
    inner = pa.struct([pa.field("a", pa.int64(), metadata={"example": "CANARYA"})])
    table = pa.table({"x": pa.array([{"a": 1}], inner)})
    put = {"org.apache.spark.secret": "CANARYB", "writer.model.name": "CANARYC" * 20}
    written, size = footer(table.replace_schema_metadata(put))
    mine = kept_footer(written)
    assert b"CANARY" not in mine.content
    told = [base64.b64decode(v) for v in (opened(mine.content, size).metadata or {}).values()]
    assert told
    assert not [v for v in told if b"CANARY" in v]
    unknown = written[:-9] + b"\x98\x07CANARYD\x00"  # field 16 of the file: a text
    length = len(unknown).to_bytes(4, "little")
    assert b"CANARYD" not in kept_footer(unknown + length + b"PAR1").content
    assert kept_footer(written, str.upper).names == ("x", "a")


def test_names_are_given_and_only_times_keep_their_bounds() -> None:
    written, size = footer(TABLE)
    mine = kept_footer(written, lambda name: f"x_{len(name)}")
    meta = opened(mine.content, size)
    for name in (b"who", b"amount", b"inner", b"CANARY"):
        assert name not in mine.content
    assert not statistics_of(meta, 0, 1).has_min_max
    assert statistics_of(meta, 0, 2).max == TIMES[0]


def test_what_is_no_footer_is_refused() -> None:
    written, _ = footer(TABLE)
    for damaged in (b"", b"PAR1", written[5:], written[:-8] + b"\x00\x00\x00\x00PAR1"):
        with pytest.raises(FooterError):
            kept_footer(damaged)
    inner = b"\x1c" * 100  # structs in structs, without end
    with pytest.raises(FooterError, match="too deep"):
        kept_footer(inner + len(inner).to_bytes(4, "little") + b"PAR1")
    for place in range(0, len(written) - 8, 41):
        cut = written[:place] + bytes([written[place] ^ 0x5A]) + written[place + 1 :]
        try:
            kept_footer(cut)
        except FooterError:
            continue
