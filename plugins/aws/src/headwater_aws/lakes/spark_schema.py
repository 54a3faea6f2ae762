"""The true schema of tables that Spark wrote: Glue lower-cases names, Spark's own copy does not.

Source: Apache Spark, HiveExternalCatalog (`spark.sql.sources.schema`, `.numParts`, `.part.N`) and
`StructType.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headwater import types as t
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted.texts import json_value, whole_number

_SCHEMA: Final = "spark.sql.sources.schema"


def spark_columns(parameters: Mapping[str, str]) -> tuple[Column, ...] | None:
    """Return the columns that Spark filed with a table, or None if it filed none that can be read.

    Args:
        parameters: The table's own, keys lower-cased.
    """
    text = _text(parameters)
    if text is None:
        return None
    try:
        return schema_columns(json_value(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def schema_columns(schema: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a schema in Spark's own JSON, which Delta uses too.

    Raises:
        KeyError, TypeError: If it is not one.
    """
    return tuple(
        Column(f["name"], _of_field(f), f.get("metadata", {}).get("comment"))
        for f in schema["fields"]
    )


def _text(parameters: Mapping[str, str]) -> str | None:
    if whole := parameters.get(_SCHEMA):
        return whole
    # Metastores limit the length of a parameter, so Spark cuts the JSON.
    count = parameters.get(f"{_SCHEMA}.numparts", "")
    number = whole_number(count) or 0
    if number > len(parameters):  # some are missing, however many there should be
        return None
    parts = [parameters.get(f"{_SCHEMA}.part.{n}") for n in range(number)]
    return "".join(p or "" for p in parts) if parts and None not in parts else None


def _of_field(field: Mapping[str, Any]) -> DataType:
    # Spark files char(n) and varchar(n) as string, and their declared text beside it.
    declared = field.get("metadata", {}).get("__CHAR_VARCHAR_TYPE_STRING")
    return _of_json(declared or field["type"])


def _of_json(type_: Any) -> DataType:
    if isinstance(type_, str):
        try:
            return parse_type(type_)
        except TypeTextError as error:
            return t.unreadable(type_, str(error))
    match type_["type"]:
        case "array":
            return t.array(_of_json(type_["elementType"]))
        case "map":
            return t.map_of(_of_json(type_["keyType"]), _of_json(type_["valueType"]))
        case "struct":
            return t.struct(*((f["name"], _of_field(f)) for f in type_["fields"]))
        case "udt":
            return t.unreadable("udt", f"it is the user-defined type {type_.get('class', '?')}")
        case other:
            return t.unreadable(str(other), "no Spark type of that name is known")
