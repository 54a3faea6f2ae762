"""Avro files through fastavro, record by record.

A file tells its own types, which must be those of the table. A table may name the schema that it is
read with (`avroSchema`: Hive's `avro.schema.literal`); of Avro's schema resolution only what every
reader does alike is taken: columns left out, plain defaults, and numbers made wider.

Source: Apache Avro, "Specification"; Apache Spark, AvroDeserializer and SchemaConverters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater import types as t
from headwater.engines.embedded.formats import fetched_files
from headwater.engines.embedded.formats.scans import Group, Scan
from headwater.engines.embedded.lake_formats.relations import need
from headwater.engines.text_files import checked_options
from headwater.errors import UnsupportedError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.types.arrow import arrow_type
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_PLAIN: Final[Mapping[str, DataType]] = {
    "null": t.VOID,
    "boolean": t.BOOLEAN,
    "int": t.INT,
    "long": t.BIGINT,
    "float": t.FLOAT,
    "double": t.DOUBLE,
    "string": t.STRING,
    "bytes": t.BINARY,
}
_LOGICAL: Final[Mapping[tuple[str, str], DataType]] = {
    ("int", "date"): t.DATE,
    ("long", "timestamp-millis"): t.TIMESTAMP,
    ("long", "timestamp-micros"): t.TIMESTAMP,
    ("long", "local-timestamp-millis"): t.TIMESTAMP_NTZ,
    ("long", "local-timestamp-micros"): t.TIMESTAMP_NTZ,
}
_WIDER: Final = frozenset({(t.INT, t.BIGINT), (t.INT, t.DOUBLE), (t.FLOAT, t.DOUBLE)})
_DEFAULTS: Final[Mapping[DataType, tuple[type, ...]]] = {
    t.BOOLEAN: (bool,),
    t.INT: (int,),
    t.BIGINT: (int,),
    t.DOUBLE: (int, float),
    t.STRING: (str,),
}
_EACH: Final = "readers each make another thing of it"
_JULIAN: Final = "org.apache.spark.legacyDateTime"
"""In the metadata of files whose old dates Spark counted in another calendar."""

Value: TypeAlias = "Callable[[Any], Any]"


def scans(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scans of Avro files.

    Raises:
        UnsupportedError: For objects of more than 512 MiB, a schema that is to be fetched, and
            one that a file's own is resolved to in ways that readers differ in.
        DataChangedError: If a file has another length than the plan saw.
        EngineError: If a file is no Avro file, or a column not of the type that the table declares.
    """
    options = checked_options("embedded", group, {"avroSchema": None})
    need("fastavro", f"Avro table {relation.name}")
    text = options.get("avroschema")
    schema = None if text is None else _Schema.of(text, f"table {relation.name}")
    reader = fetched_files.Reader(partial(_types, schema), partial(_rows, schema))
    yield from fetched_files.scans(connection, relation, group, paths, reader)


@dataclass(frozen=True, slots=True)
class _Schema:
    """An Avro schema of records.

    Args:
        root: The record, as fastavro parsed it.
        named: Its named types, by their full names.
    """

    root: Mapping[str, Any]
    named: Mapping[str, Any]

    @classmethod
    def of(cls, text: str, owner: str) -> _Schema:
        """Return a schema out of its JSON.

        Args:
            text: The JSON.
            owner: Whose it is, for errors.

        Raises:
            UnsupportedError: If it is none, or not one of records.
        """
        from fastavro.schema import SchemaParseException, UnknownType, parse_schema

        named: dict[str, Any] = {}
        try:
            root = parse_schema(json_value(text), named)
        except (
            ValueError,
            KeyError,
            TypeError,
            SchemaParseException,
            UnknownType,
            AttributeError,
            RecursionError,
        ) as error:
            raise UnsupportedError(
                f"{owner}: its Avro schema can't be read: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(root, dict) or root.get("type") not in ("record", "error"):
            raise UnsupportedError(f"{owner}: its Avro schema is not one of records")
        if not all(isinstance(f["name"], str) for f in root["fields"]):
            raise UnsupportedError(f"{owner}: its Avro schema has fields whose names are no texts")
        if _size(root, named, {}) > limits.TYPE_PARTS:
            raise UnsupportedError(
                f"{owner}: its Avro schema has more than {limits.TYPE_PARTS:,} types when each use "
                "of a named one is written out",
                code="too-much-work",
            )
        return cls(root, named)

    @property
    def fields(self) -> dict[str, Any]:
        """The record's fields, by name."""
        return {field["name"]: field for field in self.root["fields"]}

    def type_of(self, schema: Any, within: frozenset[str] = frozenset()) -> DataType:
        """Return the column type that Spark gives a part of the schema; unreadable if none here."""
        if isinstance(schema, list):
            options = [s for s in schema if s != "null"]
            if len(options) > 1:
                return t.unreadable("union of several types", _EACH)
            return self.type_of(options[0], within) if options else t.VOID
        if isinstance(schema, str):
            if schema in _PLAIN:
                return _PLAIN[schema]
            if schema in within:
                return t.unreadable(schema, "the type holds itself")
            return self.type_of(self.named[schema], within | {schema})
        return self._complex(schema, within)

    def _complex(self, schema: Mapping[str, Any], within: frozenset[str]) -> DataType:
        kind, logical = schema["type"], schema.get("logicalType")
        if "name" in schema:
            within = within | {schema["name"]}
        match kind:
            case "array":
                return t.array(self.type_of(schema["items"], within))
            case "map":
                return t.unreadable("map", "readers each have an order of its entries")
            case "record" | "error":
                fields = schema["fields"]
                return t.struct(*((f["name"], self.type_of(f["type"], within)) for f in fields))
            case "enum":
                return t.STRING
            case "bytes" | "fixed" if logical == "decimal" and schema["precision"] <= 38:
                return t.decimal(schema["precision"], schema.get("scale", 0))
        if logical is not None:
            logical_type = _LOGICAL.get((kind, logical))
            return logical_type or t.unreadable(f"{kind} ({logical})", _EACH)
        return t.BINARY if kind == "fixed" else self.type_of(kind, within)

    def value_of(self, schema: Any, type_: DataType) -> Value | None:
        """Return what makes fastavro's value one that pyarrow takes for a type; None if nothing."""
        if isinstance(schema, str) and schema in self.named:
            schema = self.named[schema]
        if isinstance(schema, list):
            return self.value_of(next(s for s in schema if s != "null"), type_)
        match type_.name:
            case "array":
                inner = self.value_of(schema["items"], type_.element)
                return _optional(lambda v: [inner(e) for e in v]) if inner else None
            case "struct":
                parts = [
                    (field["name"], name, self.value_of(field["type"], child) or _same)
                    for field, (name, child) in zip(schema["fields"], type_.fields, strict=True)
                ]
                return _optional(lambda v: {name: convert(v[own]) for own, name, convert in parts})
        return None


def _size(schema: Any, named: Mapping[str, Any], sizes: dict[str, int]) -> int:
    """Return of how many types a schema is made, each use of a named one counted anew."""
    if isinstance(schema, str):
        if schema not in named:
            return 1
        if schema not in sizes:
            sizes[schema] = 1  # in itself, it is not looked through
            sizes[schema] = _size(named[schema], named, sizes)
        return sizes[schema]
    if isinstance(schema, list):
        return 1 + sum(_size(s, named, sizes) for s in schema)
    inner = [schema.get("items"), schema.get("values")] if "fields" not in schema else []
    inner += [f["type"] for f in schema.get("fields") or ()]
    kind = schema.get("type")
    inner += [kind] if isinstance(kind, (dict, list)) else []
    return 1 + sum(_size(s, named, sizes) for s in inner if s is not None)


def _types(
    declared_schema: _Schema | None, content: pa.NativeFile, file: DataFile
) -> dict[str, tuple[DataType, ...]]:
    metadata = _open(content).metadata
    own = _Schema.of(metadata["avro.schema"], file.path)
    if declared_schema is not None:
        _check_resolution(own, declared_schema, file)
    read = declared_schema or own
    types = {name: read.type_of(field["type"]) for name, field in read.fields.items()}
    dated = [name for name, type_ in types.items() if "date" in str(type_) or "time" in str(type_)]
    if _JULIAN in metadata and dated:
        raise UnsupportedError(
            f"{file.path} counts the dates of {', '.join(dated)} in the Julian calendar of Spark 2",
            hint="use the spark engine for this table",
        )
    return {name: _declared(type_) for name, type_ in types.items()}


def _declared(file_type: DataType) -> tuple[DataType, ...]:
    """Return the types that a column may be declared as: catalogs write fields in lower case."""
    return (file_type, lowered) if (lowered := _lowered(file_type)) is not None else (file_type,)


def _lowered(type_: DataType) -> DataType | None:
    match type_.name:
        case "struct":
            inner = [(name.lower(), _lowered(child) or child) for name, child in type_.fields]
            return t.struct(*inner) if len({n for n, _ in inner}) == len(inner) else None
        case "array":
            return t.array(_lowered(type_.element) or type_.element)
    return type_


def _check_resolution(own: _Schema, declared_schema: _Schema, file: DataFile) -> None:
    """Raise where readers may resolve a file's schema to the table's each in their own way."""
    held_fields = own.fields
    for name, field in declared_schema.fields.items():
        type_ = declared_schema.type_of(field["type"])
        why = None
        if field.get("aliases"):
            why = "has aliases"
        elif name in held_fields:
            file_type = own.type_of(held_fields[name]["type"])
            if file_type != type_ and (file_type, type_) not in _WIDER:
                why = f"is {type_} where the file has {file_type}"
        elif "default" not in field:
            why = "is not in the file, and has no default"
        elif not _is_plain(field["default"], type_):
            why = f"has the default {field['default']!r} for its type {type_}"
        if why is not None:
            raise UnsupportedError(
                f"{file.path}: the field {name!r} of the table's Avro schema {why}",
                hint="use the spark engine for this table",
            )


def _is_plain(default: Any, type_: DataType) -> bool:
    # True is an int to Python.
    kinds = _DEFAULTS.get(type_, ())
    return default is None or type(default) in kinds


def _rows(
    declared_schema: _Schema | None, content: pa.NativeFile, columns: Sequence[Column]
) -> Iterator[fetched_files.Batch]:
    import pyarrow as pa

    records = _open(content, declared_schema)
    read = declared_schema or _Schema.of(records.metadata["avro.schema"], "an Avro file")
    fields = read.fields
    converters = [
        (c.name, read.value_of(fields[c.name]["type"], c.type) or _same, arrow_type(c.type))
        for c in columns
    ]
    while batch := list(islice(records, fetched_files.BATCH_ROWS)):
        arrays = [pa.array([f(row[name]) for row in batch], type_) for name, f, type_ in converters]
        yield len(batch), arrays


def _open(content: pa.NativeFile, declared_schema: _Schema | None = None) -> Any:
    """Return fastavro's reader: an iterator over records, each a dict."""
    import fastavro

    file: Any = content
    return fastavro.reader(file, dict(declared_schema.root) if declared_schema else None)


def _same(value: Any) -> Any:
    return value


def _optional(convert: Value) -> Value:
    return lambda value: None if value is None else convert(value)
