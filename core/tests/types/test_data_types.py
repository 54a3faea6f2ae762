"""What holds a field, and what to write where a column does not: tried as it is advised."""

import pyarrow as pa
import pytest

import headwater as hw
from headwater.types import FieldType
from headwater.types.arrow import data_type
from headwater.types.data_types import feeds

TEXT, NUMBER = pa.string(), pa.float64()


@pytest.mark.parametrize(
    ("type_", "value", "means"),
    [
        (pa.list_(TEXT), ["a", "b"], {"a": 1.0, "b": 1.0}),
        (pa.map_(TEXT, pa.bool_()), {"a": True, "b": False}, {"a": 1.0, "b": 0.0}),
        (pa.map_(TEXT, TEXT), {"a": "1.5"}, {"a": 1.5}),
        (pa.map_(pa.int32(), NUMBER), {7: 0.5}, {"7": 0.5}),
    ],
    ids=str,
)
def test_what_is_advised_makes_a_dict(type_, value, means):
    given = list(value.items()) if isinstance(value, dict) else value
    table = pa.table({"c": pa.array([given, None, []], type_)})
    why = feeds(data_type(type_), FieldType.DICT)
    assert why is not None
    written = why.split("write ")[1].format(column="c").split(", where")[0]
    source = hw.MemoryDataSource(tables={"t": table})
    with hw.Workspace(engine="embedded") as workspace:
        rows = workspace.sql(f"SELECT {written} AS d FROM t", source).to_arrow()
    assert rows.schema.field("d").type == pa.map_(TEXT, NUMBER)
    assert [None if r is None else dict(r) for r in rows["d"].to_pylist()] == [means, None, {}]


def test_a_number_is_no_dict_and_a_fitting_map_is_one():
    assert "MAP('name'" in str(feeds(data_type(NUMBER), FieldType.DICT))
    assert feeds(data_type(pa.map_(TEXT, NUMBER)), FieldType.DICT) is None
