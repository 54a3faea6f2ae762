"""Conforming: record batches as an engine gives them, to the types that a schema declares.

Nothing is coerced with loss: `mapping.bind` already proved that every column can hold its field;
what only the data can show (a ragged tensor) is an error that names the row's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from headwater.errors import DataError, MappingError
from headwater.interfaces.mapping import ROLE_KEY, BoundColumn, BoundMapping
from headwater.interfaces.schema import ID, Role
from headwater.types import FieldType, feeds
from headwater.types.arrow import data_type

if TYPE_CHECKING:
    import pyarrow as pa

Array: TypeAlias = "Any"
"""A `pyarrow.Array` of a type that only the data tells."""


@dataclass(frozen=True, slots=True)
class Converter:
    """What turns an engine's batches into a dataset's.

    Args:
        schema: Schema of what comes out, with roles in field metadata.
        columns: For each output column, the input column and how its array is turned.
    """

    schema: pa.Schema
    columns: tuple[tuple[str, Callable[[Array, Array | None], Array]], ...]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch in the declared types.

        Raises:
            DataError: If a value does not fit; names the field and the row's id.
        """
        import pyarrow as pa

        ids = batch.column(ID) if ID in batch.schema.names else None
        arrays = [turn(batch.column(name), ids) for name, turn in self.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def converter(mapping: BoundMapping, incoming: pa.Schema) -> Converter:
    """Return the converter of a mapping for an engine's batches.

    Args:
        mapping: The bound output columns.
        incoming: The engine's schema; must have a column for each of them, by name.

    Raises:
        MappingError: If a column whose type could not be told before turns out not to fit.
    """
    import pyarrow as pa

    fields, columns = [], []
    for bound in mapping:
        field = incoming.field(bound.name)
        _check_late(bound, field.type)
        target = target_type(bound, field.type)
        fields.append(pa.field(bound.name, target, metadata=bound.metadata))
        columns.append((bound.name, _turn(bound, target)))
    return Converter(pa.schema(fields), tuple(columns))


def target_type(bound: BoundColumn, incoming: pa.DataType) -> pa.DataType:
    """Return the Arrow type of an output column.

    Args:
        bound: The column.
        incoming: The Arrow type in which the engine delivers it.
    """
    import pyarrow as pa

    plain = _without_encodings(incoming)
    match bound.field_type:
        case None:
            return plain
        case FieldType.DATETIME:
            return pa.timestamp("us", tz="UTC")
        case FieldType.TENSOR:
            target = _wide_element(_innermost(plain))
            for size in reversed((bound.field and bound.field.dimensions) or ()):
                target = pa.list_(target, size)
            return target
        case FieldType.VECTOR:
            return pa.list_(_wide_element(_innermost(plain)))
        case FieldType.DICT:
            return pa.map_(pa.string(), pa.float64())
        case FieldType.NUMERIC:
            return _widest(plain)
        case FieldType.CATEGORICAL:
            return pa.int64() if pa.types.is_integer(plain) else plain
        case _:
            return plain


def _without_encodings(type_: pa.DataType) -> pa.DataType:
    """Return a type without the encodings that differ from engine to engine."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        return _without_encodings(type_.value_type)
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return pa.binary()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz=None if type_.tz is None else "UTC")
    if pa.types.is_map(type_):
        return pa.map_(_without_encodings(type_.key_type), _without_encodings(type_.item_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(f.name, _without_encodings(f.type)) for f in type_])
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.list_(_without_encodings(type_.value_type))
    return type_


def _widest(type_: pa.DataType) -> pa.DataType:
    """int64 for any integer, float64 for any float, a decimal as it is."""
    import pyarrow as pa

    if pa.types.is_integer(type_):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(type_) else type_


def _wide_element(type_: pa.DataType) -> pa.DataType:
    """Like `_widest`, but float32 stays: an embedding should not double in size."""
    import pyarrow as pa

    return type_ if pa.types.is_float32(type_) else _widest(type_)


def _innermost(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    while pa.types.is_list(type_) or pa.types.is_fixed_size_list(type_):
        type_ = type_.value_type
    return type_


def _check_late(bound: BoundColumn, incoming: pa.DataType) -> None:
    if bound.source_type.is_known or bound.field_type is None:
        return
    problem = feeds(data_type(incoming), bound.field_type)
    if problem:
        raise MappingError(
            f"{bound.role} {bound.name!r}: column {bound.column!r}: "
            + problem.replace("{column}", bound.column),
            code="type-mismatch",
            hint="its type could not be told from the catalog; cast it in the query",
        )


def _turn(bound: BoundColumn, target: pa.DataType) -> Callable[[Array, Array | None], Array]:
    if bound.field is not None and bound.field.dimensions is not None:
        shape = bound.field.dimensions
        return lambda array, ids: _tensor(array, target, shape, bound, _RowName(ids))

    def cast(array: Array, ids: Array | None) -> Array:
        import pyarrow as pa

        if array.type == target:
            return array
        try:
            return array.cast(target)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{bound.role} {bound.name!r}: a value of column {bound.column!r} "
                f"does not fit {target}: {error}"
            ) from error

    return cast


@dataclass(frozen=True, slots=True)
class _RowName:
    """Names a row for a person, from its place in an array nested `rows` deep."""

    ids: Array | None
    rows: tuple[Callable[[int], int], ...] = ()

    def inside(self, row: Callable[[int], int]) -> _RowName:
        return _RowName(self.ids, (row, *self.rows))

    def __call__(self, place: int) -> str:
        for row in self.rows:
            place = row(place)
        return f"row {place} of a batch" if self.ids is None else f"id {self.ids[place].as_py()!r}"


def _tensor(
    array: Array,
    target: Any,
    shape: tuple[int, ...],
    bound: BoundColumn,
    name: _RowName,
) -> Array:
    """Turn nested lists into fixed-size lists; the first ragged row is named by its id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not shape:
        return array.cast(target)
    size = shape[0]
    valid = array.is_valid()
    lengths: Any = pc.list_value_length(array)
    place = pc.index(pc.not_equal(lengths, pa.scalar(size)), True).as_py()
    if place >= 0:
        raise DataError(
            f"{bound.role} {bound.name!r}: {name(place)} has {lengths[place].as_py()} values "
            f"in a dimension that the schema declares as {size}",
            code="ragged-tensor",
            hint="mend the rows, filter them in the query, or declare the field as a vector",
        )
    # NULL rows have no values: build the valid ones alone, then put each in its place.
    present = pc.indices_nonzero(valid)
    inner = name.inside(lambda i: present[i // size].as_py())
    values = _tensor(array.drop_null().flatten(), target.value_type, shape[1:], bound, inner)
    rows = pa.FixedSizeListArray.from_arrays(values, type=target)
    if array.null_count == 0:
        return rows
    rank = pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1)
    return rows.take(pc.if_else(valid, rank, None))


def role_of(field: pa.Field[Any]) -> Role | None:
    """Return the role that rides in an Arrow field's metadata, or None."""
    value = (field.metadata or {}).get(ROLE_KEY.encode())
    return Role(value.decode()) if value else None
