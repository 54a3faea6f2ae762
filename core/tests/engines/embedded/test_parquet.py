from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import columns, file, parquet, partitioned, read, rows

from headwater.engines.embedded.formats import parquet_rows
from headwater.errors import DataChangedError, DataError, EngineError, UnsupportedError
from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import TableName
from headwater.untrusted import limits

NAN = float("nan")


def test_rows_come_with_the_tables_columns_and_types(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([1, None], pa.int32()), "s": ["x", "é"], "d": [1.5, -0.0]})
    answer = read("SELECT * FROM t", t=parquet(tmp_path, table))
    assert answer.schema.types == [pa.int32(), pa.string(), pa.float64()]
    assert answer.to_pylist() == table.to_pylist()


def test_a_column_that_a_file_lacks_is_null(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1]}), a="bigint", b="string", c="array<double>")
    assert rows("SELECT * FROM t", t=relation) == [{"a": 1, "b": None, "c": None}]


def test_names_are_matched_without_case(tmp_path: Path) -> None:
    table = pa.table({"UserId": [7], "M": pa.array([{"Inner": 1}])})
    relation = parquet(tmp_path, table, userid="bigint", m="struct<inner:bigint>")
    assert rows("SELECT USERID AS u, m.INNER AS i FROM t", t=relation) == [{"u": 7, "i": 1}]


def test_two_columns_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1], "A": [2]}), a="bigint")
    with pytest.raises(EngineError, match="several columns of that name"):
        rows("SELECT * FROM t", t=relation)


@pytest.mark.parametrize("names", [("a", "A", "A_1"), ("a", "A", "a", "A_1_1")])
def test_a_name_that_duckdb_gives_to_another_column_is_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """It counts names that differ by case alone, and would give the second as `a_1`."""
    values = [pa.array([10**i]) for i in range(len(names))]
    last = names[-1].lower()
    relation = parquet(tmp_path, pa.table(values, [*names]), **{last: "bigint"})
    with pytest.raises(EngineError, match=f"may call another one '{names[-1]}'"):
        rows("SELECT * FROM t", t=relation)
    fields = pa.table({"s": pa.StructArray.from_arrays(values, [*names])})
    nested = parquet(tmp_path / "nested", fields, s=f"struct<{last}:bigint>")
    with pytest.raises(EngineError, match=f"may call another one '{names[-1]}'"):
        rows("SELECT s FROM t", t=nested)


def test_a_counted_name_is_read_where_no_other_is_like_it(tmp_path: Path) -> None:
    table = pa.table({"a": [1], "A": [2], "b_1": [3], "b": [4]})
    relation = parquet(tmp_path, table, b_1="bigint", b="bigint")
    assert rows("SELECT * FROM t", t=relation) == [{"b_1": 3, "b": 4}]


def test_a_column_is_not_taken_for_one_that_duckdb_counts(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1], "A": [2]}), a_1="bigint")
    assert rows("SELECT * FROM t", t=relation) == [{"a_1": None}]


def test_files_of_several_types_are_widened_one_by_one(tmp_path: Path) -> None:
    relation = parquet(
        tmp_path,
        pa.table({"x": pa.array([1], pa.int32())}),
        pa.table({"x": pa.array([2**40], pa.int64())}),
        pa.table({"x": pa.array([3], pa.int8()), "more": ["?"]}),
        x="bigint",
    )
    assert sorted(r["x"] for r in rows("SELECT x FROM t", t=relation)) == [1, 3, 2**40]


@pytest.mark.parametrize(
    ("held", "declared"),
    [
        (pa.array([1], pa.int64()), "int"),
        (pa.array([1], pa.int32()), "string"),
        (pa.array(["1"]), "int"),
        (pa.array([Decimal("1.25")], pa.decimal128(9, 2)), "double"),
        (pa.array([Decimal("1.25")], pa.decimal128(9, 2)), "decimal(9,1)"),
        (pa.array([0], pa.timestamp("ns")), "date"),
        (pa.array([dt.date(2024, 1, 1)]), "timestamp"),
        (pa.array([1], pa.int64()), "timestamp"),
        (pa.array([1.5]), "float"),
    ],
)
def test_types_that_spark_can_not_read_either_are_an_error(
    tmp_path: Path, held: pa.Array, declared: str
) -> None:
    relation = parquet(tmp_path, pa.table({"x": held}), x=declared)
    with pytest.raises(EngineError, match=r"table db.t, column 'x': the file holds") as caught:
        rows("SELECT * FROM t", t=relation)
    assert caught.value.code == "parquet-type-conflict"
    assert "part-0.parquet" in caught.value.message


def test_narrow_integers_are_read_where_their_values_fit(tmp_path: Path) -> None:
    fits = parquet(tmp_path / "a", pa.table({"x": pa.array([127], pa.int32())}), x="tinyint")
    assert rows("SELECT x FROM t", t=fits) == [{"x": 127}]
    wraps = parquet(tmp_path / "b", pa.table({"x": pa.array([200], pa.int32())}), x="tinyint")
    with pytest.raises(EngineError, match="out of range"):
        rows("SELECT x FROM t", t=wraps)


def test_partition_values_become_columns_of_their_types(tmp_path: Path) -> None:
    relation = partitioned(
        parquet(tmp_path, *[pa.table({"a": [i]}) for i in range(3)]),
        {"dt": "date", "hour": "int", "note": "string"},
        [("2024-01-31", "7", "x y"), (None, None, None), ("2024-02-01", "23", "it's")],
    )
    assert rows("SELECT * FROM t ORDER BY a", t=relation) == [
        {"a": 0, "dt": dt.date(2024, 1, 31), "hour": 7, "note": "x y"},
        {"a": 1, "dt": None, "hour": None, "note": None},
        {"a": 2, "dt": dt.date(2024, 2, 1), "hour": 23, "note": "it's"},
    ]
    assert rows("SELECT a FROM t WHERE dt = '2024-02-01' AND hour > 20", t=relation) == [{"a": 2}]


def test_a_files_own_column_does_not_stand_for_its_place_among_the_files(tmp_path: Path) -> None:
    tables = [pa.table({"a": [i], "File_Index": [i + 7]}) for i in range(3)]
    relation = parquet(tmp_path, *tables, a="bigint", file_index="bigint")
    relation = partitioned(relation, {"k": "string"}, [("x",), ("y",), ("z",)])
    answer = rows("SELECT a, file_index, k FROM t", t=relation)
    assert sorted((r["a"], r["file_index"], r["k"]) for r in answer) == [
        (0, 7, "x"),
        (1, 8, "y"),
        (2, 9, "z"),
    ]


@pytest.mark.parametrize(
    ("type_", "value"), [("int", "abc"), ("date", "2024-13-01"), ("int", "1.5")]
)
def test_a_partition_value_of_another_type_is_an_error(
    tmp_path: Path, type_: str, value: str
) -> None:
    relation = partitioned(parquet(tmp_path, pa.table({"a": [1]})), {"k": type_}, [(value,)])
    with pytest.raises(EngineError, match=f"k='{value}', which is not a value of type {type_}"):
        rows("SELECT * FROM t", t=relation)


def test_a_partition_may_have_columns_of_its_own(tmp_path: Path) -> None:
    old = parquet(tmp_path / "old", pa.table({"a": pa.array([1], pa.int32()), "gone": ["?"]}))
    new = parquet(tmp_path / "new", pa.table({"a": pa.array([2], pa.int64()), "b": ["x"]}))
    relation = FileRelation(
        TableName("db", "t"),
        columns(a="bigint", b="string", p="string"),
        ("p",),
        partitions=(
            FilePartition(("old",), "", columns(a="int", gone="string")),
            FilePartition(("new",), ""),
        ),
        files=(old.files[0], DataFile(new.files[0].path, new.files[0].size, 1)),
    )
    assert rows("SELECT * FROM t ORDER BY a", t=relation) == [
        {"a": 1, "b": None, "p": "old"},
        {"a": 2, "b": "x", "p": "new"},
    ]


def test_a_table_without_files_has_no_rows() -> None:
    relation = FileRelation(TableName("db", "t"), columns(a="bigint", m="map<string,double>"))
    answer = read("SELECT * FROM t", t=relation)
    assert answer.num_rows == 0
    assert answer.schema.types == [pa.int64(), pa.map_(pa.string(), pa.float64())]


def test_a_file_that_grew_since_the_plan_is_refused(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1]}))
    pq.write_table(pa.table({"a": list(range(100))}), relation.files[0].path)
    with pytest.raises(DataChangedError, match=r"db\.t: .*part-0\.parquet had \d+ bytes"):
        rows("SELECT * FROM t", t=relation)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1]}))
    Path(relation.files[0].path).unlink()
    with pytest.raises(DataChangedError, match=r"part-0\.parquet was there .* and is gone"):
        rows("SELECT * FROM t", t=relation)


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"not parquet at all")
    relation = FileRelation(TableName("db", "t"), columns(a="int"), files=(file(path),))
    with pytest.raises(EngineError, match=r"x\.parquet of table db\.t"):
        rows("SELECT * FROM t", t=relation)


def test_only_the_files_of_the_plan_are_read(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"a": [1]}), pa.table({"a": [2]}))
    chosen = FileRelation(relation.name, relation.columns, files=relation.files[:1])
    assert rows("SELECT a FROM t", t=chosen) == [{"a": 1}]


@pytest.mark.parametrize("name", ["a*.parquet", "a?.parquet"])
def test_a_file_name_that_is_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    pq.write_table(pa.table({"a": [1]}), path)
    relation = FileRelation(TableName("db", "t"), columns(a="bigint"), files=(file(path),))
    with pytest.raises(UnsupportedError, match="as a pattern"):
        rows("SELECT * FROM t", t=relation)


@pytest.mark.parametrize("name", ["a b", "a%20b", "a=b", "a[1]", "é", "it's", "a#b", "a{b}", "$x"])
def test_odd_file_names_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    relation = FileRelation(TableName("db", "t"), columns(a="bigint"), files=(file(path),))
    assert rows("SELECT * FROM t", t=relation) == [{"a": 1}]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s > 0.9", [3]),
        ("s >= 0.5", [2, 3]),
        ("s <= 0.9", [1, 2]),
        ("NOT (s <= 0.9)", [3]),
        ("s <> 0.5", [1, 3]),
        ("s = CAST('NaN' AS DOUBLE)", [3]),
        ("isnan(s)", [3]),
        ("s BETWEEN 0.2 AND CAST('NaN' AS DOUBLE)", [2, 3]),
        ("f > 0.9", [3]),
        ("st.x > 0.9", [3]),
        ("s IN (0.5, CAST('NaN' AS DOUBLE))", [2, 3]),
    ],
)
def test_statistics_of_a_file_do_not_hide_nan(
    tmp_path: Path, condition: str, expected: list[int]
) -> None:
    # pyarrow leaves NaN out of a column's minimum and maximum.
    values = [0.1, 0.5, NAN, None]
    table = pa.table(
        {
            "k": [1, 2, 3, 4],
            "s": values,
            "f": pa.array(values, pa.float32()),
            "st": pa.array([None if v is None else {"x": v} for v in values]),
        }
    )
    relation = parquet(tmp_path, table)
    answer = rows(f"SELECT k FROM t WHERE {condition} ORDER BY k", t=relation)
    assert [r["k"] for r in answer] == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT k FROM t WHERE s > 0.9", [3]),
        ("SELECT k, s FROM t WHERE s > 0.9", [3]),
        ("SELECT k FROM (SELECT k, s AS x FROM t) WHERE x > 0.9", [3]),
        ("SELECT k FROM (SELECT k, y AS z FROM (SELECT k, s AS y FROM t)) WHERE z > 0.9", [3]),
        ("SELECT k FROM (SELECT * FROM t) AS q WHERE q.S > 0.9", [3]),
        ("WITH c AS (SELECT * FROM t) SELECT k FROM c WHERE s > 0.9", [3]),
        ("SELECT k FROM (SELECT k, st.x AS y FROM t) WHERE y > 0.9", [3]),
        ("SELECT a.k FROM t AS a JOIN u AS b ON a.s > b.s AND b.k = 2", [3]),
        ("SELECT a.k FROM t AS a JOIN u AS b USING (s) WHERE b.k = 3", [3]),
        ("SELECT b.k FROM t AS a JOIN u AS b ON a.k = b.k WHERE a.s > 0.9", [3]),
        ("SELECT k FROM u WHERE s IN (SELECT s FROM t WHERE k > 2)", [3]),
        ("SELECT k FROM u WHERE s = (SELECT max(s) FROM t)", [3]),
        ("SELECT k FROM u WHERE EXISTS (SELECT 1 AS n FROM t WHERE t.s > 0.9 AND t.k = u.k)", [3]),
        ("SELECT k FROM t WHERE s IS NOT NULL AND NOT s < 0.9", [3]),
        ("SELECT v FROM (SELECT k, s FROM t) AS q(v, w) WHERE w > 0.9", [3]),
    ],
)
def test_nan_is_found_by_whatever_names_a_column_gets(
    tmp_path: Path, query: str, expected: list[int]
) -> None:
    values = [0.1, 0.5, NAN, None]
    nested = pa.array([None if v is None else {"x": v} for v in values])
    table = pa.table({"k": [1, 2, 3, 4], "s": values, "st": nested})
    (tmp_path / "u").mkdir()
    tables = {"t": parquet(tmp_path, table), "u": parquet(tmp_path / "u", table)}
    assert [next(iter(r.values())) for r in rows(query, **tables)] == expected


def test_a_column_that_is_only_given_out_is_read_as_it_is(tmp_path: Path) -> None:
    # -0.0 and the bits of a NaN, too.
    bits = [0x7FF8000000000001, 0xFFF8000000000000, 1 << 63, 1]
    numbers = [struct.unpack("d", struct.pack("Q", b))[0] for b in bits]
    relation = parquet(tmp_path, pa.table({"k": [1, 2, 3, 4], "s": numbers, "f": numbers}))
    answer = read("SELECT s FROM t WHERE f > -1 OR k > 0", t=relation)
    assert [struct.unpack("Q", struct.pack("d", n))[0] for n in answer["s"].to_pylist()] == bits


def test_nan_is_the_greatest_number(tmp_path: Path) -> None:
    relation = parquet(tmp_path, pa.table({"s": [0.1, 0.5, NAN, None]}))
    (answer,) = rows("SELECT max(s) AS a, min(s) AS b FROM t", t=relation)
    assert str(answer["a"]) == "nan"
    assert answer["b"] == 0.1
    (first,) = rows("SELECT s FROM t ORDER BY s DESC LIMIT 1", t=relation)
    assert str(first["s"]) == "nan"


NANOSECONDS: dict[str, pa.DataType] = {
    "u": pa.timestamp("ns", "UTC"),
    "l": pa.timestamp("ns"),
    "n": pa.list_(pa.struct([("at", pa.timestamp("ns", "UTC"))])),
    "m": pa.map_(pa.string(), pa.timestamp("ns")),
}


def in_nanoseconds(folder: Path, second: int) -> FileRelation:
    """Return a table of two rows that pandas might have written, its times given by a number."""

    def column(name: str) -> pa.Array:
        values: dict[str, Any] = {
            "n": [[{"at": 0}], [{"at": second}]],
            "m": [[("k", 0)], [("k", second)]],
        }
        given: Any = values.get(name, [0, second])
        return pa.array(given, NANOSECONDS[name])

    others = {"id": ["a", "b"], "i": pa.array([1, 2], pa.int32()),
              "d": pa.array([Decimal("1.5"), None]), "k": pa.array(["x", "y"]).dictionary_encode(),
              "day": [dt.date(2026, 1, 1), None], "s": pa.array([0, 1],
              pa.timestamp("ms"))}  # fmt: skip
    return parquet(folder, pa.table({**others, **{n: column(n) for n in NANOSECONDS}}))


@pytest.mark.parametrize("column", NANOSECONDS)
def test_nanoseconds_are_read_while_they_are_whole_microseconds(
    tmp_path: Path, column: str
) -> None:
    moment = dt.timedelta(microseconds=-2)
    (_, value) = (r["v"] for r in rows(f"SELECT {column} AS v FROM t",
                                       t=in_nanoseconds(tmp_path, -2000)))  # fmt: skip
    value = value[0]["at"] if column == "n" else dict(value)["k"] if column == "m" else value
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if column in "un" else None)
    assert value == epoch + moment


@pytest.mark.parametrize("column", NANOSECONDS)
def test_other_nanoseconds_are_an_error_that_names_file_column_and_value(
    tmp_path: Path, column: str
) -> None:
    relation = in_nanoseconds(tmp_path, -1)
    with pytest.raises(DataError) as caught:
        rows(f"SELECT {column} AS v FROM t", t=relation)
    assert caught.value.code == "nanoseconds"
    for told in (relation.files[0].path, f"'{column}'", "1969-12-31 23:59:59.999999999"):
        assert told in caught.value.message
    assert 'nanoseconds="truncate"' in (caught.value.hint or "")
    cut = rows(f"SELECT {column} AS v FROM t", t=replace(relation, truncates=True))
    exact = rows(f"SELECT {column} AS v FROM t", t=in_nanoseconds(tmp_path / "whole", -1000))
    assert cut == exact


def test_columns_beside_nanoseconds_are_what_duckdb_reads(tmp_path: Path) -> None:
    relation = in_nanoseconds(tmp_path, 0)
    names = "id, i, d, k, day, s"
    alone = read(f"SELECT {names} FROM t", t=relation)
    beside = read(f"SELECT {names}, u FROM t", t=relation).drop_columns(["u"])
    assert beside.equals(alone)


@pytest.mark.parametrize(
    "query",
    ["SELECT id FROM t", "SELECT count(*) AS n FROM t", "SELECT id, i AS u FROM t",
     "SELECT u FROM (SELECT i AS u, * EXCEPT (u) FROM t)"],
)  # fmt: skip
def test_nanoseconds_that_are_not_asked_for_stop_nothing(tmp_path: Path, query: str) -> None:
    relation = in_nanoseconds(tmp_path, 1)
    first = replace(relation, columns=(*relation.columns[6:], *relation.columns[:6]))
    assert rows(query, t=first)


def test_partition_keys_find_the_files_of_nanoseconds(tmp_path: Path) -> None:
    one, two = in_nanoseconds(tmp_path / "1", 0), in_nanoseconds(tmp_path / "2", 1000)
    both = replace(one, files=(*one.files, *two.files))
    table = partitioned(both, {"day_": "string"}, [("x",), ("y",)])
    found = rows("SELECT day_, max(u) AS last FROM t GROUP BY day_ ORDER BY day_", t=table)
    assert [(r["day_"], r["last"].microsecond) for r in found] == [("x", 0), ("y", 1)]


def held(folder: Path, rows_: int, **data: pa.Array) -> FileRelation:
    """Return a table beside whose columns are times that pyarrow reads; its few bytes say much."""
    times = pa.array([0] * rows_, pa.timestamp("ns", "UTC"))
    return parquet(folder, pa.table({"u": times, **data}))


def repeated(count: int) -> Any:
    """Return a text of 1 MiB that stands in many rows, and is held once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["x" * MIB]))


def numbers(count: int) -> Any:
    return pa.array(range(count), pa.int32())


MIB = 2**20
TEXTS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda texts: texts,
    "fixed": lambda texts: pa.array(texts.to_pylist(), pa.binary(MIB)).dictionary_encode(),
    "struct": lambda texts: pa.StructArray.from_arrays([texts], ["s"]),
    "list": lambda texts: pa.ListArray.from_arrays(numbers(len(texts) + 1), texts),
    "map": lambda texts: pa.MapArray.from_arrays(
        numbers(len(texts) + 1), numbers(len(texts)), texts
    ),
}


@pytest.mark.parametrize("shape", TEXTS)
def test_a_text_that_stands_in_every_row_is_not_held_for_all_of_them(
    tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 192
    relation = held(tmp_path, count, s=TEXTS[shape](repeated(count)))
    sizes: list[int] = []

    def counted(*arguments: Any) -> Any:
        for number, arrays in _rows(*arguments):
            sizes.append(sum(a.nbytes for a in arrays))
            yield number, arrays

    _rows = parquet_rows._rows
    monkeypatch.setattr(parquet_rows, "_rows", counted)
    assert len(rows("SELECT u, s FROM t", t=relation)) == count
    assert sum(sizes) >= count * MIB
    assert max(sizes) <= limits.ROWS_BYTES + MIB


def test_a_row_that_is_larger_than_what_is_held_is_refused(tmp_path: Path) -> None:
    count = limits.ROWS_BYTES // MIB + 1
    lists: Any = pa.ListArray
    relation = held(tmp_path, 1, s=lists.from_arrays([0, count], repeated(count)))
    with pytest.raises(EngineError, match="a row has") as caught:
        rows("SELECT u, s FROM t", t=relation)
    assert caught.value.code == "row-too-large"
    assert rows("SELECT u FROM t", t=relation)


def test_more_values_than_bytes_make_likely_are_refused_before_they_are_read(
    tmp_path: Path,
) -> None:
    zeros = pa.array(bytes(limits.ROWS_BYTES // 16 + 10_000), pa.int8())
    lists: Any = pa.ListArray
    relation = held(tmp_path, 1, s=lists.from_arrays([0, len(zeros)], zeros))
    with pytest.raises(EngineError, match=r"4,204,304 values in \d+ bytes") as caught:
        rows("SELECT u, s FROM t", t=relation)
    assert caught.value.code == "row-too-large"
    assert rows("SELECT u FROM t", t=relation)


def test_pairs_that_are_marked_as_older_writers_mark_them_make_a_map() -> None:
    """As Hive writes it: the map's one repeated group has a mark of its own."""
    from headwater.engines.embedded.formats.parquet_schema import _columns

    rows_of_footer = [
        ("f", "schema", None, 1, None, None, None),
        ("f", "m", None, 1, "MAP", None, None),
        ("f", "map", None, 2, "MAP_KEY_VALUE", None, None),
        ("f", "key", "VARCHAR", None, "UTF8", None, "BYTE_ARRAY"),
        ("f", "value", "INTEGER", None, None, None, "INT32"),
    ]
    [column] = _columns(rows_of_footer)
    assert str(column) == "map<VARCHAR,INTEGER>"
    outer = [*rows_of_footer[:1], ("f", "m", None, 1, "MAP_KEY_VALUE", None, None),
             ("f", "map", None, 2, None, None, None), *rows_of_footer[3:]]  # fmt: skip
    assert str(_columns(outer)[0]) == "map<VARCHAR,INTEGER>"
