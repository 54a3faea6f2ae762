"""Hive's type grammar: every spelling that Glue holds is read, or marked with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import types as t
from headwater.types.text import TypeTextError, parse_type
from headwater_glue.hive_types import column_type, hive_text, parse_hive_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tinyint", t.TINYINT),
        ("BIGINT", t.BIGINT),
        (" double ", t.DOUBLE),
        ("double precision", None),
        ("decimal", t.decimal(10, 0)),
        ("decimal(12)", t.decimal(12, 0)),
        ("decimal(12, 4)", t.decimal(12, 4)),
        ("char(3)", t.DataType("char", precision=3)),
        ("varchar(65535)", t.DataType("varchar", precision=65535)),
        ("varchar", t.STRING),
        ("int64", t.BIGINT),
        ("timestamp with local time zone", t.TIMESTAMP),
        ("array<string>", t.array(t.STRING)),
        ("map<string,array<int>>", t.map_of(t.STRING, t.array(t.INT))),
        ("struct<a:int,b:string>", t.struct(("a", t.INT), ("b", t.STRING))),
        ("struct<a-b:int>", t.struct(("a-b", t.INT))),
        ("struct<first name:string>", t.struct(("first name", t.STRING))),
        ("struct<$id:string,@type:string>", t.struct(("$id", t.STRING), ("@type", t.STRING))),
        ("struct<o'clock:int,b:int>", t.struct(("o'clock", t.INT), ("b", t.INT))),
        ("struct<`x y`:int>", t.struct(("x y", t.INT))),
        (
            "struct<order:int,timestamp:timestamp>",
            t.struct(("order", t.INT), ("timestamp", t.TIMESTAMP)),
        ),
        ("struct<a:int comment 'yes, > no',b:int>", t.struct(("a", t.INT), ("b", t.INT))),
        (
            "array<struct<k:struct<x-1:decimal(4,2)>,v:map<string,struct<y-1:int>>>>",
            t.array(
                t.struct(
                    ("k", t.struct(("x-1", t.decimal(4, 2)))),
                    ("v", t.map_of(t.STRING, t.struct(("y-1", t.INT)))),
                )
            ),
        ),
    ],
)
def test_reads_hive_spelling(text: str, expected: Any) -> None:
    if expected is None:
        with pytest.raises(TypeTextError):
            parse_hive_type(text)
    else:
        assert parse_hive_type(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("struct<a:int,b:stri", "ends too soon"),
        ("decimal(40,2)", "precision <= 38"),
        ("geo", "'geo' is not a type"),
        ("", "ends too soon"),
        ("int)", "unexpected ')'"),
        ("uniontype<int,string>", "neither Spark nor DuckDB reads a uniontype"),
    ],
)
def test_marks_what_it_cannot_read(text: str, says: str) -> None:
    found = column_type(text)
    assert found.name == "unreadable"
    assert says in (found.reason or "")
    assert not found.is_known


def test_an_unreadable_part_marks_the_whole_column_and_keeps_the_rest() -> None:
    found = column_type("struct<a:int,b:uniontype<int,string>>")
    assert found.field("a") == t.INT
    assert not found.is_known


def test_a_long_text_is_not_repeated_in_full() -> None:
    found = column_type("struct<" + ",".join(f"a{i}:int" for i in range(500)))
    assert len(found.reason or "") < 200


@pytest.mark.parametrize("type_", [t.TIMESTAMP_NTZ, t.INTERVAL, t.UNKNOWN])
def test_refuses_to_write_what_hive_has_not(type_: Any) -> None:
    with pytest.raises(ValueError, match="Hive has no type"):
        hive_text(t.array(type_))


def test_refuses_a_field_name_that_hive_cannot_hold() -> None:
    with pytest.raises(ValueError, match="can't hold a struct field named 'a:b'"):
        hive_text(t.struct(("a:b", t.INT)))


def test_a_name_that_reads_as_a_comment_is_not_written() -> None:
    with pytest.raises(ValueError, match="can't hold a struct field"):
        hive_text(t.struct(("comment'", t.INT)))


_NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="<>:,()`", exclude_categories=("C", "Z")),
    min_size=1,
    max_size=8,
)
_TYPES = st.recursive(
    st.sampled_from(
        [t.INT, t.STRING, t.TIMESTAMP, t.BINARY, t.decimal(9, 3), t.DataType("char", precision=4)]
    ),
    lambda inner: st.one_of(
        inner.map(t.array),
        st.tuples(st.just(t.STRING), inner).map(lambda kv: t.map_of(*kv)),
        st.lists(st.tuples(_NAMES, inner), min_size=1, max_size=3).map(lambda f: t.struct(*f)),
    ),
    max_leaves=12,
)


@given(_TYPES)
def test_hive_text_reads_back(type_: Any) -> None:
    assert parse_hive_type(hive_text(type_)) == type_


@given(_TYPES)
def test_spark_text_reads_back_in_both_grammars(type_: Any) -> None:
    assert parse_type(str(type_)) == type_
    assert parse_hive_type(str(type_)) == type_
