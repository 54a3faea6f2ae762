import pytest

from headwater import types as t
from headwater.errors import ConfigError
from headwater.interfaces.mapping import Mapping, map_fields
from headwater.interfaces.schema import Role, Schema
from headwater.tables.table import Column
from headwater.types import FieldType, feeds
from headwater.types.text import parse_type

SCHEMA = Schema.define(
    "binary", features={"amount": "numeric", "owner": "string"}, predictions={"buy": "boolean"}
)
COLUMNS = [
    Column("PID", t.STRING),
    Column("ts", t.TIMESTAMP),
    Column("amount", t.DOUBLE),
    Column("owner", t.STRING),
    Column("buy", t.BOOLEAN),
    Column("bought", t.BOOLEAN),
]


def test_unmapped_fields_take_the_column_of_their_name_and_case_is_ignored():
    bound, found = map_fields(Mapping("pid", "ts", labels={"buy": "bought"}), SCHEMA, COLUMNS)
    assert not found
    assert [(c.name, c.role, c.column) for c in bound] == [
        ("id", Role.ID, "PID"),
        ("timestamp", Role.TIMESTAMP, "ts"),
        ("amount", Role.FEATURE, "amount"),
        ("owner", Role.FEATURE, "owner"),
        ("buy", Role.PREDICTION, "buy"),
        ("actual_buy", Role.ACTUAL, "bought"),
    ]


def test_every_problem_is_found_at_once():
    mapping = Mapping("pid", "tss", features={"amount": "amunt", "owner": "buy"})
    _, found = map_fields(mapping, SCHEMA, COLUMNS)
    assert [(d.code, d.hint) for d in found] == [
        ("unmapped-field", "did you mean 'ts'?"),
        ("unmapped-field", "did you mean 'amount'?"),
        ("type-mismatch", "cast it in the query; nothing is converted behind your back"),
    ]


def test_two_columns_of_one_name_are_not_guessed_between():
    _, found = map_fields(Mapping("pid", "ts"), SCHEMA, [*COLUMNS, Column("AMOUNT", t.INT)])
    assert [d.code for d in found] == ["ambiguous-column"]


@pytest.mark.parametrize(
    ("column", "write"),
    [
        ("string", "CAST(ts AS TIMESTAMP)"),
        ("bigint", "TIMESTAMP_MILLIS(ts)"),
        ("timestamp_ntz", "TO_UTC_TIMESTAMP(ts, 'zone')"),
    ],
)
def test_a_time_that_is_no_timestamp_says_the_cast_to_write(column, write):
    columns = [Column("ts", parse_type(column)) if c.name == "ts" else c for c in COLUMNS]
    _, (found,) = map_fields(Mapping("pid", "ts"), SCHEMA, columns)
    assert found.code == "type-mismatch"
    assert write in found.message


def test_a_tensor_is_as_deep_as_its_dimensions():
    schema = Schema.define("binary", features={"e": {"type": "tensor", "dimensions": [2, 3]}})
    _, (found,) = map_fields(Mapping(), schema, [Column("e", t.array(t.DOUBLE))])
    assert "is nested 1 deep, tensor 'e' declares 2" in found.message


def test_a_field_that_the_model_does_not_have_is_refused():
    with pytest.raises(ConfigError) as caught:
        Mapping(features={"amuont": "a"}).check(SCHEMA)
    assert "did you mean 'amount'?" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "field", "fits"),
    [
        ("boolean", "boolean", True),
        ("int", "boolean", False),
        ("decimal(10,2)", "numeric", True),
        ("string", "numeric", False),
        ("varchar(3)", "string", True),
        ("int", "categorical", True),
        ("date", "datetime", True),
        ("array<float>", "vector", True),
        ("array<string>", "vector", False),
        ("map<string,int>", "dict", True),
        ("map<int,int>", "dict", False),
        ("array<string>", "array", True),
    ],
)
def test_what_may_feed_what(column, field, fits):
    assert (feeds(parse_type(column), FieldType(field)) is None) is fits


@pytest.mark.parametrize("type_", [t.DOUBLE, t.TIMESTAMP, t.BOOLEAN, t.decimal(10, 0)])
def test_what_is_no_name_is_no_id(type_):
    _, found = map_fields(Mapping("pid"), SCHEMA, [Column("pid", type_), *COLUMNS[2:]])
    assert [d.code for d in found] == ["type-mismatch"]
    assert "CAST(pid AS STRING)" in found[0].message


@pytest.mark.parametrize(
    ("depth", "dimensions", "fits"), [(1, [4], True), (2, [4], False), (1, [4, 4], False)]
)
def test_an_array_is_as_deep_as_its_tensor(depth, dimensions, fits):
    type_ = t.DOUBLE
    for _ in range(depth):
        type_ = t.array(type_)
    schema = Schema.define(
        "binary",
        features={"x": {"type": "tensor", "dimensions": dimensions}},
        predictions={"buy": "boolean"},
    )
    _, found = map_fields(Mapping(), schema, [Column("x", type_), Column("buy", t.BOOLEAN)])
    assert [d.code for d in found] == ([] if fits else ["type-mismatch"])


def test_times_of_labels_want_labels():
    with pytest.raises(ConfigError, match="there are no labels"):
        Mapping("pid", label_timestamp_column="ts").check(SCHEMA)
    Mapping("pid", labels={"buy": "bought"}, label_timestamp_column="ts").check(SCHEMA)


def test_only_the_labels_that_are_named_are_wanted():
    schema = Schema.define("binary", predictions={"buy": "boolean", "sell": "boolean"})
    columns = [*COLUMNS, Column("sell", t.BOOLEAN)]
    bound, found = map_fields(Mapping("pid", "ts", labels={"buy": "bought"}), schema, columns)
    assert not found
    assert [c.name for c in bound.actuals] == ["actual_buy"]


@pytest.mark.parametrize(
    ("source", "field", "holds"),
    [
        ("double", FieldType.CATEGORICAL, False),
        ("decimal(10,0)", FieldType.CATEGORICAL, False),
        ("bigint", FieldType.CATEGORICAL, True),
        ("boolean", FieldType.CATEGORICAL, True),
        ("map<string,string>", FieldType.DICT, False),
        ("map<int,double>", FieldType.DICT, False),
        ("map<string,decimal(10,2)>", FieldType.DICT, True),
        ("array<string>", FieldType.VECTOR, False),
        ("timestamp_ntz", FieldType.DATETIME, False),
    ],
)
def test_nothing_is_taken_that_loses_something(source, field, holds):
    assert (feeds(parse_type(source), field) is None) is holds


def test_a_type_within_a_type_counts():
    assert t.array(t.struct(("a", parse_type("char(3)")))).has_char
    assert not t.array(t.STRING).has_char
    assert not t.map_of(t.STRING, t.array(t.UNKNOWN)).is_known


@pytest.mark.parametrize(("precision", "scale"), [(39, 0), (0, 0), (10, 11), (10, -1)])
def test_a_decimal_has_38_digits_at_most(precision, scale):
    with pytest.raises(ValueError, match="need 1 <= precision <= 38"):
        t.decimal(precision, scale)
    assert str(t.decimal(38, 38)) == "decimal(38,38)"
