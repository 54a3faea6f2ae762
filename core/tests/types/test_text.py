import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import types as t
from headwater.types.text import TypeTextError, parse_type

PRIMITIVES = [
    t.BOOLEAN, t.TINYINT, t.SMALLINT, t.INT, t.BIGINT, t.FLOAT, t.DOUBLE, t.STRING, t.BINARY,
    t.DATE, t.TIMESTAMP, t.TIMESTAMP_NTZ,
]  # fmt: skip
NAMES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1, max_size=6)


def types():
    decimals = st.integers(1, 38).flatmap(
        lambda p: st.integers(0, p).map(lambda s: t.decimal(p, s))
    )
    return st.recursive(
        st.sampled_from(PRIMITIVES) | decimals,
        lambda inner: (
            inner.map(t.array)
            | st.tuples(inner, inner).map(lambda kv: t.map_of(*kv))
            | st.lists(st.tuples(NAMES, inner), max_size=4).map(lambda fs: t.struct(*fs))
        ),
        max_leaves=8,
    )


@given(types())
def test_a_type_reads_back_from_its_own_text(type_):
    assert parse_type(str(type_)) == type_


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INT", t.INT),
        ("decimal", t.decimal(10, 0)),
        ("decimal( 12 , 3 )", t.decimal(12, 3)),
        ("array<struct<a:int,b-c:string>>", t.array(t.struct(("a", t.INT), ("b-c", t.STRING)))),
        ("struct<order:bigint,select:date>", t.struct(("order", t.BIGINT), ("select", t.DATE))),
        ("map<string,array<double>>", t.map_of(t.STRING, t.array(t.DOUBLE))),
        ("timestamp with local time zone", t.TIMESTAMP),
        ("timestamp without time zone", t.TIMESTAMP_NTZ),
        ("struct<>", t.struct()),
    ],
)
def test_spellings_of_hive_and_spark(text, expected):
    assert parse_type(text) == expected


def test_a_uniontype_marks_its_column_and_spares_the_others():
    found = parse_type("struct<a:int,u:uniontype<int,string>>")
    assert found.field("a") == t.INT
    assert not found.is_known
    marked = found.field("u")
    assert marked is not None
    assert "uniontype<int,string>" in str(marked.reason)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("itn", "'itn' is not a type"),
        ("array<int", "ends too soon"),
        ("decimal(40,2)", "decimal(40,2)"),
        ("varchar", "needs one length"),
        ("int int", "unexpected 'int' after the type"),
        ("", "ends too soon"),
    ],
)
def test_what_is_no_type_says_where(text, says):
    with pytest.raises(TypeTextError, match="type ") as caught:
        parse_type(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "array<" * 101 + "int" + ">" * 101,
        "array<" * 20_000,
        "struct<a:" * 5_000 + "int" + ">" * 5_000,
        f"decimal({'9' * 4301},2)",
        f"varchar({'9' * 4301})",
        "decimal(²)",
        "decimal(٣)",
        "struct<" + "a:int," * 40_000 + "b:int>",
    ],
)
def test_types_beyond_bounds_are_refused_in_few_words(text):
    with pytest.raises(TypeTextError) as caught:
        parse_type(text)
    assert len(str(caught.value)) < 400


def test_generous_types_are_read():
    assert parse_type("array<" * 99 + "int" + ">" * 99).name == "array"
    wide = parse_type("struct<" + ",".join(f"col_{i}:decimal(38,10)" for i in range(5_000)) + ">")
    assert len(wide.children) == 5_000
