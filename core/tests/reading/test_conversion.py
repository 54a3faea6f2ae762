import pyarrow as pa
import pytest

from headwater.errors import DataError, MappingError
from headwater.interfaces.mapping import Mapping, map_fields
from headwater.interfaces.schema import Role, Schema
from headwater.reading.conversion import converter, role_of
from headwater.tables.table import Column
from headwater.types import UNKNOWN
from headwater.types.arrow import data_type

TIME = pa.timestamp("us", tz="UTC")


def conform(table, fields, *, known=True):
    """Conform a table whose columns are named as the fields."""
    schema = Schema.define("binary", features=fields)
    columns = [
        Column(f.name, data_type(f.type) if known or f.name == "id" else UNKNOWN)
        for f in table.schema
    ]
    bound, found = map_fields(Mapping("id"), schema, columns)
    assert not found
    turn = converter(bound, table.schema)
    return pa.Table.from_batches([turn(b) for b in table.to_batches()], schema=turn.schema)


def with_ids(**columns):
    count = len(next(iter(columns.values())))
    return pa.table({"id": [f"p{i}" for i in range(count)], **columns})


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        (pa.array([1], pa.int8()), "numeric", pa.int64()),
        (pa.array([1.5], pa.float32()), "numeric", pa.float64()),
        (pa.array([1], pa.decimal128(9, 2)), "numeric", pa.decimal128(9, 2)),
        (pa.array(["a"], pa.large_string()), "string", pa.string()),
        (pa.array(["a"]).dictionary_encode(), "categorical", pa.string()),
        (pa.array([3], pa.int16()), "categorical", pa.int64()),
        (pa.array([True]), "boolean", pa.bool_()),
        (pa.array([0], pa.date32()), "datetime", TIME),
        (pa.array([[1.0]], pa.list_(pa.float32())), "vector", pa.list_(pa.float32())),
        (pa.array([[1]], pa.list_(pa.int32())), "vector", pa.list_(pa.int64())),
        (
            pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
            "dict",
            pa.map_(pa.string(), pa.float64()),
        ),
    ],
)
def test_types_come_from_the_schema(given, field, expected):
    out = conform(with_ids(x=given), {"x": field})
    assert out.schema.field("x").type == expected
    assert out["x"].null_count == 0


def test_roles_ride_in_the_field_metadata():
    out = conform(with_ids(x=pa.array([1])), {"x": "numeric"})
    assert [role_of(f) for f in out.schema] == [Role.ID, Role.FEATURE]


def test_a_tensor_is_a_fixed_size_list_and_nulls_stay():
    rows = [[[1.0, 2.0], [3.0, None]], None, [[5.0, 6.0], None]]
    given = pa.array(rows, pa.list_(pa.list_(pa.float64())))
    out = conform(with_ids(x=given), {"x": {"type": "tensor", "dimensions": [2, 2]}})
    assert out.schema.field("x").type == pa.list_(pa.list_(pa.float64(), 2), 2)
    assert out["x"].to_pylist() == rows


def test_dimensions_are_from_the_outside_inwards():
    rows = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]
    given = pa.array(rows, pa.list_(pa.list_(pa.float64())))
    out = conform(with_ids(x=given), {"x": {"type": "tensor", "dimensions": [2, 3]}})
    assert out.schema.field("x").type == pa.list_(pa.list_(pa.float64(), 3), 2)
    assert out["x"].to_pylist() == rows


@pytest.mark.parametrize(
    ("rows", "id_"),
    [
        ([[[1.0], [2.0]], None, [[1.0]]], "p2"),
        ([[[1.0]], [[1.0], [2.0]]], "p0"),
        ([[[1.0], [2.0], [3.0]], [[1.0], [2.0]]], "p0"),
        ([None, [[1.0], [2.0]], [[1.0], [2.0, 3.0]]], "p2"),
    ],
)
def test_a_ragged_row_is_named_by_its_id(rows, id_):
    given = pa.array(rows, pa.list_(pa.list_(pa.float64())))
    with pytest.raises(DataError) as caught:
        conform(with_ids(x=given), {"x": {"type": "tensor", "dimensions": [2, 1]}})
    assert caught.value.code == "ragged-tensor"
    assert f"id '{id_}'" in caught.value.message


def test_a_slice_is_conformed_like_the_whole():
    given = pa.array([[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float64()))
    out = conform(with_ids(x=given).slice(1, 2), {"x": {"type": "tensor", "dimensions": [2]}})
    assert out["x"].to_pylist() == [None, [3.0, 4.0]]


def test_a_type_that_was_not_known_is_checked_when_it_is():
    with pytest.raises(MappingError) as caught:
        conform(with_ids(x=pa.array(["a"])), {"x": "numeric"}, known=False)
    assert "CAST(x AS DOUBLE)" in caught.value.message
